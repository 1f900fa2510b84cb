package proof

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"time"

	"bookledger/events/record"
)

// lineReader reads a file line by line. None may be blank, and each must end.
type lineReader struct {
	io.Closer
	name  string // as messages name it
	lines *record.Reader
	n     int // lines read
}

func newLineReader(name string, f io.ReadCloser) *lineReader {
	return &lineReader{Closer: f, name: name, lines: record.NewReader(f)}
}

// lines opens a file of the bundle.
func (b *bundle) lines(name string) (*lineReader, error) {
	f, err := b.root.Open(name)
	if err != nil {
		return nil, fmt.Errorf("reading the bundle: %w", err)
	}
	return newLineReader(name, f), nil
}

// next returns the next line, which is valid until the next call, with its end;
// io.EOF after the last one.
func (l *lineReader) next() ([]byte, error) {
	text, number, err := l.lines.NextRaw()
	_, tooLong := errors.AsType[*record.LineError](err)
	switch {
	case err == io.EOF && number == l.n+1:
		return nil, io.EOF
	case err == io.EOF || err == nil && l.lines.Truncated():
		return nil, differs("%s: its last line is cut off, or blank lines follow it", l.name)
	case tooLong:
		return nil, differs("%s: %v", l.name, err)
	case err != nil:
		return nil, fmt.Errorf("reading %s: %w", l.name, err)
	}
	if l.n++; number != l.n {
		return nil, differs("%s: line %d is blank", l.name, l.n)
	}
	return append(text, '\n'), nil
}

// nextOf reads the next line as JSON.
func nextOf[T any](l *lineReader) (v T, err error) {
	text, err := l.next()
	if err != nil {
		return v, err
	}
	return decode[T](fmt.Sprintf("%s: line %d", l.name, l.n), text, encodeLine)
}

// nextRecord reads the next line as a record without a recorded time.
func (l *lineReader) nextRecord() (r record.Record, err error) {
	text, err := l.next()
	if err != nil {
		return r, err
	}
	line, err := record.ParseLine(bytes.Clone(text)) // whose part the record's body is
	if err != nil {
		return r, differs("%s: line %d: %v", l.name, l.n, err)
	}
	return line.Record, l.mustBe(text, line.AppendLine(nil, time.Time{}))
}

// mustBe checks that the line which was read last is the one that the ledger
// writes for its record.
func (l *lineReader) mustBe(text, want []byte) error {
	if bytes.Equal(text, want) {
		return nil
	}
	at := 0
	for at < min(len(text), len(want)) && text[at] == want[at] {
		at++
	}
	around := func(line []byte) []byte { return line[at:min(at+40, len(line))] }
	return differs("%s: line %d is not what the ledger writes for that record: from byte %d on it has %q, and must have %q", l.name, l.n, at+1, around(text), around(want))
}
