package identity

import (
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/go-jose/go-jose/v4"
	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"
	"go.uber.org/zap/zaptest/observer"

	"bookledger/cmd/internal/fixture"
)

func TestIdleLimit(t *testing.T) {
	s := newEnv(t, nil)
	synctest.Test(t, func(t *testing.T) {
		b := s.browser(t)
		b.signIn("P-1", "/")
		for range 4 {
			time.Sleep(15*time.Minute - time.Second)
			if got := b.whoAmI("/who"); got.Status != http.StatusOK {
				t.Fatalf("one second before the idle limit: got %+v", got)
			}
		}
		time.Sleep(15 * time.Minute)
		if got := b.whoAmI("/who"); got.Reason != ReasonSession {
			t.Errorf("at the idle limit: got %+v", got)
		}
		if n := len(s.id.store.sessions); n != 0 {
			t.Errorf("got %d sessions after the limit, want 0", n)
		}
	})
}

func TestAbsoluteLimit(t *testing.T) {
	s := newEnv(t, nil)
	synctest.Test(t, func(t *testing.T) {
		b := s.browser(t)
		b.signIn("P-1", "/")
		start := time.Now()
		for time.Since(start) < 8*time.Hour-10*time.Minute {
			time.Sleep(10 * time.Minute)
			b.get(s.portal + "/put?key=k&value=v")
			if got := b.whoAmI("/who"); got.Status != http.StatusOK {
				t.Fatalf("after %v: got %+v", time.Since(start), got)
			}
		}
		time.Sleep(10 * time.Minute)
		if got := b.whoAmI("/who"); got.Reason != ReasonSession {
			t.Errorf("after %v: got %+v", time.Since(start), got)
		}
	})
}

// TestDeadlines checks when a session ends, and that background requests do not
// extend it.
func TestDeadlines(t *testing.T) {
	s := newEnv(t, func(o *Options) { o.Limit = 30 * time.Minute })
	deadlines := func(path, cookie string) (idle, absolute time.Duration, ok bool) {
		r := httptest.NewRequest(http.MethodGet, path, nil)
		r.AddCookie(&http.Cookie{Name: sessionCookie, Value: cookie})
		s.id.Middleware(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
			var i, a time.Time
			i, a, ok = s.id.Deadlines(r)
			idle, absolute = time.Until(i), time.Until(a)
		})).ServeHTTP(httptest.NewRecorder(), r)
		return idle, absolute, ok
	}
	synctest.Test(t, func(t *testing.T) {
		if _, _, ok := deadlines("/", "unknown"); ok {
			t.Error("got deadlines without a session")
		}
		b := s.browser(t)
		b.signIn("P-1", "/")
		b.get(s.portal + "/get?key=k")
		cookie := b.cookie("/", sessionCookie).Value
		for _, c := range []struct {
			after          time.Duration
			path           string
			idle, absolute time.Duration
			ended          bool
		}{
			{0, "/background", 15, 30, false}, {10, "/background", 5, 20, false}, {0, "/page", 15, 20, false},
			{10, "/page", 10, 10, false}, {5, "/background", 5, 5, false}, {5, "/background", 0, 0, true},
		} {
			time.Sleep(c.after * time.Minute)
			idle, absolute, ok := deadlines(c.path, cookie)
			if ok == c.ended || ok && (idle != c.idle*time.Minute || absolute != c.absolute*time.Minute) {
				t.Errorf("%s: got %v and %v left (%v), want %v and %v minutes", c.path, idle, absolute, ok, int(c.idle), int(c.absolute))
			}
		}
	})
}

func TestSignInExpires(t *testing.T) {
	s := newEnv(t, nil)
	synctest.Test(t, func(t *testing.T) {
		b := s.browser(t)
		address := b.begin("/")
		cookie := b.cookie("/sign-in", loginCookie)
		time.Sleep(loginLife)
		to := b.choose(address, "P-1")
		r, err := http.NewRequest(http.MethodGet, to, nil)
		if err == nil {
			r.AddCookie(cookie) // the browser has deleted it by now
		}
		if got := read(t, b.do(r, err)); got.Reason != ReasonState {
			t.Errorf("sign-in started ten minutes ago: got %+v", got)
		}
		to = b.choose(b.begin("/"), "P-1")
		time.Sleep(time.Minute)
		if got := read(t, b.get(to)); got.Reason != ReasonCode {
			t.Errorf("code issued a minute ago: got %+v", got)
		}
	})
}

