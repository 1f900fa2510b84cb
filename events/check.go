package events

import (
	"bytes"
	"encoding/hex"
	"reflect"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/go-json-experiment/json/jsontext"

	"bookledger/events/internal/scan"
)

// Event is one event as its CloudEvents envelope and data say it.
type Event struct {
	ID        string
	Source    string
	Type      string
	Time      time.Time // when it happened at the source; decides nothing
	ActorID   string    // the person who acted, where one did
	ActorRole string
	Data      Data // nil where the event was not taken
}

// Checked is what can be said of a message by itself. The order of judgement
// puts the question whether (source, id) has been seen before between the two
// rejections: see projections.
type Checked struct {
	Event             Event
	EnvelopeRejection *Rejection // malformed or wrong_subject
	ContentRejection  *Rejection // unsupported_type, unsupported_version or schema
	// CaseID is the case that the message is about: the one of its data or,
	// where that was not taken, the one that the message names all the same, so
	// that a case's history also holds what was refused. It is "" where no case
	// can be made out.
	CaseID string
}

// Rejection returns the first rejection of the two, or nil.
func (c *Checked) Rejection() *Rejection {
	if c.EnvelopeRejection != nil {
		return c.EnvelopeRejection
	}
	return c.ContentRejection
}

// Checker reads and checks messages, one after the other; it keeps a buffer
// between them. Use one for each goroutine. The zero Checker is ready.
type Checker struct {
	scratch []byte
	source  string // of the message before
}

// Check reads the message body as it stood on subject. Of a malformed message
// it fills in what could be read of the event's id and source.
func (c *Checker) Check(subject string, body []byte) Checked {
	var out Checked
	data, r := c.readEnvelope(body, &out.Event)
	if r == nil {
		r = checkSubject(subject, out.Event.Source, out.Event.Type)
	}
	if out.EnvelopeRejection = r; r == nil {
		if out.ContentRejection = checkType(out.Event.Type); out.ContentRejection == nil {
			out.Event.Data, out.ContentRejection = c.readData(data, eventTypes[out.Event.Type])
		}
	}
	out.CaseID = caseOf(out.Event.Data, body)
	return out
}

const wantObject = "the message is not one JSON object in UTF-8 without repeated names"

// attributes are what the check judges of a CloudEvents envelope, in the order
// in which their absence is reported.
var attributes = [...]struct {
	name     string
	required bool
	reason   string
}{
	{"specversion", true, `must be "1.0"`},
	{"id", true, "must be a string of 1 to 128 characters without control characters"},
	{"source", true, "must be a string of 1 to 40 of a-z 0-9 -"},
	{"type", true, "must be a string of 1 to 200 characters without control characters"},
	{"time", true, "must be a time as in RFC 3339, like 2026-11-20T20:59:58-08:00"},
	{"data", true, "must be there, and not blank"},
	{"actorid", false, "must be a string of at most 200 characters without control characters"},
	{"actorrole", false, "must be a string of at most 200 characters without control characters"},
}

// attributeOf returns the index of the attribute that a raw JSON string names,
// or -1.
func attributeOf(raw []byte) int {
	name, _, ok := scan.Unquote(raw, nil)
	for i := range attributes {
		if ok && string(name) == attributes[i].name {
			return i
		}
	}
	return -1
}

// readEnvelope reads the whole message and returns the raw data; what it
// returns without a rejection is valid throughout. Of several faults it reports
// the first in the message, and what is missing only where nothing is faulty.
func (c *Checker) readEnvelope(body []byte, e *Event) (data []byte, _ *Rejection) {
	valid := jsontext.Value(body).IsValid()
	w := scan.Walk(body)
	if !valid && !utf8.Valid(body) || !w.Open('{') {
		return nil, reject(Malformed, "", wantObject)
	}
	var seen [len(attributes)]bool
	faulty := -1
	for name, value := w.Member(); name != nil; name, value = w.Member() {
		i := attributeOf(name)
		if i < 0 {
			continue
		}
		ok := true
		switch a := &attributes[i]; {
		case a.name == "data":
			if isBlank(value) {
				continue
			}
			data = value
		case value[0] == '"':
			ok = c.setAttribute(e, a.name, value)
		default:
			ok = value[0] == 'n' && !a.required
		}
		if seen[i] = true; !ok && faulty < 0 {
			faulty = i
		}
	}
	if !valid {
		return nil, reject(Malformed, "", wantObject)
	}
	for i := range attributes {
		if faulty < 0 && attributes[i].required && !seen[i] {
			faulty = i
		}
	}
	if faulty >= 0 {
		return nil, reject(Malformed, attributes[faulty].name, attributes[faulty].reason)
	}
	return data, nil
}

