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

// Entry is a record about a case with its outcome.
type Entry struct {
	Seq       uint64
	Recorded  time.Time    // zero if the record has no recorded time
	Event     events.Event // as much as could be decoded
	Outcome   record.Outcome
	Rejection *events.Rejection // if rejected
}

// history is a case with the records that the rules of the case decided, and
// the case before and after each.
type history struct {
	id         string
	start      fold.Case
	steps      []step
	lastWriter map[section]int // index of the last step that wrote each section
}

// step is a record that was applied, or rejected by the rules of the case.
// Without an earlier record, the outcome may be different.
type step struct {
	entry         *Entry
	at            fold.Position
	section       section // that it writes
	before, after fold.Case
}

func (s *step) applied() bool { return s.entry.Outcome == record.Applied }

// isRefolded reports whether a refold processes a record again. A duplicate,
// and a record that was rejected before the rules of the case were applied,
// have the same outcome whatever the case is. An unchanged record is not
// processed again either: it repeats another record and must not take that
// record's place.
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

// newHistory folds the records about a case that come after start. It returns
// an error if an applied record cannot be applied: then the records are not
// those of the case.
func newHistory(id string, start fold.Case, entries []Entry) (*history, error) {
	h := &history{id: id, start: start, steps: make([]step, 0, len(entries)), lastWriter: map[section]int{}}
	c, recorded := start, start.Changed.Recorded
	for i := range entries {
		e := &entries[i]
		if !isRefolded(e) {
			continue
		}
		if !e.Recorded.IsZero() { // zero if it was rejected during the history load
			recorded = e.Recorded
		}
		s := step{e, fold.Position{Seq: e.Seq, Recorded: recorded}, sectionOf(e.Event.Data), c, c}
		if s.applied() {
			after, changed, refusal := fold.NextCase(c, e.Event.Data, s.at)
			if refusal != nil || !changed {
				return nil, fmt.Errorf("refolding case %s: record %d was applied, but does not follow from the records before it", id, e.Seq)
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

// startsOrEndsDelegation reports whether a delegation begins or ends between
// two states of a case.
func startsOrEndsDelegation(before, after *fold.Case) bool {
	return before.AgentID != after.AgentID || !before.Since.Equal(after.Since)
}

// at returns the case at a boundary.
func (h *history) at(boundary uint64) *fold.Case {
	n, _ := slices.BinarySearchFunc(h.steps, boundary+1, func(s step, seq uint64) int { return cmp.Compare(s.entry.Seq, seq) })
	return h.after(n)
}

// after returns the case after a number of steps.
func (h *history) after(steps int) *fold.Case {
	if steps == 0 {
		return &h.start
	}
	return &h.steps[steps-1].after
}

// end returns the case after the last step.
func (h *history) end() *fold.Case { return h.after(len(h.steps)) }

// withoutSection returns the final case with a section as it was at the start.
func (h *history) withoutSection(s section) *fold.Case {
	c := s.replaceIn(h.end(), &h.start, func(other section) bool {
		_, written := h.lastWriter[other]
		return written
	})
	return &c
}
