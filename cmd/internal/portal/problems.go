package portal

import (
	"errors"
	"net/http"

	"go.uber.org/zap"

	"bookledger/cmd/internal/problem"
)

// problemPage is the data of an error page.
type problemPage struct {
	*problem.Problem
	Advice     []string
	SignInPath string // "" unless signing in helps
}

// Problem writes an error page. Any error that is not a [problem.Problem] is
// shown as an internal error. Server errors are logged.
func (p *Portal) Problem(w http.ResponseWriter, r *http.Request, err error) {
	pr := problem.From(err)
	if pr.Status >= http.StatusInternalServerError && r.Context().Err() == nil {
		p.Log.Error("cannot show page", zap.String("route", r.Pattern), zap.Int("status", pr.Status), zap.Error(errors.Unwrap(pr)))
	}
	pr.Header(w.Header())
	w.Header().Del("WWW-Authenticate") // browsers sign in on a page
	page := problemPage{Problem: pr, Advice: adviceFor(pr)}
	if pr.Status == http.StatusUnauthorized {
		page.SignInPath = signInPath("/")
	}
	if err := p.render(w, r, pr.Status, "problem", pr.Title, page); err != nil {
		p.Log.Error("cannot render error page", zap.Error(err))
		http.Error(w, pr.Title+". "+pr.Detail, pr.Status)
	}
}

// adviceFor returns what a person can do about a problem.
func adviceFor(p *problem.Problem) []string {
	switch {
	case p.Type == problem.NoBook.Type:
		return []string{"Choose a Friday on the Books page."}
	case p.Type == problem.NotAccepted.Type:
		return []string{"Open the book again and choose Yes."}
	case p.Type == problem.OutcomeUnknown.Type:
		return []string{"Check the list before you try again."}
	case p.Status == http.StatusServiceUnavailable && p.RetryAfter == 0:
		return []string{"Contact the operator of this portal."}
	}
	return advice[p.Status]
}

// advice contains the advice about other problems by HTTP status.
var advice = map[int][]string{
	http.StatusNotFound: {
		"If you typed the address, check it.", "The consumer may now be delegated to another agent. Look for the consumer in your lists.",
		"If you should have access, contact your agency's manager.",
	},
	http.StatusForbidden:            {"If you need access for your work, contact your agency's manager."},
	http.StatusConflict:             {"Go back and check the current list. Try again if the action still applies."},
	http.StatusBadRequest:           {"Go back and correct the value. If you followed a link, use the filters on the page instead."},
	http.StatusMethodNotAllowed:     {"Start again from the home page."},
	http.StatusUnsupportedMediaType: {"Start again from the home page."},
	http.StatusTooManyRequests:      {"Wait a few seconds, then reload the page."},
	http.StatusServiceUnavailable: {
		"Wait a moment, then reload the page. Recorded data is not lost.", "If the problem continues, contact the operator of this portal.",
	},
}
