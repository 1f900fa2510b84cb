package record_test

import (
	"errors"
	"io"
	"strings"
	"testing"
	"testing/iotest"
	"time"

	"bookledger/events"
	"bookledger/events/record"
)

// TestReader checks that lines are numbered from 1, blank lines are skipped, the
// Reader continues after an invalid line, the last line needs no newline, and the
// message of a line stays valid after the next call.
func TestReader(t *testing.T) {
	text := "{\"seq\":1,\"event\":{}}\n\n \t\r\nnonsense\n{\"seq\":5,\"event\":{}}\r\n{\"seq\":6}\n{\"seq\":7,\"event\":{}}"
	r := record.NewReader(iotest.OneByteReader(strings.NewReader(text)))
	var first record.Line
	for _, want := range []struct {
		number int
		seq    uint64
	}{{1, 1}, {4, 0}, {5, 5}, {6, 0}, {7, 7}} {
		l, number, err := r.Next()
		if want.seq == 1 {
			first = l
		}
		if number != want.number || l.Seq != want.seq {
			t.Fatalf("got line %d with sequence %d (%v), want %d with %d", number, l.Seq, err, want.number, want.seq)
		}
		var bad *record.LineError
		if (want.seq == 0) != errors.As(err, &bad) || bad != nil && bad.Number != want.number {
			t.Fatalf("line %d: %v", number, err)
		}
	}
	for range 2 {
		if _, _, err := r.Next(); err != io.EOF {
			t.Fatalf("at the end: got %v, want EOF", err)
		}
	}
	if string(first.Body) != "{}" {
		t.Errorf("the first line's message changed to %q", first.Body)
	}
}

// TestLongLines checks that the largest message fits in a line, even in base64,
// that a line of MaxLine bytes is accepted, and that a longer line is a LineError,
// even at the end, after which the Reader continues.
func TestLongLines(t *testing.T) {
	of := func(seq uint64, body string) string {
		return string(record.Record{Seq: seq, Subject: "ledger.consumer.calheers", Body: []byte(body)}.AppendLine(nil, time.Time{}))
	}
	filled := func(line string, length int) string { return strings.Repeat(" ", length-len(line)) + line }
	const tooLong = 0
	lines := []struct {
		text string
		seq  uint64
	}{
		{of(1, `{"a":"`+strings.Repeat("x", events.MaxMessage-8)+`"}`), 1},
		{of(2, strings.Repeat("\xff", events.MaxMessage)), 2},
		{filled(of(3, "{}"), record.MaxLine+2), tooLong}, // MaxLine does not include the newline
		{filled(of(4, "{}"), record.MaxLine+1), 4},
		{`{"event":{"a":"` + strings.Repeat("x", record.MaxLine) + `"}}`, tooLong},
	}
	var text strings.Builder
	for _, l := range lines {
		text.WriteString(l.text)
	}
	r := record.NewReader(strings.NewReader(text.String()))
	for i, want := range lines {
		l, n, err := r.Next()
		var bad *record.LineError
		if n != i+1 || l.Seq != want.seq || errors.As(err, &bad) != (want.seq == tooLong) || bad != nil && bad.Number != n {
			t.Fatalf("line %d: got line %d with record %d, %v", i+1, n, l.Seq, err)
		}
	}
	if _, _, err := r.Next(); err != io.EOF {
		t.Fatalf("at the end: %v", err)
	}
}

// TestReadError checks that a read error is neither io.EOF nor a LineError.
func TestReadError(t *testing.T) {
	broken := errors.New("broken")
	r := record.NewReader(io.MultiReader(strings.NewReader("{\"event\":{}}\n"), iotest.ErrReader(broken)))
	if _, _, err := r.Next(); err != nil {
		t.Fatal(err)
	}
	_, _, err := r.Next()
	var bad *record.LineError
	if !errors.Is(err, broken) || errors.As(err, &bad) {
		t.Fatalf("got %v", err)
	}
}
