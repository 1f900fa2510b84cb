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

// State is what the ledger has come to, over which records are judged. What is
// written belongs to the week of the decision that is put.
type State interface {
	// MarkSeen tells whether (source, id) was remembered before, and remembers it
	// for good.
	MarkSeen(source, id string) (bool, error)

	// Case returns a case, the zero Case where none is known; it is not
	// written to.
	Case(id string) (*fold.Case, error)
	// PutCase keeps a case, which is the state's own from then on.
	PutCase(id string, before, after *fold.Case) error

	Agent(id string) (agent fold.Agent, known bool, err error)
	PutAgent(id string, after fold.Agent) error
	Agency(id string) (agency fold.Agency, known bool, err error)
	PutAgency(id string, after fold.Agency) error
	Staff(agencyID, personID string) (fold.Staff, error)
	PutStaff(agencyID, personID string, after fold.Staff) error

	// AddRejection keeps a rejection.
	AddRejection(RejectedEvent) error
	// AddExportStep keeps a step of an export.
	AddExportStep(ExportStep) error
	// HasSeal tells whether a seal of the Friday is kept.
	HasSeal(f events.Date) (bool, error)
	// PutSeal keeps the seal of a Friday that has none.
	PutSeal(checkpoint.Seal) error
	// AddSignature keeps a signature of a seal.
	AddSignature(checkpoint.Signature) error
}

// RejectedEvent is a rejected record, as commands and the interface show it.
type RejectedEvent struct {
	Seq      uint64      `json:"seq" format:"Sequence" doc:"The sequence of its record."`
	Recorded time.Time   `json:"recorded,omitzero" doc:"When it was recorded; absent where a record has no recorded time."`
	Subject  string      `json:"subject" doc:"The subject on which it was published."`
	ID       string      `json:"id" doc:"The event's id; blank where it has none that can be read."`
	Code     events.Code `json:"code" format:"RejectionCode" doc:"Why it was rejected."`
	Field    string      `json:"field" doc:"The field at fault; blank where it is no single one."`
	Reason   string      `json:"reason" doc:"The reason in words, without any value of the event."`
}

// ExportStep is a step of an export in the trail, as the interface shows it.
type ExportStep struct {
	Seq      uint64    `json:"seq" format:"Sequence" doc:"The sequence of its record."`
	Recorded time.Time `json:"recorded,omitzero" doc:"When it was recorded; absent where a record has no recorded time."`
	Step     string    `json:"step" enum:"requested,declined,denied,made" doc:"A book was asked for and the disclaimer accepted; the answer was a no; it was denied; or the book was made."`
	events.Export
}

// Result is what became of a record.
type Result struct {
	Outcome   record.Outcome
	Rejection *events.Rejection // of a rejected one
	Recorded  time.Time         // zero where the record has no recorded time
}

// Processor is what is known of the ledger as a whole; it is kept with the state,
// so that judging resumes where it was.
type Processor struct {
	LedgerID string
	Position uint64   // the last record judged
	Leaf     [32]byte // its leaf hash
	Timeline record.Timeline
	Week     events.Date // the Friday whose week is open; 0 before all time
	Tally    checkpoint.Tally

	Applied, Duplicates, Rejected uint64
	Cases, Agents                 uint64 // known ones

	Genesis    *events.CalendarSpec // nil where the record has no genesis
	SealKey    string               // that genesis names
	KeyChanges []checkpoint.KeyChange

	calendar *events.Calendar
	cutoff   time.Time // of Week
}

// New returns a ledger before its first record.
func New() *Processor { return &Processor{calendar: events.DefaultCalendar()} }

// Resume makes a ledger that was kept ready to go on.
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

// Calendar is the ledger's calendar, the default one before genesis.
func (p *Processor) Calendar() *events.Calendar { return p.calendar }

// Keys returns the keys of the ledger's seals. A change that the key before it
// has not signed changes nothing.
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

// Decision is what becomes of a record, before it is put into the state.
type Decision struct {
	Result
	// Passed are the Fridays whose cutoffs lie between the record before and this
	// one, the earliest first. The state is as of each of them until the decision
	// is put.
	Passed []checkpoint.Checkpoint
	Week   events.Date // the Friday to whose week belongs what is put; 0 before all time

	record   *record.Decoded
	change   change
	timeline record.Timeline
	cutoff   time.Time // of Week
}

