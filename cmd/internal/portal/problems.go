package portal

import (
	"errors"
	"net/http"

	"go.uber.org/zap"

	"bookledger/cmd/internal/problem"
)

// problemPage is what an error page shows.
type problemPage struct {
	*problem.Problem
	What   []string // what one can do
	SignIn string   // where one signs in, if that helps
}

// Problem answers with an error page. What is not a problem is logged, and
// shown as an internal one.
func (p *Portal) Problem(w http.ResponseWriter, r *http.Request, err error) {
	told := problem.From(err)
	if told.Status >= http.StatusInternalServerError && r.Context().Err() == nil {
		p.Log.Error("a page could not be shown", zap.String("route", r.Pattern), zap.Int("status", told.Status), zap.Error(errors.Unwrap(told)))
	}
	told.Header(w.Header())
	w.Header().Del("WWW-Authenticate") // browsers have a page to sign in
	page := problemPage{Problem: told, What: adviceOn(told)}
	if told.Status == http.StatusUnauthorized {
		page.SignIn = signInPath("/")
	}
	if err := p.render(w, r, told.Status, "problem", told.Title, page); err != nil {
		p.Log.Error("an error page could not be made", zap.Error(err))
		http.Error(w, told.Title+". "+told.Detail, told.Status)
	}
}

// adviceOn returns what one can do about a problem.
func adviceOn(p *problem.Problem) []string {
	switch {
	case p.Type == problem.NoBook.Type:
		return []string{"Choose one of the Fridays on the Books page."}
	case p.Type == problem.NotAccepted.Type:
		return []string{"Open the book again and answer Yes."}
	case p.Type == problem.OutcomeUnknown.Type:
		return []string{"Look at the list before you repeat the action."}
	case p.Status == http.StatusServiceUnavailable && p.RetryAfter == 0:
		return []string{"Tell the operator of this portal."}
	}
	return advice[p.Status]
}

// advice is what one can do about the other problems, by their status.
var advice = map[int][]string{
	http.StatusNotFound: {
		"Check the address, if you typed it.", "A consumer may have been delegated to somebody else since. Look for the consumer in your lists.",
		"If you should see this, ask your agency’s manager.",
	},
	http.StatusForbidden:            {"If you need this for your work, ask your agency’s manager."},
	http.StatusConflict:             {"Go back, look at the list as it is now, and try again if it still makes sense."},
	http.StatusBadRequest:           {"Go back and correct it. If you followed a link, use the filters on the page instead."},
	http.StatusMethodNotAllowed:     {"Begin again from the home page."},
	http.StatusUnsupportedMediaType: {"Begin again from the home page."},
	http.StatusTooManyRequests:      {"Wait a few seconds, then load the page again."},
	http.StatusServiceUnavailable: {
		"Wait a little, then load the page again. Nothing that was recorded is lost.", "If it stays so, tell the operator of this portal.",
	},
}
