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

// The zone file is embedded so cutoffs never depend on the files that a system
// has installed. Genesis contains its hash.
//
//go:embed zone/America_Los_Angeles.tzif
var zoneFile []byte

const zoneName = "America/Los_Angeles"

// DefaultCutoff is the cutoff of a ledger unless another one is configured.
const DefaultCutoff = "Friday 21:00:00"

// Calendar computes a ledger's weekly cutoffs. A "Friday" is the date of a
// cutoff, whatever weekday the ledger's genesis sets.
type Calendar struct {
	zone    *time.Location
	weekday time.Weekday
	seconds int // after midnight
}

// DefaultCalendar returns the calendar for DefaultCutoff in
// America/Los_Angeles.
func DefaultCalendar() *Calendar {
	spec, err := NewCalendarSpec(DefaultCutoff)
	if err != nil {
		panic(err) // DefaultCutoff is invalid
	}
	c, err := NewCalendar(spec)
	if err != nil {
		panic(err) // the embedded zone file is broken
	}
	return c
}

// NewCalendarSpec returns the calendar for genesis, from a cutoff such as
// "Friday 21:00:00" and the embedded zone file.
func NewCalendarSpec(cutoff string) (CalendarSpec, error) {
	weekday, clock, _ := strings.Cut(cutoff, " ")
	spec := CalendarSpec{Zone: zoneName, Weekday: weekday, Time: clock, ZoneSHA256: zoneHash()}
	_, err := NewCalendar(spec)
	if err != nil {
		return CalendarSpec{}, fmt.Errorf("cutoff must be a weekday and a time, for example %q: %w", DefaultCutoff, err)
	}
	return spec, nil
}

// zoneHash and loadZone read the embedded zone file once.
var (
	zoneHash = sync.OnceValue(func() string {
		sum := sha256.Sum256(zoneFile)
		return hex.EncodeToString(sum[:])
	})
	loadZone = sync.OnceValues(func() (*time.Location, error) {
		return time.LoadLocationFromTZData(zoneName, zoneFile)
	})
)

// NewCalendar returns the calendar that a genesis describes. It fails if this
// release embeds another zone file than genesis names, because cutoffs could
// then differ.
func NewCalendar(spec CalendarSpec) (*Calendar, error) {
	if spec.Zone != zoneName || spec.ZoneSHA256 != zoneHash() {
		return nil, fmt.Errorf("the ledger's zone file (%s, SHA-256 %s) is not in this release: use the release that created the ledger", spec.Zone, spec.ZoneSHA256)
	}
	location, err := loadZone()
	if err != nil {
		return nil, fmt.Errorf("reading the embedded zone file: %w", err)
	}
	weekday, ok := parseWeekday(spec.Weekday)
	if !ok {
		return nil, fmt.Errorf("%q is not a weekday", spec.Weekday)
	}
	h, m, s, ok := parseClock(spec.Time)
	if !ok {
		return nil, fmt.Errorf("%q is not a time of day: use HH:MM:SS", spec.Time)
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
	h, ok1 := parseDigits(s[0:2])
	m, ok2 := parseDigits(s[3:5])
	sec, ok3 := parseDigits(s[6:8])
	return h, m, sec, ok1 && ok2 && ok3 && h < 24 && m < 60 && sec < 60
}

// Zone returns Pacific time as defined by the embedded zone file.
func (c *Calendar) Zone() *time.Location { return c.zone }

// Weekday returns the weekday of the cutoff.
func (c *Calendar) Weekday() time.Weekday { return c.weekday }

// Cutoff returns the cutoff of Friday f, in UTC. A record at that exact time
// still belongs to f. If daylight saving makes the time of day occur twice, the
// first occurrence counts. If daylight saving skips it, the cutoff is as much
// later.
func (c *Calendar) Cutoff(f Date) time.Time {
	wall := time.Date(f.Year(), time.Month(f.Month()), f.Day(), 0, 0, c.seconds, 0, time.UTC)
	_, before := wall.AddDate(0, 0, -1).In(c.zone).Zone()
	_, after := wall.AddDate(0, 0, 1).In(c.zone).Zone()
	first := wall.Add(-time.Duration(before) * time.Second)
	if then := wall.Add(-time.Duration(after) * time.Second); !c.showsWallTime(first, wall) && c.showsWallTime(then, wall) {
		return then
	}
	return first
}

// showsWallTime reports whether clocks in the zone show wall at time t.
func (c *Calendar) showsWallTime(t, wall time.Time) bool {
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

// IsFriday reports whether f has a cutoff.
func (c *Calendar) IsFriday(f Date) bool { return f.Weekday() == c.weekday }

// Day returns the Pacific date of t.
func (c *Calendar) Day(t time.Time) Date { return DateOf(t.In(c.zone)) }
