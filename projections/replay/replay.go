package replay

import (
	"iter"
	"slices"
	"time"

	"bookledger/events"
	"bookledger/events/record"
	"bookledger/events/record/merkle"
	"bookledger/projections/book"
	"bookledger/projections/checkpoint"
	"bookledger/projections/fold"
	"bookledger/projections/internal/admission"
	"bookledger/projections/provenance"
)

// Replay is a ledger that is being derived from records.
type Replay struct {
	admission.Progress
	merkle.Tree
	processor *admission.Processor
	state     *state
	tree      *merkle.Memory
	decoder   record.Decoder
	until     time.Time // see StopAt
	ended     bool
}

// New returns a replay before its first record.
func New() *Replay {
	p, tree := admission.New(), merkle.NewMemory()
	return &Replay{Progress: admission.ProgressOf(p), Tree: tree.Tree, processor: p, state: newState(), tree: tree}
}

// StopAt makes the replay end with the last record that was recorded at or
// before t. It is called before the first record.
func (r *Replay) StopAt(t time.Time) { r.until = t }

// Ended reports whether the replay has come to the end that was set, or was left
// at a cutoff.
func (r *Replay) Ended() bool { return r.ended }

// Step is a step of a replay. First come the cutoffs that a record passes, each
// while the state is as of it, and then the record, once the state is as it has
// left it.
type Step struct {
	Checkpoint *checkpoint.Checkpoint // nil where the step is a record
	Record     *record.Decoded
	Result     // what became of the record
}

// IsCutoff reports whether the step is the cutoff of Friday f.
func (s *Step) IsCutoff(f events.Date) bool { return s.Checkpoint != nil && s.Checkpoint.Friday == f }

// CaseID is the case that the step's record is about; "" where there is none.
func (s *Step) CaseID() string {
	if s.Record == nil {
		return ""
	}
	return s.Record.CaseID
}

// Entry is the step's record as provenance takes it.
func (s *Step) Entry() provenance.Entry {
	e := provenance.Entry{Seq: s.Record.Seq, Event: s.Record.Event, Outcome: s.Outcome, Rejection: s.Rejection}
	if !s.Recorded.IsZero() {
		e.Recorded = s.Recorded.UTC()
	}
	return e
}

// Steps replays the records that follow, until the end that was set. The error
// is ErrBroken for a record that cannot follow. A replay that is left at a cutoff
// stands as of it, and ends there.
func (r *Replay) Steps(records ...record.Record) iter.Seq2[Step, error] {
	return func(yield func(Step, error) bool) {
		for i := range records {
			d := r.decoder.Decode(records[i])
			if more, err := r.judge(&d, yield); err != nil {
				yield(Step{}, err)
				return
			} else if !more {
				return
			}
		}
	}
}

// RunAll takes all steps, up to the first error.
func RunAll(steps iter.Seq2[Step, error]) error {
	for _, err := range steps {
		if err != nil {
			return err
		}
	}
	return nil
}

// judge yields the steps of a record, and reports whether to go on.
func (r *Replay) judge(d *record.Decoded, yield func(Step, error) bool) (more bool, err error) {
	if r.ended {
		return false, nil
	}
	decision, err := r.processor.Decide(d, r.state)
	if err != nil { // the state is in memory and never fails
		return false, marked{err, ErrInvalidDump}
	}
	if !r.until.IsZero() && decision.Recorded.After(r.until) {
		r.ended = true
		return false, nil
	}
	for i := range decision.Passed {
		r.state.fridays = append(r.state.fridays, decision.Passed[i])
		if !yield(Step{Checkpoint: &decision.Passed[i]}, nil) {
			r.ended = true
			return false, nil
		}
	}
	if err := r.processor.Apply(&decision, r.state); err != nil { // the calendar of genesis is not in this release
		return false, marked{err, ErrInvalidDump}
	}
	r.tree.Append(d.Leaf)
	return yield(Step{Record: d, Result: decision.Result}, nil), nil
}

// State is the state as the records so far have left it.
func (r *Replay) State() interface {
	book.State
	book.FullState
	Staff(agency, person string) (fold.Staff, error)
} {
	return r.state
}

// Checkpoints returns the checkpoints so far.
func (r *Replay) Checkpoints() ([]checkpoint.Checkpoint, error) {
	all := slices.Clone(r.state.fridays)
	for i := range all {
		_, all[i].Sealed = r.state.seals[all[i].Friday]
	}
	return all, nil
}

// Checkpoint returns the checkpoint of a Friday, 0 being the latest that a record
// has passed; checkpoint.ErrNone says why there is none.
func (r *Replay) Checkpoint(f events.Date) (checkpoint.Checkpoint, error) {
	for _, c := range slices.Backward(r.state.fridays) {
		if c.Friday == f || f == 0 {
			_, c.Sealed = r.state.seals[c.Friday]
			return c, nil
		}
	}
	return checkpoint.Checkpoint{}, checkpoint.ExplainMissing(r.Calendar(), f, r.OpenFriday())
}

// Seal returns the seal of a Friday, the signatures that name it, unchecked, and
// whether there is one.
func (r *Replay) Seal(f events.Date) (seal checkpoint.Seal, signatures []checkpoint.Signature, sealed bool, err error) {
	seal, sealed = r.state.seals[f]
	for _, s := range r.state.signed {
		if s.Friday == f {
			signatures = append(signatures, s)
		}
	}
	return seal, signatures, sealed, nil
}

// Rejected returns the rejections so far.
func (r *Replay) Rejected() []admission.RejectedEvent { return r.state.rejected }

// EachRejected calls yield with every rejected record, in order.
func (r *Replay) EachRejected(yield func(admission.RejectedEvent) error) error {
	for _, one := range r.state.rejected {
		if err := yield(one); err != nil {
			return err
		}
	}
	return nil
}

// Exports returns the trail of exports so far, in the order of the record.
func (r *Replay) Exports() []admission.ExportStep { return r.state.exports }

// Status returns where the ledger stands, with the hash of the whole state.
func (r *Replay) Status() (Status, error) { return r.StatusOf(r.state) }
