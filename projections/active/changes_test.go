package active

import (
	"fmt"
	"slices"
	"testing"

	"bookledger/events"
	"bookledger/projections/fold"
	"bookledger/projections/list"
)

// TestChangesBetween adds more changes than are remembered. For any two positions,
// between must return all changes or report that it does not know all of them.
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
		t.Errorf("got all changes since position 0 (%v), want unknown", cases)
	}
	c.reset(last)
	if _, all := c.between("a1", agentLists{validAt: last - 1}, agentLists{validAt: last}); all {
		t.Error("between reports changes that reset has dropped as known")
	}
	if cases, all := c.between("a1", agentLists{validAt: last}, agentLists{validAt: last + 5}); !all || len(cases) > 0 {
		t.Errorf("without changes: got %v, %v, want none, true", cases, all)
	}
}

// checkBetween compares the result of between with the changes that were added.
func checkBetween(t *testing.T, c *changes, from, to uint64) {
	t.Helper()
	agent := fmt.Sprint("a", to%7)
	a, b := agentLists{changed: from, validAt: from}, agentLists{changed: to, validAt: to}
	cases, all := c.between(agent, a, b)
	reversed, allReversed := c.between(agent, b, a) // an older view after a newer one
	if all != allReversed || !slices.Equal(cases, reversed) {
		t.Fatalf("between %d and %d: got %v, %v; reversed %v, %v", from, to, cases, all, reversed, allReversed)
	}
	if !all {
		if to-from < maxWindowChanges && from >= 10 {
			t.Fatalf("the last %d changes are not known", to-from)
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
		t.Fatalf("between %d and %d: got %v, want %v", from, to, cases, want)
	}
}

// TestCacheEvictsLeastRecent adds more lists than the cache can contain and checks that
// the recently used ones stay.
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
			t.Fatalf("after %d other lists, the list that is used each time was evicted", i+1)
		}
		if l.weight > maxCachedEntries {
			t.Fatalf("got %d entries, want at most %d", l.weight, maxCachedEntries)
		}
	}
	if len(l.cached) != l.recent.Len() || len(l.cached) != 4 {
		t.Errorf("got %d lists and %d in order of use, want 4", len(l.cached), l.recent.Len())
	}
	evicted := l.entry(cacheKey{agents: "a9"})
	l.keep(l.entry(cacheKey{agents: "big"}), lists(maxCachedEntries), []agentLists{{}})
	if len(l.cached) != 1 {
		t.Errorf("got %d lists next to one that fills the cache, want none", len(l.cached)-1)
	}
	l.keep(evicted, lists(5), []agentLists{{}}) // was evicted in the meantime
	if l.entry(cacheKey{agents: "a9"}) != evicted || l.weight != 6 {
		t.Errorf("got %d entries, want 6", l.weight)
	}
}
