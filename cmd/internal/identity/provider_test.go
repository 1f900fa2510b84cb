package identity

import (
	"bufio"
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"net/url"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"bookledger/cmd/internal/fixture"
)

// These tests sign in with the npm package oidc-provider, a certified OpenID
// provider, in place of the demo's issuer. `npm ci --ignore-scripts` in
// testdata/provider installs it.

const (
	secret   = "a-secret-for-tests-alone"
	resource = "https://books.example/api"
)

// running is a running provider.
type running struct{ Issuer, Address string }

// needProvider leaves a test to the long walks, which need the provider.
func needProvider(t *testing.T) {
	t.Helper()
	fixture.Program(t, "node")
	fixture.File(t, filepath.Join("testdata", "provider", "node_modules", "oidc-provider", "package.json"), "npm ci --ignore-scripts in testdata/provider")
}

// startProvider runs a provider until the test has ended. issuer is "" where
// it speaks in its own name.
func startProvider(t *testing.T, portal, issuer string, ttl map[string]int) running {
	t.Helper()
	redirects := map[string]any{"redirect_uris": []string{portal + "/sign-in/callback"}, "post_logout_redirect_uris": []string{portal + "/signed-out"}}
	asked, err := json.Marshal(map[string]any{"issuer": issuer, "ttl": ttl, "clients": []any{
		with(redirects, map[string]any{"client_id": client, "token_endpoint_auth_method": "none"}),
		with(redirects, map[string]any{"client_id": "other", "token_endpoint_auth_method": "none"}),
		with(redirects, map[string]any{"client_id": "confidential", "client_secret": secret}),
		map[string]any{"client_id": "reporting", "client_secret": secret, "redirect_uris": []string{}, "response_types": []string{}, "grant_types": []string{"client_credentials"}},
	}})
	fixture.Must(t, err)
	command := exec.Command("node", "provider.mjs", string(asked))
	command.Dir = filepath.Join("testdata", "provider")
	var complaints bytes.Buffer
	command.Stderr = &complaints
	in, err := command.StdinPipe()
	fixture.Must(t, err)
	out, err := command.StdoutPipe()
	fixture.Must(t, err)
	fixture.Must(t, command.Start())
	lines := bufio.NewReader(out)
	t.Cleanup(func() {
		in.Close()
		_, _ = io.Copy(io.Discard, lines)
		if err := command.Wait(); err != nil || t.Failed() {
			t.Logf("the provider: %v\n%s", err, complaints.String())
		}
	})
	line, err := lines.ReadBytes('\n')
	var p running
	if err != nil || json.Unmarshal(line, &p) != nil {
		t.Fatalf("the provider does not start: %q, %v", line, err)
	}
	return p
}

// newProviderStage is a portal whose issuer is a provider, through rt where it
// is not nil.
func newProviderStage(t *testing.T, ttl map[string]int, change func(*Options), rt func(p running, next http.RoundTripper) http.RoundTripper) (*stage, running) {
	t.Helper()
	needProvider(t)
	server, handler := serve(t)
	p := startProvider(t, server.URL, "", ttl)
	s := &stage{portal: server.URL, base: p.Issuer, rt: server.Client().Transport}
	s.id = s.identity(t, p.Issuer, func(o *Options) {
		o.Audience = resource
		if rt != nil {
			o.Client = &http.Client{Transport: rt(p, s.rt)}
		}
		if change != nil {
			change(o)
		}
	})
	handler.Handler = portal(s.id)
	return s, p
}

var action = regexp.MustCompile(`<form [^>]*action="([^"]+)"`)

// pass goes through the provider's pages as a person would and returns the
// address at the portal that they lead to, and how many pages there were.
func (b *browser) pass(address, person string) (to string, pages int) {
	b.t.Helper()
	p := page{to: address}
	for range 20 {
		if strings.HasPrefix(p.to, b.portal+"/") {
			return p.to, pages
		}
		form := action.FindStringSubmatch(p.body)
		switch {
		case p.to != "":
			p = b.get(p.to)
		case p.status == http.StatusOK && form != nil:
			pages++
			fields := hiddenFields(p.body)
			fields.Set("login", person)
			fields.Set("password", "made-up")
			fields.Set("logout", "yes")
			p = b.post(form[1], fields)
		default:
			b.t.Fatalf("the provider answers %d: %s", p.status, p.body)
		}
	}
	b.t.Fatal("the provider does not come to an end")
	return "", 0
}

// through is a round tripper made of a function.
type through func(*http.Request) (*http.Response, error)

func (f through) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

