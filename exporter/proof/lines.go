package proof

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"time"

	"bookledger/events/record"
)

// lineReader reads a file line by line. It refuses blank lines and a last line
// without a newline.
type lineReader struct {
	io.Closer
	name  string // for errors
	lines *record.Reader
	n     int // lines read
}

func newLineReader(name string, f io.ReadCloser) *lineReader {
	return &lineReader{Closer: f, name: name, lines: record.NewReader(f)}
}

// openLines opens a file of the bundle.
func (b *bundle) openLines(name string) (*lineReader, error) {
	f, err := b.root.Open(name)
	if err != nil {
		return nil, fmt.Errorf("reading the bundle: %w", err)
	}
	return newLineReader(name, f), nil
}

// next returns the next line with its newline, valid until the next call. It returns
// io.EOF after the last line.
func (l *lineReader) next() ([]byte, error) {
	text, number, err := l.lines.NextRaw()
	_, tooLong := errors.AsType[*record.LineError](err)
	switch {
	case err == io.EOF && number == l.n+1:
		return nil, io.EOF
	case err == io.EOF || err == nil && l.lines.Truncated():
		return nil, mismatchf("%s: the last line is cut off, or blank lines follow it", l.name)
	case tooLong:
		return nil, mismatchf("%s: %v", l.name, err)
	case err != nil:
		return nil, fmt.Errorf("reading %s: %w", l.name, err)
	}
	if l.n++; number != l.n {
		return nil, mismatchf("%s: line %d is blank", l.name, l.n)
	}
	return append(text, '\n'), nil
}

// nextJSON reads and decodes the next line as JSON.
func nextJSON[T any](l *lineReader) (v T, err error) {
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
	line, err := record.ParseLine(bytes.Clone(text)) // the record's body is a part of the line
	if err != nil {
		return r, mismatchf("%s: line %d: %v", l.name, l.n, err)
	}
	return line.Record, l.checkLine(text, line.AppendLine(nil, time.Time{}))
}

// checkLine checks that text, the line read last, is the line that the ledger
// writes for its record.
func (l *lineReader) checkLine(text, want []byte) error {
	if bytes.Equal(text, want) {
		return nil
	}
	at := 0
	for at < min(len(text), len(want)) && text[at] == want[at] {
		at++
	}
	around := func(line []byte) []byte { return line[at:min(at+40, len(line))] }
	return mismatchf("%s: line %d is not what the ledger writes for that record: at byte %d it has %q instead of %q", l.name, l.n, at+1, around(text), around(want))
}
