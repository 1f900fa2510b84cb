package provenance

import (
	"bytes"
	"fmt"
	"slices"
	"strings"
	"time"

	"bookledger/events"
	"bookledger/events/record"
	"bookledger/projections/fold"
)

// Entry is a record about a case, and what became of it.
type Entry struct {
	Seq       uint64
	Recorded  time.Time    // zero where the record has no recorded time
	Event     events.Event // as far as it could be read
	Outcome   record.Outcome
	Rejection *events.Rejection // of a rejected one
}

// path is how a case became what it is: the applied records about it, each
// with the case before and after it, and all that were judged.
type path struct {
	id     string
	start  fold.Case
	steps  []step
	judged []judged
}

type step struct {
	entry         *Entry
	section       section // that it writes
	judged        int     // which one of the judged it is
	before, after fold.Case
}

// newPath folds the records about a case that come after start. It fails where
// one that was applied cannot be, since then they are not the case's.
func newPath(id string, start fold.Case, entries []Entry) (*path, error) {
	p := &path{id: id, start: start}
	c, last := start, start.Changed.Recorded
	for i := range entries {
		e := &entries[i]
		if !isJudged(e) {
			continue
		}
		j := judged{e.Event.Data, fold.At{Seq: e.Seq, Recorded: e.Recorded}, sectionOf(e.Event.Data), len(p.steps)}
		if j.at.Recorded.IsZero() {
			j.at.Recorded = last // it was refused while history was loaded, and has no time
		}
		last = j.at.Recorded
		if e.Outcome == record.Applied {
			after, changed, refusal := fold.NextCase(c, j.data, j.at)
			if refusal != nil || !changed {
				return nil, fmt.Errorf("folding case %s anew: record %d was applied, and cannot be after those before it", id, e.Seq)
			}
			p.steps = append(p.steps, step{e, j.section, len(p.judged), c, after})
			j.steps++
			c = after
		}
		p.judged = append(p.judged, j)
	}
	return p, nil
}

// after is the case after so many steps.
func (p *path) after(steps int) *fold.Case {
	if steps == 0 {
		return &p.start
	}
	return &p.steps[steps-1].after
}

// at is the case as of a boundary.
func (p *path) at(boundary uint64) *fold.Case {
	c := &p.start
	for i := range p.steps {
		if p.steps[i].entry.Seq > boundary {
			break
		}
		c = &p.steps[i].after
	}
	return c
}

// over returns what the step's event makes of a case that has come another
// way: it writes what it wrote. Who held the case and whose requests were
// pending is what an event may be refused for, so it is judged as it was.
func (s *step) over(c fold.Case) fold.Case {
	as := c
	as.AgentID, as.Since, as.Pending = s.before.AgentID, s.before.Since, s.before.Pending
	next, _, refusal := fold.NextCase(as, s.entry.Event.Data, s.after.Changed)
	if refusal != nil { // a member is removed who is not there
		next = as
	}
	if next.AgentID == as.AgentID && next.Since.Equal(as.Since) {
		next.AgentID, next.Since = c.AgentID, c.Since
	}
	next.Pending = rewritten(c.Pending, as.Pending, next.Pending)
	next.Changed = s.after.Changed
	return next
}

// rewritten does to requests what made after of before. All are in the order
// of agents.
func rewritten(requests, before, after []fold.Request) []fold.Request {
	if slices.Equal(before, after) {
		return requests
	}
	for len(before) > 0 && len(after) > 0 && before[0] == after[0] { // all but a few
		before, after = before[1:], after[1:]
	}
	for n, m := len(before), len(after); n > 0 && m > 0 && before[n-1] == after[m-1]; n, m = n-1, m-1 {
		before, after = before[:n-1], after[:m-1]
	}
	out := slices.Clone(requests)
	for _, r := range before {
		if _, stays := find(after, r); !stays {
			if i, found := find(out, r); found {
				out = slices.Delete(out, i, i+1)
			}
		}
	}
	for _, r := range after {
		if _, was := find(before, r); !was {
			if i, found := find(out, r); !found {
				out = slices.Insert(out, i, r)
			}
		}
	}
	return out
}

func find(requests []fold.Request, r fold.Request) (int, bool) {
	return slices.BinarySearchFunc(requests, r, func(a, b fold.Request) int { return strings.Compare(a.AgentID, b.AgentID) })
}

// revert returns the case with the section that the event has written as it
// was at the start, where it has written one whole.
func revert(c fold.Case, data events.Data, start *fold.Case) fold.Case {
	switch d := data.(type) {
	case *events.HouseholdRecorded:
		c.Household = start.Household
	case *events.ApplicationRecorded:
		c.Applications = reverted(c.Applications, start.Applications, func(a *events.ApplicationRecorded) bool { return a.ApplicationYear == d.ApplicationYear })
	case *events.MemberRecorded:
		c.Members = reverted(c.Members, start.Members, func(m *events.Member) bool { return m.MemberID == d.MemberID })
	case *events.EligibilityDetermined:
		c.Eligibility = reverted(c.Eligibility, start.Eligibility, func(e *events.EligibilityDetermined) bool {
			return e.MemberID == d.MemberID && e.ApplicationYear == d.ApplicationYear
		})
	case *events.EnrollmentRecorded:
		c.Enrollments = reverted(c.Enrollments, start.Enrollments, func(e *events.EnrollmentRecorded) bool { return e.EnrollmentID == d.EnrollmentID })
	}
	return c
}

// reverted puts in the place of the one that is meant what stood for it in
// start, or nothing.
func reverted[T any](list, start []T, meant func(*T) bool) []T {
	var out []T
	for i := range list {
		if !meant(&list[i]) {
			out = append(out, list[i])
			continue
		}
		for j := range start {
			if meant(&start[j]) {
				out = append(out, start[j])
			}
		}
	}
	return out
}

// same tells whether two cases are the same. Most differ in what is compared
// without encoding them.
func same(a, b *fold.Case) bool {
	return a.AgentID == b.AgentID && a.Since.Equal(b.Since) && a.Inactive == b.Inactive && a.Closed == b.Closed && a.Household == b.Household &&
		slices.Equal(a.Pending, b.Pending) && slices.Equal(a.Applications, b.Applications) &&
		slices.Equal(a.Members, b.Members) && slices.Equal(a.Eligibility, b.Eligibility) &&
		slices.EqualFunc(a.Enrollments, b.Enrollments, alike) &&
		bytes.Equal(fold.AppendCase(nil, a), fold.AppendCase(nil, b))
}

// alike tells whether two enrollments are the same in what is most often
// otherwise.
func alike(a, b events.EnrollmentRecorded) bool {
	return a.EnrollmentID == b.EnrollmentID && a.Status == b.Status && a.Carrier == b.Carrier && a.PlanName == b.PlanName && a.NetPremium == b.NetPremium
}