// A later sign-in removes ended sessions, and used states whose cookie has expired.
func TestRemovesExpiredState(t *testing.T) {
	s := newEnv(t, nil)
	synctest.Test(t, func(t *testing.T) {
		for range 50 {
			s.browser(t).signIn("P-1", "/")
			time.Sleep(5 * time.Minute)
		}
		if n := len(s.id.store.sessions); n > 4 {
			t.Errorf("got %d sessions, want at most 4", n)
		}
		if n := len(s.id.logins.used); n > 3 {
			t.Errorf("got %d used states, want at most 3", n)
		}
	})
}

func TestIssuerUnreachable(t *testing.T) {
	core, logs := observer.New(zapcore.DebugLevel)
	s, f := newFakeIssuerEnv(t, func(o *Options) { o.Log = zap.New(core) })
	synctest.Test(t, func(t *testing.T) {
		token := "Bearer " + f.sign(t, "at+jwt", f.claims())
		f.change(func() { f.broken = true })
		if got := s.sendBearer(t, token); got.Status != http.StatusServiceUnavailable || got.Reason != ReasonIssuer {
			t.Errorf("bearer token without configuration: got %+v", got)
		}
		if got := s.browser(t).whoAmI("/sign-in"); got.Status != http.StatusServiceUnavailable {
			t.Errorf("sign-in without configuration: got %+v", got)
		}
		f.change(func() { f.broken = false })
		if got := s.sendBearer(t, token); got.Status != http.StatusServiceUnavailable {
			t.Errorf("retry without a pause: got %+v", got)
		}
		time.Sleep(time.Second)
		b2 := s.browser(t)
		b2.begin("/")
		f.change(func() { f.broken = true })
		if got := s.sendBearer(t, token); got.Status != http.StatusServiceUnavailable || got.Reason != ReasonIssuer {
			t.Errorf("bearer token without keys: got %+v", got)
		}
		for range 90 {
			time.Sleep(11 * time.Millisecond)
			s.sendBearer(t, token)
		}
		if f.keyRequests != 1 {
			t.Errorf("got %d requests for keys within a second, want 1", f.keyRequests)
		}
		b := s.browser(t)
		to, _ := url.Parse(b.begin("/"))
		back := s.portal + "/sign-in/callback?" + url.Values{"state": {to.Query().Get("state")}, "code": {"c"}}.Encode()
		if got := b.whoAmI(strings.TrimPrefix(back, s.portal)); got.Status != http.StatusServiceUnavailable {
			t.Errorf("callback while the issuer is unreachable: got %+v", got)
		}
		time.Sleep(time.Second)
		f.change(func() { f.broken = false })
		if got := s.sendBearer(t, token); got.Status != http.StatusOK {
			t.Errorf("issuer reachable again: got %+v", got)
		}
		f.change(func() { f.broken = true })
		if got := s.sendBearer(t, token); got.Status != http.StatusOK {
			t.Errorf("cached keys, issuer unreachable: got %+v", got)
		}
	})
	if logs.Len() == 0 {
		t.Error("an unreachable issuer was not logged")
	}
	for _, entry := range logs.All() {
		for _, field := range entry.Context {
			if strings.Contains(entry.Message+field.String, "canary") {
				t.Errorf("the log contains text of a response: %s %s", entry.Message, field.String)
			}
		}
	}
}

func TestKeyRotation(t *testing.T) {
	s, f := newFakeIssuerEnv(t, nil)
	synctest.Test(t, func(t *testing.T) {
		claims := withClaims(f.claims(), map[string]any{"exp": time.Now().Add(24 * time.Hour).Unix()})
		old := "Bearer " + f.sign(t, "at+jwt", claims)
		stranger := "Bearer " + signToken(t, jose.ES256, newKey(t), "made-up", "at+jwt", claims)
		expect := func(when, token string, want int) {
			t.Helper()
			if got := s.sendBearer(t, token); got.Status != want {
				t.Errorf("%s: got %+v", when, got)
			}
			synctest.Wait() // for a refresh in the background
		}
		expect("first request", old, http.StatusOK)
		for range 900 {
			time.Sleep(11 * time.Millisecond)
			s.sendBearer(t, stranger)
		}
		if f.keyRequests != 1 {
			t.Errorf("got %d requests for keys after tokens with unknown keys, want 1", f.keyRequests)
		}
		before := f.public()
		f.change(func() { f.key, f.name = newKey(t), "k2" })
		f.change(func() { f.keys = []jose.JSONWebKey{before, f.public()} })
		young := "Bearer " + f.sign(t, "at+jwt", claims)
		time.Sleep(10 * time.Second)
		expect("new key", young, http.StatusOK)
		expect("previous key", old, http.StatusOK)
		f.change(func() { f.keys = f.keys[1:] })
		time.Sleep(maxKeyAge)
		expect("withdrawn key, during the refresh", old, http.StatusOK)
		expect("new key, after the refresh", young, http.StatusOK)
		expect("withdrawn key, after the refresh", old, http.StatusUnauthorized)
		f.change(func() { f.broken = true })
		time.Sleep(maxKeyAge)
		expect("old keys, issuer unreachable", young, http.StatusOK)
		expect("old keys, issuer still unreachable", young, http.StatusOK)
	})
}

