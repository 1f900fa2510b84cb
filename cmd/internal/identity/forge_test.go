package identity

import (
	"crypto"
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
	token  func(claims map[string]any) string
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
	payload, err := json.Marshal(claims)
	fixture.Must(t, err)
	object, err := signer.Sign(payload)
	fixture.Must(t, err)
	text, err := object.CompactSerialize()
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
	issuerServer, issuerHandler := serve(t)
	portalServer, portalHandler := serve(t)
	f := newForge(t, issuerServer.URL+"/forge")
	s := &stage{portal: portalServer.URL, base: f.base, rt: issuerServer.Client().Transport}
	s.id = s.identity(t, f.base, change)
	issuerHandler.Handler, portalHandler.Handler = f, portal(s.id)
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

func (f *forge) hmacKeys(t testing.TB) map[string][]byte {
	t.Helper()
	der, err := x509.MarshalPKIXPublicKey(f.key.Public())
	fixture.Must(t, err)
	point, err := f.key.PublicKey.Bytes()
	fixture.Must(t, err)
	return map[string][]byte{
		"PEM": pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der}), "DER": der, "point": point,
	}
}

// bearerCase is a bearer token and what becomes of it.
type bearerCase struct {
	name, token string
	reason      Reason // "" where it holds
	says        string
}

func bearerCases(t *testing.T, f *forge) []bearerCase {
	stranger := newKey(t)
	hour := func(n time.Duration) int64 { return time.Now().Add(n * time.Hour).Unix() }
	good := f.sign(t, "at+jwt", f.claims())
	half := strings.Split(good, ".")
	cases := []bearerCase{
		{"good", good, "", ""},
		{"typ JWT", f.sign(t, "JWT", f.claims()), "", ""},
		{"no typ", f.sign(t, "", f.claims()), "", ""},
		{"typ as a media type", f.sign(t, "application/at+jwt", f.claims()), "", ""},
		{"several audiences", f.sign(t, "at+jwt", with(f.claims(), map[string]any{"aud": []string{"other", client}})), "", ""},
		{"no nbf", f.sign(t, "at+jwt", with(f.claims(), map[string]any{"nbf": nil})), "", ""},
		{"no kid", signed(t, jose.ES256, f.key, "", "at+jwt", f.claims()), "", ""},
		{"expired", f.sign(t, "at+jwt", with(f.claims(), map[string]any{"exp": hour(-1)})), ReasonExpired, "expired"},
		{"no expiry", f.sign(t, "at+jwt", with(f.claims(), map[string]any{"exp": nil})), ReasonExpired, "expired"},
		{"not yet", f.sign(t, "at+jwt", with(f.claims(), map[string]any{"nbf": hour(1)})), ReasonToken, "not hold yet"},
		{"another audience", f.sign(t, "at+jwt", with(f.claims(), map[string]any{"aud": "other"})), ReasonToken, "another audience"},
		{"no audience", f.sign(t, "at+jwt", with(f.claims(), map[string]any{"aud": nil})), ReasonToken, "another audience"},
		{"another issuer", f.sign(t, "at+jwt", with(f.claims(), map[string]any{"iss": f.base + "/"})), ReasonToken, "another issuer"},
		{"another key", signed(t, jose.ES256, stranger, "k2", "at+jwt", f.claims()), ReasonToken, "not the issuer's"},
		{"another key of the same id", signed(t, jose.ES256, stranger, "k1", "at+jwt", f.claims()), ReasonToken, "not the issuer's"},
		{"none", unsigned(t, f.claims()), ReasonToken, "not a signed"},
		{"no signature", half[0] + "." + half[1] + ".", ReasonToken, "not the issuer's"},
		{"other claims under the signature", half[0] + "." + strings.Split(f.sign(t, "", with(f.claims(), map[string]any{"sub": "P-2"})), ".")[1] + "." + half[2], ReasonToken, "not the issuer's"},
		{"an ID token", f.sign(t, "JWT", with(f.claims(), map[string]any{"nonce": "n"})), ReasonToken, "ID token"},
		{"an ID token with an empty nonce", f.sign(t, "JWT", with(f.claims(), map[string]any{"nonce": ""})), ReasonToken, "ID token"},
		{"an ID token without a nonce", f.sign(t, "JWT", with(f.claims(), map[string]any{"at_hash": "h"})), ReasonToken, "ID token"},
		{"a logout token", f.sign(t, "logout+jwt", f.claims()), ReasonToken, "not an access token"},
		{"no person", f.sign(t, "at+jwt", with(f.claims(), map[string]any{"sub": nil})), ReasonPerson, "no person"},
		{"a person of no identifier", f.sign(t, "at+jwt", with(f.claims(), map[string]any{"sub": "auth0|5f7c"})), ReasonPerson, "no person"},
		{"a person of a line end", f.sign(t, "at+jwt", with(f.claims(), map[string]any{"sub": "P-1\n"})), ReasonPerson, "no person"},
		{"a long person", f.sign(t, "at+jwt", with(f.claims(), map[string]any{"sub": strings.Repeat("p", 41)})), ReasonPerson, "no person"},
		{"a person by number", f.sign(t, "at+jwt", with(f.claims(), map[string]any{"sub": 7})), ReasonToken, ""},
		{"an agent of no identifier", f.sign(t, "at+jwt", with(f.claims(), map[string]any{"agent_id": "A 1"})), ReasonPerson, "an agent"},
		{"an agent by number", f.sign(t, "at+jwt", with(f.claims(), map[string]any{"agent_id": 7})), ReasonPerson, "an agent"},
		{"nothing", "", ReasonToken, "blank"},
		{"no token", "abc", ReasonToken, "not a signed"},
		{"too long", strings.Repeat("a", longestToken+1), ReasonToken, "longer"},
	}
	for name, key := range f.hmacKeys(t) {
		cases = append(cases, bearerCase{"HS256 with the public key as " + name, signed(t, jose.HS256, key, "k1", "at+jwt", f.claims()), ReasonToken, "not a signed"})
	}
	return cases
}

