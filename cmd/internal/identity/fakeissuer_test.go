package identity

import (
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"maps"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/go-jose/go-jose/v4/jwt"

	"bookledger/cmd/internal/fixture"
)

// fakeIssuer is an issuer that signs anything: its authorization endpoint signs
// in without asking, and its token endpoint returns the token that the test
// makes.
type fakeIssuer struct {
	base string
	key  *ecdsa.PrivateKey
	name string // the key's id

	mu          sync.Mutex
	keys        []jose.JSONWebKey // what it publishes
	keyRequests int               // number of requests for its keys
	broken      bool              // it returns only status 500
	nonce       string
	token       makeToken
	// changed contains changes to its configuration.
	changed map[string]any
}

func newFakeIssuer(t testing.TB, base string) *fakeIssuer {
	t.Helper()
	f := &fakeIssuer{base: base, key: newKey(t), name: "k1"}
	f.keys = []jose.JSONWebKey{f.public()}
	return f
}

func newKey(t testing.TB) *ecdsa.PrivateKey {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	fixture.Must(t, err)
	return key
}

func (f *fakeIssuer) public() jose.JSONWebKey {
	return jose.JSONWebKey{Key: f.key.Public(), KeyID: f.name, Algorithm: "ES256", Use: "sig"}
}

// change modifies the issuer while holding its lock.
func (f *fakeIssuer) change(do func()) {
	f.mu.Lock()
	defer f.mu.Unlock()
	do()
}

func (f *fakeIssuer) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if strings.HasSuffix(r.URL.Path, "/jwks") {
		f.keyRequests++
	}
	if f.broken {
		http.Error(w, "canary: the issuer is broken", http.StatusInternalServerError)
		return
	}
	switch path := strings.TrimPrefix(r.URL.Path, "/fake"); path {
	case "/.well-known/openid-configuration":
		_ = json.NewEncoder(w).Encode(withClaims(map[string]any{
			"issuer": f.base, "authorization_endpoint": f.base + "/authorize", "token_endpoint": f.base + "/token", "jwks_uri": f.base + "/jwks",
			"id_token_signing_alg_values_supported": []string{"none", "HS256", "ES256"},
		}, f.changed))
	case "/jwks":
		_ = json.NewEncoder(w).Encode(jose.JSONWebKeySet{Keys: f.keys})
	case "/authorize":
		f.nonce = r.FormValue("nonce")
		http.Redirect(w, r, r.FormValue("redirect_uri")+"?"+url.Values{"code": {"c"}, "state": {r.FormValue("state")}}.Encode(), http.StatusSeeOther)
	case "/token":
		w.Header().Set("Content-Type", "application/json")
		claims := f.claims()
		claims["nonce"] = f.nonce
		_ = json.NewEncoder(w).Encode(map[string]any{"access_token": "a", "token_type": "Bearer", "id_token": f.token(claims)})
	default:
		http.NotFound(w, r)
	}
}

// claims returns the claims of a valid token.
func (f *fakeIssuer) claims() map[string]any {
	now := time.Now()
	return map[string]any{
		"iss": f.base, "sub": "P-1", "aud": client, "exp": now.Add(time.Hour).Unix(), "iat": now.Unix(), "nbf": now.Unix(),
		"agent_id": "A-1", "name": "Ana Quiroga",
	}
}

// signToken returns a signed token.
func signToken(t testing.TB, algorithm jose.SignatureAlgorithm, key any, kid, typ string, claims map[string]any) string {
	t.Helper()
	options := (&jose.SignerOptions{})
	if typ != "" {
		options = options.WithType(jose.ContentType(typ))
	}
	if kid != "" {
		options = options.WithHeader("kid", kid)
	}
	signer, err := jose.NewSigner(jose.SigningKey{Algorithm: algorithm, Key: key}, options)
	fixture.Must(t, err)
	text, err := jwt.Signed(signer).Claims(claims).Serialize()
	fixture.Must(t, err)
	return text
}

// sign returns a token signed with the issuer's own key.
func (f *fakeIssuer) sign(t testing.TB, typ string, claims map[string]any) string {
	t.Helper()
	return signToken(t, jose.ES256, f.key, f.name, typ, claims)
}

// unsigned returns a token with the algorithm "none".
func unsigned(t testing.TB, claims map[string]any) string {
	t.Helper()
	payload, err := json.Marshal(claims)
	fixture.Must(t, err)
	encode := base64.RawURLEncoding.EncodeToString
	return encode([]byte(`{"alg":"none","typ":"at+jwt"}`)) + "." + encode(payload) + "."
}

