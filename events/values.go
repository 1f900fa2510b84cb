package events

import (
	"errors"
	"fmt"
	"strconv"
	"time"
)

// Date is a calendar date without a time zone. The zero Date is blank. The
// operator < orders dates by calendar.
type Date int32 // year*10000 + month*100 + day

// DateOf returns the calendar date of t in t's own zone.
func DateOf(t time.Time) Date {
	y, m, d := t.Date()
	return Date(y*10000 + int(m)*100 + d)
}

// ParseDate parses YYYY-MM-DD. The date must exist in the Gregorian calendar;
// the years are 0000 to 9999.
func ParseDate(s string) (Date, error) {
	if len(s) != 10 || s[4] != '-' || s[7] != '-' {
		return 0, errDate
	}
	y, ok1 := parseDigits(s[0:4])
	m, ok2 := parseDigits(s[5:7])
	d, ok3 := parseDigits(s[8:10])
	if !ok1 || !ok2 || !ok3 || m < 1 || m > 12 || d < 1 || d > daysIn(y, m) {
		return 0, errDate
	}
	return Date(y*10000 + m*100 + d), nil
}

var errDate = errors.New("not a date: use YYYY-MM-DD, for example 2026-11-20")

func parseDigits(s string) (n int, ok bool) {
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

// AddDays returns the date n days later, or earlier if n is negative.
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

// MarshalText returns YYYY-MM-DD, or nothing for a blank date.
func (d Date) MarshalText() ([]byte, error) { return []byte(d.String()), nil }

// UnmarshalText parses YYYY-MM-DD. Empty text is a blank date.
func (d *Date) UnmarshalText(text []byte) (err error) {
	if len(text) == 0 {
		*d = 0
		return nil
	}
	*d, err = ParseDate(string(text))
	return err
}

// Money is an amount in dollars and cents. The zero Money is blank, which
// differs from 0.00.
type Money struct {
	cents int64
	known bool
}

// Cents returns the Money for n cents.
func Cents(n int64) Money { return Money{cents: n, known: true} }

// Cents returns the amount in cents, and reports whether it is known, that is,
// not blank.
func (m Money) Cents() (n int64, known bool) { return m.cents, m.known }

// IsZero reports whether the amount is blank.
func (m Money) IsZero() bool { return !m.known }

// ParseMoney parses an amount from 0.00 to 9999999.99 with two decimal places
// and no leading zeros.
func ParseMoney(s string) (Money, error) {
	const form = "not an amount: use two decimal places, from 0.00 to 9999999.99, for example 412.33"
	n := len(s)
	if n < 4 || n > 10 || s[n-3] != '.' || s[0] == '0' && n > 4 {
		return Money{}, errors.New(form)
	}
	dollars, ok1 := parseDigits(s[:n-3])
	cents, ok2 := parseDigits(s[n-2:])
	if !ok1 || !ok2 {
		return Money{}, errors.New(form)
	}
	return Cents(int64(dollars)*100 + int64(cents)), nil
}

// String returns the amount with two decimal places, or "" if it is blank.
func (m Money) String() string {
	if !m.known {
		return ""
	}
	return fmt.Sprintf("%d.%02d", m.cents/100, m.cents%100)
}

// MarshalText returns the text that String returns.
func (m Money) MarshalText() ([]byte, error) { return []byte(m.String()), nil }

// UnmarshalText parses an amount as ParseMoney does. Empty text is a blank
// amount.
func (m *Money) UnmarshalText(text []byte) (err error) {
	if len(text) == 0 {
		*m = Money{}
		return nil
	}
	*m, err = ParseMoney(string(text))
	return err
}

// Flag is Yes, No or Blank. The zero Flag is Blank.
type Flag uint8

// The values of a Flag.
const (
	Blank Flag = iota
	No
	Yes
)

// FlagOf returns Yes if b is true, and No otherwise.
func FlagOf(b bool) Flag {
	if b {
		return Yes
	}
	return No
}

// IsZero reports whether the flag is blank.
func (f Flag) IsZero() bool { return f == Blank }

// MarshalJSON returns true, false, or null for Blank.
func (f Flag) MarshalJSON() ([]byte, error) {
	if f == Blank {
		return []byte("null"), nil
	}
	return strconv.AppendBool(nil, f == Yes), nil
}

// UnmarshalJSON parses the output of MarshalJSON.
func (f *Flag) UnmarshalJSON(b []byte) error {
	switch string(b) {
	case "null":
		*f = Blank
	case "false":
		*f = No
	case "true":
		*f = Yes
	default:
		return errors.New("not a flag: use true, false or null")
	}
	return nil
}

var errTime = errors.New("not a time: use RFC 3339, for example 2026-11-20T20:59:58-08:00")

// ParseTime parses a time in the form that an event's envelope and the header
// Ledger-Recorded use: RFC 3339 with upper-case T and Z, no leap seconds, and at
// most nine fractional digits. It returns the time in UTC.
func ParseTime(s string) (time.Time, error) {
	if len(s) < 20 || s[10] != 'T' || s[13] != ':' || s[16] != ':' {
		return time.Time{}, errTime
	}
	date, err := ParseDate(s[:10])
	hour, ok1 := parseDigits(s[11:13])
	minute, ok2 := parseDigits(s[14:16])
	second, ok3 := parseDigits(s[17:19])
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
	nanos, _ = parseDigits(s[1:n])
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
	hours, ok1 := parseDigits(s[1:3])
	minutes, ok2 := parseDigits(s[4:6])
	if !ok1 || !ok2 || hours > 23 || minutes > 59 {
		return 0, false
	}
	offset := time.Duration(hours)*time.Hour + time.Duration(minutes)*time.Minute
	if s[0] == '-' {
		offset = -offset
	}
	return offset, true
}
