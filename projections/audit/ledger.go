package audit

import (
	"context"
	"errors"
	"slices"
	"time"

	"bookledger/events"
	"bookledger/projections"
	"bookledger/projections/access"
	"bookledger/projections/book"
	"bookledger/projections/fold"
	"bookledger/projections/provenance"
)

// Owner is the agent or the agency whose books are asked for.
type Owner = access.Owner

// Snapshot is a ledger as of a moment.
type Snapshot struct {
	book.State
	Calendar   *events.Calendar
	AsOf       time.Time
	ListFriday events.Date // the Friday for whose week lists are shown
	Week       book.Week   // of a snapshot of a Friday, whose books can be made
}

// snapshotOfWeek is the snapshot of a Friday, given the state at its boundary.
func snapshotOfWeek(s book.State, calendar *events.Calendar, w book.Week) *Snapshot {
	return &Snapshot{State: s, Calendar: calendar, AsOf: w.Cutoff, ListFriday: w.Friday, Week: w}
}

// Book makes an owner's book of the snapshot's Friday; book.ErrUnknown if nobody
// knows the owner.
func (s *Snapshot) Book(ctx context.Context, o Owner) (*book.Book, error) {
	return book.ForOwner(ctx, s.State, s.Calendar, s.Week, o.Agent, o.Agency)
}

// LiveLedger is a ledger as a view of its projection shows it.
type LiveLedger struct {
	*projections.View
	Journal projections.Journal // that the projection follows
	// MaxRecords is about how many records of a case one may ask; 0 is any number. What
	// an answer costs in memory may grow with their square.
	MaxRecords int
}

// ErrTooManyRecords is returned for a case about which there are more records.
var ErrTooManyRecords = errors.New("there are more records about the case than can be looked at in a request")

// Now is the snapshot of what the view shows.
func (p LiveLedger) Now() *Snapshot {
	return &Snapshot{State: p.Live(), Calendar: p.Calendar(), AsOf: p.Recorded(), ListFriday: p.OpenFriday()}
}

// OfWeek is the snapshot of a Friday that has a checkpoint.
func (p LiveLedger) AtFriday(_ context.Context, w book.Week) (*Snapshot, error) {
	return snapshotOfWeek(p.AsOf(w.Friday), p.Calendar(), w), nil
}

// Account makes the account of a case, without entries where no record is about
// it.
func (p LiveLedger) CaseHistory(ctx context.Context, caseID string) (*CaseHistory, error) {
	entries, err := p.entries(ctx, caseID, 0, p.Position())
	if err != nil {
		return nil, err
	}
	return newCaseHistory(p, caseID, entries)
}

// Compare compares an owner's books of two Fridays. It returns book.ErrUnknown
// if nobody knows the owner as of the later one.
func (p LiveLedger) Compare(ctx context.Context, o Owner, from, to book.Week) (*Comparison, error) {
	before, after := snapshotOfWeek(p.AsOf(from.Friday), p.Calendar(), from), snapshotOfWeek(p.AsOf(to.Friday), p.Calendar(), to)
	first, err := before.earlierBook(ctx, o)
	if err != nil {
		return nil, err
	}
	return newComparison(ctx, o, first, after, func(ctx context.Context, caseID string) (start fold.Case, _ []provenance.Entry, err error) {
		if start, _, err = p.AsOf(from.Friday).Case(caseID); err != nil {
			return start, nil, err
		}
		entries, err := p.entries(ctx, caseID, from.Boundary, to.Boundary)
		return start, entries, err
	})
}

// entries returns the entries about a case that come after one and up to another.
func (p LiveLedger) entries(ctx context.Context, caseID string, after, upTo uint64) ([]provenance.Entry, error) {
	index, err := p.History(caseID)
	if err != nil {
		return nil, err
	}
	index = slices.DeleteFunc(index, func(e projections.CaseIndexEntry) bool { return e.Seq <= after || e.Seq > upTo })
	if p.MaxRecords != 0 && len(index) > p.MaxRecords {
		return nil, ErrTooManyRecords
	}
	return p.CaseRecords(ctx, p.Journal, caseID, index)
}

// Trail is the trail of exports, the newest first, of which nothing is checked.
func (p LiveLedger) Trail() ([]Export, error) {
	trail, err := p.Exports(0, 0)
	return unchecked(trail), err
}
