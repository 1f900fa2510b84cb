package audit

import (
	"time"

	"bookledger/events"
	"bookledger/events/record"
	"bookledger/projections/provenance"
)

// Explanation is how a case became what it is. It shows nothing of what the
// events say of the consumer.
type Explanation struct {
	CaseID   string    `json:"case_id"`
	AgentID  string    `json:"agent_id,omitempty"` // whom it concerns, where one was asked for
	Events   []Event   `json:"events"`             // in their order
	Standing *Standing `json:"standing,omitempty"` // as of a Friday, where one was asked for
}

// Event is a record about a case, what became of it, and where it first
// showed. What a rejected one says of itself is there only where it can be
// nothing but an identifier.
type Event struct {
	Seq        uint64      `json:"seq"`
	Recorded   time.Time   `json:"recorded,omitzero"` // absent where it has no recorded time
	Time       time.Time   `json:"time,omitzero"`     // at its source
	Source     string      `json:"source"`
	Type       string      `json:"type"`
	ActorID    string      `json:"actor_id,omitempty"`
	ActorRole  string      `json:"actor_role,omitempty"`
	Effect     string      `json:"effect"` // applied, unchanged, duplicate or rejected
	Code       events.Code `json:"code,omitempty"`
	Field      string      `json:"field,omitempty"`
	Reason     string      `json:"reason,omitempty"`
	FirstBook  events.Date `json:"first_book,omitzero"`  // the Friday whose book was the first to show it
	LiveOnly   bool        `json:"live_only,omitzero"`   // no book shows it yet, but the live lists or the coming book
	ReplacedBy uint64      `json:"replaced_by,omitzero"` // it never shows: from this record on all would be the same without it
	Before     *string     `json:"before,omitempty"`     // what the case was to the agent who was asked for
	After      *string     `json:"after,omitempty"`
}

func newEvent(x *provenance.Explained, ofAgent bool) Event {
	e := Event{
		Seq: x.Seq, Recorded: x.Recorded, Time: x.Event.Time.UTC(), Source: x.Event.Source, Type: x.Event.Type,
		ActorID: x.Event.ActorID, ActorRole: x.Event.ActorRole, Effect: x.Outcome.String(),
		FirstBook: x.Shown.Friday, LiveOnly: x.Live, ReplacedBy: x.Replaced,
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

// Standing is how a case stands in an agent's book of a Friday.
type Standing struct {
	Friday    events.Date        `json:"friday"`
	Cutoff    time.Time          `json:"cutoff"`
	Boundary  uint64             `json:"boundary"` // the last record before the cutoff
	CaseID    string             `json:"case_id"`
	AgentID   string             `json:"agent_id"` // blank where nobody held the case
	Rows      []Decided          `json:"rows"`
	Absence   provenance.Absence `json:"absence,omitempty"` // why there are no rows
	KeptOutBy []uint64           `json:"kept_out_by,omitempty"`
}

// Decided is a row and the sequences of the events that decided what stands in
// it.
type Decided struct {
	ApplicationYear int      `json:"application_year,omitzero"`
	MemberID        string   `json:"member_id,omitempty"`
	DecidedBy       []uint64 `json:"decided_by"`
}

func newStanding(caseID string, s *provenance.Standing) *Standing {
	out := &Standing{s.Friday, s.Cutoff.UTC(), s.Boundary, caseID, s.AgentID, []Decided{}, s.Absence, s.Seqs}
	for _, r := range s.Rows {
		out.Rows = append(out.Rows, Decided{r.Year, r.MemberID, r.Seqs})
	}
	return out
}
