package record_test

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"reflect"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"pgregory.net/rapid"

	"bookledger/events/record"
)

// TestAppendLine checks the form of a line: the members and their order, times in
// UTC, the header on history subjects, and an optional recorded time.
func TestAppendLine(t *testing.T) {
	pacific := time.FixedZone("PST", -8*3600)
	r := record.Record{
		Seq: 7, Stamped: time.Date(2026, 11, 20, 20, 59, 59, 5e8, pacific),
		Subject: "ledger.consumer.calheers", Body: []byte(`{"id":"1"}`),
	}
	history := r
	history.Subject, history.Header = "ledger.history.calheers", "2026-11-13T21:00:00-08:00"
	for _, c := range []struct {
		record   record.Record
		recorded time.Time
		want     string
	}{
		{r, r.Stamped, `{"seq":7,"stamped":"2026-11-21T04:59:59.5Z","recorded":"2026-11-21T04:59:59.5Z","subject":"ledger.consumer.calheers","event":{"id":"1"}}`},
		{r, time.Time{}, `{"seq":7,"stamped":"2026-11-21T04:59:59.5Z","subject":"ledger.consumer.calheers","event":{"id":"1"}}`},
		{history, time.Date(2026, 11, 14, 5, 0, 0, 0, time.UTC), `{"seq":7,"stamped":"2026-11-21T04:59:59.5Z","recorded":"2026-11-14T05:00:00Z","subject":"ledger.history.calheers","header":"2026-11-13T21:00:00-08:00","event":{"id":"1"}}`},
	} {
		if got := string(c.record.AppendLine([]byte("before "), c.recorded)); got != "before "+c.want+"\n" {
			t.Errorf("got  %s\nwant %s", got, c.want)
		}
	}
}

// TestSplicesValidJSON checks that a line contains a message verbatim if it is
// UTF-8 JSON from brace to brace without a byte under 0x20, and otherwise in base64
// as raw.
func TestSplicesValidJSON(t *testing.T) {
	for _, c := range []struct {
		name, body string
		spliced    bool
	}{
		{"plain", `{"id":"1"}`, true},
		{"spaces, numbers and escapes unchanged", `{ "a" : 1.50e+03 , "b":"\u00e9\/<&>" , "c":[ ] }`, true},
		{"letters beyond ASCII", `{"name":"José Núñez 李"}`, true},
		{"DEL is no byte under 0x20", "{\"a\":\"\x7f\"}", true},
		{"line separators of JavaScript", "{\"a\":\"\u2028\"}", true},
		{"repeated names are JSON", `{"a":1,"a":2}`, true},
		{"empty object", `{}`, true},
		{"nothing", ``, false},
		{"one brace", `{`, false},
		{"list", `[{}]`, false},
		{"text", `"text"`, false},
		{"number", `5`, false},
		{"null", `null`, false},
		{"two objects", `{}{}`, false},
		{"space before", ` {"a":1}`, false},
		{"space after", `{"a":1} `, false},
		{"newline inside", "{\"a\":\n1}", false},
		{"tab inside", "{\t\"a\":1}", false},
		{"newline after", "{\"a\":1}\n", false},
		{"cut off", `{"a":{}`, false},
		{"no JSON between the braces", `{no JSON}`, false},
		{"not UTF-8", "{\"a\":\"\xff\"}", false},
		{"overlong UTF-8", "{\"a\":\"\xc0\xaf\"}", false},
		{"a line of its own", `{"event":{}}` + "\n" + `{"event":{}}`, false},
	} {
		line := record.Record{Seq: 1, Subject: "ledger.consumer.calheers", Body: []byte(c.body)}.AppendLine(nil, time.Time{})
		want := `,"raw":"` + base64.StdEncoding.EncodeToString([]byte(c.body)) + `"}` + "\n"
		if c.spliced {
			want = `,"event":` + c.body + "}\n"
		}
		if !strings.HasSuffix(string(line), want) {
			t.Errorf("%s: got line %s, want it to end in %s", c.name, line, want)
		}
		back, err := record.ParseLine(line)
		if err != nil || string(back.Body) != c.body {
			t.Errorf("%s: parsed as %q (%v)", c.name, back.Body, err)
		}
	}
}

// anyBytes generates messages, subjects and headers: JSON, almost JSON, or other
// bytes.
func anyBytes() *rapid.Generator[[]byte] {
	return rapid.OneOf(
		rapid.SliceOf(rapid.Byte()),
		rapid.Custom(func(t *rapid.T) []byte { return []byte(rapid.String().Draw(t, "text")) }),
		rapid.Custom(func(t *rapid.T) []byte {
			b, _ := json.Marshal(rapid.MapOf(rapid.String(), rapid.String()).Draw(t, "object"))
			return b
		}),
		rapid.Custom(func(t *rapid.T) []byte {
			b := []byte(`{"id":"1","data":{"case_id":"5000032500"}}`)
			b[rapid.IntRange(0, len(b)-1).Draw(t, "at")] = rapid.Byte().Draw(t, "byte")
			return b
		}),
	)
}

// anyRecord generates a record with any subject, header and body.
func anyRecord(t *rapid.T) record.Record {
	return record.Record{
		Seq:     rapid.Uint64().Draw(t, "seq"),
		Stamped: time.Unix(rapid.Int64Range(-62135596799, 253402300799).Draw(t, "stamped"), rapid.Int64Range(0, 999999999).Draw(t, "nanos")).UTC(),
		Subject: string(anyBytes().Draw(t, "subject")),
		Header:  string(anyBytes().Draw(t, "header")),
		Body:    anyBytes().Draw(t, "body"),
	}
}

