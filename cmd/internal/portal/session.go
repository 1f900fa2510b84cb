package portal

import (
	"encoding/json"
	"errors"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"bookledger/cmd/internal/identity"
	"bookledger/cmd/internal/problem"
	"bookledger/cmd/internal/service"
)

// signInPath returns the URL path of the sign-in page that returns to a path.
func signInPath(to string) string {
	if to = localPath(to); to == "/" {
		return "/sign-in"
	}
	return "/sign-in?" + url.Values{"to": {to}}.Encode()
}

// returnQueries are the query parameters of the portal's own links.
var returnQueries = []string{
	"application_year", "status", "next_steps", "household_type", "program", "carrier", "sort", "page", "page_size",
	"from", "list", "agency", "before", "rejections_before", "exports_before",
}

// returnPath returns the URL path and query of a request, to return to after
// sign-in. It omits query parameters that the portal's own links do not have,
// because their values may identify a consumer.
func returnPath(r *http.Request) string {
	own := url.Values{}
	for _, name := range returnQueries {
		if v := r.URL.Query().Get(name); v != "" {
			own.Set(name, v)
		}
	}
	if len(own) == 0 {
		return r.URL.EscapedPath()
	}
	return r.URL.EscapedPath() + "?" + own.Encode()
}

// localPath returns to if it is a path of the portal, otherwise "/". It prevents
// redirects to other sites.
func localPath(to string) string {
	u, err := url.Parse(to)
	if err != nil || u.IsAbs() || u.Host != "" || len(to) > 2000 ||
		!strings.HasPrefix(to, "/") || strings.HasPrefix(to, "//") || strings.ContainsAny(to, "\\\r\n\t") {
		return "/"
	}
	return to
}

// signInPage is the data of the page with the sign-in button.
type signInPage struct {
	To    string // where to return to
	Error string // why the last sign-in failed
	Demo  bool
	Idle  time.Duration // how long a session lasts without a request
}

func (p *Portal) signIn(w http.ResponseWriter, r *http.Request) error {
	to := localPath(r.URL.Query().Get("to"))
	if _, _, ok := p.Identity.Deadlines(r); ok {
		return redirect(w, r, to)
	}
	return p.renderSignIn(w, r, http.StatusOK, to, "")
}

func (p *Portal) renderSignIn(w http.ResponseWriter, r *http.Request, status int, to, failure string) error {
	return p.render(w, r, status, "sign-in", "Sign in", signInPage{To: to, Error: failure, Demo: p.Demo, Idle: p.Identity.IdleLimit()})
}

func (p *Portal) beginSignIn(w http.ResponseWriter, r *http.Request) error {
	if err := parseForm(w, r); err != nil {
		return err
	}
	to := localPath(r.PostForm.Get("to"))
	if err := p.Identity.StartSignIn(w, r, to); err != nil {
		return p.signInFailed(w, r, to, err)
	}
	return nil
}

func (p *Portal) finishSignIn(w http.ResponseWriter, r *http.Request) error {
	to, err := p.Identity.FinishSignIn(w, r)
	if err != nil {
		return p.signInFailed(w, r, "/", err)
	}
	return redirect(w, r, localPath(to))
}

// signInFailed shows the sign-in page with the reason of the failure.
func (p *Portal) signInFailed(w http.ResponseWriter, r *http.Request, to string, err error) error {
	status, reason := http.StatusUnauthorized, "Sign-in failed. Try again"
	var failure *identity.Failure
	if errors.As(err, &failure) {
		reason = failure.Text
	}
	if errors.Is(err, identity.ErrIssuerUnreachable) {
		status = http.StatusServiceUnavailable
		problem.Unavailable.WithDetail("").Header(w.Header())
	}
	return p.renderSignIn(w, r, status, to, problem.Sentence(reason))
}

func (p *Portal) signOut(w http.ResponseWriter, r *http.Request) error {
	return redirect(w, r, p.Identity.SignOut(w, r))
}

func (p *Portal) signedOut(w http.ResponseWriter, r *http.Request) error {
	return p.render(w, r, http.StatusOK, "signed-out", "Signed out", nil)
}

// sessionPage is the data of the page that warns before a session ends.
type sessionPage struct {
	Until time.Time
	Left  time.Duration
	Final bool
	To    string // where to return to
}

// sessionEnding reports the end of the session, as a page or as JSON for the
// script. It does not extend the session.
func (p *Portal) sessionEnding(w http.ResponseWriter, r *http.Request) error {
	idle, absolute, ok := p.Identity.Deadlines(r)
	left := max(0, idle.Sub(p.Identity.Now()).Truncate(time.Second))
	if r.Header.Get("Accept") == "application/json" {
		w.Header().Set("Content-Type", "application/json")
		// The client may have disconnected.
		_ = json.NewEncoder(w).Encode(struct {
			SignedIn bool `json:"signed_in"`
			Seconds  int  `json:"seconds"`
			Final    bool `json:"final"`
		}{ok, int(left / time.Second), !idle.Before(absolute)})
		return nil
	}
	to := localPath(r.URL.Query().Get("to"))
	if !ok {
		return redirect(w, r, signInPath(to))
	}
	return p.renderIn(w, r, http.StatusOK, "session", frame{
		Title: "Your session is ending", Refresh: strconv.Itoa(int(left/time.Second)+1) + ";url=" + signInPath(to),
		Data: sessionPage{idle, left, !idle.Before(absolute), to},
	})
}

// sessionContinue extends the session. Any request that a person sends does.
func (p *Portal) sessionContinue(w http.ResponseWriter, r *http.Request, _ service.Caller) error {
	if r.Header.Get("Accept") == "application/json" {
		w.WriteHeader(http.StatusNoContent)
		return nil
	}
	if err := parseForm(w, r); err != nil {
		return err
	}
	return redirect(w, r, localPath(r.PostForm.Get("to")))
}

// message is shown once, on the next page.
type message struct {
	Text string `json:"text"`
	Undo string `json:"undo,omitzero"` // URL path of the action that undoes it
	Bad  bool   `json:"bad,omitzero"`
	// The list and the filters to return to after undoing.
	Kind  string `json:"kind,omitzero"`
	Query string `json:"query,omitzero"`
}

const messageKey = "message"

func (p *Portal) setMessage(r *http.Request, m message) { p.putSession(r, messageKey, m) }

// takeMessage returns and removes the message that an earlier request left, or nil.
func (p *Portal) takeMessage(r *http.Request) *message {
	text := p.Identity.Pop(r, messageKey)
	m := new(message)
	if text == "" || json.Unmarshal([]byte(text), m) != nil {
		return nil
	}
	return m
}

// putSession stores a value in the session.
func (p *Portal) putSession(r *http.Request, key string, v any) {
	text, err := json.Marshal(v)
	if err != nil {
		return // strings and numbers always encode
	}
	p.Identity.Put(r, key, string(text))
}

// getSession loads a value of the session into v, and reports whether there was
// one.
func (p *Portal) getSession(r *http.Request, key string, v any) bool {
	text := p.Identity.Get(r, key)
	return text != "" && json.Unmarshal([]byte(text), v) == nil
}
