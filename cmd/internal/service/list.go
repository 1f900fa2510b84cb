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

// Kind selects one of an owner's lists.
type Kind string

// The kinds of lists.
const (
	Active   Kind = "active"
	Inactive Kind = "inactive"
	Pending  Kind = "pending"
)

// MaxListed is the most consumers that are listed for one set of filters, as in the
// job aid.
const MaxListed = 2000

// Query selects a page of a list.
type Query struct {
	list.Query     // Offset and Limit are not used
	Page       int // starts at 1
	PageSize   int // 1 to MaxListed
}

// ListPage is a page of a list. Its entries are computed by Consumers or JSON.
type ListPage struct {
	Freshness
	Query    Query
	Grant    access.Grant
	Total    int // the number of consumers that match; set by Consumers and JSON
	Of       int // the number of consumers in the list without any filter
	list     *list.List
	calendar int // the year of the open Friday, which decides the shown years
}

// ConsumerPage is the JSON form of a page of a list, as [ListPage.JSON] writes it.
type ConsumerPage struct {
	Freshness
	Total     int          `json:"total" format:"Count" doc:"The number of consumers that match the filters. At most 2,000 of them are listed."`
	Page      int          `json:"page" format:"Page" doc:"The page number, starting at 1."`
	PageSize  int          `json:"page_size" format:"PageSize" doc:"The maximum number of consumers on a page."`
	Consumers []list.Entry `json:"consumers" doc:"The consumers on this page, in the requested order."`
}

// List returns a page of a list. Call Consumers or JSON to get its entries.
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

// lists returns the lists of an owner with the consumers that the caller may see.
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

// bounds returns the query with the offset and limit of the page.
func (l *ListPage) bounds() list.Query {
	q := l.Query.Query
	q.Offset = (l.Query.Page - 1) * l.Query.PageSize
	q.Limit = min(l.Query.PageSize, MaxListed-q.Offset)
	if q.Limit <= 0 {
		q.Offset, q.Limit = MaxListed, 1 // past the last listed consumer; the result is discarded
	}
	return q
}

// Listed returns the number of matching consumers that pages can show.
func (l *ListPage) Listed() int { return min(l.Total, MaxListed) }

// pastLimit reports whether the page starts after the last listed consumer.
func (l *ListPage) pastLimit() bool { return (l.Query.Page-1)*l.Query.PageSize >= MaxListed }

// Consumers returns the entries of the page and sets Total.
func (l *ListPage) Consumers() []list.Entry {
	var page []list.Entry
	if page, l.Total = l.list.Page(l.bounds(), l.calendar); l.pastLimit() {
		return nil
	}
	return page
}

// First returns the number of the page's first consumer, starting at 1.
func (l *ListPage) First() int { return (l.Query.Page-1)*l.Query.PageSize + 1 }

// Choices returns the values that occur in the list, for each filter.
func (l *ListPage) Choices() list.Choices { return l.list.Choices(l.calendar) }

// JSON returns the page as the JSON of a [ConsumerPage] and sets Total.
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

// ListParams are the parameters of a list request, from a URL or a body. A blank
// parameter has no effect.
type ListParams struct {
	ApplicationYear int    `json:"application_year,omitzero" query:"application_year" minimum:"1" example:"2026" doc:"The coverage year."`
	Status          string `json:"status,omitzero" query:"status" format:"Filter" doc:"The application's current status, as shown in the list. Case-insensitive."`
	NextSteps       string `json:"next_steps,omitzero" query:"next_steps" format:"Filter" doc:"The application's next steps, as shown in the list. Case-insensitive."`
	HouseholdType   string `json:"household_type,omitzero" query:"household_type" format:"Filter" doc:"\x60Covered California\x60, \x60Medi-Cal\x60 or \x60Mixed Household\x60. Case-insensitive."`
	Program         string `json:"program,omitzero" query:"program" format:"Filter" doc:"A program in the eligibility of at least one member, such as \x60medi_cal\x60 or \x60Medi-Cal\x60."`
	Carrier         string `json:"carrier,omitzero" query:"carrier" format:"Filter" doc:"The carrier of at least one coverage. Case-insensitive."`
	Sort            string `json:"sort,omitzero" query:"sort" format:"Sort" example:"-updated" doc:"The sort order. A leading hyphen means descending. Names are sorted without regard to accents and case."`
	Page            int    `json:"page,omitzero" query:"page" format:"Page" doc:"The page number, starting at 1."`
	PageSize        int    `json:"page_size,omitzero" query:"page_size" format:"PageSize" doc:"The maximum number of consumers on a page."`

	// The following could identify a consumer, so they are not allowed in a URL.
	Name   string `json:"name,omitzero" format:"Filter" doc:"One or more words. Each must be part of the first or last name of the primary contact."`
	CaseID string `json:"case_id,omitzero" format:"Filter" doc:"The complete case ID."`
	Q      string `json:"q,omitzero" format:"Filter" doc:"One or more words. Each must be part of a name, the phone number, the email address, the ZIP code or the county. Accents and case are ignored: \x60jose\x60 finds José."`
}

