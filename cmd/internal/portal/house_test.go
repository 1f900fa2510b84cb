package portal_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"
	"go.uber.org/zap/zaptest/observer"
	"golang.org/x/net/html"

	"bookledger/cmd/bookdemo/issuer"
	"bookledger/cmd/internal/accesslog"
	"bookledger/cmd/internal/exportlimit"
	"bookledger/cmd/internal/fixture"
	"bookledger/cmd/internal/identity"
	"bookledger/cmd/internal/middleware"
	"bookledger/cmd/internal/node"
	"bookledger/cmd/internal/portal"
	"bookledger/cmd/internal/problem"
	"bookledger/cmd/internal/service"
	"bookledger/events"
	"bookledger/events/journal"
	"bookledger/exporter"
	"bookledger/projections/access"
	"bookledger/schemas"
)

// house is the portal over a ledger of its own: agency G1 with the agents A1,
// A2 and A4, who is not certified any more, and with all kinds of staff, and
// agency G2 with A3.
type house struct {
	t       testing.TB
	url     string
	ledger  *node.Node
	service *service.Service
	log     *observer.ObservedLogs
	cut     func() // ends the following of the journal
	ids     int
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

// staffAndAgents are who works in the house.
func staffAndAgents() []events.Data {
	staff := func(person, role string) *events.StaffAssigned {
		return &events.StaffAssigned{Staff: events.Staff{PersonID: person, AgencyID: "G1", Role: role}}
	}
	return []events.Data{
		&events.AgencyRegistered{AgencyID: "G1", Name: "Delta Insurance"}, &events.AgencyRegistered{AgencyID: "G2", Name: "Sierra Insurance"},
		&events.AgentCertified{AgentID: "A1", AgencyID: "G1", FirstName: "Ana", LastName: "One", LicenseNumber: "0A1"},
		&events.AgentCertified{AgentID: "A2", AgencyID: "G1", FirstName: "Bo", LastName: "Two"},
		&events.AgentCertified{AgentID: "A3", AgencyID: "G2", FirstName: "Cy", LastName: "Three"},
		&events.AgentCertified{AgentID: "A4", AgencyID: "G1", FirstName: "Di", LastName: "Four"},
		&events.AgentDecertified{AgentID: "A4"},
		staff("P-m", "manager"), staff("P-1", "admin_l1"), staff("P-2", "admin_l2"),
	}
}

// consumer are the events that make a case delegated to an agent.
func consumer(agent, id, first, last string) []events.Data {
	year := time.Now().Year()
	return []events.Data{
		&events.DelegationCreated{Delegation: events.Delegation{CaseID: id, AgentID: agent}},
		&events.HouseholdRecorded{
			CaseID:         id,
			PrimaryContact: events.Contact{FirstName: first, LastName: last, Phone: "5555555555", Email: "ca@example.com", DateOfBirth: 19800102, SSNLast4: "7880", SpokenLanguage: "Spanish"},
			Address:        events.Address{Line1: "12345 Main St", City: "Sacramento", State: "CA", ZIP: "95838", County: "Sacramento"},
		},
		&events.MemberRecorded{Member: events.Member{CaseID: id, MemberID: "m1", FirstName: first, LastName: last, Relationship: "Self", Applying: events.Yes}},
		&events.ApplicationRecorded{CaseID: id, ApplicationYear: year, CurrentStatus: "Enrolled", NextSteps: "Report changes"},
		&events.EligibilityDetermined{CaseID: id, MemberID: "m1", ApplicationYear: year, Program: "covered_california", Status: "eligible", APTCMonthly: events.Cents(141233)},
		&events.EnrollmentRecorded{
			CaseID: id, EnrollmentID: "n1", ApplicationYear: year, CoverageKind: "health", MemberIDs: []string{"m1"}, Carrier: "Kaiser Permanente",
			PlanName: "Silver 70 HMO", MetalTier: "Silver", Status: "enrolled", GrossPremium: events.Cents(50000), NetPremium: events.Cents(100),
		},
	}
}

// build opens a house. What is past was recorded before the last three
// Fridays; where it is nil, the ledger has just begun and has no book.
func build(t testing.TB, past []events.Data) *house {
	t.Helper()
	clearOfCutoff(t)
	core, logs := observer.New(zapcore.DebugLevel)
	h := &house{t: t, log: logs}
	dir := t.TempDir()
	ctx, cancel := context.WithCancel(context.Background())
	var err error
	h.ledger, err = node.Open(ctx, node.Options{Dir: dir, Create: true})
	must(t, err)
	if past != nil {
		h.load(append(staffAndAgents(), past...))
	}
	set, err := schemas.ColumnSet("1")
	must(t, err)
	x, err := exporter.New(set)
	must(t, err)
	limiter, err := exportlimit.New(exportlimit.Limits{Dir: dir})
	must(t, err)
	looks, err := accesslog.Open(filepath.Join(dir, "access.log"))
	must(t, err)
	log := zap.New(core)
	h.service = service.New(service.Options{Node: h.ledger, Exporter: x, Limiter: limiter, Looks: looks, Log: log})
	var running sync.WaitGroup
	following, stop := context.WithCancel(ctx)
	stopped := make(chan struct{})
	running.Go(func() { _ = h.ledger.Follow(following); close(stopped) })
	h.cut = func() { stop(); <-stopped }
	running.Go(func() { h.service.Run(ctx) })
	h.open(log)
	t.Cleanup(func() {
		cancel()
		stop()
		running.Wait()
		if err := errors.Join(looks.Close(), h.ledger.Close()); err != nil && !errors.Is(err, journal.ErrClosed) {
			t.Error(err)
		}
	})
	if past == nil {
		h.live(staffAndAgents()...)
	}
	h.until("the desk is up to the journal", func() bool {
		_, err := h.service.Act(context.Background(), service.Caller{Person: people[0].Person}, service.Owner{Agent: "A1"}, "none", service.Accept)
		return problem.Of(err).Status == http.StatusNotFound
	})
	return h
}

// clearOfCutoff waits where a week is about to end: a cutoff in the midst of a test
// brings another book.
func clearOfCutoff(t testing.TB) {
	t.Helper()
	c := events.DefaultCalendar()
	if left := time.Until(c.Cutoff(c.FridayOf(time.Now()))); left < time.Minute {
		t.Logf("the week ends in %v, which is waited for", left)
		time.Sleep(left + time.Second)
	}
}

// open serves the portal behind the middleware, with the demo's issuer.
func (h *house) open(log *zap.Logger) {
	h.t.Helper()
	mux := http.NewServeMux()
	server := httptest.NewServer(mux)
	h.t.Cleanup(server.Close)
	h.url = server.URL
	who, err := issuer.New(issuer.Options{Base: h.url + "/issuer", ClientID: "bookledger", Portal: h.url, People: people, Stylesheet: portal.Stylesheet()})
	must(h.t, err)
	id, err := identity.New(identity.Options{
		Issuer: h.url + "/issuer", ClientID: "bookledger", PublicURL: h.url,
		Untouched: func(r *http.Request) bool { return r.URL.Path == "/session/ending" },
	})
	must(h.t, err)
	p, err := portal.New(portal.Options{
		Service: h.service, Identity: id, Demo: true, Log: log,
		Caller: func(r *http.Request) (service.Caller, error) {
			person, err := id.Person(r)
			if err != nil {
				return service.Caller{}, problem.Unauthorized.Because(err)
			}
			return service.Caller{Person: person, Via: "portal", Address: "127.0.0.1"}, nil
		},
		Calendar: func() (*events.Calendar, error) { return events.DefaultCalendar(), nil },
	})
	must(h.t, err)
	pages := http.NewServeMux()
	p.Register(pages)
	many := middleware.Rate{PerSecond: 1e6, Burst: 1e6}
	guard, err := middleware.New(middleware.Options{FormActions: id.Origins, PerAddress: many, PerPerson: many, PerWriter: many})
	must(h.t, err)
	mux.Handle("/issuer/", who)
	mux.Handle("/", guard.Handler(id.Middleware(pages)))
}

// load records what is past as history, and closes it.
func (h *house) load(past []events.Data) {
	h.t.Helper()
	at := time.Now().Add(-26 * 24 * time.Hour)
	var messages []journal.Message
	for i, data := range past {
		e := h.event(data)
		body, err := e.Encode()
		must(h.t, err)
		recorded := at.Add(time.Duration(i) * time.Millisecond).UTC().Format(time.RFC3339Nano)
		messages = append(messages, journal.Message{Subject: events.HistorySubject(e.Source), Recorded: recorded, Body: body})
	}
	for part := range slices.Chunk(messages, 1000) {
		_, err := h.ledger.Journal.Append(context.Background(), part)
		must(h.t, err)
	}
	_, err := node.CloseHistory(context.Background(), h.ledger.Journal.Client, time.Now())
	must(h.t, err)
}

func (h *house) event(data events.Data) events.Event {
	h.ids++
	return events.Event{ID: fmt.Sprint("e", h.ids), Source: "test", Type: events.TypeOf(data), Time: time.Now(), Data: data}
}

// live publishes events as an upstream system does, and waits until the lists
// show them.
func (h *house) live(all ...events.Data) {
	h.t.Helper()
	for _, data := range all {
		_, why, err := h.ledger.Projection.WaitFor(context.Background(), h.append(data))
		must(h.t, err)
		if why != nil {
			h.t.Fatalf("%s was rejected: %+v", events.TypeOf(data), why)
		}
	}
}

// append publishes an event and returns its sequence.
func (h *house) append(data events.Data) uint64 {
	h.t.Helper()
	e := h.event(data)
	body, err := e.Encode()
	must(h.t, err)
	ack, err := h.ledger.Journal.Append(context.Background(), []journal.Message{{Subject: e.Subject(), Body: body}})
	must(h.t, err)
	return ack.Last
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// until awaits a condition.
func (h *house) until(what string, holds func() bool) {
	h.t.Helper()
	fixture.Eventually(h.t, what, holds)
}

// visitor is somebody's browser, without script.
type visitor struct {
	h       *house
	cookies map[string]string
	seen    []string // every URL that was asked for
}

func (h *house) stranger() *visitor { return &visitor{h: h, cookies: map[string]string{}} }

// signIn is the browser of a person who has signed in.
func (h *house) signIn(person string) *visitor {
	h.t.Helper()
	v := h.stranger()
	asked := v.post("/sign-in", url.Values{"to": {"/"}})
	to, err := url.Parse(asked.header.Get("Location"))
	must(h.t, err)
	form := to.Query()
	form.Set("person", person)
	chosen := v.post("/issuer/authorize", form)
	back := v.get(chosen.header.Get("Location"))
	if back.status != http.StatusSeeOther || back.header.Get("Location") != "/" {
		h.t.Fatalf("signing in as %s: %d, %s", person, back.status, back.body)
	}
	v.seen = nil
	return v
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
	a := v.post(path, form)
	if a.status != http.StatusSeeOther {
		v.h.t.Fatalf("posting to %s: %d, %s", path, a.status, a.text())
	}
	return v.get(a.header.Get("Location"))
}

func (v *visitor) do(method, path string, body io.Reader, header http.Header) *answer {
	v.h.t.Helper()
	path = strings.TrimPrefix(path, v.h.url)
	v.seen = append(v.seen, path)
	r, err := http.NewRequest(method, v.h.url+path, body)
	must(v.h.t, err)
	r.Header = header.Clone()
	if r.Header == nil {
		r.Header = http.Header{}
	}
	for name, value := range v.cookies {
		r.AddCookie(&http.Cookie{Name: name, Value: value})
	}
	client := http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	got, err := client.Do(r)
	must(v.h.t, err)
	for _, c := range got.Cookies() {
		if v.cookies[c.Name] = c.Value; c.MaxAge < 0 || c.Value == "" {
			delete(v.cookies, c.Name)
		}
	}
	text, err := io.ReadAll(got.Body)
	must(v.h.t, errors.Join(err, got.Body.Close()))
	return &answer{v.h.t, path, got.StatusCode, got.Header, string(text)}
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
