package list_test

import (
	"encoding/json"
	"fmt"
	"reflect"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"bookledger/events"
	"bookledger/projections/book"
	"bookledger/projections/fold"
	"bookledger/projections/list"
)

// ids formats the case ids in the three lists, with the agent in merged lists.
func ids(l *list.Lists) (all [3]string) {
	for i, of := range [...]*list.List{l.Active, l.Inactive, l.Pending} {
		page, _ := of.Page(list.Query{Sort: list.ByCaseID}, 2026)
		for _, e := range page {
			all[i] += e.CaseID + e.AgentID + " "
		}
	}
	return all
}

func pending(c *fold.Case, agents ...string) *fold.Case {
	for _, agent := range agents {
		c.Pending = append(c.Pending, fold.Request{AgentID: agent, Requested: since})
	}
	return c
}

// sampleCases returns cases for each of the three lists.
func sampleCases() cases {
	l := cases{}
	l.hold("1", "a1", named("Ann", ""))
	l.hold("2", "a1", named("Bo", "")).Inactive = true
	l.hold("3", "a1", pending(named("Cy", ""), "a1")).Closed = true
	l.hold("4", "a2", pending(named("Di", ""), "a1"))
	l.hold("5", "a1", pending(named("Ed", ""), "a1", "a2"))
	l["6"] = pending(named("Flo", ""), "a1", "a2")
	return l
}

func TestListsByDelegationState(t *testing.T) {
	l := sampleCases()
	if got := ids(l.lists(t, "a1")); got != [3]string{"1 5 ", "2 ", "4 5 6 "} {
		t.Errorf("a1: got %q", got)
	}
	if got := ids(l.lists(t, "a2")); got != [3]string{"4 ", "", "5 6 "} {
		t.Errorf("a2: got %q", got)
	}
	if n := l.lists(t, "a1").Len(); n != 6 {
		t.Errorf("a1: got %d entries, want 6", n)
	}
	lists := l.lists(t, "a1")
	page, _ := lists.Pending.Page(list.Query{}, 2026)
	for i, want := range []events.Date{0, 20261120, 0} { // blank for a delegation to another agent
		if page[i].Requested != 20261120 || page[i].Since != want {
			t.Errorf("case %s: got requested on %s, delegated since %s, want 2026-11-20 and %s", page[i].CaseID, page[i].Requested, page[i].Since, want)
		}
	}
	const want = `[{"case_id":"6","first_name":"Flo","last_name":"","phone":"","email":"","address":"","dob":"","ssn":"","years":[],"delegated_since":"","requested_on":"2026-11-20"}]`
	if got, listed, total := lists.Pending.PageJSON(list.Query{Name: "flo"}, 2026); string(got) != want || listed != 1 || total != 1 {
		t.Errorf("got  %s\nwant %s", got, want)
	}
}

// TestMergedListNamesAgents also checks that a case that is pending with two
// agents is in a merged list twice.
func TestMergedListNamesAgents(t *testing.T) {
	l := sampleCases()
	own := l.lists(t, "a2")
	merged := list.Merge([]*list.Lists{own, l.lists(t, "a1")})
	if got := ids(merged); got != [3]string{"1a1 4a2 5a1 ", "2a1 ", "4a1 5a1 5a2 6a1 6a2 "} {
		t.Errorf("merged: got %q", got)
	}
	if got := ids(own); got != [3]string{"4 ", "", "5 6 "} {
		t.Errorf("own lists after merging: got %q", got)
	}
	if got := ids(list.Merge(nil)); got != [3]string{} {
		t.Errorf("no lists: got %q, want none", got)
	}
	if got := merged.Pending.CountByType(2026); got[3] != (list.TypeCount{Consumers: 3}) {
		t.Errorf("pending: got counts %+v", got)
	}
}

// drawCases draws cases of two agents, some in the lists of both.
func drawCases(t *rapid.T) cases {
	l := cases{}
	for i := range rapid.IntRange(0, 12).Draw(t, "cases") {
		l[fmt.Sprint(50+i)] = drawCase(t)
	}
	return l
}

func drawCase(t *rapid.T) *fold.Case {
	pick := func(label string, of ...string) string { return rapid.SampledFrom(of).Draw(t, label) }
	c := named(pick("first", "José", "Jose", "", "<Zoë>"), pick("last", "Nuñez", "O'Hara", "\u2028"))
	c.AgentID, c.Since = pick("agent", "a1", "a2", ""), since
	c.Inactive, c.Closed = rapid.Bool().Draw(t, "inactive"), rapid.IntRange(0, 5).Draw(t, "closed") == 0
	c.Changed.Seq = rapid.Uint64Range(1, 5).Draw(t, "changed")
	for _, agent := range []string{"a1", "a2"} {
		if rapid.IntRange(0, 3).Draw(t, "pending") == 0 {
			pending(c, agent)
		}
	}
	for year := 2025; year <= 2027; year++ {
		if rapid.Bool().Draw(t, "year") {
			c.Applications = append(c.Applications, events.ApplicationRecorded{ApplicationYear: year, CurrentStatus: pick("status", "Submitted", "Enrolled", "")})
		}
	}
	return c
}

func drawQuery(t *rapid.T) list.Query {
	return list.Query{
		Year: rapid.SampledFrom([]int{0, 0, 0, 2026, 2027}).Draw(t, "of year"), Status: rapid.SampledFrom([]string{"", "", "enrolled"}).Draw(t, "of status"),
		Name: rapid.SampledFrom([]string{"", "", "jose", "o'h"}).Draw(t, "of name"), Sort: rapid.SampledFrom(allSorts).Draw(t, "sort"),
		Offset: rapid.IntRange(0, 3).Draw(t, "offset"), Limit: rapid.IntRange(0, 4).Draw(t, "limit"),
	}
}

