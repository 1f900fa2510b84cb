package admission

import (
	"fmt"
	"time"

	"bookledger/events"
	"bookledger/events/record"
	"bookledger/events/record/treehead"
	"bookledger/projections/book"
	"bookledger/projections/checkpoint"
	"bookledger/projections/fold"
)

// State is the state against which records are processed. Writes belong to the week
// of the decision that is being applied.
type State interface {
	// MarkSeen remembers (source, id) and reports whether it was remembered before.
	MarkSeen(source, id string) (bool, error)

	// Case returns a case, or the zero Case if it is not known. The caller must
	// not modify it.
	Case(id string) (*fold.Case, error)
	// PutCase stores a case. It takes ownership of after.
	PutCase(id string, before, after *fold.Case) error

	Agent(id string) (agent fold.Agent, known bool, err error)
	PutAgent(id string, after fold.Agent) error
	Agency(id string) (agency fold.Agency, known bool, err error)
	PutAgency(id string, after fold.Agency) error
	Staff(agencyID, personID string) (fold.Staff, error)
	PutStaff(agencyID, personID string, after fold.Staff) error

	// AddRejection adds to the rejected events.
	AddRejection(RejectedEvent) error
	// AddExportStep adds to the export trail.
	AddExportStep(ExportStep) error
	// HasSeal reports whether Friday f has a seal.
	HasSeal(f events.Date) (bool, error)
	// PutSeal stores the seal of a Friday that has none.
	PutSeal(checkpoint.Seal) error
	// AddSignature adds a signature of a seal.
	AddSignature(checkpoint.Signature) error
}

// RejectedEvent describes a rejected event, as commands and the API show it.
type RejectedEvent struct {
	Seq      uint64      `json:"seq" format:"Sequence" doc:"The record's sequence."`
	Recorded time.Time   `json:"recorded,omitzero" doc:"The recorded time; absent if the record has none."`
	Subject  string      `json:"subject" doc:"The subject on which the event was published."`
	ID       string      `json:"id" doc:"The event's ID; blank if it cannot be read."`
	Code     events.Code `json:"code" format:"RejectionCode" doc:"The rejection code."`
	Field    string      `json:"field" doc:"The field that caused the rejection; blank if no single field did."`
	Reason   string      `json:"reason" doc:"The reason in words. It contains no value from the event."`
}

// ExportStep is one step of an export in the export trail, as the API shows it.
type ExportStep struct {
	Seq      uint64    `json:"seq" format:"Sequence" doc:"The record's sequence."`
	Recorded time.Time `json:"recorded,omitzero" doc:"The recorded time; absent if the record has none."`
	Step     string    `json:"step" enum:"requested,declined,denied,made" doc:"requested: the person requested a book and accepted the disclaimer; declined: the person declined the disclaimer; denied: the request was denied; made: the book was made."`
	events.Export
}

// Result describes what became of a record.
type Result struct {
	Outcome   record.Outcome
	Rejection *events.Rejection // nil unless the record was rejected
	Recorded  time.Time         // zero if the record has no recorded time
}

// Processor contains the facts about the ledger as a whole. It is stored with the
// state as JSON, so that processing can resume.
type Processor struct {
	LedgerID string
	Position uint64   // sequence of the last applied record
	Leaf     [32]byte // leaf hash of that record
	Timeline record.Timeline
	Week     events.Date // Friday of the open week; 0 before the first recorded time
	Tally    checkpoint.Tally

	Applied, Duplicates, Rejected uint64
	Cases, Agents                 uint64 // numbers of known cases and agents

	Genesis    *events.CalendarSpec // nil if the journal has no genesis
	SealKey    string               // the first public key of the seals, from genesis
	KeyChanges []checkpoint.KeyChange

	calendar *events.Calendar
	cutoff   time.Time // cutoff of Week
}

// New returns a Processor for an empty journal.
func New() *Processor { return &Processor{calendar: events.DefaultCalendar()} }

// Resume prepares a Processor that was decoded from JSON.
func (p *Processor) Resume() error {
	p.calendar = events.DefaultCalendar()
	if p.Genesis != nil {
		calendar, err := events.NewCalendar(*p.Genesis)
		if err != nil {
			return err
		}
		p.calendar = calendar
	}
	if p.Week != 0 {
		p.cutoff = p.calendar.Cutoff(p.Week)
	}
	return nil
}

// Calendar returns the ledger's calendar. Before genesis, it is the default one.
func (p *Processor) Calendar() *events.Calendar { return p.calendar }

// Keys returns the public keys of the ledger's seals. It ignores a key change that
// the preceding key has not signed.
func (p *Processor) Keys() (*treehead.Keys, error) {
	keys, err := treehead.NewKeys(p.LedgerID, p.SealKey)
	if err != nil {
		return nil, err
	}
	for _, c := range p.KeyChanges {
		keys.Change(c.Seq, []byte(c.Note))
	}
	return keys, nil
}

// Decision is the result of checking a record, before it is applied.
type Decision struct {
	Result
	// Passed contains the checkpoints of the cutoffs between the previous record
	// and this one, earliest first. Until the decision is applied, the state is as
	// of each of these cutoffs.
	Passed []checkpoint.Checkpoint
	Week   events.Date // Friday of the week to which the changes belong; 0 before the first recorded time

	record   *record.Decoded
	change   change
	timeline record.Timeline
	cutoff   time.Time // cutoff of Week
}

