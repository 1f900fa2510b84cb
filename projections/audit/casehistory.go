package audit

import (
	"context"
	"errors"

	"bookledger/events"
	"bookledger/projections/book"
	"bookledger/projections/checkpoint"
	"bookledger/projections/provenance"
	"bookledger/schemas"
)

// columns returns the columns of exported books.
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

// weekSource is a view or a replay that lists the weeks of its ledger.
type weekSource interface {
	Calendar() *events.Calendar
	OpenFriday() events.Date
	Checkpoints() ([]checkpoint.Checkpoint, error)
}

// CaseHistory contains all records about a case.
type CaseHistory struct {
	CaseID    string
	Entries   []provenance.Entry // in the order of the journal
	explainer provenance.Explainer
}

// newCaseHistory returns the history of a case. entries are all records about
// it.
func newCaseHistory(l weekSource, caseID string, entries []provenance.Entry) (*CaseHistory, error) {
	columns, err := columns()
	if err != nil {
		return nil, err
	}
	fridays, err := l.Checkpoints()
	a := &CaseHistory{caseID, entries, provenance.Explainer{Calendar: l.Calendar(), Columns: columns, Open: l.OpenFriday()}}
	for _, f := range fridays {
		a.explainer.Weeks = append(a.explainer.Weeks, f.Week)
	}
	return a, err
}

// ExplainRequest selects what Explain returns.
type ExplainRequest struct {
	Agent  string      // only what concerns this agent's lists and books; "": everything
	AsOf   bool        // only up to the cutoff of Friday, with the case in the book of that Friday
	Friday events.Date // 0: the latest
}

// Explain explains the case. If the requested Friday has no book, the error
// wraps checkpoint.ErrNoCheckpoint and says why.
func (a *CaseHistory) Explain(ctx context.Context, q ExplainRequest) (*Explanation, error) {
	explained, err := a.explainer.Explain(ctx, a.CaseID, a.Entries, q.Agent)
	if err != nil {
		return nil, err
	}
	x := &Explanation{CaseID: a.CaseID, AgentID: q.Agent, Events: []Event{}}
	var friday book.Week
	if q.AsOf {
		if friday, err = a.week(q.Friday); err != nil {
			return nil, err
		}
		s, err := a.explainer.InBook(ctx, a.CaseID, a.Entries, friday, q.Agent)
		if err != nil {
			return nil, err
		}
		x.InBook = newCaseInBook(a.CaseID, &s)
	}
	for i := range explained {
		if !q.AsOf || explained[i].Seq <= friday.Boundary {
			x.Events = append(x.Events, newEvent(&explained[i], q.Agent != ""))
		}
	}
	return x, nil
}

// week returns the week of Friday f, or the latest week if f is 0.
func (a *CaseHistory) week(f events.Date) (book.Week, error) {
	weeks := a.explainer.Weeks
	for i := len(weeks) - 1; i >= 0; i-- {
		if weeks[i].Friday == f || f == 0 {
			return weeks[i], nil
		}
	}
	var first, latest events.Date
	if len(weeks) > 0 {
		first, latest = weeks[0].Friday, weeks[len(weeks)-1].Friday
	}
	return book.Week{}, checkpoint.ExplainMissing(a.explainer.Calendar, f, first, latest)
}
