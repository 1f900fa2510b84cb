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

// Options configures an Authenticator.
type Options struct {
	// Issuer is the issuer's URL exactly as its tokens state it: https, or http
	// on a loopback address.
	Issuer string
	// ClientID identifies this portal to the issuer.
	ClientID string
	// ClientSecret may be blank. The portal is then a public client, and only
	// PKCE binds a code to it.
	ClientSecret string
	// Audience is the audience that bearer tokens must have; blank means
	// ClientID.
	Audience string
	// PublicURL is where browsers reach the portal, for example
	// https://books.example, without a path or a trailing slash. The redirect
	// URI is PublicURL + "/sign-in/callback". After sign-out, the issuer sends
	// people to PublicURL + "/signed-out".
	PublicURL string
	// PersonClaim, AgentClaim, RolesClaim and NameClaim name the claims that
	// identify a person; the defaults are sub, agent_id, roles and name. A
	// dotted path like realm_access.roles reaches into objects, unless a claim
	// has the whole path as its name.
	PersonClaim, AgentClaim, RolesClaim, NameClaim string
	// Idle is how long a session lasts without a request (default 15 minutes).
	// Limit is how long it lasts at most (default 8 hours).
	Idle, Limit time.Duration
	// Client sends the requests to the issuer. The default has a timeout.
	Client *http.Client
	// IsBackground reports whether a request does not extend the session, for
	// example because a page sends it by itself. Required.
	IsBackground func(*http.Request) bool
	// Now is the clock for sessions, sign-ins, tokens and pauses. Required.
	Now func() time.Time
	// Log records when the issuer cannot be reached. Required.
	Log *zap.Logger
}

// Authenticator signs people in and identifies who sent a request. It is safe
// for concurrent use.
type Authenticator struct {
	options  Options
	provider provider
	logins   *loginStates
	sessions *scs.SessionManager
	store    *sessionStore
}

// New checks the options. It sends no request: the issuer's configuration is
// fetched when it is first needed.
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
	o.Client = cmp.Or(o.Client, &http.Client{Timeout: 10 * time.Second}) // people wait for the answer
	return o
}

func (o Options) check() error {
	if _, err := safeURL(o.Issuer); err != nil {
		return fmt.Errorf("sign-in: issuer %q: %w", o.Issuer, err)
	}
	public, err := safeURL(o.PublicURL)
	if err != nil {
		return fmt.Errorf("sign-in: public URL %q: %w", o.PublicURL, err)
	}
	if public.Path != "" {
		return fmt.Errorf("sign-in: public URL %q has a path; give only the scheme and the host, without a trailing slash", o.PublicURL)
	}
	if o.ClientID == "" {
		return errors.New("sign-in: the client id is missing; use the id that the issuer assigned to the portal")
	}
	if o.Idle < 0 || o.Limit < o.Idle {
		return fmt.Errorf("sign-in: session limit %v, idle limit %v: neither may be negative, and the session limit must not be shorter", o.Limit, o.Idle)
	}
	return nil
}

// safeURL parses a URL of the options.
func safeURL(text string) (*url.URL, error) {
	u, err := url.Parse(text)
	if err != nil || u.Host == "" || u.User != nil || u.RawQuery != "" || u.Fragment != "" {
		return nil, errors.New("not a plain URL: use a form like https://books.example")
	}
	if !secure(u) {
		return nil, errors.New("the URL must be https; http is allowed only for loopback addresses")
	}
	return u, nil
}

// secure reports whether credentials may be sent to a URL.
func secure(u *url.URL) bool {
	return u.Host != "" && (u.Scheme == "https" || u.Scheme == "http" && loopback.Host(u.Hostname()))
}

// Origins returns the origins to which a browser is sent to sign in and out:
// the issuer's, and those of its endpoints once its configuration is known. A
// browser applies a page's form-action also to redirects that follow a form, so
// a page with such a form must allow them.
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
