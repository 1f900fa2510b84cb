package identity

import (
	"context"
	"crypto/rand"
	"crypto/subtle"
	"errors"
	"net/http"
	"net/url"
	"regexp"

	"github.com/coreos/go-oidc/v3/oidc"
	"golang.org/x/oauth2"

	"bookledger/projections/access"
)

// StartSignIn redirects a browser to the issuer. returnTo is the portal path to
// return to; anything but a local path counts as "/". The server keeps nothing.
// StartSignIn returns ErrIssuerUnreachable if the issuer cannot be reached.
// After an error, nothing has been written.
func (id *Authenticator) StartSignIn(w http.ResponseWriter, r *http.Request, returnTo string) error {
	rp, err := id.provider.configuration(r.Context())
	if err != nil {
		return err
	}
	a := loginState{
		State: rand.Text(), Nonce: rand.Text(), Verifier: oauth2.GenerateVerifier(),
		ReturnTo: localPath(returnTo), Until: id.options.Now().Add(loginLife),
	}
	if err := id.logins.put(w, a); err != nil {
		return err
	}
	w.Header().Set("Cache-Control", "no-store")
	to := rp.code.AuthCodeURL(a.State, oauth2.S256ChallengeOption(a.Verifier), oidc.Nonce(a.Nonce))
	http.Redirect(w, r, to, http.StatusSeeOther)
	return nil
}

// FinishSignIn handles the issuer's callback. It signs the person in, in a new
// session with a new id, and returns the path that StartSignIn was given. It
// writes only cookies; the caller redirects, or shows the error. The error is a
// Failure if the sign-in is refused, and another error if the session could not
// be created.
func (id *Authenticator) FinishSignIn(w http.ResponseWriter, r *http.Request) (returnTo string, err error) {
	w.Header().Set("Cache-Control", "no-store")
	q := r.URL.Query()
	a, found := id.logins.get(r)
	if !found || subtle.ConstantTimeCompare([]byte(q.Get("state")), []byte(a.State)) != 1 {
		// Keep the cookie: a forged callback must not end a genuine sign-in.
		return "", fail(ReasonState, "this sign-in started in another browser, or more than ten minutes ago; start again")
	}
	id.logins.clear(w)
	if !id.logins.take(a) {
		return "", fail(ReasonState, "this sign-in was already completed; start again")
	}
	p, token, err := id.redeem(r.Context(), q, a)
	if err != nil {
		id.logins.forget(a)
		return "", err
	}
	if err := id.openSession(r, p, token); err != nil {
		return "", err
	}
	return a.ReturnTo, nil
}

// errorCode matches OAuth error codes. Other text is not repeated to people.
var errorCode = regexp.MustCompile(`^[a-z_]{1,40}$`)

// withErrorCode appends a valid OAuth error code to a text.
func withErrorCode(text, code string) string {
	if errorCode.MatchString(code) {
		return text + " (" + code + ")"
	}
	return text
}

// redeem exchanges the code of the issuer's callback for a person and their ID
// token.
func (id *Authenticator) redeem(ctx context.Context, q url.Values, a loginState) (access.Person, string, error) {
	none := access.Person{}
	rp, err := id.provider.configuration(ctx)
	if err != nil {
		return none, "", err
	}
	if iss := q.Get("iss"); iss != id.options.Issuer && (iss != "" || q.Has("iss") || rp.sendsIssuer) {
		return none, "", fail(ReasonMixUp, "the response comes from a different sign-in service; start again")
	}
	if q.Has("error") {
		return none, "", fail(ReasonDenied, withErrorCode("the sign-in service did not sign you in", q.Get("error")))
	}
	ctx = oidc.ClientContext(ctx, id.options.Client)
	answer, err := rp.code.Exchange(ctx, q.Get("code"), oauth2.VerifierOption(a.Verifier))
	if err != nil {
		return none, "", exchangeFailure(err)
	}
	token, _ := answer.Extra("id_token").(string)
	claims, err := id.idToken(ctx, rp, token, a.Nonce)
	if err != nil {
		return none, "", err
	}
	p, err := id.options.person(claims)
	return p, token, err
}

func exchangeFailure(err error) error {
	var refused *oauth2.RetrieveError
	var transport *url.Error
	switch {
	case errors.As(err, &refused) && refused.Response.StatusCode < http.StatusInternalServerError:
		return fail(ReasonCode, withErrorCode("the sign-in service rejected its own code; start again", refused.ErrorCode))
	case errors.As(err, &refused), errors.As(err, &transport),
		errors.Is(err, context.Canceled), errors.Is(err, context.DeadlineExceeded):
		return unreachable()
	}
	return fail(ReasonCode, "the sign-in service sent an invalid response; start again")
}

// idToken verifies an ID token of this sign-in and returns its claims.
func (id *Authenticator) idToken(ctx context.Context, rp *relyingParty, text, nonce string) (map[string]any, error) {
	t, err := id.verify(ctx, rp, id.options.ClientID, text)
	if err != nil {
		return nil, err
	}
	if azp, given := t.claims["azp"]; given && azp != id.options.ClientID || !given && len(t.Audience) > 1 {
		return nil, fail(ReasonToken, "the token was issued to another client; start again")
	}
	if subtle.ConstantTimeCompare([]byte(t.Nonce), []byte(nonce)) != 1 {
		return nil, fail(ReasonToken, "the token belongs to another sign-in; start again")
	}
	return t.claims, nil
}

// SignOut ends the session and returns where to redirect the browser: to the
// issuer's end-session endpoint if it has one, otherwise to "/signed-out". The
// caller must ensure that the person intended it: only a POST from the portal's
// own page.
func (id *Authenticator) SignOut(w http.ResponseWriter, r *http.Request) (redirect string) {
	w.Header().Set("Cache-Control", "no-store")
	token := id.closeSession(r)
	rp := id.provider.cached()
	if rp == nil || rp.endSession == "" {
		return "/signed-out"
	}
	to, err := url.Parse(rp.endSession)
	if err != nil {
		return "/signed-out"
	}
	q := to.Query()
	q.Set("client_id", id.options.ClientID)
	q.Set("post_logout_redirect_uri", id.options.PublicURL+"/signed-out")
	if token != "" {
		q.Set("id_token_hint", token)
	}
	to.RawQuery = q.Encode()
	return to.String()
}
