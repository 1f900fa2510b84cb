package identity

import (
	"context"
	"errors"
	"net/url"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/coreos/go-oidc/v3/oidc"
	"go.uber.org/zap"
	"golang.org/x/oauth2"
	"golang.org/x/sync/singleflight"
)

// provider is the OpenID provider as it describes itself: it is asked for its
// configuration when that is first needed, and the answer is kept.
type provider struct {
	options    Options
	discovered atomic.Pointer[relyingParty]
	inFlight   singleflight.Group

	mu     sync.Mutex
	failed time.Time // when it was last asked for in vain
}

// relyingParty is this portal at a provider that has answered.
type relyingParty struct {
	provider    *oidc.Provider
	code        oauth2.Config
	keys        *keySet
	endSession  string // "" where the issuer has none
	sendsIssuer bool   // every answer to a sign-in carries iss
}

// Pauses after a request to the issuer that failed, or that did not bring the
// key that was sought: what hostile clients send must not become requests to
// the issuer.
const (
	retryPause      = time.Second
	keyRefreshPause = 10 * time.Second
)

// issuerTimeout is how long the issuer may take, whatever the client allows.
const issuerTimeout = 15 * time.Second

// cached returns the configuration where it has been found, else nil.
func (p *provider) cached() *relyingParty { return p.discovered.Load() }

// configuration returns the issuer's configuration, and asks for it where it is not
// known yet. All who wait share one request; its failure is an ErrIssuer.
func (p *provider) configuration(ctx context.Context) (*relyingParty, error) {
	if found := p.cached(); found != nil {
		return found, nil
	}
	p.mu.Lock()
	pausing := p.options.Now().Sub(p.failed) < retryPause
	p.mu.Unlock()
	if pausing {
		return nil, unreachable()
	}
	answer := p.inFlight.DoChan("", func() (any, error) { return nil, p.discover() })
	select {
	case <-ctx.Done():
		return nil, unreachable()
	case result := <-answer:
		if result.Err != nil {
			return nil, unreachable()
		}
		return p.cached(), nil
	}
}

// discover is not bound to the request that came first, since others wait for it.
func (p *provider) discover() error {
	if p.cached() != nil {
		return nil
	}
	ctx, cancel := context.WithTimeout(oidc.ClientContext(context.Background(), p.options.Client), issuerTimeout)
	defer cancel()
	provider, err := oidc.NewProvider(ctx, p.options.Issuer)
	if err == nil {
		var found *relyingParty
		if found, err = p.options.relyingParty(provider); err == nil {
			p.discovered.Store(found)
			return nil
		}
	}
	p.options.Log.Warn("the issuer's configuration cannot be had", zap.String("issuer", p.options.Issuer), zap.String("why", safeMessage(err)))
	p.mu.Lock()
	defer p.mu.Unlock()
	p.failed = p.options.Now()
	return err
}

// safeMessage says what went wrong with a request, without what was answered.
func safeMessage(err error) string {
	var transport *url.Error
	var mismatch *oidc.IssuerMismatchError
	switch {
	case errors.As(err, &transport):
		return transport.Err.Error()
	case errors.As(err, &mismatch):
		return "it calls itself " + mismatch.Discovered
	case errors.Is(err, errConfiguration):
		return err.Error()
	}
	return "it gave no usable answer"
}

var errConfiguration = errors.New("it lacks an endpoint, or has one that is neither https nor on a loopback address")

func (o Options) relyingParty(provider *oidc.Provider) (*relyingParty, error) {
	var also struct {
		Keys        string   `json:"jwks_uri"`
		EndSession  string   `json:"end_session_endpoint"`
		NamesSelf   bool     `json:"authorization_response_iss_parameter_supported"`
		AuthMethods []string `json:"token_endpoint_auth_methods_supported"`
	}
	if err := provider.Claims(&also); err != nil {
		return nil, err
	}
	endpoint := provider.Endpoint()
	needed := []string{also.Keys, endpoint.TokenURL, endpoint.AuthURL}
	if also.EndSession != "" {
		needed = append(needed, also.EndSession)
	}
	for _, address := range needed {
		if u, err := url.Parse(address); err != nil || !secure(u) {
			return nil, errConfiguration
		}
	}
	// Trying both ways could spend the code on the wrong one.
	endpoint.AuthStyle = oauth2.AuthStyleInHeader
	onlyPost := len(also.AuthMethods) > 0 && !slices.Contains(also.AuthMethods, "client_secret_basic")
	if o.ClientSecret == "" || onlyPost {
		endpoint.AuthStyle = oauth2.AuthStyleInParams
	}
	return &relyingParty{
		provider: provider,
		code: oauth2.Config{
			ClientID: o.ClientID, ClientSecret: o.ClientSecret, Endpoint: endpoint,
			RedirectURL: o.PublicURL + "/sign-in/callback",
			Scopes:      []string{oidc.ScopeOpenID, "profile"},
		},
		keys:       &keySet{address: also.Keys, client: o.Client, now: o.Now, log: o.Log},
		endSession: also.EndSession, sendsIssuer: also.NamesSelf,
	}, nil
}
