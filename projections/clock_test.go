package projections_test

import (
	"time"

	"pgregory.net/rapid"

	"bookledger/events"
	"bookledger/events/record"
	"bookledger/projections/checkpoint"
	"bookledger/projections/replay"
)

// clock tells recorded times and boundaries from the words of the design
// alone, since all that agree with each other judge by the same code.
type timeChecker struct {
	last     time.Time
	closed   bool
	recorded []time.Time // by sequence, from 1; zero for none
}

// hear takes a record that was judged, and checks its recorded time.
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
			t.Fatalf("record %d is loaded at %q after %v, stamped %v", rec.Seq, rec.Header, k.last, rec.Stamped)
		}
	} else if k.closed {
		want = rec.Stamped
		if want.Before(k.last) {
			want = k.last
		}
	}
	if !v.Recorded.Equal(want) {
		t.Fatalf("record %d is recorded at %v, want %v", rec.Seq, v.Recorded, want)
	}
	if !want.IsZero() {
		k.last = want
	}
	k.recorded = append(k.recorded, want)
}

// check holds that every Friday from the first record's on has a checkpoint,
// at the last record that is not recorded after its cutoff.
func (k *timeChecker) checkFridays(t *rapid.T, c *events.Calendar, open events.Date, fridays []checkpoint.Checkpoint) {
	if k.last.IsZero() {
		if open != 0 || len(fridays) > 0 {
			t.Fatalf("before all time Friday %s is open after %d others", open, len(fridays))
		}
		return
	}
	// Before all Fridays that these histories know.
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
			t.Fatalf("Friday %s ends with record %d; the checkpoints are %+v", f, boundary, fridays)
		}
		n++
	}
	if n != len(fridays) || open != f {
		t.Fatalf("%d Fridays have passed and %s is open, the ledger says %s after %+v", n, f, open, fridays)
	}
}
