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

// weekSource tells the weekSource of a ledger, as views and replays do.
type weekSource interface {
	Calendar() *events.Calendar
	OpenFriday() events.Date
	Checkpoints() ([]checkpoint.Checkpoint, error)
}

// CaseHistory is every record about a case.
type CaseHistory struct {
	CaseID    string
	Entries   []provenance.Entry // from the first on, in their order
	explainer provenance.Explainer
}

// newCaseHistory makes the account of a case whose records are entries.
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

// ExplainRequest is what is asked of an account.
type ExplainRequest struct {
	Agent  string      // "" is any: what concerns this agent's lists and books alone
	AsOf   bool        // as of the cutoff of Friday, and how the case stood there
	Friday events.Date // 0 is the latest
}

// Explain answers. checkpoint.ErrNone says why there is no such Friday.
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
