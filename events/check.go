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

// Event is one decoded event: the attributes of its CloudEvents envelope and
// its data.
type Event struct {
	ID        string
	Source    string
	Type      string
	Time      time.Time // time of the event at its source; for display only
	ActorID   string    // the person who acted, or blank
	ActorRole string
	Data      Data // nil if the event was rejected
}

// Checked is the result of checking a message without looking at any other
// record. The duplicate check of (source, id) comes after the envelope and
// before the content; package projections does it.
type Checked struct {
	Event             Event
	EnvelopeRejection *Rejection // malformed or wrong_subject
	ContentRejection  *Rejection // unsupported_type, unsupported_version or schema
	// CaseID is the case that the message is about, or "" if none can be found.
	// It is also set for a rejected message that names a case, so the case's
	// history shows rejected events too.
	CaseID string
}

// Rejection returns the envelope's rejection, else the content's, else nil.
func (c *Checked) Rejection() *Rejection {
	if c.EnvelopeRejection != nil {
		return c.EnvelopeRejection
	}
	return c.ContentRejection
}

// Checker decodes and checks messages. It reuses a buffer between calls, so
// each goroutine needs its own. The zero Checker is ready to use.
type Checker struct {
	scratch    []byte
	lastSource string // source of the previous message, to share its string
}

// Check decodes and checks a message that was published on subject. For a
// malformed message it still sets the event's id and source if they are
// readable.
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
	out.CaseID = caseIDOf(out.Event.Data, body)
	return out
}

const notOneObject = "the message is not one JSON object in UTF-8 without repeated names"

// attributes are the checked attributes of the CloudEvents envelope. Missing
// ones are reported in this order.
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

// attributeIndex returns the index of the attribute named by a raw JSON string,
// or -1.
func attributeIndex(raw []byte) int {
	name, _, ok := scan.Unquote(raw, nil)
	for i := range attributes {
		if ok && string(name) == attributes[i].name {
			return i
		}
	}
	return -1
}

// readEnvelope reads the whole message and returns the raw data. Without a
// rejection, the whole message is valid JSON. It reports the first wrong
// attribute in the order of the message, and a missing attribute only if no
// attribute is wrong.
func (c *Checker) readEnvelope(body []byte, e *Event) (data []byte, _ *Rejection) {
	valid := jsontext.Value(body).IsValid()
	w := scan.Walk(body)
	if !valid && !utf8.Valid(body) || !w.Open('{') {
		return nil, reject(Malformed, "", notOneObject)
	}
	var seen [len(attributes)]bool
	faulty := -1
	for name, value := w.Member(); name != nil; name, value = w.Member() {
		i := attributeIndex(name)
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
		return nil, reject(Malformed, "", notOneObject)
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

// setAttribute sets the event's attribute from a raw JSON string, and reports
// whether the value is valid.
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
		return len(text) > 0 && setAttributeText(&e.ID, text, 128)
	case "source":
		if !isSource(text) {
			return false
		}
		if string(text) != c.lastSource {
			c.lastSource = string(text)
		}
		e.Source = c.lastSource
	case "type":
		if known, is := typeNames[string(text)]; is {
			e.Type = known
			return true
		}
		return len(text) > 0 && setAttributeText(&e.Type, text, 200)
	case "time":
		var err error
		e.Time, err = ParseTime(string(text))
		return err == nil
	case "actorid":
		return setAttributeText(&e.ActorID, text, 200)
	case "actorrole":
		return setAttributeText(&e.ActorRole, text, 200)
	}
	return ok
}

func setAttributeText(attribute *string, text []byte, maxChars int) bool {
	s := string(text)
	if !checkText(s, maxChars, false) {
		return false
	}
	*attribute = s
	return true
}

// readData decodes and checks the data of an event of type t.
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

// caseIDOf returns the case id of data. If data is nil, it looks for a case id
// in the body, which need not be valid JSON.
func caseIDOf(data Data, body []byte) string {
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

// IsIdentifier reports whether s is an identifier: 1 to 40 characters from
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

// IsSHA256 reports whether s is a SHA-256 hash as 64 lower-case hexadecimal
// digits.
func IsSHA256(s string) bool {
	_, err := hex.DecodeString(s)
	return err == nil && len(s) == 64 && s == strings.ToLower(s)
}

// checkText reports whether s has at most maxChars code points, no control
// characters, and no characters that XML, and so a workbook, cannot represent.
// A multiline text may contain newlines.
func checkText(s string, maxChars int, multiline bool) bool {
	if len(s) > 4*maxChars {
		return false
	}
	n := 0
	for i := 0; i < len(s); n++ {
		if c := s[i]; c < utf8.RuneSelf {
			if (c < 0x20 || c == 0x7f) && !(multiline && c == '\n') {
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
	return n <= maxChars
}

// parseInteger parses a JSON number with an integer value of at most 18 digits,
// however it is written (2026, 2026.0, 2.026e3).
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
			exponent = 1 << 31 // out of range, unless the mantissa is zero
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
