package provenance

import (
	"context"
	"slices"

	"bookledger/projections/book"
	"bookledger/projections/fold"
)

// Standing is how a case stands in the book of one Friday, and by which
// records.
type Standing struct {
	book.Week
	AgentID string // whose book it is; "" where nobody held the case
	Rows    []Decided
	Absence Absence  // why there are no rows
	Seqs    []uint64 // of the records that keep it out
}

// Decided is a row and the records that decided what stands in it, in their
// order. There is at least one.
type Decided struct {
	book.Key
	Seqs []uint64
}

// Absence is why a case stands in an agent's book in no row.
type Absence string

// The reasons.
const (
	CaseClosed      Absence = "closed"          // it is closed
	HeldByAnother   Absence = "held_by_another" // another agent holds it
	DelegationEnded Absence = "ended"           // nobody holds it any more
	RequestPending  Absence = "pending"         // the agent has not accepted
	NeverDelegated  Absence = "never_delegated" // nobody has held it
)

// Standing returns how a case stands in an agent's book of a Friday, or with
// no agent in that of whoever held it. entries are the records about the case
// from the first on; those after the boundary count for nothing.
func (l *Explainer) Standing(ctx context.Context, id string, entries []Entry, f book.Week, agent string) (Standing, error) {
	n := len(entries)
	for n > 0 && entries[n-1].Seq > f.Boundary {
		n--
	}
	p, err := newPath(id, fold.Case{}, entries[:n])
	if err != nil {
		return Standing{}, err
	}
	c := p.at(f.Boundary)
	s := Standing{Week: f, AgentID: agent}
	if agent == "" {
		s.AgentID = c.AgentID
	}
	s.Rows, err = l.decided(ctx, p, f, only(s.AgentID))
	if len(s.Rows) == 0 {
		s.Absence, s.Seqs = p.absence(c, s.AgentID)
	}
	return s, err
}

func (l *Explainer) decided(ctx context.Context, p *path, f book.Week, o owner) ([]Decided, error) {
	rows := l.rows(p.id, p.at(f.Boundary), f.Friday, o)
	if len(rows) == 0 {
		return nil, nil
	}
	out := make([]Decided, len(rows))
	for i := range rows {
		out[i].Key = rows[i].Key()
	}
	for i := range p.steps {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		others := l.others(p, i, f, o)
		for j := range rows {
			if l.anyDiffers(&rows[j], out[j].Key, others) {
				out[j].Seqs = append(out[j].Seqs, p.steps[i].entry.Seq)
			}
		}
	}
	return out, nil
}

// others are the rows that there would be without a step in a Friday's book, in
// each way in which it still makes a difference there.
func (l *Explainer) others(p *path, i int, f book.Week, o owner) (all []map[book.Key]*book.Row) {
	if g := p.without(i); g.to(f.Boundary) {
		for _, c := range g.cases() {
			all = append(all, l.byKey(p.id, &c, f.Friday, o))
		}
	}
	if !isDelegation(&p.steps[i]) {
		return all // nothing but a delegation is needed for another to be accepted with an effect
	}
	if g := p.anew(i); g.to(f.Boundary) {
		all = append(all, l.byKey(p.id, g.as(), f.Friday, o))
	}
	return all
}

func (l *Explainer) anyDiffers(row *book.Row, k book.Key, others []map[book.Key]*book.Row) bool {
	return slices.ContainsFunc(others, func(rows map[book.Key]*book.Row) bool { return !l.sameRow(row, rows[k]) })
}

// absence says why c, the case at the path's end, is not in the agent's book.
func (p *path) absence(c *fold.Case, agent string) (Absence, []uint64) {
	switch {
	case c.AgentID == agent && agent != "":
		return CaseClosed, p.last(func(s *step) bool { return s.after.Closed && !s.before.Closed })
	case slices.ContainsFunc(c.Pending, func(r fold.Request) bool { return r.AgentID == agent }):
		return RequestPending, p.last(func(s *step) bool { return s.after.AgentID != agent && names(s.entry.Event.Data, agent) })
	}
	moved := func(s *step) bool { return s.before.AgentID != s.after.AgentID }
	seqs := p.last(func(s *step) bool {
		return moved(s) && s.before.AgentID != "" && (s.before.AgentID == agent || agent == "")
	})
	if c.AgentID == "" {
		if len(seqs) == 0 {
			return NeverDelegated, nil
		}
		return DelegationEnded, seqs
	}
	return HeldByAnother, slices.Compact(append(seqs, p.last(moved)...))
}

// last returns the sequence of the last step that is so, if there is one.
func (p *path) last(is func(*step) bool) []uint64 {
	for i := len(p.steps) - 1; i >= 0; i-- {
		if is(&p.steps[i]) {
			return []uint64{p.steps[i].entry.Seq}
		}
	}
	return nil
}
