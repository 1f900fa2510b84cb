package middleware

import (
	"cmp"
	"io"
	"math"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"testing"
	"time"

	"go.uber.org/zap"

	"bookledger/cmd/internal/fixture"
)

// newStack returns the middleware. Rates that o lacks are too high for a test to reach.
func newStack(t testing.TB, o Options) *Stack {
	t.Helper()
	many := Rate{1e6, 1e6}
	o.PerAddress, o.PerPerson, o.PerPersonWrites = cmp.Or(o.PerAddress, many), cmp.Or(o.PerPerson, many), cmp.Or(o.PerPersonWrites, many)
	o.Log = cmp.Or(o.Log, zap.NewNop())
	if o.Now == nil {
		o.Now = time.Now
	}
	g, err := New(o)
	fixture.Must(t, err)
	return g
}

// serve starts a server with the handler behind the middleware and returns its URL.
func serve(t testing.TB, g *Stack, h http.HandlerFunc) string {
	t.Helper()
	s := httptest.NewServer(g.Handler(h))
	t.Cleanup(s.Close)
	return s.URL
}

func get(t testing.TB, address string) (*http.Response, string) {
	t.Helper()
	r, err := http.Get(address)
	fixture.Must(t, err)
	defer r.Body.Close()
	body, err := io.ReadAll(r.Body)
	fixture.Must(t, err)
	return r, string(body)
}

const wantPolicy = "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self'; connect-src 'self'; form-action 'self' https://login.example:8443; base-uri 'none'; frame-ancestors 'none'"

// checkHeaders checks the headers that every response must have.
func checkHeaders(t *testing.T, h http.Header, https bool) {
	t.Helper()
	for name, want := range map[string]string{
		"Content-Security-Policy": wantPolicy, "X-Content-Type-Options": "nosniff", "Referrer-Policy": "same-origin",
		"Cross-Origin-Opener-Policy": "same-origin", "Cross-Origin-Resource-Policy": "same-origin", "Cache-Control": "no-store",
	} {
		if got := h.Values(name); len(got) != 1 || got[0] != want {
			t.Errorf("%s: got %q, want %q", name, got, want)
		}
	}
	if !strings.Contains(h.Get("Permissions-Policy"), "camera=()") {
		t.Errorf("Permissions-Policy: got %q, want camera=() in it", h.Get("Permissions-Policy"))
	}
	if got := h.Get("Strict-Transport-Security"); (got != "") != https {
		t.Errorf("Strict-Transport-Security: got %q, want it set: %v", got, https)
	}
}

func TestEveryResponseHasSecurityHeaders(t *testing.T) {
	handlers := map[string]http.HandlerFunc{
		"nothing":  func(http.ResponseWriter, *http.Request) {},
		"text":     func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "x") },
		"error":    func(w http.ResponseWriter, _ *http.Request) { http.Error(w, "no", http.StatusNotFound) },
		"panic":    func(http.ResponseWriter, *http.Request) { panic("x") },
		"redirect": func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, "/there", http.StatusSeeOther) },
		"stripped": func(w http.ResponseWriter, _ *http.Request) { clear(w.Header()); w.WriteHeader(http.StatusOK) },
		"silently": func(w http.ResponseWriter, _ *http.Request) { clear(w.Header()) },
		"flushed": func(w http.ResponseWriter, _ *http.Request) {
			clear(w.Header())
			_ = http.NewResponseController(w).Flush()
		},
		"interim": func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusEarlyHints); clear(w.Header()) },
	}
	for _, https := range []bool{false, true} {
		g := newStack(t, Options{HTTPS: https, FormActions: forms("https://login.example:8443")})
		for name, h := range handlers {
			t.Run(name, func(t *testing.T) {
				r, err := http.DefaultTransport.RoundTrip(request(t, "GET", serve(t, g, h), nil))
				fixture.Must(t, err)
				defer r.Body.Close()
				checkHeaders(t, r.Header, https)
			})
		}
	}
}

