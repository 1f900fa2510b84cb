package provenance

import (
	"context"

	"bookledger/projections/book"
	"bookledger/projections/fold"
)

// Interval is what happened to a case between the books of two Fridays.
type Interval struct {
	CaseID   string
	Start    fold.Case // at the boundary of From
	Entries  []Entry   // about the case, after that and up to the boundary of To
	From, To book.Week

	// InBook tells whether an agent's consumers stand in the book of To.
	InBook func(agent string) bool
}

// Cause is what made a row differ.
type Cause struct {
	Seqs  []uint64   // of records about the case, in their order
	Other OtherCause // where there are none
}

// OtherCause is what makes a row differ without a record about its case.
type OtherCause string

// The other causes.
const (
	NewYear      OtherCause = "new_year" // the calendar year that decides which years are shown
	AgentChanged OtherCause = "agent"    // the agent's name, license or agency
)

// Causes returns for each change of the case's rows what caused it.
func (l *Explainer) Causes(ctx context.Context, in Interval, changes []book.Change) ([]Cause, error) {
	h, err := newHistory(in.CaseID, in.Start, in.Entries)
	if err != nil {
		return nil, err
	}
	to, o := in.To.Friday, ownerFilter(in.InBook)
	seqs, err := l.decidingSeqs(ctx, h, to, o, changes)
	if err != nil {
		return nil, err
	}
	end := l.rowsByKey(h.id, h.end(), to, o)
	start := l.rowsByKey(h.id, &h.start, to, o)              // had nothing come
	before := l.rowsByKey(h.id, &h.start, in.From.Friday, o) // the same in the calendar year of the earlier book
	causes := make([]Cause, len(changes))
	for i := range changes {
		switch cause, k := &causes[i], changes[i].RowKey; {
		case len(seqs[i]) > 0:
			cause.Seqs = seqs[i]
		case !l.sameRow(start[k], end[k]): // several together, none of them alone
			for j := range h.steps {
				if h.steps[j].applied() {
					cause.Seqs = append(cause.Seqs, h.steps[j].entry.Seq)
				}
			}
		case !l.sameRow(start[k], before[k]):
			cause.Other = NewYear
		default:
			cause.Other = AgentChanged
		}
	}
	return causes, nil
}