// Decide checks the record that follows the position. It changes neither p nor s,
// except that s remembers the event's source and ID; Apply applies the decision to
// both. After an error, neither may be used again.
func (p *Processor) Decide(d *record.Decoded, s State) (Decision, error) {
	if d.Seq != p.Position+1 {
		return Decision{}, fmt.Errorf("got record %d after record %d: records are missing or out of order", d.Seq, p.Position)
	}
	dec := Decision{record: d, Week: p.Week, cutoff: p.cutoff, timeline: p.Timeline}
	if err := p.check(&dec, s); err != nil {
		return dec, fmt.Errorf("checking record %d: %w", d.Seq, err)
	}
	if p.Timeline.HasRecordedTime(&d.Record, d.Event.Type, dec.Outcome) {
		p.advance(&dec)
	}
	return dec, nil
}

// check runs the checks in order. The first failed check determines the rejection.
func (p *Processor) check(dec *Decision, s State) error {
	d, c := dec.record, &dec.change
	rejection := d.EnvelopeRejection
	if rejection == nil {
		seen, err := s.MarkSeen(d.Event.Source, d.Event.ID)
		if seen || err != nil {
			dec.Outcome = record.Duplicate
			return err
		}
		c.data, c.at.Seq = d.Event.Data, d.Seq
		if c.at.Recorded, rejection = p.Timeline.Recorded(&d.Record); rejection == nil {
			rejection = d.ContentRejection
		}
	}
	var err error
	if rejection == nil {
		if _, ok := c.data.(events.CaseData); ok {
			c.at.Seed = d.Seed()
		}
		rejection, err = p.derive(c, s)
	}
	switch {
	case rejection != nil:
		dec.Outcome, dec.Rejection = record.Rejected, rejection
	case c.changed:
		dec.Outcome = record.Applied
	default:
		dec.Outcome = record.Unchanged
	}
	return err
}

// advance moves recorded time to the record and collects the cutoffs it passes.
func (p *Processor) advance(dec *Decision) {
	dec.timeline.Advance(&dec.record.Record, dec.record.Event.Type, dec.Outcome)
	dec.Recorded = dec.timeline.Last
	if dec.Week == 0 {
		dec.Week = p.calendar.FridayOf(dec.Recorded)
		dec.cutoff = p.calendar.Cutoff(dec.Week)
	}
	for dec.cutoff.Before(dec.Recorded) {
		dec.Passed = append(dec.Passed, p.Tally.Checkpoint(book.Week{Friday: dec.Week, Cutoff: dec.cutoff, Boundary: p.Timeline.Boundary}))
		dec.Week = p.calendar.Next(dec.Week)
		dec.cutoff = p.calendar.Cutoff(dec.Week)
	}
}

// Apply applies a decision to p and s and moves the position to its record. After an
// error, neither may be used again.
func (p *Processor) Apply(dec *Decision, s State) (err error) {
	d := dec.record
	p.Timeline, p.Week, p.cutoff = dec.timeline, dec.Week, dec.cutoff
	switch dec.Outcome {
	case record.Applied:
		p.Applied++
		err = p.applyChange(&dec.change, s)
	case record.Unchanged:
		p.Applied++
	case record.Duplicate:
		p.Duplicates++
	case record.Rejected:
		p.Rejected++
		err = s.AddRejection(RejectedEvent{
			Seq: d.Seq, Recorded: dec.Recorded, Subject: d.Subject, ID: d.Event.ID,
			Code: dec.Rejection.Code, Field: dec.Rejection.Field, Reason: dec.Rejection.Reason,
		})
	}
	if err != nil {
		return fmt.Errorf("applying record %d: %w", d.Seq, err)
	}
	p.Position, p.Leaf = d.Seq, d.Leaf
	return nil
}

// Status is the position of a ledger and its counts, as commands and the API show
// them.
type Status struct {
	Position   uint64      `json:"position" format:"Count" doc:"The sequence of the newest record shown."`
	Applied    uint64      `json:"applied" format:"Count" doc:"The number of accepted records, including those that changed nothing."`
	Duplicates uint64      `json:"duplicates" format:"Count" doc:"The number of records whose source and ID had appeared before."`
	Rejected   uint64      `json:"rejected" format:"Count" doc:"The number of rejected records."`
	Cases      uint64      `json:"cases" format:"Count" doc:"The number of known cases."`
	Agents     uint64      `json:"agents" format:"Count" doc:"The number of known agents."`
	OpenFriday events.Date `json:"open_friday" format:"DateOrBlank" doc:"The Friday of the open week; blank if nothing has been recorded."`
	StateHash  string      `json:"state_hash" format:"Hash" doc:"The hash of the whole state in canonical form."`
}

func (p *Processor) status(stateHash string) Status {
	return Status{
		Position: p.Position, Applied: p.Applied, Duplicates: p.Duplicates, Rejected: p.Rejected,
		Cases: p.Cases, Agents: p.Agents, OpenFriday: p.Week, StateHash: stateHash,
	}
}
