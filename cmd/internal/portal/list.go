package portal

import (
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"bookledger/cmd/internal/service"
	"bookledger/projections/book"
	"bookledger/projections/list"
)

// kinds are the lists that owners have.
var kinds = [...]service.Kind{service.Active, service.Pending, service.Inactive}

var kindTitles = map[service.Kind]string{
	service.Active: "Active Consumers", service.Pending: "Pending Requests", service.Inactive: "Inactive Consumers",
}

// pageSize is how many consumers a page has.
const pageSize = 50

// listPage is what the page of a list shows.
type listPage struct {
	About    about
	Kind     service.Kind
	Title    string
	List     *service.Listing
	Rows     []row
	Asked    service.Asked
	Query    string // the filters, as they stand in the URL
	Search   search
	Filters  []filter
	Sorts    []choice
	Filtered bool // by filters or a search
	Pages    pages
	Message  *message
}

// row is a consumer of a list.
type row struct {
	list.Entry
	N     int
	Name  string
	Agent string // in a list of several agents: whose it is
	File  string // where the case is
	Ask   string // where a request is answered: with the agent who is asked
}

// search is what somebody has typed to find consumers. It is kept in the
// session, since it names them.
type search struct {
	Q      string `json:"q,omitzero"`
	Name   string `json:"name,omitzero"`
	CaseID string `json:"case_id,omitzero"`
}

// Any tells whether something is searched for.
func (s search) Any() bool { return s != search{} }

// searchKey is where the session keeps the search, that of the list in which
// somebody has searched last.
const searchKey = "search"

// keptSearch is a search and the list in which it is.
type keptSearch struct {
	In     string `json:"in"`
	Search search `json:"search"`
}

// searchIn is what is searched for in a list.
func (p *Portal) searchIn(r *http.Request, o service.Owner, k service.Kind) search {
	var kept keptSearch
	if p.kept(r, searchKey, &kept) && kept.In == basePath(o)+"/"+string(k) {
		return kept.Search
	}
	return search{}
}

// filter is one select of the filter form.
type filter struct {
	Name    string // in the URL
	Label   string
	Choices []choice
}

type choice struct {
	Value, Label string
	Selected     bool
}

func (p *Portal) list(k service.Kind) handler {
	return func(w http.ResponseWriter, r *http.Request, c service.Caller) error {
		asked, err := service.AskedIn(r.URL.RawQuery)
		if err != nil {
			return err
		}
		return p.showList(w, r, c, k, asked, http.StatusOK, p.said(r))
	}
}

// showList shows a page of a list, with a message.
func (p *Portal) showList(w http.ResponseWriter, r *http.Request, c service.Caller, k service.Kind, asked service.Asked, status int, m *message) error {
	o := owner(r)
	a, err := p.about(c, o)
	if err != nil {
		return err
	}
	page := listPage{About: a, Kind: k, Title: kindTitles[k], Message: m, Query: query(asked, asked.Page)}
	page.Search = p.searchIn(r, o, k)
	asked.Q, asked.Name, asked.CaseID = page.Search.Q, page.Search.Name, page.Search.CaseID
	q, err := asked.Query(pageSize)
	if err != nil {
		return err
	}
	if page.List, err = p.Service.List(c, o, k, q); err != nil {
		return err
	}
	page.fill(asked)
	return p.render(w, r, status, "list", page.Title, &page)
}

// fill adds what the list gives.
func (l *listPage) fill(asked service.Asked) {
	l.Asked = asked
	for i, e := range l.List.Consumers() {
		l.Rows = append(l.Rows, l.row(l.List.First()+i, e))
	}
	l.Filters = filters(asked, l.List.Choices())
	l.Sorts = sorts(asked.Sort)
	l.Filtered = l.Search.Any() || filtered(asked)
	base := l.About.Base + "/" + string(l.Kind)
	l.Pages = newPages(l.List.Query.Page, l.List.Pages, func(n int) string { return base + query(asked, n) })
}

func (l *listPage) row(n int, e list.Entry) row {
	x := row{Entry: e, N: n, Name: nameOf(e), File: l.About.Base + "/cases/" + url.PathEscape(e.CaseID)}
	x.Ask = x.File
	if l.About.OfAgency() {
		x.Agent = l.About.AgentName(e.AgentID)
		x.Ask = caseFile(service.Owner{Agent: e.AgentID}, e.CaseID)
	}
	return x
}

// nameOf is a consumer's name or, where that is blank, the case.
func nameOf(e list.Entry) string {
	if name := strings.TrimSpace(e.FirstName + " " + e.LastName); name != "" {
		return name
	}
	return "Case " + e.CaseID
}

// Last is the number of the last consumer of the page.
func (l *listPage) Last() int { return l.List.First() + len(l.Rows) - 1 }

// More tells whether more match than can be listed.
func (l *listPage) More() bool { return l.List.Total > l.List.Listed }

// Stale is how long the journal has not answered, 0 while it does.
func (l *listPage) Stale() time.Duration { return l.List.Age }

// FilterCount is how many filters are set.
func (l *listPage) FilterCount() int { return len(filterValues(l.Asked)) }

func filtered(a service.Asked) bool { return len(filterValues(a)) > 0 }

