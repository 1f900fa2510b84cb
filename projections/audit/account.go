package audit

import (
	"context"
	"errors"
	"slices"

	"bookledger/events"
	"bookledger/projections"
	"bookledger/projections/book"
	"bookledger/projections/checkpoint"
	"bookledger/projections/provenance"
	"bookledger/schemas"
)

// columns are the columns of the books that are exported.
func columns() ([]book.Column, error) {
	set := schemas.CurrentColumns()
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

// Account is every record about a case.
type Account struct {
	CaseID    string
	Entries   []provenance.Entry // from the first on, in their order
	explainer provenance.Explainer
}

// NewAccount makes the account of a case whose records are entries, in a ledger
// that has come to these Fridays and whose open week is that of open.
func NewAccount(caseID string, entries []provenance.Entry, calendar *events.Calendar, fridays []checkpoint.Checkpoint, open events.Date) (*Account, error) {
	columns, err := columns()
	a := &Account{caseID, entries, provenance.Explainer{Calendar: calendar, Columns: columns, Open: open}}
	for _, f := range fridays {
		a.explainer.Weeks = append(a.explainer.Weeks, f.Week)
	}
	return a, err
}

// Bound is about how many records of a case one may ask at most; 0 is any
// number. What an answer costs in memory may grow with their square.
type Bound int

// ErrTooMany is of a case about which there are more records.
var ErrTooMany = errors.New("there are more records about the case than can be looked at in a request")

// records returns the records about a case that come after one and up to another.
func (b Bound) records(ctx context.Context, v *projections.View, journal projections.Journal, caseID string, after, upTo uint64) ([]provenance.Entry, error) {
	index, err := v.History(caseID)
	if err != nil {
		return nil, err
	}
	index = slices.DeleteFunc(index, func(e projections.CaseIndexEntry) bool { return e.Seq <= after || e.Seq > upTo })
	if b != 0 && len(index) > int(b) {
		return nil, ErrTooMany
	}
	return v.CaseRecords(ctx, journal, caseID, index)
}

// AccountOf makes the account of a case as of a view; journal is the one that
// its projection follows. Where nothing is about the case it has no entries.
func AccountOf(ctx context.Context, v *projections.View, journal projections.Journal, caseID string, most Bound) (*Account, error) {
	entries, err := most.records(ctx, v, journal, caseID, 0, v.Position())
	if err != nil {
		return nil, err
	}
	fridays, err := v.Checkpoints()
	if err != nil {
		return nil, err
	}
	return NewAccount(caseID, entries, v.Calendar(), fridays, v.OpenFriday())
}

// Calendar is that of the ledger.
func (a *Account) Calendar() *events.Calendar { return a.explainer.Calendar }

// Question is what is asked of an account.
type Question struct {
	Agent  string      // "" is any: what concerns this agent's lists and books alone
	AsOf   bool        // as of the cutoff of Friday, and how the case stood there
	Friday events.Date // 0 is the latest
}

// Explain answers. checkpoint.ErrNone says why there is no such Friday.
func (a *Account) Explain(ctx context.Context, q Question) (*Explanation, error) {
	explained, err := a.explainer.Explain(ctx, a.CaseID, a.Entries, q.Agent)
	if err != nil {
		return nil, err
	}
	x := &Explanation{CaseID: a.CaseID, AgentID: q.Agent, Events: []Event{}}
	var friday book.Week
	if q.AsOf {
		if friday, err = a.friday(q.Friday); err != nil {
			return nil, err
		}
		s, err := a.explainer.Standing(ctx, a.CaseID, a.Entries, friday, q.Agent)
		if err != nil {
			return nil, err
		}
		x.Standing = newStanding(a.CaseID, &s)
	}
	for i := range explained {
		if !q.AsOf || explained[i].Seq <= friday.Boundary {
			x.Events = append(x.Events, newEvent(&explained[i], q.Agent != ""))
		}
	}
	return x, nil
}

func (a *Account) friday(f events.Date) (book.Week, error) {
	for i := len(a.explainer.Weeks) - 1; i >= 0; i-- {
		if have := a.explainer.Weeks[i]; have.Friday == f || f == 0 {
			return have, nil
		}
	}
	return book.Week{}, checkpoint.Missing(a.explainer.Calendar, f, a.explainer.Open)
}
