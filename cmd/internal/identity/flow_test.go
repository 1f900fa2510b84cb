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
	s := newStage(t, nil)
	for _, person := range people {
		b := s.browser(t)
		if got := b.who("/who"); got.Status != http.StatusUnauthorized || got.Reason != ReasonNone || got.Kind != ErrNoCredentials.Error() {
			t.Fatalf("before signing in: %+v", got)
		}
		if to := b.signIn(person.ID, "/books?friday=2026-01-02"); to != s.portal+"/books?friday=2026-01-02" {
			t.Errorf("signing in leads to %q", to)
		}
		if got := b.who("/who"); got.Person != person.Person {
			t.Errorf("signed in as %+v, not %+v", got.Person, person.Person)
		}
	}
}

func TestCookies(t *testing.T) {
	s := newStage(t, nil)
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
				t.Errorf("the cookie %s is not kept close enough: %s", c.Name, c.Raw)
			}
		}
	}
	if c := cookies[sessionCookie]; c == nil || c.Path != "/" || c.MaxAge != 0 || !c.Expires.IsZero() {
		t.Errorf("the session's cookie should go with the browser's session: %+v", c)
	}
	if c := cookies[loginCookie]; c == nil || c.Path != "/sign-in" || c.MaxAge != 600 {
		t.Errorf("the cookie of a begun sign-in should last ten minutes: %+v", c)
	}
	if b.cookie("/sign-in/callback", loginCookie) != nil {
		t.Error("the cookie of the begun sign-in has outlived it")
	}
	if again := b.get(s.portal + "/who"); again.header.Get("Set-Cookie") != "" {
		t.Errorf("a request that changes nothing sets a cookie: %s", again.header.Get("Set-Cookie"))
	}
}

// altered returns an address with a parameter set anew, or gone.
func altered(t *testing.T, address, name, value string) string {
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
	s := newStage(t, nil)
	other := s.browser(t)
	cases := []struct {
		name   string
		walk   func(b *browser) page
		reason Reason
	}{
		{"another state", func(b *browser) page {
			return b.get(altered(t, b.choose(b.begin("/"), "P-1"), "state", "ABCDEFGHIJKLMNOPQRSTUVWXYZ"))
		}, ReasonState},
		{"no state", func(b *browser) page { return b.get(altered(t, b.choose(b.begin("/"), "P-1"), "state", "")) }, ReasonState},
		{"begun in another browser", func(b *browser) page { b.begin("/"); return b.get(other.choose(other.begin("/"), "P-1")) }, ReasonState},
		{"never begun", func(b *browser) page { return b.get(other.choose(other.begin("/"), "P-1")) }, ReasonState},
		{"a cookie that was tampered with", func(b *browser) page {
			to := b.choose(b.begin("/"), "P-1")
			u, _ := url.Parse(s.portal + "/sign-in")
			c := b.cookie("/sign-in", loginCookie)
			b.client.Jar.SetCookies(u, []*http.Cookie{{Name: loginCookie, Path: "/sign-in", Secure: true, Value: string(c.Value[0]^1) + c.Value[1:]}})
			return b.get(to)
		}, ReasonState},
		{"another nonce", func(b *browser) page { return b.get(b.choose(altered(t, b.begin("/"), "nonce", "other"), "P-1")) }, ReasonToken},
		{"no nonce", func(b *browser) page { return b.get(b.choose(altered(t, b.begin("/"), "nonce", ""), "P-1")) }, ReasonToken},
		{"another challenge", func(b *browser) page {
			return b.get(b.choose(altered(t, b.begin("/"), "code_challenge", strings.Repeat("x", 43)), "P-1"))
		}, ReasonCode},
		{"another issuer", func(b *browser) page {
			return b.get(altered(t, b.choose(b.begin("/"), "P-1"), "iss", "https://other.example"))
		}, ReasonMixUp},
		{"no issuer, of one that names itself", func(b *browser) page { return b.get(altered(t, b.choose(b.begin("/"), "P-1"), "iss", "")) }, ReasonMixUp},
		{"a made-up code", func(b *browser) page { return b.get(altered(t, b.choose(b.begin("/"), "P-1"), "code", "made-up")) }, ReasonCode},
		{"the issuer's refusal", func(b *browser) page {
			return b.get(b.get(altered(t, b.begin("/"), "code_challenge_method", "plain")).to)
		}, ReasonDenied},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			b := s.browser(t)
			got := read(t, c.walk(b))
			if got.Status != http.StatusUnauthorized || got.Reason != c.reason || got.Kind != ErrBadCredentials.Error() {
				t.Errorf("the callback answers %+v, not the reason %s", got, c.reason)
			}
			if b.cookie("/", sessionCookie) != nil || b.who("/who").Status != http.StatusUnauthorized {
				t.Error("a refused callback has made a session")
			}
		})
	}
	if n := len(s.id.store.sessions); n != 0 {
		t.Errorf("refused callbacks have left %d sessions", n)
	}
	if n := len(s.id.logins.used); n != 0 {
		t.Errorf("refused callbacks have left %d states", n)
	}
}

