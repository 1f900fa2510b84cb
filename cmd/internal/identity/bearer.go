package identity

import (
	"net/http"
	"strings"

	"bookledger/projections/access"
)

// Person tells who has sent a request: the bearer of the token in its
// Authorization header where it has one, else whose session it is. The error
// wraps ErrNone where there are no credentials, ErrBad where they do not hold
// (a session that has ended too: for a page both mean to sign in), ErrIssuer
// where the issuer's keys cannot be had.
func (id *Authenticator) Person(r *http.Request) (access.Person, error) {
	token, given, err := bearer(r)
	if err != nil {
		return access.Person{}, err
	}
	if given {
		return id.tokenPerson(r, token)
	}
	return id.sessionPerson(r)
}

// maxTokenBytes bounds what is parsed and verified for a stranger, in bytes.
const maxTokenBytes = 16 << 10

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
	if given && (token == "" || len(token) > maxTokenBytes) {
		return "", false, fail(ReasonToken, "the bearer token is blank, or longer than 16 KiB")
	}
	return token, given, nil
}

// tokenPerson tells who a bearer token is about.
func (id *Authenticator) tokenPerson(r *http.Request, text string) (access.Person, error) {
	rp, err := id.provider.configuration(r.Context())
	if err != nil {
		return access.Person{}, err
	}
	t, err := id.verify(r.Context(), rp, id.options.Audience, text)
	if err != nil {
		return access.Person{}, err
	}
	if !t.isAccess() {
		return access.Person{}, fail(ReasonToken, "the API takes an access token, not an ID token")
	}
	return id.options.person(t.claims)
}
