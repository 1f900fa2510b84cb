package replay

import (
	"encoding/hex"
	"errors"
	"fmt"
	"slices"
	"time"

	"bookledger/events"
	"bookledger/events/record"
	"bookledger/events/record/merkle"
	"bookledger/events/record/treehead"
	"bookledger/projections/book"
	"bookledger/projections/checkpoint"
	"bookledger/projections/fold"
	"bookledger/projections/internal/admission"
	"bookledger/projections/provenance"
)

// Replay is a ledger that is being derived from records.
type Replay struct {
	processor *admission.Processor
	state     *state
	tree      *merkle.Memory
	decoder   record.Decoder
	judged    func(*record.Decoded, Verdict) error // nil: nobody
	ended     bool
}

// New returns a replay before its first record.
func New() *Replay {
	return &Replay{processor: admission.New(), state: newState(), tree: merkle.NewMemory()}
}

// errEnded ends a replay at a Friday's boundary.
var errEnded = errors.New("the Friday has passed")

// StopAfter makes the replay end at the boundary of Friday f: what is recorded
// after its cutoff is not applied. It is called before the first record.
func (r *Replay) StopAfter(f events.Date) { r.state.end = f }

// StopAt makes the replay end with the last record that was recorded at or
// before t. It is called before the first record.
func (r *Replay) StopAt(t time.Time) { r.processor.StopAt(t) }

// OnCheckpoint has f called with every checkpoint, while the state is as of it.
func (r *Replay) OnCheckpoint(f func(checkpoint.Checkpoint) error) { r.state.passed = f }

// OnJudged has f called with every record that counts, once the state is as it
// has left it, and what became of it.
func (r *Replay) OnJudged(f func(*record.Decoded, Verdict) error) { r.judged = f }

// EntryOf is a record that was judged as provenance takes it.
func EntryOf(d *record.Decoded, v Verdict) provenance.Entry {
	e := provenance.Entry{Seq: d.Seq, Event: d.Event, Outcome: v.Outcome, Rejection: v.Rejection}
	if !v.Recorded.IsZero() {
		e.Recorded = v.Recorded.UTC()
	}
	return e
}

// Apply judges the next record. It returns false when the replay has come to
// the end that was set, and the record does not count any more, and ErrBroken
// for one that cannot follow.
func (r *Replay) Apply(rec *record.Record) (more bool, err error) {
	d := r.decoder.Decode(*rec)
	return r.apply(&d)
}

func (r *Replay) apply(d *record.Decoded) (more bool, err error) {
	if r.ended {
		return false, nil
	}
	v, err := r.processor.Admit(d, r.state)
	switch {
	case errors.Is(err, errEnded), errors.Is(err, admission.ErrStopped):
		r.ended = true
		return false, nil
	case err != nil && r.state.untold == nil: // the state is in memory and never fails
		return false, broken{err}
	case err == nil:
		err = r.tree.Append(d.Leaf)
	}
	if err == nil && r.judged != nil {
		err = r.judged(d, v)
	}
	return err == nil, err
}

// Ended tells whether the end that was set has come.
func (r *Replay) Ended() bool { return r.ended }

// Calendar is the ledger's calendar.
func (r *Replay) Calendar() *events.Calendar { return r.processor.Calendar() }

// OpenFriday is the Friday whose week is open; 0 before all time.
func (r *Replay) OpenFriday() events.Date { return r.processor.Week }

// State is the state as the records so far have left it.
func (r *Replay) State() interface {
	book.State
	book.Whole
	Staff(agency, person string) (fold.Staff, error)
} {
	return r.state
}

// Recorded is the newest recorded time; zero before all time.
func (r *Replay) Recorded() time.Time { return r.processor.Timeline.Last }

// HistoryClosed tells whether the history load is over.
func (r *Replay) HistoryClosed() bool { return r.processor.Timeline.Closed }

// Timeline is the timeline as the records so far have moved it.
func (r *Replay) Timeline() record.Timeline { return r.processor.Timeline }

// Checkpoints returns the checkpoints so far.
func (r *Replay) Checkpoints() []checkpoint.Checkpoint {
	all := slices.Clone(r.state.fridays)
	for i := range all {
		_, all[i].Sealed = r.state.seals[all[i].Friday]
	}
	return all
}

// Checkpoint returns the checkpoint of a Friday; checkpoint.ErrNone says why
// there is none.
func (r *Replay) Checkpoint(f events.Date) (checkpoint.Checkpoint, error) {
	for _, have := range r.Checkpoints() {
		if have.Friday == f {
			return have, nil
		}
	}
	return checkpoint.Checkpoint{}, checkpoint.Missing(r.Calendar(), f, r.processor.Week)
}

// LedgerID is that of the ledger; "" where the record has no genesis.
func (r *Replay) LedgerID() string { return r.processor.LedgerID }

// Keys returns the keys of the seals so far.
func (r *Replay) Keys() (*treehead.Keys, error) { return r.processor.Keys() }

// Seal returns the seal of a Friday, the signatures that name it, unchecked, and
// whether there is one.
func (r *Replay) Seal(f events.Date) (seal checkpoint.Seal, signatures []checkpoint.Signature, sealed bool) {
	seal, sealed = r.state.seals[f]
	for _, s := range r.state.signed {
		if s.Friday == f {
			signatures = append(signatures, s)
		}
	}
	return seal, signatures, sealed
}

// Rejected returns the rejections so far.
func (r *Replay) Rejected() []Rejected { return r.state.rejected }

// Exports returns the trail of exports so far, in the order of the record.
func (r *Replay) Exports() []Exported { return r.state.exports }

// Summary returns where the ledger stands, without the state hash.
func (r *Replay) Summary() Status { return r.processor.Status("") }

// Status returns where the ledger stands, with the hash of the whole state.
func (r *Replay) Status() (Status, error) {
	sum, err := book.StateHash(r.state)
	if err != nil {
		return Status{}, fmt.Errorf("hashing the state: %w", err)
	}
	return r.processor.Status(hex.EncodeToString(sum[:])), nil
}
