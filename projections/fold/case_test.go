package fold_test

import (
	"fmt"
	"reflect"
	"slices"
	"testing"

	"bookledger/events"
	"bookledger/projections/fold"
)

const caseID = "5000032500"

// apply applies events and fails the test if one is rejected.
func apply(t testing.TB, c fold.Case, data ...events.Data) fold.Case {
	t.Helper()
	for i, d := range data {
		var rejection *events.Rejection
		if c, _, rejection = fold.NextCase(c, d, fold.Position{Seq: uint64(10 + i), Recorded: second}); rejection != nil {
			t.Fatalf("event %d (%T): %v", i, d, rejection)
		}
	}
	return c
}

func member(id, firstName string) *events.MemberRecorded {
	return &events.MemberRecorded{Member: events.Member{CaseID: caseID, MemberID: id, FirstName: firstName}}
}

func memberRemoved(id string) *events.MemberRemoved {
	return &events.MemberRemoved{Member: events.Member{CaseID: caseID, MemberID: id}}
}

func application(year int, status string) *events.ApplicationRecorded {
	return &events.ApplicationRecorded{CaseID: caseID, ApplicationYear: year, CurrentStatus: status}
}

func eligibility(member string, year int, program string) *events.EligibilityDetermined {
	return &events.EligibilityDetermined{CaseID: caseID, MemberID: member, ApplicationYear: year, Program: program, Status: "eligible"}
}

func enrollment(id string, year int, carrier string, members ...string) *events.EnrollmentRecorded {
	return &events.EnrollmentRecorded{CaseID: caseID, EnrollmentID: id, ApplicationYear: year, CoverageKind: "health",
		MemberIDs: members, Status: "enrolled", Carrier: carrier}
}

// TestRecordedEventReplacesItsSection checks that each _recorded event replaces
// its complete section. Fields that it omits become blank, and other sections
// stay the same.
func TestRecordedEventReplacesItsSection(t *testing.T) {
	full := &events.HouseholdRecorded{
		CaseID:         caseID,
		PrimaryContact: events.Contact{FirstName: "Ana", LastName: "Ruiz", Phone: "5555555555", DateOfBirth: 19800101, SSNLast4: "7880"},
		Address:        events.Address{Line1: "12345 Main St", City: "Sacramento"},
	}
	c := apply(t, fold.Case{}, full, application(2026, "Submitted"), application(2027, "Started"),
		member("m1", "Ana"), member("m2", "Bo"), eligibility("m1", 2026, "medi_cal"), eligibility("m1", 2027, "mcap"),
		enrollment("n1", 2026, "Kaiser", "m1"), enrollment("n2", 2026, "Anthem", "m2"))

	next := apply(t, c, &events.HouseholdRecorded{CaseID: caseID, PrimaryContact: events.Contact{FirstName: "Eva"}})
	if want := (events.HouseholdRecorded{PrimaryContact: events.Contact{FirstName: "Eva"}}); next.Household != want {
		t.Errorf("household: got %+v, want %+v", next.Household, want)
	}
	next = apply(t, c, &events.ApplicationRecorded{CaseID: caseID, ApplicationYear: 2026, NextSteps: "Pay"})
	if want := []events.ApplicationRecorded{{ApplicationYear: 2026, NextSteps: "Pay"}, {ApplicationYear: 2027, CurrentStatus: "Started"}}; !slices.Equal(next.Applications, want) {
		t.Errorf("applications: got %+v, want %+v", next.Applications, want)
	}
	next = apply(t, c, &events.MemberRecorded{Member: events.Member{CaseID: caseID, MemberID: "m1", Gender: "F"}})
	if want := []events.Member{{MemberID: "m1", Gender: "F"}, {MemberID: "m2", FirstName: "Bo"}}; !slices.Equal(next.Members, want) {
		t.Errorf("members: got %+v, want %+v", next.Members, want)
	}
	next = apply(t, c, eligibility("m1", 2026, "none"))
	if len(next.Eligibility) != 2 || next.Eligibility[0].Program != "none" || next.Eligibility[1].Program != "mcap" {
		t.Errorf("eligibility: got %+v, want the last determination of each member and year", next.Eligibility)
	}
	if !reflect.DeepEqual(c.Household.PrimaryContact, full.PrimaryContact) || c.Household.Address != full.Address {
		t.Errorf("the earlier state changed: got %+v", c.Household)
	}
}

