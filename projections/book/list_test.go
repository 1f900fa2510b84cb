package book_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"bookledger/events"
	"bookledger/projections/book"
	"bookledger/projections/fold"
)

// listed makes an agent's list and asks it, as of 2026; it returns the case
// ids of the page, and how many match.
func listed(t testing.TB, l *ledger, q book.Query) string {
	t.Helper()
	list, err := book.ActiveList(l, events.DefaultCalendar(), "a1")
	if err != nil {
		t.Fatal(err)
	}
	page, total := list.Page(q, 2026)
	var ids []string
	for _, e := range page {
		ids = append(ids, e.CaseID)
	}
	return fmt.Sprintf("%s of %d", strings.Join(ids, " "), total)
}

// TestActiveList holds that the Active Consumers list shows the active ones:
// not those marked inactive, closed, pending or another agent's.
func TestActiveList(t *testing.T) {
	l := newLedger()
	l.hold("1", "a1", named("", ""))
	l.hold("2", "a1", named("", "")).Inactive = true
	l.hold("3", "a1", named("", "")).Closed = true
	l.hold("4", "a2", named("", ""))
	l.cases["5"] = &fold.Case{Pending: []fold.Request{{AgentID: "a1"}}}
	if got := listed(t, l, book.Query{}); got != "1 of 1" {
		t.Errorf("the list shows %s", got)
	}
	list, err := book.ActiveList(l, events.DefaultCalendar(), "nobody")
	if page, total := list.Page(book.Query{}, 2026); err != nil || page == nil || len(page) != 0 || total != 0 || list.Len() != 0 {
		t.Errorf("an agent without consumers: %v of %d (%v)", page, total, err)
	}
}

// TestSorts holds the orders of the list: first name by default, last name,
// case id, updated, each with "-" for descending; names by their sort key.
func TestSorts(t *testing.T) {
	l := newLedger()
	for i, c := range []struct{ id, firstName, last string }{
		{"30", "Zoë", "Alvarez"}, {"4", "José", "Nuñez"}, {"20", "Jose", "Nuñez"}, {"10", "", "Zuñiga"}, {"9", "jose", "álvarez"}, {"8", "Jose", "Nuñez"},
	} {
		l.hold(c.id, "a1", named(c.firstName, c.last)).Changed.Seq = uint64(100 - i)
	}
	ascending := map[book.Sort]string{
		book.ByFirstName: "10 20 8 4 9 30", // one key has Jose, José and jose, in the order of their bytes
		book.ByLastName:  "30 9 20 8 4 10",
		book.ByCaseID:    "10 20 30 4 8 9",
		book.ByUpdated:   "8 9 10 20 4 30",
	}
	for by, want := range ascending {
		if got := listed(t, l, book.Query{Sort: by}); got != want+" of 6" {
			t.Errorf("%s: got %s, want %s", by, got, want)
		}
		down := strings.Fields(want)
		slices.Reverse(down)
		if got := listed(t, l, book.Query{Sort: "-" + by}); got != strings.Join(down, " ")+" of 6" {
			t.Errorf("-%s: got %s, want %s", by, got, down)
		}
	}
	if got := listed(t, l, book.Query{}); got != ascending[book.ByFirstName]+" of 6" {
		t.Errorf("by default: got %s", got)
	}
	if book.ByFirstName != "first_name" || book.ByLastName != "last_name" || book.ByCaseID != "case_id" || book.ByUpdated != "updated" {
		t.Error("the orders are called otherwise than in the contract")
	}
}

// TestPaging holds that total tells how many match whatever the page is.
func TestPaging(t *testing.T) {
	l := newLedger()
	for i := range 7 {
		l.hold(fmt.Sprint(i), "a1", named("", ""))
	}
	for _, c := range []struct {
		offset, limit int
		want          string
	}{
		{0, 0, "0 1 2 3 4 5 6 of 7"}, {0, 3, "0 1 2 of 7"}, {3, 3, "3 4 5 of 7"}, {6, 3, "6 of 7"}, {7, 3, " of 7"}, {5, 0, "5 6 of 7"},
	} {
		if got := listed(t, l, book.Query{Offset: c.offset, Limit: c.limit}); got != c.want {
			t.Errorf("%d from %d: got %s, want %s", c.limit, c.offset, got, c.want)
		}
	}
}

// TestFilters holds the filters: by what a shown year says, all of them in one
// and the same year.
func TestFilters(t *testing.T) {
	l := newLedger()
	add := func(id string, year int, status, next, program, carrier string) {
		c, ok := l.cases[id]
		if !ok {
			c = l.hold(id, "a1", withMembers(named("", ""), "m1"))
		}
		c.Applications = append(c.Applications, events.ApplicationRecorded{ApplicationYear: year, CurrentStatus: status, NextSteps: next})
		c.Eligibility = append(c.Eligibility, events.EligibilityDetermined{MemberID: "m1", ApplicationYear: year, Program: program, Status: "eligible"})
		c.Enrollments = append(c.Enrollments, events.EnrollmentRecorded{EnrollmentID: fmt.Sprint(year), ApplicationYear: year, CoverageKind: "health",
			MemberIDs: []string{"m1"}, Carrier: carrier, Status: "enrolled"})
	}
	add("1", 2026, "Submitted", "Pay", "covered_california", "Kaiser")
	add("1", 2027, "Started", "", "medi_cal", "")
	add("2", 2025, "Submitted", "", "mcap", "Anthem") // hidden behind 2026
	add("2", 2026, "Enrolled", "", "none", "Molina")
	add("3", 2024, "Submitted", "", "medi_cal", "Kaiser") // the last one, so shown
	l.hold("4", "a1", named("", ""))
	for _, c := range []struct {
		q    book.Query
		want string
	}{
		{book.Query{}, "1 2 3 4 of 4"},
		{book.Query{Year: 2026}, "1 2 of 2"},
		{book.Query{Year: 2025}, " of 0"},
		{book.Query{Year: 2024}, "3 of 1"},
		{book.Query{Status: "Submitted"}, "1 3 of 2"},
		{book.Query{Status: "submitted", Year: 2027}, " of 0"}, // not in one year
		{book.Query{Status: "Submitted", NextSteps: "Pay"}, "1 of 1"},
		{book.Query{NextSteps: "Wait"}, " of 0"},
		{book.Query{HouseholdType: "Medi-Cal"}, "1 3 of 2"},
		{book.Query{HouseholdType: "Covered California", Year: 2027}, " of 0"},
		{book.Query{Program: "medi_cal"}, "1 3 of 2"},
		{book.Query{Program: "Medi-Cal"}, "1 3 of 2"},
		{book.Query{Program: "mcap"}, " of 0"},
		{book.Query{Program: "none"}, "2 of 1"},
		{book.Query{Carrier: "Kaiser"}, "1 3 of 2"},
		{book.Query{Carrier: "Kaiser", Program: "covered_california", Status: "Submitted", Year: 2026}, "1 of 1"},
		{book.Query{Carrier: "Anthem"}, " of 0"},
		{book.Query{Carrier: "Kaiser", Limit: 1, Sort: "-case_id"}, "3 of 2"},
	} {
		if got := listed(t, l, c.q); got != c.want {
			t.Errorf("%+v: got %s, want %s", c.q, got, c.want)
		}
	}
}
