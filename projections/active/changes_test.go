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
func TestChangesBetween(t *testing.T) {
	var c changes
	c.reset(10)
	const batch = 1000
	last := uint64(10)
	for range 5 * maxWindowChanges / batch {
		var all []change
		for range batch {
			last++
			all = append(all, change{fmt.Sprint("a", last%7), fmt.Sprint(last % 100), last})
		}
		c.add(all, last)
		for _, back := range []uint64{1, 70, batch, maxWindowChanges, 3 * maxWindowChanges} {
			if back > last {
				continue
			}
			checkBetween(t, &c, last-back, last)
		}
	}
	if cases, all := c.between("a1", agentLists{changed: last, validAt: 0}, agentLists{changed: last, validAt: last}); all {
		t.Errorf("it says that %v is all since the beginning", cases)
	}
	c.reset(last)
	if _, all := c.between("a1", agentLists{validAt: last - 1}, agentLists{validAt: last}); all {
		t.Error("it knows what it has forgotten")
	}
	if cases, all := c.between("a1", agentLists{validAt: last}, agentLists{validAt: last + 5}); !all || len(cases) > 0 {
		t.Errorf("where nothing has changed it says %v, %v", cases, all)
	}
}

// check compares what changed between two positions with what was noted.
func checkBetween(t *testing.T, c *changes, from, to uint64) {
	t.Helper()
	agent := fmt.Sprint("a", to%7)
	a, b := agentLists{changed: from, validAt: from}, agentLists{changed: to, validAt: to}
	cases, all := c.between(agent, a, b)
	back, also := c.between(agent, b, a) // an older view after a newer one
	if all != also || !slices.Equal(cases, back) {
		t.Fatalf("between %d and %d it says %v, %v; and %v, %v", from, to, cases, all, back, also)
	}
	if !all {
		if to-from < maxWindowChanges && from >= 10 {
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
func TestCacheEvictsLeastRecent(t *testing.T) {
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
	l.keep(l.entry(cacheKey{agents: "hot"}), lists(10), []agentLists{{}})
	for i := range 10 {
		l.keep(l.entry(cacheKey{agents: fmt.Sprint("a", i)}), lists(maxCachedEntries/4), []agentLists{{}})
		if l.entry(cacheKey{agents: "hot"}).lists == nil {
			t.Fatalf("after %d others the list that is always asked for is gone", i+1)
		}
		if l.weight > maxCachedEntries {
			t.Fatalf("it keeps %d entries", l.weight)
		}
	}
	if len(l.cached) != l.recent.Len() || len(l.cached) != 4 {
		t.Errorf("it keeps %d lists, %d in order", len(l.cached), l.recent.Len())
	}
	gone := l.entry(cacheKey{agents: "a9"})
	l.keep(l.entry(cacheKey{agents: "big"}), lists(maxCachedEntries), []agentLists{{}})
	if len(l.cached) != 1 {
		t.Errorf("beside one that fills it alone it keeps %d", len(l.cached)-1)
	}
	l.keep(gone, lists(5), []agentLists{{}}) // whose place was given up meanwhile
	if l.entry(cacheKey{agents: "a9"}) != gone || l.weight != 6 {
		t.Errorf("it keeps %d entries", l.weight)
	}
}
