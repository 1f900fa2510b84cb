package provenance_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"bookledger/events"
	"bookledger/events/record"
	"bookledger/projections/book"
	"bookledger/projections/fold"
	"bookledger/projections/provenance"
)

const caseID = "5000032500"

// columns are the book columns that the tests compare.
var columns = columnsOf("household.type", "application.current_status", "primary.first_name", "member.first_name", "eligibility.program",
	"health.carrier", "health.status", "delegation.status", "delegation.since", "agent.name")

func columnsOf(names ...string) (columns []book.Column) {
	for _, name := range names {
		field, ok := book.FieldByName(name)
		if !ok {
			panic(name)
		}
		columns = append(columns, book.Column{Header: name, Field: field})
	}
	return columns
}

// cutoff ends a week of a story.
type cutoff struct{}

// story is the history of a case: its records and the cutoffs between them.
type story struct {
	provenance.Explainer
	entries []provenance.Entry
}

// newStory returns the story of the given events and cutoffs. The outcome of
// each event is the one that the ledger would give it.
func newStory(all ...any) *story {
	s := &story{Explainer: provenance.Explainer{Calendar: events.DefaultCalendar(), Columns: columns, Open: 20261120}}
	now := s.Calendar.Cutoff(s.Open).Add(-time.Hour)
	var c fold.Case
	for _, one := range all {
		seq := uint64(len(s.entries))
		data, ok := one.(events.Data)
		if !ok {
			s.Weeks = append(s.Weeks, book.Week{Friday: s.Open, Cutoff: s.Calendar.Cutoff(s.Open), Boundary: seq})
			s.Open = s.Calendar.Next(s.Open)
			now = s.Calendar.Cutoff(s.Open).Add(-time.Hour)
			continue
		}
		e := provenance.Entry{Seq: seq + 1, Recorded: now, Event: events.Event{Type: events.TypeOf(data), Data: data}}
		next, changed, refusal := fold.NextCase(c, data, fold.Position{Seq: e.Seq, Recorded: now})
		switch {
		case refusal != nil:
			e.Outcome, e.Rejection = record.Rejected, refusal
		case changed:
			e.Outcome, c = record.Applied, next
		default:
			e.Outcome = record.Unchanged
		}
		s.entries = append(s.entries, e)
	}
	return s
}

// appearances returns the first appearance of each record, one word each.
func (s *story) appearances(t *testing.T, agent string) string {
	t.Helper()
	all, err := s.Explain(t.Context(), caseID, s.entries, agent)
	if err != nil {
		t.Fatal(err)
	}
	var words []string
	for _, x := range all {
		word := "nowhere"
		switch {
		case x.Outcome != record.Applied:
			word = x.Outcome.String()
		case x.FirstAppearance.Friday != 0:
			word = fmt.Sprintf("%02d-%02d", x.FirstAppearance.Friday.Month(), x.FirstAppearance.Friday.Day())
		case x.Live:
			word = "live"
		case x.Replaced != 0:
			word = fmt.Sprintf("replaced:%d", x.Replaced)
		}
		if agent != "" {
			word = fmt.Sprintf("%d:%s>%s:%s", x.Seq, x.Before, x.After, word)
		}
		words = append(words, word)
	}
	return strings.Join(words, " ")
}

func of(agent string) events.Delegation { return events.Delegation{CaseID: caseID, AgentID: agent} }

func created(agent string) events.Data { return &events.DelegationCreated{Delegation: of(agent)} }

func ended(agent string) events.Data { return &events.DelegationEnded{Delegation: of(agent)} }

func requested(agent string) events.Data { return &events.DelegationRequested{Delegation: of(agent)} }

func accepted(agent string) events.Data { return &events.DelegationAccepted{Delegation: of(agent)} }

func inactive(agent string) events.Data {
	return &events.DelegationMarkedInactive{Delegation: of(agent)}
}

func transferred(from, to string) events.Data {
	return &events.DelegationTransferred{CaseID: caseID, FromAgentID: from, ToAgentID: to}
}

