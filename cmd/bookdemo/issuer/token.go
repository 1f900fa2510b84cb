package issuer

import (
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/http"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/go-jose/go-jose/v4/jwt"
)

// tokenLifetime is the lifetime of the tokens of a sign-in.
const tokenLifetime = 5 * time.Minute

func (i *Issuer) discovery(w http.ResponseWriter, _ *http.Request) {
	base := i.options.Base
	writeJSON(w, http.StatusOK, map[string]any{
		"issuer":                                         base,
		"authorization_endpoint":                         base + "/authorize",
		"token_endpoint":                                 base + "/token",
		"jwks_uri":                                       base + "/jwks",
		"end_session_endpoint":                           base + "/end-session",
		"response_types_supported":                       []string{"code"},
		"response_modes_supported":                       []string{"query"},
		"grant_types_supported":                          []string{"authorization_code"},
		"subject_types_supported":                        []string{"public"},
		"id_token_signing_alg_values_supported":          []string{string(jose.ES256)},
		"token_endpoint_auth_methods_supported":          []string{"none"},
		"code_challenge_methods_supported":               []string{"S256"},
		"scopes_supported":                               []string{"openid", "profile"},
		"claims_supported":                               []string{"sub", "name", "agent_id", "roles"},
		"authorization_response_iss_parameter_supported": true,
	})
}

func (i *Issuer) jwks(w http.ResponseWriter, _ *http.Request) { writeJSON(w, http.StatusOK, i.keys) }

func (i *Issuer) token(w http.ResponseWriter, r *http.Request) {
	if err := r.ParseForm(); err != nil {
		tokenError(w, "invalid_request")
		return
	}
	form := r.PostForm
	switch {
	case form.Get("grant_type") != "authorization_code":
		tokenError(w, "unsupported_grant_type")
		return
	case form.Get("client_id") != i.options.ClientID:
		tokenError(w, "invalid_client")
		return
	}
	// Any attempt consumes the code, so someone without the verifier cannot try
	// again.
	g, found := i.redeem(form.Get("code"))
	sum := sha256.Sum256([]byte(form.Get("code_verifier")))
	challenge := base64.RawURLEncoding.EncodeToString(sum[:])
	if !found || form.Get("redirect_uri") != i.callback() || subtle.ConstantTimeCompare([]byte(challenge), []byte(g.challenge)) != 1 {
		tokenError(w, "invalid_grant")
		return
	}
	bearer, err := i.Token(g.personID, i.options.ClientID, tokenLifetime)
	if err != nil {
		tokenError(w, "server_error")
		return
	}
	id, err := i.idToken(g)
	if err != nil {
		tokenError(w, "server_error")
		return
	}
	writeJSON(w, http.StatusOK, map[string]any{
		"access_token": bearer, "token_type": "Bearer", "expires_in": int(tokenLifetime / time.Second), "id_token": id, "scope": "openid profile",
	})
}

// claims returns the claims about a person that every token contains.
func (i *Issuer) claims(p Person, audience string, ttl time.Duration) map[string]any {
	now := i.options.Now()
	c := map[string]any{
		"iss": i.options.Base, "sub": p.ID, "aud": audience, "name": p.Name,
		"iat": now.Unix(), "exp": now.Add(ttl).Unix(),
	}
	if p.AgentID != "" {
		c["agent_id"] = p.AgentID
	}
	var roles []string
	if p.Auditor {
		roles = append(roles, "auditor")
	}
	if p.Operator {
		roles = append(roles, "operator")
	}
	if len(roles) > 0 {
		c["roles"] = roles
	}
	return c
}

func (i *Issuer) idToken(g grant) (string, error) {
	c := i.claims(i.people[g.personID], i.options.ClientID, tokenLifetime)
	if g.nonce != "" {
		c["nonce"] = g.nonce
	}
	return i.sign("JWT", c)
}

// Token returns a bearer token for a person, valid for ttl. It fails if there is no
// such person.
func (i *Issuer) Token(personID, audience string, ttl time.Duration) (string, error) {
	p, known := i.people[personID]
	if !known {
		return "", fmt.Errorf("demo issuer: no person %q", personID)
	}
	c := i.claims(p, audience, ttl)
	c["client_id"] = i.options.ClientID
	c["jti"] = rand.Text()
	return i.sign("at+jwt", c)
}

// sign returns a signed token. Its header contains the type.
func (i *Issuer) sign(typ jose.ContentType, claims map[string]any) (string, error) {
	signer, err := jose.NewSigner(i.key, (&jose.SignerOptions{}).WithType(typ))
	if err != nil {
		return "", fmt.Errorf("demo issuer: creating a signer: %w", err)
	}
	token, err := jwt.Signed(signer).Claims(claims).Serialize()
	if err != nil {
		return "", fmt.Errorf("demo issuer: signing a token: %w", err)
	}
	return token, nil
}

func tokenError(w http.ResponseWriter, code string) {
	writeJSON(w, http.StatusBadRequest, map[string]string{"error": code})
}

func writeJSON(w http.ResponseWriter, status int, v any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(v) // fails only if the client has disconnected
}