func TestBearer(t *testing.T) {
	s, f := newForgeStage(t, nil)
	for _, c := range bearerCases(t, f) {
		t.Run(c.name, func(t *testing.T) {
			got := s.bearing(t, "Bearer "+c.token)
			if c.reason == "" {
				if got.Status != http.StatusOK || got.Person != people[0].Person {
					t.Errorf("refused: %+v", got)
				}
				return
			}
			if got.Status != http.StatusUnauthorized || got.Reason != c.reason || got.Kind != ErrBad.Error() || !strings.Contains(got.Text, c.says) {
				t.Errorf("answers %+v, not the reason %s with %q", got, c.reason, c.says)
			}
			for _, secret := range []string{"P-1", "A-1", "Ana", f.base, "auth0"} {
				if strings.Contains(got.Text, secret) {
					t.Errorf("the error tells of the token: %q", got.Text)
				}
			}
			if len(c.token) > 3 && strings.Contains(got.Text, c.token) {
				t.Error("the error repeats the token")
			}
		})
	}
	good := f.sign(t, "at+jwt", f.claims())
	for _, header := range []string{"bearer " + good, "BEARER  " + good, " Bearer " + good} {
		if got := s.bearing(t, header); got.Status != http.StatusOK {
			t.Errorf("%.7q…: %+v", header, got)
		}
	}
	if got := s.bearing(t, "Basic cDpw"); got.Reason != ReasonNone {
		t.Errorf("credentials of another scheme: %+v", got)
	}
}