// What an issuer's error says is anybody's text, and is not repeated.
func TestErrorIsNotRepeated(t *testing.T) {
	s := newStage(t, nil)
	for code, repeated := range map[string]bool{"access_denied": true, "<script>": false, "José Núñez": false, "a b": false, strings.Repeat("a", 41): false} {
		b := s.browser(t)
		u, _ := url.Parse(b.begin("/"))
		q := url.Values{"state": {u.Query().Get("state")}, "iss": {s.base}, "error": {code}, "error_description": {"canary"}}
		got := b.who("/sign-in/callback?" + q.Encode())
		if got.Reason != ReasonDenied || strings.Contains(got.Text, code) != repeated || strings.Contains(got.Text, "canary") {
			t.Errorf("the error %q is told as %+v", code, got)
		}
	}
}

// A callback of a stranger must not end the sign-in that it interrupts.
func TestForgedCallbackLeavesTheTrueOne(t *testing.T) {
	s := newStage(t, nil)
	b := s.browser(t)
	to := b.choose(b.begin("/"), "P-1")
	if got := read(t, b.get(s.portal+"/sign-in/callback?state=forged&code=forged")); got.Reason != ReasonState {
		t.Fatalf("the forged callback answers %+v", got)
	}
	if p := b.get(to); p.status != http.StatusSeeOther {
		t.Errorf("the true callback answers %d: %s", p.status, p.body)
	}
}

// A code that was used belongs to no second sign-in, even with its own state.
func TestReplayedCode(t *testing.T) {
	s := newStage(t, nil)
	b := s.browser(t)
	to := b.choose(b.begin("/"), "P-1")
	u, _ := url.Parse(to)
	code := u.Query().Get("code")
	b.get(to)
	thief := s.browser(t)
	if got := read(t, thief.get(altered(t, thief.choose(thief.begin("/"), "P-2"), "code", code))); got.Reason != ReasonCode || !strings.Contains(got.Text, "(invalid_grant)") {
		t.Errorf("a used code: %+v", got)
	}
}

