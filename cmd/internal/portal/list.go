package portal

import (
	"cmp"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"

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
	About   about
	Kind    service.Kind
	Title   string
	Query   string // the filters, as they stand in the URL
	Search  search
	Filters []filter
	Set     int // how many of the filters are set
	Sorts   []choice
	Message *message
	listed
}

// listed are the consumers of a page.
type listed struct {
	List  *service.ListPage
	Rows  []row
	Pages pages
}

// row is a consumer of a list.
type row struct {
	list.Entry
	N      int
	Name   string
	Agent  string // in a list of several agents: whose it is
	File   string // where the case is
	Ask    string // where a request is answered: with the agent who is asked
	Chosen bool   // to be transferred
}

// search is what somebody has typed to find consumers. It is kept in the
// session, since it names them.
type search struct {
	Q      string `json:"q,omitzero"`
	Name   string `json:"name,omitzero"`
	CaseID string `json:"case_id,omitzero"`
}

// Any reports whether something is searched for.
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

func (p *Portal) list(k service.Kind) ownedHandler {
	return func(w http.ResponseWriter, r *http.Request, c service.Caller, a about) error {
		return p.showList(w, r, c, a, k, r.URL.RawQuery, http.StatusOK, p.said(r))
	}
}

// showList shows the page of a list that a query asks for, with a message.
func (p *Portal) showList(w http.ResponseWriter, r *http.Request, c service.Caller, a about, k service.Kind, query string, status int, m *message) error {
	set, asked, err := readQuery(query)
	if err != nil {
		return err
	}
	page := listPage{About: a, Kind: k, Title: kindTitles[k], Message: m, Query: withPage("", set, asked.Page), Sorts: sorts(asked.Sort)}
	page.Search = p.searchIn(r, a.Owner, k)
	asked.Q, asked.Name, asked.CaseID = page.Search.Q, page.Search.Name, page.Search.CaseID
	base := a.Base + "/" + string(k)
	if page.listed, err = p.listed(c, a, a.Owner, k, asked, func(n int) string { return withPage(base, set, n) }); err != nil {
		return err
	}
	for _, f := range filterForm {
		chosen := set.Get(f.name)
		page.Filters = append(page.Filters, filter{f.name, f.label, choices(f.values(page.List.Choices()), chosen)})
		if chosen != "" {
			page.Set++
		}
	}
	return p.render(w, r, status, "list", page.Title, &page)
}

// listed lists consumers of an owner on a page of a.
func (p *Portal) listed(c service.Caller, a about, o service.Owner, k service.Kind, asked service.ListParams, to func(page int) string) (l listed, err error) {
	q, err := asked.Query(pageSize)
	if err != nil {
		return l, err
	}
	if l.List, err = p.Service.List(c, o, k, q); err != nil {
		return l, err
	}
	for i, e := range l.List.Consumers() {
		x := row{Entry: e, N: l.List.First() + i, Name: nameOf(e), File: a.Base + "/cases/" + url.PathEscape(e.CaseID)}
		x.Ask = x.File
		if a.OfAgency() {
			x.Agent = a.AgentName(e.AgentID)
			x.Ask = caseFile(service.Owner{Agent: e.AgentID}, e.CaseID)
		}
		l.Rows = append(l.Rows, x)
	}
	l.Pages = newPages(l.List.Query.Page, l.List.Listed(), l.List.Query.PageSize, to)
	return l, nil
}

// nameOf is a consumer's name or, where that is blank, the case.
func nameOf(e list.Entry) string {
	return cmp.Or(book.FullName(e.FirstName, e.LastName), "Case "+e.CaseID)
}

// Last is the number of the last consumer of the page.
func (l listed) Last() int { return l.List.First() + len(l.Rows) - 1 }

// More tells whether more match than can be listed.
func (l listed) More() bool { return l.List.Total > l.List.Listed() }

// readQuery reads the query of the URL of a list, and returns it without what
// goes without saying. What is typed to find a consumer has no place in it.
func readQuery(query string) (url.Values, service.ListParams, error) {
	asked, err := service.ParseListParams(query)
	if err != nil {
		return nil, asked, err
	}
	set, err := url.ParseQuery(query)
	for name, values := range set {
		if v := values[0]; v == "" || name == "sort" && v == string(list.ByFirstName) || name == "page_size" && v == strconv.Itoa(pageSize) {
			set.Del(name)
		}
	}
	return set, asked, err
}

// withPage is a path with a query that asks for a page.
func withPage(path string, set url.Values, page int) string {
	set = maps.Clone(set)
	set.Del("page")
	if page > 1 {
		set.Set("page", strconv.Itoa(page))
	}
	return address(path, set)
}

// filterForm are the filters, by their names in the URL.
var filterForm = [...]struct {
	name, label string
	values      func(list.Choices) []string
}{
	{"application_year", "Application Year", func(c list.Choices) (years []string) {
		for _, y := range c.Years {
			years = append(years, strconv.Itoa(y))
		}
		return years
	}},
	{"status", "Current Status", func(c list.Choices) []string { return c.Statuses }},
	{"next_steps", "Next Steps", func(c list.Choices) []string { return c.NextSteps }},
	{"household_type", "Household Type", func(c list.Choices) []string { return c.HouseholdTypes }},
	{"program", "Program", func(c list.Choices) []string { return c.Programs }},
	{"carrier", "Carrier", func(c list.Choices) []string { return c.Carriers }},
}

// choices are those of a filter. What is chosen stays choosable, although
// nothing in the list has it any more.
func choices(values []string, chosen string) []choice {
	all := []choice{{"", "All", chosen == ""}}
	if chosen != "" && !slices.Contains(values, chosen) {
		values = append(slices.Clone(values), chosen)
	}
	for _, v := range values {
		all = append(all, choice{v, book.Label(v), v == chosen})
	}
	return all
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
func (p *Portal) search(k service.Kind) ownedHandler {
	return func(w http.ResponseWriter, r *http.Request, _ service.Caller, a about) error {
		typed := func(name string) string { return strings.TrimSpace(r.PostForm.Get(name)) }
		s := search{Q: typed("q"), Name: typed("name"), CaseID: typed("case_id")}
		if _, err := (service.ListParams{Q: s.Q, Name: s.Name, CaseID: s.CaseID}).Query(pageSize); err != nil {
			return err
		}
		p.keep(r, searchKey, keptSearch{a.Base + "/" + string(k), s})
		return p.backToList(w, r, k, false)
	}
}

func (p *Portal) clearSearch(k service.Kind) handler {
	return func(w http.ResponseWriter, r *http.Request, _ service.Caller) error {
		p.Identity.Pop(r, searchKey)
		return p.backToList(w, r, k, false)
	}
}

// backToList shows the list with the filters that the form has kept, on the
// same page where that still makes sense.
func (p *Portal) backToList(w http.ResponseWriter, r *http.Request, k service.Kind, samePage bool) error {
	set, asked, err := queryBefore(r)
	if err != nil {
		return err
	}
	page := 1
	if samePage {
		page = asked.Page
	}
	o := owner(r)
	if agency := r.PostForm.Get("agency"); agency != "" { // whose list has requests to the agent in the path
		o = service.Owner{Agency: agency}
	}
	return redirect(w, r, withPage(basePath(o)+"/"+string(k), set, page))
}

// queryBefore is what was asked of the list on which a form stood.
func queryBefore(r *http.Request) (url.Values, service.ListParams, error) {
	set, asked, err := readQuery(strings.TrimPrefix(r.PostForm.Get("query"), "?"))
	if err == nil {
		_, err = asked.Query(pageSize)
	}
	return set, asked, err
}
