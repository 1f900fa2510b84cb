package list

import (
	"cmp"
	"slices"
	"strings"
	"sync"
)

// List is a list of consumers, ready to be asked. It never changes, and may be
// used by several goroutines at once.
type List struct {
	items []*item // by case id
	parts []*List // the agents' lists that it unites; its entries then say whose they are

	mu      sync.Mutex
	orders  map[Sort][]*item // that were asked for, ascending
	choices map[int]Choices  // that were asked for, by calendar year
}

// item is an entry in lists: in that of one agent, and in those that unite it
// with others'.
type item struct {
	Entry        // without AgentID
	agent string // whose it is
	encoding
}

// newList makes a list of items, which are in the order of compareIDs.
func newList(items []*item) *List { return &List{items: items, orders: map[Sort][]*item{}} }

// unite makes one list of several agents', whose entries say whose they are.
func unite(parts []*List) *List {
	l := newList(mergeAll(parts, compareIDs, func(part *List) []*item { return part.items }))
	l.parts = parts
	return l
}

var comparisons = map[Sort]func(a, b *item) int{
	ByFirstName: func(a, b *item) int {
		return cmp.Or(compareNames(a.keys.first, b.keys.first, a.FirstName, b.FirstName),
			compareNames(a.keys.last, b.keys.last, a.LastName, b.LastName), compareIDs(a, b))
	},
	ByLastName: func(a, b *item) int {
		return cmp.Or(compareNames(a.keys.last, b.keys.last, a.LastName, b.LastName),
			compareNames(a.keys.first, b.keys.first, a.FirstName, b.FirstName), compareIDs(a, b))
	},
	ByUpdated: func(a, b *item) int { return cmp.Or(cmp.Compare(a.Changed.Seq, b.Changed.Seq), compareIDs(a, b)) },
}

func compareNames(keyA, keyB, a, b string) int {
	return cmp.Or(strings.Compare(keyA, keyB), strings.Compare(a, b))
}

// compareIDs is ByCaseID; a case that is pending with two agents is in their
// united list twice.
func compareIDs(a, b *item) int {
	return cmp.Or(strings.Compare(a.CaseID, b.CaseID), strings.Compare(a.agent, b.agent))
}

// order returns the items in an order, which is made when it is first asked
// for.
func (l *List) order(by Sort) []*item {
	compare, ok := comparisons[by]
	if !ok {
		return l.items
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	order, ok := l.orders[by]
	if !ok {
		if l.parts != nil {
			order = mergeAll(l.parts, compare, func(part *List) []*item { return part.order(by) })
		} else {
			order = slices.Clone(l.items)
			slices.SortFunc(order, compare)
		}
		l.orders[by] = order
	}
	return order
}

// Len is how many entries there are without any filter.
func (l *List) Len() int { return len(l.items) }

// Page returns the entries that the query wants, as they stand in a list for a
// Friday of calendar year current, and how many match in all.
func (l *List) Page(q Query, current int) (page []Entry, total int) {
	items, total := l.find(q, current)
	page = make([]Entry, len(items))
	for i, it := range items {
		page[i] = it.Shown(current)
		if l.parts != nil {
			page[i].AgentID = it.agent
		}
	}
	return page, total
}

// find returns the items of a page, and how many match in all.
func (l *List) find(q Query, current int) (page []*item, total int) {
	by, reverse := strings.CutPrefix(string(cmp.Or(q.Sort, ByFirstName)), "-")
	if _, known := comparisons[Sort(by)]; !known && Sort(by) != ByCaseID {
		by = string(ByFirstName)
	}
	order, m := l.order(Sort(by)), newMatcher(q)
	for n := range order {
		it := order[n]
		if reverse {
			it = order[len(order)-1-n]
		}
		if !m.match(&it.Entry, current) {
			continue
		}
		if total >= q.Offset && (q.Limit == 0 || len(page) < q.Limit) {
			page = append(page, it)
		}
		total++
	}
	return page, total
}
