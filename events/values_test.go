package events_test

import (
	"encoding/json"
	"fmt"
	"testing"
	"time"

	"pgregory.net/rapid"

	"bookledger/events"
)

// TestDateMatchesPackageTime compares the arithmetic, weekday and order of dates
// with package time.
func TestDateMatchesPackageTime(t *testing.T) {
	rapid.Check(t, func(r *rapid.T) {
		day := time.Date(rapid.IntRange(1, 9998).Draw(r, "year"), 1, rapid.IntRange(1, 366).Draw(r, "day"), 0, 0, 0, 0, time.UTC)
		n := rapid.IntRange(-300, 300).Draw(r, "n")
		d, later := events.DateOf(day), day.AddDate(0, 0, n)
		if got := d.AddDays(n); got != events.DateOf(later) || got.String() != later.Format(time.DateOnly) {
			t.Fatalf("%s plus %d days: got %s, want %s", d, n, got, later.Format(time.DateOnly))
		}
		if d.Weekday() != day.Weekday() || d.Year() != day.Year() || d.Month() != int(day.Month()) || d.Day() != day.Day() {
			t.Fatalf("got %s, want %s", d, day)
		}
		if (d < d.AddDays(n)) != (n > 0) {
			t.Fatalf("%s and %s are out of order", d, d.AddDays(n))
		}
	})
}

// TestMoney checks that an amount is parsed to cents and formatted to the same
// text. TestFieldsMatchContract checks which texts are amounts.
func TestMoney(t *testing.T) {
	rapid.Check(t, func(r *rapid.T) {
		cents := rapid.Int64Range(0, 999999999).Draw(r, "cents")
		text := fmt.Sprintf("%d.%02d", cents/100, cents%100)
		got, err := events.ParseMoney(text)
		if n, known := got.Cents(); err != nil || n != cents || !known || got.String() != text || got != events.Cents(cents) {
			t.Fatalf("%s: got %d cents, text %q (%v)", text, n, got, err)
		}
	})
}

// TestBlankValues checks that blank values stay blank in JSON, and differ from
// 0.00 and No.
func TestBlankValues(t *testing.T) {
	var (
		date  events.Date
		money events.Money
		flag  events.Flag
	)
	if !date.IsZero() || !money.IsZero() || !flag.IsZero() || date.String() != "" || money.String() != "" {
		t.Error("a zero value is not blank")
	}
	if events.Cents(0).IsZero() || events.FlagOf(false).IsZero() || events.FlagOf(true) != events.Yes {
		t.Error("0.00 or No is blank")
	}
	type all struct {
		Date  events.Date
		Money events.Money
		Flag  events.Flag
	}
	for want, v := range map[string]all{
		`{"Date":"","Money":"","Flag":null}`:                 {},
		`{"Date":"2026-11-20","Money":"0.00","Flag":false}`:  {20261120, events.Cents(0), events.No},
		`{"Date":"2026-11-20","Money":"412.33","Flag":true}`: {20261120, events.Cents(41233), events.Yes},
	} {
		got, err := json.Marshal(v)
		if err != nil || string(got) != want {
			t.Errorf("got %s (%v), want %s", got, err, want)
		}
		var back struct {
			Date  events.Date
			Money events.Money
		}
		if err := json.Unmarshal(got, &back); err != nil || back.Date != v.Date || back.Money != v.Money {
			t.Errorf("%s: decoded as %+v (%v)", got, back, err)
		}
	}
	if err := new(events.Date).UnmarshalText([]byte("2026-02-30")); err == nil {
		t.Error("2026-02-30 is accepted")
	}
	if err := new(events.Money).UnmarshalText([]byte("1.5")); err == nil {
		t.Error("an amount with one decimal place is accepted")
	}
}

// TestParseTime checks that times are RFC 3339 with upper-case T and Z and at most
// nine fractional digits, and that ParseTime agrees with package time.
func TestParseTime(t *testing.T) {
	for _, text := range []string{
		"2026-11-20T20:59:58-08:00", "2026-11-21T04:59:59.5Z", "2026-11-21T04:59:59.000000001Z", "2024-02-29T00:00:00+14:00",
		"2026-01-01T23:59:59.999999999+05:45", "0001-01-01T00:00:01Z", "2026-01-01T00:00:00.120Z", "2026-01-01T00:00:00-00:00",
	} {
		got, err := events.ParseTime(text)
		if err != nil || !got.Equal(parseTime(t, text)) || got.Location() != time.UTC {
			t.Errorf("%s: got %s (%v)", text, got, err)
		}
	}
	for _, text := range []string{
		"", "2026-11-20", "2026-11-20 20:59:58Z", "2026-11-20t20:59:58Z", "2026-11-20T20:59:58z", "2026-11-20T20:59:58", "2026-11-20T20:59Z",
		"2026-11-20T24:00:00Z", "2026-11-20T20:60:00Z", "2026-12-31T23:59:60Z", "2026-11-31T00:00:00Z", "2026-11-20T20:59:58.Z",
		"2026-11-20T20:59:58.1234567890Z", "2026-11-20T20:59:58,5Z", "2026-11-20T20:59:58+24:00", "2026-11-20T20:59:58+08:60",
		"2026-11-20T20:59:58-0800", "2026-11-20T20:59:58-08", "2026-11-20T20:59:58Z ", "2026-11-20T20:59:58+08:00x", "20260-11-20T20:59:58Z",
	} {
		if got, err := events.ParseTime(text); err == nil {
			t.Errorf("%q: got %s, want an error", text, got)
		}
	}
	rapid.Check(t, func(r *rapid.T) {
		zone := time.FixedZone("", 60*rapid.IntRange(-23*60, 23*60).Draw(r, "offset"))
		want := time.Unix(rapid.Int64Range(0, 4102444800).Draw(r, "seconds"), rapid.Int64Range(0, 999999999).Draw(r, "nanos")).In(zone)
		if got, err := events.ParseTime(want.Format(time.RFC3339Nano)); err != nil || !got.Equal(want) {
			t.Fatalf("%s: got %s (%v)", want.Format(time.RFC3339Nano), got, err)
		}
	})
}