// TestEnrollmentReplacesSameIDAndMovesToEnd checks that an enrollment replaces
// the one with the same id, even for another year or other members, and counts
// as recorded last.
func TestEnrollmentReplacesSameIDAndMovesToEnd(t *testing.T) {
	c := apply(t, fold.Case{}, enrollment("n1", 2026, "Kaiser", "m1"), enrollment("n2", 2026, "Anthem", "m1"))
	order := func(c fold.Case) (out string) {
		for _, e := range c.Enrollments {
			out += fmt.Sprintf("%s %d %s %v; ", e.EnrollmentID, e.ApplicationYear, e.Carrier, e.MemberIDs)
		}
		return out
	}
	if got, want := order(c), "n1 2026 Kaiser [m1]; n2 2026 Anthem [m1]; "; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
	c = apply(t, c, enrollment("n1", 2027, "Molina", "m2", "m3"))
	if got, want := order(c), "n2 2026 Anthem [m1]; n1 2027 Molina [m2 m3]; "; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
	same, changed, _ := fold.NextCase(c, enrollment("n2", 2026, "Anthem", "m1"), at(second))
	if got, want := order(same), "n1 2027 Molina [m2 m3]; n2 2026 Anthem [m1]; "; got != want || !changed {
		t.Errorf("same enrollment after another one: got changed %t, %s, want %s", changed, got, want)
	}
}

// TestRepeatedEventChangesNothing checks that an event that repeats the present
// state is accepted and changes neither the state nor the position of the last
// change.
func TestRepeatedEventChangesNothing(t *testing.T) {
	h := &events.HouseholdRecorded{CaseID: caseID, PrimaryContact: events.Contact{FirstName: "Ana"}}
	c := apply(t, fold.Case{}, application(2026, "Submitted"), member("m1", "Ana"), eligibility("m1", 2026, "mcap"), enrollment("n1", 2026, "Kaiser", "m1"), h)
	for _, d := range []events.Data{application(2026, "Submitted"), member("m1", "Ana"), eligibility("m1", 2026, "mcap"), enrollment("n1", 2026, "Kaiser", "m1"), h} {
		next, changed, rejection := fold.NextCase(c, d, fold.Position{Seq: 99, Recorded: second.AddDate(0, 0, 1)})
		if changed || rejection != nil || !reflect.DeepEqual(next, c) {
			t.Errorf("%T again: got changed %t, %v, want no change", d, changed, rejection)
		}
	}
	closed := apply(t, c, &events.CaseClosed{CaseID: caseID})
	if next, changed, _ := fold.NextCase(closed, &events.CaseClosed{CaseID: caseID, Reason: "moved"}, at(second)); changed || !next.Closed {
		t.Error("closed again: got a change, want none")
	}
}

// TestRecordedEventReopensClosedCase checks that any event with a type that ends
// in _recorded reopens a closed case, even if it repeats known values, and that
// other events do not.
func TestRecordedEventReopensClosedCase(t *testing.T) {
	h := &events.HouseholdRecorded{CaseID: caseID}
	closed := apply(t, fold.Case{}, h, application(2026, ""), member("m1", "Ana"), enrollment("n1", 2026, "", "m1"), &events.CaseClosed{CaseID: caseID})
	if !closed.Closed {
		t.Fatal("got an open case after case_closed")
	}
	for _, c := range []struct {
		data    events.Data
		reopens bool
	}{
		{h, true}, {application(2026, ""), true}, {member("m1", "Ana"), true}, {enrollment("n1", 2026, "", "m1"), true},
		{application(2027, "New"), true}, {member("m2", "Bo"), true}, {enrollment("n2", 2026, "", "m1"), true},
		{eligibility("m1", 2026, "mcap"), false}, {memberRemoved("m1"), false}, {created("a1"), false},
	} {
		next, changed, rejection := fold.NextCase(closed, c.data, at(second))
		if rejection != nil || !changed || next.Closed == c.reopens {
			t.Errorf("%T: got changed %t, closed %t, %v, want closed %t", c.data, changed, next.Closed, rejection, !c.reopens)
		}
	}
}