func TestAlgorithms(t *testing.T) {
	s, f := newForgeStage(t, nil)
	rsaKey, err := rsa.GenerateKey(rand.Reader, 2048)
	fixture.Must(t, err)
	_, edKey, err := ed25519.GenerateKey(rand.Reader)
	fixture.Must(t, err)
	secret := []byte("a secret of thirty-two bytes, or so")
	f.keys = append(f.keys, jose.JSONWebKey{Key: rsaKey.Public(), KeyID: "r"}, jose.JSONWebKey{Key: edKey.Public(), KeyID: "e"},
		jose.JSONWebKey{Key: rsaKey.Public(), KeyID: "enc", Use: "enc"}, jose.JSONWebKey{Key: secret, KeyID: "s"})
	for _, c := range []struct {
		algorithm jose.SignatureAlgorithm
		key       any
		kid       string
		status    int
	}{
		{jose.RS256, crypto.PrivateKey(rsaKey), "r", 200}, {jose.PS256, rsaKey, "r", 200}, {jose.EdDSA, edKey, "e", 200},
		{jose.RS256, rsaKey, "enc", 401}, {jose.HS256, secret, "s", 401},
	} {
		if got := s.bearing(t, "Bearer "+signed(t, c.algorithm, c.key, c.kid, "at+jwt", f.claims())); got.Status != c.status {
			t.Errorf("%s with the key %q: %+v", c.algorithm, c.kid, got)
		}
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

func TestAudience(t *testing.T) {
	s := newStage(t, func(o *Options) { o.Audience = "interface" })
	for audience, want := range map[string]int{"interface": 200, client: 401} {
		token, err := s.issuer.Token("P-1", audience, time.Minute)
		fixture.Must(t, err)
		if got := s.bearing(t, "Bearer "+token); got.Status != want {
			t.Errorf("a token for %s: %+v", audience, got)
		}
	}
	b := s.browser(t)
	b.signIn("P-1", "/")
	if got := b.who("/who"); got.Status != http.StatusOK {
		t.Errorf("an ID token for the portal: %+v", got)
	}
}

func TestIDToken(t *testing.T) {
	stranger := newKey(t)
	s, f := newForgeStage(t, nil)
	hour := func(n time.Duration) int64 { return time.Now().Add(n * time.Hour).Unix() }
	signs := func(changed map[string]any) func(map[string]any) string {
		return func(claims map[string]any) string { return f.sign(t, "JWT", with(claims, changed)) }
	}
	cases := []struct {
		name   string
		token  func(claims map[string]any) string
		reason Reason
	}{
		{"good", signs(nil), ""},
		{"azp", signs(map[string]any{"azp": client}), ""},
		{"several audiences with azp", signs(map[string]any{"aud": []string{client, "other"}, "azp": client}), ""},
		{"several audiences without azp", signs(map[string]any{"aud": []string{client, "other"}}), ReasonToken},
		{"another azp", signs(map[string]any{"azp": "other"}), ReasonToken},
		{"an azp that is no text", signs(map[string]any{"azp": 1}), ReasonToken},
		{"expired", signs(map[string]any{"exp": hour(-1)}), ReasonExpired},
		{"another audience", signs(map[string]any{"aud": "other"}), ReasonToken},
		{"another issuer", signs(map[string]any{"iss": "https://other.example"}), ReasonToken},
		{"another nonce", signs(map[string]any{"nonce": "other"}), ReasonToken},
		{"no nonce", signs(map[string]any{"nonce": nil}), ReasonToken},
		{"no person", signs(map[string]any{"sub": "no identifier"}), ReasonPerson},
		{"another key", func(c map[string]any) string { return signed(t, jose.ES256, stranger, "k1", "JWT", c) }, ReasonToken},
		{"none", func(c map[string]any) string { return unsigned(t, c) }, ReasonToken},
		{"HS256 with the public key", func(c map[string]any) string {
			return signed(t, jose.HS256, f.hmacKeys(t)["PEM"], "k1", "JWT", c)
		}, ReasonToken},
		{"no token", func(map[string]any) string { return "" }, ReasonToken},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			f.change(func() { f.token = c.token })
			b := s.browser(t)
			p := b.get(b.get(b.begin("/")).to)
			if c.reason == "" {
				if got := b.who("/who"); p.status != http.StatusSeeOther || got.Person != people[0].Person {
					t.Errorf("the callback answers %d: %s", p.status, p.body)
				}
				return
			}
			if got := read(t, p); got.Reason != c.reason || got.Kind != ErrBad.Error() || b.cookie("/", sessionCookie) != nil {
				t.Errorf("the callback answers %+v, not the reason %s", got, c.reason)
			}
		})
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
	o = Options{}.filled()
	for _, c := range []struct {
		roles             any
		auditor, operator bool
	}{
		{nil, false, false}, {"auditor", true, false}, {"operator", false, true}, {"auditor operator", false, false},
		{[]any{"operator", "auditor"}, true, true}, {[]any{"Auditor", "auditors"}, false, false}, {map[string]any{"auditor": true}, false, false}, {true, false, false},
	} {
		got, err := o.person(map[string]any{"sub": "P-1", "roles": c.roles, "name": strings.Repeat("é", 200)})
		if err != nil || got.Auditor != c.auditor || got.Operator != c.operator || len([]rune(got.Name)) != longestName {
			t.Errorf("roles %v: %+v, %v", c.roles, got, err)
		}
	}
}