func request(t testing.TB, method, address string, headers map[string]string) *http.Request {
	t.Helper()
	r, err := http.NewRequest(method, address, nil)
	fixture.Must(t, err)
	for name, value := range headers {
		r.Header.Set(name, value)
	}
	return r
}

func forms(origins ...string) func() []string { return func() []string { return origins } }

// TestFormActions checks that only origins get into the policy.
func TestFormActions(t *testing.T) {
	for _, wrong := range []string{
		"https://login.example/in", "https://login.example; script-src *", "https://login.example *", "https://login.example\nSet-Cookie: a=b", "https://login.example\n", "javascript:alert", "*",
	} {
		g := newStack(t, Options{FormActions: forms(wrong, "https://login.example")})
		r, _ := get(t, serve(t, g, func(http.ResponseWriter, *http.Request) {}))
		if policy := r.Header.Get("Content-Security-Policy"); !strings.Contains(policy, "; form-action 'self' https://login.example; base-uri") {
			t.Errorf("form action %q: got policy %s, want it without that text", wrong, policy)
		}
	}
}

func TestNewRejectsInvalidOptions(t *testing.T) {
	one := Rate{1, 1}
	for name, o := range map[string]Options{
		"no rate":     {PerAddress: Rate{0, 5}, PerPerson: one, PerPersonWrites: one},
		"no burst":    {PerAddress: one, PerPerson: Rate{5, 0}, PerPersonWrites: one},
		"NaN":         {PerAddress: one, PerPerson: Rate{math.NaN(), 5}, PerPersonWrites: one},
		"infinite":    {PerAddress: one, PerPerson: one, PerPersonWrites: Rate{math.Inf(1), 5}},
		"all proxies": {PerAddress: one, PerPerson: one, PerPersonWrites: one, TrustedProxies: []netip.Prefix{netip.MustParsePrefix("::/0")}},
		"no proxies":  {PerAddress: one, PerPerson: one, PerPersonWrites: one, TrustedProxies: []netip.Prefix{{}}},
	} {
		if _, err := New(o); err == nil {
			t.Errorf("%s: got no error", name)
		}
	}
}

func TestRefusesRequestsFromOtherSites(t *testing.T) {
	served := false
	address := serve(t, newStack(t, Options{}), func(http.ResponseWriter, *http.Request) { served = true })
	for _, c := range []struct {
		method, site, origin string
		passes               bool
	}{
		{"POST", "same-origin", address, true}, {"POST", "none", "", true}, {"POST", "", "", true}, {"POST", "", address, true},
		{"POST", "cross-site", "https://evil.example", false}, {"POST", "same-site", "http://127.0.0.1:1", false},
		{"POST", "", "null", false}, {"POST", "", "https://evil.example", false}, {"DELETE", "cross-site", "", false},
		{"POST", "Same-Origin", address, false}, {"GET", "cross-site", "https://evil.example", true}, {"EVIL", "cross-site", "", false},
	} {
		served = false
		r, err := http.DefaultClient.Do(request(t, c.method, address, map[string]string{"Sec-Fetch-Site": c.site, "Origin": c.origin}))
		if err != nil {
			t.Fatal(err)
		}
		body, err := io.ReadAll(r.Body)
		r.Body.Close()
		if served != c.passes || !c.passes && (r.StatusCode != http.StatusForbidden || !strings.Contains(string(body), ":cross-origin")) {
			t.Errorf("%+v: got served %v, status %d, body %s (error %v)", c, served, r.StatusCode, body, err)
		}
	}
}

