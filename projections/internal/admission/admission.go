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
	Seq      uint64      `json:"seq"`
	Recorded time.Time   `json:"recorded,omitzero"`
	Subject  string      `json:"subject"`
	ID       string      `json:"id"`
	Code     events.Code `json:"code"`
	Field    string      `json:"field"`
	Reason   string      `json:"reason"`
}

// Exported is a step of an export in the trail, as the interface shows it.
type Exported struct {
	Seq      uint64    `json:"seq"`
	Recorded time.Time `json:"recorded,omitzero"`
	Step     string    `json:"step"` // requested, declined, denied or made
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

// StopAt makes Judge return ErrStopped for the first record that is recorded
// after t; the ledger then stands as of t.
func (l *Processor) StopAt(t time.Time) { l.until = t }

// New returns a ledger before its first record.
func New() *Processor { return &Processor{calendar: events.DefaultCalendar()} }

// Resume makes a ledger that was kept ready to go on.
func (l *Processor) Resume() error {
	l.calendar = events.DefaultCalendar()
	if l.Genesis != nil {
		calendar, err := events.NewCalendar(*l.Genesis)
		if err != nil {
			return err
		}
		l.calendar = calendar
	}
	if l.Week != 0 {
		l.cutoff = l.calendar.Cutoff(l.Week)
	}
	return nil
}

// Calendar is the ledger's calendar, the default one before genesis.
func (l *Processor) Calendar() *events.Calendar { return l.calendar }

// Keys returns the keys of the ledger's seals. A change that the key before it
// has not signed changes nothing.
func (l *Processor) Keys() (*treehead.Keys, error) {
	keys, err := treehead.NewKeys(l.LedgerID, l.SealKey)
	if err != nil {
		return nil, err
	}
	for _, c := range l.KeyChanges {
		if err := keys.Change(c.Seq, []byte(c.Note)); err != nil && !errors.Is(err, treehead.ErrHandOver) {
			return nil, err
		}
	}
	return keys, nil
}

// Admit judges the record that follows the ledger's position, which leaf is
// the leaf hash of, and puts what it changes into the state. After an error
// neither ledger nor state may be used.
func (l *Processor) Admit(r *record.Record, leaf [32]byte, c *events.Checked, s State) (Verdict, error) {
	if r.Seq != l.Position+1 {
		return Verdict{}, fmt.Errorf("judging record %d: the one before it was %d, so records are missing or out of order", r.Seq, l.Position)
	}
	var v Verdict
	change, err := l.decide(r, leaf, c, s, &v)
	if err != nil {
		return v, fmt.Errorf("judging record %d: %w", r.Seq, err)
	}
	if l.Timeline.Moves(r, c.Event.Type, v.Outcome) {
		if v.Recorded, err = l.advance(r, c.Event.Type, v.Outcome, s); err != nil {
			return v, fmt.Errorf("judging record %d: %w", r.Seq, err)
		}
	}
	switch v.Outcome {
	case record.Applied:
		l.Applied++
		if change != nil {
			err = change()
		}
	case record.Unchanged:
		l.Applied++
	case record.Duplicate:
		l.Duplicates++
	case record.Rejected:
		l.Rejected++
		err = s.Reject(Rejected{
			Seq: r.Seq, Recorded: v.Recorded, Subject: r.Subject, ID: c.Event.ID,
			Code: v.Rejection.Code, Field: v.Rejection.Field, Reason: v.Rejection.Reason,
		})
	}
	if err != nil {
		return v, fmt.Errorf("judging record %d: %w", r.Seq, err)
	}
	l.Position, l.Leaf = r.Seq, leaf
	return v, nil
}

// decide goes through the order of judgement, and returns what an applied
// record changes; the week under which that is put is not yet known.
func (l *Processor) decide(r *record.Record, leaf [32]byte, c *events.Checked, s State, v *Verdict) (change func() error, err error) {
	reject := func(why *events.Rejection) (func() error, error) {
		v.Outcome, v.Rejection = record.Rejected, why
		return nil, nil
	}
	if c.Envelope != nil {
		return reject(c.Envelope)
	}
	seen, err := s.Seen(c.Event.Source, c.Event.ID)
	if err != nil {
		return nil, err
	}
	if seen {
		v.Outcome = record.Duplicate
		return nil, nil
	}
	recorded, why := l.Timeline.Recorded(r)
	if why == nil {
		why = c.Content
	}
	if why != nil {
		return reject(why)
	}
	at := fold.At{Seq: r.Seq, Recorded: recorded}
	if _, ok := c.Event.Data.(events.OfCase); ok {
		at.Seed = r.Seed(leaf)
	}
	changed, change, why, err := l.domain(c.Event.Data, at, s)
	if err != nil {
		return nil, err
	}
	if why != nil {
		return reject(why)
	}
	v.Outcome = record.Unchanged
	if changed {
		v.Outcome = record.Applied
	}
	return change, nil
}

// domain applies the rules of the event's domain.
func (l *Processor) domain(data events.Data, at fold.At, s State) (changed bool, change func() error, why *events.Rejection, err error) {
	if d, ok := data.(events.OfCase); ok {
		return l.changeCase(d.Case(), data, at, s)
	}
	switch d := data.(type) {
	case *events.AgentCertified:
		return l.changeAgent(d.AgentID, data, s)
	case *events.AgentMoved:
		return l.changeAgent(d.AgentID, data, s)
	case *events.AgentDecertified:
		return l.changeAgent(d.AgentID, data, s)
	case *events.AgencyRegistered:
		agency, _, err := s.Agency(d.AgencyID)
		next, changed := fold.NextAgency(agency, d)
		return changed, func() error { return s.PutAgency(d.AgencyID, next) }, nil, err
	case *events.StaffAssigned:
		return changeStaff(&d.Staff, data, s)
	case *events.StaffRemoved:
		return changeStaff(&d.Staff, data, s)
	}
	return l.changeLedger(data, at, s)
}

func (l *Processor) changeCase(id string, data events.Data, at fold.At, s State) (bool, func() error, *events.Rejection, error) {
	before, err := s.Case(id)
	if err != nil {
		return false, nil, nil, err
	}
	after, changed, why := fold.NextCase(*before, data, at)
	if why != nil || !changed {
		return false, nil, why, nil
	}
	return true, func() error {
		for _, agent := range fold.Agents(data) {
			if err := l.nameAgent(agent, s); err != nil {
				return err
			}
		}
		if before.Changed.Seq == 0 {
			l.Cases++
		}
		if book.Delegated(before) {
			l.Tally.Remove(book.ExtentOf(before))
		}
		if book.Delegated(&after) {
			l.Tally.Add(book.ExtentOf(&after))
		}
		return s.PutCase(id, before, &after)
	}, nil, nil
}

// nameAgent makes an agent known that a delegation names.
func (l *Processor) nameAgent(id string, s State) error {
	_, known, err := s.Agent(id)
	if err != nil || known {
		return err
	}
	l.Agents++
	return s.PutAgent(id, fold.Agent{})
}

func (l *Processor) changeAgent(id string, data events.Data, s State) (bool, func() error, *events.Rejection, error) {
	agent, known, err := s.Agent(id)
	if err != nil {
		return false, nil, nil, err
	}
	next, changed, why := fold.NextAgent(agent, data)
	if why != nil || !changed {
		return false, nil, why, nil
	}
	return true, func() error {
		if !known {
			l.Agents++
		}
		return s.PutAgent(id, next)
	}, nil, nil
}

func changeStaff(d *events.Staff, data events.Data, s State) (bool, func() error, *events.Rejection, error) {
	staff, err := s.Staff(d.AgencyID, d.PersonID)
	if err != nil {
		return false, nil, nil, err
	}
	next, changed := fold.NextStaff(staff, data)
	return changed, func() error { return s.PutStaff(d.AgencyID, d.PersonID, next) }, nil, nil
}

// changeLedger applies the ledger's own events.
func (l *Processor) changeLedger(data events.Data, at fold.At, s State) (bool, func() error, *events.Rejection, error) {
	switch d := data.(type) {
	case *events.Genesis:
		if at.Seq != 1 {
			return false, nil, &events.Rejection{Code: events.Schema, Field: "data", Reason: "a ledger has one genesis, its first record"}, nil
		}
		if d.Rules != fold.RulesNumber {
			return false, nil, nil, fmt.Errorf("the ledger was begun under rules %d, this release holds rules %d: use a newer release", d.Rules, fold.RulesNumber)
		}
		l.LedgerID, l.Genesis, l.SealKey = d.LedgerID, &d.Calendar, d.SealKey
		return true, nil, nil, l.Resume()
	case *events.Rules:
		if d.Rules != fold.RulesNumber {
			return false, nil, nil, fmt.Errorf("the ledger goes on under rules %d, this release holds rules %d: use a newer release", d.Rules, fold.RulesNumber)
		}
		return false, nil, nil, nil
	case *events.Sealed:
		sealed, err := s.Sealed(d.Friday) // the first stands
		return !sealed, func() error { return s.Seal(checkpoint.Seal{Seq: at.Seq, Sealed: *d}) }, nil, err
	case *events.SealSigned:
		return true, func() error { return s.Sign(checkpoint.Signature{Seq: at.Seq, SealSigned: *d}) }, nil, nil
	case *events.SealKeyChanged:
		return true, func() error {
			l.KeyChanges = append(l.KeyChanges, checkpoint.KeyChange{Seq: at.Seq, Note: d.Note})
			return nil
		}, nil, nil
	case *events.HistoryClosed:
		return !l.Timeline.Closed, nil, nil, nil
	}
	if e, ok := exported(data, at); ok {
		return true, func() error { return s.Export(e) }, nil, nil
	}
	return true, nil, nil, nil // a clock is a fact of its own, as exports are
}

// exported returns the step of an export that an event records, if it does.
func exported(data events.Data, at fold.At) (Exported, bool) {
	switch d := data.(type) {
	case *events.ExportRequested:
		return Exported{at.Seq, at.Recorded, "requested", d.Export}, true
	case *events.ExportDeclined:
		return Exported{at.Seq, at.Recorded, "declined", d.Export}, true
	case *events.ExportDenied:
		return Exported{at.Seq, at.Recorded, "denied", d.Export}, true
	case *events.ExportMade:
		return Exported{at.Seq, at.Recorded, "made", d.Export}, true
	}
	return Exported{}, false
}

// advance moves recorded time on to r, passing every Friday whose cutoff lies
// before it.
func (l *Processor) advance(r *record.Record, eventType string, o record.Outcome, s State) (time.Time, error) {
	boundary, next := l.Timeline.Boundary, l.Timeline
	next.Advance(r, eventType, o)
	now := next.Last
	if !l.until.IsZero() && now.After(l.until) {
		return now, ErrStopped
	}
	if l.Week == 0 {
		l.Week = l.calendar.FridayOf(now)
		l.cutoff = l.calendar.Cutoff(l.Week)
		if err := s.Pass(checkpoint.Checkpoint{}, l.Week); err != nil {
			return now, err
		}
	}
	for l.cutoff.Before(now) {
		f := book.Week{Friday: l.Week, Cutoff: l.cutoff, Boundary: boundary}
		l.Week = l.calendar.Next(l.Week)
		l.cutoff = l.calendar.Cutoff(l.Week)
		if err := s.Pass(l.Tally.Checkpoint(f), l.Week); err != nil {
			return now, err
		}
	}
	l.Timeline = next // only now: a replay that ends with a Friday reads it as of its boundary
	return now, nil
}

// Status is where a ledger stands, as commands and the interface show it.
type Status struct {
	Position   uint64      `json:"position"`
	Applied    uint64      `json:"applied"` // accepted, whether they changed anything or not
	Duplicates uint64      `json:"duplicates"`
	Rejected   uint64      `json:"rejected"`
	Cases      uint64      `json:"cases"`
	Agents     uint64      `json:"agents"`
	OpenFriday events.Date `json:"open_friday"`
	StateHash  string      `json:"state_hash"`
}

// Status returns where the ledger stands; the state hash is the caller's.
func (l *Processor) Status(stateHash string) Status {
	return Status{
		Position: l.Position, Applied: l.Applied, Duplicates: l.Duplicates, Rejected: l.Rejected,
		Cases: l.Cases, Agents: l.Agents, OpenFriday: l.Week, StateHash: stateHash,
	}
}
