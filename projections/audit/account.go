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

// weeks tells the weeks of a ledger, as views and replays do.
type weeks interface {
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

// newAccount makes the account of a case whose records are entries.
func newAccount(l weeks, caseID string, entries []provenance.Entry) (*CaseHistory, error) {
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
		if friday, err = a.friday(q.Friday); err != nil {
			return nil, err
		}
		s, err := a.explainer.InBook(ctx, a.CaseID, a.Entries, friday, q.Agent)
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

func (a *CaseHistory) friday(f events.Date) (book.Week, error) {
	for i := len(a.explainer.Weeks) - 1; i >= 0; i-- {
		if have := a.explainer.Weeks[i]; have.Friday == f || f == 0 {
			return have, nil
		}
	}
	return book.Week{}, checkpoint.ExplainMissing(a.explainer.Calendar, f, a.explainer.Open)
}
