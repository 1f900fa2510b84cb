package identity

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"time"

	"github.com/alexedwards/scs/v2"

	"bookledger/projections/access"
)

const sessionCookie = "bookledger"

// What a session holds: the person, their ID token, and texts of the portal,
// each under this prefix.
const (
	personKey  = "person"
	idTokenKey = "id_token"
	textPrefix = "text."
)

// sessionRequestKey is where a request's context has its visit.
type sessionRequestKey struct{}

// sessionRequest is what the store has to know of the request that it is asked for.
type sessionRequest struct {
	background bool      // the request does not prolong its session
	opened     bool      // it has signed somebody in
	idle       time.Time // when its session ends without another request
}

func sessionRequestOf(ctx context.Context) *sessionRequest {
	return ctx.Value(sessionRequestKey{}).(*sessionRequest)
}

func newSessions(o Options, store *sessionStore) *scs.SessionManager {
	m := scs.New()
	m.Store = store
	m.Lifetime = o.Limit
	// The store keeps the idle limit. With scs's own, each answer would write
	// the whole session back, over what another request has changed in the
	// meantime, and set the cookie again, even after a sign-out.
	m.IdleTimeout = 0
	m.HashTokenInStore = true
	m.Cookie.Name = sessionCookie
	m.Cookie.Secure = true
	m.Cookie.HttpOnly = true
	m.Cookie.SameSite = http.SameSiteLaxMode // the issuer's callback comes from another site
	m.Cookie.Path = "/"
	m.Cookie.Persist = false
	m.ErrorFunc = func(w http.ResponseWriter, _ *http.Request, _ error) {
		o.Log.Error("a session could not be read or kept")
		http.Error(w, http.StatusText(http.StatusInternalServerError), http.StatusInternalServerError)
	}
	return m
}

// Middleware gives requests their session and keeps what they change in it. Every
// request that an Identity is asked about has to come through it.
func (id *Authenticator) Middleware(next http.Handler) http.Handler {
	loaded := id.sessions.LoadAndSave(next)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		v := &sessionRequest{background: id.options.IsBackground(r)}
		loaded.ServeHTTP(w, r.WithContext(context.WithValue(r.Context(), sessionRequestKey{}, v)))
	})
}

// sessionPerson tells whose session a request has.
func (id *Authenticator) sessionPerson(r *http.Request) (access.Person, error) {
	var p access.Person
	if id.hasSession(r) {
		text := id.sessions.GetString(r.Context(), personKey)
		if err := json.Unmarshal([]byte(text), &p); err != nil {
			return access.Person{}, fail(ReasonSession, "the session is not readable; sign in again")
		}
		return p, nil
	}
	if cookie, err := r.Cookie(sessionCookie); err == nil && cookie.Value != "" {
		return p, fail(ReasonSession, "the session has ended; sign in again")
	}
	return p, fail(ReasonNone, "nobody is signed in")
}

// hasSession tells whether a request hasSession a session.
func (id *Authenticator) hasSession(r *http.Request) bool {
	return id.sessions.Exists(r.Context(), personKey)
}

// openSession begins a session of a new id; the one before it is gone, with all that
// another person may have left in it.
func (id *Authenticator) openSession(r *http.Request, p access.Person, token string) error {
	ctx := r.Context()
	text, err := json.Marshal(p)
	if err != nil {
		return fmt.Errorf("sign-in: keep the person: %w", err)
	}
	if err := errors.Join(id.sessions.Clear(ctx), id.sessions.RenewToken(ctx)); err != nil {
		return fmt.Errorf("sign-in: begin a session: %w", err)
	}
	v := sessionRequestOf(ctx)
	v.opened, v.idle = true, id.options.Now().Add(id.options.Idle)
	id.sessions.Put(ctx, personKey, string(text))
	id.sessions.Put(ctx, idTokenKey, token)
	return nil
}

// closeSession ends a request's session, where it has one, and returns its ID token.
func (id *Authenticator) closeSession(r *http.Request) string {
	token := id.sessions.GetString(r.Context(), idTokenKey)
	_ = id.sessions.Destroy(r.Context()) // the store never fails
	return token
}

// IdleLimit returns how long a session lasts without a request.
func (id *Authenticator) IdleLimit() time.Duration { return id.options.Idle }

// Put keeps a small text in the session until it ends. Where nobody is signed
// in, nothing is kept. How long a text may be is for the caller to bound.
func (id *Authenticator) Put(r *http.Request, key, value string) {
	if id.hasSession(r) {
		id.sessions.Put(r.Context(), textPrefix+key, value)
	}
}

// Get returns a text of the session, or "".
func (id *Authenticator) Get(r *http.Request, key string) string {
	return id.sessions.GetString(r.Context(), textPrefix+key)
}

// Pop returns a text of the session, or "", and removes it.
func (id *Authenticator) Pop(r *http.Request, key string) string {
	return id.sessions.PopString(r.Context(), textPrefix+key)
}

// Now is the time by which Deadlines are told.
func (id *Authenticator) Now() time.Time { return id.options.Now() }

// Deadlines tells when a request's session ends: idle without another request
// that prolongs it, absolute in any case. ok is false where there is none.
func (id *Authenticator) Deadlines(r *http.Request) (idle, absolute time.Time, ok bool) {
	if !id.hasSession(r) {
		return time.Time{}, time.Time{}, false
	}
	absolute = id.sessions.Deadline(r.Context())
	idle = sessionRequestOf(r.Context()).idle
	if absolute.Before(idle) {
		idle = absolute
	}
	return idle, absolute, true
}
