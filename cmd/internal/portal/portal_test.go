package portal_test

import (
	"errors"
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"
	"go.uber.org/zap/zaptest/observer"
	"golang.org/x/net/html"

	"bookledger/cmd/bookdemo/issuer"
	"bookledger/cmd/internal/fixture"
	"bookledger/cmd/internal/identity"
	"bookledger/cmd/internal/middleware"
	"bookledger/cmd/internal/node"
	"bookledger/cmd/internal/portal"
	"bookledger/cmd/internal/problem"
	"bookledger/cmd/internal/service"
	"bookledger/events"
	"bookledger/projections/access"
)

// testPortal is a portal that serves a node with the people of the fixture.
type testPortal struct {
	*fixture.Node
	t          testing.TB
	url        string
	service    *service.Service
	clock      *fixture.Clock // of the service
	log        *observer.ObservedLogs
	disconnect func() // stops following the journal
	weekday    string // of the cutoff
}

var people = []issuer.Person{
	{Person: access.Person{ID: "P-a1", AgentID: "A1", Name: "Ana One"}},
	{Person: access.Person{ID: "P-a3", AgentID: "A3", Name: "Cy Three"}},
	{Person: access.Person{ID: "P-m", Name: "Mia Manager"}},
	{Person: access.Person{ID: "P-1", Name: "Lee Level-One"}},
	{Person: access.Person{ID: "P-2", Name: "Lou Level-Two"}},
	{Person: access.Person{ID: "P-x", Name: "Xi Auditor", Auditor: true}},
	{Person: access.Person{ID: "P-o", Name: "Oz Operator", Operator: true}},
	{Person: access.Person{ID: "P-n", Name: "Nobody Known"}},
}

// newTestPortal starts a portal, and marks the test as parallel. The history is
// recorded before the last three Fridays. With a nil history, the ledger is new and
// has no book.
func newTestPortal(t *testing.T, history []events.Data) *testPortal {
	t.Helper()
	t.Parallel()
	core, logs := observer.New(zapcore.DebugLevel)
	h := &testPortal{Node: fixture.Open(t, node.Options{}), t: t, clock: fixture.NewClock(), log: logs}
	if history != nil {
		h.Load(time.Now().AddDate(0, 0, -26), append(fixture.People(), history...)...)
		h.CloseHistory()
	}
	log := zap.New(core)
	h.service, h.disconnect = h.Serve(service.Options{Log: log, Now: h.clock.Now})
	if history == nil {
		h.Publish(fixture.People()...)
	}
	h.serve(log)
	return h
}

// serve serves the portal behind the middleware, with the demo's issuer.
func (h *testPortal) serve(log *zap.Logger) {
	h.t.Helper()
	mux := http.NewServeMux()
	server := httptest.NewServer(mux)
	h.t.Cleanup(server.Close)
	h.url = server.URL
	provider, err := issuer.New(issuer.Options{Base: h.url + "/issuer", ClientID: "bookledger", Portal: h.url, People: people, Stylesheet: portal.Stylesheet(), Now: time.Now})
	must(h.t, err)
	id, err := identity.New(identity.Options{
		Issuer: h.url + "/issuer", ClientID: "bookledger", PublicURL: h.url,
		IsBackground: func(r *http.Request) bool { return r.URL.Path == "/session/ending" }, Now: time.Now, Log: log,
	})
	must(h.t, err)
	h.weekday = fixture.View(h.t, h.Node.Node).Calendar().Weekday().String()
	p, err := portal.New(portal.Options{
		Service: h.service, Identity: id, Demo: true, Log: log,
		Caller: func(r *http.Request) (service.Caller, error) {
			person, err := id.Person(r)
			if err != nil {
				return service.Caller{}, problem.Unauthorized.WithCause(err)
			}
			return service.Caller{Person: person, Via: "portal", Address: "127.0.0.1"}, nil
		},
	})
	must(h.t, err)
	pages := http.NewServeMux()
	p.Register(pages)
	many := middleware.Rate{PerSecond: 1e6, Burst: 1e6}
	guard, err := middleware.New(middleware.Options{Log: log, Now: time.Now, FormActions: id.Origins, PerAddress: many, PerPerson: many, PerPersonWrites: many})
	must(h.t, err)
	mux.Handle("/issuer/", provider)
	mux.Handle("/", guard.Handler(id.Middleware(pages)))
}

var must = fixture.Must

// browser is an HTTP client with cookies. It runs no script and does not follow
// redirects by itself.
type browser struct {
	portal *testPortal
	client *http.Client
	paths  []string // of all requests
}

func (h *testPortal) newBrowser() *browser {
	h.t.Helper()
	jar, err := cookiejar.New(nil)
	must(h.t, err)
	return &browser{portal: h, client: &http.Client{Jar: jar, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}}
}