// TestRoundTrip checks that a dump loses no byte: the line of any record is one
// line of valid UTF-8 JSON and parses to the same record.
func TestRoundTrip(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		want := record.Line{Record: anyRecord(t)}
		if rapid.Bool().Draw(t, "has a recorded time") {
			want.Recorded = want.Stamped.Add(-time.Duration(rapid.Int64Range(0, 1<<40).Draw(t, "before")))
			if want.Recorded.Year() < 1 {
				want.Recorded = want.Stamped
			}
		}
		line := want.AppendLine(nil, want.Recorded)
		if bytes.IndexByte(line, '\n') != len(line)-1 || !utf8.Valid(line) || !json.Valid(line) {
			t.Fatalf("not one line of JSON: %q", line)
		}
		got, err := record.ParseLine(line)
		if err != nil {
			t.Fatalf("%v: %q", err, line)
		}
		if got.Body == nil || !bytes.Equal(got.Body, want.Body) {
			t.Fatalf("got message %q, want %q", got.Body, want.Body)
		}
		got.Body = want.Body
		if !reflect.DeepEqual(got, want) {
			t.Fatalf("got %+v, want %+v", got, want)
		}
	})
}

// TestParseLine checks which members a file for publishing or for the history load
// may omit, and that unknown members are ignored.
func TestParseLine(t *testing.T) {
	for _, c := range []struct {
		line string
		want record.Line
	}{
		{`{"subject":"ledger.consumer.calheers","event":{"a":1}}`,
			record.Line{Record: record.Record{Subject: "ledger.consumer.calheers", Body: []byte(`{"a":1}`)}}},
		{` { "event" : { "a" : 1 } , "recorded" : "2026-11-20T21:00:00-08:00" } ` + "\n",
			record.Line{Record: record.Record{Body: []byte(`{ "a" : 1 }`)}, Recorded: time.Date(2026, 11, 21, 5, 0, 0, 0, time.UTC)}},
		{`{"seq":18446744073709551615,"raw":"AP8K","note":{"of":["no","matter"]}}`,
			record.Line{Record: record.Record{Seq: 1<<64 - 1, Body: []byte("\x00\xff\n")}}},
		{`{"event":{"a":1,"a":2}}`, record.Line{Record: record.Record{Body: []byte(`{"a":1,"a":2}`)}}},
		{`{"raw":""}`, record.Line{Record: record.Record{Body: []byte{}}}},
	} {
		got, err := record.ParseLine([]byte(c.line))
		if err != nil || !reflect.DeepEqual(got, c.want) {
			t.Errorf("%s: got %+v (%v)", c.line, got, err)
		}
	}
	for _, line := range []string{
		``, `{`, `[]`, `5`, `{}`, `{"subject":"ledger.consumer.calheers"}`, `{"event":{}`, `{"event":{}} x`, `{"event":{}}{}`,
		`{"event":}`, `{"event":{no}}`, `{"seq":-1,"event":{}}`, `{"seq":1.5,"event":{}}`, `{"seq":"1","event":{}}`,
		`{"seq":18446744073709551616,"event":{}}`, `{"stamped":"yesterday","event":{}}`, `{"stamped":1763700000,"event":{}}`,
		`{"recorded":"2026-11-20","event":{}}`, `{"subject":7,"event":{}}`, `{"header":null,"event":{}}`, `{"raw":"%"}`, `{"raw":7}`,
		"{\"event\":{\"a\":\"\xff\"}}", `{"subject":"\ud800","event":{}}`,
	} {
		if got, err := record.ParseLine([]byte(line)); err == nil {
			t.Errorf("%q: got %+v, want an error", line, got)
		}
	}
}

// TestDeepMessagesRoundTrip checks lines of deeply nested messages, around the
// maximum depth of the JSON parser.
func TestDeepMessagesRoundTrip(t *testing.T) {
	for depth := 9_998; depth <= 10_002; depth++ {
		body := []byte(strings.Repeat(`{"a":`, depth) + "1" + strings.Repeat("}", depth))
		r := record.Record{Seq: 1, Stamped: time.Unix(1, 0).UTC(), Subject: "ledger.consumer.calheers", Body: body}
		l, err := record.ParseLine(r.AppendLine(nil, time.Time{}))
		if err != nil || !bytes.Equal(l.Body, body) {
			t.Errorf("a message with depth %d does not round-trip: %v", depth, err)
		}
	}
}

// FuzzParseLine checks that ParseLine never panics, and that a parsed record
// round-trips.
func FuzzParseLine(f *testing.F) {
	f.Add([]byte(`{"seq":7,"stamped":"2026-11-21T04:59:59.5Z","recorded":"2026-11-21T04:59:59.5Z","subject":"ledger.history.calheers","header":"2026-11-13T21:00:00-08:00","event":{"a":[1,{"b":null}]}}`))
	f.Add([]byte(`{"seq":1,"subject_raw":"/w==","header_raw":"/w==","raw":"AP8K"}`))
	f.Add([]byte(`{"event":"text","raw":""}`))
	f.Add([]byte("{\"event\":{\"\\ud83d\\ude00\":\"\x7f\"}}\n"))
	f.Fuzz(func(t *testing.T, text []byte) {
		l, err := record.ParseLine(text)
		if err != nil {
			return
		}
		if y := l.Stamped.Year(); y < 0 || y > 9999 || l.Recorded.Year() < 0 || l.Recorded.Year() > 9999 {
			return // the offset moved the year outside the range of RFC 3339
		}
		line := l.AppendLine(nil, l.Recorded)
		again, err := record.ParseLine(line)
		if err != nil || !reflect.DeepEqual(again, l) {
			t.Fatalf("%q: parsed as %+v, its line %q as %+v (%v)", text, l, line, again, err)
		}
	})
}