func TestLimitsRateOfAddress(t *testing.T) {
	now := fixture.NewClock()
	g := newStack(t, Options{Now: now.Now, PerAddress: Rate{0.4, 2}})
	served := 0
	h := g.Handler(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { served++ }))
	send := func(from string) *httptest.ResponseRecorder {
		r := httptest.NewRequest("POST", "/", nil)
		r.RemoteAddr = from
		r.Header.Set("Sec-Fetch-Site", "cross-site") // requests are counted before they are refused for this
		w := httptest.NewRecorder()
		h.ServeHTTP(w, r)
		return w
	}
	want := func(from string, status int, after string) {
		t.Helper()
		if w := send(from); w.Code != status || w.Header().Get("Retry-After") != after {
			t.Errorf("%s: got status %d, Retry-After %q; want %d, %q", from, w.Code, w.Header().Get("Retry-After"), status, after)
		}
	}
	for _, from := range []string{"[2001:db8:1:2::1]:1000", "[2001:db8:1:2:ffff::2]:1001"} {
		want(from, http.StatusForbidden, "")
	}
	want("[2001:db8:1:2::3%eth0]:1002", http.StatusTooManyRequests, "3") // 2.5 s, rounded up
	want("[2001:db8:1:3::1]:1000", http.StatusForbidden, "")             // the next /64
	for range 2 {
		want("192.0.2.1:1000", http.StatusForbidden, "")
	}
	want("[::ffff:192.0.2.1]:1001", http.StatusTooManyRequests, "3") // the same address in another form
	want("192.0.2.2:1000", http.StatusForbidden, "")
	for range 10 { // refusals are not counted
		want("192.0.2.1:1000", http.StatusTooManyRequests, "3")
	}
	now.Move(2500 * time.Millisecond)
	want("192.0.2.1:1000", http.StatusForbidden, "")
	want("192.0.2.1:1000", http.StatusTooManyRequests, "3")
	for range 2 { // clients without an IP address share a limit
		want("@", http.StatusForbidden, "")
	}
	want("elsewhere", http.StatusTooManyRequests, "3")
	if served != 0 {
		t.Errorf("got %d requests from another site, want 0", served)
	}
}

func TestLimitsRateOfPerson(t *testing.T) {
	now := fixture.NewClock()
	g := newStack(t, Options{Now: now.Now, PerPerson: Rate{1, 3}, PerPersonWrites: Rate{1, 3}})
	request := func(person string, _ int) (bool, time.Duration) { return g.AllowPerson(person) }
	for _, c := range []struct {
		allow  func(string, int) (bool, time.Duration)
		person string
		cost   int
		after  time.Duration // 0: allowed
	}{
		{request, "P-1", 1, 0}, {request, "P-1", 1, 0}, {request, "P-1", 1, 0}, {request, "P-1", 1, time.Second}, {request, "P-2", 1, 0},
		{g.AllowWrite, "P-1", 2, 0}, {g.AllowWrite, "P-1", 2, time.Second},
		{g.AllowWrite, "P-2", 100, 0}, {g.AllowWrite, "P-2", 1, time.Second}, // more than the burst costs the burst
	} {
		if ok, after := c.allow(c.person, c.cost); ok != (c.after == 0) || after != c.after {
			t.Errorf("%s, cost %d: got %v, wait %v; want wait %v", c.person, c.cost, ok, after, c.after)
		}
	}
	now.Move(time.Second)
	if ok, _ := g.AllowPerson("P-1"); !ok {
		t.Error("after the wait: got a refusal, want the request allowed")
	}
}