func TestProviderSignsIn(t *testing.T) {
	s, _ := newProviderStage(t, nil, nil, nil)
	for _, person := range []int{0, 2} {
		b := s.browser(t)
		to, pages := b.pass(b.begin("/books"), people[person].ID)
		if pages != 2 {
			t.Errorf("the provider showed %d pages, not sign-in and consent", pages)
		}
		if p := b.get(to); p.to != s.portal+"/books" {
			t.Fatalf("the callback answers %d to %q: %s", p.status, p.to, p.body)
		}
		if got := b.who("/who"); got.Person != people[person].Person {
			t.Errorf("signed in as %+v, not %+v", got.Person, people[person].Person)
		}
	}
}

func TestProviderWithSecret(t *testing.T) {
	for given, want := range map[string]Reason{secret: "", "wrong": ReasonCode} {
		s, _ := newProviderStage(t, nil, func(o *Options) { o.ClientID, o.ClientSecret = "confidential", given }, nil)
		b := s.browser(t)
		to, _ := b.pass(b.begin("/"), "P-1")
		p := b.get(to)
		if want == "" {
			if got := b.who("/who"); got.Person != people[0].Person {
				t.Errorf("signed in as %+v: %s", got, p.body)
			}
		} else if got := read(t, p); got.Reason != want || !strings.Contains(got.Text, "invalid_client") {
			t.Errorf("with a wrong secret: %+v", got)
		}
	}
}

func TestProviderWrongNonce(t *testing.T) {
	s, _ := newProviderStage(t, nil, nil, nil)
	b := s.browser(t)
	to, _ := b.pass(altered(t, b.begin("/"), "nonce", "of-another-sign-in"), "P-1")
	if got := read(t, b.get(to)); got.Reason != ReasonToken || !strings.Contains(got.Text, "another sign-in") {
		t.Errorf("a token with another nonce: %+v", got)
	}
	if got := b.who("/who"); got.Status != http.StatusUnauthorized {
		t.Errorf("signed in all the same: %+v", got)
	}
}

// The provider's tokens hold for a second, which is over by the portal's clock.
func TestProviderExpiredToken(t *testing.T) {
	late := func(o *Options) { o.Now = func() time.Time { return time.Now().Add(2 * time.Second) } }
	s, p := newProviderStage(t, map[string]int{"IdToken": 1, "ClientCredentials": 1}, late, nil)
	b := s.browser(t)
	to, _ := b.pass(b.begin("/"), "P-1")
	if got := read(t, b.get(to)); got.Reason != ReasonExpired {
		t.Errorf("an expired ID token: %+v", got)
	}
	if got := s.bearing(t, "Bearer "+s.accessToken(t, p, resource)); got.Reason != ReasonExpired {
		t.Errorf("an expired access token: %+v", got)
	}
}

// accessToken gets an access token for an audience from the provider.
func (s *stage) accessToken(t *testing.T, p running, audience string) string {
	t.Helper()
	b := s.browser(t)
	form := url.Values{"grant_type": {"client_credentials"}, "resource": {audience}, "scope": {"books"}}
	r, err := http.NewRequest(http.MethodPost, p.Address+"/token", strings.NewReader(form.Encode()))
	if err == nil {
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		r.SetBasicAuth("reporting", secret)
	}
	answer := b.do(r, err)
	var tokens struct {
		Access string `json:"access_token"`
	}
	if err := json.Unmarshal([]byte(answer.body), &tokens); err != nil || strings.Count(tokens.Access, ".") != 2 {
		t.Fatalf("the provider answers %d: %s", answer.status, answer.body)
	}
	return tokens.Access
}

func TestProviderBearer(t *testing.T) {
	s, p := newProviderStage(t, nil, nil, nil)
	if got := s.bearing(t, "Bearer "+s.accessToken(t, p, resource)); got.Status != http.StatusOK || got.Person.ID != "reporting" {
		t.Errorf("an access token: %+v", got)
	}
	if got := s.bearing(t, "Bearer "+s.accessToken(t, p, "https://elsewhere.example/")); got.Reason != ReasonToken || !strings.Contains(got.Text, "another audience") {
		t.Errorf("an access token for another audience: %+v", got)
	}
}

// An ID token opens no interface, even one whose audience is the portal.
func TestProviderIDTokenAsBearer(t *testing.T) {
	s, _ := newProviderStage(t, nil, func(o *Options) { o.Audience = client }, nil)
	b := s.browser(t)
	to, _ := b.pass(b.begin("/"), "P-1")
	b.get(to)
	u, err := url.Parse(b.post(s.portal+"/sign-out", nil).to)
	fixture.Must(t, err)
	token := u.Query().Get("id_token_hint")
	if got := s.bearing(t, "Bearer "+token); got.Reason != ReasonToken || !strings.Contains(got.Text, "ID token") {
		t.Errorf("an ID token as a bearer token: %+v", got)
	}
}