// A callback counts once, for whoever has its address and the cookie, even of many
// at once.
func TestReplayedCallback(t *testing.T) {
	s := newStage(t, nil)
	b := s.browser(t)
	to := b.choose(b.begin("/"), "P-1")
	begun := b.cookie("/sign-in", loginCookie)
	replay := func() page {
		r, err := http.NewRequest(http.MethodGet, to, nil)
		if err == nil {
			r.AddCookie(begun)
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
		t.Errorf("one callback, shown %d times at once, answers %v", len(statuses), statuses)
	}
	if got := read(t, replay()); got.Reason != ReasonState || !strings.Contains(got.Text, "before") {
		t.Errorf("the callback answers again: %+v", got)
	}
}

func TestNewSessionAtSignIn(t *testing.T) {
	s := newStage(t, nil)
	b := s.browser(t)
	u, _ := url.Parse(s.portal)
	planted := "planted-by-somebody-else-0000000000000000000"
	b.client.Jar.SetCookies(u, []*http.Cookie{{Name: sessionCookie, Value: planted, Path: "/", Secure: true}})
	b.signIn("P-1", "/")
	first := b.cookie("/", sessionCookie).Value
	if first == planted {
		t.Fatal("the session has the id that somebody else had planted")
	}
	if got := s.with(t, planted, "/who"); got.Status != http.StatusUnauthorized {
		t.Errorf("the planted id opens a session: %+v", got)
	}
	b.get(s.portal + "/put?key=search&value=lopez")
	b.signIn("P-2", "/")
	second := b.cookie("/", sessionCookie).Value
	if second == first {
		t.Error("the second sign-in keeps the session's id")
	}
	if got := s.with(t, first, "/who"); got.Reason != ReasonSession {
		t.Errorf("the first session goes on after the second sign-in: %+v", got)
	}
	if got := b.get(s.portal + "/get?key=search").body; got != "" {
		t.Errorf("the second person finds the first one's search %q", got)
	}
	if got := b.who("/who").Person; got != people[1].Person {
		t.Errorf("signed in as %+v", got)
	}
}

func TestSignOut(t *testing.T) {
	s := newStage(t, nil)
	b := s.browser(t)
	b.signIn("P-1", "/")
	old := b.cookie("/", sessionCookie).Value
	if got := s.with(t, old, "/who"); got.Status != http.StatusOK {
		t.Fatalf("the cookie does not open the session: %+v", got)
	}
	p := b.post(s.portal+"/sign-out", nil)
	u, err := url.Parse(p.to)
	fixture.Must(t, err)
	q := u.Query()
	if !strings.HasPrefix(p.to, s.base+"/end-session?") || q.Get("client_id") != client || q.Get("post_logout_redirect_uri") != s.portal+"/signed-out" || strings.Count(q.Get("id_token_hint"), ".") != 2 {
		t.Errorf("sign-out leads to %s", p.to)
	}
	if back := b.get(p.to); back.to != s.portal+"/signed-out" {
		t.Errorf("the issuer leads back to %q: %s", back.to, back.body)
	}
	if got := s.with(t, old, "/who"); got.Status != http.StatusUnauthorized || got.Reason != ReasonSession {
		t.Errorf("the old cookie after sign-out: %+v", got)
	}
	if b.cookie("/", sessionCookie) != nil || b.who("/who").Reason != ReasonNone {
		t.Error("the browser keeps its cookie after sign-out")
	}
	// Nobody to sign out is no reason to fail.
	if p := s.browser(t).post(s.portal+"/sign-out", nil); p.status != http.StatusSeeOther {
		t.Errorf("sign-out without a session answers %d", p.status)
	}
}

// A request that is under way at sign-out must not bring its session back.
func TestSignOutDuringARequest(t *testing.T) {
	s := newStage(t, nil)
	b := s.browser(t)
	b.signIn("P-1", "/")
	old := b.cookie("/", sessionCookie)
	reached, goOn := make(chan struct{}), make(chan struct{})
	s.rt["slow.test"] = s.id.Middleware(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		s.id.Put(r, "search", "late")
		close(reached)
		<-goOn
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
	close(goOn)
	slow.Wait()
	if got := s.with(t, old.Value, "/who"); got.Reason != ReasonSession {
		t.Errorf("the session is back: %+v", got)
	}
	if n := len(s.id.store.sessions); n != 0 {
		t.Errorf("%d sessions are kept", n)
	}
}

func TestTexts(t *testing.T) {
	s := newStage(t, nil)
	b := s.browser(t)
	b.get(s.portal + "/put?key=search&value=x")
	if n := len(s.id.store.sessions); n != 0 || b.cookie("/", sessionCookie) != nil {
		t.Fatalf("a text of a stranger is kept in %d sessions, or they have a cookie", n)
	}
	b.signIn("P-1", "/")
	b.get(s.portal + "/put?key=search&value=Jos%C3%A9")
	b.get(s.portal + "/put?key=person&value=P-2")
	for _, c := range []struct{ path, want string }{
		{"/get?key=search", "José"}, {"/get?key=search", "José"}, {"/get?key=other", ""},
		{"/pop?key=search", "José"}, {"/pop?key=search", ""}, {"/get?key=person", "P-2"},
	} {
		if got := b.get(s.portal + c.path).body; got != c.want {
			t.Errorf("%s answers %q, not %q", c.path, got, c.want)
		}
	}
	if got := b.who("/who").Person.ID; got != "P-1" {
		t.Errorf("a text has changed who is signed in to %q", got)
	}
}

func TestNoOpenRedirect(t *testing.T) {
	s := newStage(t, nil)
	for _, path := range []string{
		"", "https://evil.example/", "//evil.example", "///evil.example", `/\evil.example`, `\/evil.example`, "/a\\..\\b",
		"/\t/evil.example", "/\n/evil.example", "\t//evil.example", "/a\x00b", "/a\u0085b", "javascript:alert(1)", "evil.example",
		"?a=b", "/%zz", "/" + strings.Repeat("a", maxReturnPath),
	} {
		if to := s.browser(t).signIn("P-1", path); to != s.portal+"/" {
			t.Errorf("a sign-in begun for %q leads to %q", path, to)
		}
	}
	for _, path := range []string{"/", "/agents/A-1/active?page=2", "/books/2026-01-02#top", "/a//b"} {
		if got := localPath(path); got != path {
			t.Errorf("the path %q became %q", path, got)
		}
	}
	longest := "/" + strings.Repeat("a", maxReturnPath-1)
	if to := s.browser(t).signIn("P-1", longest); to != s.portal+longest {
		t.Errorf("the longest path is lost")
	}
}
