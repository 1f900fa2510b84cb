package events_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"bookledger/events"
)

// parseTime parses an RFC 3339 time.
func parseTime(t testing.TB, s string) time.Time {
	t.Helper()
	at, err := time.Parse(time.RFC3339Nano, s)
	if err != nil {
		t.Fatal(err)
	}
	return at
}

func calendarOf(t testing.TB, cutoff string) *events.Calendar {
	t.Helper()
	spec, err := events.NewCalendarSpec(cutoff)
	if err != nil {
		t.Fatal(err)
	}
	c, err := events.NewCalendar(spec)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// TestCutoff checks cutoffs on Friday at 21:00:00 Pacific, in winter and summer,
// and on other weekdays and times, including the hour of a Sunday that occurs
// twice in autumn and the one that is skipped in spring. The weeks in which
// daylight saving changes therefore have 167 or 169 hours.
func TestCutoff(t *testing.T) {
	for _, c := range []struct {
		cutoff string
		friday events.Date
		want   string
	}{
		{events.DefaultCutoff, 20260109, "2026-01-10T05:00:00Z"}, // PST
		{events.DefaultCutoff, 20260710, "2026-07-11T04:00:00Z"}, // PDT
		{events.DefaultCutoff, 20260306, "2026-03-07T05:00:00Z"}, // the last in PST
		{events.DefaultCutoff, 20260313, "2026-03-14T04:00:00Z"}, // the first in PDT
		{events.DefaultCutoff, 20261030, "2026-10-31T04:00:00Z"}, // the last in PDT
		{events.DefaultCutoff, 20261106, "2026-11-07T05:00:00Z"}, // the first in PST
		{events.DefaultCutoff, 20271231, "2028-01-01T05:00:00Z"}, // in UTC, the cutoff is in the next year
		{"Thursday 17:30:05", 20260709, "2026-07-10T00:30:05Z"},
		{"Sunday 00:00:00", 20261101, "2026-11-01T07:00:00Z"}, // midnight before the clocks go back
		{"Sunday 23:59:59", 20261101, "2026-11-02T07:59:59Z"}, // and the end of that day
		{"Sunday 01:30:00", 20261101, "2026-11-01T08:30:00Z"}, // occurs twice: the first, in PDT
		{"Sunday 02:30:00", 20261101, "2026-11-01T10:30:00Z"},
		{"Sunday 02:30:00", 20260308, "2026-03-08T10:30:00Z"}, // is skipped: 3:30 a.m. PDT
		{"Sunday 01:30:00", 20260308, "2026-03-08T09:30:00Z"},
		{"Sunday 03:00:00", 20260308, "2026-03-08T10:00:00Z"},
		{"Saturday 23:59:59", 20260307, "2026-03-08T07:59:59Z"},
		{"Sunday 21:00:00", 20260308, "2026-03-09T04:00:00Z"},
	} {
		got := calendarOf(t, c.cutoff).Cutoff(c.friday)
		if !got.Equal(parseTime(t, c.want)) || got.Location() != time.UTC {
			t.Errorf("cutoff %s of %s: got %s, want %s", c.cutoff, c.friday, got, c.want)
		}
	}
}

// TestFridayOf checks with random calendars and times that FridayOf returns the
// first Friday with a cutoff at or after the time: a record at 9 p.m. sharp is in,
// a nanosecond later it is out.
func TestFridayOf(t *testing.T) {
	rapid.Check(t, func(r *rapid.T) {
		weekday := time.Weekday(rapid.IntRange(0, 6).Draw(r, "weekday"))
		clock := rapid.SampledFrom([]string{"00:00:00", "01:30:00", "03:15:00", "21:00:00", "23:59:59"}).Draw(r, "clock")
		calendar := calendarOf(t, weekday.String()+" "+clock)
		at := time.Unix(rapid.Int64Range(1388534400, 4102444800).Draw(r, "seconds"), rapid.Int64Range(0, 999999999).Draw(r, "nanos"))
		switch rapid.IntRange(0, 3).Draw(r, "near") { // sometimes exactly at a cutoff, or just after it
		case 0:
			at = calendar.Cutoff(calendar.FridayOf(at))
		case 1:
			at = calendar.Cutoff(calendar.FridayOf(at)).Add(1)
		}
		f := calendar.FridayOf(at)
		if !calendar.IsFriday(f) || f.Weekday() != weekday || calendar.Weekday() != weekday {
			t.Fatalf("%s is a %s, want a %s", f, f.Weekday(), weekday)
		}
		if calendar.Cutoff(f).Before(at) || !calendar.Cutoff(calendar.Previous(f)).Before(at) {
			t.Fatalf("FridayOf(%s) = %s, with cutoff %s", at, f, calendar.Cutoff(f))
		}
		if calendar.Next(calendar.Previous(f)) != f || calendar.IsFriday(f.AddDays(1)) {
			t.Fatalf("the Fridays around %s are not a week apart", f)
		}
	})
}

// TestDayIsPacificDate checks that Day returns the Pacific date of a time.
func TestDayIsPacificDate(t *testing.T) {
	calendar := events.DefaultCalendar()
	for at, want := range map[string]events.Date{
		"2026-01-01T07:59:59.999999999Z": 20251231,
		"2026-01-01T08:00:00Z":           20260101,
		"2026-07-01T06:59:59Z":           20260630,
		"2026-07-01T07:00:00Z":           20260701,
		"2026-07-01T23:30:00+09:00":      20260701,
	} {
		if got := calendar.Day(parseTime(t, at)); got != want {
			t.Errorf("%s: got %s, want %s", at, got, want)
		}
	}
	if got := calendar.Zone().String(); got != "America/Los_Angeles" {
		t.Errorf("got zone %s, want America/Los_Angeles", got)
	}
}

// TestNewCalendarRejectsInvalidSpecs checks that NewCalendar rejects any zone file
// but the embedded one, and invalid weekdays and times.
func TestNewCalendarRejectsInvalidSpecs(t *testing.T) {
	good, err := events.NewCalendarSpec(events.DefaultCutoff)
	if err != nil {
		t.Fatal(err)
	}
	if good.Zone != "America/Los_Angeles" || good.Weekday != "Friday" || good.Time != "21:00:00" || len(good.ZoneSHA256) != 64 {
		t.Fatalf("got the default calendar %+v", good)
	}
	for name, spoil := range map[string]func(*events.CalendarSpec){
		"hash":     func(s *events.CalendarSpec) { s.ZoneSHA256 = strings.Repeat("0", 64) },
		"no hash":  func(s *events.CalendarSpec) { s.ZoneSHA256 = "" },
		"zone":     func(s *events.CalendarSpec) { s.Zone = "America/New_York" },
		"weekday":  func(s *events.CalendarSpec) { s.Weekday = "friday" },
		"hour":     func(s *events.CalendarSpec) { s.Time = "24:00:00" },
		"minute":   func(s *events.CalendarSpec) { s.Time = "21:60:00" },
		"second":   func(s *events.CalendarSpec) { s.Time = "21:00:60" },
		"short":    func(s *events.CalendarSpec) { s.Time = "21:00" },
		"negative": func(s *events.CalendarSpec) { s.Time = "-1:00:00" },
	} {
		spec := good
		spoil(&spec)
		if _, err := events.NewCalendar(spec); err == nil {
			t.Errorf("%s: %+v is accepted", name, spec)
		}
	}
	for _, cutoff := range []string{"", "Friday", "21:00:00", "Fri 21:00:00", "Friday  21:00:00", "Friday 9 p.m.", "Friday 21:00:00 "} {
		if _, err := events.NewCalendarSpec(cutoff); err == nil {
			t.Errorf("the cutoff %q is accepted", cutoff)
		}
	}
}

// TestIgnoresSystemZone checks that the zone comes from the embedded file, never
// from the system: wrong ZONEINFO and TZ settings don't change a cutoff.
func TestIgnoresSystemZone(t *testing.T) {
	const cutoff = "2026-11-21T05:00:00Z"
	if os.Getenv("BOOKLEDGER_TEST_WRONG_ZONE") != "" {
		wrong, err := time.LoadLocation("America/Los_Angeles")
		if err != nil {
			t.Fatal(err)
		}
		if _, offset := parseTime(t, cutoff).In(wrong).Zone(); offset != 5*3600 {
			t.Fatalf("the wrong zone file is not in use (offset %d), so the test proves nothing", offset)
		}
		if got := events.DefaultCalendar().Cutoff(20261120); !got.Equal(parseTime(t, cutoff)) {
			t.Fatalf("got cutoff %s, want %s", got, cutoff)
		}
		return
	}
	dir := t.TempDir()
	zone := "TZif" + strings.Repeat("\x00", 16) + // version 1, reserved
		strings.Repeat("\x00", 16) + "\x00\x00\x00\x01\x00\x00\x00\x04" + // no transitions, one type, four characters
		"\x00\x00\x46\x50\x00\x00" + "FAK\x00" // UTC+5
	if err := os.MkdirAll(filepath.Join(dir, "America"), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "America", "Los_Angeles"), []byte(zone), 0o644); err != nil {
		t.Fatal(err)
	}
	child := exec.Command(os.Args[0], "-test.run=^TestIgnoresSystemZone$")
	child.Env = append(os.Environ(), "BOOKLEDGER_TEST_WRONG_ZONE=1", "ZONEINFO="+dir, "TZ=America/Los_Angeles")
	if out, err := child.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
}
