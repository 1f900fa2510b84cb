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
	s := newStage(t, nil)
	synctest.Test(t, func(t *testing.T) {
		b := s.browser(t)
		b.signIn("P-1", "/")
		for range 4 {
			time.Sleep(15*time.Minute - time.Second)
			if got := b.who("/who"); got.Status != http.StatusOK {
				t.Fatalf("a second before the idle limit: %+v", got)
			}
		}
		time.Sleep(15 * time.Minute)
		if got := b.who("/who"); got.Reason != ReasonSession {
			t.Errorf("at the idle limit: %+v", got)
		}
		if n := len(s.id.store.sessions); n != 0 {
			t.Errorf("%d sessions are kept past their limit", n)
		}
	})
}

func TestAbsoluteLimit(t *testing.T) {
	s := newStage(t, nil)
	synctest.Test(t, func(t *testing.T) {
		b := s.browser(t)
		b.signIn("P-1", "/")
		began := time.Now()
		for time.Since(began) < 8*time.Hour-10*time.Minute {
			time.Sleep(10 * time.Minute)
			b.get(s.portal + "/put?key=k&value=v")
			if got := b.who("/who"); got.Status != http.StatusOK {
				t.Fatalf("after %v: %+v", time.Since(began), got)
			}
		}
		time.Sleep(10 * time.Minute)
		if got := b.who("/who"); got.Reason != ReasonSession {
			t.Errorf("after %v: %+v", time.Since(began), got)
		}
	})
}

// TestDeadlines holds when a session ends, and that requests which a page sends by
// itself do not prolong it.
func TestDeadlines(t *testing.T) {
	s := newStage(t, func(o *Options) { o.Limit = 30 * time.Minute })
	ask := func(path, cookie string) (idle, absolute time.Duration, ok bool) {
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
		if _, _, ok := ask("/", "unknown"); ok {
			t.Error("somebody who is not signed in has deadlines")
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
			{0, "/untouched", 15, 30, false}, {10, "/untouched", 5, 20, false}, {0, "/page", 15, 20, false},
			{10, "/page", 10, 10, false}, {5, "/untouched", 5, 5, false}, {5, "/untouched", 0, 0, true},
		} {
			time.Sleep(c.after * time.Minute)
			idle, absolute, ok := ask(c.path, cookie)
			if ok == c.ended || ok && (idle != c.idle*time.Minute || absolute != c.absolute*time.Minute) {
				t.Errorf("%s: %v and %v are left (%v), not %v and %v minutes", c.path, idle, absolute, ok, int(c.idle), int(c.absolute))
			}
		}
	})
}

func TestBegunTooLongAgo(t *testing.T) {
	s := newStage(t, nil)
	synctest.Test(t, func(t *testing.T) {
		b := s.browser(t)
		address := b.begin("/")
		cookie := b.cookie("/sign-in", loginCookie)
		time.Sleep(loginLife)
		to := b.choose(address, "P-1")
		r, err := http.NewRequest(http.MethodGet, to, nil)
		if err == nil {
			r.AddCookie(cookie) // the browser has let it go by now
		}
		if got := read(t, b.do(r, err)); got.Reason != ReasonState {
			t.Errorf("a sign-in that was begun ten minutes ago: %+v", got)
		}
		to = b.choose(b.begin("/"), "P-1")
		time.Sleep(time.Minute)
		if got := read(t, b.get(to)); got.Reason != ReasonCode {
			t.Errorf("a code of a minute ago: %+v", got)
		}
	})
}

// Sessions that ended unasked are let go at a later sign-in, and states when
// their cookie could not be shown again.
func TestNothingGathers(t *testing.T) {
	s := newStage(t, nil)
	synctest.Test(t, func(t *testing.T) {
		for range 50 {
			s.browser(t).signIn("P-1", "/")
			time.Sleep(5 * time.Minute)
		}
		if n := len(s.id.store.sessions); n > 4 {
			t.Errorf("%d sessions are kept; four can be live", n)
		}
		if n := len(s.id.logins.used); n > 3 {
			t.Errorf("%d states are kept; three can be shown again", n)
		}
	})
}

