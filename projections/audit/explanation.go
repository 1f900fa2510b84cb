package audit

import (
	"fmt"
	"strings"
	"time"

	"bookledger/events"
	"bookledger/events/record"
	"bookledger/projections/provenance"
)

// Explanation explains how a case reached its state. It contains no consumer
// data.
type Explanation struct {
	CaseID  string      `json:"case_id" format:"Identifier" doc:"The case."`
	AgentID string      `json:"agent_id,omitempty" format:"Identifier" doc:"The agent whom the events concern, if the request names one."`
	Events  []Event     `json:"events" doc:"The events, in the order of their records."`
	InBook  *CaseInBook `json:"standing,omitempty" doc:"The case in the book of a Friday, if the request names one."`
}

// Event is a record about a case, with its outcome and first appearance. Of a
// rejected event, source, type and actor are shown only if they are valid
// identifiers, because other text could be personal data.
type Event struct {
	Seq        uint64      `json:"seq" format:"Sequence" doc:"The sequence of its record."`
	Recorded   time.Time   `json:"recorded,omitzero" doc:"When the event was recorded; absent if the record has no recorded time."`
	Time       time.Time   `json:"time,omitzero" doc:"When the event happened, according to its source; absent if that cannot be read."`
	Source     string      `json:"source" doc:"The system that sent the event."`
	Type       string      `json:"type" doc:"The event type."`
	ActorID    string      `json:"actor_id,omitempty" doc:"The person who acted, if named."`
	ActorRole  string      `json:"actor_role,omitempty" doc:"The role in which the person acted."`
	Effect     string      `json:"effect" enum:"applied,unchanged,duplicate,rejected" doc:"The outcome: \x60applied\x60 changed the case, \x60unchanged\x60 repeated what the case already was, \x60duplicate\x60 had been received before, \x60rejected\x60 changed nothing."`
	Code       events.Code `json:"code,omitempty" doc:"The rejection code."`
	Field      string      `json:"field,omitempty" doc:"The field that caused the rejection."`
	Reason     string      `json:"reason,omitempty" doc:"The reason for the rejection, in words."`
	FirstBook  events.Date `json:"first_book,omitzero" format:"Date" doc:"The Friday of the first book that would be different without the event, if all later events were processed again, or of the first book from which the event removed the case; absent if there is none."`
	LiveOnly   bool        `json:"live_only,omitzero" doc:"True if the event shows only in the live lists or in the coming book; otherwise absent."`
	ReplacedBy uint64      `json:"replaced_by,omitzero" format:"Sequence" doc:"Present if the event never shows: from this record on, nothing would be different without the event, because later events replaced its data."`
	Before     *string     `json:"before,omitempty" doc:"The case's relation to the agent before the event, if the request names an agent: \x60active\x60, \x60inactive\x60 or \x60closed\x60, with \x60pending\x60 if a request was pending; blank if the agent did not hold the case."`
	After      *string     `json:"after,omitempty" doc:"The case's relation to the agent after the event."`
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

// Applied reports whether the event changed the case.
func (e *Event) Applied() bool { return e.Effect == record.Applied.String() }

// CaseInBook describes a case in an agent's book of a Friday.
type CaseInBook struct {
	Friday    events.Date        `json:"friday" format:"Date" doc:"The Friday of the book."`
	Cutoff    time.Time          `json:"cutoff" doc:"The cutoff of the book."`
	Boundary  uint64             `json:"boundary" format:"Count" doc:"The sequence of the last record that the book includes."`
	CaseID    string             `json:"case_id" format:"Identifier" doc:"The case."`
	AgentID   string             `json:"agent_id" doc:"The agent whose book it is; blank if nobody held the case."`
	Rows      []DecidedRow       `json:"rows" doc:"The case's rows."`
	Absence   provenance.Absence `json:"absence,omitempty" enum:"closed,held_by_another,ended,pending,never_delegated" doc:"Why the book has no rows of the case."`
	KeptOutBy []uint64           `json:"kept_out_by,omitempty" format:"Sequence" doc:"The sequences of the records that keep the case out of the book."`
}

// DecidedRow is a row with the sequences of the records that decided it.
type DecidedRow struct {
	ApplicationYear int      `json:"application_year,omitzero" doc:"The row's year; absent if the case has none."`
	MemberID        string   `json:"member_id,omitempty" format:"Identifier" doc:"The row's member; absent if the case lists none."`
	DecidedBy       []uint64 `json:"decided_by" format:"Sequence" doc:"The sequences of the records that decided the row: without any one of them, it would be different."`
}

func newCaseInBook(caseID string, s *provenance.CaseInBook) *CaseInBook {
	out := &CaseInBook{s.Friday, s.Cutoff.UTC(), s.Boundary, caseID, s.AgentID, []DecidedRow{}, s.Absence, s.Seqs}
	for _, r := range s.Rows {
		out.Rows = append(out.Rows, DecidedRow{r.Year, r.MemberID, r.Seqs})
	}
	return out
}

// FormatSequences formats sequences for people, without thousands separators,
// since sequences identify records.
func FormatSequences(seqs []uint64) string {
	return strings.Trim(strings.Join(strings.Fields(fmt.Sprint(seqs)), ", "), "[]")
}