// newFakeIssuerEnv returns a portal with a fakeIssuer.
func newFakeIssuerEnv(t testing.TB, change func(*Options)) (*env, *fakeIssuer) {
	t.Helper()
	f := newFakeIssuer(t, "https://"+issuerHost+"/fake")
	s := newEnvAt(t, f.base, change)
	s.rt[issuerHost] = f
	return s, f
}

// withClaims returns claims with changes. A nil value removes the claim.
func withClaims(claims, changed map[string]any) map[string]any {
	all := maps.Clone(claims)
	for name, v := range changed {
		all[name] = v
		if v == nil {
			delete(all, name)
		}
	}
	return all
}

// makeToken makes a token from the claims of a valid token.
type makeToken func(claims map[string]any) string

// tokenCase is a token and the expected result.
type tokenCase struct {
	name   string
	token  makeToken
	reason Reason // "" if the token is valid
	text   string
}

// check compares the reply to a request with the token with the expected one.
func (c tokenCase) check(t *testing.T, f *fakeIssuer, got reply) {
	t.Helper()
	if c.reason == "" {
		if got.Status != http.StatusOK || got.Person != people[0].Person {
			t.Errorf("refused: got %+v", got)
		}
		return
	}
	if got.Status != http.StatusUnauthorized || got.Reason != c.reason || got.Kind != ErrBadCredentials.Error() || !strings.Contains(got.Text, c.text) {
		t.Errorf("got %+v, want reason %s with %q", got, c.reason, c.text)
	}
	for _, secret := range []string{"P-1", "A-1", "Ana", f.base, "auth0", "eyJ"} { // tokens start with eyJ
		if strings.Contains(got.Text, secret) {
			t.Errorf("the error contains data of the token: %q", got.Text)
		}
	}
}

// tokenWith returns a makeToken that changes one claim, or removes it if v is
// nil.
func (f *fakeIssuer) tokenWith(t testing.TB, name string, v any) makeToken {
	return func(claims map[string]any) string {
		return f.sign(t, "JWT", withClaims(claims, map[string]any{name: v}))
	}
}

// tokenCases returns tokens whose result is the same for sign-in and for the
// API.
func tokenCases(t *testing.T, f *fakeIssuer) []tokenCase {
	t.Helper()
	rsaKey, err := rsa.GenerateKey(rand.Reader, 2048)
	fixture.Must(t, err)
	_, edKey, err := ed25519.GenerateKey(rand.Reader)
	fixture.Must(t, err)
	secret, stranger := []byte("a secret of thirty-two bytes, or so"), newKey(t)
	f.keys = append(f.keys, jose.JSONWebKey{Key: rsaKey.Public(), KeyID: "r"}, jose.JSONWebKey{Key: edKey.Public(), KeyID: "e"},
		jose.JSONWebKey{Key: rsaKey.Public(), KeyID: "enc", Use: "enc"}, jose.JSONWebKey{Key: secret, KeyID: "s"})
	der, err := x509.MarshalPKIXPublicKey(f.key.Public())
	fixture.Must(t, err)
	point, err := f.key.PublicKey.Bytes()
	fixture.Must(t, err)
	by := func(a jose.SignatureAlgorithm, key any, kid string) makeToken {
		return func(claims map[string]any) string { return signToken(t, a, key, kid, "JWT", claims) }
	}
	claim := func(name string, v any) makeToken { return f.tokenWith(t, name, v) }
	// parts combines the parts of a valid token and of one for another person.
	parts := func(combine func(good, other []string) string) makeToken {
		return func(claims map[string]any) string {
			return combine(strings.Split(claim("sub", "P-1")(claims), "."), strings.Split(claim("sub", "P-2")(claims), "."))
		}
	}
	hour := func(n time.Duration) int64 { return time.Now().Add(n * time.Hour).Unix() }
	return []tokenCase{
		{"good", claim("sub", "P-1"), "", ""},
		{"no nbf", claim("nbf", nil), "", ""},
		{"no kid", by(jose.ES256, f.key, ""), "", ""},
		{"RS256", by(jose.RS256, rsaKey, "r"), "", ""},
		{"PS256", by(jose.PS256, rsaKey, "r"), "", ""},
		{"EdDSA", by(jose.EdDSA, edKey, "e"), "", ""},
		{"expired", claim("exp", hour(-1)), ReasonExpired, "expired"},
		{"no expiry", claim("exp", nil), ReasonExpired, "expired"},
		{"not valid yet", claim("nbf", hour(1)), ReasonToken, "not valid yet"},
		{"another audience", claim("aud", "other"), ReasonToken, "another audience"},
		{"no audience", claim("aud", nil), ReasonToken, "another audience"},
		{"another issuer", claim("iss", f.base+"/"), ReasonToken, "another issuer"},
		{"another key", by(jose.ES256, stranger, "k2"), ReasonToken, "signature does not match"},
		{"another key of the same id", by(jose.ES256, stranger, "k1"), ReasonToken, "signature does not match"},
		{"an encryption key", by(jose.RS256, rsaKey, "enc"), ReasonToken, "signature does not match"},
		{"HS256 with a published secret", by(jose.HS256, secret, "s"), ReasonToken, "not signed with"},
		{"HS256 with the public key as PEM", by(jose.HS256, pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der}), "k1"), ReasonToken, "not signed with"},
		{"HS256 with the public key as DER", by(jose.HS256, der, "k1"), ReasonToken, "not signed with"},
		{"HS256 with the public key as a point", by(jose.HS256, point, "k1"), ReasonToken, "not signed with"},
		{"none", func(claims map[string]any) string { return unsigned(t, claims) }, ReasonToken, "not signed with"},
		{"no signature", parts(func(good, _ []string) string { return good[0] + "." + good[1] + "." }), ReasonToken, "signature does not match"},
		{"changed claims", parts(func(good, other []string) string { return good[0] + "." + other[1] + "." + good[2] }), ReasonToken, "signature does not match"},
		{"not a token", func(map[string]any) string { return "abc" }, ReasonToken, "not signed with"},
		{"no person", claim("sub", nil), ReasonPerson, "person id"},
		{"an invalid person id", claim("sub", "auth0|5f7c"), ReasonPerson, "person id"},
		{"a person id with a line break", claim("sub", "P-1\n"), ReasonPerson, "person id"},
		{"a long person id", claim("sub", strings.Repeat("p", 41)), ReasonPerson, "person id"},
		{"a number as person id", claim("sub", 7), ReasonToken, ""},
		{"an invalid agent id", claim("agent_id", "A 1"), ReasonPerson, "agent id"},
		{"a number as agent id", claim("agent_id", 7), ReasonPerson, "agent id"},
	}
}

