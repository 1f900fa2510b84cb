package events_test

import (
	"testing"
	"time"

	"bookledger/events"
)

// TestCutoffInTheChange holds the cutoff in the hour of a Sunday that comes
// twice in autumn, and in the one that is left out in spring.
func TestCutoffInTheChange(t *testing.T) {
	for _, c := range []struct{ cutoff, friday, want string }{
		{"Sunday 01:30:00", "2026-11-01", "2026-11-01T08:30:00Z"}, // the first, in PDT
		{"Sunday 02:30:00", "2026-11-01", "2026-11-01T10:30:00Z"},
		{"Sunday 02:30:00", "2026-03-08", "2026-03-08T10:30:00Z"}, // 3:30 a.m. PDT
		{"Sunday 01:30:00", "2026-03-08", "2026-03-08T09:30:00Z"},
		{"Sunday 03:00:00", "2026-03-08", "2026-03-08T10:00:00Z"},
		{"Saturday 23:59:59", "2026-03-07", "2026-03-08T07:59:59Z"},
		{"Sunday 21:00:00", "2026-03-08", "2026-03-09T04:00:00Z"},
	} {
		friday, err := events.ParseDate(c.friday)
		if err != nil {
			t.Fatal(err)
		}
		if got := calendarOf(t, c.cutoff).Cutoff(friday); got.Format(time.RFC3339) != c.want {
			t.Errorf("%s on %s is %s, want %s", c.cutoff, c.friday, got.Format(time.RFC3339), c.want)
		}
	}
}
