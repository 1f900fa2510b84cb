package portal

import (
	"cmp"
	"context"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"bookledger/cmd/internal/problem"
	"bookledger/cmd/internal/service"
)

// done is what is said of an action that was done, and the action that takes
// it back.
var done = map[service.Action]struct {
	text string
	undo service.Action
	from service.Kind // the list in which the consumer was, where the form does not say it
}{
	service.MarkInactive: {"%s was marked as inactive. The delegation goes on; find the consumer under Inactive Consumers.", service.Reactivate, service.Active},
	service.Reactivate:   {"%s is active again.", service.MarkInactive, service.Inactive},
	service.Accept:       {"The request of %s was accepted. Find the consumer under Active Consumers.", "", service.Pending},
	service.Decline:      {"The request of %s was declined.", "", service.Pending},
}

// act does an action and shows the list from which it was done. Marking as
// inactive asks no question first: agents do it to many in a row, it changes
// nothing for the consumer, and the message offers to take it back.
func (p *Portal) act(a service.Action) handler {
	return func(w http.ResponseWriter, r *http.Request, c service.Caller) error {
		k := done[a].from
		if list := service.Kind(r.PostForm.Get("list")); slices.Contains(kinds[:], list) {
			k = list
		}
		set, asked, err := queryBefore(r) // before anything is done
		if err != nil {
			return err
		}
		acted, err := p.Service.Act(r.Context(), c, owner(r), r.PathValue("case"), a)
		if problem.From(err).Status == http.StatusConflict && err != nil {
			return p.conflict(w, r, c, k, problem.From(err))
		}
		if err != nil {
			return err
		}
		whom := "Case " + acted.CaseID
		if acted.Name != "" {
			whom = acted.Name + " (case " + acted.CaseID + ")"
		}
		m := message{Text: fmt.Sprintf(done[a].text, whom)}
		if undo := done[a].undo; undo != "" {
			m.Undo, m.Kind = caseFile(owner(r), acted.CaseID)+"/"+string(undo), string(k)
			m.Query = withPage("", set, asked.Page)
		}
		p.say(r, m)
		return p.backToList(w, r, k, true)
	}
}

// conflict shows the list as it is now, with the reason why the action cannot
// be done.
func (p *Portal) conflict(w http.ResponseWriter, r *http.Request, c service.Caller, k service.Kind, why *problem.Problem) error {
	c, done := p.Service.At(c)
	defer done()
	r = r.WithContext(context.WithValue(r.Context(), callerKey{}, c))
	a, err := p.about(c, owner(r))
	if err != nil {
		return err
	}
	m := &message{Text: "Nothing was changed for case " + r.PathValue("case") + ". " + why.Detail, Bad: true}
	return p.showList(w, r, c, a, k, strings.TrimPrefix(r.PostForm.Get("query"), "?"), why.Status, m)
}

// caseFile is where a case of an owner's is.
func caseFile(o service.Owner, id string) string { return basePath(o) + "/cases/" + url.PathEscape(id) }

// casePart is one of the pages of a case.
type casePart struct{ name, suffix, title string }

// caseParts are the pages of a case, by the names of the job aid's actions.
var caseParts = [...]casePart{
	{"account", "", "Account"},
	{"household", "/household", "Household"},
	{"eligibility", "/eligibility", "Eligibility"},
	{"enrollment", "/enrollment", "Enrollment Details"},
}

// casePage is what a page of a case shows.
type casePage struct {
	About about
	Case  *service.CaseDetails
	Name  string
	Part  string
	Title string
	Tabs  []link
	File  string
	List  service.Kind // in which the consumer is
	Years []caseYear
}

// caseYear is what is known of one application year.
type caseYear struct {
	Year        int
	Application *service.Year
	Eligibility []service.Eligibility
	Enrollment  []service.Enrollment
}

func (p *Portal) casePage(part casePart) ownedHandler {
	return func(w http.ResponseWriter, r *http.Request, c service.Caller, a about) error {
		page, err := p.openCase(r, c, a)
		if err != nil {
			return err
		}
		page.Part, page.Title = part.name, part.title
		for _, t := range caseParts {
			page.Tabs = append(page.Tabs, link{t.title, page.File + t.suffix, t == part})
		}
		return p.render(w, r, http.StatusOK, "case", part.title+" of case "+page.Case.CaseID, page)
	}
}

func (p *Portal) openCase(r *http.Request, c service.Caller, a about) (*casePage, error) {
	file, err := p.Service.Case(r.Context(), c, a.Owner, r.PathValue("case"))
	if err != nil {
		return nil, err
	}
	return &casePage{
		About: a, Case: file, Name: cmp.Or(file.Household.PrimaryContact.Name(), "Case "+file.CaseID), File: caseFile(a.Owner, file.CaseID),
		List: service.Kind(file.Delegation.Status), Years: yearsOf(file),
	}, nil
}

// yearsOf puts what is known of a case by application year, the newest first.
func yearsOf(f *service.CaseDetails) []caseYear {
	var years []caseYear
	for _, a := range slices.Backward(f.Years) {
		y := caseYear{Year: a.ApplicationYear, Application: &a}
		for _, e := range f.Eligibility {
			if e.ApplicationYear == y.Year {
				y.Eligibility = append(y.Eligibility, e)
			}
		}
		for _, e := range f.Enrollment {
			if e.ApplicationYear == y.Year {
				y.Enrollment = append(y.Enrollment, e)
			}
		}
		years = append(years, y)
	}
	return years
}

// declinePage asks whether a request is to be declined.
type declinePage struct {
	*casePage
	Agency string // from whose list it was asked, else ""
	Back   string
}

// confirmDecline asks once more, since a declined request is gone: the
// consumer would have to ask again.
func (p *Portal) confirmDecline(w http.ResponseWriter, r *http.Request, c service.Caller, a about) error {
	page, err := p.openCase(r, c, a)
	if err != nil {
		return err
	}
	if page.Case.Delegation.RequestedOn == 0 {
		return problem.Conflict.WithDetail("This consumer's request is no longer pending. It was withdrawn or already answered.")
	}
	back := declinePage{casePage: page, Agency: r.URL.Query().Get("agency"), Back: page.About.Base + "/pending"}
	if back.Agency != "" {
		back.Back = basePath(service.Owner{Agency: back.Agency}) + "/pending"
	}
	return p.render(w, r, http.StatusOK, "decline", "Decline a request", back)
}