// bearerAudience is the audience of bearer tokens in these tests. ID tokens have
// the portal's client id as their audience.
const bearerAudience = "api"

func TestBearer(t *testing.T) {
	clock := fixture.NewClock()
	s, f := newFakeIssuerEnv(t, func(o *Options) { o.Audience, o.Now = bearerAudience, clock.Now })
	typed := func(typ string) makeToken {
		return func(claims map[string]any) string { return f.sign(t, typ, claims) }
	}
	text := func(token string) makeToken { return func(map[string]any) string { return token } }
	claims := withClaims(f.claims(), map[string]any{"aud": bearerAudience})
	for _, c := range append(tokenCases(t, f), []tokenCase{
		{"an access token", typed("at+jwt"), "", ""},
		{"no typ", typed(""), "", ""},
		{"typ as a media type", typed("application/at+jwt"), "", ""},
		{"several audiences", f.tokenWith(t, "aud", []string{"other", bearerAudience}), "", ""},
		{"the audience of ID tokens", f.tokenWith(t, "aud", client), ReasonToken, "another audience"},
		{"an ID token", f.tokenWith(t, "nonce", "n"), ReasonToken, "ID token"},
		{"an ID token with an empty nonce", f.tokenWith(t, "nonce", ""), ReasonToken, "ID token"},
		{"an ID token without a nonce", f.tokenWith(t, "at_hash", "h"), ReasonToken, "ID token"},
		{"a logout token", typed("logout+jwt"), ReasonToken, "the API requires an access token"},
		{"nothing", text(""), ReasonToken, "blank"},
		{"too long", text(strings.Repeat("a", maxTokenBytes+1)), ReasonToken, "longer"},
	}...) {
		t.Run(c.name, func(t *testing.T) { c.check(t, f, s.sendBearer(t, "Bearer "+c.token(claims))) })
	}
	good := typed("at+jwt")(claims)
	for _, header := range []string{"bearer " + good, "BEARER  " + good, " Bearer " + good} {
		if got := s.sendBearer(t, header); got.Status != http.StatusOK {
			t.Errorf("%.7q…: got %+v", header, got)
		}
	}
	if got := s.sendBearer(t, "Basic cDpw"); got.Reason != ReasonNone {
		t.Errorf("credentials of another scheme: got %+v", got)
	}
	clock.Move(time.Hour + time.Second)
	if got := s.sendBearer(t, "Bearer "+good); got.Reason != ReasonExpired {
		t.Errorf("after expiry: got %+v", got)
	}
}

