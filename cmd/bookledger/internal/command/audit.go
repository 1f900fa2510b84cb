package command

import (
	"context"
	"errors"
	"slices"

	"bookledger/events"
	"bookledger/events/record"
	"bookledger/projections"
	"bookledger/projections/book"
	"bookledger/projections/checkpoint"
	"bookledger/projections/fold"
	"bookledger/projections/provenance"
	"bookledger/projections/replay"
	"bookledger/schemas"
)

// account is every record about a case.
type account struct {
	ledger  provenance.Ledger
	entries []provenance.Entry
}

func newAccount(calendar *events.Calendar, fridays []checkpoint.Friday, open events.Date, entries []provenance.Entry) (*account, error) {
	columns, err := bookColumns()
	a := &account{provenance.Ledger{Calendar: calendar, Columns: columns, Open: open}, entries}
	for _, f := range fridays {
		a.ledger.Fridays = append(a.ledger.Fridays, f.Friday)
	}
	return a, err
}

// bookColumns are the columns of the books that are exported.
func bookColumns() ([]book.Column, error) {
	set, err := schemas.ColumnSet(columnSet)
	if err != nil {
		return nil, err
	}
	columns := make([]book.Column, len(set.Columns))
	for i, c := range set.Columns {
		field, ok := book.FieldByName(c.Field)
		if !ok {
			return nil, errors.New("books have no field " + c.Field)
		}
		columns[i] = book.Column{Header: c.Header, Field: field}
	}
	return columns, nil
}

// ownerOfBook is the agent or the agency whose book it is.
type ownerOfBook struct{ agent, agency string }

// agents tells whose consumers stand in the owner's book of a snapshot.
func (o ownerOfBook) agents(s *snapshot) (owns func(agent string) bool, err error) {
	own := map[string]bool{o.agent: o.agent != ""}
	if o.agency != "" {
		err = s.EachAgent(func(id string, a *fold.Agent) error {
			own[id] = a.AgencyID == o.agency
			return nil
		})
	}
	return func(agent string) bool { return own[agent] }, err
}

// comparison is an owner's books of two Fridays, and what happened between.
type comparison struct {
	calendar *events.Calendar
	from, to *book.Book
	owns     func(agent string) bool
	known    bool // the owner, at one of the two

	// between tells how a case stood at the boundary of from, and returns the
	// records about it after that, up to the boundary of to.
	between func(caseID string) (fold.Case, []provenance.Entry, error)
}

// take makes the owner's book of a snapshot. One whom nobody knew yet had no
// consumers.
func (c *comparison) take(ctx context.Context, o ownerOfBook, s *snapshot) (*book.Book, error) {
	b, err := s.book(ctx, o.agent, o.agency)
	if errors.Is(err, book.ErrUnknown) && !c.known && c.from == nil {
		return &book.Book{Friday: s.friday.Friday}, nil
	}
	c.known = err == nil
	return b, err
}

func (d *dataReading) account(ctx context.Context, caseID string) (*account, error) {
	entries, err := d.view.CaseRecords(ctx, d.ledger.Journal, caseID, 0, d.view.Position())
	if err != nil {
		return nil, err
	}
	fridays, err := d.view.Fridays()
	if err != nil {
		return nil, err
	}
	return newAccount(d.view.Calendar(), fridays, d.view.OpenFriday(), entries)
}

func (d *dataReading) compare(ctx context.Context, o ownerOfBook, from, to events.Date) (*comparison, error) {
	before, err := d.asOf(ctx, from)
	if err != nil {
		return nil, err
	}
	after, err := d.asOf(ctx, to)
	if err != nil {
		return nil, err
	}
	c := &comparison{calendar: d.view.Calendar()}
	if c.from, err = c.take(ctx, o, before); err != nil {
		return nil, err
	}
	if c.to, err = c.take(ctx, o, after); err != nil {
		return nil, err
	}
	state := d.view.AsOf(from)
	c.between = func(caseID string) (fold.Case, []provenance.Entry, error) {
		start, _, err := state.Case(caseID)
		if err != nil {
			return start, nil, err
		}
		entries, err := d.view.CaseRecords(ctx, d.ledger.Journal, caseID, c.from.Boundary, c.to.Boundary)
		return start, entries, err
	}
	c.owns, err = o.agents(after)
	return c, err
}

func (d *dataReading) exports(context.Context) ([]projections.Exported, error) {
	return d.view.Exports(0, 0)
}

func (d *dumpReading) account(ctx context.Context, caseID string) (*account, error) {
	r := replay.New()
	var entries []provenance.Entry
	r.OnJudged(func(rec *record.Record, c *events.Checked, v replay.Verdict) error {
		if events.CaseOf(c, rec.Body) == caseID {
			entries = append(entries, replay.EntryOf(rec, c, v))
		}
		return nil
	})
	if _, err := d.replay(ctx, r); err != nil {
		return nil, err
	}
	return newAccount(r.Calendar(), r.Fridays(), r.OpenFriday(), entries)
}

func (d *dumpReading) compare(ctx context.Context, o ownerOfBook, from, to events.Date) (*comparison, error) {
	to, err := d.friday(ctx, to)
	if err != nil {
		return nil, err
	}
	r := replay.New()
	r.StopAfter(to)
	c := &comparison{}
	starts, entries := map[string]*fold.Case{}, map[string][]provenance.Entry{}
	var failed error // of the books, rather than of the dump
	r.OnFriday(func(f checkpoint.Friday) error {
		s := asOfFriday(r, f)
		switch {
		case f.Friday.Friday == from:
			if c.from, failed = c.take(ctx, o, s); failed == nil {
				failed = r.State().EachCase(func(id string, state *fold.Case) error {
					starts[id] = state
					return nil
				})
			}
		case f.Friday.Friday == to && c.from != nil:
			if c.to, failed = c.take(ctx, o, s); failed == nil {
				c.owns, failed = o.agents(s)
			}
		}
		return failed
	})
	r.OnJudged(func(rec *record.Record, checked *events.Checked, v replay.Verdict) error {
		if c.from != nil && v.Outcome == record.Applied { // of the others nothing comes
			if id := events.CaseOf(checked, rec.Body); id != "" {
				entries[id] = append(entries[id], replay.EntryOf(rec, checked, v))
			}
		}
		return nil
	})
	if _, err := d.replay(ctx, r); err != nil {
		if failed != nil {
			err = failed
		}
		return nil, err
	}
	for _, f := range [...]events.Date{from, to} {
		if _, err := r.Friday(f); err != nil {
			return nil, err
		}
	}
	c.calendar = r.Calendar()
	c.between = func(caseID string) (start fold.Case, _ []provenance.Entry, err error) {
		if state := starts[caseID]; state != nil {
			start = *state
		}
		return start, entries[caseID], nil
	}
	return c, nil
}

func (d *dumpReading) exports(ctx context.Context) ([]projections.Exported, error) {
	r, err := d.whole(ctx)
	if err != nil {
		return nil, err
	}
	all := slices.Clone(r.Exports())
	slices.Reverse(all)
	return all, nil
}
