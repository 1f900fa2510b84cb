package portal

import (
	"bytes"
	"context"
	"fmt"
	"html/template"
	"net/http"
	"time"

	"go.uber.org/zap"

	"bookledger/cmd/internal/identity"
	"bookledger/cmd/internal/problem"
	"bookledger/cmd/internal/service"
	"bookledger/events"
)

// Options configures a Portal. All fields except Demo must be set.
type Options struct {
	Service  *service.Service
	Identity *identity.Authenticator
	// Caller identifies the caller of a request. It returns
	// problem.Unauthorized if nobody is signed in. It is called once per request.
	Caller func(*http.Request) (service.Caller, error)
	Demo   bool // show a banner on each page: the data is made up
	Log    *zap.Logger
}

// Portal serves the pages. It is safe for concurrent use.
type Portal struct {
	Options
	pages   map[string]*template.Template
	assets  map[string]string // file name by URL path
	pacific *time.Location    // the zone of all displayed times
}

// New returns a portal. It returns an error if an embedded page does not parse.
func New(o Options) (*Portal, error) {
	p := &Portal{Options: o, assets: map[string]string{}, pacific: events.DefaultCalendar().Zone()}
	paths := map[string]string{}
	for name := range assetTypes {
		paths[name] = assetPath(name)
		p.assets[paths[name]] = name
	}
	var err error
	if p.pages, err = p.parsePages(func(name string) string { return paths[name] }); err != nil {
		return nil, fmt.Errorf("parsing the portal's pages: %w", err)
	}
	return p, nil
}

// handler handles a request of a signed-in caller. An error is shown as a page.
type handler func(w http.ResponseWriter, r *http.Request, c service.Caller) error

// ownerHandler handles a request for a path of an agent or agency that the
// caller may see.
type ownerHandler func(w http.ResponseWriter, r *http.Request, c service.Caller, a about) error

// route is a path and its handlers. A nil handler means that the method is not
// allowed.
type route struct {
	path      string
	get, post http.Handler
}

// Register adds the portal's routes to a mux. Unknown paths and methods get an
// error page.
func (p *Portal) Register(mux *http.ServeMux) {
	for _, r := range p.routes() {
		mux.Handle(r.path, p.methods(r))
	}
}

func (p *Portal) routes() []route {
	routes := []route{
		{"/", p.public(pageNotFound), p.public(pageNotFound)},
		{"/{$}", p.signedIn(p.home), nil},
		{"/assets/{file}", p.public(p.asset), nil},
		{"/sign-in", p.public(p.signIn), p.public(p.beginSignIn)},
		{"/sign-in/callback", p.public(p.finishSignIn), nil},
		{"/sign-out", nil, p.public(p.signOut)},
		{"/signed-out", p.public(p.signedOut), nil},
		{"/session/ending", p.public(p.sessionEnding), nil},
		{"/session/continue", nil, p.signedIn(p.sessionContinue)},
		{"/ledger", p.signedIn(p.ledger), nil},
		{"/ledger/look-up", nil, p.signedInForm(p.lookUpOwner)},
		{explainPath, p.auditorPage(p.explainForm), p.auditorPage(withForm(p.lookUpCase))},
		{explainPath + "/{case}", p.auditorPage(p.explain), nil},
		{comparePath, p.auditorPage(p.compareForm), p.auditorPage(withForm(p.lookUpBooks))},
		{downloadsPath, p.auditorPage(p.downloads), p.auditorPage(withForm(p.lookUpFile))},
		{"/agencies/{agency}/agents", p.ownerPage(p.agents), nil},
		{"/agencies/{agency}/transfer", p.ownerPage(p.transferPage), p.signedInForm(p.transfer)},
		{"/agencies/{agency}/transfer/choose", nil, p.signedInForm(p.chooseTransfer)},
		{"/agencies/{agency}/transfer/confirm", p.ownerPage(p.confirmTransfer), nil},
		{"/agencies/{agency}/transfer/outcome", p.ownerPage(p.transferOutcome), nil},
	}
	for _, base := range [...]string{"/agents/{agent}", "/agencies/{agency}"} {
		routes = append(routes, p.ownerRoutes(base)...)
	}
	return routes
}

// ownerRoutes returns the routes that agents and agencies have in common.
func (p *Portal) ownerRoutes(base string) []route {
	var routes []route
	for _, kind := range listKinds {
		list := base + "/" + string(kind)
		routes = append(routes,
			route{list, p.ownerPage(p.list(kind)), nil},
			route{list + "/search", nil, p.signedInForm(p.withOwner(p.search(kind)))},
			route{list + "/search/clear", nil, p.signedInForm(p.clearSearch(kind))})
	}
	casePattern := base + "/cases/{case}"
	for _, part := range caseParts {
		routes = append(routes, route{casePattern + part.suffix, p.ownerPage(p.casePage(part)), nil})
	}
	return append(routes,
		route{casePattern + "/mark-inactive", nil, p.signedInForm(p.act(service.MarkInactive))},
		route{casePattern + "/reactivate", nil, p.signedInForm(p.act(service.Reactivate))},
		route{casePattern + "/accept", nil, p.signedInForm(p.act(service.Accept))},
		route{casePattern + "/decline", p.ownerPage(p.confirmDecline), p.signedInForm(p.act(service.Decline))},
		route{base + "/books", p.ownerPage(p.books), nil},
		route{base + "/differences", p.auditorPage(p.compare), nil},
		route{base + "/books/{friday}/export", p.ownerPage(p.disclaimer), p.signedInForm(p.export)},
	)
}