// filterValues are the filters that are set, as they stand in a URL.
func filterValues(a service.Asked) url.Values {
	v := url.Values{}
	set := func(name, value string) {
		if value != "" {
			v.Set(name, value)
		}
	}
	if a.ApplicationYear != 0 {
		v.Set("application_year", strconv.Itoa(a.ApplicationYear))
	}
	set("status", a.Status)
	set("next_steps", a.NextSteps)
	set("household_type", a.HouseholdType)
	set("program", a.Program)
	set("carrier", a.Carrier)
	return v
}

// query is the query of the URL of a page of a list. What is typed to find a
// consumer has no place in it.
func query(a service.Asked, page int) string {
	v := filterValues(a)
	if a.Sort != "" && a.Sort != string(list.ByFirstName) {
		v.Set("sort", a.Sort)
	}
	if a.PageSize != 0 && a.PageSize != pageSize {
		v.Set("page_size", strconv.Itoa(a.PageSize))
	}
	if page > 1 {
		v.Set("page", strconv.Itoa(page))
	}
	if len(v) == 0 {
		return ""
	}
	return "?" + v.Encode()
}

// filters are the selects of the filter form. What is chosen stays choosable,
// although nothing in the list has it any more.
func filters(a service.Asked, c list.Choices) []filter {
	var years []string
	for _, y := range c.Years {
		years = append(years, strconv.Itoa(y))
	}
	year := ""
	if a.ApplicationYear != 0 {
		year = strconv.Itoa(a.ApplicationYear)
	}
	return []filter{
		newFilter("application_year", "Application Year", years, year),
		newFilter("status", "Current Status", c.Statuses, a.Status),
		newFilter("next_steps", "Next Steps", c.NextSteps, a.NextSteps),
		newFilter("household_type", "Household Type", c.HouseholdTypes, a.HouseholdType),
		newFilter("program", "Program", c.Programs, a.Program),
		newFilter("carrier", "Carrier", c.Carriers, a.Carrier),
	}
}

func newFilter(name, label string, values []string, chosen string) filter {
	f := filter{Name: name, Label: label, Choices: []choice{{"", "All", chosen == ""}}}
	if chosen != "" && !slices.Contains(values, chosen) {
		values = append(slices.Clone(values), chosen)
	}
	for _, v := range values {
		f.Choices = append(f.Choices, choice{v, book.Word(v), v == chosen})
	}
	return f
}

var sortNames = [...]choice{
	{Value: "first_name", Label: "First Name A–Z"}, {Value: "-first_name", Label: "First Name Z–A"},
	{Value: "last_name", Label: "Last Name A–Z"}, {Value: "-last_name", Label: "Last Name Z–A"},
	{Value: "case_id", Label: "Case ID, lowest first"}, {Value: "-case_id", Label: "Case ID, highest first"},
	{Value: "-updated", Label: "Changed most recently"}, {Value: "updated", Label: "Changed longest ago"},
}

func sorts(chosen string) []choice {
	all := sortNames
	for i := range all {
		all[i].Selected = all[i].Value == chosen || chosen == "" && i == 0
	}
	return all[:]
}

// search keeps what was typed in the session, and shows the list.
func (p *Portal) search(k service.Kind) handler {
	return func(w http.ResponseWriter, r *http.Request, c service.Caller) error {
		if err := form(w, r, maxExportForm); err != nil {
			return err
		}
		if _, err := p.about(c, owner(r)); err != nil {
			return err
		}
		typed := func(name string) string { return strings.TrimSpace(r.PostForm.Get(name)) }
		s := search{Q: typed("q"), Name: typed("name"), CaseID: typed("case_id")}
		if _, err := (service.Asked{Q: s.Q, Name: s.Name, CaseID: s.CaseID}).Query(pageSize); err != nil {
			return err
		}
		p.keep(r, searchKey, keptSearch{basePath(owner(r)) + "/" + string(k), s})
		return p.backToList(w, r, k, false)
	}
}

func (p *Portal) clearSearch(k service.Kind) handler {
	return func(w http.ResponseWriter, r *http.Request, _ service.Caller) error {
		if err := form(w, r, maxForm); err != nil {
			return err
		}
		p.Identity.Pop(r, searchKey)
		return p.backToList(w, r, k, false)
	}
}

// backToList shows the list with the filters that the form has kept, on the
// same page where that still makes sense.
func (p *Portal) backToList(w http.ResponseWriter, r *http.Request, k service.Kind, samePage bool) error {
	asked, err := askedBefore(r)
	if err != nil {
		return err
	}
	page := 1
	if samePage {
		page = asked.Page
	}
	redirect(w, r, basePath(ownerBefore(r))+"/"+string(k)+query(asked, page))
	return nil
}

// ownerBefore is whose list a form stood on. On that of an agency, requests
// are answered for the agent who is asked.
func ownerBefore(r *http.Request) service.Owner {
	if agency := r.PostForm.Get("agency"); agency != "" {
		return service.Owner{Agency: agency}
	}
	return owner(r)
}

// askedBefore is what was asked of the list on which a form stood.
func askedBefore(r *http.Request) (service.Asked, error) {
	asked, err := service.AskedIn(strings.TrimPrefix(r.PostForm.Get("query"), "?"))
	if err == nil {
		_, err = asked.Query(pageSize)
	}
	return asked, err
}
