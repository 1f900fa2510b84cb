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

// signInPath is the sign-in page from which one comes back to a path.
func signInPath(to string) string {
	if to = localPath(to); to == "/" {
		return "/sign-in"
	}
	return "/sign-in?" + url.Values{"to": {to}}.Encode()
}

// ownQueries are the names that stand in the queries of our own links.
var ownQueries = []string{
	"application_year", "status", "next_steps", "household_type", "program", "carrier", "sort", "page", "page_size",
	"from", "list", "agency", "before", "rejections_before", "exports_before",
}

// addressOf is where a request was, to come back to. What our own links do not
// have in their queries is left out: it may name a consumer.
func addressOf(r *http.Request) string {
	own := url.Values{}
	for _, name := range ownQueries {
		if v := r.URL.Query().Get(name); v != "" {
			own.Set(name, v)
		}
	}
	if len(own) == 0 {
		return r.URL.EscapedPath()
	}
	return r.URL.EscapedPath() + "?" + own.Encode()
}

// localPath is a path of the portal's that one can be sent to, else "/".
func localPath(to string) string {
	u, err := url.Parse(to)
	if err != nil || u.IsAbs() || u.Host != "" || len(to) > 2000 ||
		!strings.HasPrefix(to, "/") || strings.HasPrefix(to, "//") || strings.ContainsAny(to, "\\\r\n\t") {
		return "/"
	}
	return to
}

// signInPage is the page with the button to sign in.
type signInPage struct {
	To   string
	Fail string // why it did not succeed
	Demo bool
}

func (p *Portal) signIn(w http.ResponseWriter, r *http.Request) error {
	to := localPath(r.URL.Query().Get("to"))
	if _, _, ok := p.Identity.Deadlines(r); ok {
		return redirect(w, r, to)
	}
	return p.render(w, r, http.StatusOK, "sign-in", "Sign in", signInPage{To: to, Demo: p.Demo})
}

func (p *Portal) beginSignIn(w http.ResponseWriter, r *http.Request) error {
	if err := form(w, r); err != nil {
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

// signInFailed shows the sign-in page again with the reason.
func (p *Portal) signInFailed(w http.ResponseWriter, r *http.Request, to string, err error) error {
	status, why := http.StatusUnauthorized, "The sign-in did not succeed; begin again"
	var failure *identity.Failure
	if errors.As(err, &failure) {
		why = failure.Text
	}
	if errors.Is(err, identity.ErrIssuerUnreachable) {
		status = http.StatusServiceUnavailable
		problem.Unavailable.WithDetail("").Header(w.Header())
	}
	return p.render(w, r, status, "sign-in", "Sign in", signInPage{To: to, Fail: problem.Sentence(why), Demo: p.Demo})
}

func (p *Portal) signOut(w http.ResponseWriter, r *http.Request) error {
	return redirect(w, r, p.Identity.SignOut(w, r))
}

func (p *Portal) signedOut(w http.ResponseWriter, r *http.Request) error {
	return p.render(w, r, http.StatusOK, "signed-out", "Signed out", nil)
}

// sessionPage says how long the session lasts.
type sessionPage struct {
	Until time.Time
	Left  time.Duration
	Final bool
	To    string
}

// sessionEnding tells how long the session lasts, to people and to the script.
// It does not prolong it.
func (p *Portal) sessionEnding(w http.ResponseWriter, r *http.Request) error {
	idle, absolute, ok := p.Identity.Deadlines(r)
	left := max(0, idle.Sub(p.Identity.Now()).Truncate(time.Second))
	if r.Header.Get("Accept") == "application/json" {
		w.Header().Set("Content-Type", "application/json")
		// Who has gone needs no answer.
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

// sessionContinue prolongs the session, as any request does that people send.
func (p *Portal) sessionContinue(w http.ResponseWriter, r *http.Request, _ service.Caller) error {
	if r.Header.Get("Accept") == "application/json" {
		w.WriteHeader(http.StatusNoContent)
		return nil
	}
	if err := form(w, r); err != nil {
		return err
	}
	return redirect(w, r, localPath(r.PostForm.Get("to")))
}

// message is said on the next page that is shown.
type message struct {
	Text string `json:"text"`
	Undo string `json:"undo,omitzero"` // the path of the action that takes it back
	Bad  bool   `json:"bad,omitzero"`
	// Where to come back to after taking back: the list and its filters.
	Kind  string `json:"kind,omitzero"`
	Query string `json:"query,omitzero"`
}

const messageKey = "message"

func (p *Portal) say(r *http.Request, m message) { p.keep(r, messageKey, m) }

// said takes the message that the last request has left, nil where none.
func (p *Portal) said(r *http.Request) *message {
	text := p.Identity.Pop(r, messageKey)
	m := new(message)
	if text == "" || json.Unmarshal([]byte(text), m) != nil {
		return nil
	}
	return m
}

// keep keeps something in the session.
func (p *Portal) keep(r *http.Request, key string, v any) {
	text, err := json.Marshal(v)
	if err != nil {
		return // of texts and numbers it does not fail
	}
	p.Identity.Put(r, key, string(text))
}

// kept reads what the session keeps into v, and tells whether there was
// something.
func (p *Portal) kept(r *http.Request, key string, v any) bool {
	text := p.Identity.Get(r, key)
	return text != "" && json.Unmarshal([]byte(text), v) == nil
}
