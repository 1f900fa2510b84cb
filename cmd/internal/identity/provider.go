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

// provider fetches the configuration of the OpenID provider when it is first
// needed, and keeps it.
type provider struct {
	options    Options
	discovered atomic.Pointer[relyingParty]
	inFlight   singleflight.Group

	mu     sync.Mutex
	failed time.Time // time of the last failed request
}

// relyingParty is this portal as a client of a provider whose configuration is
// known.
type relyingParty struct {
	provider    *oidc.Provider
	code        oauth2.Config
	keys        *keySet
	endSession  string // "" if the issuer has no such endpoint
	sendsIssuer bool   // every authorization response contains iss
}

// Pauses after a request to the issuer that failed, or that did not return the
// required key, so that hostile clients cannot cause a flood of requests to the
// issuer.
const (
	retryPause      = time.Second
	keyRefreshPause = 10 * time.Second
)

// issuerTimeout limits a request to the issuer, whatever the client's timeout.
const issuerTimeout = 15 * time.Second

// cached returns the configuration, or nil if it is not known yet.
func (p *provider) cached() *relyingParty { return p.discovered.Load() }

// configuration returns the issuer's configuration and fetches it if it is not
// known yet. Concurrent callers share one request. If it fails, the error is
// ErrIssuerUnreachable.
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

// discover fetches the configuration. It does not use the context of one
// request, because other requests wait for the result.
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
	p.options.Log.Warn("fetching the issuer's configuration failed", zap.String("issuer", p.options.Issuer), zap.String("reason", safeMessage(err)))
	p.mu.Lock()
	defer p.mu.Unlock()
	p.failed = p.options.Now()
	return err
}

// safeMessage describes why a request failed, without any text of the response.
func safeMessage(err error) string {
	var transport *url.Error
	var mismatch *oidc.IssuerMismatchError
	switch {
	case errors.As(err, &transport):
		return transport.Err.Error()
	case errors.As(err, &mismatch):
		return "the configuration names another issuer: " + mismatch.Discovered
	case errors.Is(err, errConfiguration):
		return err.Error()
	}
	return "the response is not valid"
}

var errConfiguration = errors.New("an endpoint is missing, or is neither https nor on a loopback address")

func (o Options) relyingParty(provider *oidc.Provider) (*relyingParty, error) {
	var metadata struct {
		Keys        string   `json:"jwks_uri"`
		EndSession  string   `json:"end_session_endpoint"`
		NamesSelf   bool     `json:"authorization_response_iss_parameter_supported"`
		AuthMethods []string `json:"token_endpoint_auth_methods_supported"`
	}
	if err := provider.Claims(&metadata); err != nil {
		return nil, err
	}
	endpoint := provider.Endpoint()
	needed := []string{metadata.Keys, endpoint.TokenURL, endpoint.AuthURL}
	if metadata.EndSession != "" {
		needed = append(needed, metadata.EndSession)
	}
	for _, address := range needed {
		if u, err := url.Parse(address); err != nil || !secure(u) {
			return nil, errConfiguration
		}
	}
	// Choose one way: trying both could use up the code on the wrong one.
	endpoint.AuthStyle = oauth2.AuthStyleInHeader
	onlyPost := len(metadata.AuthMethods) > 0 && !slices.Contains(metadata.AuthMethods, "client_secret_basic")
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
		keys:       &keySet{address: metadata.Keys, client: o.Client, now: o.Now, log: o.Log},
		endSession: metadata.EndSession, sendsIssuer: metadata.NamesSelf,
	}, nil
}
