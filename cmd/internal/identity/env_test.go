package identity

import (
	"encoding/json"
	"errors"
	"html"
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"net/url"
	"regexp"
	"strings"
	"testing"
	"time"

	"go.uber.org/zap"

	"bookledger/cmd/bookdemo/issuer"
	"bookledger/cmd/internal/fixture"
	"bookledger/projections/access"
)

const client = "portal"

var people = []issuer.Person{
	{Person: access.Person{ID: "P-1", AgentID: "A-1", Name: "Ana Quiroga"}, Role: "agent", AgencyID: "G-1"},
	{Person: access.Person{ID: "P-2", AgentID: "", Name: "Bo Lindqvist"}, Role: "manager", AgencyID: "G-1"},
	{Person: access.Person{ID: "P-3", Name: "Cy Okafor", Auditor: true}, Role: "auditor"},
	{Person: access.Person{ID: "P-4", Name: "Di Marsh", Operator: true}, Role: "operator"},
}

// inProcess sends requests to handlers by host, without a network, so that
// tests can run with their own time. Requests to other hosts use the network.
type inProcess map[string]http.Handler

func (p inProcess) RoundTrip(r *http.Request) (*http.Response, error) {
	handler := p[r.URL.Host]
	if handler == nil {
		return http.DefaultTransport.RoundTrip(r)
	}
	inner := r.Clone(r.Context())
	inner.Host, inner.RequestURI = r.URL.Host, r.URL.RequestURI()
	if inner.Body == nil {
		inner.Body = http.NoBody
	}
	w := httptest.NewRecorder()
	handler.ServeHTTP(w, inner)
	response := w.Result()
	response.Request = r
	return response, nil
}

const (
	portalHost = "portal.test"
	issuerHost = "127.0.0.1:1"
)

// env is a portal and an issuer. A test with its own time creates the env
// outside of the synctest bubble, because scs starts a goroutine that never
// ends.
type env struct {
	id     *Authenticator
	issuer *issuer.Issuer // nil unless it is the demo's issuer
	portal string         // URL
	base   string         // the issuer's URL
	rt     inProcess
}

// newEnv returns a portal with the demo's issuer.
func newEnv(t testing.TB, change func(*Options)) *env {
	t.Helper()
	base := "https://" + issuerHost + "/issuer"
	demo, err := issuer.New(issuer.Options{Base: base, ClientID: client, Portal: "https://" + portalHost, People: people, Stylesheet: "/style.css", Now: time.Now})
	fixture.Must(t, err)
	s := newEnvAt(t, base, change)
	s.issuer, s.rt[issuerHost] = demo, demo
	return s
}

// newEnvAt returns a portal with the issuer at an address.
func newEnvAt(t testing.TB, base string, change func(*Options)) *env {
	t.Helper()
	s := &env{portal: "https://" + portalHost, base: base, rt: inProcess{}}
	o := Options{
		Issuer: base, ClientID: client, PublicURL: s.portal, Client: &http.Client{Transport: s.rt},
		IsBackground: func(r *http.Request) bool { return r.URL.Path == "/background" },
		Now:          time.Now, Log: zap.NewNop(),
	}
	if change != nil {
		change(&o)
	}
	var err error
	s.id, err = New(o)
	fixture.Must(t, err)
	s.rt[portalHost] = portal(s.id)
	return s
}

// portal is a minimal portal that uses an Authenticator.
func portal(id *Authenticator) http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /sign-in", func(w http.ResponseWriter, r *http.Request) {
		if err := id.StartSignIn(w, r, r.FormValue("to")); err != nil {
			writeReply(w, access.Person{}, err)
		}
	})
	mux.HandleFunc("GET /sign-in/callback", func(w http.ResponseWriter, r *http.Request) {
		to, err := id.FinishSignIn(w, r)
		if err != nil {
			writeReply(w, access.Person{}, err)
			return
		}
		http.Redirect(w, r, to, http.StatusSeeOther)
	})
	mux.HandleFunc("POST /sign-out", func(w http.ResponseWriter, r *http.Request) {
		http.Redirect(w, r, id.SignOut(w, r), http.StatusSeeOther)
	})
	mux.HandleFunc("GET /signed-out", func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "signed out") })
	mux.HandleFunc("GET /put", func(_ http.ResponseWriter, r *http.Request) { id.Put(r, r.FormValue("key"), r.FormValue("value")) })
	mux.HandleFunc("GET /get", func(w http.ResponseWriter, r *http.Request) { _, _ = io.WriteString(w, id.Get(r, r.FormValue("key"))) })
	mux.HandleFunc("GET /pop", func(w http.ResponseWriter, r *http.Request) { _, _ = io.WriteString(w, id.Pop(r, r.FormValue("key"))) })
	mux.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) {
		p, err := id.Person(r)
		writeReply(w, p, err)
	})
	return id.Middleware(mux)
}

// reply is the JSON that the test portal returns.
type reply struct {
	Status int
	Person access.Person
	Reason Reason
	Text   string
	Kind   string
}

