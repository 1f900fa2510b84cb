package checkpoint

import (
	"errors"
	"fmt"

	"bookledger/events"
	"bookledger/projections/book"
)

// Checkpoint is a week that has ended, with the counts of its books. The store
// keeps it, and commands and the API show it.
type Checkpoint struct {
	book.Week
	Cases  int64 `json:"cases" format:"Count" doc:"The number of delegated cases."`
	Rows   int64 `json:"rows" format:"Count" doc:"The number of rows in all books."`
	Sealed bool  `json:"sealed" doc:"Whether the Friday is sealed."` // in the journal as far as it was read
}

const (
	firstYear = 2014 // the first year that an event may name
	lastYear  = 2100 // the last
)

// Tally counts the delegated cases and the rows of their books. It is updated
// with each change and works for any calendar year of the next cutoff.
type Tally struct {
	Cases int64
	Rows  int64 // in all years of all cases

	// Hidden[y] counts the rows hidden in years after firstYear+y: rows of
	// years that are not the last year of their case.
	Hidden [lastYear - firstYear + 1]int64
}

// Add adds a case.
func (t *Tally) Add(e book.Extent) { t.add(e, 1) }

// Remove removes a case that was added with this extent.
func (t *Tally) Remove(e book.Extent) { t.add(e, -1) }

func (t *Tally) add(e book.Extent, sign int64) {
	t.Cases += sign
	rows := sign * int64(e.Rows)
	t.Rows += rows * int64(max(1, len(e.Years)))
	for i, y := range e.Years {
		if i < len(e.Years)-1 {
			t.Hidden[y-firstYear] += rows
		}
	}
}

// Checkpoint returns the checkpoint of week f with the current counts.
func (t *Tally) Checkpoint(f book.Week) Checkpoint {
	rows := t.Rows
	for y := firstYear; y < f.Friday.Year() && y <= lastYear; y++ {
		rows -= t.Hidden[y-firstYear]
	}
	return Checkpoint{Week: f, Cases: t.Cases, Rows: rows}
}

// ErrNoCheckpoint is returned for a day that has no book.
var ErrNoCheckpoint = errors.New("no book")

// ExplainMissing returns an error that says why there is no book for f (0: the
// latest), and which Fridays to use instead. first and latest are the Fridays of
// the first and the last checkpoint, or 0 if there is none. The error wraps
// ErrNoCheckpoint.
func ExplainMissing(c *events.Calendar, f, first, latest events.Date) error {
	switch weekday := c.Weekday(); {
	case f == 0:
		return fmt.Errorf("%w yet: no %s's cutoff has passed", ErrNoCheckpoint, weekday)
	case latest == 0:
		return fmt.Errorf("%w for %s: no %s's cutoff has passed yet", ErrNoCheckpoint, f, weekday)
	case !c.IsFriday(f):
		return fmt.Errorf("%w for %s: it is a %s, not a %s; %s", ErrNoCheckpoint, f, f.Weekday(), weekday, nearest(c, f, first, latest))
	case f > latest:
		return fmt.Errorf("%w for %s: its cutoff has not passed, or no record follows it yet; %s", ErrNoCheckpoint, f, nearest(c, f, first, latest))
	}
	return fmt.Errorf("%w for %s: it is before the ledger's first %s; %s", ErrNoCheckpoint, f, c.Weekday(), nearest(c, f, first, latest))
}

// nearest names the Fridays closest to f that have a book.
func nearest(c *events.Calendar, f, first, latest events.Date) string {
	switch {
	case f > latest:
		return fmt.Sprintf("the latest book is for %s", latest)
	case f < first:
		return fmt.Sprintf("the earliest book is for %s", first)
	}
	after := f
	for !c.IsFriday(after) {
		after = after.AddDays(1)
	}
	return fmt.Sprintf("the nearest %ss are %s and %s", c.Weekday(), c.Previous(after), after)
}
