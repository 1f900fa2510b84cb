package provenance

import (
	"slices"

	"bookledger/events"
	"bookledger/projections/fold"
)

// counterfactual is a case as it would be without one step, with all later
// records judged anew.
//
// No part of a case decides how an event about another part is judged: who holds
// the case and whether it is closed is one part, and each section is one. So only
// the parts that the step wrote are refolded, and the others are taken as they
// came to be. The next record of a section overwrites it whole, and with it the
// difference; a delegation may differ for long.
type counterfactual struct {
	history  *history
	step     *step
	next     int       // the step that is judged next
	held     fold.Case // who holds the case and whether it is closed, refolded
	replaced uint64    // the record from which on the step makes no difference

	// What differs from the case as it is.
	holding bool // held
	section bool // the section that the step wrote
	place   bool // only the enrollment's place among the others

	since map[section]bool // the enrollments written since, where the step's was known before
}

// without returns the case without step i, as of that step.
func (h *history) without(i int) *counterfactual {
	s := &h.steps[i]
	c := &counterfactual{history: h, step: s, next: i + 1, held: holding(&s.before)}
	c.holding = !sameHolding(&s.before, &s.after)
	if c.section = s.section.kind != ofDelegation; !c.section {
		return c
	}
	if c.holding { // the step may have reopened the case, and repeated the rest
		open := s.before
		open.Closed = false
		_, c.section, _ = fold.NextCase(open, s.entry.Event.Data, s.at)
	}
	if i := enrollmentIndex(s.before.Enrollments, s.section.id); s.section.kind == ofEnrollment && i >= 0 {
		c.since = map[section]bool{}
		alone := fold.Case{Enrollments: s.before.Enrollments[i : i+1]}
		_, changed, _ := fold.NextCase(alone, s.entry.Event.Data, s.at)
		c.place = !changed
	}
	return c
}

// holding returns a case of which only the delegation is known, and whether it
// is closed.
func holding(c *fold.Case) fold.Case {
	return fold.Case{AgentID: c.AgentID, Inactive: c.Inactive, Since: c.Since, Pending: c.Pending, Closed: c.Closed}
}

func sameHolding(a, b *fold.Case) bool {
	return !moves(a, b) && a.Inactive == b.Inactive && a.Closed == b.Closed && slices.Equal(a.Pending, b.Pending)
}

// refold goes on to a boundary and reports whether the step still makes a
// difference there.
func (c *counterfactual) refold(boundary uint64) bool {
	for c.differs() && c.next < len(c.history.steps) && c.history.steps[c.next].entry.Seq <= boundary {
		s := &c.history.steps[c.next]
		c.next++
		c.apply(s)
		c.replaced = s.entry.Seq
	}
	return c.differs()
}

func (c *counterfactual) differs() bool { return c.holding || c.section }

// apply judges the next step anew, as far as it can still matter.
func (c *counterfactual) apply(s *step) {
	if c.holding {
		if s.section.kind == ofDelegation || c.held.Closed { // a section can only reopen the case
			next, _, _ := fold.NextCase(c.held, s.entry.Event.Data, s.at) // a refusal leaves it as it is
			c.held = holding(&next)
		}
		c.holding = !sameHolding(&c.held, &s.after)
	}
	if c.since != nil {
		c.since[s.section] = true
	}
	switch {
	case !c.section:
	case s.section == c.step.section:
		c.section = false
	case c.place && s.section.kind == ofEnrollment:
		before := c.step.before.Enrollments
		behind := before[enrollmentIndex(before, c.step.section.id)+1:]
		c.section = slices.ContainsFunc(behind, func(e events.EnrollmentRecorded) bool { return !c.since[enrollmentOf(e.EnrollmentID)] })
	}
}

// actual returns the case as it is, as of the last step that was judged.
func (c *counterfactual) actual() *fold.Case { return c.history.after(c.next) }

// state returns the case as it would be.
func (c *counterfactual) state() *fold.Case {
	state := *c.actual()
	if c.holding {
		state.AgentID, state.Inactive, state.Since, state.Pending, state.Closed = c.held.AgentID, c.held.Inactive, c.held.Since, c.held.Pending, c.held.Closed
	}
	if c.section {
		state = c.step.section.into(&state, &c.step.before, func(s section) bool { return c.since[s] })
	}
	return &state
}
