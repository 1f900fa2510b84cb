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

// Keys of a session's values: the person, their ID token, and the portal's texts,
// whose keys have this prefix.
const (
	personKey  = "person"
	idTokenKey = "id_token"
	textPrefix = "text."
)

// sessionRequestKey is the context key of a *sessionRequest.
type sessionRequestKey struct{}

// sessionRequest carries data about a request between the Authenticator and the
// session store.
type sessionRequest struct {
	background bool      // the request does not extend its session
	opened     bool      // the request signed a person in
	idle       time.Time // when the session ends without another request
}

func sessionRequestOf(ctx context.Context) *sessionRequest {
	return ctx.Value(sessionRequestKey{}).(*sessionRequest)
}

func newSessions(o Options, store *sessionStore) *scs.SessionManager {
	m := scs.New()
	m.Store = store
	m.Lifetime = o.Limit
	// The store applies the idle limit. With scs's own limit, every response
	// would write the whole session back, over changes by a concurrent request,
	// and set the cookie again, even after a sign-out.
	m.IdleTimeout = 0
	m.HashTokenInStore = true
	m.Cookie.Name = sessionCookie
	m.Cookie.Secure = true
	m.Cookie.HttpOnly = true
	m.Cookie.SameSite = http.SameSiteLaxMode // Strict would block the issuer's callback, which comes from another site
	m.Cookie.Path = "/"
	m.Cookie.Persist = false
	m.ErrorFunc = func(w http.ResponseWriter, _ *http.Request, _ error) {
		o.Log.Error("reading or saving a session failed")
		http.Error(w, http.StatusText(http.StatusInternalServerError), http.StatusInternalServerError)
	}
	return m
}

// Middleware loads the session of each request and saves changes to it. All
// requests that are passed to other methods must come through it.
func (id *Authenticator) Middleware(next http.Handler) http.Handler {
	loaded := id.sessions.LoadAndSave(next)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		v := &sessionRequest{background: id.options.IsBackground(r)}
		loaded.ServeHTTP(w, r.WithContext(context.WithValue(r.Context(), sessionRequestKey{}, v)))
	})
}

// sessionPerson returns the person of the request's session.
func (id *Authenticator) sessionPerson(r *http.Request) (access.Person, error) {
	var p access.Person
	if id.hasSession(r) {
		text := id.sessions.GetString(r.Context(), personKey)
		if err := json.Unmarshal([]byte(text), &p); err != nil {
			return access.Person{}, fail(ReasonSession, "the session cannot be read; sign in again")
		}
		return p, nil
	}
	if cookie, err := r.Cookie(sessionCookie); err == nil && cookie.Value != "" {
		return p, fail(ReasonSession, "the session has ended; sign in again")
	}
	return p, fail(ReasonNone, "not signed in")
}

// hasSession reports whether a request has a session.
func (id *Authenticator) hasSession(r *http.Request) bool {
	return id.sessions.Exists(r.Context(), personKey)
}

// openSession starts a session with a new id. It discards the previous session,
// which may contain another person's data.
func (id *Authenticator) openSession(r *http.Request, p access.Person, token string) error {
	ctx := r.Context()
	text, err := json.Marshal(p)
	if err != nil {
		return fmt.Errorf("sign-in: encoding the person: %w", err)
	}
	if err := errors.Join(id.sessions.Clear(ctx), id.sessions.RenewToken(ctx)); err != nil {
		return fmt.Errorf("sign-in: creating a session: %w", err)
	}
	v := sessionRequestOf(ctx)
	v.opened, v.idle = true, id.options.Now().Add(id.options.Idle)
	id.sessions.Put(ctx, personKey, string(text))
	id.sessions.Put(ctx, idTokenKey, token)
	return nil
}

// closeSession ends a request's session, if any, and returns its ID token.
func (id *Authenticator) closeSession(r *http.Request) string {
	token := id.sessions.GetString(r.Context(), idTokenKey)
	_ = id.sessions.Destroy(r.Context()) // the store never fails
	return token
}

// IdleLimit returns how long a session lasts without a request.
func (id *Authenticator) IdleLimit() time.Duration { return id.options.Idle }

// Put stores a small text in the session until the session ends. Without a
// session, it does nothing. The caller limits the length of the text.
func (id *Authenticator) Put(r *http.Request, key, value string) {
	if id.hasSession(r) {
		id.sessions.Put(r.Context(), textPrefix+key, value)
	}
}

// Get returns a text of the session, or "" if there is none.
func (id *Authenticator) Get(r *http.Request, key string) string {
	return id.sessions.GetString(r.Context(), textPrefix+key)
}

// Pop removes a text from the session and returns it, or "" if there is none.
func (id *Authenticator) Pop(r *http.Request, key string) string {
	return id.sessions.PopString(r.Context(), textPrefix+key)
}

// Now returns the current time on the clock that Deadlines uses.
func (id *Authenticator) Now() time.Time { return id.options.Now() }

// Deadlines returns when a request's session ends: at idle unless another
// request extends it, and at absolute in any case. ok is false without a
// session.
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