func TestLimitersAreBoundedAndForget(t *testing.T) {
	now := fixture.NewClock().Now()
	l := newLimiters(Rate{1, 2})
	l.max = 4
	allow := func(key string) bool { ok, _ := l.allow(key, 1, now); return ok }
	for _, key := range []string{"a", "a", "b", "c", "a", "d", "a", "e", "a", "f"} {
		if allow(key); len(l.recent)+len(l.old) > l.max {
			t.Fatalf("got %d limiters, want at most %d", len(l.recent)+len(l.old), l.max)
		}
	}
	if allow("a") {
		t.Error("got a new limiter for a client with recent requests, want the old one")
	}
	for i, want := range [...]bool{true, true, false} {
		if got := allow("b"); got != want {
			t.Errorf("request %d of the client that was forgotten: got %v, want %v", i, got, want)
		}
	}
	for range 2 {
		now = now.Add(2 * time.Second)
		allow("g")
	}
	if n := len(l.recent) + len(l.old); n != 1 {
		t.Errorf("got %d limiters after all other clients were idle, want 1", n)
	}
	slow := newLimiters(Rate{1e-300, 1})
	slow.allow("a", 1, now)
	if ok, after := slow.allow("a", 1, now); ok || after != maxRetryAfter {
		t.Errorf("with a tiny rate: got %v, wait %v; want a refusal and %v", ok, after, maxRetryAfter)
	}
}

func TestAddress(t *testing.T) {
	trusted := []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8"), netip.MustParsePrefix("2001:db8:ffff::/48")}
	for _, c := range []struct {
		name, peer string
		forwarded  []string
		want       string
	}{
		{"no proxy", "192.0.2.1:5", nil, "192.0.2.1"},
		{"an untrusted peer with a header", "192.0.2.1:5", []string{"203.0.113.9"}, "192.0.2.1"},
		{"a proxy with a header", "10.1.2.3:5", []string{"203.0.113.9"}, "203.0.113.9"},
		{"a mapped proxy", "[::ffff:10.1.2.3]:5", []string{"203.0.113.9"}, "203.0.113.9"},
		{"what the client wrote itself", "10.1.2.3:5", []string{"198.51.100.1, 10.9.9.9, 203.0.113.9"}, "203.0.113.9"},
		{"two proxies", "10.1.2.3:5", []string{"198.51.100.1,203.0.113.9 , 10.4.4.4"}, "203.0.113.9"},
		{"two headers", "10.1.2.3:5", []string{"198.51.100.1", "203.0.113.9", "10.4.4.4"}, "203.0.113.9"},
		{"with ports", "[2001:db8:ffff::1]:5", []string{"198.51.100.1:4711, [2001:db8::7]:80, [2001:db8:ffff::2]"}, "2001:db8::7"},
		{"only proxies", "10.1.2.3:5", []string{"10.5.5.5, 10.4.4.4"}, "10.5.5.5"},
		{"no header", "10.1.2.3:5", nil, "10.1.2.3"},
		{"a blank header", "10.1.2.3:5", []string{""}, "10.1.2.3"},
		{"nonsense on the right", "10.1.2.3:5", []string{"203.0.113.9, unknown"}, "10.1.2.3"},
		{"nonsense left of a proxy", "10.1.2.3:5", []string{"203.0.113.9, <b>, 10.4.4.4"}, "10.4.4.4"},
		{"a comma at the end", "10.1.2.3:5", []string{"203.0.113.9,"}, "10.1.2.3"},
		{"a zone", "10.1.2.3:5", []string{"fe80::1%" + strings.Repeat("z", 500)}, "fe80::1"},
		{"a mapped client", "10.1.2.3:5", []string{"::ffff:203.0.113.9"}, "203.0.113.9"},
		{"no IP address", "@", []string{"203.0.113.9"}, ""},
		{"a very long header", "10.1.2.3:5", []string{strings.Repeat("10.4.4.4,", 5000) + "10.4.4.4"}, "10.4.4.4"},
	} {
		var got string
		g := newStack(t, Options{TrustedProxies: trusted})
		h := g.Handler(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { got = Address(r.Context()) }))
		r := httptest.NewRequest("GET", "/", nil)
		r.RemoteAddr = c.peer
		r.Header["X-Forwarded-For"] = c.forwarded
		h.ServeHTTP(httptest.NewRecorder(), r)
		if got != c.want {
			t.Errorf("%s: got address %q, want %q", c.name, got, c.want)
		}
	}
	if got := Address(t.Context()); got != "" {
		t.Errorf("without the middleware: got address %q, want none", got)
	}
}
