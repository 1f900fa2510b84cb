package audit

import (
	"context"
	"errors"

	"bookledger/events"
	"bookledger/projections/book"
	"bookledger/projections/fold"
	"bookledger/projections/provenance"
)

// Comparison compares an owner's books of two Fridays.
type Comparison struct {
	First, Last *book.Book

	// Between returns a case at the boundary of the first book, and the records
	// about it after that, up to the boundary of the last book.
	Between func(ctx context.Context, caseID string) (fold.Case, []provenance.Entry, error)

	calendar  *events.Calendar
	columns   []book.Column
	ownAgents map[string]bool // the agents whose consumers the last book contains
}

// earlierBook returns the earlier book of a comparison. It is empty if the
// owner was not known yet.
func (s *Snapshot) earlierBook(ctx context.Context, o Owner) (*book.Book, error) {
	b, err := s.Book(ctx, o)
	if errors.Is(err, book.ErrUnknownOwner) {
		return &book.Book{Week: s.Week}, nil
	}
	return b, err
}

// newComparison compares the earlier book with the book of the later snapshot.
func newComparison(ctx context.Context, o Owner, first *book.Book, later *Snapshot, between func(context.Context, string) (fold.Case, []provenance.Entry, error)) (*Comparison, error) {
	columns, err := columns()
	if err != nil {
		return nil, err
	}
	last, err := later.Book(ctx, o)
	if err != nil {
		return nil, err
	}
	ids := []string{o.Agent}
	if o.Agent == "" {
		if ids, err = book.AgencyAgents(later, o.Agency); err != nil {
			return nil, err
		}
	}
	owners := map[string]bool{}
	for _, id := range ids {
		owners[id] = true
	}
	return &Comparison{first, last, between, later.Calendar, columns, owners}, nil
}

// Changes returns the rows that differ, ordered by case, year and member.
func (c *Comparison) Changes() []book.Change { return book.Diff(c.First, c.Last, c.columns) }

// Differences returns the changes with the cause of each. Changes of the same
// case must be adjacent.
func (c *Comparison) Differences(ctx context.Context, changes []book.Change) ([]Difference, error) {
	explainer := provenance.Explainer{Calendar: c.calendar, Columns: c.columns}
	all := make([]Difference, 0, len(changes))
	for rest := changes; len(rest) > 0; {
		n := 1
		for n < len(rest) && rest[n].CaseID == rest[0].CaseID {
			n++
		}
		in := provenance.Interval{CaseID: rest[0].CaseID, From: c.First.Week, To: c.Last.Week, InBook: func(agent string) bool { return c.ownAgents[agent] }}
		var err error
		if in.Start, in.Entries, err = c.Between(ctx, in.CaseID); err != nil {
			return nil, err
		}
		causes, err := explainer.Causes(ctx, in, rest[:n])
		if err != nil {
			return nil, err
		}
		for i := range causes {
			all = append(all, newDifference(&rest[i], &causes[i]))
		}
		rest = rest[n:]
	}
	return all, nil
}

// Difference is a row that differs between two books, and the cause.
type Difference struct {
	Change          book.ChangeKind       `json:"change" enum:"added,removed,changed" doc:"Whether the row was added, removed or changed."`
	CaseID          string                `json:"case_id" format:"Identifier" doc:"The row's case."`
	ApplicationYear int                   `json:"application_year,omitzero" doc:"The row's year; absent if the case has none."`
	MemberID        string                `json:"member_id,omitempty" format:"Identifier" doc:"The row's member; absent if the case lists none."`
	Columns         []Cell                `json:"columns" doc:"The cells that differ, in the order of the columns."`
	CausedBy        []uint64              `json:"caused_by" format:"Sequence" doc:"The sequences of the records about the case that caused the change."`
	OtherCause      provenance.OtherCause `json:"other_cause,omitempty" enum:"new_year,agent" doc:"The cause if no record about the case caused the change: the new calendar year, or a change of the agent's name, license or agency."`
}

// Cell is a cell that differs. Old is blank in an added row, New in a removed
// one.
type Cell struct {
	Header string `json:"header" doc:"The column header."`
	Old    string `json:"old" doc:"The value in the earlier book; blank if the row was added."`
	New    string `json:"new" doc:"The value in the later book; blank if the row was removed."`
}

func newDifference(ch *book.Change, cause *provenance.Cause) Difference {
	d := Difference{ch.Kind, ch.CaseID, ch.Year, ch.MemberID, []Cell{}, append([]uint64{}, cause.Seqs...), cause.Other}
	for _, c := range ch.Cells {
		d.Columns = append(d.Columns, Cell{c.Header, c.Old.String(), c.New.String()})
	}
	return d
}
