package provenance

import (
	"context"
	"slices"

	"bookledger/projections/book"
	"bookledger/projections/fold"
)

// CaseInBook describes a case in the book of one Friday and the records that
// decided it.
type CaseInBook struct {
	book.Week
	AgentID string // the book's agent; "" if nobody held the case
	Rows    []DecidedRow
	Absence Absence  // why there are no rows
	Seqs    []uint64 // the records that keep the case out
}

// DecidedRow is a row with the records that decided it, in order. There is at
// least one.
type DecidedRow struct {
	book.RowKey
	Seqs []uint64
}

// Absence is why an agent's book has no row of a case.
type Absence string

// Reasons for an absence.
const (
	CaseClosed      Absence = "closed"          // the case is closed
	HeldByAnother   Absence = "held_by_another" // another agent holds it
	DelegationEnded Absence = "ended"           // nobody holds it any longer
	RequestPending  Absence = "pending"         // the agent has not accepted the request
	NeverDelegated  Absence = "never_delegated" // nobody has held it
)

// Text returns the reason as a clause that follows a colon.
func (a Absence) Text() string {
	switch a {
	case CaseClosed:
		return "the case is closed"
	case HeldByAnother:
		return "another agent holds the case"
	case DelegationEnded:
		return "the delegation has ended"
	case RequestPending:
		return "the agent has not accepted the request"
	}
	return "the case was never delegated"
}

// InBook describes a case in an agent's book of week f, or, without an agent,
// in the book of the agent who held it at the cutoff. entries are all records
// about the case; those after the boundary are ignored.
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

// absence returns why the agent's book does not show the case at the end, and
// the records that keep it out.
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

// latestSeq returns the sequence of the last applied step for which is returns
// true, if there is one.
func (h *history) latestSeq(is func(*step) bool) []uint64 {
	for i := len(h.steps) - 1; i >= 0; i-- {
		if s := &h.steps[i]; s.applied() && is(s) {
			return []uint64{s.entry.Seq}
		}
	}
	return nil
}
