package provenance

import (
	"context"
	"math"

	"bookledger/projections/book"
	"bookledger/projections/fold"
)

// Interval is what happened to a case between the books of two Fridays.
type Interval struct {
	CaseID   string
	Start    fold.Case // at the boundary of From
	Entries  []Entry   // about the case, after that and up to the boundary of To
	From, To book.Week

	// Owns tells whether an agent's consumers stand in the book of To.
	Owns func(agent string) bool
}

// Cause is what made a row differ.
type Cause struct {
	Seqs  []uint64 // of records about the case, in their order
	Other Other    // where there are none
}

// Other is what makes a row differ without a record about its case.
type Other string

// The other causes.
const (
	NewYear Other = "new_year" // the calendar year that decides which years are shown
	OfAgent Other = "agent"    // the agent's name, license or agency
)

// Causes returns for each change of the case's rows what caused it.
func (l *Explainer) Causes(ctx context.Context, in Interval, changes []book.Change) ([]Cause, error) {
	p, err := newPath(in.CaseID, in.Start, in.Entries)
	if err != nil {
		return nil, err
	}
	to, o := in.To.Friday, owner(in.Owns)
	end := book.Week{Friday: to, Boundary: math.MaxUint64} // the entries are those up to its own
	d := decision{
		path: p, owner: o, others: make([][]map[book.Key]*book.Row, len(p.steps)),
		end:    l.byKey(p.id, p.at(math.MaxUint64), to, o),
		start:  l.byKey(p.id, &p.start, to, o),
		before: l.byKey(p.id, &p.start, in.From.Friday, o),
	}
	for i := range p.steps {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		d.others[i] = l.others(p, i, end, o)
	}
	causes := make([]Cause, len(changes))
	for i := range changes {
		causes[i] = l.cause(&d, &changes[i])
	}
	return causes, nil
}

// decision is what the causes of a case's changes are found in.
type decision struct {
	path   *path
	owner  owner
	others [][]map[book.Key]*book.Row // at the end, without each step

	end    map[book.Key]*book.Row
	start  map[book.Key]*book.Row // had nothing come, in the later book
	before map[book.Key]*book.Row // the same in the calendar year of the earlier one
}

func (l *Explainer) cause(d *decision, ch *book.Change) (cause Cause) {
	end, start := d.end[ch.Key], d.start[ch.Key]
	all := make([]uint64, len(d.path.steps))
	for i := range d.path.steps {
		s := &d.path.steps[i]
		all[i] = s.entry.Seq
		// Of several moves each has put the case in or taken it out.
		moved := ch.Kind != book.Changed && stands(&s.before, d.owner) != stands(&s.after, d.owner)
		if moved || l.anyDiffers(end, ch.Key, d.others[i]) {
			cause.Seqs = append(cause.Seqs, s.entry.Seq)
		}
	}
	switch {
	case len(cause.Seqs) > 0:
		return cause
	case !l.sameRow(start, end):
		return Cause{Seqs: all} // several together, none of them alone
	case !l.sameRow(start, d.before[ch.Key]):
		return Cause{Other: NewYear}
	}
	return Cause{Other: OfAgent}
}

func stands(c *fold.Case, o owner) bool { return book.Delegated(c) && o(c.AgentID) }
