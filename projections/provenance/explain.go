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

// ExplainedRecord is a record about a case and where it first showed.
type ExplainedRecord struct {
	Entry
	FirstAppearance

	// Before and After are the relation of the case to the requested agent
	// before and after the record: "active", "inactive", "closed", or "" if the
	// agent did not hold the case; with "pending" if the agent had a pending
	// request. They are blank without an agent.
	Before, After string
}

// FirstAppearance is where an applied record first showed.
type FirstAppearance struct {
	Friday   events.Date // of the first book that shows it; 0: no book so far
	Live     bool        // no book, but the live lists or the rows of the coming book show it
	Replaced uint64      // if it never shows: from this record on, nothing would differ without it
}

// Explain returns the records about a case in order. For each applied record it
// returns the first book that the record changed: the first whose cells would
// be different without this one record, if all later records, except unchanged
// ones, were processed again. A record that a later one depended on therefore
// shows with the changes of the later one. A record that took the case out of a
// book shows in the first book without the case, even if another record would
// have done the same.
//
// With an agent, Explain returns only the records that moved the case into or
// out of that agent's lists and books, and the rejected ones that name the
// agent. First appearances are then those in that agent's books and lists.
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

// firstAppearance returns where step i first showed in the owner's books or
// lists.
func (l *Explainer) firstAppearance(h *history, i int, o ownerFilter) FirstAppearance {
	if f, yes := l.tookOutOfBook(h, i, o); yes {
		return FirstAppearance{Friday: f, Live: f == 0}
	}
	without := h.without(i)
	compared := -1 // number of steps applied at the last comparison
	for _, f := range l.Weeks {
		if f.Boundary < h.steps[i].entry.Seq {
			continue
		}
		if !without.refold(f.Boundary) {
			return FirstAppearance{Replaced: without.replacedBy}
		}
		if without.next == compared {
			continue // no new records, and a new year only hides rows
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

// tookOutOfBook reports whether step i took the case out of an owner's book,
// whether or not it then appeared in another agent's book. f is the Friday of
// the first book without the case, or 0 if that week is open.
func (l *Explainer) tookOutOfBook(h *history, i int, o ownerFilter) (f events.Date, yes bool) {
	s := &h.steps[i]
	holder := ownerIs(s.before.AgentID)
	if !o(s.before.AgentID) || !inBook(&s.before, holder) || inBook(&s.after, holder) {
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
	return f, inBook(last, holder) && !inBook(next, holder)
}

func inBook(c *fold.Case, o ownerFilter) bool { return book.InBook(c) && o(c.AgentID) }

// relationTo describes the relation of a case to an agent; see ExplainedRecord.
func relationTo(c *fold.Case, agent string) string {
	text := ""
	switch {
	case c.AgentID != agent:
	case c.Closed:
		text = "closed"
	case c.Inactive:
		text = "inactive"
	default:
		text = "active"
	}
	if c.Closed || !slices.ContainsFunc(c.Pending, func(r fold.Request) bool { return r.AgentID == agent }) {
		return text
	}
	if text == "" {
		return "pending"
	}
	return text + ", pending"
}

// namesAgent reports whether an event about a delegation names the agent.
func namesAgent(data events.Data, agent string) bool {
	if d, ok := data.(interface{ Agent() string }); ok && d.Agent() == agent {
		return true
	}
	return slices.Contains(fold.Agents(data), agent)
}
