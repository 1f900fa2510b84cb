package record

import (
	"bufio"
	"bytes"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"slices"
	"strconv"
	"time"
	"unicode/utf8"

	"github.com/go-json-experiment/json/jsontext"

	"bookledger/events"
	"bookledger/events/internal/scan"
)

// MaxLine is the length of the longest line that a Reader accepts, in bytes. The
// largest message fits even in base64.
const MaxLine = 4 << 20

// Line is a record parsed from a line of NDJSON. Members that the line lacks are
// zero: a file for publishing has neither sequences nor times.
type Line struct {
	Record
	Recorded time.Time
}

// AppendLine appends the record's line, including the newline. If the record has
// no recorded time, recorded is the zero time.
func (r Record) AppendLine(dst []byte, recorded time.Time) []byte {
	dst = strconv.AppendUint(append(dst, `{"seq":`...), r.Seq, 10)
	dst = appendTime(append(dst, `,"stamped":"`...), r.Stamped)
	if !recorded.IsZero() {
		dst = appendTime(append(dst, `","recorded":"`...), recorded)
	}
	dst = appendText(append(dst, '"'), "subject", r.Subject)
	if r.Header != "" {
		dst = appendText(dst, "header", r.Header)
	}
	dst = AppendMessage(append(dst, ','), r.Body)
	return append(dst, '}', '\n')
}

// AppendMessage appends a message as a member of a line: verbatim as "event" if
// its bytes are JSON that fits in a line, and otherwise in base64 as "raw".
func AppendMessage(dst, body []byte) []byte {
	if canSplice(body) {
		dst = append(dst, `"event":`...)
		return append(dst, body...)
	}
	dst = append(dst, `"raw":"`...)
	dst = base64.StdEncoding.AppendEncode(dst, body)
	return append(dst, '"')
}

func appendTime(dst []byte, t time.Time) []byte {
	return t.UTC().AppendFormat(dst, time.RFC3339Nano)
}

// appendText appends a text member. Text that is not UTF-8, which NATS allows,
// is appended in base64 as name_raw.
func appendText(dst []byte, name, text string) []byte {
	dst = append(append(dst, ',', '"'), name...)
	if !utf8.ValidString(text) {
		dst = append(dst, `_raw":"`...)
		dst = base64.StdEncoding.AppendEncode(dst, []byte(text))
		return append(dst, '"')
	}
	dst, _ = jsontext.AppendQuote(append(dst, `":`...), text)
	return dst
}

// maxDepth is the deepest nesting that jsontext accepts.
const maxDepth = 10_000

// canSplice reports whether body is a JSON object in UTF-8, from brace to brace,
// without a byte under 0x20, that can be parsed again as part of a line.
func canSplice(body []byte) bool {
	if len(body) < 2 || body[0] != '{' || body[len(body)-1] != '}' || !utf8.Valid(body) {
		return false
	}
	opened := 0 // upper bound of the nesting depth
	for _, b := range body {
		switch {
		case b < 0x20:
			return false
		case b == '{' || b == '[':
			opened++
		}
	}
	if opened >= maxDepth { // the line adds one level
		body = append(append([]byte("["), body...), ']')
	}
	return jsontext.Value(body).IsValid(jsontext.AllowDuplicateNames(true))
}

// ParseLine parses one line. The body of an "event" is a part of text, not a
// copy.
func ParseLine(text []byte) (Line, error) {
	var l Line
	w := scan.Walk(text)
	// The event may repeat names here; events.Checker rejects that later.
	if !jsontext.Value(text).IsValid(jsontext.AllowDuplicateNames(true)) || !w.Open('{') {
		return l, errors.New("the line is not one JSON object")
	}
	var buf [8][]byte
	seen := buf[:0]
	for quoted, value := w.Member(); quoted != nil; quoted, value = w.Member() {
		name, _, _ := scan.Unquote(quoted, nil)
		if slices.ContainsFunc(seen, func(s []byte) bool { return bytes.Equal(s, name) }) {
			return l, errors.New("the line repeats a member")
		}
		seen = append(seen, name)
		if err := l.setMember(name, value); err != nil {
			return l, err
		}
	}
	if l.Body == nil {
		return l, errors.New(`the line has no "event"`)
	}
	return l, nil
}