// maxWords is the most words in a search. Each word is compared with every consumer
// in the list.
const maxWords = 12

// maxFilterBytes is the maximum length of a filter or a search.
const maxFilterBytes = 800

// ParseListParams parses the query of a URL. Its errors are problem.Invalid.
func ParseListParams(query string) (ListParams, error) {
	var a ListParams
	values, err := url.ParseQuery(query)
	if err != nil {
		return a, problem.Invalid.WithField("query", "The URL has an invalid query. Percent-encode %% and ; in values.")
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
			return a, problem.Invalid.WithField(field, "A parameter appears more than once.")
		}
		if text, ok := texts[name]; ok {
			*text = all[0]
			continue
		}
		number, ok := numbers[name]
		if !ok {
			return a, problem.Invalid.WithField(field, "Unknown parameter. To search by name, phone or other personal data, use POST.")
		}
		if all[0] == "" {
			continue
		}
		n, err := strconv.Atoi(all[0])
		if err != nil || n < 1 {
			return a, problem.Invalid.WithField(name, "%s must be a positive number.", name)
		}
		*number = n
	}
	return a, nil
}

// fieldName matches parameter names that are safe to repeat in a problem.
var fieldName = regexp.MustCompile(`^[a-z_]{1,40}$`)

var sortFields = []list.Sort{list.ByFirstName, list.ByLastName, list.ByCaseID, list.ByUpdated}

// Query checks the parameters and returns them as a Query. The default page size
// is pageSize. Its errors are problem.Invalid.
func (a ListParams) Query(pageSize int) (Query, error) {
	for _, f := range [...]struct{ name, value string }{
		{"status", a.Status}, {"next_steps", a.NextSteps}, {"household_type", a.HouseholdType}, {"program", a.Program},
		{"carrier", a.Carrier}, {"name", a.Name}, {"case_id", a.CaseID}, {"q", a.Q},
	} {
		if len(f.value) > maxFilterBytes {
			return Query{}, problem.Invalid.WithField(f.name, "%s must be at most %d bytes long.", f.name, maxFilterBytes)
		}
	}
	if words := len(strings.Fields(a.Q)) + len(strings.Fields(a.Name)); words > maxWords {
		return Query{}, problem.Invalid.WithField("q", "A search can have at most %d words.", maxWords)
	}
	if a.ApplicationYear < 0 {
		return Query{}, problem.Invalid.WithField("application_year", "application_year must be a year, for example 2026.")
	}
	if a.Sort != "" && !slices.Contains(sortFields, list.Sort(strings.TrimPrefix(a.Sort, "-"))) {
		return Query{}, problem.Invalid.WithField("sort", "sort must be first_name, last_name, case_id or updated. Put - in front for descending order.")
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
		return Query{}, problem.Invalid.WithField("page", "page must be a number from 1 to %d.", MaxListed)
	case q.PageSize < 1 || q.PageSize > MaxListed:
		return Query{}, problem.Invalid.WithField("page_size", "page_size must be a number from 1 to %d.", MaxListed)
	}
	return q, nil
}
