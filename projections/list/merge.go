package list

import (
	"slices"
	"strings"
)

// mergeAll merges what lists have in one order, two and two, so that each item
// is compared no more often than it takes.
func mergeAll(parts []*List, compare func(a, b *item) int, of func(*List) []*item) []*item {
	switch n := len(parts); n {
	case 0:
		return nil
	case 1:
		return of(parts[0])
	default:
		return merge(mergeAll(parts[:n/2], compare, of), mergeAll(parts[n/2:], compare, of), compare)
	}
}

func merge(a, b []*item, compare func(a, b *item) int) []*item {
	out := make([]*item, 0, len(a)+len(b))
	for len(a) > 0 && len(b) > 0 {
		if compare(a[0], b[0]) <= 0 {
			out, a = append(out, a[0]), a[1:]
		} else {
			out, b = append(out, b[0]), b[1:]
		}
	}
	return append(append(out, a...), b...)
}

// splice makes an order anew in which some items of it are gone and others
// have come. What lies between them is copied, not compared. It sorts gone
// and come.
func splice(order, gone, come []*item, compare func(a, b *item) int) []*item {
	slices.SortFunc(gone, compare)
	slices.SortFunc(come, compare)
	out := make([]*item, 0, len(order)-len(gone)+len(come))
	for len(gone)+len(come) > 0 {
		if len(come) == 0 || len(gone) > 0 && compare(gone[0], come[0]) <= 0 {
			n, _ := slices.BinarySearchFunc(order, gone[0], compare)
			out = append(out, order[:n]...)
			order, gone = order[n+1:], gone[1:]
		} else {
			n, _ := slices.BinarySearchFunc(order, come[0], compare)
			out = append(append(out, order[:n]...), come[0])
			order, come = order[n:], come[1:]
		}
	}
	return append(out, order...)
}

// renewed returns an agent's list in which others have come for the entries of
// some cases. It is the same list where there was and is nothing of them.
func (l *List) renewed(cases []string, come []*item) *List {
	var gone []*item
	for _, id := range cases {
		if n, found := slices.BinarySearchFunc(l.items, id, func(it *item, id string) int { return strings.Compare(it.CaseID, id) }); found {
			gone = append(gone, l.items[n])
		}
	}
	if len(gone)+len(come) == 0 {
		return l
	}
	next := newList(splice(l.items, gone, come, compareIDs))
	l.mu.Lock()
	defer l.mu.Unlock()
	for by, order := range l.orders { // the others are made when they are asked for
		next.orders[by] = splice(order, gone, come, comparisons[by])
	}
	return next
}
