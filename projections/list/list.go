package list

import (
	"cmp"
	"slices"
	"strings"
	"sync"
)

// List is an immutable list of consumers. It is safe for concurrent use.
type List struct {
	items []*item // in the order of compareIDs
	parts []*List // in a merged list, the agents' lists; its entries then name their agent

	mu      sync.Mutex
	orders  map[Sort][]*item // cache of ascending orders
	choices map[int]Choices  // cache of choices by calendar year
}

// item is an entry that an agent's list and merged lists share.
type item struct {
	Entry        // without AgentID
	agent string // the agent whose list the entry is from
	jsonCache
}

// newList returns a list of items, which must be in the order of compareIDs.
func newList(items []*item) *List { return &List{items: items, orders: map[Sort][]*item{}} }

// mergeLists merges the lists of several agents. The entries then name their agent.
func mergeLists(parts []*List) *List {
	l := newList(mergeItems(parts, compareIDs, func(part *List) []*item { return part.items }))
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

// compareIDs compares items in the order ByCaseID. A case that is pending with two
// agents is in their merged list twice, so ties are ordered by agent.
func compareIDs(a, b *item) int {
	return cmp.Or(strings.Compare(a.CaseID, b.CaseID), strings.Compare(a.agent, b.agent))
}

// order returns the items in ascending order. It caches every order.
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
			order = mergeItems(l.parts, compare, func(part *List) []*item { return part.order(by) })
		} else {
			order = slices.Clone(l.items)
			slices.SortFunc(order, compare)
		}
		l.orders[by] = order
	}
	return order
}

// Len returns the number of entries without any filter.
func (l *List) Len() int { return len(l.items) }

// Page returns the entries on the page that the query selects, and the number of
// entries that match on all pages. The entries show the years of a Friday in the
// calendar year current.
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

// find returns the items of a page and the number of matches on all pages.
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