var allSorts = []list.Sort{"", "first_name", "-first_name", "last_name", "-last_name", "case_id", "-case_id", "updated", "-updated", "unknown"}

// TestPageJSONMatchesMarshal checks that PageJSON returns the JSON of Page's
// entries, whatever is in the cache.
func TestPageJSONMatchesMarshal(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		l := drawCases(t)
		var all []*list.Lists
		for _, agent := range []string{"a1", "a2"} {
			all = append(all, l.lists(t, agent))
		}
		all = append(all, list.Merge(all))
		for range 12 {
			lists := rapid.SampledFrom(all).Draw(t, "lists")
			one := rapid.SampledFrom([]*list.List{lists.Active, lists.Inactive, lists.Pending}).Draw(t, "list")
			q, current := drawQuery(t), rapid.IntRange(2025, 2028).Draw(t, "current")
			page, total := one.Page(q, current)
			want, err := json.Marshal(page)
			if err != nil {
				t.Fatal(err)
			}
			got, listed, matches := one.PageJSON(q, current)
			if string(got) != string(want) || listed != len(page) || matches != total {
				t.Fatalf("%+v in %d: got %d of %d\n%s\nwant %d of %d\n%s", q, current, listed, matches, got, len(page), total, want)
			}
		}
	})
}

// allPages returns the entries of all lists in every order.
func allPages(l *list.Lists) (all [][]list.Entry) {
	for _, of := range [...]*list.List{l.Active, l.Inactive, l.Pending} {
		for _, by := range allSorts {
			page, _ := of.Page(list.Query{Sort: by}, 2026)
			all = append(all, page)
		}
	}
	return all
}

// TestUpdatedListsMatchNewLists changes cases repeatedly. Updated lists must
// equal newly built ones, and earlier lists must not change.
func TestUpdatedListsMatchNewLists(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		l := drawCases(t)
		lists := l.lists(t, "a1")
		for range 4 {
			before := allPages(lists)
			if rapid.Bool().Draw(t, "no cached orders") {
				lists, before = l.lists(t, "a1"), nil // no order is cached yet
			}
			old := lists
			changed := map[string]list.IdentifiedCase{}
			for range rapid.IntRange(0, 4).Draw(t, "changed") {
				id := fmt.Sprint(48 + rapid.IntRange(0, 16).Draw(t, "case"))
				c := l[id]
				if c == nil || rapid.IntRange(0, 3).Draw(t, "other") > 0 {
					c = drawCase(t)
				}
				l[id], changed[id] = c, list.IdentifiedCase{ID: id, Case: *c}
			}
			var known []list.IdentifiedCase
			for _, k := range changed {
				known = append(known, k)
			}
			var err error
			if lists, err = old.Updated(events.DefaultCalendar(), "a1", known); err != nil {
				t.Fatal(err)
			}
			if got, want := allPages(lists), allPages(l.lists(t, "a1")); !reflect.DeepEqual(got, want) {
				t.Fatalf("updated lists: got\n%+v\nwant as new lists\n%+v", got, want)
			}
			if before != nil && !reflect.DeepEqual(allPages(old), before) {
				t.Fatal("the earlier lists changed")
			}
		}
	})
}

// TestChoicesComeFromShownYears checks that choices are distinct, sorted values
// of shown years.
func TestChoicesComeFromShownYears(t *testing.T) {
	l := cases{}
	l.addYear("1", 2026, "Submitted", "Pay", "covered_california", "Molina")
	l.addYear("1", 2027, "Enrolled", "", "medi_cal", "")
	l.addYear("2", 2025, "Hidden", "Hidden", "mcap", "Hidden")
	l.addYear("2", 2026, "Enrolled", "Pay", "none", "Kaiser")
	l.addYear("3", 2024, "Submitted", "", "medi_cal", "Kaiser") // the last year, so shown
	l.hold("4", "a1", named("", ""))
	active := l.lists(t, "a1").Active
	want := list.Choices{
		Years: []int{2024, 2026, 2027}, Statuses: []string{"Enrolled", "Submitted"}, NextSteps: []string{"Pay"},
		HouseholdTypes: []string{book.CoveredCalifornia, book.MediCal}, Programs: []string{"covered_california", "medi_cal", "none"},
		Carriers: []string{"Kaiser", "Molina"},
	}
	for range 2 {
		if got := active.Choices(2026); !reflect.DeepEqual(got, want) {
			t.Errorf("2026: got choices\n%+v\nwant\n%+v", got, want)
		}
	}
	if got := active.Choices(2027).Years; !slices.Equal(got, []int{2024, 2026, 2027}) {
		t.Errorf("2027: got years %v", got) // 2026 is the last year of case 2
	}
	if got := active.Choices(2025).Carriers; !slices.Equal(got, []string{"Hidden", "Kaiser", "Molina"}) {
		t.Errorf("2025: got carriers %v", got)
	}
	counts := []list.TypeCount{{book.CoveredCalifornia, 0}, {book.MixedHousehold, 0}, {book.MediCal, 2}, {"", 2}}
	if got := active.CountByType(2026); !slices.Equal(got, counts) {
		t.Errorf("got counts %+v, want %+v", got, counts)
	}
}