// Decide judges the record that follows the ledger's position. The state
// remembers its source and id, and is otherwise left as it is, as the ledger
// is: Put puts the decision into both. After an error neither may be used.
func (p *Processor) Decide(d *record.Decoded, s State) (Decision, error) {
	if d.Seq != p.Position+1 {
		return Decision{}, fmt.Errorf("judging record %d: the one before it was %d, so records are missing or out of order", d.Seq, p.Position)
	}
	e := Decision{record: d, Week: p.Week, cutoff: p.cutoff, timeline: p.Timeline}
	if err := p.check(&e, s); err != nil {
		return e, fmt.Errorf("judging record %d: %w", d.Seq, err)
	}
	if p.Timeline.HasRecordedTime(&d.Record, d.Event.Type, e.Outcome) {
		p.advance(&e)
	}
	return e, nil
}

// check goes through the order of judgement.
func (p *Processor) check(e *Decision, s State) error {
	d, c := e.record, &e.change
	why := d.Envelope
	if why == nil {
		seen, err := s.MarkSeen(d.Event.Source, d.Event.ID)
		if seen || err != nil {
			e.Outcome = record.Duplicate
			return err
		}
		c.data, c.at.Seq = d.Event.Data, d.Seq
		if c.at.Recorded, why = p.Timeline.Recorded(&d.Record); why == nil {
			why = d.Content
		}
	}
	var err error
	if why == nil {
		if _, ok := c.data.(events.CaseData); ok {
			c.at.Seed = d.Seed()
		}
		why, err = p.derive(c, s)
	}
	switch {
	case why != nil:
		e.Outcome, e.Rejection = record.Rejected, why
	case c.changed:
		e.Outcome = record.Applied
	default:
		e.Outcome = record.Unchanged
	}
	return err
}

// advance moves recorded time on to the record, past every Friday whose cutoff
// lies before it.
func (p *Processor) advance(e *Decision) {
	e.timeline.Advance(&e.record.Record, e.record.Event.Type, e.Outcome)
	e.Recorded = e.timeline.Last
	if e.Week == 0 {
		e.Week = p.calendar.FridayOf(e.Recorded)
		e.cutoff = p.calendar.Cutoff(e.Week)
	}
	for e.cutoff.Before(e.Recorded) {
		e.Passed = append(e.Passed, p.Tally.Checkpoint(book.Week{Friday: e.Week, Cutoff: e.cutoff, Boundary: p.Timeline.Boundary}))
		e.Week = p.calendar.Next(e.Week)
		e.cutoff = p.calendar.Cutoff(e.Week)
	}
}

// Apply moves the ledger on to the record of the decision, and puts what that
// changes into the state. After an error neither may be used.
func (p *Processor) Apply(e *Decision, s State) (err error) {
	d := e.record
	p.Timeline, p.Week, p.cutoff = e.timeline, e.Week, e.cutoff
	switch e.Outcome {
	case record.Applied:
		p.Applied++
		err = p.applyChange(&e.change, s)
	case record.Unchanged:
		p.Applied++
	case record.Duplicate:
		p.Duplicates++
	case record.Rejected:
		p.Rejected++
		err = s.AddRejection(RejectedEvent{
			Seq: d.Seq, Recorded: e.Recorded, Subject: d.Subject, ID: d.Event.ID,
			Code: e.Rejection.Code, Field: e.Rejection.Field, Reason: e.Rejection.Reason,
		})
	}
	if err != nil {
		return fmt.Errorf("applying record %d: %w", d.Seq, err)
	}
	p.Position, p.Leaf = d.Seq, d.Leaf
	return nil
}

// Status is where a ledger stands, as commands and the interface show it.
type Status struct {
	Position   uint64      `json:"position" format:"Count" doc:"The sequence of the newest record that is shown."`
	Applied    uint64      `json:"applied" format:"Count" doc:"Records accepted, whether they changed anything or not."`
	Duplicates uint64      `json:"duplicates" format:"Count" doc:"Records whose source and id had come before."`
	Rejected   uint64      `json:"rejected" format:"Count" doc:"Records rejected."`
	Cases      uint64      `json:"cases" format:"Count" doc:"Known cases."`
	Agents     uint64      `json:"agents" format:"Count" doc:"Known agents."`
	OpenFriday events.Date `json:"open_friday" format:"DateOrBlank" doc:"The Friday whose week is open; blank while nothing is recorded."`
	StateHash  string      `json:"state_hash" format:"Hash" doc:"A hash of the whole state in canonical form."`
}

func (p *Processor) status(stateHash string) Status {
	return Status{
		Position: p.Position, Applied: p.Applied, Duplicates: p.Duplicates, Rejected: p.Rejected,
		Cases: p.Cases, Agents: p.Agents, OpenFriday: p.Week, StateHash: stateHash,
	}
}
