package web

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/netip"
	"path/filepath"
	"strings"
	"time"

	"go.uber.org/zap"

	"bookledger/cmd/internal/accesslog"
	"bookledger/cmd/internal/api"
	"bookledger/cmd/internal/apidocs"
	"bookledger/cmd/internal/exportlimit"
	"bookledger/cmd/internal/identity"
	"bookledger/cmd/internal/middleware"
	"bookledger/cmd/internal/node"
	"bookledger/cmd/internal/portal"
	"bookledger/cmd/internal/problem"
	"bookledger/cmd/internal/service"
	"bookledger/schemas"
)

// Options configures a Web. Node, Identity, Log, and Now must be set.
type Options struct {
	Node           *node.Node
	Identity       identity.Options // New sets IsBackground, Log, and Now
	Fridays        int              // number of latest Fridays whose books an agent may download
	AccessLog      string           // file name; "" for access.log in the node's folder
	TrustedProxies []netip.Prefix   // proxies whose X-Forwarded-For is trusted
	Issuer         http.Handler     // of the demo, served below /issuer/; otherwise nil
	Violation      func() error     // as in service.Options
	Log            *zap.Logger
	Now            func() time.Time
}

// Rate limits. A page needs one or two requests, so people do not reach the limit.
// Programs that fetch lists may.
var (
	addressRate = middleware.Rate{PerSecond: 600, Burst: 1200}
	personRate  = middleware.Rate{PerSecond: 200, Burst: 400}
	writerRate  = middleware.Rate{PerSecond: 10, Burst: 300} // requests that append to the journal
)

// Web serves the portal and the API. It implements daemon.Portal.
type Web struct {
	http.Handler
	service    *service.Service
	limiter    *exportlimit.Limiter
	accessLog  *accesslog.Log
	identity   *identity.Authenticator
	middleware *middleware.Stack
}

// New returns a Web. The caller must close it.
func New(o Options) (_ *Web, err error) {
	w := &Web{}
	defer func() {
		if err != nil {
			err = errors.Join(fmt.Errorf("setting up the portal: %w", err), w.Close())
		}
	}()
	if o.AccessLog == "" {
		o.AccessLog = filepath.Join(o.Node.Dir, "access.log")
	}
	if w.accessLog, err = accesslog.Open(o.AccessLog); err != nil {
		return nil, err
	}
	if w.limiter, err = exportlimit.New(exportlimit.Limits{Dir: o.Node.Dir}); err != nil {
		return nil, err
	}
	if w.middleware, err = middleware.New(middleware.Options{
		HTTPS:      strings.HasPrefix(o.Identity.PublicURL, "https:"),
		PerAddress: addressRate, PerPerson: personRate, PerPersonWrites: writerRate,
		TrustedProxies: o.TrustedProxies,
		FormActions:    func() []string { return w.identity.Origins() },
		Log:            o.Log, Now: o.Now,
	}); err != nil {
		return nil, err
	}
	o.Identity.IsBackground, o.Identity.Log, o.Identity.Now = isBackgroundRequest, o.Log, o.Now
	if w.identity, err = identity.New(o.Identity); err != nil {
		return nil, err
	}
	w.service = service.New(service.Options{
		Node: o.Node, Limiter: w.limiter, AccessLog: w.accessLog, RecentFridays: o.Fridays,
		MayWrite: w.middleware.AllowWrite, Violation: o.Violation, Log: o.Log, Now: o.Now,
	})
	w.Handler, err = w.handler(o)
	return w, err
}

// isBackgroundRequest reports whether a page sends the request by itself. Such
// requests do not extend the session.
func isBackgroundRequest(r *http.Request) bool {
	return r.Method == http.MethodGet && (r.URL.Path == "/session/ending" ||
		strings.HasPrefix(r.URL.Path, "/assets/"))
}

func (w *Web) handler(o Options) (http.Handler, error) {
	pages, err := portal.New(portal.Options{
		Service: w.service, Identity: w.identity, Demo: o.Issuer != nil, Log: o.Log,
		Caller: w.caller("portal"),
	})
	if err != nil {
		return nil, err
	}
	restAPI, err := api.New(api.Options{Service: w.service, Caller: w.caller("api"), Log: o.Log})
	if err != nil {
		return nil, err
	}
	docs, err := apidocs.Render(restAPI.Document())
	if err != nil {
		return nil, err
	}
	mux := http.NewServeMux()
	pages.Register(mux)
	mux.HandleFunc("GET /api-docs", func(rw http.ResponseWriter, r *http.Request) {
		pages.Page(rw, r, "API documentation", docs)
	})
	mux.Handle("GET /interface", http.RedirectHandler("/api-docs", http.StatusMovedPermanently)) // the former path
	mux.Handle("/v1/", restAPI)
	mux.HandleFunc("/openapi.json", openAPI)
	signedIn := w.identity.Middleware(middleware.RecordRoute(mux))
	if o.Issuer == nil {
		return signedIn, nil
	}
	outer := http.NewServeMux()
	outer.Handle("/issuer/", o.Issuer)
	outer.Handle("/", signedIn)
	return outer, nil
}

func openAPI(w http.ResponseWriter, r *http.Request) {
	if r.Method != http.MethodGet && r.Method != http.MethodHead {
		p := problem.Method.WithDetail("This path only accepts GET.")
		p.Allow = "GET, HEAD"
		p.Write(w)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	_, _ = w.Write(schemas.OpenAPI()) // the client may have disconnected
}

// caller returns a function that identifies the caller of a request and applies
// the rate limit per person. via is "portal" or "api".
func (w *Web) caller(via string) func(*http.Request) (service.Caller, error) {
	return func(r *http.Request) (service.Caller, error) {
		p, err := w.identity.Person(r)
		switch {
		case errors.Is(err, identity.ErrNoCredentials):
			return service.Caller{}, problem.Unauthorized.WithCause(err)
		case errors.Is(err, identity.ErrIssuerUnreachable):
			return service.Caller{}, problem.Unavailable.WithDetail("The sign-in service can't be reached, so your credentials can't be checked. Try again in a minute.").WithCause(err)
		case err != nil:
			return service.Caller{}, problem.Unauthorized.WithCause(err)
		}
		if ok, retry := w.middleware.AllowPerson(p.ID); !ok {
			return service.Caller{}, problem.TooMany.WithRetryAfter(retry)
		}
		return service.Caller{Person: p, Via: via, Address: middleware.Address(r.Context())}, nil
	}
}

// Wrap returns a handler that passes requests through the middleware to next.
// ServeHTTP alone does not apply the middleware.
func (w *Web) Wrap(next http.Handler) http.Handler { return w.middleware.Handler(next) }

// Run checks that the journal responds, until ctx ends.
func (w *Web) Run(ctx context.Context) error {
	w.service.Run(ctx)
	return nil
}

// Drain rejects queued exports, so that they do not delay a shutdown.
func (w *Web) Drain() { w.limiter.Drain() }

// ReopenAccessLog opens a new access log file after the old one was moved.
func (w *Web) ReopenAccessLog() error { return w.accessLog.Reopen() }

// Close closes the access log. All requests must have ended.
func (w *Web) Close() error {
	if w.accessLog == nil {
		return nil
	}
	return w.accessLog.Close()
}
