package synthetic

import (
	"time"

	"bookledger/events"
)

const (
	oneMinute = int64(60_000)
	oneHour   = 60 * oneMinute
	oneDay    = 24 * oneHour
	oneWeek   = 7 * oneDay
)

// moment is a time in (from, to], at which a week ends: mostly in the hours
// when people are at work, and often in the minutes before the cutoff or
// after it.
func (w *world) moment(from, to int64) int64 {
	if to <= w.last && w.dice.chance(120) {
		return max(from+1, min(w.rush(to), w.until))
	}
	at := to
	for range 6 {
		at = from + 1 + int64(w.dice.below(int(to-from)))
		local := time.UnixMilli(at).In(w.zone)
		likely := 1000
		if h := local.Hour(); h < 7 || h > 20 {
			likely = 60
		}
		if d := local.Weekday(); d == time.Saturday || d == time.Sunday {
			likely /= 3
		}
		if w.dice.chance(likely) {
			break
		}
	}
	return at
}

// rush is a time around a cutoff, most likely close to it; now and then it is
// the very moment.
func (w *world) rush(cutoff int64) int64 {
	if w.dice.chance(30) {
		return cutoff
	}
	off := int64(w.dice.below(int(25*oneMinute))) * int64(w.dice.below(1000)) / 1000
	if w.dice.chance(450) {
		return cutoff + off
	}
	return cutoff - off
}

// season tells how far the renewals for the coming year are, in thousandths:
// they go from the first of October to the middle of December.
func (w *world) season(at int64) int {
	local := time.UnixMilli(at).In(w.zone)
	opens := time.Date(local.Year(), time.October, 1, 0, 0, 0, 0, w.zone).UnixMilli()
	return int(min(1000, max(0, (at-opens)/(75*oneDay/1000))))
}

// firstOf is the first day of the month that is so many months after d's.
func firstOf(d events.Date, months int) events.Date {
	return events.DateOf(time.Date(d.Year(), time.Month(d.Month()+months), 1, 0, 0, 0, 0, time.UTC))
}

func lastOfMonth(d events.Date) events.Date { return firstOf(d, 1).AddDays(-1) }

func newYear(year int) events.Date { return events.Date(year*10_000 + 101) }
