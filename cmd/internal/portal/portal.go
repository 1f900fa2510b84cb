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

// Options are what a portal is made of.
type Options struct {
	Service  *service.Service
	Identity *identity.Authenticator
	// Caller tells who asks: problem.Unauthorized where nobody has signed in.
	// It is called once for each request.
	Caller func(*http.Request) (service.Caller, error)
	Demo   bool // each page says that its people are made up
	Log    *zap.Logger
}

// Portal answers with pages. It can be used by several goroutines at once.
type Portal struct {
	Options
	pages   map[string]*template.Template
	assets  map[string]string // the files that pages use, by the path at which they are served
	pacific *time.Location    // in which all times are shown
}

// New makes a portal. It fails where an embedded page is broken.
func New(o Options) (*Portal, error) {
	p := &Portal{Options: o, assets: map[string]string{}, pacific: events.DefaultCalendar().Zone()}
	paths := map[string]string{}
	for name := range assetKinds {
		paths[name] = assetPath(name)
		p.assets[paths[name]] = name
	}
	var err error
	if p.pages, err = p.parse(func(name string) string { return paths[name] }); err != nil {
		return nil, fmt.Errorf("reading the portal's pages: %w", err)
	}
	return p, nil
}

// handler answers a request of somebody who has signed in; its error is shown
// as a page.
type handler func(w http.ResponseWriter, r *http.Request, c service.Caller) error

// ownedHandler is a handler of a path of an agent or agency that is open to the
// caller.
type ownedHandler func(w http.ResponseWriter, r *http.Request, c service.Caller, a about) error

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
		{"/", p.open(unknown), p.open(unknown)},
		{"/{$}", p.signedIn(p.home), nil},
		{"/assets/{file}", p.open(p.asset), nil},
		{"/sign-in", p.open(p.signIn), p.open(p.beginSignIn)},
		{"/sign-in/callback", p.open(p.finishSignIn), nil},
		{"/sign-out", nil, p.open(p.signOut)},
		{"/signed-out", p.open(p.signedOut), nil},
		{"/session/ending", p.open(p.sessionEnding), nil},
		{"/session/continue", nil, p.signedIn(p.sessionContinue)},
		{"/ledger", p.signedIn(p.ledger), nil},
		{"/ledger/look-up", nil, p.form(p.lookUp)},
		{explainPath, p.audited(p.explainForm), p.audited(posted(p.findCase))},
		{explainPath + "/{case}", p.audited(p.explain), nil},
		{comparePath, p.audited(p.compareForm), p.audited(posted(p.findBooks))},
		{downloadsPath, p.audited(p.downloads), p.audited(posted(p.findFile))},
		{"/agencies/{agency}/agents", p.owned(p.agents), nil},
		{"/agencies/{agency}/transfer", p.owned(p.transferPage), p.form(p.transfer)},
		{"/agencies/{agency}/transfer/choose", nil, p.form(p.chooseTransfer)},
		{"/agencies/{agency}/transfer/confirm", p.owned(p.confirmTransfer), nil},
		{"/agencies/{agency}/transfer/outcome", p.owned(p.transferOutcome), nil},
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
			route{list, p.owned(p.list(kind)), nil},
			route{list + "/search", nil, p.form(p.ofOwner(p.search(kind)))},
			route{list + "/search/clear", nil, p.form(p.clearSearch(kind))})
	}
	file := base + "/cases/{case}"
	for _, part := range caseParts {
		routes = append(routes, route{file + part.suffix, p.owned(p.casePage(part)), nil})
	}
	return append(routes,
		route{file + "/mark-inactive", nil, p.form(p.act(service.MarkInactive))},
		route{file + "/reactivate", nil, p.form(p.act(service.Reactivate))},
		route{file + "/accept", nil, p.form(p.act(service.Accept))},
		route{file + "/decline", p.owned(p.confirmDecline), p.form(p.act(service.Decline))},
		route{base + "/books", p.owned(p.books), nil},
		route{base + "/differences", p.audited(p.compare), nil},
		route{base + "/books/{friday}/export", p.owned(p.disclaimer), p.form(p.export)},
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
	answers := map[string]http.Handler{http.MethodGet: rt.get, http.MethodHead: rt.get, http.MethodPost: rt.post}
	return p.open(func(w http.ResponseWriter, r *http.Request) error {
		h := answers[r.Method]
		if h == nil {
			e := problem.Method.WithDetail("This address answers %s only.", allow)
			e.Allow = allow
			return e
		}
		h.ServeHTTP(w, r)
		return nil
	})
}

// open lets a handler answer everybody; its error is shown as a page.
func (p *Portal) open(h func(http.ResponseWriter, *http.Request) error) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if err := h(w, r); err != nil {
			p.Problem(w, r, err)
		}
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

// form lets a handler answer a form of somebody who has signed in.
func (p *Portal) form(h handler) http.Handler { return p.signedIn(posted(h)) }

// posted reads a form before its handler answers.
func posted(h handler) handler {
	return func(w http.ResponseWriter, r *http.Request, c service.Caller) error {
		if err := form(w, r); err != nil {
			return err
		}
		return h(w, r, c)
	}
}

// owned lets a handler answer those to whom the owner in the path is open.
func (p *Portal) owned(h ownedHandler) http.Handler { return p.signedIn(p.ofOwner(h)) }

func (p *Portal) ofOwner(h ownedHandler) handler {
	return func(w http.ResponseWriter, r *http.Request, c service.Caller) error {
		a, err := p.about(c, owner(r))
		if err != nil {
			return err
		}
		return h(w, r, c, a)
	}
}

// audited lets a handler answer auditors alone, before anything of the request
// is looked at.
func (p *Portal) audited(h handler) http.Handler {
	return p.signedIn(func(w http.ResponseWriter, r *http.Request, c service.Caller) error {
		if err := c.MayAudit(); err != nil {
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
	told := problem.From(err)
	switch {
	case told.Status != http.StatusUnauthorized:
		p.Problem(w, r, err)
	case r.Method == http.MethodPost:
		p.Problem(w, r, problem.Unauthorized.WithDetail("Your session has ended, so nothing was done. Sign in, and then do it again.").WithCause(err))
	default:
		_ = redirect(w, r, signInPath(addressOf(r))) // which never fails
	}
}

// redirect sends the browser on to a page of the portal's. It does not fail, and
// returns an error for handlers to end with.
func redirect(w http.ResponseWriter, r *http.Request, to string) error {
	http.Redirect(w, r, to, http.StatusSeeOther)
	return nil
}

// render answers with a page of the portal's.
func (p *Portal) render(w http.ResponseWriter, r *http.Request, status int, page, title string, data any) error {
	return p.renderIn(w, r, status, page, frame{Title: title, Data: data})
}

// renderIn answers with a page in a frame.
func (p *Portal) renderIn(w http.ResponseWriter, r *http.Request, status int, page string, f frame) error {
	p.fill(r, &f)
	var text bytes.Buffer
	if err := p.pages[page].Execute(&text, f); err != nil {
		return fmt.Errorf("making the page %s: %w", page, err)
	}
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.WriteHeader(status)
	_, _ = w.Write(text.Bytes()) // who has gone needs no page
	return nil
}

// Page answers with a page whose main part is body, in the portal's frame.
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

func unknown(http.ResponseWriter, *http.Request) error {
	return problem.NotFound.WithDetail("There is no page at this address.")
}
