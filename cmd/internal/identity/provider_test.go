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

	"bookledger/cmd/internal/fixture"
)

// These tests sign in with the npm package oidc-provider, a certified OpenID
// provider, instead of the demo's issuer. Install it with `npm ci
// --ignore-scripts` in testdata/provider. fakeIssuer covers responses that it
// would never send.

const secret = "a-secret-for-tests-alone"

// newProviderEnv returns a portal whose issuer is a provider that runs until
// the test ends.
func newProviderEnv(t *testing.T, change func(*Options)) *env {
	t.Helper()
	fixture.Program(t, "node")
	folder := filepath.Join("testdata", "provider")
	fixture.File(t, filepath.Join(folder, "node_modules", "oidc-provider", "package.json"), "npm ci --ignore-scripts in testdata/provider")
	redirects := map[string]any{"redirect_uris": []string{"https://" + portalHost + "/sign-in/callback"}, "post_logout_redirect_uris": []string{"https://" + portalHost + "/signed-out"}}
	clients, err := json.Marshal([]any{
		withClaims(redirects, map[string]any{"client_id": client, "token_endpoint_auth_method": "none"}),
		withClaims(redirects, map[string]any{"client_id": "confidential", "client_secret": secret}),
		map[string]any{"client_id": "reporting", "client_secret": secret, "redirect_uris": []string{}, "response_types": []string{}, "grant_types": []string{"client_credentials"}},
	})
	fixture.Must(t, err)
	command := exec.Command("node", "provider.mjs", string(clients))
	command.Dir = folder
	var stderr bytes.Buffer
	command.Stderr = &stderr
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
			t.Logf("the provider: %v\n%s", err, stderr.String())
		}
	})
	address, err := lines.ReadString('\n')
	if err != nil {
		t.Fatalf("the provider did not start: %q, %v", address, err)
	}
	return newEnvAt(t, strings.TrimSpace(address), change)
}

var action = regexp.MustCompile(`<form [^>]*action="([^"]+)"`)

// followPages completes the provider's pages as a person would. It returns the
// portal address to which they lead, and the number of pages.
func (b *browser) followPages(address, person string) (to string, pages int) {
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
			b.t.Fatalf("the provider returned %d: %s", p.status, p.body)
		}
	}
	b.t.Fatal("the provider did not return to the portal after 20 requests")
	return "", 0
}

func TestProviderSignsIn(t *testing.T) {
	s := newProviderEnv(t, nil)
	for _, person := range []int{0, 2} {
		b := s.browser(t)
		to, pages := b.followPages(b.begin("/books"), people[person].ID)
		if pages != 2 {
			t.Errorf("got %d pages, want 2 (sign-in and consent)", pages)
		}
		if p := b.get(to); p.to != s.portal+"/books" {
			t.Fatalf("the callback returned %d to %q: %s", p.status, p.to, p.body)
		}
		if got := b.whoAmI("/who"); got.Person != people[person].Person {
			t.Errorf("got person %+v, want %+v", got.Person, people[person].Person)
		}
	}
}

func TestProviderWithSecret(t *testing.T) {
	for given, want := range map[string]Reason{secret: "", "wrong": ReasonCode} {
		s := newProviderEnv(t, func(o *Options) { o.ClientID, o.ClientSecret = "confidential", given })
		b := s.browser(t)
		to, _ := b.followPages(b.begin("/"), "P-1")
		p := b.get(to)
		if want == "" {
			if got := b.whoAmI("/who"); got.Person != people[0].Person {
				t.Errorf("got person %+v: %s", got, p.body)
			}
		} else if got := read(t, p); got.Reason != want || !strings.Contains(got.Text, "invalid_client") {
			t.Errorf("wrong secret: got %+v", got)
		}
	}
}

func TestProviderBearer(t *testing.T) {
	s := newProviderEnv(t, func(o *Options) { o.Audience = "https://books.example/api" })
	for audience, want := range map[string]int{"https://books.example/api": http.StatusOK, "https://elsewhere.example/": http.StatusUnauthorized} {
		form := url.Values{"grant_type": {"client_credentials"}, "resource": {audience}, "scope": {"books"}}
		r, err := http.NewRequest(http.MethodPost, s.base+"/token", strings.NewReader(form.Encode()))
		if err == nil {
			r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
			r.SetBasicAuth("reporting", secret)
		}
		response := s.browser(t).do(r, err)
		var tokens struct {
			Access string `json:"access_token"`
		}
		if err := json.Unmarshal([]byte(response.body), &tokens); err != nil || strings.Count(tokens.Access, ".") != 2 {
			t.Fatalf("the provider returned %d: %s", response.status, response.body)
		}
		if got := s.sendBearer(t, "Bearer "+tokens.Access); got.Status != want || want == http.StatusOK && got.Person.ID != "reporting" {
			t.Errorf("access token for %s: got %+v", audience, got)
		}
	}
}

func TestProviderSignOut(t *testing.T) {
	s := newProviderEnv(t, nil)
	b := s.browser(t)
	to, _ := b.followPages(b.begin("/"), "P-1")
	b.get(to)
	old := b.cookie("/", sessionCookie).Value
	// The provider still has its own session, so it shows no page.
	again := s.browser(t)
	again.client.Jar = b.client.Jar
	if to, pages := again.followPages(again.begin("/"), "P-3"); pages != 0 || again.get(to).status != http.StatusSeeOther {
		t.Fatalf("got %d pages for a person with a provider session, want 0", pages)
	}
	if got := s.sendCookie(t, old, "/who"); got.Reason != ReasonSession {
		t.Errorf("first session after the second sign-in: got %+v", got)
	}
	old = b.cookie("/", sessionCookie).Value
	out := b.post(s.portal+"/sign-out", nil)
	if !strings.HasPrefix(out.to, s.base+"/session/end?") {
		t.Fatalf("got sign-out redirect to %q", out.to)
	}
	if to, pages := b.followPages(out.to, ""); to != s.portal+"/signed-out" || pages != 1 {
		t.Errorf("got redirect from the provider to %q after %d pages", to, pages)
	}
	if got := s.sendCookie(t, old, "/who"); got.Reason != ReasonSession {
		t.Errorf("old cookie after sign-out: got %+v", got)
	}
	if to, pages := b.followPages(b.begin("/"), "P-3"); pages == 0 || b.get(to).status != http.StatusSeeOther || b.whoAmI("/who").Person.ID != "P-3" {
		t.Errorf("sign-in after sign-out failed, or the provider kept its session (%d pages)", pages)
	}
}