func writeReply(w http.ResponseWriter, p access.Person, err error) {
	a := reply{Status: http.StatusOK, Person: p}
	var failure *Failure
	if errors.As(err, &failure) {
		a.Status, a.Reason, a.Text, a.Kind = http.StatusUnauthorized, failure.Reason, failure.Text, errors.Unwrap(failure).Error()
	} else if err != nil {
		a.Status, a.Text = http.StatusInternalServerError, err.Error()
	}
	if errors.Is(err, ErrIssuerUnreachable) {
		a.Status = http.StatusServiceUnavailable
	}
	w.WriteHeader(a.Status)
	_ = json.NewEncoder(w).Encode(a)
}

// browser keeps cookies and returns redirects without following them.
type browser struct {
	t      testing.TB
	client *http.Client
	portal string
}

func (s *env) browser(t testing.TB) *browser {
	t.Helper()
	jar, err := cookiejar.New(nil)
	fixture.Must(t, err)
	return &browser{t, &http.Client{Transport: s.rt, Jar: jar, CheckRedirect: func(*http.Request, []*http.Request) error {
		return http.ErrUseLastResponse
	}}, s.portal}
}

// page is a response with its body.
type page struct {
	status int
	to     string // Location, absolute
	header http.Header
	body   string
}

func (b *browser) do(r *http.Request, err error) page {
	b.t.Helper()
	fixture.Must(b.t, err)
	response, err := b.client.Do(r)
	fixture.Must(b.t, err)
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	fixture.Must(b.t, err)
	p := page{status: response.StatusCode, header: response.Header, body: string(body)}
	if to, err := response.Location(); err == nil {
		p.to = to.String()
	}
	return p
}

func (b *browser) get(address string) page {
	b.t.Helper()
	return b.do(http.NewRequest(http.MethodGet, address, nil))
}

func (b *browser) post(address string, form url.Values) page {
	b.t.Helper()
	r, err := http.NewRequest(http.MethodPost, address, strings.NewReader(form.Encode()))
	if err == nil {
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	return b.do(r, err)
}

var hidden = regexp.MustCompile(`<input type="hidden" name="([^"]*)" value="([^"]*)"`)

// hiddenFields returns the hidden fields of a page's form.
func hiddenFields(body string) url.Values {
	form := url.Values{}
	for _, field := range hidden.FindAllStringSubmatch(body, -1) {
		form.Set(html.UnescapeString(field[1]), html.UnescapeString(field[2]))
	}
	return form
}

// begin starts a sign-in and returns the address of the issuer's page.
func (b *browser) begin(to string) string {
	b.t.Helper()
	p := b.get(b.portal + "/sign-in?" + url.Values{"to": {to}}.Encode())
	if p.status != http.StatusSeeOther || p.to == "" {
		b.t.Fatalf("sign-in returned %d to %q: %s", p.status, p.to, p.body)
	}
	return p.to
}

// choose selects a person on the issuer's page and returns the address of the
// callback.
func (b *browser) choose(address, person string) string {
	b.t.Helper()
	p := b.get(address)
	if p.status != http.StatusOK {
		b.t.Fatalf("the issuer returned %d: %s", p.status, p.body)
	}
	form := hiddenFields(p.body)
	form.Set("person", person)
	action, _, _ := strings.Cut(address, "?")
	p = b.post(action, form)
	if p.status != http.StatusSeeOther || !strings.HasPrefix(p.to, b.portal+"/sign-in/callback?") {
		b.t.Fatalf("the issuer returned %d to %q: %s", p.status, p.to, p.body)
	}
	return p.to
}

// signIn completes a sign-in and returns the address to which it led.
func (b *browser) signIn(person, to string) string {
	b.t.Helper()
	p := b.get(b.choose(b.begin(to), person))
	if p.status != http.StatusSeeOther {
		b.t.Fatalf("the callback returned %d: %s", p.status, p.body)
	}
	return p.to
}

func read(t testing.TB, p page) reply {
	t.Helper()
	var a reply
	if err := json.Unmarshal([]byte(p.body), &a); err != nil {
		t.Fatalf("the portal returned %d %q: %v", p.status, p.body, err)
	}
	return a
}

// whoAmI requests a path and returns who is signed in.
func (b *browser) whoAmI(path string) reply {
	b.t.Helper()
	return read(b.t, b.get(b.portal+path))
}

// cookie returns the browser's cookie with that name, or nil.
func (b *browser) cookie(path, name string) *http.Cookie {
	b.t.Helper()
	u, err := url.Parse(b.portal + path)
	fixture.Must(b.t, err)
	for _, c := range b.client.Jar.Cookies(u) {
		if c.Name == name {
			return c
		}
	}
	return nil
}

// sendCookie sends a request with only the given session cookie.
func (s *env) sendCookie(t testing.TB, value, path string) reply {
	t.Helper()
	b := s.browser(t)
	r, err := http.NewRequest(http.MethodGet, s.portal+path, nil)
	if err == nil {
		r.AddCookie(&http.Cookie{Name: sessionCookie, Value: value})
	}
	return read(t, b.do(r, err))
}

// sendBearer sends a request with an Authorization header.
func (s *env) sendBearer(t testing.TB, header string) reply {
	t.Helper()
	b := s.browser(t)
	r, err := http.NewRequest(http.MethodGet, s.portal+"/who", nil)
	if err == nil {
		r.Header.Set("Authorization", header)
	}
	return read(t, b.do(r, err))
}
