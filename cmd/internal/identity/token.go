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

// token is a token that holds: its signature, issuer, audience, expiry and
// not-before.
type token struct {
	*oidc.IDToken
	typ    any // in its header
	claims map[string]any
}

// algorithms are those that an issuer signs with; one with a shared secret
// would let whoever holds the public key make tokens.
var algorithms = []jose.SignatureAlgorithm{
	jose.RS256, jose.RS384, jose.RS512, jose.PS256, jose.PS384, jose.PS512,
	jose.ES256, jose.ES384, jose.ES512, jose.EdDSA,
}

// verify reads a token for an audience. It checks the signature itself, so as to
// tell a bad token from keys that cannot be had; go-oidc checks the claims.
func (id *Authenticator) verify(ctx context.Context, rp *relyingParty, audience, text string) (*token, error) {
	signed, err := jose.ParseSignedCompact(text, algorithms)
	if err != nil || len(signed.Signatures) != 1 {
		return nil, fail(ReasonToken, "the token is not a signed one")
	}
	payload, err := rp.keys.verify(ctx, signed)
	if err != nil {
		return nil, err
	}
	t := &token{typ: signed.Signatures[0].Protected.ExtraHeaders[jose.HeaderType]}
	if json.Unmarshal(payload, &t.claims) != nil {
		return nil, fail(ReasonToken, "the token is not readable")
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
		return nil, fail(ReasonToken, "the token comes from another issuer")
	case !slices.Contains(claimTexts(t.claims["aud"]), audience):
		return nil, fail(ReasonToken, "the token was made for another audience")
	}
	return nil, fail(ReasonToken, "the token does not hold yet, or its claims are not readable")
}

// isAccess tells access tokens from the other tokens that an issuer signs with
// the same keys for the same audience: ID tokens carry the nonce of a sign-in or
// the hash of what came with them.
func (t *token) isAccess() bool {
	for _, mark := range [...]string{"nonce", "at_hash", "c_hash"} {
		if _, marked := t.claims[mark]; marked {
			return false
		}
	}
	if t.typ == nil {
		return true
	}
	typ, text := t.typ.(string)
	return text && slices.Contains([]string{"", "jwt", "at+jwt"}, strings.TrimPrefix(strings.ToLower(typ), "application/"))
}
