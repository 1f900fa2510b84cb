package identity

import "errors"

// Why somebody is not known. The text of an error that wraps one of these is
// safe to show and to log.
var (
	// ErrNoCredentials means that a request carries no credentials.
	ErrNoCredentials = errors.New("nobody is signed in")
	// ErrBadCredentials means that its credentials are broken, expired or for another
	// purpose.
	ErrBadCredentials = errors.New("the credentials do not hold")
	// ErrIssuerUnreachable means that the issuer or its keys cannot be reached, so that
	// nothing can be told of the credentials; it may be tried again.
	ErrIssuerUnreachable = errors.New("the issuer of identities cannot be reached")
)

// Reason names in one word why a sign-in or a credential was refused; it is
// fit for a metric's label.
type Reason string

const (
	ReasonNone    Reason = "none"    // no credentials
	ReasonSession Reason = "session" // a session that has ended
	ReasonState   Reason = "state"   // a callback to no sign-in that this browser has begun, or a used one
	ReasonMixUp   Reason = "mix_up"  // a callback of another issuer
	ReasonDenied  Reason = "denied"  // the issuer answered with an error
	ReasonCode    Reason = "code"    // the issuer did not take the code
	ReasonToken   Reason = "token"   // a token that does not hold
	ReasonExpired Reason = "expired" // a token past its time
	ReasonPerson  Reason = "person"  // a token that names nobody whom the ledger could know
	ReasonIssuer  Reason = "issuer"  // the issuer cannot be reached
)

// Failure is an error of this package. It never holds a token, a code or a
// claim. It wraps ErrNone, ErrBad or ErrIssuer.
type Failure struct {
	Reason Reason
	Text   string // one sentence, without a full stop
}

func (f *Failure) Error() string { return f.Text }

// Unwrap returns ErrNone, ErrIssuer or else ErrBad.
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
