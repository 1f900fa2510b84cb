package events

import (
	"crypto/sha256"
	_ "embed"
	"encoding/hex"
	"fmt"
	"strings"
	"sync"
	"time"
)

// The zone file is part of the ledger's rules: genesis names its hash, and
// cutoffs never depend on what a system has installed.
//
//go:embed zone/America_Los_Angeles.tzif
var zoneFile []byte

const zoneName = "America/Los_Angeles"

// DefaultCutoff is the cutoff of a ledger for which no other was chosen.
const DefaultCutoff = "Friday 21:00:00"

// Calendar is the calendar of a ledger's weekly cutoffs. A "Friday" is the
// date of the cutoff's day, whatever weekday the ledger's genesis fixed.
type Calendar struct {
	zone    *time.Location
	weekday time.Weekday
	seconds int // after midnight
}

// DefaultCalendar is Friday, 21:00:00, in America/Los_Angeles.
func DefaultCalendar() *Calendar {
	spec, err := NewCalendarSpec(DefaultCutoff)
	if err != nil {
		panic(err) // the constant is wrong
	}
	c, err := NewCalendar(spec)
	if err != nil {
		panic(err) // the embedded zone file is broken
	}
	return c
}

// NewCalendarSpec makes what genesis says of the calendar from a cutoff like
// "Friday 21:00:00" and the embedded zone file.
func NewCalendarSpec(cutoff string) (CalendarSpec, error) {
	weekday, clock, _ := strings.Cut(cutoff, " ")
	spec := CalendarSpec{Zone: zoneName, Weekday: weekday, Time: clock, ZoneSHA256: zoneHash()}
	_, err := NewCalendar(spec)
	if err != nil {
		return CalendarSpec{}, fmt.Errorf("cutoff must be a weekday and a time, like %q: %w", DefaultCutoff, err)
	}
	return spec, nil
}

// zoneHash and zone are taken from the embedded file, once.
var (
	zoneHash = sync.OnceValue(func() string {
		sum := sha256.Sum256(zoneFile)
		return hex.EncodeToString(sum[:])
	})
	zone = sync.OnceValues(func() (*time.Location, error) {
		return time.LoadLocationFromTZData(zoneName, zoneFile)
	})
)

// NewCalendar makes the calendar that a genesis fixes. It fails where this
// release does not hold the zone file that genesis names, since cutoffs could
// then fall elsewhere.
func NewCalendar(spec CalendarSpec) (*Calendar, error) {
	if spec.Zone != zoneName || spec.ZoneSHA256 != zoneHash() {
		return nil, fmt.Errorf("the ledger's zone file (%s, SHA-256 %s) is not in this release", spec.Zone, spec.ZoneSHA256)
	}
	location, err := zone()
	if err != nil {
		return nil, fmt.Errorf("reading the embedded zone file: %w", err)
	}
	weekday, ok := parseWeekday(spec.Weekday)
	if !ok {
		return nil, fmt.Errorf("%q is no weekday", spec.Weekday)
	}
	h, m, s, ok := parseClock(spec.Time)
	if !ok {
		return nil, fmt.Errorf("%q is no time of day, written HH:MM:SS", spec.Time)
	}
	return &Calendar{zone: location, weekday: weekday, seconds: h*3600 + m*60 + s}, nil
}

func parseWeekday(s string) (time.Weekday, bool) {
	for d := time.Sunday; d <= time.Saturday; d++ {
		if d.String() == s {
			return d, true
		}
	}
	return 0, false
}

func parseClock(s string) (h, m, sec int, ok bool) {
	if len(s) != 8 || s[2] != ':' || s[5] != ':' {
		return 0, 0, 0, false
	}
	h, ok1 := digits(s[0:2])
	m, ok2 := digits(s[3:5])
	sec, ok3 := digits(s[6:8])
	return h, m, sec, ok1 && ok2 && ok3 && h < 24 && m < 60 && sec < 60
}

// Zone returns Pacific time, from the embedded zone file.
func (c *Calendar) Zone() *time.Location { return c.zone }

// Weekday returns the weekday of the cutoff.
func (c *Calendar) Weekday() time.Weekday { return c.weekday }

// Cutoff returns the moment at which the book of Friday f is cut off; what is
// recorded at that very moment is in it. Where daylight saving makes the time
// of day come twice, it is the first; where it leaves it out, as much later.
func (c *Calendar) Cutoff(f Date) time.Time {
	wall := time.Date(f.Year(), time.Month(f.Month()), f.Day(), 0, 0, c.seconds, 0, time.UTC)
	_, before := wall.AddDate(0, 0, -1).In(c.zone).Zone()
	_, after := wall.AddDate(0, 0, 1).In(c.zone).Zone()
	first := wall.Add(-time.Duration(before) * time.Second)
	if then := wall.Add(-time.Duration(after) * time.Second); !c.shows(first, wall) && c.shows(then, wall) {
		return then
	}
	return first
}

// shows reports whether clocks in the zone show wall at the moment t.
func (c *Calendar) shows(t, wall time.Time) bool {
	return t.In(c.zone).Format(time.DateTime) == wall.Format(time.DateTime)
}

// FridayOf returns the first Friday whose cutoff is not before t.
func (c *Calendar) FridayOf(t time.Time) Date {
	day := DateOf(t.In(c.zone))
	f := day.AddDays((int(c.weekday) - int(day.Weekday()) + 7) % 7)
	if c.Cutoff(f).Before(t) {
		f = c.Next(f)
	}
	return f
}

// Next returns the Friday after f.
func (c *Calendar) Next(f Date) Date { return f.AddDays(7) }

// Previous returns the Friday before f.
func (c *Calendar) Previous(f Date) Date { return f.AddDays(-7) }

// IsFriday reports whether f is a day that has a cutoff.
func (c *Calendar) IsFriday(f Date) bool { return f.Weekday() == c.weekday }

// Day returns the Pacific date of a moment.
func (c *Calendar) Day(t time.Time) Date { return DateOf(t.In(c.zone)) }
