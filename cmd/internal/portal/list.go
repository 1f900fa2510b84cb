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

// listKinds are the lists that every owner has.
var listKinds = [...]service.Kind{service.Active, service.Pending, service.Inactive}

var kindTitles = map[service.Kind]string{
	service.Active: "Active Consumers", service.Pending: "Pending Requests", service.Inactive: "Inactive Consumers",
}

// pageSize is the number of consumers on a page.
const pageSize = 50

// listPage is the data of a list page.
type listPage struct {
	About       about
	Kind        service.Kind
	Title       string
	Query       string // the filters, as in the URL
	Search      search
	Filters     []filter
	FilterCount int // number of filters in use
	Sorts       []option
	Message     *message
	consumerPage
}

// consumerPage contains the consumers on one page of a list.
type consumerPage struct {
	List  *service.ListPage
	Rows  []row
	Pages pages
}

// row is a consumer in a list.
type row struct {
	list.Entry
	N           int
	Name        string
	Agent       string // name, in the lists of an agency
	CasePath    string // URL path of the case
	RequestPath string // URL path of the case under the agent who received the request
	Selected    bool   // for a transfer
}

// search contains the typed search terms. They identify consumers, so they are
// kept in the session and never in a URL.
type search struct {
	Q      string `json:"q,omitzero"`
	Name   string `json:"name,omitzero"`
	CaseID string `json:"case_id,omitzero"`
}

// Any reports whether a search is active.
func (s search) Any() bool { return s != search{} }

// searchKey is the session key of the latest search. The session keeps one search
// only.
const searchKey = "search"

// savedSearch is a search in the session.
type savedSearch struct {
	In     string `json:"in"` // URL path of the list
	Search search `json:"search"`
}

// searchIn returns the active search of a list.
func (p *Portal) searchIn(r *http.Request, o service.Owner, k service.Kind) search {
	var saved savedSearch
	if p.getSession(r, searchKey, &saved) && saved.In == basePath(o)+"/"+string(k) {
		return saved.Search
	}
	return search{}
}

// filter is a field of the filter form.
type filter struct {
	Name    string // in the URL
	Label   string
	Choices []option
}

type option struct {
	Value, Label string
	Selected     bool
}

func (p *Portal) list(k service.Kind) ownerHandler {
	return func(w http.ResponseWriter, r *http.Request, c service.Caller, a about) error {
		return p.showList(w, r, c, a, k, r.URL.RawQuery, http.StatusOK, p.takeMessage(r))
	}
}

// showList shows the page of a list that the query selects, with a message.
func (p *Portal) showList(w http.ResponseWriter, r *http.Request, c service.Caller, a about, k service.Kind, query string, status int, m *message) error {
	filters, params, err := readQuery(query)
	if err != nil {
		return err
	}
	page := listPage{About: a, Kind: k, Title: kindTitles[k], Message: m, Query: withPage("", filters, params.Page), Sorts: sorts(params.Sort)}
	page.Search = p.searchIn(r, a.Owner, k)
	params.Q, params.Name, params.CaseID = page.Search.Q, page.Search.Name, page.Search.CaseID
	base := a.Base + "/" + string(k)
	if page.consumerPage, err = p.listConsumers(c, a, a.Owner, k, params, func(n int) string { return withPage(base, filters, n) }); err != nil {
		return err
	}
	for _, f := range filterFields {
		chosen := filters.Get(f.name)
		page.Filters = append(page.Filters, filter{f.name, f.label, options(f.values(page.List.Choices()), chosen)})
		if chosen != "" {
			page.FilterCount++
		}
	}
	return p.render(w, r, status, "list", page.Title, &page)
}

// listConsumers lists consumers of o on a page about a.
func (p *Portal) listConsumers(c service.Caller, a about, o service.Owner, k service.Kind, params service.ListParams, to func(page int) string) (l consumerPage, err error) {
	q, err := params.Query(pageSize)
	if err != nil {
		return l, err
	}
	if l.List, err = p.Service.List(c, o, k, q); err != nil {
		return l, err
	}
	for i, e := range l.List.Consumers() {
		x := row{Entry: e, N: l.List.First() + i, Name: nameOf(e), CasePath: a.Base + "/cases/" + url.PathEscape(e.CaseID)}
		x.RequestPath = x.CasePath
		if a.IsAgency() {
			x.Agent = a.AgentName(e.AgentID)
			x.RequestPath = casePath(service.Owner{Agent: e.AgentID}, e.CaseID)
		}
		l.Rows = append(l.Rows, x)
	}
	l.Pages = newPages(l.List.Query.Page, l.List.Listed(), l.List.Query.PageSize, to)
	return l, nil
}

