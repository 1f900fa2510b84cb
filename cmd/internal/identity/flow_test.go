package identity

import (
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"

	"bookledger/cmd/internal/fixture"
)

func TestSignIn(t *testing.T) {
	s := newEnv(t, nil)
	for _, person := range people {
		b := s.browser(t)
		if got := b.whoAmI("/who"); got.Status != http.StatusUnauthorized || got.Reason != ReasonNone || got.Kind != ErrNoCredentials.Error() {
			t.Fatalf("before signing in: got %+v", got)
		}
		if to := b.signIn(person.ID, "/books?friday=2026-01-02"); to != s.portal+"/books?friday=2026-01-02" {
			t.Errorf("got redirect to %q after sign-in", to)
		}
		if got := b.whoAmI("/who"); got.Person != person.Person {
			t.Errorf("got person %+v, want %+v", got.Person, person.Person)
		}
	}
}

func TestCookies(t *testing.T) {
	s := newEnv(t, nil)
	b := s.browser(t)
	begin := b.get(s.portal + "/sign-in")
	finish := b.get(b.choose(begin.to, "P-1"))
	cookies := map[string]*http.Cookie{}
	for _, header := range []http.Header{begin.header, finish.header} {
		for _, c := range (&http.Response{Header: header}).Cookies() {
			if c.MaxAge >= 0 {
				cookies[c.Name] = c
			}
			if !c.Secure || !c.HttpOnly || c.SameSite != http.SameSiteLaxMode || c.Domain != "" {
				t.Errorf("cookie %s lacks a security attribute: %s", c.Name, c.Raw)
			}
		}
	}
	if c := cookies[sessionCookie]; c == nil || c.Path != "/" || c.MaxAge != 0 || !c.Expires.IsZero() {
		t.Errorf("got session cookie %+v, want one that ends with the browser session", c)
	}
	if c := cookies[loginCookie]; c == nil || c.Path != "/sign-in" || c.MaxAge != 600 {
		t.Errorf("got login cookie %+v, want one for ten minutes", c)
	}
	if b.cookie("/sign-in/callback", loginCookie) != nil {
		t.Error("the login cookie remains after the sign-in")
	}
	if p := b.get(s.portal + "/who"); p.header.Get("Set-Cookie") != "" {
		t.Errorf("a request that changes nothing set a cookie: %s", p.header.Get("Set-Cookie"))
	}
}

// withParam returns an address with a parameter changed, or removed if value is
// blank.
func withParam(t *testing.T, address, name, value string) string {
	t.Helper()
	u, err := url.Parse(address)
	fixture.Must(t, err)
	q := u.Query()
	if !q.Has(name) {
		t.Fatalf("%s has no %s", address, name)
	}
	q.Set(name, value)
	if value == "" {
		q.Del(name)
	}
	u.RawQuery = q.Encode()
	return u.String()
}

