package portal

import (
	"bytes"
	"context"
	"fmt"
	"html/template"
	"net/http"
	"sync/atomic"
	"time"

	"go.uber.org/zap"

	"bookledger/cmd/internal/identity"
	"bookledger/cmd/internal/problem"
	"bookledger/cmd/internal/service"
	"bookledger/events"
)

// Options are what a portal is made of.
type Options struct {
	Service  *service.Service
	Identity *identity.Identity
	// Caller tells who asks: problem.Unauthorized where nobody has signed in.
	// It is called once for each request.
	Caller   func(*http.Request) (service.Caller, error)
	Calendar func() (*events.Calendar, error) // for times; all are shown in its zone
	Demo     bool                             // each page says that its people are made up
	Log      *zap.Logger
}

// Portal answers with pages. It can be used by several goroutines at once.
type Portal struct {
	Options
	pages map[string]*template.Template
	files map[string]file // by the name under which they are asked for

	style, script, icon string // where these are served

	pacific atomic.Pointer[time.Location] // nil until it is known
}

// New makes a portal. It fails where an embedded page is broken.
func New(o Options) (*Portal, error) {
	if o.Log == nil {
		o.Log = zap.NewNop()
	}
	p := &Portal{
		Options: o,
		style:   assetPath("portal.css"), script: assetPath("portal.js"), icon: assetPath("icon.svg"),
	}
	var err error
	if p.files, err = assets(); err != nil {
		return nil, err
	}
	if p.pages, err = p.parse(); err != nil {
		return nil, fmt.Errorf("reading the portal's pages: %w", err)
	}
	return p, nil
}

// handler answers a request of somebody who has signed in; its error is shown
// as a page.
type handler func(w http.ResponseWriter, r *http.Request, c service.Caller) error

// route is a path with what answers its methods; nil is none.
type route struct {
	path      string
	get, post http.Handler
}

// Register adds all the portal's paths to a mux, with a page for those that
// are unknown and for methods that a known one does not have.
func (p *Portal) Register(mux *http.ServeMux) {
	for _, r := range p.routes() {
		mux.Handle(r.path, p.methods(r))
	}
}

func (p *Portal) routes() []route {
	routes := []route{
		{"/", http.HandlerFunc(p.unknown), http.HandlerFunc(p.unknown)},
		{"/{$}", p.signedIn(p.home), nil},
		{"/assets/{file}", http.HandlerFunc(p.asset), nil},
		{"/sign-in", http.HandlerFunc(p.signIn), http.HandlerFunc(p.beginSignIn)},
		{"/sign-in/callback", http.HandlerFunc(p.finishSignIn), nil},
		{"/sign-out", nil, http.HandlerFunc(p.signOut)},
		{"/signed-out", http.HandlerFunc(p.signedOut), nil},
		{"/session/ending", http.HandlerFunc(p.sessionEnding), nil},
		{"/session/continue", nil, p.signedIn(p.sessionContinue)},
		{"/ledger", p.figures(p.ledger), nil},
		{"/ledger/look-up", nil, p.signedIn(p.lookUp)},
		{explainPath, p.audited(p.explainForm), p.audited(p.findCase)},
		{explainPath + "/{case}", p.audited(p.explain), nil},
		{comparePath, p.audited(p.compareForm), p.audited(p.findBooks)},
		{downloadsPath, p.audited(p.downloads), p.audited(p.findFile)},
		{"/agencies/{agency}/agents", p.signedIn(p.agents), nil},
		{"/agencies/{agency}/transfer", p.signedIn(p.transferPage), p.signedIn(p.transfer)},
		{"/agencies/{agency}/transfer/choose", nil, p.signedIn(p.chooseTransfer)},
		{"/agencies/{agency}/transfer/confirm", p.signedIn(p.confirmTransfer), nil},
		{"/agencies/{agency}/transfer/outcome", p.signedIn(p.transferOutcome), nil},
	}
	for _, base := range [...]string{"/agents/{agent}", "/agencies/{agency}"} {
		routes = append(routes, p.ownerRoutes(base)...)
	}
	return routes
}

// ownerRoutes are the paths that an agent and an agency both have.
func (p *Portal) ownerRoutes(base string) []route {
	var routes []route
	for _, kind := range kinds {
		list := base + "/" + string(kind)
		routes = append(routes,
			route{list, p.signedIn(p.list(kind)), nil},
			route{list + "/search", nil, p.signedIn(p.search(kind))},
			route{list + "/search/clear", nil, p.signedIn(p.clearSearch(kind))})
	}
	file := base + "/cases/{case}"
	for _, part := range caseParts {
		routes = append(routes, route{file + part.suffix, p.signedIn(p.casePage(part)), nil})
	}
	return append(routes,
		route{file + "/mark-inactive", nil, p.signedIn(p.act(service.MarkInactive))},
		route{file + "/reactivate", nil, p.signedIn(p.act(service.Reactivate))},
		route{file + "/accept", nil, p.signedIn(p.act(service.Accept))},
		route{file + "/decline", p.signedIn(p.confirmDecline), p.signedIn(p.act(service.Decline))},
		route{base + "/books", p.signedIn(p.books), nil},
		route{base + "/differences", p.audited(p.compare), nil},
		route{base + "/books/{friday}/export", p.signedIn(p.disclaimer), p.signedIn(p.export)},
	)
}

