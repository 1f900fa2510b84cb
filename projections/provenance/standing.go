package provenance

import (
	"context"
	"slices"

	"bookledger/projections/book"
	"bookledger/projections/fold"
)

// CaseInBook is how a case stands in the book of one Friday, and by which
// records.
type CaseInBook struct {
	book.Week
	AgentID string // whose book it is; "" where nobody held the case
	Rows    []DecidedRow
	Absence Absence  // why there are no rows
	Seqs    []uint64 // of the records that keep it out
}

// DecidedRow is a row and the records that decided what stands in it, in their
// order. There is at least one.
type DecidedRow struct {
	book.RowKey
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

// Text returns the reason as it is written after "the case stands in no row:".
func (a Absence) Text() string {
	switch a {
	case CaseClosed:
		return "it is closed"
	case HeldByAnother:
		return "another agent holds it"
	case DelegationEnded:
		return "its delegation has ended"
	case RequestPending:
		return "the agent has not accepted it"
	}
	return "it has been delegated to nobody"
}

// InBook returns how a case stands in an agent's book of a Friday, or with
// no agent in that of whoever held it. entries are the records about the case
// from the first on; those after the boundary count for nothing.
func (l *Explainer) InBook(ctx context.Context, id string, entries []Entry, f book.Week, agent string) (CaseInBook, error) {
	n := len(entries)
	for n > 0 && entries[n-1].Seq > f.Boundary {
		n--
	}
	h, err := newHistory(id, fold.Case{}, entries[:n])
	if err != nil {
		return CaseInBook{}, err
	}
	s := CaseInBook{Week: f, AgentID: agent}
	if agent == "" {
		s.AgentID = h.end().AgentID
	}
	rows := l.rows(id, h.end(), f.Friday, ownerIs(s.AgentID))
	if len(rows) == 0 {
		s.Absence, s.Seqs = h.absence(s.AgentID)
		return s, nil
	}
	shown := make([]book.Change, len(rows))
	for i := range rows {
		shown[i] = book.Change{RowKey: rows[i].Key(), Kind: book.Changed}
	}
	seqs, err := l.decidingSeqs(ctx, h, f.Friday, ownerIs(s.AgentID), shown)
	for i := range seqs {
		s.Rows = append(s.Rows, DecidedRow{shown[i].RowKey, seqs[i]})
	}
	return s, err
}

// absence returns why the case is not in the agent's book at the end, and the
// records that keep it out.
func (h *history) absence(agent string) (Absence, []uint64) {
	c := h.end()
	switch {
	case c.AgentID == agent && agent != "":
		return CaseClosed, h.latestSeq(func(s *step) bool { return s.after.Closed && !s.before.Closed })
	case slices.ContainsFunc(c.Pending, func(r fold.Request) bool { return r.AgentID == agent }):
		return RequestPending, h.latestSeq(func(s *step) bool { return s.after.AgentID != agent && namesAgent(s.entry.Event.Data, agent) })
	}
	moved := func(s *step) bool { return s.before.AgentID != s.after.AgentID }
	seqs := h.latestSeq(func(s *step) bool {
		return moved(s) && s.before.AgentID != "" && (s.before.AgentID == agent || agent == "")
	})
	if c.AgentID == "" {
		if len(seqs) == 0 {
			return NeverDelegated, nil
		}
		return DelegationEnded, seqs
	}
	return HeldByAnother, slices.Compact(append(seqs, h.latestSeq(moved)...))
}

// latestSeq returns the sequence of the last step that is so, if there is one.
func (h *history) latestSeq(is func(*step) bool) []uint64 {
	for i := len(h.steps) - 1; i >= 0; i-- {
		if s := &h.steps[i]; s.applied() && is(s) {
			return []uint64{s.entry.Seq}
		}
	}
	return nil
}
