package checkpoint_test

import (
	"encoding/json"
	"errors"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"bookledger/events"
	"bookledger/projections/book"
	"bookledger/projections/checkpoint"
)

// TestTally checks that the counts, updated with each change, match the books of
// a Friday: the delegated cases, and one row for each listed member (at least
// one) in each shown year (at least one).
func TestTally(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var tally checkpoint.Tally
		var counted []book.Extent
		for range rapid.IntRange(1, 30).Draw(t, "changes") {
			if len(counted) > 0 && rapid.IntRange(0, 2).Draw(t, "remove") == 0 {
				i := rapid.IntRange(0, len(counted)-1).Draw(t, "which")
				tally.Remove(counted[i])
				counted = slices.Delete(counted, i, i+1)
				continue
			}
			years := rapid.SliceOfNDistinct(rapid.IntRange(2014, 2100), 0, 5, func(y int) int { return y }).Draw(t, "years")
			slices.Sort(years)
			e := book.Extent{Years: years, Rows: rapid.IntRange(1, 9).Draw(t, "rows")}
			tally.Add(e)
			counted = append(counted, e)
		}
		for _, year := range []int{2013, 2014, 2015, rapid.IntRange(2014, 2100).Draw(t, "year"), 2100, 2101, 2500} {
			var rows int64
			for _, e := range counted {
				rows += int64(e.Rows * max(1, len(book.ShownYears(e.Years, year))))
			}
			f := book.Week{Friday: events.Date(year*10000 + 101), Boundary: 7}
			if got := tally.Checkpoint(f); got.Rows != rows || got.Cases != int64(len(counted)) || got.Week != f {
				t.Fatalf("Friday in %d: got %d cases and %d rows, want %d and %d", year, got.Cases, got.Rows, len(counted), rows)
			}
		}
	})
}

// TestCheckpointJSON checks the published form of a checkpoint, with times in
// UTC.
func TestCheckpointJSON(t *testing.T) {
	f := checkpoint.Checkpoint{Week: book.Week{
		Friday: 20261120, Cutoff: events.DefaultCalendar().Cutoff(20261120), Boundary: 41,
	}, Cases: 3, Rows: 8}
	got, err := json.Marshal(f)
	const want = `{"friday":"2026-11-20","cutoff":"2026-11-21T05:00:00Z","boundary":41,"cases":3,"rows":8,"sealed":false}`
	if err != nil || string(got) != want {
		t.Fatalf("got %s (%v), want %s", got, err, want)
	}
	var back checkpoint.Checkpoint
	if err := json.Unmarshal(got, &back); err != nil || back != f {
		t.Errorf("decoded: got %+v (%v), want %+v", back, err, f)
	}
	if err := json.Unmarshal([]byte(`{"friday":"2026-11-31"}`), &back); err == nil {
		t.Error("an invalid date was accepted")
	}
}

// TestExplainMissing checks that the error for a day without a book says why,
// and which Fridays have one.
func TestExplainMissing(t *testing.T) {
	calendar := events.DefaultCalendar()
	for _, c := range []struct {
		friday, first, latest events.Date
		want                  string
	}{
		{0, 0, 0, "no book yet: no Friday's cutoff has passed"},
		{20261120, 0, 0, "no book for 2026-11-20: no Friday's cutoff has passed yet"},
		{20261126, 20261030, 20261127, "no book for 2026-11-26: it is a Thursday, not a Friday; the nearest Fridays are 2026-11-20 and 2026-11-27"},
		{20261128, 20261030, 20261127, "no book for 2026-11-28: it is a Saturday, not a Friday; the latest book is for 2026-11-27"},
		{20261029, 20261030, 20261127, "no book for 2026-10-29: it is a Thursday, not a Friday; the earliest book is for 2026-10-30"},
		{20261204, 20261030, 20261127, "no book for 2026-12-04: its cutoff has not passed, or no record follows it yet; the latest book is for 2026-11-27"},
		{20200103, 20261030, 20261127, "no book for 2020-01-03: it is before the ledger's first Friday; the earliest book is for 2026-10-30"},
	} {
		err := checkpoint.ExplainMissing(calendar, c.friday, c.first, c.latest)
		if !errors.Is(err, checkpoint.ErrNoCheckpoint) || err.Error() != c.want {
			t.Errorf("got %q, want %q", err, c.want)
		}
	}
}