func TestOptions(t *testing.T) {
	good := Options{Now: time.Now, Log: zap.NewNop(), Issuer: "https://issuer.example/realm", ClientID: "portal", PublicURL: "https://books.example"}
	if _, err := New(good); err != nil {
		t.Fatal(err)
	}
	for name, change := range map[string]func(*Options){
		"no issuer":                     func(o *Options) { o.Issuer = "" },
		"an issuer over http":           func(o *Options) { o.Issuer = "http://issuer.example" },
		"an issuer with a query":        func(o *Options) { o.Issuer += "?a=b" },
		"an issuer with a secret":       func(o *Options) { o.Issuer = "https://a:b@issuer.example" },
		"no client":                     func(o *Options) { o.ClientID = "" },
		"no public URL":                 func(o *Options) { o.PublicURL = "" },
		"a public URL over http":        func(o *Options) { o.PublicURL = "http://books.example" },
		"a trailing slash":              func(o *Options) { o.PublicURL += "/" },
		"a path":                        func(o *Options) { o.PublicURL += "/portal" },
		"idle limit over session limit": func(o *Options) { o.Idle, o.Limit = 2*time.Hour, time.Hour },
		"negative idle limit":           func(o *Options) { o.Idle = -1 },
	} {
		o := good
		change(&o)
		if _, err := New(o); err == nil {
			t.Errorf("%s: got no error", name)
		}
	}
	for _, host := range []string{"http://127.0.0.1:8080", "http://[::1]:8080", "http://localhost:8080"} {
		o := good
		o.PublicURL, o.Issuer = host, host+"/issuer"
		if _, err := New(o); err != nil {
			t.Errorf("%s: got %v", host, err)
		}
	}
}

// An issuer with endpoints that would get credentials in the clear is not used.
func TestRefusesUnsafeConfiguration(t *testing.T) {
	for name, address := range map[string]string{
		"token_endpoint": "http://issuer.example/token", "jwks_uri": "", "authorization_endpoint": "javascript:alert(1)", "end_session_endpoint": "http://issuer.example/end",
	} {
		s, f := newFakeIssuerEnv(t, nil)
		f.changed = map[string]any{name: address}
		if got := s.browser(t).whoAmI("/sign-in"); got.Status != http.StatusServiceUnavailable {
			t.Errorf("%s %q: got %+v", name, address, got)
		}
	}
	s, f := newFakeIssuerEnv(t, nil)
	signedOut := s.portal + "/signed-out"
	for _, c := range []struct {
		end  any // the issuer's end-session endpoint
		want string
	}{
		{nil, signedOut},
		{f.base + "/end?realm=a", f.base + "/end?client_id=" + client + "&post_logout_redirect_uri=" + url.QueryEscape(signedOut) + "&realm=a"},
	} {
		s, f := newFakeIssuerEnv(t, nil)
		f.changed = map[string]any{"end_session_endpoint": c.end}
		b := s.browser(t)
		b.begin("/")
		if to := b.post(s.portal+"/sign-out", nil).to; to != c.want {
			t.Errorf("got sign-out redirect to %q, want %q", to, c.want)
		}
	}
}

func BenchmarkBearer(b *testing.B) {
	s := newEnv(b, nil)
	token, err := s.issuer.Token("P-1", client, time.Hour)
	fixture.Must(b, err)
	r := httptest.NewRequest(http.MethodGet, "/", nil)
	r.Header.Set("Authorization", "Bearer "+token)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := s.id.Person(r); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkSession(b *testing.B) {
	s := newEnv(b, nil)
	browser := s.browser(b)
	browser.signIn("P-1", "/")
	r := httptest.NewRequest(http.MethodGet, "/", nil)
	r.AddCookie(browser.cookie("/", sessionCookie))
	handler := s.id.Middleware(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		if _, err := s.id.Person(r); err != nil {
			b.Error(err)
		}
	}))
	b.ReportAllocs()
	for b.Loop() {
		handler.ServeHTTP(httptest.NewRecorder(), r)
	}
}
