package service

import (
	"cmp"
	"encoding/json"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"bookledger/cmd/internal/problem"
	"bookledger/projections/access"
	"bookledger/projections/list"
)

// Kind is one of the lists of an owner.
type Kind string

// The lists.
const (
	Active   Kind = "active"
	Inactive Kind = "inactive"
	Pending  Kind = "pending"
)

// MaxListed is how many consumers are listed for one set of filters, as the
// job aid has it.
const MaxListed = 2000

// Query is what is wanted of a list.
type Query struct {
	list.Query     // without Offset and Limit
	Page       int // from 1
	PageSize   int // at most MaxListed
}

// ListPage is a page of a list.
type ListPage struct {
	Freshness
	Query    Query
	Grant    access.Grant
	Total    int // how many match
	Of       int // how many there are without any filter
	list     *list.List
	calendar int // the year of the Friday for which it is shown
}

// ConsumerPage is a page of a list as Listing.JSON writes it.
type ConsumerPage struct {
	Freshness
	Total     int          `json:"total" format:"Count" doc:"How many consumers match the filters. At most 2,000 of them are listed."`
	Page      int          `json:"page" format:"Page" doc:"Which page it is, counted from 1."`
	PageSize  int          `json:"page_size" format:"PageSize" doc:"How many consumers a page has at most."`
	Consumers []list.Entry `json:"consumers" doc:"The consumers of this page, in the order that was asked for."`
}

// List returns a page of a list. The page is made by Consumers or JSON.
func (s *Service) List(c Caller, o Owner, k Kind, q Query) (*ListPage, error) {
	r, g, done, err := s.ownerSnapshot(c, o)
	if err != nil {
		return nil, err
	}
	defer done()
	lists, err := r.lists(c, o)
	if err != nil {
		return nil, err
	}
	if err := s.logAccess(c, g.Role, "list."+string(k), o, ""); err != nil {
		return nil, err
	}
	l := &ListPage{Query: q, Grant: g, Freshness: r.freshness(), calendar: r.OpenFriday().Year()}
	switch k {
	case Active:
		l.list = lists.Active
	case Inactive:
		l.list = lists.Inactive
	case Pending:
		l.list = lists.Pending
	}
	l.Of = l.list.Len()
	return l, nil
}

func (r *snapshot) lists(c Caller, o Owner) (*list.Lists, error) {
	if o.Agent != "" {
		return r.Lists(o.Agent)
	}
	agents, err := r.agents(c, o)
	if err != nil {
		return nil, err
	}
	return r.ListsOf(agents)
}

// bounds is the part of the list that the page takes.
func (l *ListPage) bounds() list.Query {
	q := l.Query.Query
	q.Offset = (l.Query.Page - 1) * l.Query.PageSize
	q.Limit = min(l.Query.PageSize, MaxListed-q.Offset)
	if q.Limit <= 0 {
		q.Offset, q.Limit = MaxListed, 1 // nothing of it is shown
	}
	return q
}

// Listed is how many of those that match can be turned to.
func (l *ListPage) Listed() int { return min(l.Total, MaxListed) }

// beyond tells whether the page lies behind all that is listed.
func (l *ListPage) pastLimit() bool { return (l.Query.Page-1)*l.Query.PageSize >= MaxListed }

// Consumers makes the page as entries.
func (l *ListPage) Consumers() []list.Entry {
	var page []list.Entry
	if page, l.Total = l.list.Page(l.bounds(), l.calendar); l.pastLimit() {
		return nil
	}
	return page
}

// First is the number of the page's first consumer, from 1.
func (l *ListPage) First() int { return (l.Query.Page-1)*l.Query.PageSize + 1 }

// Choices returns the values that filters can have.
func (l *ListPage) Choices() list.Choices { return l.list.Choices(l.calendar) }

// JSON makes the page as a Consumers.
func (l *ListPage) JSON() ([]byte, error) {
	var page []byte
	if page, _, l.Total = l.list.PageJSON(l.bounds(), l.calendar); l.pastLimit() {
		page = []byte("[]")
	}
	asOf, err := json.Marshal(l.AsOf.UTC())
	if err != nil {
		return nil, err
	}
	b := make([]byte, 0, len(page)+200)
	b = append(append(b, `{"as_of":`...), asOf...)
	b = append(strconv.AppendInt(append(b, `,"total":`...), int64(l.Total), 10), `,"page":`...)
	b = append(strconv.AppendInt(b, int64(l.Query.Page), 10), `,"page_size":`...)
	b = strconv.AppendInt(b, int64(l.Query.PageSize), 10)
	if l.AgeSeconds > 0 {
		b = strconv.AppendInt(append(b, `,"age_seconds":`...), int64(l.AgeSeconds), 10)
	}
	return append(append(append(b, `,"consumers":`...), page...), "}\n"...), nil
}

