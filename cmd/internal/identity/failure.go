package identity

import "errors"

// Errors of Person and of sign-in. The text of an error that wraps one of these is
// safe to show and to log.
var (
	// ErrNoCredentials is returned for a request without credentials.
	ErrNoCredentials = errors.New("not signed in")
	// ErrBadCredentials is returned for credentials that are broken, expired or
	// for another purpose.
	ErrBadCredentials = errors.New("the credentials are not valid")
	// ErrIssuerUnreachable is returned when the issuer or its keys cannot be
	// reached, so that credentials cannot be checked. The request can be
	// repeated later.
	ErrIssuerUnreachable = errors.New("the identity issuer cannot be reached")
)

// Reason is why a sign-in or a credential was refused, in a form that is
// suitable for a metric label.
type Reason string

const (
	ReasonNone    Reason = "none"    // no credentials
	ReasonSession Reason = "session" // the session has ended
	ReasonState   Reason = "state"   // the callback matches no sign-in of this browser, or was already used
	ReasonMixUp   Reason = "mix_up"  // the callback is from another issuer
	ReasonDenied  Reason = "denied"  // the issuer returned an error
	ReasonCode    Reason = "code"    // the issuer did not accept the code
	ReasonToken   Reason = "token"   // the token is not valid
	ReasonExpired Reason = "expired" // the token has expired
	ReasonPerson  Reason = "person"  // the token has no valid person or agent id
	ReasonIssuer  Reason = "issuer"  // the issuer cannot be reached
)

// Failure is an error of this package. It never contains a token, a code or a
// claim. It wraps ErrNoCredentials, ErrBadCredentials or ErrIssuerUnreachable.
type Failure struct {
	Reason Reason
	Text   string // one sentence, without a full stop
}

func (f *Failure) Error() string { return f.Text }

// Unwrap returns the sentinel error for the reason.
func (f *Failure) Unwrap() error {
	switch f.Reason {
	case ReasonNone:
		return ErrNoCredentials
	case ReasonIssuer:
		return ErrIssuerUnreachable
	}
	return ErrBadCredentials
}

func fail(reason Reason, text string) error { return &Failure{reason, text} }

func unreachable() error {
	return fail(ReasonIssuer, "the sign-in service cannot be reached; try again in a minute")
}