func TestCallbackRefused(t *testing.T) {
	s := newEnv(t, nil)
	other := s.browser(t)
	cases := []struct {
		name   string
		walk   func(b *browser) page
		reason Reason
	}{
		{"another state", func(b *browser) page {
			return b.get(withParam(t, b.choose(b.begin("/"), "P-1"), "state", "ABCDEFGHIJKLMNOPQRSTUVWXYZ"))
		}, ReasonState},
		{"no state", func(b *browser) page { return b.get(withParam(t, b.choose(b.begin("/"), "P-1"), "state", "")) }, ReasonState},
		{"started in another browser", func(b *browser) page { b.begin("/"); return b.get(other.choose(other.begin("/"), "P-1")) }, ReasonState},
		{"never started", func(b *browser) page { return b.get(other.choose(other.begin("/"), "P-1")) }, ReasonState},
		{"a changed cookie", func(b *browser) page {
			to := b.choose(b.begin("/"), "P-1")
			u, _ := url.Parse(s.portal + "/sign-in")
			c := b.cookie("/sign-in", loginCookie)
			b.client.Jar.SetCookies(u, []*http.Cookie{{Name: loginCookie, Path: "/sign-in", Secure: true, Value: string(c.Value[0]^1) + c.Value[1:]}})
			return b.get(to)
		}, ReasonState},
		{"another nonce", func(b *browser) page { return b.get(b.choose(withParam(t, b.begin("/"), "nonce", "other"), "P-1")) }, ReasonToken},
		{"no nonce", func(b *browser) page { return b.get(b.choose(withParam(t, b.begin("/"), "nonce", ""), "P-1")) }, ReasonToken},
		{"another challenge", func(b *browser) page {
			return b.get(b.choose(withParam(t, b.begin("/"), "code_challenge", strings.Repeat("x", 43)), "P-1"))
		}, ReasonCode},
		{"another issuer", func(b *browser) page {
			return b.get(withParam(t, b.choose(b.begin("/"), "P-1"), "iss", "https://other.example"))
		}, ReasonMixUp},
		{"no iss from an issuer that always sends it", func(b *browser) page { return b.get(withParam(t, b.choose(b.begin("/"), "P-1"), "iss", "")) }, ReasonMixUp},
		{"an invalid code", func(b *browser) page { return b.get(withParam(t, b.choose(b.begin("/"), "P-1"), "code", "made-up")) }, ReasonCode},
		{"an error from the issuer", func(b *browser) page {
			return b.get(b.get(withParam(t, b.begin("/"), "code_challenge_method", "plain")).to)
		}, ReasonDenied},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			b := s.browser(t)
			got := read(t, c.walk(b))
			if got.Status != http.StatusUnauthorized || got.Reason != c.reason || got.Kind != ErrBadCredentials.Error() {
				t.Errorf("got %+v, want reason %s", got, c.reason)
			}
			if b.cookie("/", sessionCookie) != nil || b.whoAmI("/who").Status != http.StatusUnauthorized {
				t.Error("a refused callback created a session")
			}
		})
	}
	if n := len(s.id.store.sessions); n != 0 {
		t.Errorf("got %d sessions after refused callbacks, want 0", n)
	}
	if n := len(s.id.logins.used); n != 0 {
		t.Errorf("got %d used states after refused callbacks, want 0", n)
	}
}

// The text of an issuer's error can come from anyone, so it is not repeated.
func TestIssuerErrorIsNotRepeated(t *testing.T) {
	s := newEnv(t, nil)
	for code, shown := range map[string]bool{"access_denied": true, "<script>": false, "José Núñez": false, "a b": false, strings.Repeat("a", 41): false} {
		b := s.browser(t)
		u, _ := url.Parse(b.begin("/"))
		q := url.Values{"state": {u.Query().Get("state")}, "iss": {s.base}, "error": {code}, "error_description": {"canary"}}
		got := b.whoAmI("/sign-in/callback?" + q.Encode())
		if got.Reason != ReasonDenied || strings.Contains(got.Text, code) != shown || strings.Contains(got.Text, "canary") {
			t.Errorf("error %q: got %+v", code, got)
		}
	}
}

// A forged callback must not end a sign-in in progress.
func TestForgedCallbackKeepsSignIn(t *testing.T) {
	s := newEnv(t, nil)
	b := s.browser(t)
	to := b.choose(b.begin("/"), "P-1")
	if got := read(t, b.get(s.portal+"/sign-in/callback?state=forged&code=forged")); got.Reason != ReasonState {
		t.Fatalf("forged callback: got %+v", got)
	}
	if p := b.get(to); p.status != http.StatusSeeOther {
		t.Errorf("genuine callback: got %d: %s", p.status, p.body)
	}
}