func TestIssuerAway(t *testing.T) {
	core, logs := observer.New(zapcore.DebugLevel)
	s, f := newForgeStage(t, func(o *Options) { o.Log = zap.New(core) })
	synctest.Test(t, func(t *testing.T) {
		token := "Bearer " + f.sign(t, "at+jwt", f.claims())
		f.change(func() { f.broken = true })
		if got := s.bearing(t, token); got.Status != http.StatusServiceUnavailable || got.Reason != ReasonIssuer {
			t.Errorf("a bearer token without a configuration: %+v", got)
		}
		if got := s.browser(t).who("/sign-in"); got.Status != http.StatusServiceUnavailable {
			t.Errorf("a sign-in without a configuration: %+v", got)
		}
		f.change(func() { f.broken = false })
		if got := s.bearing(t, token); got.Status != http.StatusServiceUnavailable {
			t.Errorf("the issuer is asked again without a pause: %+v", got)
		}
		time.Sleep(time.Second)
		begun := s.browser(t)
		begun.begin("/")
		f.change(func() { f.broken = true })
		if got := s.bearing(t, token); got.Status != http.StatusServiceUnavailable || got.Reason != ReasonIssuer {
			t.Errorf("a bearer token without keys: %+v", got)
		}
		for range 90 {
			time.Sleep(11 * time.Millisecond)
			s.bearing(t, token)
		}
		if f.asked != 1 {
			t.Errorf("within a second the issuer is asked for its keys %d times", f.asked)
		}
		b := s.browser(t)
		to, _ := url.Parse(b.begin("/"))
		back := s.portal + "/sign-in/callback?" + url.Values{"state": {to.Query().Get("state")}, "code": {"c"}}.Encode()
		if got := b.who(strings.TrimPrefix(back, s.portal)); got.Status != http.StatusServiceUnavailable {
			t.Errorf("a callback while the issuer is away: %+v", got)
		}
		time.Sleep(time.Second)
		f.change(func() { f.broken = false })
		if got := s.bearing(t, token); got.Status != http.StatusOK {
			t.Errorf("the issuer is back: %+v", got)
		}
		f.change(func() { f.broken = true })
		if got := s.bearing(t, token); got.Status != http.StatusOK {
			t.Errorf("known keys without the issuer: %+v", got)
		}
	})
	if logs.Len() == 0 {
		t.Error("nothing is logged of an issuer that is away")
	}
	for _, entry := range logs.All() {
		for _, field := range entry.Context {
			if strings.Contains(entry.Message+field.String, "canary") {
				t.Errorf("the log repeats an answer: %s %s", entry.Message, field.String)
			}
		}
	}
}

func TestKeysChange(t *testing.T) {
	s, f := newForgeStage(t, nil)
	synctest.Test(t, func(t *testing.T) {
		claims := with(f.claims(), map[string]any{"exp": time.Now().Add(24 * time.Hour).Unix()})
		old := "Bearer " + f.sign(t, "at+jwt", claims)
		stranger := "Bearer " + signed(t, jose.ES256, newKey(t), "made-up", "at+jwt", claims)
		expect := func(when, token string, want int) {
			t.Helper()
			if got := s.bearing(t, token); got.Status != want {
				t.Errorf("%s: %+v", when, got)
			}
			synctest.Wait() // for keys that are asked for in passing
		}
		expect("at first", old, http.StatusOK)
		for range 900 {
			time.Sleep(11 * time.Millisecond)
			s.bearing(t, stranger)
		}
		if f.asked != 1 {
			t.Errorf("tokens of strangers have led to %d requests to the issuer", f.asked)
		}
		before := f.public()
		f.change(func() { f.key, f.name = newKey(t), "k2" })
		f.change(func() { f.keys = []jose.JSONWebKey{before, f.public()} })
		young := "Bearer " + f.sign(t, "at+jwt", claims)
		time.Sleep(10 * time.Second)
		expect("signed with a new key", young, http.StatusOK)
		expect("signed with the key before", old, http.StatusOK)
		f.change(func() { f.keys = f.keys[1:] })
		time.Sleep(maxKeyAge)
		expect("whoever finds that the keys are old does not wait", old, http.StatusOK)
		expect("the new key", young, http.StatusOK)
		expect("a key that the issuer has withdrawn", old, http.StatusUnauthorized)
		f.change(func() { f.broken = true })
		time.Sleep(maxKeyAge)
		expect("old keys, and the issuer is away", young, http.StatusOK)
		expect("old keys, and the issuer is still away", young, http.StatusOK)
	})
}

