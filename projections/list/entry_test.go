package list_test

import (
	"encoding/json"
	"testing"

	"bookledger/events"
	"bookledger/projections/fold"
	"bookledger/projections/list"
)

// TestEntryMatchesJobAid checks the entry of the consumer on the job aid's
// screen, CAL TRAINING.
func TestEntryMatchesJobAid(t *testing.T) {
	c := &fold.Case{AgentID: "a1", Since: since, Household: events.HouseholdRecorded{
		PrimaryContact: events.Contact{FirstName: "CAL", LastName: "TRAINING", Phone: "5555555555", Email: "ca@coveredca.com", DateOfBirth: 19800101, SSNLast4: "7880"},
		Address:        events.Address{Line1: "12345 Main St", City: "Sacramento", State: "CA", ZIP: "95838"},
	}}
	e := list.NewEntry("5000032500", c, events.DefaultCalendar())
	const want = `{"case_id":"5000032500","first_name":"CAL","last_name":"TRAINING","phone":"5555555555","email":"ca@coveredca.com",` +
		`"address":"12345 Main St, Sacramento CA 95838","dob":"01/01","ssn":"XXX-XX-7880","years":[],"delegated_since":"2026-11-20"}`
	if got, err := json.Marshal(e); err != nil || string(got) != want {
		t.Errorf("got  %s (%v)\nwant %s", got, err, want)
	}
	c.Applications = []events.ApplicationRecorded{{ApplicationYear: 2026, CurrentStatus: "Application Not Started"}}
	years, err := json.Marshal(list.NewEntry("5000032500", c, events.DefaultCalendar()).Years)
	if want := `[{"application_year":2026,"current_status":"Application Not Started","next_steps":"","household_type":"","coverage":[]}]`; err != nil || string(years) != want {
		t.Errorf("got %s (%v), want %s", years, err, want)
	}
}

// TestEntryBlanks checks that values that are not known are blank.
func TestEntryBlanks(t *testing.T) {
	got, err := json.Marshal(list.NewEntry("1", &fold.Case{}, events.DefaultCalendar()))
	if want := `{"case_id":"1","first_name":"","last_name":"","phone":"","email":"","address":"","dob":"","ssn":"","years":[],"delegated_since":""}`; err != nil || string(got) != want {
		t.Errorf("got %s (%v), want %s", got, err, want)
	}
	for want, a := range map[string]events.Address{
		"":                        {},
		"1 Main St, Apt 2":        {Line1: "1 Main St", Line2: "Apt 2"},
		"Fresno CA":               {City: "Fresno", State: "CA", County: "Fresno"},
		"Apt 2, 93701":            {Line2: "Apt 2", ZIP: "93701"},
		"1 Main St, Fresno 93701": {Line1: "1 Main St", City: "Fresno", ZIP: "93701"},
	} {
		c := &fold.Case{Household: events.HouseholdRecorded{Address: a}}
		if got := list.NewEntry("1", c, events.DefaultCalendar()).Address; got != want {
			t.Errorf("%+v: got %q, want %q", a, got, want)
		}
	}
}

// TestEntryYearsAndCoverage checks what the list shows of a year: its
// application, its household type and each enrollment that is shown for a listed
// member, once. It also checks that Shown keeps only the shown years.
func TestEntryYearsAndCoverage(t *testing.T) {
	c := &fold.Case{AgentID: "a1", Since: since, Members: []events.Member{{MemberID: "m1"}, {MemberID: "m2"}},
		Applications: []events.ApplicationRecorded{{ApplicationYear: 2025}, {ApplicationYear: 2026}, {ApplicationYear: 2027}}}
	c.Applications[1].CurrentStatus, c.Applications[1].NextSteps = "Submitted", "Pay"
	c.Eligibility = []events.EligibilityDetermined{
		{MemberID: "gone", ApplicationYear: 2026, Program: "medi_cal", Status: "eligible"},
		{MemberID: "m1", ApplicationYear: 2026, Program: "covered_california", Status: "eligible"},
	}
	of := func(id, kind, status string, members ...string) events.EnrollmentRecorded {
		return events.EnrollmentRecorded{EnrollmentID: id, ApplicationYear: 2026, CoverageKind: kind, MemberIDs: members, Carrier: id, PlanName: "Plan",
			MetalTier: "Gold", Status: status, CoverageStart: 20260101, CoverageEnd: 20261231}
	}
	c.Enrollments = []events.EnrollmentRecorded{
		of("old", "health", "enrolled", "m1"), of("Kaiser", "health", "enrolled", "m1", "m2"), of("dropped", "health", "cancelled", "m1", "m2"),
		of("Delta", "dental", "cancelled", "m2"), of("nobody's", "health", "enrolled", "gone"),
	}
	e := list.NewEntry("1", c, events.DefaultCalendar())
	if len(e.Years) != 3 {
		t.Fatalf("got years %+v, want three", e.Years)
	}
	got, err := json.Marshal(e.Shown(2026).Years[0])
	const want = `{"application_year":2026,"current_status":"Submitted","next_steps":"Pay","household_type":"Covered California","coverage":[` +
		`{"coverage_kind":"health","carrier":"Kaiser","plan_name":"Plan","metal_tier":"Gold","status":"enrolled","coverage_start":"2026-01-01","coverage_end":"2026-12-31"},` +
		`{"coverage_kind":"dental","carrier":"Delta","plan_name":"Plan","metal_tier":"Gold","status":"cancelled","coverage_start":"2026-01-01","coverage_end":"2026-12-31"}]}`
	if err != nil || string(got) != want {
		t.Errorf("got  %s (%v)\nwant %s", got, err, want)
	}
	for current, first := range map[int]int{2024: 2025, 2025: 2025, 2026: 2026, 2027: 2027, 2030: 2027} {
		years := e.Shown(current).Years
		if years[0].ApplicationYear != first || years[len(years)-1].ApplicationYear != 2027 || len(e.Years) != 3 {
			t.Errorf("in %d: got years %+v, want from %d on", current, years, first)
		}
	}
}
