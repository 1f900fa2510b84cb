package identity

import (
	"net/http"
	"strings"

	"bookledger/projections/access"
)

// Person returns who sent a request: the person of its bearer token, if it has
// one, or otherwise of its session. The error wraps ErrNoCredentials if there
// are no credentials, ErrBadCredentials if they are not valid (or the session
// has ended, since a page asks people to sign in in both cases), and
// ErrIssuerUnreachable if the issuer's keys are unavailable.
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

// maxTokenBytes limits what is parsed and verified for an unknown sender.
const maxTokenBytes = 16 << 10

// bearer returns the request's bearer token. It ignores credentials of other
// schemes, which may be for a proxy.
func bearer(r *http.Request) (token string, given bool, err error) {
	for _, header := range r.Header.Values("Authorization") {
		scheme, rest, _ := strings.Cut(strings.TrimSpace(header), " ")
		if !strings.EqualFold(scheme, "Bearer") {
			continue
		}
		if given {
			return "", false, fail(ReasonToken, "the request has more than one bearer token; send one")
		}
		token, given = strings.TrimSpace(rest), true
	}
	if given && (token == "" || len(token) > maxTokenBytes) {
		return "", false, fail(ReasonToken, "the bearer token is blank, or longer than 16 KiB")
	}
	return token, given, nil
}

// tokenPerson returns the person that a bearer token identifies.
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
		return access.Person{}, fail(ReasonToken, "the API requires an access token, not an ID token")
	}
	return id.options.person(t.claims)
}
