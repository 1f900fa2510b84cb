package provenance

import (
	"cmp"
	"context"
	"math"
	"slices"

	"bookledger/events"
	"bookledger/events/record"
	"bookledger/projections/book"
	"bookledger/projections/fold"
)

// ExplainedRecord is a record about a case, and where it first showed.
type ExplainedRecord struct {
	Entry
	FirstAppearance

	// What the case was to the agent before and after it, where one was asked
	// for: "active", "inactive", "closed" or "" where it was not the agent's,
	// with "pending" where a request to the agent was pending.
	Before, After string
}

// FirstAppearance is where an applied record first showed.
type FirstAppearance struct {
	Friday   events.Date // whose book was the first; 0: none so far
	Live     bool        // no book, but the live lists or the rows of the coming book
	Replaced uint64      // it never shows: from this record on all would be the same without it
}

// Explain returns the records about a case in their order and where each that
// was applied first showed: in the book of the first Friday in which other
// cells would stand without this one record, had all later ones but those that
// changed nothing been judged anew. So one that a later one needed to be
// accepted shows with what that one changed. One that took the case out of a book
// shows in the first without it, though another would have done so too.
//
// With an agent it is those alone that put the case into that agent's lists and
// books or took it out, and those that were to and were rejected, and where they
// first showed for that agent.
func (l *Explainer) Explain(ctx context.Context, id string, entries []Entry, agent string) ([]ExplainedRecord, error) {
	h, err := newHistory(id, fold.Case{}, entries)
	if err != nil {
		return nil, err
	}
	o := ownerFilter(allOwners)
	if agent != "" {
		o = ownerIs(agent)
	}
	var all []ExplainedRecord
	at := 0 // the next step
	for i := range entries {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		e := &entries[i]
		x := ExplainedRecord{Entry: *e}
		concerns := agent == "" || e.Outcome == record.Rejected && namesAgent(e.Event.Data, agent)
		if at < len(h.steps) && h.steps[at].entry == e {
			s := &h.steps[at]
			if agent != "" {
				x.Before, x.After = relationTo(&s.before, agent), relationTo(&s.after, agent)
			}
			if concerns = concerns || x.Before != x.After; concerns && s.applied() {
				x.FirstAppearance = l.firstAppearance(h, at, o)
			}
			at++
		}
		if concerns {
			all = append(all, x)
		}
	}
	return all, nil
}

// firstAppearance returns where step i first showed in the owner's books or lists.
func (l *Explainer) firstAppearance(h *history, i int, o ownerFilter) FirstAppearance {
	if f, took := l.tookOutOfBook(h, i, o); took {
		return FirstAppearance{Friday: f, Live: f == 0}
	}
	without := h.without(i)
	compared := -1 // how many records had been judged at the last comparison
	for _, f := range l.Weeks {
		if f.Boundary < h.steps[i].entry.Seq {
			continue
		}
		if !without.refold(f.Boundary) {
			return FirstAppearance{Replaced: without.replacedBy}
		}
		if without.next == compared {
			continue // nothing has come since, and a new year only hides rows
		}
		compared = without.next
		if !l.sameBook(h.id, without.state(), without.actual(), f.Friday, o) {
			return FirstAppearance{Friday: f.Friday}
		}
	}
	if !without.refold(math.MaxUint64) {
		return FirstAppearance{Replaced: without.replacedBy}
	}
	return FirstAppearance{Live: !l.sameLists(h.id, without.state(), without.actual(), o)}
}

// tookOutOfBook reports whether step i took the case out of a book of the owner's in
// which it had stood, whatever came of it elsewhere, and the Friday whose book
// was the first without it; 0 where that week is open.
func (l *Explainer) tookOutOfBook(h *history, i int, o ownerFilter) (f events.Date, took bool) {
	s := &h.steps[i]
	theirs := ownerIs(s.before.AgentID)
	if !o(s.before.AgentID) || !inBook(&s.before, theirs) || inBook(&s.after, theirs) {
		return 0, false
	}
	last, next := &h.start, h.end()
	at, _ := slices.BinarySearchFunc(l.Weeks, s.entry.Seq, func(f book.Week, seq uint64) int { return cmp.Compare(f.Boundary, seq) })
	if at > 0 {
		last = h.at(l.Weeks[at-1].Boundary)
	}
	if at < len(l.Weeks) {
		f, next = l.Weeks[at].Friday, h.at(l.Weeks[at].Boundary)
	}
	return f, inBook(last, theirs) && !inBook(next, theirs)
}

func inBook(c *fold.Case, o ownerFilter) bool { return book.InBook(c) && o(c.AgentID) }

// relationTo is what a case is to an agent, in words.
func relationTo(c *fold.Case, agent string) string {
	held := ""
	switch {
	case c.AgentID != agent:
	case c.Closed:
		held = "closed"
	case c.Inactive:
		held = "inactive"
	default:
		held = "active"
	}
	if c.Closed || !slices.ContainsFunc(c.Pending, func(r fold.Request) bool { return r.AgentID == agent }) {
		return held
	}
	if held == "" {
		return "pending"
	}
	return held + ", pending"
}

// namesAgent tells whether an event of a delegation namesAgent the agent.
func namesAgent(data events.Data, agent string) bool {
	if d, ok := data.(interface{ Agent() string }); ok && d.Agent() == agent {
		return true
	}
	return slices.Contains(fold.Agents(data), agent)
}
