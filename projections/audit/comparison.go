package audit

import (
	"context"
	"errors"

	"bookledger/events"
	"bookledger/projections"
	"bookledger/projections/access"
	"bookledger/projections/book"
	"bookledger/projections/fold"
	"bookledger/projections/provenance"
)

// Owner is the agent or the agency whose books are compared.
type Owner = access.Owner

// Comparison is an owner's books of two Fridays, and what happened between
// them. Begin and End must be called before it is asked.
type Comparison struct {
	Owner Owner

	// Between tells how a case stood at the boundary of From, and returns the
	// records about it after that, up to the boundary of To.
	Between func(ctx context.Context, caseID string) (fold.Case, []provenance.Entry, error)

	From, To book.Week

	calendar    *events.Calendar
	columns     []book.Column
	first, last *book.Book
	owns        func(agent string) bool
}

// Begun tells whether Begin has been called.
func (c *Comparison) Begun() bool { return c.first != nil }

// Begin makes the earlier book of the ledger as of its Friday. An owner whom
// nobody knew yet had no consumers.
func (c *Comparison) Begin(ctx context.Context, s book.State, calendar *events.Calendar, f book.Week) (err error) {
	c.calendar, c.From = calendar, f
	if c.columns, err = columns(); err != nil {
		return err
	}
	c.first, err = book.For(ctx, s, c.calendar, f, c.Owner.Agent, c.Owner.Agency)
	if errors.Is(err, book.ErrUnknown) {
		c.first, err = &book.Book{Week: f}, nil
	}
	return err
}

// End makes the later book; book.ErrUnknown if nobody knows its owner.
func (c *Comparison) End(ctx context.Context, s book.State, f book.Week) (err error) {
	c.To = f
	if c.last, err = book.For(ctx, s, c.calendar, f, c.Owner.Agent, c.Owner.Agency); err != nil {
		return err
	}
	own := map[string]bool{c.Owner.Agent: c.Owner.Agent != ""}
	if c.Owner.Agency != "" {
		err = s.EachAgent(func(id string, a *fold.Agent) error {
			own[id] = a.AgencyID == c.Owner.Agency
			return nil
		})
	}
	c.owns = func(agent string) bool { return own[agent] }
	return err
}

// Compare compares an owner's books of two Fridays that a view has come to;
// journal is the one that its projection follows.
func Compare(ctx context.Context, v *projections.View, journal projections.Journal, o Owner, from, to book.Week, most Bound) (*Comparison, error) {
	c := &Comparison{Owner: o}
	before := v.AsOf(from.Friday)
	if err := c.Begin(ctx, before, v.Calendar(), from); err != nil {
		return nil, err
	}
	c.Between = func(ctx context.Context, caseID string) (fold.Case, []provenance.Entry, error) {
		start, _, err := before.Case(caseID)
		if err != nil {
			return start, nil, err
		}
		entries, err := most.records(ctx, v, journal, caseID, from.Boundary, to.Boundary)
		return start, entries, err
	}
	return c, c.End(ctx, v.AsOf(to.Friday), to)
}

// Changes returns the rows that differ, by case, year and member.
func (c *Comparison) Changes() []book.Change { return book.Difference(c.first, c.last, c.columns) }

// Differences returns some changes with what caused each. Those of a case must
// stand together.
func (c *Comparison) Differences(ctx context.Context, changes []book.Change) ([]Difference, error) {
	explainer := provenance.Explainer{Calendar: c.calendar, Columns: c.columns}
	all := make([]Difference, 0, len(changes))
	for rest := changes; len(rest) > 0; {
		n := 1
		for n < len(rest) && rest[n].CaseID == rest[0].CaseID {
			n++
		}
		in := provenance.Interval{CaseID: rest[0].CaseID, From: c.From, To: c.To, Owns: c.owns}
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

// Difference is a row that differs between two books, and what caused it.
type Difference struct {
	Change          book.ChangeKind  `json:"change" enum:"added,removed,changed" doc:"What became of the row."`
	CaseID          string           `json:"case_id" format:"Identifier" doc:"The row's case."`
	ApplicationYear int              `json:"application_year,omitzero" doc:"The row's year; absent where the case has none."`
	MemberID        string           `json:"member_id,omitempty" format:"Identifier" doc:"The row's member; absent where the case lists none."`
	Columns         []Cell           `json:"columns" doc:"The cells that differ, in the order of the book."`
	CausedBy        []uint64         `json:"caused_by" format:"Sequence" doc:"The sequences of the records about the case that caused it."`
	OtherCause      provenance.Other `json:"other_cause,omitempty" enum:"new_year,agent" doc:"Where there are none: the new calendar year, or a change of the agent's name, license or agency."`
}

// Cell is a cell of a row that differs; in a row that is added the old value is
// blank, in one that is removed the new one.
type Cell struct {
	Header string `json:"header" doc:"The column."`
	Old    string `json:"old" doc:"What stood in it; blank in a row that was added."`
	New    string `json:"new" doc:"What stands in it; blank in a row that was removed."`
}

func newDifference(ch *book.Change, cause *provenance.Cause) Difference {
	d := Difference{ch.Kind, ch.CaseID, ch.Year, ch.MemberID, []Cell{}, append([]uint64{}, cause.Seqs...), cause.Other}
	for _, c := range ch.Cells {
		d.Columns = append(d.Columns, Cell{c.Header, c.Old.String(), c.New.String()})
	}
	return d
}