// TestListedMembersAreRecordedAndNotRemoved also checks that eligibility and
// enrollments of unlisted members are kept, and that removing an unlisted member
// is rejected with unknown_member.
func TestListedMembersAreRecordedAndNotRemoved(t *testing.T) {
	c := apply(t, fold.Case{}, eligibility("m1", 2026, "mcap"), enrollment("n1", 2026, "Kaiser", "m1"))
	if len(c.Members) != 0 || len(c.Eligibility) != 1 || len(c.Enrollments) != 1 {
		t.Fatalf("before the member is recorded: got %+v", c)
	}
	c = apply(t, c, member("m2", "Bo"), member("m1", "Ana"), member("m3", "Cy"))
	if got := []string{c.Members[0].MemberID, c.Members[1].MemberID, c.Members[2].MemberID}; !slices.Equal(got, []string{"m1", "m2", "m3"}) {
		t.Fatalf("got members %v, want m1 m2 m3", got)
	}
	c = apply(t, c, memberRemoved("m1"))
	if len(c.Members) != 2 || c.Members[0].MemberID != "m2" || len(c.Eligibility) != 1 || len(c.Enrollments) != 1 {
		t.Fatalf("after the removal: got %+v", c)
	}
	for _, id := range []string{"m1", "m9"} {
		next, changed, rejection := fold.NextCase(c, memberRemoved(id), at(second))
		if rejection == nil || rejection.Code != events.UnknownMember || rejection.Field != "data.member_id" || changed || !reflect.DeepEqual(next, c) {
			t.Errorf("removing %s: got changed %t, %v, want unknown_member", id, changed, rejection)
		}
	}
	c = apply(t, c, member("m1", "Ana"))
	if len(c.Members) != 3 || c.Members[0].FirstName != "Ana" {
		t.Fatalf("recorded again: got members %+v", c.Members)
	}
}

// TestConsumerAndDelegationEventsNameACase checks that every consumer and
// delegation event names a case, and that other events do not.
func TestConsumerAndDelegationEventsNameACase(t *testing.T) {
	withCase := []events.Data{
		&events.HouseholdRecorded{CaseID: caseID}, application(2026, ""), member("m1", ""), memberRemoved("m1"), eligibility("m1", 2026, "none"),
		enrollment("n1", 2026, "", "m1"), &events.CaseClosed{CaseID: caseID}, requested("a1"), accepted("a1"), declined("a1"), withdrawn("a1"),
		created("a1"), inactive("a1"), reactivated("a1"), transferred("a1", "a2"), ended("a1"),
	}
	for _, d := range withCase {
		if data, ok := d.(events.CaseData); !ok || data.Case() != caseID {
			t.Errorf("%T: got no case id, want %s", d, caseID)
		}
	}
	for _, d := range []events.Data{&events.AgentCertified{AgentID: "a1"}, &events.AgencyRegistered{}, &events.StaffAssigned{}, &events.Clock{}, &events.HistoryClosed{}} {
		if _, ok := d.(events.CaseData); ok {
			t.Errorf("%T: got a case id, want none", d)
		}
	}
}

func TestAgentsNamedByEvent(t *testing.T) {
	for _, c := range []struct {
		data events.Data
		want []string
	}{
		{requested("a1"), []string{"a1"}}, {accepted("a1"), []string{"a1"}}, {created("a1"), []string{"a1"}},
		{transferred("a1", "a2"), []string{"a1", "a2"}}, {member("m1", ""), nil},
	} {
		if got := fold.Agents(c.data); !slices.Equal(slices.Sorted(slices.Values(got)), c.want) {
			t.Errorf("%T: got agents %v, want %v", c.data, got, c.want)
		}
	}
}
