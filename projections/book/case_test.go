package book_test

import (
	"slices"
	"testing"

	"bookledger/events"
	"bookledger/projections/book"
	"bookledger/projections/fold"
)

// TestYearsOfEverySection holds that the years of a case are all that its applications,
// eligibility and enrollments name, whatever their status and whoever of its
// members is listed.
func TestYearsOfEverySection(t *testing.T) {
	c := &fold.Case{
		Applications: []events.ApplicationRecorded{{ApplicationYear: 2026}, {ApplicationYear: 2028}},
		Eligibility: []events.EligibilityDetermined{
			{MemberID: "not listed", ApplicationYear: 2025, Status: "ineligible"}, {MemberID: "m1", ApplicationYear: 2026},
		},
		Enrollments: []events.EnrollmentRecorded{
			{EnrollmentID: "n1", ApplicationYear: 2027, Status: "cancelled"}, {EnrollmentID: "n2", ApplicationYear: 2024, Status: "terminated"},
		},
	}
	if got, want := book.Years(c), []int{2024, 2025, 2026, 2027, 2028}; !slices.Equal(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
	if got := book.Years(&fold.Case{}); len(got) != 0 {
		t.Errorf("a case of which nothing is known has the years %v", got)
	}
}

// TestShownYears holds that the shown years at Friday F are those not before
// F's calendar year or, if there is none, the last one.
func TestShownYears(t *testing.T) {
	for _, c := range []struct {
		years   []int
		current int
		want    []int
	}{
		{nil, 2026, nil},
		{[]int{2026}, 2026, []int{2026}},
		{[]int{2026, 2027}, 2026, []int{2026, 2027}}, // open enrollment
		{[]int{2026, 2027}, 2027, []int{2027}},       // the turn of the year
		{[]int{2024, 2025}, 2026, []int{2025}},       // nobody loses sight of what was last
		{[]int{2024, 2026, 2028}, 2025, []int{2026, 2028}},
		{[]int{2027}, 2026, []int{2027}},
	} {
		kept := slices.Clone(c.years)
		if got := book.ShownYears(c.years, c.current); !slices.Equal(got, c.want) || !slices.Equal(c.years, kept) {
			t.Errorf("of %v in %d: got %v, want %v", kept, c.current, got, c.want)
		}
	}
}

// TestBookShowsYearsFromItsFriday holds that it is the calendar year of the Friday that
// counts: the books of the last Friday of 2026 and the first of 2027.
func TestBookShowsYearsFromItsFriday(t *testing.T) {
	l := newState()
	l.hold("5000000001", "a1", withYears(named("Ana", "Ruiz"), 2025, 2026, 2027))
	for f, want := range map[events.Date]string{
		20251226: "2025 2026 2027", 20260102: "2026 2027", 20261225: "2026 2027", 20270101: "2027", 20280107: "2027",
	} {
		if got := shown(t, agentBook(t, l, f, "a1"), "application.year"); got != want {
			t.Errorf("the book of %s shows %q, want %q", f, got, want)
		}
	}
}

// TestHouseholdType holds the types: from the listed members who are eligible
// or conditionally eligible in that year; none counts for nothing.
func TestHouseholdType(t *testing.T) {
	type determination struct{ member, program, status string }
	for _, c := range []struct {
		name string
		of   []determination
		want string
	}{
		{"nothing determined", nil, ""},
		{"covered_california alone", []determination{{"m1", "covered_california", "eligible"}}, book.CoveredCalifornia},
		{"conditionally", []determination{{"m1", "covered_california", "conditionally_eligible"}}, book.CoveredCalifornia},
		{"medi_cal alone", []determination{{"m1", "medi_cal", "eligible"}}, book.MediCal},
		{"mcap alone", []determination{{"m1", "mcap", "eligible"}}, book.MediCal},
		{"cchip alone", []determination{{"m1", "cchip", "conditionally_eligible"}}, book.MediCal},
		{"several of one kind", []determination{{"m1", "mcap", "eligible"}, {"m2", "medi_cal", "eligible"}}, book.MediCal},
		{"both kinds", []determination{{"m1", "covered_california", "eligible"}, {"m2", "cchip", "eligible"}}, book.MixedHousehold},
		{"none counts for nothing", []determination{{"m1", "none", "eligible"}}, ""},
		{"none beside one", []determination{{"m1", "none", "eligible"}, {"m2", "medi_cal", "eligible"}}, book.MediCal},
		{"ineligible", []determination{{"m1", "covered_california", "ineligible"}}, ""},
		{"pending", []determination{{"m1", "covered_california", "eligible"}, {"m2", "medi_cal", "pending"}}, book.CoveredCalifornia},
		{"not listed", []determination{{"m1", "covered_california", "eligible"}, {"gone", "medi_cal", "eligible"}}, book.CoveredCalifornia},
		{"nobody listed", []determination{{"gone", "medi_cal", "eligible"}}, ""},
	} {
		state := withMembers(&fold.Case{}, "m1", "m2")
		for _, d := range c.of {
			state.Eligibility = append(state.Eligibility,
				events.EligibilityDetermined{MemberID: d.member, ApplicationYear: 2026, Program: d.program, Status: d.status},
				events.EligibilityDetermined{MemberID: d.member, ApplicationYear: 2027, Program: "medi_cal", Status: "pending"})
		}
		if got := book.HouseholdType(state, 2026); got != c.want {
			t.Errorf("%s: got %q, want %q", c.name, got, c.want)
		}
		if got := book.HouseholdType(state, 2027); got != "" {
			t.Errorf("%s: the next year is %q", c.name, got)
		}
	}
	if book.CoveredCalifornia != "Covered California" || book.MediCal != "Medi-Cal" || book.MixedHousehold != "Mixed Household" {
		t.Error("the household types are called otherwise than in the contract")
	}
}

// TestEnrollmentPrefersLastNotCancelled holds which coverage a row shows: per kind, among the
// enrollments whose member_ids contain the member, the one recorded last that
// is not cancelled or, where all are cancelled, the one recorded last.
func TestEnrollmentPrefersLastNotCancelled(t *testing.T) {
	of := func(carrier, status string) events.EnrollmentRecorded {
		return events.EnrollmentRecorded{EnrollmentID: carrier, ApplicationYear: 2026, CoverageKind: "health", MemberIDs: []string{"m0", "m1"}, Carrier: carrier, Status: status}
	}
	dental, other, someone := of("dental", "enrolled"), of("other year", "enrolled"), of("someone", "enrolled")
	dental.CoverageKind, other.ApplicationYear, someone.MemberIDs = "dental", 2027, []string{"m2"}
	for _, c := range []struct {
		name string
		of   []events.EnrollmentRecorded // as recorded
		want string
	}{
		{"none", nil, ""},
		{"the last", []events.EnrollmentRecorded{of("x", "enrolled"), of("y", "enrolled")}, "y"},
		{"the last, whatever its status", []events.EnrollmentRecorded{of("x", "enrolled"), of("y", "terminated")}, "y"},
		{"pending is not cancelled", []events.EnrollmentRecorded{of("x", "enrolled"), of("y", "pending")}, "y"},
		{"cancelled gives way", []events.EnrollmentRecorded{of("x", "terminated"), of("y", "cancelled"), of("z", "cancelled")}, "x"},
		{"cancelled alone", []events.EnrollmentRecorded{of("x", "cancelled"), of("y", "cancelled")}, "y"},
		{"other kinds, years and members", []events.EnrollmentRecorded{of("x", "enrolled"), dental, other, someone}, "x"},
		{"nothing of the member's", []events.EnrollmentRecorded{dental, other, someone}, ""},
	} {
		l := newState()
		state := l.hold("5000000001", "a1", withMembers(withYears(named("Ana", "Ruiz"), 2026), "m1"))
		state.Enrollments = c.of
		if got := shown(t, agentBook(t, l, 20260703, "a1"), "application.year", "health.carrier"); got[:len("2026|")+len(c.want)] != "2026|"+c.want {
			t.Errorf("%s: the row shows %q, want %q", c.name, got, c.want)
		}
	}
}