func TestOptions(t *testing.T) {
	good := Options{Now: time.Now, Log: zap.NewNop(), Issuer: "https://issuer.example/realm", ClientID: "portal", PublicURL: "https://books.example"}
	if _, err := New(good); err != nil {
		t.Fatal(err)
	}
	for name, change := range map[string]func(*Options){
		"no issuer":               func(o *Options) { o.Issuer = "" },
		"an issuer over http":     func(o *Options) { o.Issuer = "http://issuer.example" },
		"an issuer with a query":  func(o *Options) { o.Issuer += "?a=b" },
		"an issuer with a secret": func(o *Options) { o.Issuer = "https://a:b@issuer.example" },
		"no client":               func(o *Options) { o.ClientID = "" },
		"no public URL":           func(o *Options) { o.PublicURL = "" },
		"a public URL over http":  func(o *Options) { o.PublicURL = "http://books.example" },
		"a slash at its end":      func(o *Options) { o.PublicURL += "/" },
		"a path":                  func(o *Options) { o.PublicURL += "/portal" },
		"idle longer than at all": func(o *Options) { o.Idle, o.Limit = 2*time.Hour, time.Hour },
		"idle before it begins":   func(o *Options) { o.Idle = -1 },
	} {
		o := good
		change(&o)
		if _, err := New(o); err == nil {
			t.Errorf("%s: it is taken", name)
		}
	}
	for _, host := range []string{"http://127.0.0.1:8080", "http://[::1]:8080", "http://localhost:8080"} {
		o := good
		o.PublicURL, o.Issuer = host, host+"/issuer"
		if _, err := New(o); err != nil {
			t.Errorf("%s: %v", host, err)
		}
	}
}

// An issuer whose endpoints would send credentials in the clear is not used.
func TestConfiguration(t *testing.T) {
	for name, address := range map[string]string{
		"token_endpoint": "http://issuer.example/token", "jwks_uri": "", "authorization_endpoint": "javascript:alert(1)", "end_session_endpoint": "http://issuer.example/end",
	} {
		s, f := newForgeStage(t, nil)
		f.changed = map[string]any{name: address}
		if got := s.browser(t).who("/sign-in"); got.Status != http.StatusServiceUnavailable {
			t.Errorf("with %s at %q: %+v", name, address, got)
		}
	}
	s, f := newForgeStage(t, nil)
	signedOut := s.portal + "/signed-out"
	for _, c := range []struct {
		end  any // where the issuer ends sessions
		want string
	}{
		{nil, signedOut},
		{f.base + "/end?realm=a", f.base + "/end?client_id=" + client + "&post_logout_redirect_uri=" + url.QueryEscape(signedOut) + "&realm=a"},
	} {
		s, f := newForgeStage(t, nil)
		f.changed = map[string]any{"end_session_endpoint": c.end}
		b := s.browser(t)
		b.begin("/")
		if to := b.post(s.portal+"/sign-out", nil).to; to != c.want {
			t.Errorf("sign-out leads to %q, not %q", to, c.want)
		}
	}
}

func BenchmarkBearer(b *testing.B) {
	s := newStage(b, nil)
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
	s := newStage(b, nil)
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
