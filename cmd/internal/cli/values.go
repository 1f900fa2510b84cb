package cli

import (
	"time"

	"bookledger/events"
)

// ParseTime parses the value of a flag that is a time: RFC 3339, or a date, which
// means midnight Pacific time.
func ParseTime(flag, s string) (time.Time, error) {
	if t, err := events.ParseTime(s); err == nil {
		return t, nil
	}
	d, err := events.ParseDate(s)
	if err != nil {
		return time.Time{}, Usagef("--%s: %q is not a time: use RFC 3339, for example 2026-11-20T21:00:00-08:00, or a date, for example 2026-11-20", flag, s)
	}
	return time.Date(d.Year(), time.Month(d.Month()), d.Day(), 0, 0, 0, 0, events.DefaultCalendar().Zone()), nil
}

// FormatPacific formats a time for people, in Pacific time.
func FormatPacific(t time.Time) string {
	if t.IsZero() {
		return "before the first record"
	}
	return t.In(events.DefaultCalendar().Zone()).Format("Mon 2006-01-02 15:04:05 MST")
}
