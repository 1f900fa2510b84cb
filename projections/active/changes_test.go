package active

import (
	"fmt"
	"slices"
	"testing"

	"bookledger/events"
	"bookledger/projections/fold"
	"bookledger/projections/list"
)

// TestChanges notes more changes than it keeps: it knows all between two
// moments, or says that it does not.
func TestChanges(t *testing.T) {
	var c changes
	c.forget(10)
	const batch = 1000
	last := uint64(10)
	for range 5 * notedChanges / batch {
		var all []change
		for range batch {
			last++
			all = append(all, change{fmt.Sprint("a", last%7), fmt.Sprint(last % 100), last})
		}
		c.note(all, last)
		for _, back := range []uint64{1, 70, batch, notedChanges, 3 * notedChanges} {
			if back > last {
				continue
			}
			check(t, &c, last-back, last)
		}
	}
	if cases, all := c.between("a1", made{changed: last, at: 0}, made{changed: last, at: last}); all {
		t.Errorf("it says that %v is all since the beginning", cases)
	}
	c.forget(last)
	if _, all := c.between("a1", made{at: last - 1}, made{at: last}); all {
		t.Error("it knows what it has forgotten")
	}
	if cases, all := c.between("a1", made{at: last}, made{at: last + 5}); !all || len(cases) > 0 {
		t.Errorf("where nothing has changed it says %v, %v", cases, all)
	}
}

// check compares what changed between two positions with what was noted.
func check(t *testing.T, c *changes, from, to uint64) {
	t.Helper()
	agent := fmt.Sprint("a", to%7)
	a, b := made{changed: from, at: from}, made{changed: to, at: to}
	cases, all := c.between(agent, a, b)
	back, also := c.between(agent, b, a) // an older view after a newer one
	if all != also || !slices.Equal(cases, back) {
		t.Fatalf("between %d and %d it says %v, %v; and %v, %v", from, to, cases, all, back, also)
	}
	if !all {
		if to-from < notedChanges && from >= 10 {
			t.Fatalf("it does not know of %d changes", to-from)
		}
		return
	}
	var want []string
	for seq := from + 1; seq <= to; seq++ {
		if seq%7 == to%7 {
			want = append(want, fmt.Sprint(seq%100))
		}
	}
	slices.Sort(want)
	if want = slices.Compact(want); !slices.Equal(cases, want) {
		t.Fatalf("between %d and %d there changed %v, it says %v", from, to, want, cases)
	}
}

// TestKept asks for the lists of more agents than are kept: those asked for
// last stay.
func TestKept(t *testing.T) {
	var l Lists
	lists := func(n int) *list.Lists {
		lists, err := list.New(events.DefaultCalendar(), "a", func(yield func(string, *fold.Case) error) error {
			for range n {
				if err := yield("", &fold.Case{AgentID: "a"}); err != nil {
					return err
				}
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
		return lists
	}
	l.keep(l.named(place{of: "hot"}), lists(10), []made{{}})
	for i := range 10 {
		l.keep(l.named(place{of: fmt.Sprint("a", i)}), lists(keptEntries/4), []made{{}})
		if l.named(place{of: "hot"}).lists == nil {
			t.Fatalf("after %d others the list that is always asked for is gone", i+1)
		}
		if l.weight > keptEntries {
			t.Fatalf("it keeps %d entries", l.weight)
		}
	}
	if len(l.kept) != l.recent.Len() || len(l.kept) != 4 {
		t.Errorf("it keeps %d lists, %d in order", len(l.kept), l.recent.Len())
	}
	gone := l.named(place{of: "a9"})
	l.keep(l.named(place{of: "big"}), lists(keptEntries), []made{{}})
	if len(l.kept) != 1 {
		t.Errorf("beside one that fills it alone it keeps %d", len(l.kept)-1)
	}
	l.keep(gone, lists(5), []made{{}}) // whose place was given up meanwhile
	if l.named(place{of: "a9"}) != gone || l.weight != 6 {
		t.Errorf("it keeps %d entries", l.weight)
	}
}