// The provider signs a token for another client, which the portal is handed in
// answer to its own sign-in, with the right nonce.
func TestProviderWrongAudience(t *testing.T) {
	s, _ := newProviderStage(t, nil, nil, func(_ running, next http.RoundTripper) http.RoundTripper {
		return through(func(r *http.Request) (*http.Response, error) {
			if r.URL.Path != "/token" {
				return next.RoundTrip(r)
			}
			// The other client redeems the code in the portal's place.
			if err := r.ParseForm(); err != nil {
				return nil, err
			}
			r.PostForm.Set("client_id", "other")
			changed, err := http.NewRequestWithContext(r.Context(), r.Method, r.URL.String(), strings.NewReader(r.PostForm.Encode()))
			if err != nil {
				return nil, err
			}
			changed.Header = r.Header
			return next.RoundTrip(changed)
		})
	})
	b := s.browser(t)
	to, _ := b.pass(altered(t, b.begin("/"), "client_id", "other"), "P-1")
	if got := read(t, b.get(to)); got.Reason != ReasonToken || !strings.Contains(got.Text, "another audience") {
		t.Errorf("a token for another client: %+v", got)
	}
}

// Another instance of the provider, with keys of its own, speaks in the first
// one's name; what it signs is checked with the first one's keys.
func TestProviderWrongKey(t *testing.T) {
	var second running
	s, first := newProviderStage(t, nil, nil, func(first running, next http.RoundTripper) http.RoundTripper {
		return through(func(r *http.Request) (*http.Response, error) {
			if r.URL.Path == "/token" {
				to, err := url.Parse(second.Address + "/token")
				if err != nil {
					return nil, err
				}
				r = r.Clone(r.Context())
				r.URL, r.Host = to, to.Host
			}
			return next.RoundTrip(r)
		})
	})
	second = startProvider(t, s.portal, first.Issuer, nil)
	b := s.browser(t)
	at := strings.Replace(b.begin("/"), first.Address, second.Address, 1)
	to, _ := b.pass(at, "P-1")
	if got := read(t, b.get(to)); got.Reason != ReasonToken || !strings.Contains(got.Text, "not the issuer's") {
		t.Errorf("an ID token signed with another key: %+v", got)
	}
	if got := s.bearing(t, "Bearer "+s.accessToken(t, second, resource)); got.Reason != ReasonToken || !strings.Contains(got.Text, "not the issuer's") {
		t.Errorf("an access token signed with another key: %+v", got)
	}
	if got := s.bearing(t, "Bearer "+s.accessToken(t, first, resource)); got.Status != http.StatusOK {
		t.Errorf("an access token of the first: %+v", got)
	}
}

func TestProviderSignOut(t *testing.T) {
	s, p := newProviderStage(t, nil, nil, nil)
	b := s.browser(t)
	to, _ := b.pass(b.begin("/"), "P-1")
	b.get(to)
	old := b.cookie("/", sessionCookie).Value
	// The provider knows them still: it asks nothing.
	again := s.browser(t)
	again.client.Jar = b.client.Jar
	if to, pages := again.pass(again.begin("/"), "P-3"); pages != 0 || again.get(to).status != http.StatusSeeOther {
		t.Fatalf("the provider asks %d pages of somebody whom it knows", pages)
	}
	if got := s.with(t, old, "/who"); got.Reason != ReasonSession {
		t.Errorf("the session before the second sign-in: %+v", got)
	}
	old = b.cookie("/", sessionCookie).Value
	out := b.post(s.portal+"/sign-out", nil)
	if !strings.HasPrefix(out.to, p.Issuer+"/session/end?") {
		t.Fatalf("sign-out leads to %q", out.to)
	}
	if to, pages := b.pass(out.to, ""); to != s.portal+"/signed-out" || pages != 1 {
		t.Errorf("the provider leads back to %q after %d pages", to, pages)
	}
	if got := s.with(t, old, "/who"); got.Reason != ReasonSession {
		t.Errorf("the old cookie after sign-out: %+v", got)
	}
	if to, pages := b.pass(b.begin("/"), "P-3"); pages == 0 || b.get(to).status != http.StatusSeeOther || b.who("/who").Person.ID != "P-3" {
		t.Errorf("the provider knows them still after sign-out, and asks %d pages", pages)
	}
}
