package record_test

import (
	"bytes"
	"fmt"
	"reflect"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"bookledger/events"
	"bookledger/events/record"
	"bookledger/schemas"
)

// parseBothWays holds that a Parser reads a line as ParseLine does, and checks
// its event as a Checker does.
func parseBothWays(t interface {
	Helper()
	Fatalf(string, ...any)
}, p *record.Parser, text []byte) (read bool) {
	t.Helper()
	got, checked, err := p.Parse(bytes.Clone(text))
	want, wantErr := record.ParseLine(text)
	var wantChecked events.Checked
	if wantErr == nil {
		wantChecked = new(events.Checker).Check(want.Subject, want.Body)
	}
	if fmt.Sprint(err) != fmt.Sprint(wantErr) || !reflect.DeepEqual(got, want) || !reflect.DeepEqual(checked, wantChecked) {
		t.Fatalf("%q is read as\n%+v %+v (%v), not as\n%+v %+v (%v)", text, got, checked, err, want, wantChecked, wantErr)
	}
	return err == nil
}

// corpusLines are the lines of the corpus of events, on live subjects and with
// a header.
func corpusLines(tb testing.TB) (lines [][]byte) {
	tb.Helper()
	cases, err := schemas.Corpus()
	if err != nil {
		tb.Fatal(err)
	}
	at := time.Date(2026, 11, 21, 4, 59, 59, 5e8, time.UTC)
	for i, c := range cases {
		r := record.Record{Seq: uint64(i + 1), Stamped: at, Subject: c.Subject, Body: c.Message}
		lines = append(lines, r.AppendLine(nil, at), r.AppendLine(nil, at.Add(time.Second)))
		r.Subject, r.Header = events.HistorySubject("calheers"), "2026-11-13T21:00:00-08:00"
		lines = append(lines, r.AppendLine(nil, time.Time{}))
	}
	return lines
}

// TestParser reads the lines of the corpus, with any two places of them changed.
func TestParser(t *testing.T) {
	lines := corpusLines(t)
	var p record.Parser
	for _, line := range lines {
		if !parseBothWays(t, &p, line) {
			t.Fatalf("%q is not read", line)
		}
	}
	rapid.Check(t, func(t *rapid.T) {
		line := bytes.Clone(rapid.SampledFrom(lines).Draw(t, "line"))
		head := bytes.Index(line, []byte(`"event"`)) + 10
		for range rapid.IntRange(0, 2).Draw(t, "changes") {
			upTo := len(line)
			if head > 10 && rapid.Bool().Draw(t, "in the head") {
				upTo = min(upTo, head)
			}
			i := rapid.IntRange(0, upTo-1).Draw(t, "at")
			j := min(len(line), i+rapid.IntRange(0, 2).Draw(t, "less"))
			by := rapid.SampledFrom([]string{"", "0", "1", "9999999999", "-", "T", "Z", `"`, `\`, `\u0041`, ",", ":", "{", "}", "]", " ", "\n", "\x00", "\x7f", "\xff", "é",
				`"seq":1,`, `"subject":"x",`, `"raw":"",`, `"event":{},`}).Draw(t, "by")
			line = bytes.Join([][]byte{line[:i], []byte(by), line[j:]}, nil)
		}
		parseBothWays(t, &p, line)
	})
}

// TestParserForms does so with what no such change comes to.
func TestParserForms(t *testing.T) {
	const event = `{"specversion":"1.0","id":"1","source":"calheers","type":"consumer.case_closed.v1","time":"2026-11-20T20:59:58-08:00","data":{"case_id":"1"}}`
	const subject = `"subject":"ledger.consumer.calheers",`
	var p record.Parser
	read := 0
	for _, line := range []string{
		`{` + subject + `"event":` + event + `}`,
		`{"seq":0,` + subject + `"event":` + event + `}`,
		`{"seq":01,` + subject + `"event":` + event + `}`,
		`{"seq":9999999999999999999,` + subject + `"event":` + event + `}`,
		`{"seq":18446744073709551616,` + subject + `"event":` + event + `}`,
		`{"seq":1,"seq":1,` + subject + `"event":` + event + `}`,
		`{"recorded":"2026-11-21T05:00:00Z",` + subject + `"event":` + event + `}`,
		`{"recorded":"",` + subject + `"event":` + event + `}`,
		`{"stamped":"","recorded":"",` + subject + `"event":` + event + `}`,
		`{"stamped":"2026-11-21T05:00:00Z","recorded":"2026-11-21T05:00:00Z,` + subject + `"event":` + event + `}`,
		`{` + subject + `"event":` + event + `,"raw":""}`,
		`{` + subject + `"event":` + event + `,"event":` + event + `}`,
		`{` + subject + `"event":` + event + `} `,
		`{` + subject + `"event":` + event + `}}`,
		`{` + subject + `"event":` + event,
		`{` + subject + `"event":{}` + event + `}`,
		`{"event":` + event + `}`,
		`{"event":{}}`,
		`{"event":{}`,
		`{"event":}`,
		`{"subject":"` + "\u00e9" + `","event":` + event + `}`,
		`{"subject":"` + "\x7f" + `","event":` + event + `}`,
		`{"subject":"\u006cedger.consumer.calheers","event":` + event + `}`,
		`{` + subject + `"header":"no time","event":` + event + `}`,
		`{` + subject + `"event":` + strings.TrimSuffix(event, "}") + `,"id":"1"}}`,
		`{` + subject + `"event":` + strings.TrimSuffix(event, "}") + `,"deep":` + strings.Repeat("[", 4900) + strings.Repeat("]", 4900) + `}}`,
		`{` + subject + `"event":` + strings.TrimSuffix(event, "}") + `,"deep":` + strings.Repeat("[", 9998) + strings.Repeat("]", 9998) + `}}`,
		`{` + subject + `"event":` + strings.TrimSuffix(event, "}") + `,"deep":` + strings.Repeat("[", 9999) + strings.Repeat("]", 9999) + `}}`,
	} {
		for _, end := range []string{"", "\n", "\r\n"} {
			if parseBothWays(t, &p, []byte(line+end)) {
				read++
			}
		}
	}
	if read < 30 {
		t.Fatalf("%d forms were read", read)
	}
}

// TestParserManySubjects holds that subjects beyond those that are kept are
// read as well.
func TestParserManySubjects(t *testing.T) {
	var p record.Parser
	for range 2 {
		for i := range 300 {
			parseBothWays(t, &p, fmt.Appendf(nil, `{"subject":"ledger.consumer.s%d","event":{}}`, i))
		}
	}
}

// FuzzParser does so with anything.
func FuzzParser(f *testing.F) {
	for _, line := range corpusLines(f) {
		f.Add(line)
	}
	f.Fuzz(func(t *testing.T, text []byte) { parseBothWays(t, new(record.Parser), text) })
}