// setMember sets a member from its JSON value. It ignores unknown names.
func (l *Line) setMember(name, value []byte) (err error) {
	switch string(name) {
	case "seq":
		l.Seq, err = strconv.ParseUint(string(value), 10, 64)
	case "stamped":
		l.Stamped, err = parseTime(value)
	case "recorded":
		l.Recorded, err = parseTime(value)
	case "subject":
		l.Subject, err = parseText(value)
	case "header":
		l.Header, err = parseText(value)
	case "subject_raw":
		l.Subject, err = parseRaw(value)
	case "header_raw":
		l.Header, err = parseRaw(value)
	case "event", "raw":
		if l.Body != nil {
			return errors.New(`the line has both "event" and "raw"`)
		}
		if l.Body = value; string(name) == "raw" {
			var raw string
			raw, err = parseRaw(value)
			l.Body = []byte(raw)
		}
	}
	if err != nil {
		return fmt.Errorf("%q has an invalid value", name)
	}
	return nil
}

func parseText(quoted []byte) (string, error) {
	text, _, ok := scan.Unquote(quoted, nil)
	if !ok {
		return "", errors.New("not a string")
	}
	return string(text), nil
}

func parseRaw(v []byte) (string, error) {
	text, err := parseText(v)
	if err != nil {
		return "", err
	}
	b, err := base64.StdEncoding.DecodeString(text)
	return string(b), err
}

func parseTime(v []byte) (time.Time, error) {
	s, err := parseText(v)
	if err != nil {
		return time.Time{}, err
	}
	return events.ParseTime(s)
}

// Reader reads NDJSON line by line.
type Reader struct {
	r         *bufio.Reader
	number    int
	line      []byte
	truncated bool // the last line has no newline
}

// NewReader returns a Reader that reads lines from r.
func NewReader(r io.Reader) *Reader {
	return &Reader{r: bufio.NewReaderSize(r, 256<<10)}
}

// LineError is returned for an invalid line. The Reader can continue after it.
type LineError struct {
	Number int // first line is 1
	Err    error
}

// Error returns the line number and the underlying error.
func (e *LineError) Error() string { return fmt.Sprintf("line %d: %v", e.Number, e.Err) }

// Unwrap returns the underlying error.
func (e *LineError) Unwrap() error { return e.Err }

// NextRaw returns the next line that is not blank, without its newline, and its
// number. The bytes are valid until the next call. NextRaw returns io.EOF at the
// end, and a *LineError for a line longer than MaxLine.
func (r *Reader) NextRaw() ([]byte, int, error) {
	for {
		text, err := r.readLine()
		if err != nil {
			return nil, r.number, err
		}
		if len(bytes.TrimSpace(text)) > 0 {
			return text, r.number, nil
		}
	}
}

// Truncated reports whether the last returned line had no newline at its end. A
// file that was cut off ends with such a line.
func (r *Reader) Truncated() bool { return r.truncated }

// Next parses the next line that is not blank, and returns it with its number.
// It returns io.EOF at the end, and a *LineError for an invalid line.
func (r *Reader) Next() (Line, int, error) {
	text, number, err := r.NextRaw()
	if err != nil {
		return Line{}, number, err
	}
	l, err := ParseLine(bytes.Clone(text))
	if err != nil {
		return Line{}, number, &LineError{number, err}
	}
	return l, number, nil
}

func (r *Reader) readLine() ([]byte, error) {
	r.line, r.truncated = r.line[:0], false
	r.number++
	tooLong := false
	for {
		part, err := r.r.ReadSlice('\n')
		text := bytes.TrimSuffix(part, []byte("\n"))
		if tooLong = tooLong || len(r.line)+len(text) > MaxLine; !tooLong {
			r.line = append(r.line, text...)
		}
		if err == bufio.ErrBufferFull {
			continue
		}
		if err != nil && (err != io.EOF || len(r.line) == 0 && len(part) == 0 && !tooLong) {
			return nil, err
		}
		if tooLong {
			return nil, &LineError{r.number, fmt.Errorf("the line is longer than %d bytes", MaxLine)}
		}
		r.truncated = err == io.EOF
		return r.line, nil
	}
}
