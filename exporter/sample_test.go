package exporter_test

import (
	"bytes"
	"context"
	"fmt"
	"maps"
	"slices"
	"testing"
	"time"

	"bookledger/events"
	"bookledger/exporter"
	"bookledger/projections/book"
	"bookledger/projections/fold"
)

const (
	agentID  = "A-1001"
	agencyID = "0042"
)

var cutoff = time.Date(2026, 11, 21, 5, 0, 0, 0, time.UTC)

// cases contains the cases of one agent by id.
type cases map[string]*fold.Case

// sample returns the job aid's consumer and a number of households with two rows
// each.
func sample(households int) cases {
	all := cases{"5000032500": calTraining()}
	for i := range households {
		all[fmt.Sprintf("%010d", 7000000+i)] = mixedHousehold(i)
	}
	return all
}

// book returns the agent's book.
func (all cases) book() *book.Book {
	calendar := events.DefaultCalendar()
	b := &book.Book{
		Week:    book.Week{Friday: 2026_11_20, Cutoff: cutoff, Boundary: 123456},
		AgentID: agentID, AgencyID: agencyID, Agents: 1, Zone: calendar.Zone(),
		Agent:  fold.Agent{AgencyID: agencyID, FirstName: "Ann", LastName: "Agent", LicenseNumber: "0A12345", EverCertified: true, Certified: true},
		Agency: fold.Agency{Name: "Golden State Insurance", Registered: true},
	}
	for _, id := range slices.Sorted(maps.Keys(all)) {
		b.Rows = append(b.Rows, book.CaseRows(calendar, id, all[id], b.Friday)...)
	}
	for i := range b.Rows {
		b.Rows[i].Agent = &b.Agent
	}
	return b
}

// calTraining returns the consumer on the screens of the job aid.
func calTraining() *fold.Case {
	c := &fold.Case{AgentID: agentID, Since: time.Date(2026, 11, 3, 7, 30, 0, 0, time.UTC)}
	c.Household.PrimaryContact = events.Contact{
		FirstName: "CAL", LastName: "TRAINING", Phone: "5555555555", Email: "ca@coveredca.com",
		DateOfBirth: 1980_01_01, SSNLast4: "7880",
	}
	c.Household.Address = events.Address{Line1: "12345 Main St", City: "Sacramento", State: "CA", ZIP: "95838"}
	c.Members = []events.Member{{
		MemberID: "1", FirstName: "CAL", LastName: "TRAINING", DateOfBirth: 1980_01_01, SSNLast4: "7880",
	}}
	c.Applications = []events.ApplicationRecorded{{ApplicationYear: 2026, CurrentStatus: "Application Not Started"}}
	return c
}

// mixedHousehold returns a case that fills every column: a parent with Covered
// California and a child with Medi-Cal. Their names have accents.
func mixedHousehold(n int) *fold.Case {
	c := &fold.Case{AgentID: agentID, Inactive: n%7 == 3, Since: time.Date(2025, 10, 1, 20, 0, n, 0, time.UTC)}
	last := fmt.Sprintf("Núñez %05d", n)
	c.Household.PrimaryContact = events.Contact{
		FirstName: "José", LastName: last, Phone: fmt.Sprintf("916555%04d", n%10000), Email: fmt.Sprintf("jose.%d@example.org", n),
		SpokenLanguage: "Spanish", WrittenLanguage: "English",
	}
	c.Household.Address = events.Address{
		Line1: fmt.Sprintf("%d Capitol Mall", n), Line2: "Apt 4", City: "Sacramento", State: "CA", ZIP: fmt.Sprintf("0%04d", n%10000), County: "Sacramento",
	}
	c.Applications = []events.ApplicationRecorded{{
		ApplicationYear: 2027, CurrentStatus: "Submitted", NextSteps: "Choose a plan", SubmittedOn: 2026_11_02,
	}}
	c.Members = []events.Member{
		{MemberID: "0001", FirstName: "José", LastName: last, Relationship: "Self", DateOfBirth: 1985_02_28, Gender: "Male",
			SSNLast4: fmt.Sprintf("%04d", n%10000), Applying: events.Yes},
		{MemberID: "0002", FirstName: "Zoë", LastName: last, Relationship: "Child", DateOfBirth: 2015_12_31, Gender: "Female",
			SSNLast4: "0007", Applying: events.No},
	}
	c.Eligibility = []events.EligibilityDetermined{
		{MemberID: "0001", ApplicationYear: 2027, Program: events.ProgramCoveredCalifornia, Status: "eligible",
			APTCMonthly: events.Cents(41233 + int64(n)), CSRLevel: "Silver 87", VerificationDueOn: 2027_01_31},
		{MemberID: "0002", ApplicationYear: 2027, Program: events.ProgramMediCal, Status: "conditionally_eligible"},
	}
	c.Enrollments = []events.EnrollmentRecorded{
		{EnrollmentID: "1", ApplicationYear: 2027, CoverageKind: "health", MemberIDs: []string{"0001"}, Carrier: "Kaiser Permanente",
			PlanName: "Silver 87 HMO", HIOSPlanID: "40513CA0380001", MetalTier: "Silver", CoverageStart: 2027_01_01, CoverageEnd: 2027_12_31,
			Status: "enrolled", GrossPremium: events.Cents(51210), APTCApplied: events.Cents(41233), StateSubsidy: events.Cents(100),
			NetPremium: events.Cents(9877), BinderStatus: "Paid", SubscriberID: fmt.Sprintf("00%08d", n)},
		{EnrollmentID: "2", ApplicationYear: 2027, CoverageKind: "dental", MemberIDs: []string{"0001", "0002"}, Carrier: "Delta Dental",
			PlanName: "Family Dental PPO", Status: "pending", NetPremium: events.Cents(0)},
	}
	return c
}

// write returns the workbook of a book.
func write(tb testing.TB, b *book.Book) []byte {
	tb.Helper()
	var w bytes.Buffer
	if _, err := exporter.Current().Write(context.Background(), &w, b); err != nil {
		tb.Fatal(err)
	}
	return w.Bytes()
}
