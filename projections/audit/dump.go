package audit

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"slices"
	"time"

	"bookledger/events"
	"bookledger/projections/book"
	"bookledger/projections/fold"
	"bookledger/projections/provenance"
	"bookledger/projections/replay"
)

// Dump is a ledger replayed from a dump in memory. OpenDump replays the whole
// dump once, because the seals that confirm a part of it come after that part.
// A question about the past replays the dump again, as far as needed.
type Dump struct {
	*replay.Replay // of the whole dump
	file           replay.File
	caseID         string // the case whose entries were kept for CaseHistory
	entries        []provenance.Entry
}

// OpenDump replays a dump. It returns replay.ErrUnverified if the dump does not
// verify. If caseID is not blank, the records about that case are kept for
// CaseHistory.
func OpenDump(ctx context.Context, file replay.File, caseID string) (*Dump, error) {
	d := &Dump{Replay: replay.New(), file: file, caseID: caseID}
	for step, err := range file.Steps(ctx, d.Replay) {
		if err != nil {
			return nil, err
		}
		if caseID != "" && step.CaseID() == caseID {
			d.entries = append(d.entries, step.Entry())
		}
	}
	return d, nil
}

// replayUpTo replays the dump again, into r, up to the cutoff of week w.
func (d *Dump) replayUpTo(ctx context.Context, r *replay.Replay, w book.Week) iter.Seq2[replay.Step, error] {
	return func(yield func(replay.Step, error) bool) {
		for step, err := range d.file.Steps(ctx, r) {
			if step.IsCutoff(w.Friday) {
				break
			}
			if !yield(step, err) || err != nil {
				return
			}
		}
		if err := d.verifySame(r); err != nil {
			yield(replay.Step{}, err)
		}
	}
}

// verifySame returns replay.ErrUnverified if the file changed after it was
// verified: the records that were replayed again, up to where the replay ended,
// must be the verified ones.
func (d *Dump) verifySame(again *replay.Replay) error {
	n := again.Position()
	want, err := d.TreeRoot(n)
	got, againErr := again.TreeRoot(n)
	if err != nil || againErr != nil || got != want || !again.Ended() && n != d.Position() {
		return d.file.AsUnverified(errors.New("the file changed while it was read"))
	}
	return nil
}

// Now returns the snapshot at the end of the dump.
func (d *Dump) Now() *Snapshot {
	return &Snapshot{State: d.State(), Calendar: d.Calendar(), AsOf: d.Recorded(), ListFriday: d.OpenFriday()}
}

// AtFriday returns the snapshot of a Friday that has a checkpoint.
func (d *Dump) AtFriday(ctx context.Context, w book.Week) (*Snapshot, error) {
	r := replay.New()
	err := replay.RunAll(d.replayUpTo(ctx, r, w))
	return snapshotOfWeek(r.State(), r.Calendar(), w), err
}

// At returns the snapshot of any moment.
func (d *Dump) At(ctx context.Context, t time.Time) (*Snapshot, error) {
	r := replay.New()
	r.StopAt(t)
	err := replay.RunAll(d.file.Steps(ctx, r))
	if err == nil {
		err = d.verifySame(r)
	}
	return &Snapshot{State: r.State(), Calendar: r.Calendar(), AsOf: t, ListFriday: r.Calendar().FridayOf(t)}, err
}

// CaseHistory returns the history of the case that was named to OpenDump.
func (d *Dump) CaseHistory(_ context.Context, caseID string) (*CaseHistory, error) {
	if caseID != d.caseID {
		return nil, fmt.Errorf("the dump was opened for the records about case %q, not about %q", d.caseID, caseID)
	}
	return newCaseHistory(d, caseID, d.entries)
}

// Compare compares an owner's books of two Fridays. It returns
// book.ErrUnknownOwner if the owner is not known as of the later Friday.
func (d *Dump) Compare(ctx context.Context, o Owner, from, to book.Week) (*Comparison, error) {
	r := replay.New()
	var first *book.Book
	starts, entries := map[string]*fold.Case{}, map[string][]provenance.Entry{} // of each case
	for step, err := range d.replayUpTo(ctx, r, to) {
		switch {
		case err != nil:
		case step.IsCutoff(from.Friday):
			if first, err = snapshotOfWeek(r.State(), r.Calendar(), from).earlierBook(ctx, o); err == nil {
				err = r.State().EachCase(func(id string, c *fold.Case) error {
					starts[id] = c
					return nil
				})
			}
		case first != nil && step.CaseID() != "":
			entries[step.CaseID()] = append(entries[step.CaseID()], step.Entry())
		}
		if err != nil {
			return nil, err
		}
	}
	return newComparison(ctx, o, first, snapshotOfWeek(r.State(), r.Calendar(), to), func(_ context.Context, caseID string) (start fold.Case, _ []provenance.Entry, err error) {
		if c := starts[caseID]; c != nil {
			start = *c
		}
		return start, entries[caseID], nil
	})
}

// Trail returns the export trail, the newest step first. With fridays > 0 it
// checks the trail like CheckExports; otherwise nothing is checked.
func (d *Dump) Trail(ctx context.Context, fridays int) ([]Export, error) {
	trail := slices.Clone(d.Exports())
	slices.Reverse(trail)
	if fridays == 0 {
		return unchecked(trail), nil
	}
	r := replay.New()
	checked, err := CheckExports(r, d.file.Steps(ctx, r), trail, fridays)
	if err == nil {
		err = d.verifySame(r)
	}
	return checked, err
}

// ErrNoCutoff is returned for a moment that is not the cutoff of a past Friday.
var ErrNoCutoff = errors.New("no cutoff at that moment")

// DeriveBook derives an owner's book from a dump: the book of a Friday or, if
// friday is 0, of the Friday with that cutoff. It reads the whole dump, because
// records after the book, or about other owners, can also show that the dump
// contradicts its seals.
//
// DeriveBook returns replay.ErrUnverified if the dump does not verify, and
// otherwise book.ErrUnknownOwner, checkpoint.ErrNoCheckpoint or ErrNoCutoff if
// there is no such book. The seals and signed heads confirm the dump up to
// record sealed, or nothing if sealed is 0.
func DeriveBook(ctx context.Context, file replay.File, o Owner, friday events.Date, cutoff time.Time) (derived *book.Book, sealed uint64, err error) {
	r := replay.New()
	var unknown error // returned only if the dump verifies
	for step, err := range file.Steps(ctx, r) {
		if err != nil {
			return nil, 0, err
		}
		c := step.Checkpoint
		if c == nil || friday != 0 && c.Friday != friday || friday == 0 && !c.Cutoff.Equal(cutoff) {
			continue
		}
		derived, err = snapshotOfWeek(r.State(), r.Calendar(), c.Week).Book(ctx, o)
		if errors.Is(err, book.ErrUnknownOwner) {
			unknown = err
		} else if err != nil {
			return nil, 0, err
		}
	}
	switch {
	case unknown != nil:
		return nil, 0, unknown
	case derived == nil && friday != 0:
		_, err := r.Checkpoint(friday)
		return nil, 0, err
	case derived == nil:
		return nil, 0, fmt.Errorf("the workbook is as of %s, but the journal in %s has %w", cutoff, file.Path, ErrNoCutoff)
	}
	claims, err := r.Claims()
	for _, c := range claims {
		sealed = max(sealed, c.Size)
	}
	return derived, sealed, err
}
