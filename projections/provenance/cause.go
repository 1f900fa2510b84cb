package provenance

import (
	"context"

	"bookledger/projections/book"
	"bookledger/projections/fold"
)

// Interval is a case between the books of two Fridays.
type Interval struct {
	CaseID   string
	Start    fold.Case // the case at the boundary of From
	Entries  []Entry   // the records about the case after that boundary, up to the boundary of To
	From, To book.Week

	// InBook reports whether the book of To contains an agent's consumers.
	InBook func(agent string) bool
}

// Cause is why a row differs.
type Cause struct {
	Seqs  []uint64   // records about the case that caused the difference, in order
	Other OtherCause // if there are no such records
}

// OtherCause is a cause that is not a record about the row's case.
type OtherCause string

// Other causes of a difference.
const (
	NewYear      OtherCause = "new_year" // the new calendar year changed which years are shown
	AgentChanged OtherCause = "agent"    // the agent's name, license or agency changed
)

// Causes returns the cause of each change of the case's rows.
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
	start := l.rowsByKey(h.id, &h.start, to, o)              // without any record of the interval
	before := l.rowsByKey(h.id, &h.start, in.From.Friday, o) // also in the calendar year of the earlier book
	causes := make([]Cause, len(changes))
	for i := range changes {
		switch cause, k := &causes[i], changes[i].RowKey; {
		case len(seqs[i]) > 0:
			cause.Seqs = seqs[i]
		case !l.sameRow(start[k], end[k]): // no single record made the difference, but several together did
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