// methods answers the methods of a path, and all others with 405.
func (p *Portal) methods(rt route) http.Handler {
	allow := "GET, HEAD, POST"
	if rt.get == nil {
		allow = "POST"
	} else if rt.post == nil {
		allow = "GET, HEAD"
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h := rt.get
		switch r.Method {
		case http.MethodGet, http.MethodHead:
		case http.MethodPost:
			h = rt.post
		default:
			h = nil
		}
		if h == nil {
			e := problem.Method.With("This address answers %s only.", allow)
			e.Allow = allow
			p.Problem(w, r, e)
			return
		}
		h.ServeHTTP(w, r)
	})
}

// callerKey is where a request's context has who asks.
type callerKey struct{}

// signedIn lets a handler answer those who have signed in.
func (p *Portal) signedIn(h handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		c, err := p.Caller(r)
		if err != nil {
			p.refuse(w, r, err)
			return
		}
		if r.Method != http.MethodPost { // what a page shows is of one moment
			var done func()
			c, done = p.Service.At(c)
			defer done()
		}
		r = r.WithContext(context.WithValue(r.Context(), callerKey{}, c))
		if err := h(w, r, c); err != nil {
			p.Problem(w, r, err)
		}
	})
}

// audited lets a handler answer auditors alone, before anything of the request
// is looked at.
func (p *Portal) audited(h handler) http.Handler { return p.allowed(service.Caller.Audits, h) }

// figures lets a handler answer those alone who may see the ledger's figures,
// likewise.
func (p *Portal) figures(h handler) http.Handler { return p.allowed(service.Caller.SeesFigures, h) }

func (p *Portal) allowed(may func(service.Caller) error, h handler) http.Handler {
	return p.signedIn(func(w http.ResponseWriter, r *http.Request, c service.Caller) error {
		if err := may(c); err != nil {
			return err
		}
		return h(w, r, c)
	})
}

// caller is who asks, where the request has come through signedIn.
func caller(r *http.Request) (service.Caller, bool) {
	c, ok := r.Context().Value(callerKey{}).(service.Caller)
	return c, ok
}

// refuse sends who has not signed in to the sign-in page and, since what a
// form says is lost on the way, says so where it was one.
func (p *Portal) refuse(w http.ResponseWriter, r *http.Request, err error) {
	told := problem.Of(err)
	switch {
	case told.Status != http.StatusUnauthorized:
		p.Problem(w, r, err)
	case r.Method == http.MethodPost:
		p.Problem(w, r, problem.Unauthorized.With("Your session has ended, so nothing was done. Sign in, and then do it again.").Because(err))
	default:
		redirect(w, r, signInPath(addressOf(r)))
	}
}

// redirect sends the browser on to a page of the portal's.
func redirect(w http.ResponseWriter, r *http.Request, to string) {
	http.Redirect(w, r, to, http.StatusSeeOther)
}

// render answers with a page of the portal's.
func (p *Portal) render(w http.ResponseWriter, r *http.Request, status int, page, title string, data any) error {
	return p.renderIn(w, r, status, frame{Title: title, Page: page}, data)
}

// renderIn answers with the page that the frame names.
func (p *Portal) renderIn(w http.ResponseWriter, r *http.Request, status int, f frame, data any) error {
	var body bytes.Buffer
	if err := p.pages[f.Page].Execute(&body, data); err != nil {
		return fmt.Errorf("making the page %s: %w", f.Page, err)
	}
	f.Body = template.HTML(body.String()) // html/template has escaped it
	return p.write(w, r, status, f)
}

// Page answers with a page whose main part is body, in the portal's frame.
func (p *Portal) Page(w http.ResponseWriter, r *http.Request, title string, body template.HTML) {
	if _, ok := caller(r); !ok {
		if c, err := p.Caller(r); err == nil {
			r = r.WithContext(context.WithValue(r.Context(), callerKey{}, c))
		}
	}
	if err := p.write(w, r, http.StatusOK, frame{Title: title, Body: body}); err != nil {
		p.Problem(w, r, err)
	}
}

func (p *Portal) unknown(w http.ResponseWriter, r *http.Request) {
	p.Problem(w, r, problem.NotFound.With("There is no page at this address."))
}