// nameOf returns a consumer's name or, if it is blank, the case.
func nameOf(e list.Entry) string {
	return cmp.Or(book.FullName(e.FirstName, e.LastName), "Case "+e.CaseID)
}

// Last returns the number of the last consumer on the page.
func (l consumerPage) Last() int { return l.List.First() + len(l.Rows) - 1 }

// Truncated reports whether more consumers match than can be listed.
func (l consumerPage) Truncated() bool { return l.List.Total > l.List.Listed() }

// readQuery parses the query of a list URL, and returns its values without blanks
// and defaults. It rejects search terms.
func readQuery(query string) (url.Values, service.ListParams, error) {
	params, err := service.ParseListParams(query)
	if err != nil {
		return nil, params, err
	}
	filters, err := url.ParseQuery(query)
	for name, values := range filters {
		if v := values[0]; v == "" || name == "sort" && v == string(list.ByFirstName) || name == "page_size" && v == strconv.Itoa(pageSize) {
			filters.Del(name)
		}
	}
	return filters, params, err
}

// withPage returns a path with a query that selects a page.
func withPage(path string, query url.Values, page int) string {
	query = maps.Clone(query)
	query.Del("page")
	if page > 1 {
		query.Set("page", strconv.Itoa(page))
	}
	return pathWithQuery(path, query)
}

// filterFields are the fields of the filter form, with their names in the URL.
var filterFields = [...]struct {
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

// options returns the options of a filter. The chosen value stays an option even
// if no consumer in the list has it anymore.
func options(values []string, chosen string) []option {
	all := []option{{"", "All", chosen == ""}}
	if chosen != "" && !slices.Contains(values, chosen) {
		values = append(slices.Clone(values), chosen)
	}
	for _, v := range values {
		all = append(all, option{v, book.Label(v), v == chosen})
	}
	return all
}

var sortNames = [...]option{
	{Value: "first_name", Label: "First Name A–Z"}, {Value: "-first_name", Label: "First Name Z–A"},
	{Value: "last_name", Label: "Last Name A–Z"}, {Value: "-last_name", Label: "Last Name Z–A"},
	{Value: "case_id", Label: "Case ID, lowest first"}, {Value: "-case_id", Label: "Case ID, highest first"},
	{Value: "-updated", Label: "Changed most recently"}, {Value: "updated", Label: "Changed longest ago"},
}

func sorts(chosen string) []option {
	all := sortNames
	for i := range all {
		all[i].Selected = all[i].Value == chosen || chosen == "" && i == 0
	}
	return all[:]
}

// search saves the typed search terms in the session and shows the list.
func (p *Portal) search(k service.Kind) ownerHandler {
	return func(w http.ResponseWriter, r *http.Request, _ service.Caller, a about) error {
		typed := func(name string) string { return strings.TrimSpace(r.PostForm.Get(name)) }
		s := search{Q: typed("q"), Name: typed("name"), CaseID: typed("case_id")}
		if _, err := (service.ListParams{Q: s.Q, Name: s.Name, CaseID: s.CaseID}).Query(pageSize); err != nil {
			return err
		}
		p.putSession(r, searchKey, savedSearch{a.Base + "/" + string(k), s})
		return p.backToList(w, r, k, false)
	}
}

func (p *Portal) clearSearch(k service.Kind) handler {
	return func(w http.ResponseWriter, r *http.Request, _ service.Caller) error {
		p.Identity.Pop(r, searchKey)
		return p.backToList(w, r, k, false)
	}
}

// backToList redirects to the list with the filters in the form, to the same page
// or the first.
func (p *Portal) backToList(w http.ResponseWriter, r *http.Request, k service.Kind, samePage bool) error {
	filters, params, err := formQuery(r)
	if err != nil {
		return err
	}
	page := 1
	if samePage {
		page = params.Page
	}
	o := owner(r)
	if agency := r.PostForm.Get("agency"); agency != "" { // the form was on the agency's list
		o = service.Owner{Agency: agency}
	}
	return redirect(w, r, withPage(basePath(o)+"/"+string(k), filters, page))
}

// formQuery returns the query of the list page on which a form was submitted.
func formQuery(r *http.Request) (url.Values, service.ListParams, error) {
	filters, params, err := readQuery(strings.TrimPrefix(r.PostForm.Get("query"), "?"))
	if err == nil {
		_, err = params.Query(pageSize)
	}
	return filters, params, err
}
