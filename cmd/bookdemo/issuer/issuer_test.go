package issuer

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"html"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"

	"bookledger/cmd/internal/fixture"
	"bookledger/projections/access"
)

const (
	base   = "http://127.0.0.1:8080/issuer"
	portal = "http://127.0.0.1:8080"
	secret = "a-verifier-that-is-at-least-forty-three-letters-long"
)

func options() Options {
	return Options{Base: base, ClientID: "portal", Portal: portal, Stylesheet: "/style.css", Now: time.Now, People: []Person{
		{Person: access.Person{ID: "P-1", AgentID: "A-1", Name: "Ana <b>Quiroga</b>"}, Role: "agent", AgencyID: "G-1"},
		{Person: access.Person{ID: "P-2", Name: "Bo Lindqvist"}, Role: "admin_l2", AgencyID: "G-1"},
		{Person: access.Person{ID: "P-3", Name: "Cy Okafor", Auditor: true}, Role: "auditor"},
	}}
}

func newIssuer(t *testing.T) *Issuer {
	t.Helper()
	i, err := New(options())
	fixture.Must(t, err)
	return i
}

// send sends a request with a form and pairs of header names and values.
func send(i *Issuer, method, address string, form url.Values, headers ...string) *httptest.ResponseRecorder {
	r := httptest.NewRequest(method, address, strings.NewReader(form.Encode()))
	if method == http.MethodPost {
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	for n := 0; n+1 < len(headers); n += 2 {
		r.Header.Set(headers[n], headers[n+1])
	}
	w := httptest.NewRecorder()
	i.ServeHTTP(w, r)
	return w
}

// request returns a valid authorization request with some parameters changed.
func request(changed ...string) url.Values {
	sum := sha256.Sum256([]byte(secret))
	q := url.Values{
		"response_type": {"code"}, "client_id": {"portal"}, "redirect_uri": {portal + "/sign-in/callback"}, "scope": {"openid profile"},
		"state": {"s&<t>"}, "nonce": {"n"}, "code_challenge": {base64.RawURLEncoding.EncodeToString(sum[:])}, "code_challenge_method": {"S256"},
	}
	for n := 0; n+1 < len(changed); n += 2 {
		q.Set(changed[n], changed[n+1])
		if changed[n+1] == "" {
			q.Del(changed[n])
		}
	}
	return q
}

// code signs in a person and returns the code.
func code(t *testing.T, i *Issuer, person string) string {
	t.Helper()
	q := request("person", person)
	w := send(i, http.MethodPost, base+"/authorize", q, "Sec-Fetch-Site", "same-origin")
	to, err := url.Parse(w.Header().Get("Location"))
	if err != nil || w.Code != http.StatusSeeOther || to.Query().Get("code") == "" {
		t.Fatalf("choosing %s: got %d to %q, want a redirect with a code", person, w.Code, to)
	}
	if got := to.Query(); got.Get("state") != q.Get("state") || got.Get("iss") != base || !strings.HasPrefix(to.String(), portal+"/sign-in/callback?") {
		t.Errorf("got redirect %s", to)
	}
	return to.Query().Get("code")
}

// redeem requests the tokens of a code, with some parameters changed.
func redeem(i *Issuer, code string, changed ...string) (status int, answer map[string]any) {
	form := url.Values{"grant_type": {"authorization_code"}, "code": {code}, "client_id": {"portal"}, "redirect_uri": {portal + "/sign-in/callback"}, "code_verifier": {secret}}
	for n := 0; n+1 < len(changed); n += 2 {
		form.Set(changed[n], changed[n+1])
	}
	w := send(i, http.MethodPost, base+"/token", form)
	_ = json.Unmarshal(w.Body.Bytes(), &answer)
	return w.Code, answer
}

func TestNewChecksOptions(t *testing.T) {
	for name, change := range map[string]func(*Options){
		"trailing slash":       func(o *Options) { o.Base += "/" },
		"not http":             func(o *Options) { o.Base = "ftp://127.0.0.1/issuer" },
		"not loopback":         func(o *Options) { o.Base = "http://10.0.0.1/issuer" },
		"no host":              func(o *Options) { o.Base = "http:///issuer" },
		"no client":            func(o *Options) { o.ClientID = "" },
		"no portal":            func(o *Options) { o.Portal = "" },
		"a portal with a path": func(o *Options) { o.Portal += "/" },
		"duplicate person":     func(o *Options) { o.People = append(o.People, o.People[0]) },
		"person without id":    func(o *Options) { o.People[0].ID = "" },
	} {
		o := options()
		change(&o)
		if _, err := New(o); err == nil {
			t.Errorf("%s: got no error", name)
		}
	}
}

func TestSignInPage(t *testing.T) {
	i := newIssuer(t)
	w := send(i, http.MethodGet, base+"/authorize?"+request().Encode(), nil)
	body := w.Body.String()
	for _, want := range []string{
		`<html lang="en">`, `<header class="masthead">`, `Book of Business`, `<p class="banner">This is a demo.`, `<main class="page narrow">`, `<h1>Sign in</h1>`,
		`<ul class="choices">`, `<button class="choice" name="person" value="P-2">`, "Admin staff, level 2", "person P-1 · agent A-1 · agency G-1", "person P-3<",
		html.EscapeString("Ana <b>Quiroga</b>"), `name="state" value="s&amp;&lt;t&gt;"`, `href="/style.css"`, `action="/issuer/authorize"`,
	} {
		if !strings.Contains(body, want) {
			t.Errorf("the page lacks %q", want)
		}
	}
	if w.Code != http.StatusOK || strings.Contains(body, "<script") || strings.Count(body, "<form ") != 1 || strings.Count(body, "<button ") != 3 {
		t.Errorf("got status %d and page %s", w.Code, body)
	}
	policy := w.Header().Get("Content-Security-Policy")
	if !strings.HasPrefix(policy, "default-src 'none'; ") || !strings.Contains(policy, "form-action 'self' "+portal+";") || strings.Contains(policy, "unsafe") || strings.Contains(policy, "script-src") {
		t.Errorf("got policy %q", policy)
	}
	if w.Header().Get("Cache-Control") != "no-store" {
		t.Error("the page may be cached")
	}
}

func TestAuthorizeRejectsInvalidRequests(t *testing.T) {
	i := newIssuer(t)
	for _, c := range []struct{ name, value, code string }{
		{"client_id", "other", ""}, {"client_id", "", ""}, {"redirect_uri", portal + "/sign-in/callback/", ""}, {"redirect_uri", "https://evil.example/", ""}, {"redirect_uri", "", ""},
		{"response_type", "token", "unsupported_response_type"}, {"scope", "profile", "invalid_scope"}, {"scope", "", "invalid_scope"},
		{"code_challenge", "", "invalid_request"}, {"code_challenge", "short", "invalid_request"}, {"code_challenge_method", "plain", "invalid_request"}, {"code_challenge_method", "", "invalid_request"},
	} {
		q := request(c.name, c.value)
		posted := request(c.name, c.value, "person", "P-1")
		for _, w := range []*httptest.ResponseRecorder{
			send(i, http.MethodGet, base+"/authorize?"+q.Encode(), nil), send(i, http.MethodPost, base+"/authorize", posted),
		} {
			to := w.Header().Get("Location")
			if c.code == "" {
				if w.Code != http.StatusBadRequest || to != "" {
					t.Errorf("%s=%q: got status %d and redirect %q", c.name, c.value, w.Code, to)
				}
				continue
			}
			if u, err := url.Parse(to); err != nil || w.Code != http.StatusSeeOther || u.Query().Get("error") != c.code || u.Query().Has("code") || u.Query().Get("state") == "" || u.Query().Get("iss") != base {
				t.Errorf("%s=%q: got status %d and redirect %q", c.name, c.value, w.Code, to)
			}
		}
	}
	if w := send(i, http.MethodPost, base+"/authorize", request("person", "P-9")); w.Code != http.StatusBadRequest || w.Header().Get("Location") != "" {
		t.Errorf("unknown person: got status %d and a redirect, want 400", w.Code)
	}
	if len(i.grants) != 0 {
		t.Errorf("got %d codes, want 0", len(i.grants))
	}
}

// TestTokens checks the audience, type and lifetime of tokens. Tests of the identity
// package check the claims about the person.
func TestTokens(t *testing.T) {
	i := newIssuer(t)
	before := time.Now().Unix()
	status, answer := redeem(i, code(t, i, "P-1"))
	if status != http.StatusOK || answer["token_type"] != "Bearer" {
		t.Fatalf("redeeming a code: got %d %v", status, answer)
	}
	minted, err := i.Token("P-1", "api", time.Hour)
	fixture.Must(t, err)
	after := time.Now().Unix()
	for _, c := range []struct {
		token         any
		typ, audience string
		nonce         any
		ttl           time.Duration
	}{
		{answer["id_token"], "JWT", "portal", "n", tokenLifetime},
		{answer["access_token"], "at+jwt", "portal", nil, tokenLifetime},
		{minted, "at+jwt", "api", nil, time.Hour},
	} {
		text, _ := c.token.(string)
		signed, err := jose.ParseSignedCompact(text, []jose.SignatureAlgorithm{jose.ES256})
		fixture.Must(t, err)
		raw, err := signed.Verify(i.keys)
		fixture.Must(t, err)
		var claims map[string]any
		fixture.Must(t, json.Unmarshal(raw, &claims))
		typ, made := signed.Signatures[0].Protected.ExtraHeaders[jose.HeaderType], int64(claims["exp"].(float64))-int64(c.ttl/time.Second)
		if typ != c.typ || claims["aud"] != c.audience || claims["nonce"] != c.nonce || claims["iss"] != base || made < before || made > after {
			t.Errorf("token for %s of type %v: got claims %v", c.audience, typ, claims)
		}
	}
	if _, err := i.Token("P-9", "api", time.Hour); err == nil {
		t.Error("got a token for an unknown person")
	}
}

func TestCodeWorksOnce(t *testing.T) {
	clock, o := fixture.NewClock(), options()
	o.Now = clock.Now
	i, err := New(o)
	fixture.Must(t, err)
	for _, changed := range [][]string{
		{"code_verifier", "another-verifier-that-is-at-least-forty-three-letters"}, {"code_verifier", ""}, {"redirect_uri", portal + "/"},
	} {
		once := code(t, i, "P-1")
		if status, answer := redeem(i, once, changed...); status != http.StatusBadRequest || answer["error"] != "invalid_grant" {
			t.Errorf("with %v: got %d %v, want invalid_grant", changed, status, answer)
		}
		if status, _ := redeem(i, once); status != http.StatusBadRequest {
			t.Errorf("with %v: the code can be used again", changed)
		}
	}
	for _, c := range [][3]string{{"client_id", "other", "invalid_client"}, {"grant_type", "password", "unsupported_grant_type"}, {"code", "", "invalid_grant"}} {
		if status, answer := redeem(i, code(t, i, "P-1"), c[0], c[1]); status != http.StatusBadRequest || answer["error"] != c[2] {
			t.Errorf("with %s %q: got %d %v", c[0], c[1], status, answer)
		}
	}
	once := code(t, i, "P-1")
	if status, _ := redeem(i, once); status != http.StatusOK {
		t.Errorf("valid code: got %d, want 200", status)
	}
	if status, answer := redeem(i, once); status != http.StatusBadRequest || answer["error"] != "invalid_grant" {
		t.Errorf("used code: got %d %v, want invalid_grant", status, answer)
	}
	late := code(t, i, "P-1")
	clock.Move(codeLifetime)
	if status, answer := redeem(i, late); status != http.StatusBadRequest || answer["error"] != "invalid_grant" {
		t.Errorf("expired code: got %d %v, want invalid_grant", status, answer)
	}
}

func TestRejectsForeignRequests(t *testing.T) {
	i := newIssuer(t)
	for _, headers := range [][]string{{"Sec-Fetch-Site", "cross-site"}, {"Sec-Fetch-Site", "same-site"}, {"Origin", "https://evil.example"}} {
		if w := send(i, http.MethodPost, base+"/authorize", request("person", "P-1"), headers...); w.Code != http.StatusForbidden {
			t.Errorf("form from another site (%v): got %d, want 403", headers, w.Code)
		}
	}
	if w := send(i, http.MethodGet, "http://rebound.example:8080/issuer/authorize?"+request().Encode(), nil); w.Code != http.StatusMisdirectedRequest {
		t.Errorf("other host name: got %d, want 421", w.Code)
	}
	if w := send(i, http.MethodPost, base+"/authorize", request("person", "P-1", "x", strings.Repeat("x", maxForm))); w.Code != http.StatusBadRequest {
		t.Errorf("large form: got %d, want 400", w.Code)
	}
	for address, want := range map[string]int{base + "/": http.StatusNotFound, base + "/token": http.StatusMethodNotAllowed, portal + "/": http.StatusNotFound} {
		if w := send(i, http.MethodGet, address, nil); w.Code != want {
			t.Errorf("%s: got %d", address, w.Code)
		}
	}
}

func TestEndSession(t *testing.T) {
	i := newIssuer(t)
	end := func(q url.Values) *httptest.ResponseRecorder {
		return send(i, http.MethodGet, base+"/end-session?"+q.Encode(), nil)
	}
	if w := end(url.Values{"post_logout_redirect_uri": {portal + "/signed-out"}, "state": {"a b"}}); w.Code != http.StatusSeeOther || w.Header().Get("Location") != portal+"/signed-out?state=a+b" {
		t.Errorf("got %d to %q, want a redirect to the portal", w.Code, w.Header().Get("Location"))
	}
	for _, to := range []string{"", "https://evil.example/", portal + "/signed-out/"} {
		if w := end(url.Values{"post_logout_redirect_uri": {to}}); w.Code != http.StatusOK || w.Header().Get("Location") != "" {
			t.Errorf("redirect to %q: got %d to %q, want a page", to, w.Code, w.Header().Get("Location"))
		}
	}
}
