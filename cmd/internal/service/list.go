package service

import (
	"encoding/json"
	"strconv"

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

// Listing is a page of a list.
type Listing struct {
	Freshness
	Owner    Owner
	Kind     Kind
	Query    Query
	Grant    access.Grant
	Total    int // how many match
	Of       int // how many there are without any filter
	Listed   int // how many of them can be turned to: at most MaxListed
	Pages    int // of PageSize
	list     *list.List
	calendar int // the year of the Friday for which it is shown
}

// Consumers is a page of a list as Listing.JSON writes it.
type Consumers struct {
	Freshness
	Total     int          `json:"total" format:"Count" doc:"How many consumers match the filters. At most 2,000 of them are listed."`
	Page      int          `json:"page" format:"Page" doc:"Which page it is, counted from 1."`
	PageSize  int          `json:"page_size" format:"PageSize" doc:"How many consumers a page has at most."`
	Consumers []list.Entry `json:"consumers" doc:"The consumers of this page, in the order that was asked for."`
}

// List returns a page of a list. The page is made by Consumers or JSON.
func (d *Service) List(c Caller, o Owner, k Kind, q Query) (*Listing, error) {
	r, g, done, err := d.enter(c, o)
	if err != nil {
		return nil, err
	}
	defer done()
	lists, err := r.lists(c, o)
	if err != nil {
		return nil, err
	}
	if err := d.noteLook(c, g.Role, "list."+string(k), o, ""); err != nil {
		return nil, err
	}
	l := &Listing{Owner: o, Kind: k, Query: q, Grant: g, Freshness: r.freshness(), calendar: r.OpenFriday().Year()}
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

func (r *reading) lists(c Caller, o Owner) (*list.Lists, error) {
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
func (l *Listing) bounds() list.Query {
	q := l.Query.Query
	q.Offset = (l.Query.Page - 1) * l.Query.PageSize
	q.Limit = min(l.Query.PageSize, MaxListed-q.Offset)
	if q.Limit <= 0 {
		q.Offset, q.Limit = MaxListed, 1 // nothing of it is shown
	}
	return q
}

func (l *Listing) count(total int) {
	l.Total, l.Listed = total, min(total, MaxListed)
	l.Pages = (l.Listed + l.Query.PageSize - 1) / l.Query.PageSize
}

// beyond tells whether the page lies behind all that is listed.
func (l *Listing) beyond() bool { return (l.Query.Page-1)*l.Query.PageSize >= MaxListed }

// Consumers makes the page as entries.
func (l *Listing) Consumers() []list.Entry {
	page, total := l.list.Page(l.bounds(), l.calendar)
	l.count(total)
	if l.beyond() {
		return nil
	}
	return page
}

// First is the number of the page's first consumer, from 1.
func (l *Listing) First() int { return (l.Query.Page-1)*l.Query.PageSize + 1 }

// Choices returns the values that filters can have.
func (l *Listing) Choices() list.Choices { return l.list.Choices(l.calendar) }

// JSON makes the page as a Consumers.
func (l *Listing) JSON() ([]byte, error) {
	page, _, total := l.list.PageJSON(l.bounds(), l.calendar)
	l.count(total)
	if l.beyond() {
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
