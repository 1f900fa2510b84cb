package provenance

import (
	"slices"

	"bookledger/events"
	"bookledger/events/record"
	"bookledger/projections/fold"
)

// judged is a record about a case that was judged by the rules of the case. It
// may fare otherwise where one before it is gone: what was refused is accepted.
type judged struct {
	data    events.Data
	at      fold.At
	section section // that it writes
	steps   int     // how many steps there are up to it
}

// isJudged tells whether the rules of the case have judged a record, and may
// judge it anew. What was refused before they were asked, or came again, fares
// as it did, whatever the case is. What changed nothing is left as it was: it
// says again what another had said, and is not to take that one's place.
func isJudged(e *Entry) bool {
	switch e.Outcome {
	case record.Applied:
		return true
	case record.Rejected:
		if e.Rejection == nil || e.Event.Data == nil {
			return false
		}
		switch e.Rejection.Code {
		case events.NoPendingRequest, events.NotDelegated, events.WrongAgent, events.UnknownMember:
			return true
		}
	}
	return false
}

// anew is a case as it would be without one step, had all records since been
// judged anew.
//
// What one event writes no other part of the case is judged by: the delegation
// with its requests, each section, and whether the case is closed go their own
// ways. So only the part that the step wrote is judged anew, and the rest is
// what it came to be. A section is written whole, so that the next record of it
// leaves nothing of the difference; a delegation may go another way for long.
type anew struct {
	path     *path
	of       *step
	next     int       // the judged record that comes next
	own      fold.Case // the delegation, and whether it is closed
	replaced uint64    // the record from which on the step makes no difference any more

	delegation, section, closed bool // what is otherwise
	place                       bool // of the section its place alone

	since map[section]bool // of an enrollment's: the others written since
}

func (p *path) anew(i int) *anew {
	s := &p.steps[i]
	g := &anew{path: p, of: s, next: s.judged + 1, own: delegationOf(&s.before)}
	g.closed = s.before.Closed != s.after.Closed
	g.delegation = !sameDelegation(&s.before, &s.after)
	if g.section = s.section.kind != noSection; g.section && g.closed {
		before := s.section.into(&s.after, &s.before, g.written)
		g.section = !same(&before, &s.after) // it may have reopened the case alone
	}
	if g.section && s.section.kind == ofEnrollment {
		g.since = map[section]bool{}
		own := placeless(&s.after, &s.before, s.section)
		g.place = same(&own, &s.after)
	}
	return g
}

// delegationOf is a case of which only the delegation is known, and whether it
// is closed.
func delegationOf(c *fold.Case) fold.Case {
	return fold.Case{AgentID: c.AgentID, Inactive: c.Inactive, Since: c.Since, Pending: c.Pending, Closed: c.Closed}
}

func sameDelegation(a, b *fold.Case) bool {
	return a.AgentID == b.AgentID && a.Inactive == b.Inactive && a.Since.Equal(b.Since) && slices.Equal(a.Pending, b.Pending)
}

// to goes on to a boundary, and tells whether the step still makes a
// difference there.
func (g *anew) to(boundary uint64) bool {
	for g.differs() && g.next < len(g.path.judged) && g.path.judged[g.next].at.Seq <= boundary {
		j := &g.path.judged[g.next]
		g.next++
		g.judge(j)
		g.replaced = j.at.Seq
	}
	return g.differs()
}

func (g *anew) differs() bool { return g.delegation || g.section || g.closed }

func (g *anew) judge(j *judged) {
	is := g.path.after(j.steps)
	if g.delegation && j.section.kind == noSection || g.closed {
		next, _, _ := fold.NextCase(g.own, j.data, j.at) // one that is refused leaves it as it is
		g.own = delegationOf(&next)
		g.delegation = g.delegation && !sameDelegation(&g.own, is)
		g.closed = g.closed && g.own.Closed != is.Closed
	}
	if g.since != nil {
		g.since[j.section] = true
	}
	switch {
	case !g.section:
	case j.section == g.of.section:
		g.section = false
	case g.place && j.section.kind == ofEnrollment:
		other := g.of.section.into(is, &g.of.before, g.written)
		g.section = !same(&other, is)
	}
}

// written tells whether an enrollment has been written since the step.
func (g *anew) written(s section) bool { return g.since[s] }

// is is the case as it is, as of the last record.
func (g *anew) is() *fold.Case { return g.path.after(g.path.judged[g.next-1].steps) }

// as is what it would be.
func (g *anew) as() *fold.Case {
	c := *g.is()
	if g.delegation {
		c.AgentID, c.Inactive, c.Since, c.Pending = g.own.AgentID, g.own.Inactive, g.own.Since, g.own.Pending
	}
	if g.closed {
		c.Closed = g.own.Closed
	}
	if g.section {
		c = g.of.section.into(&c, &g.of.before, g.written)
	}
	return &c
}
