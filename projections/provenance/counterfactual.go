package provenance

import (
	"slices"

	"bookledger/events"
	"bookledger/projections/fold"
)

// counterfactual is a case as it would be without one step, with all later
// records processed again.
//
// Whether an event about one part of a case is accepted does not depend on the
// other parts. The parts are the sections and the delegation, which includes
// whether the case is closed. So only the parts that the step wrote are
// refolded; the others are taken from the actual case. The next record of a
// section overwrites the section and so removes the difference. A difference in
// the delegation may last.
type counterfactual struct {
	history    *history
	step       *step
	next       int       // index of the next step to apply
	delegation fold.Case // the refolded delegation
	replacedBy uint64    // the record with which the difference ended

	// Parts that differ from the actual case.
	delegationDiffers bool
	sectionDiffers    bool // the section that the step wrote
	orderDiffers      bool // sectionDiffers only in the order of the enrollments

	// rewritten has the enrollments written since the step, if the step rewrote an
	// enrollment that existed before.
	rewritten map[section]bool
}

// without returns the case without step i, right after that step.
func (h *history) without(i int) *counterfactual {
	s := &h.steps[i]
	c := &counterfactual{history: h, step: s, next: i + 1, delegation: delegationPart(&s.before)}
	c.delegationDiffers = !sameDelegation(&s.before, &s.after)
	if c.sectionDiffers = s.section.kind != delegationSection; !c.sectionDiffers {
		return c
	}
	if c.delegationDiffers { // the step reopened the case and may have repeated its section
		open := s.before
		open.Closed = false
		_, c.sectionDiffers, _ = fold.NextCase(open, s.entry.Event.Data, s.at)
	}
	if i := enrollmentIndex(s.before.Enrollments, s.section.id); s.section.kind == enrollmentSection && i >= 0 {
		c.rewritten = map[section]bool{}
		single := fold.Case{Enrollments: s.before.Enrollments[i : i+1]}
		_, changed, _ := fold.NextCase(single, s.entry.Event.Data, s.at)
		c.orderDiffers = !changed
	}
	return c
}

// delegationPart returns a case with only the delegation, and whether it is
// closed.
func delegationPart(c *fold.Case) fold.Case {
	return fold.Case{AgentID: c.AgentID, Inactive: c.Inactive, Since: c.Since, Pending: c.Pending, Closed: c.Closed}
}

func sameDelegation(a, b *fold.Case) bool {
	return !startsOrEndsDelegation(a, b) && a.Inactive == b.Inactive && a.Closed == b.Closed && slices.Equal(a.Pending, b.Pending)
}

// refold applies the steps up to a boundary and reports whether the case then
// still differs.
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

// apply applies the next step to the parts that differ.
func (c *counterfactual) apply(s *step) {
	if c.delegationDiffers {
		if s.section.kind == delegationSection || c.delegation.Closed { // a section can only reopen the case
			next, _, _ := fold.NextCase(c.delegation, s.entry.Event.Data, s.at) // if refused, the case is unchanged
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
		after := before[enrollmentIndex(before, c.step.section.id)+1:]
		c.sectionDiffers = slices.ContainsFunc(after, func(e events.EnrollmentRecorded) bool { return !c.rewritten[sectionOfEnrollment(e.EnrollmentID)] })
	}
}

// actual returns the actual case after the last applied step.
func (c *counterfactual) actual() *fold.Case { return c.history.after(c.next) }

// state returns the case as it would be after the last applied step.
func (c *counterfactual) state() *fold.Case {
	state := *c.actual()
	if c.delegationDiffers {
		state.AgentID, state.Inactive, state.Since, state.Pending, state.Closed = c.delegation.AgentID, c.delegation.Inactive, c.delegation.Since, c.delegation.Pending, c.delegation.Closed
	}
	if c.sectionDiffers {
		state = c.step.section.replaceIn(&state, &c.step.before, func(s section) bool { return c.rewritten[s] })
	}
	return &state
}
