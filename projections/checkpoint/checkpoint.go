package checkpoint

import (
	"errors"
	"fmt"

	"bookledger/events"
	"bookledger/projections/book"
)

// Checkpoint is the record of a week that has ended, as the store keeps it and
// commands and the API show it.
type Checkpoint struct {
	book.Week
	Cases  int64 `json:"cases" format:"Count" doc:"Delegated cases."`
	Rows   int64 `json:"rows" format:"Count" doc:"Rows, over all books."`
	Sealed bool  `json:"sealed" doc:"Whether it is sealed."` // in the record that was read
}

const (
	firstYear = 2014 // the years that an event may name
	lastYear  = 2100
)

// Tally keeps count of the delegated cases and of their rows, for whichever
// calendar year the next cutoff falls in.
type Tally struct {
	Cases int64
	Rows  int64 // in all years of all cases

	// Hidden holds at index y the rows that are hidden by the end of year
	// firstYear+y: those of a case's years that are not its last.
	Hidden [lastYear - firstYear + 1]int64
}

// Add counts a case in.
func (t *Tally) Add(e book.Extent) { t.count(e, 1) }

// Remove counts a case out that had this extent.
func (t *Tally) Remove(e book.Extent) { t.count(e, -1) }

func (t *Tally) count(e book.Extent, sign int64) {
	t.Cases += sign
	rows := sign * int64(e.Rows)
	t.Rows += rows * int64(max(1, len(e.Years)))
	for i, y := range e.Years {
		if i < len(e.Years)-1 {
			t.Hidden[y-firstYear] += rows
		}
	}
}

// Checkpoint makes the checkpoint of a Friday from the counts as they are.
func (t *Tally) Checkpoint(f book.Week) Checkpoint {
	rows := t.Rows
	for y := firstYear; y < f.Friday.Year() && y <= lastYear; y++ {
		rows -= t.Hidden[y-firstYear]
	}
	return Checkpoint{Week: f, Cases: t.Cases, Rows: rows}
}

// ErrNoCheckpoint is returned for a day that has no book.
var ErrNoCheckpoint = errors.New("there is no book of it")

// ExplainMissing says why f has no checkpoint, where open is the Friday whose week is
// open (0 before all time): it is no Friday, has not come, or is before the
// first. It wraps ErrNone.
func ExplainMissing(c *events.Calendar, f, open events.Date) error {
	switch {
	case f == 0:
		return fmt.Errorf("no Friday's cutoff has passed yet: %w", ErrNoCheckpoint)
	case !c.IsFriday(f):
		return fmt.Errorf("%s is a %s, and books are as of a %s: %w", f, f.Weekday(), c.Weekday(), ErrNoCheckpoint)
	case open == 0 || f >= open:
		return fmt.Errorf("%s has not come, or no record has passed its cutoff yet: %w", f, ErrNoCheckpoint)
	}
	return fmt.Errorf("%s is before the first Friday of this ledger: %w", f, ErrNoCheckpoint)
}
