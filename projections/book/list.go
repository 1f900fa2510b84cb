package book

import (
	"cmp"
	"slices"
	"strings"
	"sync"

	"bookledger/events"
	"bookledger/projections/fold"
)

// Sort is an order of a list.
type Sort string

// The orders; a "-" before one reverses it. Names go by their sort key.
const (
	ByFirstName Sort = "first_name"
	ByLastName  Sort = "last_name"
	ByCaseID    Sort = "case_id"
	ByUpdated   Sort = "updated"
)

// Query says which entries of a list are wanted, and in which order. A blank
// filter lets all pass; those of a year must hold in one and the same shown
// year.
type Query struct {
	Year          int // of the application
	Status        string
	NextSteps     string
	HouseholdType string
	Program       string // as in events, or in words
	Carrier       string
	Sort          Sort // "" is ByFirstName
	Offset        int
	Limit         int // 0: no limit
}

// List is an agent's list, ready to be asked. It may be used by several
// goroutines at once.
type List struct {
	entries []Entry
	orders  map[Sort]func() []int32 // places in entries, ascending
}

// NewList makes a list of entries, which it keeps.
func NewList(entries []Entry) *List {
	l := &List{entries: entries, orders: map[Sort]func() []int32{}}
	for by, compare := range comparisons {
		l.orders[by] = sync.OnceValue(func() []int32 {
			order := make([]int32, len(entries))
			for i := range order {
				order[i] = int32(i)
			}
			slices.SortFunc(order, func(i, j int32) int { return compare(&entries[i], &entries[j]) })
			return order
		})
	}
	return l
}

var comparisons = map[Sort]func(a, b *Entry) int{
	ByFirstName: func(a, b *Entry) int {
		return cmp.Or(compareNames(a.firstKey, b.firstKey, a.FirstName, b.FirstName),
			compareNames(a.lastKey, b.lastKey, a.LastName, b.LastName), compareIDs(a, b))
	},
	ByLastName: func(a, b *Entry) int {
		return cmp.Or(compareNames(a.lastKey, b.lastKey, a.LastName, b.LastName),
			compareNames(a.firstKey, b.firstKey, a.FirstName, b.FirstName), compareIDs(a, b))
	},
	ByCaseID:  compareIDs,
	ByUpdated: func(a, b *Entry) int { return cmp.Or(cmp.Compare(a.Changed.Seq, b.Changed.Seq), compareIDs(a, b)) },
}

func compareNames(keyA, keyB, a, b string) int {
	return cmp.Or(strings.Compare(keyA, keyB), strings.Compare(a, b))
}

func compareIDs(a, b *Entry) int { return strings.Compare(a.CaseID, b.CaseID) }

// Len is how many entries there are without any filter.
func (l *List) Len() int { return len(l.entries) }

// Page returns the entries that the query wants, as they stand in a list for a
// Friday of calendar year current, and how many match in all.
func (l *List) Page(q Query, current int) (page []Entry, total int) {
	by, reverse := strings.CutPrefix(string(cmp.Or(q.Sort, ByFirstName)), "-")
	order, ok := l.orders[Sort(by)]
	if !ok {
		order = l.orders[ByFirstName]
	}
	places := order()
	page = []Entry{}
	for n := range places {
		i := places[n]
		if reverse {
			i = places[len(places)-1-n]
		}
		e := &l.entries[i]
		if !q.matches(e, current) {
			continue
		}
		if total >= q.Offset && (q.Limit == 0 || len(page) < q.Limit) {
			page = append(page, e.Shown(current))
		}
		total++
	}
	return page, total
}

func (q *Query) matches(e *Entry, current int) bool {
	if q.Year == 0 && q.Status == "" && q.NextSteps == "" && q.HouseholdType == "" && q.Program == "" && q.Carrier == "" {
		return true
	}
	years := e.shownYears(current)
	for i := range years {
		if q.matchesYear(&years[i]) {
			return true
		}
	}
	return false
}

func (q *Query) matchesYear(y *EntryYear) bool {
	return (q.Year == 0 || q.Year == y.ApplicationYear) &&
		(q.Status == "" || strings.EqualFold(q.Status, y.CurrentStatus)) &&
		(q.NextSteps == "" || strings.EqualFold(q.NextSteps, y.NextSteps)) &&
		(q.HouseholdType == "" || strings.EqualFold(q.HouseholdType, y.HouseholdType)) &&
		(q.Program == "" || slices.ContainsFunc(y.Programs, func(p string) bool {
			return p == q.Program || strings.EqualFold(Word(p), q.Program)
		})) &&
		(q.Carrier == "" || slices.ContainsFunc(y.Coverage, func(c Coverage) bool { return strings.EqualFold(c.Carrier, q.Carrier) }))
}

// ActiveList makes an agent's Active Consumers list from a state.
func ActiveList(s Source, calendar *events.Calendar, agent string) (*List, error) {
	var entries []Entry
	err := s.EachHeld(agent, func(id string, c *fold.Case) error {
		if Active(c) {
			entries = append(entries, NewEntry(id, c, calendar))
		}
		return nil
	})
	return NewList(entries), err
}