// A used code cannot complete a second sign-in, even with that sign-in's state.
func TestReplayedCode(t *testing.T) {
	s := newEnv(t, nil)
	b := s.browser(t)
	to := b.choose(b.begin("/"), "P-1")
	u, _ := url.Parse(to)
	code := u.Query().Get("code")
	b.get(to)
	thief := s.browser(t)
	if got := read(t, thief.get(withParam(t, thief.choose(thief.begin("/"), "P-2"), "code", code))); got.Reason != ReasonCode || !strings.Contains(got.Text, "(invalid_grant)") {
		t.Errorf("used code: got %+v", got)
	}
}

// A callback succeeds once, even if it is sent many times at once with its cookie.
func TestReplayedCallback(t *testing.T) {
	s := newEnv(t, nil)
	b := s.browser(t)
	to := b.choose(b.begin("/"), "P-1")
	cookie := b.cookie("/sign-in", loginCookie)
	replay := func() page {
		r, err := http.NewRequest(http.MethodGet, to, nil)
		if err == nil {
			r.AddCookie(cookie)
		}
		return s.browser(t).do(r, err)
	}
	statuses := make([]int, 8)
	var all sync.WaitGroup
	for i := range statuses {
		all.Go(func() { statuses[i] = replay().status })
	}
	all.Wait()
	slices.Sort(statuses)
	if statuses[0] != http.StatusSeeOther || statuses[1] != http.StatusUnauthorized {
		t.Errorf("callback sent %d times at once: got %v", len(statuses), statuses)
	}
	if got := read(t, replay()); got.Reason != ReasonState || !strings.Contains(got.Text, "already completed") {
		t.Errorf("repeated callback: got %+v", got)
	}
}

func TestSignInCreatesNewSession(t *testing.T) {
	s := newEnv(t, nil)
	b := s.browser(t)
	u, _ := url.Parse(s.portal)
	planted := "planted-by-an-attacker-000000000000000000000"
	b.client.Jar.SetCookies(u, []*http.Cookie{{Name: sessionCookie, Value: planted, Path: "/", Secure: true}})
	b.signIn("P-1", "/")
	first := b.cookie("/", sessionCookie).Value
	if first == planted {
		t.Fatal("the session uses the planted id")
	}
	if got := s.sendCookie(t, planted, "/who"); got.Status != http.StatusUnauthorized {
		t.Errorf("planted id: got %+v", got)
	}
	b.get(s.portal + "/put?key=search&value=lopez")
	b.signIn("P-2", "/")
	second := b.cookie("/", sessionCookie).Value
	if second == first {
		t.Error("the second sign-in kept the session id")
	}
	if got := s.sendCookie(t, first, "/who"); got.Reason != ReasonSession {
		t.Errorf("first session after the second sign-in: got %+v", got)
	}
	if got := b.get(s.portal + "/get?key=search").body; got != "" {
		t.Errorf("the second person's session contains the first person's search %q", got)
	}
	if got := b.whoAmI("/who").Person; got != people[1].Person {
		t.Errorf("got person %+v", got)
	}
}

func TestSignOut(t *testing.T) {
	s := newEnv(t, nil)
	b := s.browser(t)
	b.signIn("P-1", "/")
	old := b.cookie("/", sessionCookie).Value
	if got := s.sendCookie(t, old, "/who"); got.Status != http.StatusOK {
		t.Fatalf("before sign-out: got %+v", got)
	}
	p := b.post(s.portal+"/sign-out", nil)
	u, err := url.Parse(p.to)
	fixture.Must(t, err)
	q := u.Query()
	if !strings.HasPrefix(p.to, s.base+"/end-session?") || q.Get("client_id") != client || q.Get("post_logout_redirect_uri") != s.portal+"/signed-out" || strings.Count(q.Get("id_token_hint"), ".") != 2 {
		t.Errorf("got sign-out redirect %s", p.to)
	}
	if back := b.get(p.to); back.to != s.portal+"/signed-out" {
		t.Errorf("got redirect from the issuer to %q: %s", back.to, back.body)
	}
	if got := s.sendCookie(t, old, "/who"); got.Status != http.StatusUnauthorized || got.Reason != ReasonSession {
		t.Errorf("old cookie after sign-out: got %+v", got)
	}
	if b.cookie("/", sessionCookie) != nil || b.whoAmI("/who").Reason != ReasonNone {
		t.Error("the browser kept its cookie after sign-out")
	}
	// Signing out without a session succeeds.
	if p := s.browser(t).post(s.portal+"/sign-out", nil); p.status != http.StatusSeeOther {
		t.Errorf("sign-out without a session: got %d", p.status)
	}
}

