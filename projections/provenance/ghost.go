package provenance

import (
	"slices"

	"bookledger/projections/fold"
)

// ghost is a case as it would be without one step, had those since written what
// they wrote, in two ways: as it was before it, and with the section that it
// wrote as it was at the path's start. The second finds the step too that said
// again what was so already.
type ghost struct {
	path *path
	of   *step
	next int // the step that comes next
	ways []way
}

// way is one of them. Where it differs from the path's own case in one section
// alone, no step but one that writes that section has to do with it: it is left
// as it was, and asked for when it is looked at. So what a case costs does not
// grow with what came between.
type way struct {
	as    fold.Case
	at    int  // the step after which it was so
	apart bool // it differs in the step's section alone
}

func (p *path) without(i int) *ghost {
	s := &p.steps[i]
	before := s.before
	before.Changed = s.after.Changed
	g := &ghost{path: p, of: s, next: i + 1}
	g.ways = append(g.ways, g.way(before))
	if reverted := revert(s.after, s.entry.Event.Data, &p.start); !same(&reverted, &s.after) {
		g.ways = append(g.ways, g.way(reverted))
	}
	return g
}

// way is a way as of the last step.
func (g *ghost) way(c fold.Case) way {
	last := &g.path.steps[g.next-1]
	w := way{as: c, at: g.next - 1, apart: g.of.section.kind != noSection && c.Closed == last.after.Closed}
	if g.of.section.kind == ofEnrollment && w.apart {
		// One that differs in its place alone may come to stand there by a step
		// that writes another.
		own := placeless(&last.after, &c, g.of.section)
		w.apart = !same(&own, &last.after)
	}
	return w
}

// placeless is c with the enrollment as it is in from, in the place where c has
// it.
func placeless(c, from *fold.Case, s section) fold.Case {
	out := *c
	at, other := enrollment(c, s), enrollment(from, s)
	if at < 0 || other < 0 {
		return *from
	}
	out.Enrollments = slices.Clone(c.Enrollments)
	out.Enrollments[at] = from.Enrollments[other]
	return out
}

func enrollment(c *fold.Case, s section) int {
	for i := range c.Enrollments {
		if c.Enrollments[i].EnrollmentID == s.id {
			return i
		}
	}
	return -1
}

// to goes on to a boundary, and tells whether the step still makes a
// difference there.
func (g *ghost) to(boundary uint64) bool {
	for len(g.ways) > 0 && g.next < len(g.path.steps) && g.path.steps[g.next].entry.Seq <= boundary {
		s := &g.path.steps[g.next]
		g.next++
		g.ways = slices.DeleteFunc(g.ways, func(w way) bool { return w.apart && s.section == g.of.section })
		for i := range g.ways {
			if !g.ways[i].apart {
				g.ways[i] = g.way(g.over(s, g.ways[i].as))
			}
		}
		g.ways = slices.DeleteFunc(g.ways, func(w way) bool { return w.at == g.next-1 && same(&w.as, &s.after) })
	}
	return len(g.ways) > 0
}

// over is step.over; without a step of a delegation that is all that differs.
func (g *ghost) over(s *step, c fold.Case) fold.Case {
	if !isDelegation(g.of) || isDelegation(s) {
		return s.over(c)
	}
	next := s.after
	next.AgentID, next.Since, next.Inactive, next.Pending = c.AgentID, c.Since, c.Inactive, c.Pending
	return next
}

// isDelegation tells whether a step has to do with the case's delegation
// alone.
func isDelegation(s *step) bool {
	return s.section.kind == noSection && s.before.Closed == s.after.Closed
}

// cases are the case in each way, as of the last step.
func (g *ghost) cases() []fold.Case {
	all := make([]fold.Case, len(g.ways))
	for i := range g.ways {
		w := &g.ways[i]
		if all[i] = w.as; w.at == g.next-1 {
			continue
		}
		written := map[section]bool{}
		for j := w.at + 1; j < g.next && g.of.section.kind == ofEnrollment; j++ {
			written[g.path.steps[j].section] = true
		}
		all[i] = g.of.section.into(&g.path.steps[g.next-1].after, &w.as, func(s section) bool { return written[s] })
	}
	return all
}