// ListParams is what is wanted of a list as it was written, in a URL or in a body;
// each member is blank where nothing was said.
type ListParams struct {
	ApplicationYear int    `json:"application_year,omitzero" query:"application_year" minimum:"1" example:"2026" doc:"The year that coverage is for."`
	Status          string `json:"status,omitzero" query:"status" format:"Filter" doc:"The application's current status as the list shows it, in capital or small letters."`
	NextSteps       string `json:"next_steps,omitzero" query:"next_steps" format:"Filter" doc:"The application's next steps as the list shows them, in capital or small letters."`
	HouseholdType   string `json:"household_type,omitzero" query:"household_type" format:"Filter" doc:"\x60Covered California\x60, \x60Medi-Cal\x60 or \x60Mixed Household\x60, in capital or small letters."`
	Program         string `json:"program,omitzero" query:"program" format:"Filter" doc:"A program for which some member's eligibility was determined, such as \x60medi_cal\x60 or \x60Medi-Cal\x60."`
	Carrier         string `json:"carrier,omitzero" query:"carrier" format:"Filter" doc:"The carrier of some coverage, in capital or small letters."`
	Sort            string `json:"sort,omitzero" query:"sort" format:"Sort" example:"-updated" doc:"The order. A hyphen before it reverses it. Accents and capitals make no difference in the order of names."`
	Page            int    `json:"page,omitzero" query:"page" format:"Page" doc:"Which page, counted from 1."`
	PageSize        int    `json:"page_size,omitzero" query:"page_size" format:"PageSize" doc:"How many consumers a page has at most."`

	// What names a consumer has no place in a URL.
	Name   string `json:"name,omitzero" format:"Filter" doc:"Words, each a part of the first or last name of the primary contact."`
	CaseID string `json:"case_id,omitzero" format:"Filter" doc:"The whole case id."`
	Q      string `json:"q,omitzero" format:"Filter" doc:"Words, each a part of a name, the phone number, the e-mail address, the ZIP or the county. Accents and capitals make no difference: jose finds José."`
}

// maxWords is how many words a search has at most: each is held against every
// consumer of the list.
const maxWords = 12

// maxAsked is how long a filter or a typed search may be, in bytes.
const maxFilterBytes = 800

// ParseListParams reads what is wanted of a list from the query of a URL.
func ParseListParams(query string) (ListParams, error) {
	var a ListParams
	values, err := url.ParseQuery(query)
	if err != nil {
		return a, problem.Invalid.WithField("query", "The URL's query is not written as it should be: encode %% and ; in values.")
	}
	texts := map[string]*string{
		"status": &a.Status, "next_steps": &a.NextSteps, "household_type": &a.HouseholdType,
		"program": &a.Program, "carrier": &a.Carrier, "sort": &a.Sort,
	}
	numbers := map[string]*int{"application_year": &a.ApplicationYear, "page": &a.Page, "page_size": &a.PageSize}
	for name, all := range values {
		field := name
		if !fieldName.MatchString(name) {
			field = "query"
		}
		if len(all) > 1 {
			return a, problem.Invalid.WithField(field, "It was given more than once.")
		}
		if text, ok := texts[name]; ok {
			*text = all[0]
			continue
		}
		number, ok := numbers[name]
		if !ok {
			return a, problem.Invalid.WithField(field, "There is no such filter. What names a consumer is searched for with POST.")
		}
		if all[0] == "" {
			continue
		}
		n, err := strconv.Atoi(all[0])
		if err != nil || n < 1 {
			return a, problem.Invalid.WithField(name, "It is no positive number.")
		}
		*number = n
	}
	return a, nil
}

// fieldName is what can be told back of a field's name to who wrote it.
var fieldName = regexp.MustCompile(`^[a-z_]{1,40}$`)

var sortFields = []list.Sort{list.ByFirstName, list.ByLastName, list.ByCaseID, list.ByUpdated}

// Query checks what is wanted. A page has pageSize consumers where nothing
// else is said.
func (a ListParams) Query(pageSize int) (Query, error) {
	for _, f := range [...]struct{ name, value string }{
		{"status", a.Status}, {"next_steps", a.NextSteps}, {"household_type", a.HouseholdType}, {"program", a.Program},
		{"carrier", a.Carrier}, {"name", a.Name}, {"case_id", a.CaseID}, {"q", a.Q},
	} {
		if len(f.value) > maxFilterBytes {
			return Query{}, problem.Invalid.WithField(f.name, "It is longer than %d bytes.", maxFilterBytes)
		}
	}
	if words := len(strings.Fields(a.Q)) + len(strings.Fields(a.Name)); words > maxWords {
		return Query{}, problem.Invalid.WithField("q", "A search has at most %d words.", maxWords)
	}
	if a.ApplicationYear < 0 {
		return Query{}, problem.Invalid.WithField("application_year", "It is no year.")
	}
	if a.Sort != "" && !slices.Contains(sortFields, list.Sort(strings.TrimPrefix(a.Sort, "-"))) {
		return Query{}, problem.Invalid.WithField("sort", "Sort by first_name, last_name, case_id or updated, with - before it for descending.")
	}
	q := Query{
		Query: list.Query{
			Year: a.ApplicationYear, Status: a.Status, NextSteps: a.NextSteps, HouseholdType: a.HouseholdType,
			Program: a.Program, Carrier: a.Carrier, Sort: list.Sort(a.Sort),
			Name: a.Name, CaseID: a.CaseID, Q: a.Q,
		},
		Page: cmp.Or(a.Page, 1), PageSize: cmp.Or(a.PageSize, pageSize),
	}
	switch {
	case q.Page < 1 || q.Page > MaxListed:
		return Query{}, problem.Invalid.WithField("page", "Pages are counted from 1 to %d.", MaxListed)
	case q.PageSize < 1 || q.PageSize > MaxListed:
		return Query{}, problem.Invalid.WithField("page_size", "A page has 1 to %d consumers.", MaxListed)
	}
	return q, nil
}
