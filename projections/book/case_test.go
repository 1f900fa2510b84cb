package book_test

import (
	"slices"
	"testing"

	"bookledger/events"
	"bookledger/projections/book"
	"bookledger/projections/fold"
)

// TestYearsOfEverySection checks that the years of a case are all years that its
// applications, eligibility and enrollments name, whatever their status and
// whichever members are listed.
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
		t.Errorf("empty case: got years %v, want none", got)
	}
}

// TestShownYears checks that the shown years are those from the current year on
// or, if there are none, the last year.
func TestShownYears(t *testing.T) {
	for _, c := range []struct {
		years   []int
		current int
		want    []int
	}{
		{nil, 2026, nil},
		{[]int{2026}, 2026, []int{2026}},
		{[]int{2026, 2027}, 2026, []int{2026, 2027}}, // open enrollment
		{[]int{2026, 2027}, 2027, []int{2027}},       // after the turn of the year
		{[]int{2024, 2025}, 2026, []int{2025}},       // only earlier years: the last one
		{[]int{2024, 2026, 2028}, 2025, []int{2026, 2028}},
		{[]int{2027}, 2026, []int{2027}},
	} {
		original := slices.Clone(c.years)
		if got := book.ShownYears(c.years, c.current); !slices.Equal(got, c.want) || !slices.Equal(c.years, original) {
			t.Errorf("years %v in %d: got %v, want %v", original, c.current, got, c.want)
		}
	}
}

// TestBookShowsYearsFromItsFriday checks that the calendar year of the Friday
// decides, around the turn of the year.
func TestBookShowsYearsFromItsFriday(t *testing.T) {
	l := newState()
	l.hold("5000000001", "a1", withYears(named("Ana", "Ruiz"), 2025, 2026, 2027))
	for f, want := range map[events.Date]string{
		20251226: "2025 2026 2027", 20260102: "2026 2027", 20261225: "2026 2027", 20270101: "2027", 20280107: "2027",
	} {
		if got := shown(t, agentBook(t, l, f, "a1"), "application.year"); got != want {
			t.Errorf("book of %s: got years %q, want %q", f, got, want)
		}
	}
}

// TestHouseholdType checks that only listed members who are eligible or
// conditionally eligible in the year count, and that the program none does not
// count.
func TestHouseholdType(t *testing.T) {
	type determination struct{ member, program, status string }
	for _, c := range []struct {
		name string
		of   []determination
		want string
	}{
		{"nothing determined", nil, ""},
		{"only covered_california", []determination{{"m1", "covered_california", "eligible"}}, book.CoveredCalifornia},
		{"conditionally", []determination{{"m1", "covered_california", "conditionally_eligible"}}, book.CoveredCalifornia},
		{"only medi_cal", []determination{{"m1", "medi_cal", "eligible"}}, book.MediCal},
		{"only mcap", []determination{{"m1", "mcap", "eligible"}}, book.MediCal},
		{"only cchip", []determination{{"m1", "cchip", "conditionally_eligible"}}, book.MediCal},
		{"several of one kind", []determination{{"m1", "mcap", "eligible"}, {"m2", "medi_cal", "eligible"}}, book.MediCal},
		{"both kinds", []determination{{"m1", "covered_california", "eligible"}, {"m2", "cchip", "eligible"}}, book.MixedHousehold},
		{"none does not count", []determination{{"m1", "none", "eligible"}}, ""},
		{"none and another program", []determination{{"m1", "none", "eligible"}, {"m2", "medi_cal", "eligible"}}, book.MediCal},
		{"ineligible", []determination{{"m1", "covered_california", "ineligible"}}, ""},
		{"pending", []determination{{"m1", "covered_california", "eligible"}, {"m2", "medi_cal", "pending"}}, book.CoveredCalifornia},
		{"not listed", []determination{{"m1", "covered_california", "eligible"}, {"gone", "medi_cal", "eligible"}}, book.CoveredCalifornia},
		{"no member listed", []determination{{"gone", "medi_cal", "eligible"}}, ""},
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
			t.Errorf("%s, next year: got %q, want none", c.name, got)
		}
	}
	if book.CoveredCalifornia != "Covered California" || book.MediCal != "Medi-Cal" || book.MixedHousehold != "Mixed Household" {
		t.Error("the texts of the household types differ from the contract")
	}
}

// TestEnrollmentPrefersLastNotCancelled checks which of the enrollments of a
// member and kind a row shows: the one recorded last that is not cancelled or,
// if all are cancelled, the one recorded last.
func TestEnrollmentPrefersLastNotCancelled(t *testing.T) {
	of := func(carrier, status string) events.EnrollmentRecorded {
		return events.EnrollmentRecorded{EnrollmentID: carrier, ApplicationYear: 2026, CoverageKind: "health", MemberIDs: []string{"m0", "m1"}, Carrier: carrier, Status: status}
	}
	dental, other, someone := of("dental", "enrolled"), of("other year", "enrolled"), of("someone", "enrolled")
	dental.CoverageKind, other.ApplicationYear, someone.MemberIDs = "dental", 2027, []string{"m2"}
	for _, c := range []struct {
		name string
		of   []events.EnrollmentRecorded // in the order recorded
		want string
	}{
		{"none", nil, ""},
		{"the last", []events.EnrollmentRecorded{of("x", "enrolled"), of("y", "enrolled")}, "y"},
		{"the last, whatever its status", []events.EnrollmentRecorded{of("x", "enrolled"), of("y", "terminated")}, "y"},
		{"pending is not cancelled", []events.EnrollmentRecorded{of("x", "enrolled"), of("y", "pending")}, "y"},
		{"cancelled ones are skipped", []events.EnrollmentRecorded{of("x", "terminated"), of("y", "cancelled"), of("z", "cancelled")}, "x"},
		{"only cancelled", []events.EnrollmentRecorded{of("x", "cancelled"), of("y", "cancelled")}, "y"},
		{"other kinds, years and members", []events.EnrollmentRecorded{of("x", "enrolled"), dental, other, someone}, "x"},
		{"no enrollment of the member", []events.EnrollmentRecorded{dental, other, someone}, ""},
	} {
		l := newState()
		state := l.hold("5000000001", "a1", withMembers(withYears(named("Ana", "Ruiz"), 2026), "m1"))
		state.Enrollments = c.of
		if got := shown(t, agentBook(t, l, 20260703, "a1"), "application.year", "health.carrier"); got[:len("2026|")+len(c.want)] != "2026|"+c.want {
			t.Errorf("%s: got row %q, want carrier %q", c.name, got, c.want)
		}
	}
}