func household(name string) events.Data {
	return &events.HouseholdRecorded{CaseID: caseID, PrimaryContact: events.Contact{FirstName: name}}
}

func born(date events.Date) events.Data {
	return &events.HouseholdRecorded{CaseID: caseID, PrimaryContact: events.Contact{DateOfBirth: date}}
}

func member(id string) events.Data {
	return &events.MemberRecorded{Member: events.Member{CaseID: caseID, MemberID: id, FirstName: "Name " + id}}
}

func removed(id string) events.Data {
	return &events.MemberRemoved{Member: events.Member{CaseID: caseID, MemberID: id}}
}

func eligible(id, program string) events.Data {
	return &events.EligibilityDetermined{CaseID: caseID, MemberID: id, ApplicationYear: 2026, Program: program, Status: "eligible"}
}

func covered(id, carrier, status string) events.Data {
	return &events.EnrollmentRecorded{CaseID: caseID, EnrollmentID: id, ApplicationYear: 2026, CoverageKind: "health", MemberIDs: []string{"1"}, Carrier: carrier, Status: status}
}

func closed() events.Data { return &events.CaseClosed{CaseID: caseID} }

// TestFirstAppearance checks by example where a record first shows. The first
// cutoff is on November 20.
func TestFirstAppearance(t *testing.T) {
	week := cutoff{}
	for name, c := range map[string]struct {
		story []any
		want  string
	}{
		"an open week":             {[]any{created("a1"), household("Ann")}, "live live"},
		"at the cutoff":            {[]any{created("a1"), week, household("Ann")}, "11-20 live"},
		"before the delegation":    {[]any{household("Ann"), week, created("a1"), week}, "11-27 11-27"},
		"never delegated":          {[]any{household("Ann"), week}, "nowhere"},
		"replaced in its week":     {[]any{created("a1"), household("Ann"), household("Bo"), week}, "11-20 replaced:3 11-20"},
		"repeated":                 {[]any{created("a1"), household("Ann"), household("Ann"), week}, "11-20 11-20 unchanged"},
		"not in any column":        {[]any{created("a1"), week, born(19800102), week}, "11-20 live"},
		"a request declined":       {[]any{requested("a1"), &events.DelegationDeclined{Delegation: of("a1")}, week}, "replaced:2 live"},
		"made another one fail":    {[]any{created("a1"), created("a2"), ended("a1"), week}, "replaced:2 11-20 rejected"},
		"a pending request":        {[]any{requested("a1"), week}, "live"},
		"rejected":                 {[]any{accepted("a1"), week}, "rejected"},
		"moved in an open week":    {[]any{created("a1"), week, transferred("a1", "a2"), transferred("a2", "a3")}, "11-20 live live"},
		"closed, then delegated":   {[]any{household("Ann"), closed(), week, created("a1"), week}, "nowhere 11-27 nowhere"},
		"cancelled, shows another": {[]any{created("a1"), member("1"), covered("n1", "X", "enrolled"), covered("n2", "Y", "enrolled"), week, covered("n2", "Y", "cancelled"), week}, "11-20 11-20 11-27 11-20 11-27"},
	} {
		t.Run(name, func(t *testing.T) {
			if got := newStory(c.story...).appearances(t, ""); got != c.want {
				t.Errorf("got %s, want %s", got, c.want)
			}
		})
	}
}

// TestExplainForAgent checks which records concern one agent, and the relation
// of the case to that agent before and after each.
func TestExplainForAgent(t *testing.T) {
	s := newStory(household("Ann"), accepted("a1"), requested("a1"), accepted("a1"), cutoff{}, household("Bo"), inactive("a1"), requested("a2"), cutoff{}, transferred("a1", "a2"), closed(), cutoff{})
	for agent, want := range map[string]string{
		"a1": "2:>:rejected 3:>pending:11-20 4:pending>active:11-20 6:active>inactive:11-27 8:inactive>:12-04",
		"a2": "7:>pending:nowhere 8:pending>inactive, pending:nowhere 9:inactive, pending>closed:12-04",
		"a3": "",
	} {
		if got := s.appearances(t, agent); got != want {
			t.Errorf("agent %s: got\n%s, want\n%s", agent, got, want)
		}
	}
}

