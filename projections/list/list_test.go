package list_test

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"bookledger/events"
	"bookledger/projections/fold"
	"bookledger/projections/list"
)

// cases is a state: cases by id.
type cases map[string]*fold.Case

// lists returns an agent's lists.
func (l cases) lists(t testingT, agent string) *list.Lists {
	t.Helper()
	lists, err := list.New(events.DefaultCalendar(), agent, func(yield func(string, *fold.Case) error) error {
		for _, id := range slices.Sorted(maps.Keys(l)) {
			if err := yield(id, l[id]); err != nil {
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

// testingT is implemented by tests, benchmarks and property tests.
type testingT interface {
	Helper()
	Fatal(args ...any)
}

// since is November 20, 2026, 23:30 Pacific time, which is the next day in UTC.
var since = time.Date(2026, 11, 21, 7, 30, 0, 0, time.UTC)

// hold adds a case that the agent holds.
func (l cases) hold(id, agent string, c *fold.Case) *fold.Case {
	c.AgentID, c.Since = agent, since
	l[id] = c
	return c
}

// addYear adds an application, an eligibility and an enrollment for a year to a
// case of the agent a1.
func (l cases) addYear(id string, year int, status, next, program, carrier string) {
	c := l[id]
	if c == nil {
		c = l.hold(id, "a1", &fold.Case{Members: []events.Member{{MemberID: "m1"}}})
	}
	c.Applications = append(c.Applications, events.ApplicationRecorded{ApplicationYear: year, CurrentStatus: status, NextSteps: next})
	c.Eligibility = append(c.Eligibility, events.EligibilityDetermined{MemberID: "m1", ApplicationYear: year, Program: program, Status: "eligible"})
	c.Enrollments = append(c.Enrollments, events.EnrollmentRecorded{EnrollmentID: fmt.Sprint(year), ApplicationYear: year, CoverageKind: "health",
		MemberIDs: []string{"m1"}, Carrier: carrier, Status: "enrolled"})
}

func named(firstName, lastName string) *fold.Case {
	c := &fold.Case{}
	c.Household.PrimaryContact.FirstName, c.Household.PrimaryContact.LastName = firstName, lastName
	return c
}

// pageIDs returns the case ids of a page of the active list of agent a1 in 2026,
// and the number of matches.
func pageIDs(t testing.TB, l cases, q list.Query) string {
	t.Helper()
	page, total := l.lists(t, "a1").Active.Page(q, 2026)
	var ids []string
	for _, e := range page {
		ids = append(ids, e.CaseID)
	}
	return fmt.Sprintf("%s of %d", strings.Join(ids, " "), total)
}

// TestSorts checks every sort order in both directions. The default is the first
// name, and names are compared by sort key.
func TestSorts(t *testing.T) {
	l := cases{}
	for i, c := range []struct{ id, firstName, last string }{
		{"30", "Zoë", "Alvarez"}, {"4", "José", "Nuñez"}, {"20", "Jose", "Nuñez"}, {"10", "", "Zuñiga"}, {"9", "jose", "álvarez"}, {"8", "Jose", "Nuñez"},
	} {
		l.hold(c.id, "a1", named(c.firstName, c.last)).Changed.Seq = uint64(100 - i)
	}
	ascending := map[list.Sort]string{
		list.ByFirstName: "10 20 8 4 9 30", // Jose, jose and José have one key, so bytes decide
		list.ByLastName:  "30 9 20 8 4 10",
		list.ByCaseID:    "10 20 30 4 8 9",
		list.ByUpdated:   "8 9 10 20 4 30",
	}
	for by, want := range ascending {
		if got := pageIDs(t, l, list.Query{Sort: by}); got != want+" of 6" {
			t.Errorf("%s: got %s, want %s", by, got, want)
		}
		down := strings.Fields(want)
		slices.Reverse(down)
		if got := pageIDs(t, l, list.Query{Sort: "-" + by}); got != strings.Join(down, " ")+" of 6" {
			t.Errorf("-%s: got %s, want %s", by, got, down)
		}
	}
	if got := pageIDs(t, l, list.Query{}); got != ascending[list.ByFirstName]+" of 6" {
		t.Errorf("default order: got %s, want first_name", got)
	}
	if list.ByFirstName != "first_name" || list.ByLastName != "last_name" || list.ByCaseID != "case_id" || list.ByUpdated != "updated" {
		t.Error("the names of the sort orders differ from the contract")
	}
}

func TestTotalIgnoresPaging(t *testing.T) {
	l := cases{}
	for i := range 7 {
		l.hold(fmt.Sprint(i), "a1", named("", ""))
	}
	for _, c := range []struct {
		offset, limit int
		want          string
	}{
		{0, 0, "0 1 2 3 4 5 6 of 7"}, {0, 3, "0 1 2 of 7"}, {3, 3, "3 4 5 of 7"}, {6, 3, "6 of 7"}, {7, 3, " of 7"}, {5, 0, "5 6 of 7"},
	} {
		if got := pageIDs(t, l, list.Query{Offset: c.offset, Limit: c.limit}); got != c.want {
			t.Errorf("limit %d, offset %d: got %s, want %s", c.limit, c.offset, got, c.want)
		}
	}
}

// TestYearFiltersMatchTheSameYear checks the filters on values of shown years.
// All of them must match within one year.
func TestYearFiltersMatchTheSameYear(t *testing.T) {
	l := cases{}
	l.addYear("1", 2026, "Submitted", "Pay", "covered_california", "Kaiser")
	l.addYear("1", 2027, "Started", "", "medi_cal", "")
	l.addYear("2", 2025, "Submitted", "", "mcap", "Anthem") // hidden behind 2026
	l.addYear("2", 2026, "Enrolled", "", "none", "Molina")
	l.addYear("3", 2024, "Submitted", "", "medi_cal", "Kaiser") // the last year, so shown
	l.hold("4", "a1", named("", ""))
	for _, c := range []struct {
		q    list.Query
		want string
	}{
		{list.Query{}, "1 2 3 4 of 4"},
		{list.Query{Year: 2026}, "1 2 of 2"},
		{list.Query{Year: 2025}, " of 0"},
		{list.Query{Year: 2024}, "3 of 1"},
		{list.Query{Status: "Submitted"}, "1 3 of 2"},
		{list.Query{Status: "submitted", Year: 2027}, " of 0"}, // not in the same year
		{list.Query{Status: "Submitted", NextSteps: "Pay"}, "1 of 1"},
		{list.Query{NextSteps: "Wait"}, " of 0"},
		{list.Query{HouseholdType: "Medi-Cal"}, "1 3 of 2"},
		{list.Query{HouseholdType: "Covered California", Year: 2027}, " of 0"},
		{list.Query{Program: "medi_cal"}, "1 3 of 2"},
		{list.Query{Program: "Medi-Cal"}, "1 3 of 2"},
		{list.Query{Program: "mcap"}, " of 0"},
		{list.Query{Program: "none"}, "2 of 1"},
		{list.Query{Carrier: "Kaiser"}, "1 3 of 2"},
		{list.Query{Carrier: "Kaiser", Program: "covered_california", Status: "Submitted", Year: 2026}, "1 of 1"},
		{list.Query{Carrier: "Anthem"}, " of 0"},
		{list.Query{Carrier: "Kaiser", Limit: 1, Sort: "-case_id"}, "3 of 2"},
	} {
		if got := pageIDs(t, l, c.q); got != c.want {
			t.Errorf("%+v: got %s, want %s", c.q, got, c.want)
		}
	}
}
