package audit

import (
	"fmt"
	"strings"
	"time"

	"bookledger/events"
	"bookledger/events/record"
	"bookledger/projections/provenance"
)

// Explanation is how a case became what it is. It shows nothing of what the
// events say of the consumer.
type Explanation struct {
	CaseID  string      `json:"case_id" format:"Identifier" doc:"The case."`
	AgentID string      `json:"agent_id,omitempty" format:"Identifier" doc:"Whom it concerns, where an agent was asked for."`
	Events  []Event     `json:"events" doc:"The events, in their order."`
	InBook  *CaseInBook `json:"standing,omitempty" doc:"How the case stood, where a Friday was asked for."`
}

// Event is a record about a case, what became of it, and where it first
// showed. What a rejected one says of itself is there only where it can be
// nothing but an identifier.
type Event struct {
	Seq        uint64      `json:"seq" format:"Sequence" doc:"The sequence of its record."`
	Recorded   time.Time   `json:"recorded,omitzero" doc:"When it was recorded; absent where a record has no recorded time."`
	Time       time.Time   `json:"time,omitzero" doc:"When it happened at its source; absent where that cannot be read."`
	Source     string      `json:"source" doc:"The system that has sent it."`
	Type       string      `json:"type" doc:"Its type."`
	ActorID    string      `json:"actor_id,omitempty" doc:"Who did it, where that is named."`
	ActorRole  string      `json:"actor_role,omitempty" doc:"In which role."`
	Effect     string      `json:"effect" enum:"applied,unchanged,duplicate,rejected" doc:"What became of it: it changed the case; it said what was so already; it came again; or it was rejected."`
	Code       events.Code `json:"code,omitempty" doc:"Why it was rejected."`
	Field      string      `json:"field,omitempty" doc:"The part of the event that was wrong."`
	Reason     string      `json:"reason,omitempty" doc:"The reason in words."`
	FirstBook  events.Date `json:"first_book,omitzero" format:"Date" doc:"The Friday whose book was the first that would be otherwise without the event, had all later ones been judged anew, or from which it took the case; absent where there is none."`
	LiveOnly   bool        `json:"live_only,omitzero" doc:"It shows in the live lists or in the coming book, and in no book so far; absent otherwise."`
	ReplacedBy uint64      `json:"replaced_by,omitzero" format:"Sequence" doc:"It never shows: from this record on all would be the same without it, since others replaced what it said."`
	Before     *string     `json:"before,omitempty" doc:"What the case was to the agent before it, where an agent was asked for: \x60active\x60, \x60inactive\x60, \x60closed\x60, with \x60pending\x60 where a request was pending; blank where it was not the agent's."`
	After      *string     `json:"after,omitempty" doc:"The same after it."`
}

func newEvent(x *provenance.ExplainedRecord, ofAgent bool) Event {
	e := Event{
		Seq: x.Seq, Recorded: x.Recorded, Time: x.Event.Time.UTC(), Source: x.Event.Source, Type: x.Event.Type,
		ActorID: x.Event.ActorID, ActorRole: x.Event.ActorRole, Effect: x.Outcome.String(),
		FirstBook: x.FirstAppearance.Friday, LiveOnly: x.Live, ReplacedBy: x.Replaced,
	}
	if x.Outcome != record.Applied && x.Outcome != record.Unchanged {
		for _, text := range []*string{&e.Source, &e.Type, &e.ActorID, &e.ActorRole} {
			if !events.IsIdentifier(*text) {
				*text = ""
			}
		}
	}
	if x.Rejection != nil {
		e.Code, e.Field, e.Reason = x.Rejection.Code, x.Rejection.Field, x.Rejection.Reason
	}
	if ofAgent && x.Outcome == record.Applied {
		e.Before, e.After = &x.Before, &x.After
	}
	return e
}

// Applied tells whether the event has changed the case.
func (e *Event) Applied() bool { return e.Effect == record.Applied.String() }

// CaseInBook is how a case stands in an agent's book of a Friday.
type CaseInBook struct {
	Friday    events.Date        `json:"friday" format:"Date" doc:"The Friday of the book."`
	Cutoff    time.Time          `json:"cutoff" doc:"The moment as of which it is."`
	Boundary  uint64             `json:"boundary" format:"Count" doc:"The sequence of the last record that it shows."`
	CaseID    string             `json:"case_id" format:"Identifier" doc:"The case."`
	AgentID   string             `json:"agent_id" doc:"Whose book it is; blank where nobody held the case."`
	Rows      []DecidedRow       `json:"rows" doc:"The case's rows."`
	Absence   provenance.Absence `json:"absence,omitempty" enum:"closed,held_by_another,ended,pending,never_delegated" doc:"Why there are no rows."`
	KeptOutBy []uint64           `json:"kept_out_by,omitempty" format:"Sequence" doc:"The sequences of the records that keep it out."`
}

// DecidedRow is a row and the sequences of the events that decided what stands in
// it.
type DecidedRow struct {
	ApplicationYear int      `json:"application_year,omitzero" doc:"The row's year; absent where the case has none."`
	MemberID        string   `json:"member_id,omitempty" format:"Identifier" doc:"The row's member; absent where the case lists none."`
	DecidedBy       []uint64 `json:"decided_by" format:"Sequence" doc:"The sequences of the records without one of which the row would be otherwise."`
}

func newCaseInBook(caseID string, s *provenance.CaseInBook) *CaseInBook {
	out := &CaseInBook{s.Friday, s.Cutoff.UTC(), s.Boundary, caseID, s.AgentID, []DecidedRow{}, s.Absence, s.Seqs}
	for _, r := range s.Rows {
		out.Rows = append(out.Rows, DecidedRow{r.Year, r.MemberID, r.Seqs})
	}
	return out
}

// FormatSequences writes sequences of records as people read them: without commas in
// them, since they name records.
func FormatSequences(seqs []uint64) string {
	return strings.Trim(strings.Join(strings.Fields(fmt.Sprint(seqs)), ", "), "[]")
}
