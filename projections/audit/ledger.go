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

// Owner is the agent or the agency that a book belongs to.
type Owner = access.Owner

// Snapshot is a ledger at a moment.
type Snapshot struct {
	book.State
	Calendar   *events.Calendar
	AsOf       time.Time
	ListFriday events.Date // lists are shown for the week of this Friday
	Week       book.Week   // set in the snapshot of a Friday, which has books
}

// snapshotOfWeek returns the snapshot of a Friday. s is the state at its
// boundary.
func snapshotOfWeek(s book.State, calendar *events.Calendar, w book.Week) *Snapshot {
	return &Snapshot{State: s, Calendar: calendar, AsOf: w.Cutoff, ListFriday: w.Friday, Week: w}
}

// Book returns an owner's book of the snapshot's week. It returns
// book.ErrUnknownOwner if the owner is not known.
func (s *Snapshot) Book(ctx context.Context, o Owner) (*book.Book, error) {
	return book.ForOwner(ctx, s.State, s.Calendar, s.Week, o.Agent, o.Agency)
}

// LiveLedger is a ledger as seen through a view of its projection.
type LiveLedger struct {
	*projections.View
	Journal projections.Journal // the journal that the projection follows
	// MaxRecords limits the number of records about a case that one request
	// reads; 0: no limit. The memory that a request needs may grow with the
	// square of this number.
	MaxRecords int
}

// ErrTooManyRecords is returned for a case with more than MaxRecords records.
var ErrTooManyRecords = errors.New("the case has too many records to explain in one request")

// Now returns the snapshot that the view shows.
func (p LiveLedger) Now() *Snapshot {
	return &Snapshot{State: p.Live(), Calendar: p.Calendar(), AsOf: p.Recorded(), ListFriday: p.OpenFriday()}
}

// AtFriday returns the snapshot of a Friday that has a checkpoint.
func (p LiveLedger) AtFriday(_ context.Context, w book.Week) (*Snapshot, error) {
	return snapshotOfWeek(p.AsOf(w.Friday), p.Calendar(), w), nil
}

// CaseHistory returns the history of a case. It has no entries if no record is
// about the case.
func (p LiveLedger) CaseHistory(ctx context.Context, caseID string) (*CaseHistory, error) {
	entries, err := p.entries(ctx, caseID, 0, p.Position())
	if err != nil {
		return nil, err
	}
	return newCaseHistory(p, caseID, entries)
}

// Compare compares an owner's books of two Fridays. It returns
// book.ErrUnknownOwner if the owner is not known as of the later Friday.
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

// entries returns the records about a case after one sequence and up to
// another.
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

// Trail returns the export trail, the newest step first, without checks.
func (p LiveLedger) Trail() ([]Export, error) {
	trail, err := p.Exports(0, 0)
	return unchecked(trail), err
}
