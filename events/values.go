package events

import (
	"errors"
	"fmt"
	"strconv"
	"time"
)

// Date is a calendar date without a zone; the zero Date is blank. Dates
// compare with < in calendar order.
type Date int32 // year*10000 + month*100 + day

// DateOf returns the calendar date of t in t's own zone.
func DateOf(t time.Time) Date {
	y, m, d := t.Date()
	return Date(y*10000 + int(m)*100 + d)
}

// ParseDate reads YYYY-MM-DD, a real day of the Gregorian calendar in the
// years 0000 to 9999.
func ParseDate(s string) (Date, error) {
	if len(s) != 10 || s[4] != '-' || s[7] != '-' {
		return 0, fmt.Errorf("a date is written YYYY-MM-DD")
	}
	y, ok1 := digits(s[0:4])
	m, ok2 := digits(s[5:7])
	d, ok3 := digits(s[8:10])
	if !ok1 || !ok2 || !ok3 || m < 1 || m > 12 || d < 1 || d > daysIn(y, m) {
		return 0, fmt.Errorf("a date is a day of the calendar, written YYYY-MM-DD")
	}
	return Date(y*10000 + m*100 + d), nil
}

func digits(s string) (n int, ok bool) {
	for i := range len(s) {
		if s[i] < '0' || s[i] > '9' {
			return 0, false
		}
		n = n*10 + int(s[i]-'0')
	}
	return n, true
}

func daysIn(year, month int) int {
	switch month {
	case 4, 6, 9, 11:
		return 30
	case 2:
		if year%4 == 0 && (year%100 != 0 || year%400 == 0) {
			return 29
		}
		return 28
	}
	return 31
}

// IsZero reports whether the date is blank.
func (d Date) IsZero() bool { return d == 0 }

// Year returns the calendar year.
func (d Date) Year() int { return int(d) / 10000 }

// Month returns the month, 1 to 12.
func (d Date) Month() int { return int(d) / 100 % 100 }

// Day returns the day of the month, 1 to 31.
func (d Date) Day() int { return int(d) % 100 }

// AddDays returns the date n days later (earlier where n is negative).
func (d Date) AddDays(n int) Date {
	return DateOf(time.Date(d.Year(), time.Month(d.Month()), d.Day()+n, 0, 0, 0, 0, time.UTC))
}

// Weekday returns the day of the week.
func (d Date) Weekday() time.Weekday {
	return time.Date(d.Year(), time.Month(d.Month()), d.Day(), 0, 0, 0, 0, time.UTC).Weekday()
}

// String returns YYYY-MM-DD, or "" for a blank date.
func (d Date) String() string {
	if d == 0 {
		return ""
	}
	return fmt.Sprintf("%04d-%02d-%02d", d.Year(), d.Month(), d.Day())
}

// MarshalText writes YYYY-MM-DD.
func (d Date) MarshalText() ([]byte, error) { return []byte(d.String()), nil }

// UnmarshalText reads YYYY-MM-DD, or nothing for a blank date.
func (d *Date) UnmarshalText(text []byte) (err error) {
	if len(text) == 0 {
		*d = 0
		return nil
	}
	*d, err = ParseDate(string(text))
	return err
}

// Money is an amount of dollars and cents, or blank; the zero Money is blank,
// which differs from 0.00.
type Money struct {
	cents int64
	known bool
}

// Cents returns an amount of n cents.
func Cents(n int64) Money { return Money{cents: n, known: true} }

// Cents returns the amount in cents, and whether there is one.
func (m Money) Cents() (n int64, known bool) { return m.cents, m.known }

// IsZero reports whether the amount is blank.
func (m Money) IsZero() bool { return !m.known }

// ParseMoney reads an amount from 0.00 to 9999999.99, with two places and
// without leading zeros.
func ParseMoney(s string) (Money, error) {
	const form = "an amount is written like 412.33, from 0.00 to 9999999.99"
	n := len(s)
	if n < 4 || n > 10 || s[n-3] != '.' || s[0] == '0' && n > 4 {
		return Money{}, errors.New(form)
	}
	dollars, ok1 := digits(s[:n-3])
	cents, ok2 := digits(s[n-2:])
	if !ok1 || !ok2 {
		return Money{}, errors.New(form)
	}
	return Cents(int64(dollars)*100 + int64(cents)), nil
}