// TestInBook checks which records decided each row, and the reason if there is
// none.
func TestInBook(t *testing.T) {
	week := cutoff{}
	for name, c := range map[string]struct {
		story []any
		agent string
		want  string
	}{
		"two members": {[]any{household("Ann"), member("1"), member("2"), eligible("1", "medi_cal"), eligible("2", "none"), created("a1"), week, household("Bo")},
			"", "a1 2026/1:[1 2 4 6] 2026/2:[1 2 3 4 5 6]"}, // member 1 decides the household type
		"transferred":                {[]any{created("a1"), transferred("a1", "a2"), week}, "a1", "a1 held_by_another [2]"},
		"transferred twice":          {[]any{created("a1"), transferred("a1", "a2"), transferred("a2", "a3"), week}, "a1", "a1 held_by_another [2 3]"},
		"never held":                 {[]any{created("a1"), week}, "a2", "a2 held_by_another [1]"},
		"ended":                      {[]any{created("a1"), ended("a1"), week}, "", " ended [2]"},
		"ended, for agent":           {[]any{created("a1"), ended("a1"), week}, "a1", "a1 ended [2]"},
		"never delegated":            {[]any{household("Ann"), week}, "", " never_delegated []"},
		"never delegated, for agent": {[]any{household("Ann"), week}, "a1", "a1 never_delegated []"},
		"pending":                    {[]any{created("a1"), requested("a2"), week}, "a2", "a2 pending [2]"},
		"closed":                     {[]any{closed(), created("a1"), week}, "", "a1 closed [1]"},
		"delegated later":            {[]any{week, created("a1")}, "a1", "a1 never_delegated []"},
	} {
		t.Run(name, func(t *testing.T) {
			s := newStory(c.story...)
			found, err := s.InBook(t.Context(), caseID, s.entries, s.Weeks[0], c.agent)
			if err != nil {
				t.Fatal(err)
			}
			got := found.AgentID
			for _, r := range found.Rows {
				got += fmt.Sprintf(" %d/%s:%v", r.Year, r.MemberID, r.Seqs)
			}
			if len(found.Rows) == 0 {
				got += fmt.Sprintf(" %s %v", found.Absence, found.Seqs)
			}
			if got != c.want {
				t.Errorf("got %s, want %s", got, c.want)
			}
		})
	}
}

// TestStopsWhenCanceled checks that each method returns once its context is
// canceled.
func TestStopsWhenCanceled(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	s := newStory(created("a1"), cutoff{})
	_, explainErr := s.Explain(ctx, caseID, s.entries, "")
	_, inBookErr := s.InBook(ctx, caseID, s.entries, s.Weeks[0], "")
	_, causesErr := s.Causes(ctx, provenance.Interval{CaseID: caseID, Entries: s.entries, InBook: func(string) bool { return true }}, nil)
	for _, err := range [...]error{explainErr, inBookErr, causesErr} {
		if !errors.Is(err, context.Canceled) {
			t.Errorf("got %v, want context.Canceled", err)
		}
	}
}

// TestRejectsForeignRecords checks that applied records that cannot follow one
// another are an error.
func TestRejectsForeignRecords(t *testing.T) {
	s := newStory(created("a1"), ended("a1"), cutoff{})
	broken := s.entries[1:]
	if _, err := s.Explain(t.Context(), caseID, broken, ""); err == nil || !strings.Contains(err.Error(), "record 2") {
		t.Errorf("got %v, want an error about record 2", err)
	}
	if _, err := s.InBook(t.Context(), caseID, broken, s.Weeks[0], ""); err == nil {
		t.Error("InBook accepted them")
	}
	if _, err := s.Causes(t.Context(), provenance.Interval{CaseID: caseID, Entries: broken}, nil); err == nil {
		t.Error("Causes accepted them")
	}
}
