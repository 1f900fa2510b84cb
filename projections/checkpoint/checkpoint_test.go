package checkpoint_test

import (
	"encoding/json"
	"errors"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"bookledger/events"
	"bookledger/projections/book"
	"bookledger/projections/checkpoint"
)

// TestTally holds that the counts of a Friday, kept up with each change, are
// those of its books: the delegated cases, and a row for each listed member
// (one where there is none) in each shown year (one where there is none).
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
				t.Fatalf("a Friday of %d counts %d cases and %d rows, want %d and %d", year, got.Cases, got.Rows, len(counted), rows)
			}
		}
	})
}

// TestFridayAsJSON holds the published form of a checkpoint, with times in UTC.
func TestFridayAsJSON(t *testing.T) {
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
		t.Errorf("read back as %+v (%v)", back, err)
	}
	if err := json.Unmarshal([]byte(`{"friday":"2026-11-31"}`), &back); err == nil {
		t.Error("a day that is none is read")
	}
}

// TestMissing holds that a day without a book is told apart: no Friday, not
// come yet, before the first, and no Friday at all.
func TestMissing(t *testing.T) {
	calendar := events.DefaultCalendar()
	for _, c := range []struct {
		friday, open events.Date
		says         string
	}{
		{0, 20261120, "no Friday's cutoff has passed"},
		{20261119, 20261127, "Thursday"},
		{20261127, 20261127, "has not come"},
		{20261204, 20261127, "has not come"},
		{20261120, 0, "has not come"},
		{20200103, 20261127, "before the first Friday"},
	} {
		err := checkpoint.ExplainMissing(calendar, c.friday, c.open)
		if !errors.Is(err, checkpoint.ErrNoCheckpoint) || !strings.Contains(err.Error(), c.says) {
			t.Errorf("%s while %s is open: %v, want %q", c.friday, c.open, err, c.says)
		}
	}
}
