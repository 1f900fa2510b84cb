package admission

import (
	"errors"
	"fmt"
	"time"

	"bookledger/events"
	"bookledger/events/record"
	"bookledger/events/record/treehead"
	"bookledger/projections/book"
	"bookledger/projections/checkpoint"
	"bookledger/projections/fold"
)

// State is what the ledger has come to, over which records are judged.
// Writes belong to the week that the last Pass has opened.
type State interface {
	// Seen tells whether (source, id) was remembered before, and remembers it
	// for good.
	Seen(source, id string) (bool, error)

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

	// Reject keeps a rejection.
	Reject(Rejected) error
	// Export keeps a step of an export.
	Export(Exported) error
	// Sealed tells whether a seal of the Friday is kept.
	Sealed(f events.Date) (bool, error)
	// Seal keeps the seal of a Friday that has none.
	Seal(checkpoint.Seal) error
	// Sign keeps a signature of a seal.
	Sign(checkpoint.Signature) error
	// Pass keeps the checkpoint of a Friday that has passed, if it names one;
	// what is put from now on belongs to the week of next.
	Pass(f checkpoint.Checkpoint, next events.Date) error
}

// Rejected is a rejected record, as commands and the interface show it.
type Rejected struct {
	Seq      uint64      `json:"seq" format:"Sequence" doc:"The sequence of its record."`
	Recorded time.Time   `json:"recorded,omitzero" doc:"When it was recorded; absent where a record has no recorded time."`
	Subject  string      `json:"subject" doc:"The subject on which it was published."`
	ID       string      `json:"id" doc:"The event's id; blank where it has none that can be read."`
	Code     events.Code `json:"code" format:"RejectionCode" doc:"Why it was rejected."`
	Field    string      `json:"field" doc:"The field at fault; blank where it is no single one."`
	Reason   string      `json:"reason" doc:"The reason in words, without any value of the event."`
}

// Exported is a step of an export in the trail, as the interface shows it.
type Exported struct {
	Seq      uint64    `json:"seq" format:"Sequence" doc:"The sequence of its record."`
	Recorded time.Time `json:"recorded,omitzero" doc:"When it was recorded; absent where a record has no recorded time."`
	Step     string    `json:"step" enum:"requested,declined,denied,made" doc:"A book was asked for and the disclaimer accepted; the answer was a no; it was denied; or the book was made."`
	events.Export
}

// Verdict is what became of a record.
type Verdict struct {
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
	until    time.Time // see StopAt
}

// ErrStopped is of a record beyond the moment that StopAt has set.
var ErrStopped = errors.New("the record is beyond the moment to stop at")

// StopAt makes Admit return ErrStopped for the first record that is recorded
// after t; the ledger then stands as of t.
func (p *Processor) StopAt(t time.Time) { p.until = t }

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
		if err := keys.Change(c.Seq, []byte(c.Note)); err != nil && !errors.Is(err, treehead.ErrHandOver) {
			return nil, err
		}
	}
	return keys, nil
}

// Admit judges the record that follows the ledger's position, and puts what it
// changes into the state. After an error neither ledger nor state may be used.
func (p *Processor) Admit(d *record.Decoded, s State) (Verdict, error) {
	if d.Seq != p.Position+1 {
		return Verdict{}, fmt.Errorf("judging record %d: the one before it was %d, so records are missing or out of order", d.Seq, p.Position)
	}
	v, err := p.admit(d, s)
	if err != nil {
		return v, fmt.Errorf("judging record %d: %w", d.Seq, err)
	}
	p.Position, p.Leaf = d.Seq, d.Leaf
	return v, nil
}

// admit decides on the record, moves recorded time on to it, and only then puts
// what it changes: that belongs to the week which is open then.
func (p *Processor) admit(d *record.Decoded, s State) (v Verdict, err error) {
	v, c, err := p.decide(d, s)
	if err != nil {
		return v, err
	}
	if p.Timeline.Moves(&d.Record, d.Event.Type, v.Outcome) {
		if v.Recorded, err = p.advance(d, v.Outcome, s); err != nil {
			return v, err
		}
	}
	switch v.Outcome {
	case record.Applied:
		p.Applied++
		err = p.put(&c, s)
	case record.Unchanged:
		p.Applied++
	case record.Duplicate:
		p.Duplicates++
	case record.Rejected:
		p.Rejected++
		err = s.Reject(Rejected{
			Seq: d.Seq, Recorded: v.Recorded, Subject: d.Subject, ID: d.Event.ID,
			Code: v.Rejection.Code, Field: v.Rejection.Field, Reason: v.Rejection.Reason,
		})
	}
	return v, err
}

// decide goes through the order of judgement, and returns what an applied
// record changes.
func (p *Processor) decide(d *record.Decoded, s State) (v Verdict, c change, err error) {
	why := d.Envelope
	if why == nil {
		seen, err := s.Seen(d.Event.Source, d.Event.ID)
		if seen || err != nil {
			v.Outcome = record.Duplicate
			return v, c, err
		}
		c.data, c.at.Seq = d.Event.Data, d.Seq
		if c.at.Recorded, why = p.Timeline.Recorded(&d.Record); why == nil {
			why = d.Content
		}
	}
	if why == nil {
		if _, ok := c.data.(events.OfCase); ok {
			c.at.Seed = d.Seed()
		}
		why, err = p.derive(&c, s)
	}
	switch {
	case why != nil:
		v.Outcome, v.Rejection = record.Rejected, why
	case c.changes:
		v.Outcome = record.Applied
	default:
		v.Outcome = record.Unchanged
	}
	return v, c, err
}

// advance moves recorded time on to the record, passing every Friday whose
// cutoff lies before it.
func (p *Processor) advance(d *record.Decoded, o record.Outcome, s State) (time.Time, error) {
	boundary, next := p.Timeline.Boundary, p.Timeline
	next.Advance(&d.Record, d.Event.Type, o)
	now := next.Last
	if !p.until.IsZero() && now.After(p.until) {
		return now, ErrStopped
	}
	if p.Week == 0 {
		p.Week = p.calendar.FridayOf(now)
		p.cutoff = p.calendar.Cutoff(p.Week)
		if err := s.Pass(checkpoint.Checkpoint{}, p.Week); err != nil {
			return now, err
		}
	}
	for p.cutoff.Before(now) {
		f := book.Week{Friday: p.Week, Cutoff: p.cutoff, Boundary: boundary}
		p.Week = p.calendar.Next(p.Week)
		p.cutoff = p.calendar.Cutoff(p.Week)
		if err := s.Pass(p.Tally.Checkpoint(f), p.Week); err != nil {
			return now, err
		}
	}
	p.Timeline = next // only now: a replay that ends with a Friday reads it as of its boundary
	return now, nil
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

// Status returns where the ledger stands; the state hash is the caller's.
func (p *Processor) Status(stateHash string) Status {
	return Status{
		Position: p.Position, Applied: p.Applied, Duplicates: p.Duplicates, Rejected: p.Rejected,
		Cases: p.Cases, Agents: p.Agents, OpenFriday: p.Week, StateHash: stateHash,
	}
}
