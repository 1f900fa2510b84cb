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

// Options are what a Web is made of. Node, Log and Now must be set.
type Options struct {
	Node           *node.Node
	Identity       identity.Options // without Untouched, Log and Now
	Fridays        int              // how many of the last Fridays an agent may take
	AccessLog      string           // file; "" is access.log in the ledger's folder
	TrustedProxies []netip.Prefix   // whose X-Forwarded-For is believed
	Issuer         http.Handler     // of the demo, served below /issuer/; else nil
	Violation      func() error     // as in service.Options
	Log            *zap.Logger
	Now            func() time.Time
}

// The rates at which requests are let through. A page takes a request or two,
// so that no person comes near theirs; programs that fetch lists may.
var (
	addressRate = middleware.Rate{PerSecond: 600, Burst: 1200}
	personRate  = middleware.Rate{PerSecond: 200, Burst: 400}
	writerRate  = middleware.Rate{PerSecond: 10, Burst: 300} // of what stays in the journal for good
)

// Web is the portal and the API. It is the daemon's Portal.
type Web struct {
	http.Handler
	service  *service.Service
	limiter  *exportlimit.Limiter
	looks    *accesslog.Log
	identity *identity.Authenticator
	stack    *middleware.Stack
}

// New puts the parts together. The Web must be closed.
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
	if w.looks, err = accesslog.Open(o.AccessLog); err != nil {
		return nil, err
	}
	if w.limiter, err = exportlimit.New(exportlimit.Limits{Dir: o.Node.Dir}); err != nil {
		return nil, err
	}
	if w.stack, err = middleware.New(middleware.Options{
		HTTPS:      strings.HasPrefix(o.Identity.PublicURL, "https:"),
		PerAddress: addressRate, PerPerson: personRate, PerPersonWrites: writerRate,
		TrustedProxies: o.TrustedProxies,
		FormActions:    func() []string { return w.identity.Origins() },
		Log:            o.Log, Now: o.Now,
	}); err != nil {
		return nil, err
	}
	o.Identity.IsBackground, o.Identity.Log, o.Identity.Now = untouched, o.Log, o.Now
	if w.identity, err = identity.New(o.Identity); err != nil {
		return nil, err
	}
	w.service = service.New(service.Options{
		Node: o.Node, Limiter: w.limiter, AccessLog: w.looks, RecentFridays: o.Fridays,
		MayWrite: w.stack.AllowWrite, Violation: o.Violation, Log: o.Log, Now: o.Now,
	})
	w.Handler, err = w.handler(o)
	return w, err
}

// untouched are the requests that pages send by themselves: whoever has gone
// from the screen is signed out all the same.
func untouched(r *http.Request) bool {
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
	programs, err := api.New(api.Options{Service: w.service, Caller: w.caller("api"), Log: o.Log})
	if err != nil {
		return nil, err
	}
	described, err := apidocs.Render(programs.Document())
	if err != nil {
		return nil, err
	}
	mux := http.NewServeMux()
	pages.Register(mux)
	mux.HandleFunc("GET /interface", func(rw http.ResponseWriter, r *http.Request) {
		pages.Page(rw, r, "API documentation", described)
	})
	mux.Handle("/v1/", programs)
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
		p := problem.Method.WithDetail("This path answers GET only.")
		p.Allow = "GET, HEAD"
		p.Write(w)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	_, _ = w.Write(schemas.OpenAPI()) // who has gone needs no answer
}

// caller tells who asks, as the issuer names them, if they do not ask too
// often.
func (w *Web) caller(via string) func(*http.Request) (service.Caller, error) {
	return func(r *http.Request) (service.Caller, error) {
		p, err := w.identity.Person(r)
		switch {
		case errors.Is(err, identity.ErrNoCredentials):
			return service.Caller{}, problem.Unauthorized.WithCause(err)
		case errors.Is(err, identity.ErrIssuerUnreachable):
			return service.Caller{}, problem.Unavailable.WithDetail("The issuer of your credentials cannot be reached, so they cannot be checked. Try again in a minute.").WithCause(err)
		case err != nil:
			return service.Caller{}, problem.Unauthorized.WithCause(err)
		}
		if ok, retry := w.stack.AllowPerson(p.ID); !ok {
			return service.Caller{}, problem.TooMany.WithRetryAfter(retry)
		}
		return service.Caller{Person: p, Via: via, Address: middleware.Address(r.Context())}, nil
	}
}

// Wrap puts the middleware in front of a handler; ServeHTTP stands behind it.
func (w *Web) Wrap(next http.Handler) http.Handler { return w.stack.Handler(next) }

// Run watches the journal until ctx ends.
func (w *Web) Run(ctx context.Context) error {
	w.service.Run(ctx)
	return nil
}

// Drain sends away those who wait for a book, which would outlast a shutdown.
func (w *Web) Drain() { w.limiter.Drain() }

// ReopenAccessLog begins the access log's file anew after it was moved away.
func (w *Web) ReopenAccessLog() error { return w.looks.Reopen() }

// Close closes the access log; requests must have ended.
func (w *Web) Close() error {
	if w.looks == nil {
		return nil
	}
	return w.looks.Close()
}
