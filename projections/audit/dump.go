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

// Dump is a ledger that is replayed from a dump in memory. The whole is replayed
// once, since the seals by which any part of it is checked stand after that part,
// and again as far as a question about the past needs.
type Dump struct {
	*replay.Replay // of the whole
	file           replay.File
	caseID         string // the one whose records were kept for Account
	entries        []provenance.Entry
}

// OpenDump replays a dump; replay.ErrUnverified if it does not verify. The records
// about the case, if one is named, are kept for Account.
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

// replayUpTo replays the dump again, into r, up to the cutoff of a Friday that has a
// checkpoint.
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

// verifySame returns replay.ErrUnverified where the file was changed meanwhile: what
// was replayed again, up to where it ended or as a whole, must be what was verified.
func (d *Dump) verifySame(again *replay.Replay) error {
	n := again.Position()
	want, err := d.TreeRoot(n)
	got, againErr := again.TreeRoot(n)
	if err != nil || againErr != nil || got != want || !again.Ended() && n != d.Position() {
		return d.file.AsUnverified(errors.New("it was changed while it was read"))
	}
	return nil
}

// Now is the snapshot of the end of the dump.
func (d *Dump) Now() *Snapshot {
	return &Snapshot{State: d.State(), Calendar: d.Calendar(), AsOf: d.Recorded(), ListFriday: d.OpenFriday()}
}

// OfWeek is the snapshot of a Friday that has a checkpoint.
func (d *Dump) AtFriday(ctx context.Context, w book.Week) (*Snapshot, error) {
	r := replay.New()
	err := replay.RunAll(d.replayUpTo(ctx, r, w))
	return snapshotOfWeek(r.State(), r.Calendar(), w), err
}

// At is the snapshot of any moment.
func (d *Dump) At(ctx context.Context, t time.Time) (*Snapshot, error) {
	r := replay.New()
	r.StopAt(t)
	err := replay.RunAll(d.file.Steps(ctx, r))
	if err == nil {
		err = d.verifySame(r)
	}
	return &Snapshot{State: r.State(), Calendar: r.Calendar(), AsOf: t, ListFriday: r.Calendar().FridayOf(t)}, err
}

// Account makes the account of the case that was named to OpenDump.
func (d *Dump) CaseHistory(_ context.Context, caseID string) (*CaseHistory, error) {
	if caseID != d.caseID {
		return nil, fmt.Errorf("the dump was opened for the records about case %q, not about %q", d.caseID, caseID)
	}
	return newCaseHistory(d, caseID, d.entries)
}

// Compare compares an owner's books of two Fridays. It returns book.ErrUnknown
// if nobody knows the owner as of the later one.
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

// Trail is the trail of exports, the newest first, checked as CheckExports does
// where agents may take the books of the last so many fridays; 0: unchecked.
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

// ErrNoCutoff is returned for a moment that is the cutoff of no Friday that has
// passed.
var ErrNoCutoff = errors.New("no cutoff at that moment")

// DeriveBook derives an owner's book from a dump: that of a Friday or, where it is
// 0, of the Friday with the cutoff. All of the dump is read: what comes after the
// book, or is of others, shows too whether the dump is what was sealed. It
// returns replay.ErrUnverified, and then book.ErrUnknown, checkpoint.ErrNone or
// ErrNoCutoff, where there is no such book. Up to the record sealed the dump is
// what was sealed or signed; 0: nothing in it shows that.
func DeriveBook(ctx context.Context, file replay.File, o Owner, friday events.Date, cutoff time.Time) (made *book.Book, sealed uint64, err error) {
	r := replay.New()
	var unknown error // whether the dump verifies comes first
	for step, err := range file.Steps(ctx, r) {
		if err != nil {
			return nil, 0, err
		}
		c := step.Checkpoint
		if c == nil || friday != 0 && c.Friday != friday || friday == 0 && !c.Cutoff.Equal(cutoff) {
			continue
		}
		made, err = snapshotOfWeek(r.State(), r.Calendar(), c.Week).Book(ctx, o)
		if errors.Is(err, book.ErrUnknownOwner) {
			unknown = err
		} else if err != nil {
			return nil, 0, err
		}
	}
	switch {
	case unknown != nil:
		return nil, 0, unknown
	case made == nil && friday != 0:
		_, err := r.Checkpoint(friday)
		return nil, 0, err
	case made == nil:
		return nil, 0, fmt.Errorf("the workbook says that it is as of %s, and the record in %s has %w", cutoff, file.Path, ErrNoCutoff)
	}
	claims, err := r.Claims()
	for _, c := range claims {
		sealed = max(sealed, c.Size)
	}
	return made, sealed, err
}
