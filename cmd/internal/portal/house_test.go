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

// house is the portal over a node with the people of the fixture.
type house struct {
	*fixture.Node
	t       testing.TB
	url     string
	service *service.Service
	clock   *fixture.Clock // the service's
	log     *observer.ObservedLogs
	cut     func() // ends the following of the journal
	weekday string // of the cutoff
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

// build opens a house; its test runs beside others. What is past was recorded
// before the last three Fridays; where it is nil, the ledger has just begun and has
// no book.
func build(t *testing.T, past []events.Data) *house {
	t.Helper()
	t.Parallel()
	core, logs := observer.New(zapcore.DebugLevel)
	h := &house{Node: fixture.Open(t, node.Options{}), t: t, clock: fixture.NewClock(), log: logs}
	if past != nil {
		h.Load(time.Now().AddDate(0, 0, -26), append(fixture.People(), past...)...)
		h.CloseHistory()
	}
	log := zap.New(core)
	h.service, h.cut = h.Serve(service.Options{Log: log, Now: h.clock.Now})
	if past == nil {
		h.Publish(fixture.People()...)
	}
	h.open(log)
	return h
}

// open serves the portal behind the gate, with the demo's issuer.
func (h *house) open(log *zap.Logger) {
	h.t.Helper()
	mux := http.NewServeMux()
	server := httptest.NewServer(mux)
	h.t.Cleanup(server.Close)
	h.url = server.URL
	who, err := issuer.New(issuer.Options{Base: h.url + "/issuer", ClientID: "bookledger", Portal: h.url, People: people, Stylesheet: portal.Stylesheet(), Now: time.Now})
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
	mux.Handle("/issuer/", who)
	mux.Handle("/", guard.Handler(id.Middleware(pages)))
}

var must = fixture.Must

// visitor is somebody's browser, without script. It follows a redirect only when
// it is told to.
type visitor struct {
	h      *house
	client *http.Client
	seen   []string // every URL that was asked for
}

func (h *house) stranger() *visitor {
	h.t.Helper()
	jar, err := cookiejar.New(nil)
	must(h.t, err)
	return &visitor{h: h, client: &http.Client{Jar: jar, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}}
}

// signIn is the browser of a person who has signed in.
func (h *house) signIn(person string) *visitor {
	h.t.Helper()
	v := h.stranger()
	v.signIn(person, "/")
	return v
}

// signIn signs a person in, who comes back to a path.
func (v *visitor) signIn(person, to string) {
	v.h.t.Helper()
	asked := v.post("/sign-in", url.Values{"to": {to}}).want(http.StatusSeeOther)
	at, err := url.Parse(asked.header.Get("Location"))
	must(v.h.t, err)
	form := at.Query()
	form.Set("person", person)
	v.get(v.post("/issuer/authorize", form).header.Get("Location")).leadsTo(to)
	v.seen = nil
}

// answer is what a visitor was answered.
type answer struct {
	t      testing.TB
	path   string
	status int
	header http.Header
	body   string
}

func (v *visitor) get(path string) *answer { return v.do(http.MethodGet, path, nil, nil) }

func (v *visitor) post(path string, form url.Values) *answer {
	return v.do(http.MethodPost, path, strings.NewReader(form.Encode()), http.Header{"Content-Type": {"application/x-www-form-urlencoded"}})
}

// follow posts a form and gets the page to which that leads.
func (v *visitor) follow(path string, form url.Values) *answer {
	v.h.t.Helper()
	return v.get(v.post(path, form).want(http.StatusSeeOther).header.Get("Location"))
}

func (v *visitor) do(method, path string, body io.Reader, header http.Header) *answer {
	v.h.t.Helper()
	path = strings.TrimPrefix(path, v.h.url)
	v.seen = append(v.seen, path)
	r, err := http.NewRequest(method, v.h.url+path, body)
	must(v.h.t, err)
	if header != nil {
		r.Header = header
	}
	got, err := v.client.Do(r)
	must(v.h.t, err)
	text, err := io.ReadAll(got.Body)
	must(v.h.t, errors.Join(err, got.Body.Close()))
	return &answer{v.h.t, path, got.StatusCode, got.Header, string(text)}
}

// leadsTo holds that an answer sends on to a path.
func (a *answer) leadsTo(path string) {
	a.t.Helper()
	if got := a.want(http.StatusSeeOther).header.Get("Location"); got != path {
		a.t.Errorf("%s leads to %s, want %s", a.path, got, path)
	}
}

// isAt holds where following a form has led.
func (a *answer) isAt(path string) *answer {
	a.t.Helper()
	if a.path != path {
		a.t.Errorf("it led to %s, want %s", a.path, path)
	}
	return a
}

// want holds the status of an answer, and that its page has these texts.
func (a *answer) want(status int, texts ...string) *answer {
	a.t.Helper()
	if a.status != status {
		a.t.Fatalf("%s: %d, want %d: %s", a.path, a.status, status, a.text())
	}
	for _, text := range texts {
		if !strings.Contains(a.text(), text) {
			a.t.Errorf("%s does not say %q: %s", a.path, text, a.text())
		}
	}
	return a
}

// lacks holds that a page does not have these texts.
func (a *answer) lacks(texts ...string) *answer {
	a.t.Helper()
	for _, text := range texts {
		if strings.Contains(a.text(), text) {
			a.t.Errorf("%s says %q", a.path, text)
		}
	}
	return a
}

func (a *answer) page() *html.Node {
	a.t.Helper()
	doc, err := html.Parse(strings.NewReader(a.body))
	must(a.t, err)
	return doc
}

// text is what the page says, in one line.
func (a *answer) text() string {
	a.t.Helper()
	return said(a.page())
}

// all are the page's elements of a name.
func (a *answer) all(name string) (found []*html.Node) {
	a.t.Helper()
	for n := range a.page().Descendants() {
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

// said is what an element says.
func said(n *html.Node) string {
	var b strings.Builder
	for d := range n.Descendants() {
		if d.Type == html.TextNode && d.Parent.Data != "noscript" {
			b.WriteString(d.Data + " ")
		}
	}
	return strings.Join(strings.Fields(b.String()), " ")
}

// names are the consumers whom a page of a list shows, in order.
func (a *answer) names() (names []string) {
	a.t.Helper()
	for _, h := range a.all("h3") {
		names = append(names, said(h))
	}
	return names
}
