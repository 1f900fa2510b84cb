package projections_test

import (
	"time"

	"pgregory.net/rapid"

	"bookledger/events"
	"bookledger/events/record"
	"bookledger/projections/checkpoint"
	"bookledger/projections/replay"
)

// timeChecker computes recorded times and boundaries independently, from their
// specification: the implementations that are compared with each other share code.
type timeChecker struct {
	last     time.Time
	closed   bool
	recorded []time.Time // by sequence, from 1; zero for none
}

// observe checks the recorded time of a processed record.
func (k *timeChecker) observe(t *rapid.T, rec *record.Decoded, v replay.Result) {
	accepted, loaded := v.Outcome == record.Applied || v.Outcome == record.Unchanged, events.IsHistory(rec.Subject)
	if v.Outcome == record.Applied && (events.IsUpstream(rec.Subject) || rec.Event.Type == events.TypeHistoryClosed) {
		k.closed = true
	}
	var want time.Time
	if loaded && accepted {
		if header, err := time.Parse(time.RFC3339Nano, rec.Header); err == nil {
			want = header
		}
		if want.IsZero() || want.Before(k.last) || want.After(rec.Stamped) {
			t.Fatalf("record %d: loaded with recorded time %q after %v, stamped %v", rec.Seq, rec.Header, k.last, rec.Stamped)
		}
	} else if k.closed {
		want = rec.Stamped
		if want.Before(k.last) {
			want = k.last
		}
	}
	if !v.Recorded.Equal(want) {
		t.Fatalf("record %d: got recorded time %v, want %v", rec.Seq, v.Recorded, want)
	}
	if !want.IsZero() {
		k.last = want
	}
	k.recorded = append(k.recorded, want)
}

// checkFridays checks that every Friday since the first record has a checkpoint, whose
// boundary is the last record that was not recorded after the cutoff.
func (k *timeChecker) checkFridays(t *rapid.T, c *events.Calendar, open events.Date, fridays []checkpoint.Checkpoint) {
	if k.last.IsZero() {
		if open != 0 || len(fridays) > 0 {
			t.Fatalf("before the first recorded time: got open week %s and %d checkpoints", open, len(fridays))
		}
		return
	}
	// Start before all Fridays of the random histories.
	f, n := c.Previous(c.FridayOf(k.last.AddDate(-5, 0, 0))), 0
	for ; c.Cutoff(f).Before(k.last); f = c.Next(f) {
		boundary := uint64(0)
		for i, at := range k.recorded {
			if !at.IsZero() && !at.After(c.Cutoff(f)) {
				boundary = uint64(i + 1)
			}
		}
		if boundary == 0 {
			continue
		}
		if n == len(fridays) || fridays[n].Friday != f || fridays[n].Boundary != boundary {
			t.Fatalf("Friday %s: want boundary %d, got checkpoints %+v", f, boundary, fridays)
		}
		n++
	}
	if n != len(fridays) || open != f {
		t.Fatalf("got open week %s and checkpoints %+v, want open week %s and %d checkpoints", open, fridays, f, n)
	}
}
