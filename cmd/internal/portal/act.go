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

// actionMessages contains the message after each action, and the action that
// undoes it.
var actionMessages = map[service.Action]struct {
	text string
	undo service.Action
	from service.Kind // the list to return to if the form does not name one
}{
	service.MarkInactive: {"%s was marked as inactive and is still delegated. You can find the consumer under Inactive Consumers.", service.Reactivate, service.Active},
	service.Reactivate:   {"%s is active again.", service.MarkInactive, service.Inactive},
	service.Accept:       {"The request from %s was accepted. You can find the consumer under Active Consumers.", "", service.Pending},
	service.Decline:      {"The request from %s was declined.", "", service.Pending},
}

// act performs an action and returns to the list. Marking as inactive needs no
// confirmation: agents mark many consumers in a row, nothing changes for the
// consumer, and the message offers to undo it.
func (p *Portal) act(a service.Action) handler {
	return func(w http.ResponseWriter, r *http.Request, c service.Caller) error {
		k := actionMessages[a].from
		if list := service.Kind(r.PostForm.Get("list")); slices.Contains(listKinds[:], list) {
			k = list
		}
		filters, params, err := formQuery(r) // before the action, which cannot be rolled back
		if err != nil {
			return err
		}
		result, err := p.Service.Act(r.Context(), c, owner(r), r.PathValue("case"), a)
		if problem.From(err).Status == http.StatusConflict && err != nil {
			return p.conflict(w, r, c, k, problem.From(err))
		}
		if err != nil {
			return err
		}
		consumer := "Case " + result.CaseID
		if result.Name != "" {
			consumer = result.Name + " (case " + result.CaseID + ")"
		}
		m := message{Text: fmt.Sprintf(actionMessages[a].text, consumer)}
		if undo := actionMessages[a].undo; undo != "" {
			m.Undo, m.Kind = casePath(owner(r), result.CaseID)+"/"+string(undo), string(k)
			m.Query = withPage("", filters, params.Page)
		}
		p.setMessage(r, m)
		return p.backToList(w, r, k, true)
	}
}

// conflict shows the current list with the reason why the action failed.
func (p *Portal) conflict(w http.ResponseWriter, r *http.Request, c service.Caller, k service.Kind, why *problem.Problem) error {
	c, release := p.Service.At(c)
	defer release()
	r = r.WithContext(context.WithValue(r.Context(), callerKey{}, c))
	a, err := p.about(c, owner(r))
	if err != nil {
		return err
	}
	m := &message{Text: "Case " + r.PathValue("case") + " was not changed. " + why.Detail, Bad: true}
	return p.showList(w, r, c, a, k, strings.TrimPrefix(r.PostForm.Get("query"), "?"), why.Status, m)
}

// casePath returns the URL path of a case under an owner.
func casePath(o service.Owner, id string) string { return basePath(o) + "/cases/" + url.PathEscape(id) }

// casePart is one of the pages about a case.
type casePart struct{ name, suffix, title string }

// caseParts are the pages about a case, named like the job aid's actions.
var caseParts = [...]casePart{
	{"account", "", "Account"},
	{"household", "/household", "Household"},
	{"eligibility", "/eligibility", "Eligibility"},
	{"enrollment", "/enrollment", "Enrollment Details"},
}

// casePage is the data of a page about a case.
type casePage struct {
	About    about
	Case     *service.CaseDetails
	Name     string
	Part     string
	Title    string
	Tabs     []link
	CasePath string
	List     service.Kind // the list that contains the consumer
	Years    []caseYear
}

// caseYear contains the data of one application year.
type caseYear struct {
	Year        int
	Application *service.Year
	Eligibility []service.Eligibility
	Enrollment  []service.Enrollment
}

func (p *Portal) casePage(part casePart) ownerHandler {
	return func(w http.ResponseWriter, r *http.Request, c service.Caller, a about) error {
		page, err := p.loadCase(r, c, a)
		if err != nil {
			return err
		}
		page.Part, page.Title = part.name, part.title
		for _, t := range caseParts {
			page.Tabs = append(page.Tabs, link{t.title, page.CasePath + t.suffix, t == part})
		}
		return p.render(w, r, http.StatusOK, "case", part.title+" of case "+page.Case.CaseID, page)
	}
}

func (p *Portal) loadCase(r *http.Request, c service.Caller, a about) (*casePage, error) {
	details, err := p.Service.Case(r.Context(), c, a.Owner, r.PathValue("case"))
	if err != nil {
		return nil, err
	}
	return &casePage{
		About: a, Case: details, Name: cmp.Or(details.Household.PrimaryContact.Name(), "Case "+details.CaseID), CasePath: casePath(a.Owner, details.CaseID),
		List: service.Kind(details.Delegation.Status), Years: caseYears(details),
	}, nil
}

// caseYears groups the data of a case by application year, newest first.
func caseYears(f *service.CaseDetails) []caseYear {
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

// declinePage is the data of the page that confirms declining a request.
type declinePage struct {
	*casePage
	Agency string // whose list the person came from, or ""
	Back   string
}

// confirmDecline asks for confirmation, because declining a request cannot be
// undone.
func (p *Portal) confirmDecline(w http.ResponseWriter, r *http.Request, c service.Caller, a about) error {
	page, err := p.loadCase(r, c, a)
	if err != nil {
		return err
	}
	if page.Case.Delegation.RequestedOn == 0 {
		return problem.Conflict.WithDetail("This consumer's request is no longer pending. It was withdrawn or already answered.")
	}
	data := declinePage{casePage: page, Agency: r.URL.Query().Get("agency"), Back: page.About.Base + "/pending"}
	if data.Agency != "" {
		data.Back = basePath(service.Owner{Agency: data.Agency}) + "/pending"
	}
	return p.render(w, r, http.StatusOK, "decline", "Decline request", data)
}
