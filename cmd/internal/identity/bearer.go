package identity

import (
	"encoding/base64"
	"encoding/json"
	"net/http"
	"strings"

	"bookledger/projections/access"
)

// Person tells who has sent a request: the bearer of the token in its
// Authorization header where it has one, else whose session it is. The error
// wraps ErrNone where there are no credentials, ErrBad where they do not hold
// (a session that has ended too: for a page both mean to sign in), ErrIssuer
// where the issuer's keys cannot be had.
func (id *Identity) Person(r *http.Request) (access.Person, error) {
	token, given, err := bearer(r)
	if err != nil {
		return access.Person{}, err
	}
	if given {
		return id.holder(r, token)
	}
	return id.signedIn(r)
}

// longestToken bounds what is parsed and verified for a stranger, in bytes.
const longestToken = 16 << 10

// bearer finds the request's bearer token. Credentials of another scheme are
// for somebody else on the way, like a proxy.
func bearer(r *http.Request) (token string, given bool, err error) {
	for _, header := range r.Header.Values("Authorization") {
		scheme, rest, _ := strings.Cut(strings.TrimSpace(header), " ")
		if !strings.EqualFold(scheme, "Bearer") {
			continue
		}
		if given {
			return "", false, fail(ReasonToken, "the request has two bearer tokens; send one")
		}
		token, given = strings.TrimSpace(rest), true
	}
	if given && (token == "" || len(token) > longestToken) {
		return "", false, fail(ReasonToken, "the bearer token is blank, or longer than 16 KiB")
	}
	return token, given, nil
}

// holder tells who a bearer token is about.
func (id *Identity) holder(r *http.Request, token string) (access.Person, error) {
	none := access.Person{}
	rp, err := id.provider.get(r.Context())
	if err != nil {
		return none, err
	}
	verified, err := id.verified(r.Context(), rp, id.options.Audience, token)
	if err != nil {
		return none, err
	}
	claims := map[string]any{}
	if err := verified.Claims(&claims); err != nil {
		return none, fail(ReasonToken, "the token is not readable")
	}
	if !forInterfaces(token, claims) {
		return none, fail(ReasonToken, "the token is not an access token; an ID token opens no interface")
	}
	return id.options.person(claims)
}

// forInterfaces tells access tokens from the other tokens that an issuer signs
// with the same keys for the same audience: ID tokens carry the nonce of a
// sign-in or the hash of what came with them.
func forInterfaces(token string, claims map[string]any) bool {
	for _, mark := range [...]string{"nonce", "at_hash", "c_hash"} {
		if _, marked := claims[mark]; marked {
			return false
		}
	}
	head, _, _ := strings.Cut(token, ".")
	raw, err := base64.RawURLEncoding.DecodeString(head)
	if err != nil {
		return false
	}
	var header struct {
		Type string `json:"typ"`
	}
	if err := json.Unmarshal(raw, &header); err != nil {
		return false
	}
	switch strings.TrimPrefix(strings.ToLower(header.Type), "application/") {
	case "", "jwt", "at+jwt":
		return true
	}
	return false
}