// A request in progress at sign-out must not restore its session.
func TestSignOutDuringARequest(t *testing.T) {
	s := newEnv(t, nil)
	b := s.browser(t)
	b.signIn("P-1", "/")
	old := b.cookie("/", sessionCookie)
	reached, resume := make(chan struct{}), make(chan struct{})
	s.rt["slow.test"] = s.id.Middleware(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		s.id.Put(r, "search", "late")
		close(reached)
		<-resume
	}))
	var slow sync.WaitGroup
	slow.Go(func() {
		r, err := http.NewRequest(http.MethodGet, "https://slow.test/", nil)
		if err == nil {
			r.AddCookie(old)
		}
		s.browser(t).do(r, err)
	})
	<-reached
	b.post(s.portal+"/sign-out", nil)
	close(resume)
	slow.Wait()
	if got := s.sendCookie(t, old.Value, "/who"); got.Reason != ReasonSession {
		t.Errorf("after sign-out: got %+v", got)
	}
	if n := len(s.id.store.sessions); n != 0 {
		t.Errorf("got %d sessions, want 0", n)
	}
}

func TestSessionTexts(t *testing.T) {
	s := newEnv(t, nil)
	b := s.browser(t)
	b.get(s.portal + "/put?key=search&value=x")
	if n := len(s.id.store.sessions); n != 0 || b.cookie("/", sessionCookie) != nil {
		t.Fatalf("got %d sessions, or a cookie, after Put without a session", n)
	}
	b.signIn("P-1", "/")
	b.get(s.portal + "/put?key=search&value=Jos%C3%A9")
	b.get(s.portal + "/put?key=person&value=P-2")
	for _, c := range []struct{ path, want string }{
		{"/get?key=search", "José"}, {"/get?key=search", "José"}, {"/get?key=other", ""},
		{"/pop?key=search", "José"}, {"/pop?key=search", ""}, {"/get?key=person", "P-2"},
	} {
		if got := b.get(s.portal + c.path).body; got != c.want {
			t.Errorf("%s: got %q, want %q", c.path, got, c.want)
		}
	}
	if got := b.whoAmI("/who").Person.ID; got != "P-1" {
		t.Errorf("after Put: got person %q, want P-1", got)
	}
}

func TestNoOpenRedirect(t *testing.T) {
	s := newEnv(t, nil)
	for _, path := range []string{
		"", "https://evil.example/", "//evil.example", "///evil.example", `/\evil.example`, `\/evil.example`, "/a\\..\\b",
		"/\t/evil.example", "/\n/evil.example", "\t//evil.example", "/a\x00b", "/a\u0085b", "javascript:alert(1)", "evil.example",
		"?a=b", "/%zz", "/" + strings.Repeat("a", maxReturnPath),
	} {
		if to := s.browser(t).signIn("P-1", path); to != s.portal+"/" {
			t.Errorf("return path %q: got redirect to %q", path, to)
		}
	}
	for _, path := range []string{"/", "/agents/A-1/active?page=2", "/books/2026-01-02#top", "/a//b"} {
		if got := localPath(path); got != path {
			t.Errorf("localPath(%q) = %q", path, got)
		}
	}
	longest := "/" + strings.Repeat("a", maxReturnPath-1)
	if to := s.browser(t).signIn("P-1", longest); to != s.portal+longest {
		t.Errorf("longest path: got redirect to %q", to)
	}
}