func TestIDToken(t *testing.T) {
	s, f := newFakeIssuerEnv(t, func(o *Options) { o.Audience = bearerAudience })
	several := func(azp any) makeToken {
		return func(claims map[string]any) string {
			return f.sign(t, "JWT", withClaims(claims, map[string]any{"aud": []string{client, "other"}, "azp": azp}))
		}
	}
	for _, c := range append(tokenCases(t, f), []tokenCase{
		{"azp", f.tokenWith(t, "azp", client), "", ""},
		{"several audiences with azp", several(client), "", ""},
		{"several audiences without azp", several(nil), ReasonToken, "another client"},
		{"another azp", f.tokenWith(t, "azp", "other"), ReasonToken, "another client"},
		{"a number as azp", f.tokenWith(t, "azp", 1), ReasonToken, "another client"},
		{"the audience of bearer tokens", f.tokenWith(t, "aud", bearerAudience), ReasonToken, "another audience"},
		{"another nonce", f.tokenWith(t, "nonce", "other"), ReasonToken, "another sign-in"},
		{"no nonce", f.tokenWith(t, "nonce", nil), ReasonToken, "another sign-in"},
	}...) {
		t.Run(c.name, func(t *testing.T) {
			f.change(func() { f.token = c.token })
			b := s.browser(t)
			p := b.get(b.get(b.begin("/")).to)
			if p.status == http.StatusSeeOther {
				c.check(t, f, b.whoAmI("/who"))
				return
			}
			if c.check(t, f, read(t, p)); b.cookie("/", sessionCookie) != nil {
				t.Error("a refused token created a session")
			}
		})
	}
}

func TestBearerTokenTakesPrecedence(t *testing.T) {
	s := newEnv(t, nil)
	b := s.browser(t)
	b.signIn("P-1", "/")
	send := func(headers ...string) reply {
		r, err := http.NewRequest(http.MethodGet, s.portal+"/who", nil)
		if err == nil {
			r.Header["Authorization"] = headers
		}
		return read(t, b.do(r, err))
	}
	token := func(person string) string {
		text, err := s.issuer.Token(person, client, time.Minute)
		fixture.Must(t, err)
		return "Bearer " + text
	}
	if got := send(token("P-3")); got.Person != people[2].Person {
		t.Errorf("bearer token of P-3 and session of P-1: got %+v", got)
	}
	if got := send("Bearer broken"); got.Reason != ReasonToken {
		t.Errorf("invalid bearer token and valid session: got %+v", got)
	}
	if got := send(token("P-3"), token("P-4")); got.Reason != ReasonToken {
		t.Errorf("two bearer tokens: got %+v", got)
	}
	if got := send("Basic cDpw"); got.Person.ID != "P-1" {
		t.Errorf("a proxy's credentials and a valid session: got %+v", got)
	}
}

func TestClaims(t *testing.T) {
	nested := func(o *Options) {
		o.PersonClaim, o.AgentClaim, o.RolesClaim, o.NameClaim = "who.person", "https://books.example/agent", "realm_access.roles", "who.name"
	}
	claims := map[string]any{
		"who": map[string]any{"person": "P-9", "name": " Eve\x00\u0085 Núñez "}, "https://books.example/agent": "A-9",
		"realm_access": map[string]any{"roles": []any{"offline_access", "auditor", 7}},
	}
	o := Options{}
	nested(&o)
	got, err := o.person(claims)
	if err != nil || got.ID != "P-9" || got.AgentID != "A-9" || got.Name != "Eve Núñez" || !got.Auditor || got.Operator {
		t.Errorf("got %+v, %v", got, err)
	}
	o = Options{}.withDefaults()
	for _, c := range []struct {
		roles             any
		auditor, operator bool
	}{
		{nil, false, false}, {"auditor", true, false}, {"operator", false, true}, {"auditor operator", false, false},
		{[]any{"operator", "auditor"}, true, true}, {[]any{"Auditor", "auditors"}, false, false}, {map[string]any{"auditor": true}, false, false}, {true, false, false},
	} {
		got, err := o.person(map[string]any{"sub": "P-1", "roles": c.roles, "name": strings.Repeat("é", 200)})
		if err != nil || got.Auditor != c.auditor || got.Operator != c.operator || len([]rune(got.Name)) != maxNameLength {
			t.Errorf("roles %v: got %+v, %v", c.roles, got, err)
		}
	}
}