// String returns the amount with two places, or "" where it is blank.
func (m Money) String() string {
	if !m.known {
		return ""
	}
	return fmt.Sprintf("%d.%02d", m.cents/100, m.cents%100)
}

// MarshalText writes the amount with two places.
func (m Money) MarshalText() ([]byte, error) { return []byte(m.String()), nil }

// UnmarshalText reads an amount as ParseMoney does, or nothing for a blank.
func (m *Money) UnmarshalText(text []byte) (err error) {
	if len(text) == 0 {
		*m = Money{}
		return nil
	}
	*m, err = ParseMoney(string(text))
	return err
}

// Flag is a yes, a no, or blank; the zero Flag is blank.
type Flag uint8

// The values of a Flag.
const (
	Blank Flag = iota
	No
	Yes
)

// FlagOf returns Yes or No.
func FlagOf(b bool) Flag {
	if b {
		return Yes
	}
	return No
}

// IsZero reports whether the flag is blank.
func (f Flag) IsZero() bool { return f == Blank }

// MarshalJSON writes true, false, or null for a blank.
func (f Flag) MarshalJSON() ([]byte, error) {
	if f == Blank {
		return []byte("null"), nil
	}
	return strconv.AppendBool(nil, f == Yes), nil
}

// UnmarshalJSON reads what MarshalJSON writes.
func (f *Flag) UnmarshalJSON(b []byte) error {
	switch string(b) {
	case "null":
		*f = Blank
	case "false":
		*f = No
	case "true":
		*f = Yes
	default:
		return errors.New("a flag is true, false or null")
	}
	return nil
}

var errTime = errors.New("a time is written like 2026-11-20T20:59:58-08:00")

// ParseTime reads a time as an event's envelope and the history header write it:
// RFC 3339 with upper-case T and Z, without leap seconds, and with at most nine
// digits of a second's fraction.
func ParseTime(s string) (time.Time, error) {
	if len(s) < 20 || s[10] != 'T' || s[13] != ':' || s[16] != ':' {
		return time.Time{}, errTime
	}
	date, err := ParseDate(s[:10])
	hour, ok1 := digits(s[11:13])
	minute, ok2 := digits(s[14:16])
	second, ok3 := digits(s[17:19])
	nanos, rest, ok4 := parseFraction(s[19:])
	offset, ok5 := parseOffset(rest)
	if err != nil || !ok1 || !ok2 || !ok3 || !ok4 || !ok5 || hour > 23 || minute > 59 || second > 59 {
		return time.Time{}, errTime
	}
	t := time.Date(date.Year(), time.Month(date.Month()), date.Day(), hour, minute, second, nanos, time.UTC)
	return t.Add(-offset), nil
}

func parseFraction(s string) (nanos int, rest string, ok bool) {
	if s[0] != '.' {
		return 0, s, true
	}
	n := 1
	for n < len(s) && s[n] >= '0' && s[n] <= '9' {
		n++
	}
	if n == 1 || n > 10 {
		return 0, "", false
	}
	nanos, _ = digits(s[1:n])
	for range 10 - n {
		nanos *= 10
	}
	return nanos, s[n:], true
}

func parseOffset(s string) (time.Duration, bool) {
	if s == "Z" {
		return 0, true
	}
	if len(s) != 6 || s[0] != '+' && s[0] != '-' || s[3] != ':' {
		return 0, false
	}
	hours, ok1 := digits(s[1:3])
	minutes, ok2 := digits(s[4:6])
	if !ok1 || !ok2 || hours > 23 || minutes > 59 {
		return 0, false
	}
	offset := time.Duration(hours)*time.Hour + time.Duration(minutes)*time.Minute
	if s[0] == '-' {
		offset = -offset
	}
	return offset, true
}
