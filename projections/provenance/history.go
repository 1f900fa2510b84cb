package provenance

import (
	"cmp"
	"fmt"
	"slices"
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

// history is how a case became what it is: the records that the rules of the
// case judged, each with the case before and after it.
type history struct {
	id         string
	start      fold.Case
	steps      []step
	lastWriter map[section]int // the step that wrote each section last
}

// step is a record that was applied or refused. Without an earlier one the
// verdict may be another.
type step struct {
	entry         *Entry
	at            fold.Position
	section       section // that it writes
	before, after fold.Case
}

func (s *step) applied() bool { return s.entry.Outcome == record.Applied }

// isRefolded reports whether a refold judges a record anew. A record that was
// refused before the rules of the case were asked, or that came again, fares the
// same whatever the case is. A record that changed nothing is not judged anew
// either: it repeats another, and must not take that one's place.
func isRefolded(e *Entry) bool {
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

// newHistory folds the records about a case that come after start. It fails
// where an applied record could not have been applied: then the records are not
// those of the case.
func newHistory(id string, start fold.Case, entries []Entry) (*history, error) {
	h := &history{id: id, start: start, steps: make([]step, 0, len(entries)), lastWriter: map[section]int{}}
	c, recorded := start, start.Changed.Recorded
	for i := range entries {
		e := &entries[i]
		if !isRefolded(e) {
			continue
		}
		if !e.Recorded.IsZero() { // else it was refused while history was loaded, and has no time
			recorded = e.Recorded
		}
		s := step{e, fold.Position{Seq: e.Seq, Recorded: recorded}, sectionOf(e.Event.Data), c, c}
		if s.applied() {
			after, changed, refusal := fold.NextCase(c, e.Event.Data, s.at)
			if refusal != nil || !changed {
				return nil, fmt.Errorf("folding case %s anew: record %d was applied, and cannot be after those before it", id, e.Seq)
			}
			if s.section.kind != delegationSection || startsOrEndsDelegation(&c, &after) {
				h.lastWriter[s.section] = len(h.steps)
			}
			s.after, c = after, after
		}
		h.steps = append(h.steps, s)
	}
	return h, nil
}

// startsOrEndsDelegation reports whether another delegation begins, or the last one ends.
func startsOrEndsDelegation(before, after *fold.Case) bool {
	return before.AgentID != after.AgentID || !before.Since.Equal(after.Since)
}

// at returns the case as of a boundary.
func (h *history) at(boundary uint64) *fold.Case {
	n, _ := slices.BinarySearchFunc(h.steps, boundary+1, func(s step, seq uint64) int { return cmp.Compare(s.entry.Seq, seq) })
	return h.after(n)
}

// after returns the case after the first steps.
func (h *history) after(steps int) *fold.Case {
	if steps == 0 {
		return &h.start
	}
	return &h.steps[steps-1].after
}

// end returns the case after the last step.
func (h *history) end() *fold.Case { return h.after(len(h.steps)) }

// withoutSection returns the case at the end as if nothing had been said of a section
// since the start.
func (h *history) withoutSection(s section) *fold.Case {
	c := s.copyInto(h.end(), &h.start, func(other section) bool {
		_, written := h.lastWriter[other]
		return written
	})
	return &c
}
