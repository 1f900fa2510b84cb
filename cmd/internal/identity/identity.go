package identity

import (
	"cmp"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"time"

	"github.com/alexedwards/scs/v2"
	"go.uber.org/zap"

	"bookledger/cmd/internal/loopback"
)

// Options is what sign-in is made from.
type Options struct {
	// Issuer is the issuer's URL exactly as its tokens name it: https, or http
	// on a loopback address.
	Issuer string
	// ClientID is this portal at the issuer.
	ClientID string
	// ClientSecret may be blank: the portal is then a public client, and PKCE
	// alone binds a code to it.
	ClientSecret string
	// Audience is what bearer tokens are for; "" is ClientID.
	Audience string
	// PublicURL is where browsers reach the portal, like https://books.example:
	// no path, no slash at its end. The redirect URI is
	// PublicURL + "/sign-in/callback"; after sign-out people come back to
	// PublicURL + "/signed-out".
	PublicURL string
	// PersonClaim, AgentClaim, RolesClaim and NameClaim are where a token says
	// who somebody is; blank ones are sub, agent_id, roles and name. A dotted
	// path like realm_access.roles reaches into objects, where no claim has
	// the whole of it as its name.
	PersonClaim, AgentClaim, RolesClaim, NameClaim string
	// Idle is how long a session lasts without a request, Limit how long it
	// lasts at all; 0 is 15 minutes and 8 hours.
	Idle, Limit time.Duration
	// Client reaches the issuer; nil is one with time-outs.
	Client *http.Client
	// IsBackground tells requests that do not prolong the session, like those
	// that a page sends by itself. It must be set, as Now and Log must.
	IsBackground func(*http.Request) bool
	// Now is the time by which sessions, sign-ins, tokens and pauses end.
	Now func() time.Time
	// Log is told where the issuer cannot be reached.
	Log *zap.Logger
}

// Authenticator signs people in and tells who they are. It is safe for concurrent
// use.
type Authenticator struct {
	options  Options
	provider provider
	logins   *loginStates
	sessions *scs.SessionManager
	store    *sessionStore
}

// New checks the options and reaches nobody: the issuer is asked for its
// configuration when it is first needed.
func New(o Options) (*Authenticator, error) {
	o = o.withDefaults()
	if err := o.check(); err != nil {
		return nil, err
	}
	logins, err := newLoginStates(o.Now)
	if err != nil {
		return nil, err
	}
	store := &sessionStore{idle: o.Idle, now: o.Now, sessions: map[string]*session{}}
	return &Authenticator{
		options: o, provider: provider{options: o}, logins: logins,
		sessions: newSessions(o, store), store: store,
	}, nil
}

func (o Options) withDefaults() Options {
	o.Audience = cmp.Or(o.Audience, o.ClientID)
	o.PersonClaim = cmp.Or(o.PersonClaim, "sub")
	o.AgentClaim = cmp.Or(o.AgentClaim, "agent_id")
	o.RolesClaim = cmp.Or(o.RolesClaim, "roles")
	o.NameClaim = cmp.Or(o.NameClaim, "name")
	o.Idle = cmp.Or(o.Idle, 15*time.Minute)
	o.Limit = cmp.Or(o.Limit, 8*time.Hour)
	o.Client = cmp.Or(o.Client, &http.Client{Timeout: 10 * time.Second}) // people wait too
	return o
}

func (o Options) check() error {
	if _, err := safeURL(o.Issuer); err != nil {
		return fmt.Errorf("sign-in: the issuer %q: %w", o.Issuer, err)
	}
	public, err := safeURL(o.PublicURL)
	if err != nil {
		return fmt.Errorf("sign-in: the public URL %q: %w", o.PublicURL, err)
	}
	if public.Path != "" {
		return fmt.Errorf("sign-in: the public URL %q has a path; give the scheme and the host alone, without a slash at the end", o.PublicURL)
	}
	if o.ClientID == "" {
		return errors.New("sign-in: the client id is missing; use the one under which the issuer knows the portal")
	}
	if o.Idle < 0 || o.Limit < o.Idle {
		return fmt.Errorf("sign-in: sessions that end after %v, and after %v without a request; the first must not be shorter", o.Limit, o.Idle)
	}
	return nil
}

// safeURL reads a URL of the options.
func safeURL(text string) (*url.URL, error) {
	u, err := url.Parse(text)
	if err != nil || u.Host == "" || u.User != nil || u.RawQuery != "" || u.Fragment != "" {
		return nil, errors.New("it is no plain URL, like https://books.example")
	}
	if !secure(u) {
		return nil, errors.New("it must be https; http is for loopback addresses alone")
	}
	return u, nil
}

// secure tells whether credentials may travel to a URL.
func secure(u *url.URL) bool {
	return u.Host != "" && (u.Scheme == "https" || u.Scheme == "http" && loopback.Host(u.Hostname()))
}

// Origins are the origins that a browser is sent to for signing in and out:
// the issuer's, and once its configuration is known those of its endpoints.
// Browsers hold redirects that answer a form to a page's form-action, so a
// page with such a form has to allow them.
func (id *Authenticator) Origins() []string {
	found := []string{origin(id.options.Issuer)}
	if p := id.provider.cached(); p != nil {
		for _, endpoint := range [...]string{p.provider.Endpoint().AuthURL, p.endSession} {
			if o := origin(endpoint); o != "" && !slices.Contains(found, o) {
				found = append(found, o)
			}
		}
	}
	return found
}

func origin(address string) string {
	u, err := url.Parse(address)
	if err != nil || u.Host == "" {
		return ""
	}
	return u.Scheme + "://" + u.Host
}
