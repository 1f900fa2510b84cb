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

// Replay is a ledger derived from the records replayed so far.
type Replay struct {
	admission.Progress
	merkle.Tree
	processor *admission.Processor
	state     *state
	tree      *merkle.Memory
	decoder   record.Decoder
	stopAt    time.Time // zero: no limit
	ended     bool
}

// New returns a replay before its first record.
func New() *Replay {
	p, tree := admission.New(), merkle.NewMemory()
	return &Replay{Progress: admission.ProgressOf(p), Tree: tree.Tree, processor: p, state: newState(), tree: tree}
}

// StopAt makes the replay end with the last record that was recorded at or
// before t. It must be called before the first record.
func (r *Replay) StopAt(t time.Time) { r.stopAt = t }

// Ended reports whether the replay has passed the moment set with StopAt, or
// its caller stopped it at a cutoff.
func (r *Replay) Ended() bool { return r.ended }

// Step is a cutoff or a record. Before each record come the cutoffs that it
// passes. At a cutoff, the replay's state is as of that cutoff; at a record, it
// includes that record.
type Step struct {
	Checkpoint *checkpoint.Checkpoint // nil if the step is a record
	Record     *record.Decoded
	Result     // outcome of the record
}

// IsCutoff reports whether the step is the cutoff of Friday f.
func (s *Step) IsCutoff(f events.Date) bool { return s.Checkpoint != nil && s.Checkpoint.Friday == f }

// CaseID returns the case that the step's record is about, or "" if there is
// none.
func (s *Step) CaseID() string {
	if s.Record == nil {
		return ""
	}
	return s.Record.CaseID
}

// Entry returns the step's record as an entry of a case's history.
func (s *Step) Entry() provenance.Entry {
	e := provenance.Entry{Seq: s.Record.Seq, Event: s.Record.Event, Outcome: s.Outcome, Rejection: s.Rejection}
	if !s.Recorded.IsZero() {
		e.Recorded = s.Recorded.UTC()
	}
	return e
}

// Steps replays the next records, up to the moment set with StopAt. The error
// is ErrInvalidDump for a record that cannot follow. If the caller breaks off
// at a cutoff, the state stays as of that cutoff, and the replay has ended.
func (r *Replay) Steps(records ...record.Record) iter.Seq2[Step, error] {
	return func(yield func(Step, error) bool) {
		for i := range records {
			d := r.decoder.Decode(records[i])
			if more, err := r.process(&d, yield); err != nil {
				yield(Step{}, err)
				return
			} else if !more {
				return
			}
		}
	}
}

// RunAll runs all steps and returns the first error.
func RunAll(steps iter.Seq2[Step, error]) error {
	for _, err := range steps {
		if err != nil {
			return err
		}
	}
	return nil
}

// process yields the steps of a record and reports whether to continue.
func (r *Replay) process(d *record.Decoded, yield func(Step, error) bool) (more bool, err error) {
	if r.ended {
		return false, nil
	}
	decision, err := r.processor.Decide(d, r.state)
	if err != nil { // not from the state, which is in memory
		return false, wrappedError{err, ErrInvalidDump}
	}
	if !r.stopAt.IsZero() && decision.Recorded.After(r.stopAt) {
		r.ended = true
		return false, nil
	}
	for i := range decision.Passed {
		r.state.checkpoints = append(r.state.checkpoints, decision.Passed[i])
		if !yield(Step{Checkpoint: &decision.Passed[i]}, nil) {
			r.ended = true
			return false, nil
		}
	}
	if err := r.processor.Apply(&decision, r.state); err != nil { // this release does not support the calendar of genesis
		return false, wrappedError{err, ErrInvalidDump}
	}
	r.tree.Append(d.Leaf)
	return yield(Step{Record: d, Result: decision.Result}, nil), nil
}

// State returns the state after the records replayed so far.
func (r *Replay) State() interface {
	book.State
	book.FullState
	Staff(agency, person string) (fold.Staff, error)
} {
	return r.state
}

// Checkpoints returns the checkpoints so far, the earliest first.
func (r *Replay) Checkpoints() ([]checkpoint.Checkpoint, error) {
	all := slices.Clone(r.state.checkpoints)
	for i := range all {
		_, all[i].Sealed = r.state.seals[all[i].Friday]
	}
	return all, nil
}

// Checkpoint returns the checkpoint of a Friday, or the latest one if f is 0.
// The error explains a missing one and wraps checkpoint.ErrNoCheckpoint.
func (r *Replay) Checkpoint(f events.Date) (checkpoint.Checkpoint, error) {
	for _, c := range slices.Backward(r.state.checkpoints) {
		if c.Friday == f || f == 0 {
			_, c.Sealed = r.state.seals[c.Friday]
			return c, nil
		}
	}
	var first, latest events.Date
	if all := r.state.checkpoints; len(all) > 0 {
		first, latest = all[0].Friday, all[len(all)-1].Friday
	}
	return checkpoint.Checkpoint{}, checkpoint.ExplainMissing(r.Calendar(), f, first, latest)
}

// Seal returns the seal of a Friday, the signatures that name it, which are not
// verified, and whether the Friday is sealed.
func (r *Replay) Seal(f events.Date) (seal checkpoint.Seal, signatures []checkpoint.Signature, sealed bool, err error) {
	seal, sealed = r.state.seals[f]
	for _, s := range r.state.signatures {
		if s.Friday == f {
			signatures = append(signatures, s)
		}
	}
	return seal, signatures, sealed, nil
}

// Rejected returns the rejected events so far.
func (r *Replay) Rejected() []admission.RejectedEvent { return r.state.rejected }

// EachRejected calls yield with every rejected event, in order.
func (r *Replay) EachRejected(yield func(admission.RejectedEvent) error) error {
	for _, one := range r.state.rejected {
		if err := yield(one); err != nil {
			return err
		}
	}
	return nil
}

// Exports returns the export trail so far, in the order of the journal.
func (r *Replay) Exports() []admission.ExportStep { return r.state.exports }

// Status returns the ledger status, including the hash of the whole state.
func (r *Replay) Status() (Status, error) { return r.StatusOf(r.state) }