// setAttribute sets the event's attribute to a raw JSON string, and reports
// whether that is as it must be.
func (c *Checker) setAttribute(e *Event, name string, raw []byte) (ok bool) {
	text, scratch, ok := scan.Unquote(raw, c.scratch)
	c.scratch = scratch
	if !ok {
		return false
	}
	switch name {
	case "specversion":
		return string(text) == "1.0"
	case "id":
		return len(text) > 0 && setChecked(&e.ID, text, 128)
	case "source":
		if !isSource(text) {
			return false
		}
		if string(text) != c.source {
			c.source = string(text)
		}
		e.Source = c.source
	case "type":
		if known, is := typeNames[string(text)]; is {
			e.Type = known
			return true
		}
		return len(text) > 0 && setChecked(&e.Type, text, 200)
	case "time":
		var err error
		e.Time, err = ParseTime(string(text))
		return err == nil
	case "actorid":
		return setChecked(&e.ActorID, text, 200)
	case "actorrole":
		return setChecked(&e.ActorRole, text, 200)
	}
	return ok
}

func setChecked(attribute *string, text []byte, most int) bool {
	s := string(text)
	if !checkText(s, most, false) {
		return false
	}
	*attribute = s
	return true
}

// readData reads the data of an event of type t.
func (c *Checker) readData(raw []byte, t eventType) (Data, *Rejection) {
	if raw[0] != '{' {
		return nil, reject(Schema, "data", "must be an object")
	}
	data := t.make()
	if rejection := c.readObject(t.shape, raw, reflect.ValueOf(data).Elem()); rejection != nil {
		return nil, rejection.within("data")
	}
	return data, nil
}

// caseOf returns the case that data is about or, where there is none, that the
// body names, which need not be valid.
func caseOf(data Data, body []byte) string {
	if data != nil {
		if d, ok := data.(CaseData); ok {
			return d.Case()
		}
		return ""
	}
	quoted := scan.Member(scan.Member(body, `"data"`), `"case_id"`)
	if n := len(quoted); n < 2 || quoted[0] != '"' || quoted[n-1] != '"' {
		return ""
	}
	if id := string(quoted[1 : len(quoted)-1]); IsIdentifier(id) {
		return id
	}
	return ""
}

func isSource(s []byte) bool {
	if len(s) < 1 || len(s) > 40 {
		return false
	}
	for i := range len(s) {
		if c := s[i]; !(c >= 'a' && c <= 'z' || c >= '0' && c <= '9' || c == '-') {
			return false
		}
	}
	return true
}

// IsIdentifier reports whether s is an identifier of the contracts: 1 to 40 of
// A-Z a-z 0-9 . _ -.
func IsIdentifier(s string) bool {
	if len(s) < 1 || len(s) > 40 {
		return false
	}
	for i := range len(s) {
		switch c := s[i]; {
		case c >= 'a' && c <= 'z', c >= 'A' && c <= 'Z', c >= '0' && c <= '9', c == '.', c == '_', c == '-':
		default:
			return false
		}
	}
	return true
}

// IsSHA256 reports whether s is a SHA-256 as the contracts write it: 64 lower-case
// hexadecimal digits.
func IsSHA256(s string) bool {
	_, err := hex.DecodeString(s)
	return err == nil && len(s) == 64 && s == strings.ToLower(s)
}

// checkText reports whether s has at most most code points and none that is a
// control character or that XML, and so a workbook, cannot carry.
func checkText(s string, most int, lines bool) bool {
	if len(s) > 4*most {
		return false
	}
	n := 0
	for i := 0; i < len(s); n++ {
		if c := s[i]; c < utf8.RuneSelf {
			if (c < 0x20 || c == 0x7f) && !(lines && c == '\n') {
				return false
			}
			i++
			continue
		}
		r, size := utf8.DecodeRuneInString(s[i:])
		if r < 0xa0 || r == 0xfffe || r == 0xffff {
			return false
		}
		i += size
	}
	return n <= most
}

// parseInteger reads a JSON number that is mathematically an integer, however
// it is written (2026, 2026.0, 2.026e3), if it has at most 18 digits.
func parseInteger(raw []byte) (int64, bool) {
	negative := len(raw) > 0 && raw[0] == '-'
	if negative {
		raw = raw[1:]
	}
	mantissa, exponent := raw, int64(0)
	if i := bytes.IndexAny(raw, "eE"); i >= 0 {
		mantissa = raw[:i]
		var err error
		if exponent, err = strconv.ParseInt(string(raw[i+1:]), 10, 32); err != nil {
			exponent = 1 << 31 // beyond any number here, unless the mantissa is zero
			if raw[i+1] == '-' {
				exponent = -exponent
			}
		}
	}
	whole, fraction, _ := bytes.Cut(mantissa, []byte("."))
	all := append(append(make([]byte, 0, 24), whole...), fraction...)
	all = bytes.TrimLeft(all, "0")
	if len(all) == 0 {
		return 0, true
	}
	exponent -= int64(len(fraction))
	for exponent < 0 && len(all) > 0 && all[len(all)-1] == '0' {
		all = all[:len(all)-1]
		exponent++
	}
	if exponent < 0 || int64(len(all))+exponent > 18 {
		return 0, false
	}
	for range exponent {
		all = append(all, '0')
	}
	n, err := strconv.ParseInt(string(all), 10, 64)
	if negative {
		n = -n
	}
	return n, err == nil
}