// signIn returns a browser in which a person is signed in.
func (h *testPortal) signIn(person string) *browser {
	h.t.Helper()
	v := h.newBrowser()
	v.signIn(person, "/")
	return v
}

// signIn signs a person in and checks that the portal redirects to a path.
func (v *browser) signIn(person, to string) {
	v.portal.t.Helper()
	redirect := v.post("/sign-in", url.Values{"to": {to}}).want(http.StatusSeeOther)
	authorize, err := url.Parse(redirect.header.Get("Location"))
	must(v.portal.t, err)
	form := authorize.Query()
	form.Set("person", person)
	v.get(v.post("/issuer/authorize", form).header.Get("Location")).wantRedirect(to)
	v.paths = nil
}

// response is a response to a browser.
type response struct {
	t      testing.TB
	path   string
	status int
	header http.Header
	body   string
}

func (v *browser) get(path string) *response { return v.do(http.MethodGet, path, nil, nil) }

func (v *browser) post(path string, form url.Values) *response {
	return v.do(http.MethodPost, path, strings.NewReader(form.Encode()), http.Header{"Content-Type": {"application/x-www-form-urlencoded"}})
}

// postAndFollow submits a form and follows the redirect.
func (v *browser) postAndFollow(path string, form url.Values) *response {
	v.portal.t.Helper()
	return v.get(v.post(path, form).want(http.StatusSeeOther).header.Get("Location"))
}

func (v *browser) do(method, path string, body io.Reader, header http.Header) *response {
	v.portal.t.Helper()
	path = strings.TrimPrefix(path, v.portal.url)
	v.paths = append(v.paths, path)
	r, err := http.NewRequest(method, v.portal.url+path, body)
	must(v.portal.t, err)
	if header != nil {
		r.Header = header
	}
	got, err := v.client.Do(r)
	must(v.portal.t, err)
	text, err := io.ReadAll(got.Body)
	must(v.portal.t, errors.Join(err, got.Body.Close()))
	return &response{v.portal.t, path, got.StatusCode, got.Header, string(text)}
}

// wantRedirect checks that a response redirects to a path.
func (a *response) wantRedirect(path string) {
	a.t.Helper()
	if got := a.want(http.StatusSeeOther).header.Get("Location"); got != path {
		a.t.Errorf("%s redirects to %s, want %s", a.path, got, path)
	}
}

// wantPath checks the path of a response.
func (a *response) wantPath(path string) *response {
	a.t.Helper()
	if a.path != path {
		a.t.Errorf("got the page %s, want %s", a.path, path)
	}
	return a
}

// want checks the status of a response and that its page contains these texts.
func (a *response) want(status int, texts ...string) *response {
	a.t.Helper()
	if a.status != status {
		a.t.Fatalf("%s: got status %d, want %d: %s", a.path, a.status, status, a.text())
	}
	for _, text := range texts {
		if !strings.Contains(a.text(), text) {
			a.t.Errorf("%s lacks %q: %s", a.path, text, a.text())
		}
	}
	return a
}

// wantNot checks that a page contains none of these texts.
func (a *response) wantNot(texts ...string) *response {
	a.t.Helper()
	for _, text := range texts {
		if strings.Contains(a.text(), text) {
			a.t.Errorf("%s contains %q", a.path, text)
		}
	}
	return a
}

func (a *response) parse() *html.Node {
	a.t.Helper()
	doc, err := html.Parse(strings.NewReader(a.body))
	must(a.t, err)
	return doc
}

// text returns the text of the page in one line.
func (a *response) text() string {
	a.t.Helper()
	return textOf(a.parse())
}

// elements returns the page's elements with a tag name.
func (a *response) elements(name string) (found []*html.Node) {
	a.t.Helper()
	for n := range a.parse().Descendants() {
		if n.Type == html.ElementNode && n.Data == name {
			found = append(found, n)
		}
	}
	return found
}

func attr(n *html.Node, name string) string {
	for _, a := range n.Attr {
		if a.Key == name {
			return a.Val
		}
	}
	return ""
}

func hasAttr(n *html.Node, name string) bool {
	return slices.ContainsFunc(n.Attr, func(a html.Attribute) bool { return a.Key == name })
}

// textOf returns the text of an element.
func textOf(n *html.Node) string {
	var b strings.Builder
	for d := range n.Descendants() {
		if d.Type == html.TextNode && d.Parent.Data != "noscript" {
			b.WriteString(d.Data + " ")
		}
	}
	return strings.Join(strings.Fields(b.String()), " ")
}

// consumerNames returns the names on a list page, in order.
func (a *response) consumerNames() (names []string) {
	a.t.Helper()
	for _, h := range a.elements("h3") {
		names = append(names, textOf(h))
	}
	return names
}
