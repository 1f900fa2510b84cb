package projections_test

import (
	"context"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"sync"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"
	"pgregory.net/rapid"

	"bookledger/events"
	"bookledger/events/record"
	"bookledger/projections"
	"bookledger/projections/active"
	"bookledger/projections/fold"
	"bookledger/projections/list"
)

// freshLists builds an agent's lists from scratch.
func freshLists(t rapid.TB, v *projections.View, agent string) *list.Lists {
	lists, err := list.New(v.Calendar(), agent, func(yield func(string, *fold.Case) error) error {
		return v.Live().EachRelated(agent, active.Holds|active.Pending, yield)
	})
	if err != nil {
		t.Error(err)
	}
	return lists
}

// formatPages formats the entries of lists in each order.
func formatPages(l *list.Lists) (all []string) {
	for _, of := range [...]*list.List{l.Active, l.Inactive, l.Pending} {
		for _, by := range []list.Sort{list.ByFirstName, list.ByLastName, list.ByCaseID, list.ByUpdated} {
			page, total := of.Page(list.Query{Sort: by}, 2026)
			all = append(all, fmt.Sprintf("%d %+v", total, page))
		}
	}
	return all
}

// checkLists compares the cached lists of a view with lists built from scratch.
func checkLists(t rapid.TB, v *projections.View) { checkListsOf(t, v, allAgents...) }

func checkListsOf(t rapid.TB, v *projections.View, agents ...string) {
	var own []*list.Lists
	for _, agent := range agents {
		lists, err := v.Lists(agent)
		if err != nil {
			t.Error(err)
			return
		}
		want := freshLists(t, v, agent)
		if !reflect.DeepEqual(formatPages(lists), formatPages(want)) {
			t.Errorf("at %d: got lists of %s\n%q\nwant\n%q", v.Position(), agent, formatPages(lists), formatPages(want))
		}
		own = append(own, want)
	}
	for _, n := range []int{2, 3, 2} {
		united, err := v.ListsOf(append(slices.Clone(agents[:n]), agents[0]))
		if err != nil {
			t.Error(err)
			return
		}
		if want := list.Merge(own[:n]); !reflect.DeepEqual(formatPages(united), formatPages(want)) {
			t.Errorf("at %d: got merged lists\n%q\nwant\n%q", v.Position(), formatPages(united), formatPages(want))
		}
	}
}

// TestCachedListsMatchFreshLists reads lists between the records of a history, through
// views of different positions in any order. They must equal lists built from scratch.
func TestCachedListsMatchFreshLists(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		records := history(t)
		p := openProjection(t, vfs.NewMem())
		defer closeOrFail(t, p)
		var views []*projections.View
		defer func() {
			for _, v := range views {
				if err := v.Close(); err != nil {
					t.Error(err)
				}
			}
		}()
		for at := 0; at < len(records); {
			at = min(len(records), at+rapid.IntRange(1, 25).Draw(t, "more"))
			catchUp(t, p, records[:at], rapid.IntRange(1, 40).Draw(t, "chunk"))
			v := openView(t, p)
			views = append(views, v)
			checkLists(t, views[rapid.IntRange(max(0, len(views)-4), len(views)-1).Draw(t, "view")])
		}
		checkLists(t, views[len(views)-1])
	})
}

// TestListsWhileFollowing reads lists concurrently while they change.
func TestListsWhileFollowing(t *testing.T) {
	p := openProjection(t, vfs.NewMem())
	src := newFeed(smallLedger(t, "test", 50)...)
	stop := follow(p, src)
	s := newEventGenerator(3)
	var readers sync.WaitGroup
	for range 4 {
		readers.Go(func() {
			for range 30 {
				v, err := p.View()
				if err != nil {
					t.Error(err)
					return
				}
				checkListsOf(t, v, "A-00000", "A-00001", "A-00002")
				if err := v.Close(); err != nil {
					t.Error(err)
				}
			}
		})
	}
	for i := range 1000 {
		m := s.next(i)
		seq := src.add(record.Record{Stamped: s.time, Subject: m.subject, Body: m.body})
		if _, _, err := p.WaitFor(t.Context(), seq); err != nil {
			t.Fatal(err)
		}
	}
	readers.Wait()
	if err := stop(); !errors.Is(err, context.Canceled) {
		t.Fatal(err)
	}
	closeOrFail(t, p)
}

// TestListsAreReused checks that lists are reused if nothing in them has changed, and
// updated rather than rebuilt if one case has.
func TestListsAreReused(t *testing.T) {
	s := newEventGenerator(2)
	src := newFeed(delegatedCases(t, s, 200)...)
	p := openProjection(t, vfs.NewMem())
	read := func() (own, united *list.Lists) {
		if err := p.CatchUp(t.Context(), src); err != nil {
			t.Fatal(err)
		}
		v := openView(t, p)
		defer closeOrFail(t, v)
		var err error
		if own, err = v.Lists("A-00000"); err != nil || own.Len() < 50 {
			t.Fatal(own.Len(), err)
		}
		if united, err = v.ListsOf([]string{"A-00001", "A-00000"}); err != nil || united.Len() != 200 {
			t.Fatal(united.Len(), err)
		}
		return own, united
	}
	own, united := read()
	src.add(s.record(s.household(1000))) // a case that no agent holds
	if again, merged := read(); again != own || merged != united {
		t.Fatal("unchanged lists were built again")
	}
	page, _ := own.Active.Page(list.Query{Limit: 1}, 2026)
	src.add(s.record(&events.HouseholdRecorded{CaseID: page[0].CaseID}))
	again, merged := read()
	if again == own || merged == united || again.Inactive != own.Inactive || again.Pending != own.Pending {
		t.Fatal("want only the changed list to be built again")
	}
	closeOrFail(t, p)
}
