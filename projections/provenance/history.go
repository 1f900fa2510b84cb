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

// history is how a case became what it is: the applied records about it, each
// with the case before and after it, and all that the rules of the case judged.
type history struct {
	id     string
	start  fold.Case
	steps  []step
	judged []judged
	last   map[section]int // the step that wrote each section last
}

// step is an applied record.
type step struct {
	entry         *Entry
	section       section // that it writes
	judged        int     // its index in history.judged
	before, after fold.Case
}

// judged is a record that the rules of the case accepted or refused. Without an
// earlier record the verdict may be another.
type judged struct {
	data    events.Data
	at      fold.At
	section section // that it writes
	steps   int     // how many steps there are up to it
}

// isJudged reports whether a refold judges a record anew. A record that was
// refused before the rules of the case were asked, or that came again, fares the
// same whatever the case is. A record that changed nothing is not judged anew
// either: it repeats another, and must not take that one's place.
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

// newHistory folds the records about a case that come after start. It fails
// where an applied record could not have been applied: then the records are not
// those of the case.
func newHistory(id string, start fold.Case, entries []Entry) (*history, error) {
	h := &history{id: id, start: start, last: map[section]int{}}
	c, last := start, start.Changed.Recorded
	for i := range entries {
		e := &entries[i]
		if !isJudged(e) {
			continue
		}
		j := judged{e.Event.Data, fold.At{Seq: e.Seq, Recorded: e.Recorded}, sectionOf(e.Event.Data), len(h.steps)}
		if j.at.Recorded.IsZero() {
			j.at.Recorded = last // it was refused while history was loaded, and has no time
		}
		last = j.at.Recorded
		if e.Outcome == record.Applied {
			after, changed, refusal := fold.NextCase(c, j.data, j.at)
			if refusal != nil || !changed {
				return nil, fmt.Errorf("folding case %s anew: record %d was applied, and cannot be after those before it", id, e.Seq)
			}
			if j.section.kind != ofDelegation || moves(&c, &after) {
				h.last[j.section] = len(h.steps)
			}
			h.steps = append(h.steps, step{e, j.section, len(h.judged), c, after})
			j.steps++
			c = after
		}
		h.judged = append(h.judged, j)
	}
	return h, nil
}

// moves reports whether another delegation begins, or the last one ends.
func moves(before, after *fold.Case) bool {
	return before.AgentID != after.AgentID || !before.Since.Equal(after.Since)
}

// after returns the case after the first steps.
func (h *history) after(steps int) *fold.Case {
	if steps == 0 {
		return &h.start
	}
	return &h.steps[steps-1].after
}

// at returns the case as of a boundary.
func (h *history) at(boundary uint64) *fold.Case {
	n, _ := slices.BinarySearchFunc(h.steps, boundary+1, func(s step, seq uint64) int { return cmp.Compare(s.entry.Seq, seq) })
	return h.after(n)
}

// end returns the case after the last step.
func (h *history) end() *fold.Case { return h.after(len(h.steps)) }

// unsaid returns the case at the end as if nothing had been said of a section
// since the start.
func (h *history) unsaid(s section) *fold.Case {
	c := s.into(h.end(), &h.start, func(other section) bool {
		_, written := h.last[other]
		return written
	})
	return &c
}
