package provenance

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"bookledger/events"
	"bookledger/events/record"
	"bookledger/projections/fold"
)

// walked is a ghost that goes every step.
type walked struct {
	cases    []fold.Case
	replaced uint64
}

func walk(p *path, i int) *walked {
	s := &p.steps[i]
	before := s.before
	before.Changed = s.after.Changed
	w := &walked{cases: []fold.Case{before}}
	if reverted := revert(s.after, s.entry.Event.Data, &p.start); !equal(&reverted, &s.after) {
		w.cases = append(w.cases, reverted)
	}
	return w
}

func (w *walked) over(s *step) {
	if len(w.cases) == 0 {
		return
	}
	w.replaced = s.entry.Seq
	for i := range w.cases {
		w.cases[i] = s.over(w.cases[i])
	}
	w.cases = slices.DeleteFunc(w.cases, func(c fold.Case) bool { return equal(&c, &s.after) })
}

func equal(a, b *fold.Case) bool {
	return bytes.Equal(fold.AppendCase(nil, a), fold.AppendCase(nil, b))
}

// anyEvent is an event about a few agents, members, years and enrollments, so
// that many write the same.
func anyEvent(r *rand.Rand) events.Data {
	n := func(prefix string, of int) string { return fmt.Sprint(prefix, r.IntN(of)) }
	of := events.Delegation{CaseID: "c", AgentID: n("a", 3)}
	switch r.IntN(14) {
	case 0:
		return &events.HouseholdRecorded{PrimaryContact: events.Contact{FirstName: n("n", 3)}}
	case 1:
		return &events.ApplicationRecorded{ApplicationYear: 2026 + r.IntN(2), CurrentStatus: n("s", 2)}
	case 2, 3:
		return &events.MemberRecorded{Member: events.Member{MemberID: n("m", 3), FirstName: n("n", 2)}}
	case 4:
		return &events.MemberRemoved{Member: events.Member{MemberID: n("m", 3)}}
	case 5:
		return &events.EligibilityDetermined{MemberID: n("m", 3), ApplicationYear: 2026 + r.IntN(2), Program: n("p", 2)}
	case 6, 7, 8:
		return &events.EnrollmentRecorded{EnrollmentID: n("e", 4), MemberIDs: []string{n("m", 2)}, Carrier: n("c", 2), MetalTier: n("t", 2)}
	case 9:
		return &events.CaseClosed{}
	case 10:
		return &events.DelegationCreated{Delegation: of}
	case 11:
		return &events.DelegationRequested{Delegation: of}
	case 12:
		return &events.DelegationTransferred{FromAgentID: n("a", 3), ToAgentID: n("a", 3)}
	}
	return &events.DelegationMarkedInactive{Delegation: of}
}

// TestGhosts holds that a case without a step is at every boundary what it is
// when every step since is gone.
func TestGhosts(t *testing.T) {
	seed := rand.Uint64()
	for run := range 300 {
		r := rand.New(rand.NewPCG(seed, uint64(run)))
		var entries []Entry
		var c, start fold.Case
		at := time.Date(2026, 11, 20, 0, 0, 0, 0, time.UTC)
		begin := r.IntN(10)
		for seq := uint64(1); seq < 60; seq++ {
			data := anyEvent(r)
			next, changed, refusal := fold.NextCase(c, data, fold.At{Seq: seq, Recorded: at})
			if refusal != nil || !changed {
				continue
			}
			c = next
			if int(seq) <= begin {
				start = c
				continue
			}
			entries = append(entries, Entry{Seq: seq, Recorded: at, Event: events.Event{Data: data}, Outcome: record.Applied})
		}
		p, err := newPath("c", start, entries)
		if err != nil {
			t.Fatal(err)
		}
		for i := range p.steps {
			if told := compareGhosts(r, p, i); told != "" {
				t.Fatalf("seed %d, run %d, without step %d: %s", seed, run, i, told)
			}
		}
	}
}

// compareGhosts goes on in strides, and says in what the ghosts differ.
func compareGhosts(r *rand.Rand, p *path, i int) string {
	quick, slow := p.without(i), walk(p, i)
	for next := i; next < len(p.steps); next += 1 + r.IntN(4) {
		boundary := p.steps[next].entry.Seq
		for j := i + 1; j < len(p.steps) && p.steps[j].entry.Seq <= boundary; j++ {
			if p.steps[j].entry.Seq > slow.replaced && j > i {
				slow.over(&p.steps[j])
			}
		}
		there := quick.to(boundary)
		if there != (len(slow.cases) > 0) {
			return fmt.Sprintf("at %d it makes a difference: %t", boundary, there)
		}
		if !there {
			return ""
		}
		if got := quick.cases(); !slices.EqualFunc(got, slow.cases, func(a, b fold.Case) bool { return equal(&a, &b) }) {
			return fmt.Sprintf("at %d it is\n%+v, want\n%+v", boundary, got, slow.cases)
		}
	}
	return ""
}
