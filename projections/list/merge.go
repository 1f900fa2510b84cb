package list

import (
	"slices"
	"strings"
)

// mergeItems merges the sorted items of several lists. It merges pairs recursively,
// which keeps the number of comparisons low.
func mergeItems(parts []*List, compare func(a, b *item) int, items func(*List) []*item) []*item {
	switch n := len(parts); n {
	case 0:
		return nil
	case 1:
		return items(parts[0])
	default:
		return merge(mergeItems(parts[:n/2], compare, items), mergeItems(parts[n/2:], compare, items), compare)
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

// splice returns a copy of order without the removed items and with the added ones.
// It finds their places by binary search and copies what is between them. It sorts
// removed and added.
func splice(order, removed, added []*item, compare func(a, b *item) int) []*item {
	slices.SortFunc(removed, compare)
	slices.SortFunc(added, compare)
	out := make([]*item, 0, len(order)-len(removed)+len(added))
	for len(removed)+len(added) > 0 {
		if len(added) == 0 || len(removed) > 0 && compare(removed[0], added[0]) <= 0 {
			n, _ := slices.BinarySearchFunc(order, removed[0], compare)
			out = append(out, order[:n]...)
			order, removed = order[n+1:], removed[1:]
		} else {
			n, _ := slices.BinarySearchFunc(order, added[0], compare)
			out = append(append(out, order[:n]...), added[0])
			order, added = order[n:], added[1:]
		}
	}
	return append(out, order...)
}

// updated returns an agent's list in which the entries of some cases are replaced by
// the added ones. It returns l itself if neither list has entries of these cases.
func (l *List) updated(cases []string, added []*item) *List {
	var removed []*item
	for _, id := range cases {
		if n, found := slices.BinarySearchFunc(l.items, id, func(it *item, id string) int { return strings.Compare(it.CaseID, id) }); found {
			removed = append(removed, l.items[n])
		}
	}
	if len(removed)+len(added) == 0 {
		return l
	}
	next := newList(splice(l.items, removed, added, compareIDs))
	l.mu.Lock()
	defer l.mu.Unlock()
	for by, order := range l.orders { // carry over the cached orders
		next.orders[by] = splice(order, removed, added, comparisons[by])
	}
	return next
}
