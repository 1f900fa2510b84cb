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

// TestReader holds that lines are numbered from 1, blank ones are passed over,
// a bad one is named and the reader goes on after it, the last one needs no
// newline, and the message of a line outlives those after it.
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
			t.Fatalf("at the end: %v", err)
		}
	}
	if string(first.Body) != "{}" {
		t.Errorf("the first line's message has become %q", first.Body)
	}
}

// TestLongLines holds that the largest message fits in a line, in base64 too,
// and that a line over MaxLine is named and passed over whole.
func TestLongLines(t *testing.T) {
	body := `{"a":"` + strings.Repeat("x", events.MaxMessage-8) + `"}`
	spliced := record.Record{Seq: 1, Subject: "ledger.consumer.calheers", Body: []byte(body)}
	raw := spliced
	raw.Seq, raw.Body = 2, []byte(strings.Repeat("\xff", events.MaxMessage))
	tooLong := `{"seq":3,"event":{"a":"` + strings.Repeat("x", record.MaxLine) + `"}}`
	last := record.Record{Seq: 4, Subject: "ledger.consumer.calheers", Body: []byte("{}")}

	var text []byte
	text = spliced.AppendLine(text, time.Time{})
	text = raw.AppendLine(text, time.Time{})
	text = append(append(text, tooLong...), '\n')
	text = last.AppendLine(text, time.Time{})
	text = append(text, tooLong...)
	r := record.NewReader(strings.NewReader(string(text)))
	for _, want := range []record.Record{spliced, raw} {
		l, _, err := r.Next()
		if err != nil || l.Seq != want.Seq || string(l.Body) != string(want.Body) {
			t.Fatalf("record %d: got record %d with %d bytes (%v)", want.Seq, l.Seq, len(l.Body), err)
		}
	}
	refused := func(number int) {
		t.Helper()
		_, n, err := r.Next()
		var bad *record.LineError
		if !errors.As(err, &bad) || bad.Number != number || n != number {
			t.Fatalf("line %d: got %d, %v", number, n, err)
		}
	}
	refused(3)
	if l, n, err := r.Next(); err != nil || l.Seq != 4 || n != 4 {
		t.Fatalf("after the long line: got record %d in line %d (%v)", l.Seq, n, err)
	}
	refused(5)
	if _, _, err := r.Next(); err != io.EOF {
		t.Fatalf("at the end: %v", err)
	}
}

// TestLongestLine holds that a line of the greatest length is read, and one
// byte more refused.
func TestLongestLine(t *testing.T) {
	for _, more := range []int{0, 1} {
		text := strings.Repeat(" ", record.MaxLine+more-2) + "{}\n"
		line, _, err := record.NewReader(strings.NewReader(text)).NextRaw()
		if (err != nil) != (more == 1) || err == nil && len(line) != record.MaxLine {
			t.Errorf("a line of %d bytes more than the longest: %d bytes, %v", more, len(line), err)
		}
	}
}

// TestReadError holds that an error of the source is no end and no bad line.
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
