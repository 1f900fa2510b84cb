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
	history    *history
	step       *step
	next       int       // the step that is judged next
	delegation fold.Case // who holds the case and whether it is closed, refolded
	replacedBy uint64    // the record from which on the step makes no difference

	// What differs from the case as it is.
	delegationDiffers bool // held
	sectionDiffers    bool // the section that the step wrote
	orderDiffers      bool // only the enrollment's place among the others

	rewritten map[section]bool // the enrollments written since, where the step's was known before
}

// without returns the case without step i, as of that step.
func (h *history) without(i int) *counterfactual {
	s := &h.steps[i]
	c := &counterfactual{history: h, step: s, next: i + 1, delegation: delegationPart(&s.before)}
	c.delegationDiffers = !sameDelegation(&s.before, &s.after)
	if c.sectionDiffers = s.section.kind != delegationSection; !c.sectionDiffers {
		return c
	}
	if c.delegationDiffers { // the step may have reopened the case, and repeated the rest
		open := s.before
		open.Closed = false
		_, c.sectionDiffers, _ = fold.NextCase(open, s.entry.Event.Data, s.at)
	}
	if i := enrollmentIndex(s.before.Enrollments, s.section.id); s.section.kind == enrollmentSection && i >= 0 {
		c.rewritten = map[section]bool{}
		alone := fold.Case{Enrollments: s.before.Enrollments[i : i+1]}
		_, changed, _ := fold.NextCase(alone, s.entry.Event.Data, s.at)
		c.orderDiffers = !changed
	}
	return c
}

// delegationPart returns a case of which only the delegation is known, and whether it
// is closed.
func delegationPart(c *fold.Case) fold.Case {
	return fold.Case{AgentID: c.AgentID, Inactive: c.Inactive, Since: c.Since, Pending: c.Pending, Closed: c.Closed}
}

func sameDelegation(a, b *fold.Case) bool {
	return !startsOrEndsDelegation(a, b) && a.Inactive == b.Inactive && a.Closed == b.Closed && slices.Equal(a.Pending, b.Pending)
}

// refold goes on to a boundary and reports whether the step still makes a
// difference there.
func (c *counterfactual) refold(boundary uint64) bool {
	for c.differs() && c.next < len(c.history.steps) && c.history.steps[c.next].entry.Seq <= boundary {
		s := &c.history.steps[c.next]
		c.next++
		c.apply(s)
		c.replacedBy = s.entry.Seq
	}
	return c.differs()
}

func (c *counterfactual) differs() bool { return c.delegationDiffers || c.sectionDiffers }

// apply judges the next step anew, as far as it can still matter.
func (c *counterfactual) apply(s *step) {
	if c.delegationDiffers {
		if s.section.kind == delegationSection || c.delegation.Closed { // a section can only reopen the case
			next, _, _ := fold.NextCase(c.delegation, s.entry.Event.Data, s.at) // a refusal leaves it as it is
			c.delegation = delegationPart(&next)
		}
		c.delegationDiffers = !sameDelegation(&c.delegation, &s.after)
	}
	if c.rewritten != nil {
		c.rewritten[s.section] = true
	}
	switch {
	case !c.sectionDiffers:
	case s.section == c.step.section:
		c.sectionDiffers = false
	case c.orderDiffers && s.section.kind == enrollmentSection:
		before := c.step.before.Enrollments
		behind := before[enrollmentIndex(before, c.step.section.id)+1:]
		c.sectionDiffers = slices.ContainsFunc(behind, func(e events.EnrollmentRecorded) bool { return !c.rewritten[enrollment(e.EnrollmentID)] })
	}
}

// actual returns the case as it is, as of the last step that was judged.
func (c *counterfactual) actual() *fold.Case { return c.history.after(c.next) }

// state returns the case as it would be.
func (c *counterfactual) state() *fold.Case {
	state := *c.actual()
	if c.delegationDiffers {
		state.AgentID, state.Inactive, state.Since, state.Pending, state.Closed = c.delegation.AgentID, c.delegation.Inactive, c.delegation.Since, c.delegation.Pending, c.delegation.Closed
	}
	if c.sectionDiffers {
		state = c.step.section.copyInto(&state, &c.step.before, func(s section) bool { return c.rewritten[s] })
	}
	return &state
}
