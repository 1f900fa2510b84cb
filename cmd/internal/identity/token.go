package identity

import (
	"context"
	"encoding/json"
	"errors"
	"slices"
	"strings"

	"github.com/coreos/go-oidc/v3/oidc"
	"github.com/go-jose/go-jose/v4"
)

// token is a token whose signature, issuer, audience, expiry and not-before are
// valid.
type token struct {
	*oidc.IDToken
	typ    any // from the header
	claims map[string]any
}

// algorithms are the accepted signature algorithms. None uses a shared secret:
// otherwise anyone with the public key could create tokens.
var algorithms = []jose.SignatureAlgorithm{
	jose.RS256, jose.RS384, jose.RS512, jose.PS256, jose.PS384, jose.PS512,
	jose.ES256, jose.ES384, jose.ES512, jose.EdDSA,
}

// verify verifies a token for an audience. It checks the signature itself, to
// distinguish an invalid token from unavailable keys; go-oidc checks the
// claims.
func (id *Authenticator) verify(ctx context.Context, rp *relyingParty, audience, text string) (*token, error) {
	signed, err := jose.ParseSignedCompact(text, algorithms)
	if err != nil || len(signed.Signatures) != 1 {
		return nil, fail(ReasonToken, "the token is not signed with an accepted algorithm")
	}
	payload, err := rp.keys.verify(ctx, signed)
	if err != nil {
		return nil, err
	}
	t := &token{typ: signed.Signatures[0].Protected.ExtraHeaders[jose.HeaderType]}
	if json.Unmarshal(payload, &t.claims) != nil {
		return nil, fail(ReasonToken, "the token cannot be read")
	}
	checked := oidc.Config{ClientID: audience, SupportedSigningAlgs: []string{signed.Signatures[0].Header.Algorithm}, Now: id.options.Now}
	t.IDToken, err = oidc.NewVerifier(id.options.Issuer, payload, &checked).Verify(ctx, text)
	var expired *oidc.TokenExpiredError
	switch {
	case err == nil:
		return t, nil
	case errors.As(err, &expired):
		return nil, fail(ReasonExpired, "the token has expired")
	case t.claims["iss"] != id.options.Issuer:
		return nil, fail(ReasonToken, "the token is from another issuer")
	case !slices.Contains(claimTexts(t.claims["aud"]), audience):
		return nil, fail(ReasonToken, "the token is for another audience")
	}
	return nil, fail(ReasonToken, "the token is not valid yet, or its claims cannot be read")
}

// isAccess reports whether the token is an access token. The issuer signs other
// tokens with the same keys for the same audience: ID tokens contain the nonce
// of a sign-in, or the hash of an access token or code.
func (t *token) isAccess() bool {
	for _, claim := range [...]string{"nonce", "at_hash", "c_hash"} {
		if _, found := t.claims[claim]; found {
			return false
		}
	}
	if t.typ == nil {
		return true
	}
	typ, text := t.typ.(string)
	return text && slices.Contains([]string{"", "jwt", "at+jwt"}, strings.TrimPrefix(strings.ToLower(typ), "application/"))
}
