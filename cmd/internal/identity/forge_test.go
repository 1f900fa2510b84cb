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

// forge is an issuer that signs whatever a test wants it to: its authorization
// endpoint asks nobody, and its token endpoint answers what token returns.
type forge struct {
	base string
	key  *ecdsa.PrivateKey
	name string // the key's id

	mu     sync.Mutex
	keys   []jose.JSONWebKey // what it publishes
	asked  int               // how often, of its keys
	broken bool              // it answers nothing but 500
	nonce  string
	token  minter
	// changed is what its configuration says otherwise.
	changed map[string]any
}

func newForge(t testing.TB, base string) *forge {
	t.Helper()
	f := &forge{base: base, key: newKey(t), name: "k1"}
	f.keys = []jose.JSONWebKey{f.public()}
	return f
}

func newKey(t testing.TB) *ecdsa.PrivateKey {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	fixture.Must(t, err)
	return key
}

func (f *forge) public() jose.JSONWebKey {
	return jose.JSONWebKey{Key: f.key.Public(), KeyID: f.name, Algorithm: "ES256", Use: "sig"}
}

// change does something to the forge that its server must not see half of.
func (f *forge) change(do func()) {
	f.mu.Lock()
	defer f.mu.Unlock()
	do()
}

func (f *forge) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if strings.HasSuffix(r.URL.Path, "/jwks") {
		f.asked++
	}
	if f.broken {
		http.Error(w, "canary: the issuer is broken", http.StatusInternalServerError)
		return
	}
	switch path := strings.TrimPrefix(r.URL.Path, "/forge"); path {
	case "/.well-known/openid-configuration":
		_ = json.NewEncoder(w).Encode(with(map[string]any{
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

// claims are those of a token that holds.
func (f *forge) claims() map[string]any {
	now := time.Now()
	return map[string]any{
		"iss": f.base, "sub": "P-1", "aud": client, "exp": now.Add(time.Hour).Unix(), "iat": now.Unix(), "nbf": now.Unix(),
		"agent_id": "A-1", "name": "Ana Quiroga",
	}
}

// signed makes a token.
func signed(t testing.TB, algorithm jose.SignatureAlgorithm, key any, kid, typ string, claims map[string]any) string {
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

// sign makes a token with the forge's own key.
func (f *forge) sign(t testing.TB, typ string, claims map[string]any) string {
	t.Helper()
	return signed(t, jose.ES256, f.key, f.name, typ, claims)
}

// unsigned makes a token of the algorithm "none".
func unsigned(t testing.TB, claims map[string]any) string {
	t.Helper()
	payload, err := json.Marshal(claims)
	fixture.Must(t, err)
	encode := base64.RawURLEncoding.EncodeToString
	return encode([]byte(`{"alg":"none","typ":"at+jwt"}`)) + "." + encode(payload) + "."
}

// newForgeStage is a portal whose issuer is a forge.
func newForgeStage(t testing.TB, change func(*Options)) (*stage, *forge) {
	t.Helper()
	f := newForge(t, "https://"+issuerHost+"/forge")
	s := newStageAt(t, f.base, change)
	s.rt[issuerHost] = f
	return s, f
}

// with returns claims with some set anew; a nil one is gone.
func with(claims, changed map[string]any) map[string]any {
	all := maps.Clone(claims)
	for name, v := range changed {
		all[name] = v
		if v == nil {
			delete(all, name)
		}
	}
	return all
}

// minter makes a token from the claims of one that holds.
type minter func(claims map[string]any) string

// forged is a token and what becomes of it.
type forged struct {
	name   string
	token  minter
	reason Reason // "" where it holds
	says   string
}

// judge holds what came of a token against what must.
func (c forged) judge(t *testing.T, f *forge, got said) {
	t.Helper()
	if c.reason == "" {
		if got.Status != http.StatusOK || got.Person != people[0].Person {
			t.Errorf("refused: %+v", got)
		}
		return
	}
	if got.Status != http.StatusUnauthorized || got.Reason != c.reason || got.Kind != ErrBadCredentials.Error() || !strings.Contains(got.Text, c.says) {
		t.Errorf("answers %+v, not the reason %s with %q", got, c.reason, c.says)
	}
	for _, secret := range []string{"P-1", "A-1", "Ana", f.base, "auth0", "eyJ"} { // the last begins tokens
		if strings.Contains(got.Text, secret) {
			t.Errorf("the error tells of the token: %q", got.Text)
		}
	}
}

// claiming makes tokens of which one claim is another, or gone.
func (f *forge) claiming(t testing.TB, name string, v any) minter {
	return func(claims map[string]any) string { return f.sign(t, "JWT", with(claims, map[string]any{name: v})) }
}

// forgeries are tokens that hold or do not hold wherever they are shown.
func forgeries(t *testing.T, f *forge) []forged {
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
	by := func(a jose.SignatureAlgorithm, key any, kid string) minter {
		return func(claims map[string]any) string { return signed(t, a, key, kid, "JWT", claims) }
	}
	claim := func(name string, v any) minter { return f.claiming(t, name, v) }
	// parts takes the parts of a good token, and of one for another person.
	parts := func(take func(good, other []string) string) minter {
		return func(claims map[string]any) string {
			return take(strings.Split(claim("sub", "P-1")(claims), "."), strings.Split(claim("sub", "P-2")(claims), "."))
		}
	}
	hour := func(n time.Duration) int64 { return time.Now().Add(n * time.Hour).Unix() }
	return []forged{
		{"good", claim("sub", "P-1"), "", ""},
		{"no nbf", claim("nbf", nil), "", ""},
		{"no kid", by(jose.ES256, f.key, ""), "", ""},
		{"RS256", by(jose.RS256, rsaKey, "r"), "", ""},
		{"PS256", by(jose.PS256, rsaKey, "r"), "", ""},
		{"EdDSA", by(jose.EdDSA, edKey, "e"), "", ""},
		{"expired", claim("exp", hour(-1)), ReasonExpired, "expired"},
		{"no expiry", claim("exp", nil), ReasonExpired, "expired"},
		{"not yet", claim("nbf", hour(1)), ReasonToken, "not hold yet"},
		{"another audience", claim("aud", "other"), ReasonToken, "another audience"},
		{"no audience", claim("aud", nil), ReasonToken, "another audience"},
		{"another issuer", claim("iss", f.base+"/"), ReasonToken, "another issuer"},
		{"another key", by(jose.ES256, stranger, "k2"), ReasonToken, "not the issuer's"},
		{"another key of the same id", by(jose.ES256, stranger, "k1"), ReasonToken, "not the issuer's"},
		{"a key that is for encryption", by(jose.RS256, rsaKey, "enc"), ReasonToken, "not the issuer's"},
		{"HS256 with a published secret", by(jose.HS256, secret, "s"), ReasonToken, "not a signed"},
		{"HS256 with the public key as PEM", by(jose.HS256, pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der}), "k1"), ReasonToken, "not a signed"},
		{"HS256 with the public key as DER", by(jose.HS256, der, "k1"), ReasonToken, "not a signed"},
		{"HS256 with the public key as a point", by(jose.HS256, point, "k1"), ReasonToken, "not a signed"},
		{"none", func(claims map[string]any) string { return unsigned(t, claims) }, ReasonToken, "not a signed"},
		{"no signature", parts(func(good, _ []string) string { return good[0] + "." + good[1] + "." }), ReasonToken, "not the issuer's"},
		{"other claims under the signature", parts(func(good, other []string) string { return good[0] + "." + other[1] + "." + good[2] }), ReasonToken, "not the issuer's"},
		{"no token", func(map[string]any) string { return "abc" }, ReasonToken, "not a signed"},
		{"no person", claim("sub", nil), ReasonPerson, "no person"},
		{"a person of no identifier", claim("sub", "auth0|5f7c"), ReasonPerson, "no person"},
		{"a person of a line end", claim("sub", "P-1\n"), ReasonPerson, "no person"},
		{"a long person", claim("sub", strings.Repeat("p", 41)), ReasonPerson, "no person"},
		{"a person by number", claim("sub", 7), ReasonToken, ""},
		{"an agent of no identifier", claim("agent_id", "A 1"), ReasonPerson, "an agent"},
		{"an agent by number", claim("agent_id", 7), ReasonPerson, "an agent"},
	}
}

// bearerAudience is what bearer tokens are for in these tests, beside ID tokens
// for the portal.
const bearerAudience = "interface"

func TestBearer(t *testing.T) {
	clock := fixture.NewClock()
	s, f := newForgeStage(t, func(o *Options) { o.Audience, o.Now = bearerAudience, clock.Now })
	typed := func(typ string) minter {
		return func(claims map[string]any) string { return f.sign(t, typ, claims) }
	}
	text := func(token string) minter { return func(map[string]any) string { return token } }
	claims := with(f.claims(), map[string]any{"aud": bearerAudience})
	for _, c := range append(forgeries(t, f), []forged{
		{"an access token", typed("at+jwt"), "", ""},
		{"no typ", typed(""), "", ""},
		{"typ as a media type", typed("application/at+jwt"), "", ""},
		{"several audiences", f.claiming(t, "aud", []string{"other", bearerAudience}), "", ""},
		{"the audience of ID tokens", f.claiming(t, "aud", client), ReasonToken, "another audience"},
		{"an ID token", f.claiming(t, "nonce", "n"), ReasonToken, "ID token"},
		{"an ID token with an empty nonce", f.claiming(t, "nonce", ""), ReasonToken, "ID token"},
		{"an ID token without a nonce", f.claiming(t, "at_hash", "h"), ReasonToken, "ID token"},
		{"a logout token", typed("logout+jwt"), ReasonToken, "the API takes an access token"},
		{"nothing", text(""), ReasonToken, "blank"},
		{"too long", text(strings.Repeat("a", maxTokenBytes+1)), ReasonToken, "longer"},
	}...) {
		t.Run(c.name, func(t *testing.T) { c.judge(t, f, s.bearing(t, "Bearer "+c.token(claims))) })
	}
	good := typed("at+jwt")(claims)
	for _, header := range []string{"bearer " + good, "BEARER  " + good, " Bearer " + good} {
		if got := s.bearing(t, header); got.Status != http.StatusOK {
			t.Errorf("%.7q…: %+v", header, got)
		}
	}
	if got := s.bearing(t, "Basic cDpw"); got.Reason != ReasonNone {
		t.Errorf("credentials of another scheme: %+v", got)
	}
	clock.Move(time.Hour + time.Second)
	if got := s.bearing(t, "Bearer "+good); got.Reason != ReasonExpired {
		t.Errorf("after its time: %+v", got)
	}
}

func TestIDToken(t *testing.T) {
	s, f := newForgeStage(t, func(o *Options) { o.Audience = bearerAudience })
	several := func(azp any) minter {
		return func(claims map[string]any) string {
			return f.sign(t, "JWT", with(claims, map[string]any{"aud": []string{client, "other"}, "azp": azp}))
		}
	}
	for _, c := range append(forgeries(t, f), []forged{
		{"azp", f.claiming(t, "azp", client), "", ""},
		{"several audiences with azp", several(client), "", ""},
		{"several audiences without azp", several(nil), ReasonToken, "another program"},
		{"another azp", f.claiming(t, "azp", "other"), ReasonToken, "another program"},
		{"an azp that is no text", f.claiming(t, "azp", 1), ReasonToken, "another program"},
		{"the audience of bearer tokens", f.claiming(t, "aud", bearerAudience), ReasonToken, "another audience"},
		{"another nonce", f.claiming(t, "nonce", "other"), ReasonToken, "another sign-in"},
		{"no nonce", f.claiming(t, "nonce", nil), ReasonToken, "another sign-in"},
	}...) {
		t.Run(c.name, func(t *testing.T) {
			f.change(func() { f.token = c.token })
			b := s.browser(t)
			p := b.get(b.get(b.begin("/")).to)
			if p.status == http.StatusSeeOther {
				c.judge(t, f, b.who("/who"))
				return
			}
			if c.judge(t, f, read(t, p)); b.cookie("/", sessionCookie) != nil {
				t.Error("a refused token has made a session")
			}
		})
	}
}

func TestBearerDecides(t *testing.T) {
	s := newStage(t, nil)
	b := s.browser(t)
	b.signIn("P-1", "/")
	send := func(headers ...string) said {
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
		t.Errorf("with a bearer token of P-3 and a session of P-1: %+v", got)
	}
	if got := send("Bearer broken"); got.Reason != ReasonToken {
		t.Errorf("with a broken bearer token and a good session: %+v", got)
	}
	if got := send(token("P-3"), token("P-4")); got.Reason != ReasonToken {
		t.Errorf("with two bearer tokens: %+v", got)
	}
	if got := send("Basic cDpw"); got.Person.ID != "P-1" {
		t.Errorf("with a proxy's credentials and a good session: %+v", got)
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
		t.Errorf("%+v, %v", got, err)
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
			t.Errorf("roles %v: %+v, %v", c.roles, got, err)
		}
	}
}