// methods returns a handler that dispatches by method and responds to other
// methods with 405.
func (p *Portal) methods(rt route) http.Handler {
	allow := "GET, HEAD, POST"
	if rt.get == nil {
		allow = "POST"
	} else if rt.post == nil {
		allow = "GET, HEAD"
	}
	handlers := map[string]http.Handler{http.MethodGet: rt.get, http.MethodHead: rt.get, http.MethodPost: rt.post}
	return p.public(func(w http.ResponseWriter, r *http.Request) error {
		h := handlers[r.Method]
		if h == nil {
			e := problem.Method.WithDetail("This address only accepts %s.", allow)
			e.Allow = allow
			return e
		}
		h.ServeHTTP(w, r)
		return nil
	})
}

// public wraps a handler that needs no sign-in. An error is shown as a page.
func (p *Portal) public(h func(http.ResponseWriter, *http.Request) error) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if err := h(w, r); err != nil {
			p.Problem(w, r, err)
		}
	})
}

// callerKey is the context key of the caller.
type callerKey struct{}

// signedIn wraps a handler for signed-in callers.
func (p *Portal) signedIn(h handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		c, err := p.Caller(r)
		if err != nil {
			p.handleCallerError(w, r, err)
			return
		}
		if r.Method != http.MethodPost { // read the whole page from one snapshot
			var release func()
			c, release = p.Service.At(c)
			defer release()
		}
		r = r.WithContext(context.WithValue(r.Context(), callerKey{}, c))
		if err := h(w, r, c); err != nil {
			p.Problem(w, r, err)
		}
	})
}

// signedInForm wraps a handler for forms that signed-in callers submit.
func (p *Portal) signedInForm(h handler) http.Handler { return p.signedIn(withForm(h)) }

// withForm parses the form before it calls the handler.
func withForm(h handler) handler {
	return func(w http.ResponseWriter, r *http.Request, c service.Caller) error {
		if err := parseForm(w, r); err != nil {
			return err
		}
		return h(w, r, c)
	}
}

// ownerPage wraps a handler for callers who may see the owner in the path.
func (p *Portal) ownerPage(h ownerHandler) http.Handler { return p.signedIn(p.withOwner(h)) }

func (p *Portal) withOwner(h ownerHandler) handler {
	return func(w http.ResponseWriter, r *http.Request, c service.Caller) error {
		a, err := p.about(c, owner(r))
		if err != nil {
			return err
		}
		return h(w, r, c, a)
	}
}

// auditorPage wraps a handler for auditors only. It checks the role before it
// looks at the rest of the request.
func (p *Portal) auditorPage(h handler) http.Handler {
	return p.signedIn(func(w http.ResponseWriter, r *http.Request, c service.Caller) error {
		if err := c.MayAudit(); err != nil {
			return err
		}
		return h(w, r, c)
	})
}

// caller returns the caller that signedIn stored in the request.
func caller(r *http.Request) (service.Caller, bool) {
	c, ok := r.Context().Value(callerKey{}).(service.Caller)
	return c, ok
}

// handleCallerError redirects callers who are not signed in to the sign-in page.
// A submitted form would be lost on the way, so it gets an error page instead.
func (p *Portal) handleCallerError(w http.ResponseWriter, r *http.Request, err error) {
	switch {
	case problem.From(err).Status != http.StatusUnauthorized:
		p.Problem(w, r, err)
	case r.Method == http.MethodPost:
		p.Problem(w, r, problem.Unauthorized.WithDetail("Your session ended before the form was sent, and nothing was changed. Sign in and try again.").WithCause(err))
	default:
		_ = redirect(w, r, signInPath(returnPath(r))) // always nil
	}
}

// redirect redirects the browser to a path of the portal. It always returns nil,
// so that handlers can return its result.
func redirect(w http.ResponseWriter, r *http.Request, to string) error {
	http.Redirect(w, r, to, http.StatusSeeOther)
	return nil
}

// render writes a page in the default frame.
func (p *Portal) render(w http.ResponseWriter, r *http.Request, status int, page, title string, data any) error {
	return p.renderIn(w, r, status, page, frame{Title: title, Data: data})
}

// renderIn writes a page in a frame.
func (p *Portal) renderIn(w http.ResponseWriter, r *http.Request, status int, page string, f frame) error {
	p.fillFrame(r, &f)
	var text bytes.Buffer
	if err := p.pages[page].Execute(&text, f); err != nil {
		return fmt.Errorf("rendering the page %s: %w", page, err)
	}
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.WriteHeader(status)
	_, _ = w.Write(text.Bytes()) // the client may have disconnected
	return nil
}

// Page writes a page with body as its main part, in the portal's frame. The
// caller need not be signed in.
func (p *Portal) Page(w http.ResponseWriter, r *http.Request, title string, body template.HTML) {
	if _, ok := caller(r); !ok {
		if c, err := p.Caller(r); err == nil {
			r = r.WithContext(context.WithValue(r.Context(), callerKey{}, c))
		}
	}
	if err := p.render(w, r, http.StatusOK, "document", title, body); err != nil {
		p.Problem(w, r, err)
	}
}

func pageNotFound(http.ResponseWriter, *http.Request) error {
	return problem.NotFound.WithDetail("There is no page at this address.")
}
