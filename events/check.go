package events

import (
	"bytes"
	"reflect"
	"strconv"
	"time"
	"unicode/utf8"

	"github.com/go-json-experiment/json/jsontext"
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
	Event    Event
	Envelope *Rejection // malformed or wrong_subject
	Content  *Rejection // unsupported_type, unsupported_version or schema
}

// Rejection returns the first rejection of the two, or nil.
func (c *Checked) Rejection() *Rejection {
	if c.Envelope != nil {
		return c.Envelope
	}
	return c.Content
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
	if c.checkPlain(subject, body, &out) {
		return out
	}
	out = Checked{}
	data, r := c.readEnvelope(body, &out.Event)
	if r == nil {
		r = checkSubject(subject, out.Event.Source, out.Event.Type)
	}
	if r != nil {
		out.Envelope = r
		return out
	}
	if out.Content = checkType(out.Event.Type); out.Content == nil {
		out.Event.Data, out.Content = c.readData(data, eventTypes[out.Event.Type], false)
	}
	return out
}

const wantObject = "the message is not one JSON object in UTF-8 without repeated names"

// readEnvelope reads the whole message and returns the raw data; what it
// returns without a rejection is valid throughout.
func (c *Checker) readEnvelope(body []byte, e *Event) (data []byte, _ *Rejection) {
	valid := jsontext.Value(body).IsValid()
	if !valid && !utf8.Valid(body) {
		return nil, reject(Malformed, "", wantObject)
	}
	env := envelope{event: e, source: &c.source}
	w := walker{in: body}
	if w.open('{') {
		for name, value := w.member(); name != nil; name, value = w.member() {
			if attribute := env.attribute(name); attribute != "" {
				c.scratch = env.set(attribute, value, c.scratch)
			}
		}
	} else {
		valid = false
	}
	if !valid {
		return nil, reject(Malformed, "", wantObject)
	}
	return env.data, env.rejection()
}

// readData reads the data of an event of type t, or where plain is set only
// plain data.
func (c *Checker) readData(raw []byte, t eventType, plain bool) (Data, *Rejection) {
	if raw[0] != '{' {
		return nil, reject(Schema, "data", "must be an object")
	}
	data := t.make()
	r := &objectReader{scratch: c.scratch, plain: plain}
	rejection := r.read(t.shape, raw, reflect.ValueOf(data).Elem())
	c.scratch = r.scratch
	if rejection != nil {
		if rejection.Field != "" {
			rejection.Field = "." + rejection.Field
		}
		rejection.Field = "data" + rejection.Field
		return nil, rejection
	}
	return data, nil
}

// envelope gathers the attributes of a CloudEvents envelope and the first
// fault of each.
type envelope struct {
	event  *Event
	source *string // of the message before, which most share
	data   []byte
	seen   [len(required)]bool
	faulty string
}

// required are the attributes that every event has, in the order in which
// their absence is reported.
var required = [...]string{"specversion", "id", "source", "type", "time", "data"}

// attribute returns the name that a raw JSON string holds, if it is one that
// the envelope judges, else "".
func (e *envelope) attribute(raw []byte) string {
	switch string(raw) {
	case `"specversion"`:
		return "specversion"
	case `"id"`:
		return "id"
	case `"source"`:
		return "source"
	case `"type"`:
		return "type"
	case `"time"`:
		return "time"
	case `"data"`:
		return "data"
	case `"actorid"`:
		return "actorid"
	case `"actorrole"`:
		return "actorrole"
	}
	if bytes.IndexByte(raw, '\\') < 0 {
		return ""
	}
	name, err := jsontext.AppendUnquote(nil, raw)
	if err != nil {
		return ""
	}
	quoted, _ := jsontext.AppendQuote(nil, string(name))
	if bytes.Equal(quoted, raw) {
		return ""
	}
	return e.attribute(quoted)
}

func (e *envelope) set(name string, value, scratch []byte) []byte {
	if name == "data" {
		if !isBlank(value) {
			e.data = value
			e.seen[len(required)-1] = true
		}
		return scratch
	}
	if value[0] != '"' {
		if value[0] != 'n' || name != "actorid" && name != "actorrole" {
			e.fault(name)
		}
		return scratch
	}
	text, scratch, ok := unquote(value, scratch)
	if !ok || !e.setText(name, text) {
		e.fault(name)
	}
	return scratch
}

// setText takes one text attribute; false where it is not as it must be.
func (e *envelope) setText(name string, text []byte) bool {
	ok := false
	switch name {
	case "specversion":
		ok = string(text) == "1.0"
	case "id":
		ok = len(text) > 0 && setChecked(&e.event.ID, text, 128)
	case "source":
		if ok = isSource(string(text)); ok {
			e.setSource(text)
		}
	case "type":
		if known, is := typeNames[string(text)]; is {
			e.event.Type, ok = known, true
		} else {
			ok = len(text) > 0 && setChecked(&e.event.Type, text, 200)
		}
	case "time":
		e.event.Time, ok = parseTime(string(text))
	case "actorid":
		return setChecked(&e.event.ActorID, text, 200)
	case "actorrole":
		return setChecked(&e.event.ActorRole, text, 200)
	}
	for i, want := range required {
		if want == name {
			e.seen[i] = ok
		}
	}
	return ok
}

func setChecked(attribute *string, text []byte, most int) bool {
	s := string(text)
	ok := checkText(s, most, false)
	if ok {
		*attribute = s
	}
	return ok
}

func (e *envelope) setSource(text []byte) {
	if string(text) != *e.source {
		*e.source = string(text)
	}
	e.event.Source = *e.source
}

func (e *envelope) fault(name string) {
	if e.faulty == "" {
		e.faulty = name
	}
}

var envelopeReasons = map[string]string{
	"specversion": `must be "1.0"`,
	"id":          "must be a string of 1 to 128 characters without control characters",
	"source":      "must be a string of 1 to 40 of a-z 0-9 -",
	"type":        "must be a string of 1 to 200 characters without control characters",
	"time":        "must be a time as in RFC 3339, like 2026-11-20T20:59:58-08:00",
	"data":        "must be there, and not blank",
	"actorid":     "must be a string of at most 200 characters without control characters",
	"actorrole":   "must be a string of at most 200 characters without control characters",
}

func (e *envelope) rejection() *Rejection {
	name := e.faulty
	for i := range required {
		if name == "" && !e.seen[i] {
			name = required[i]
		}
	}
	if name == "" {
		return nil
	}
	return reject(Malformed, name, envelopeReasons[name])
}

func isSource(s string) bool {
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

// IsIdentifier tells whether s is an identifier of the contracts: 1 to 40 of
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

// checkText tells whether s has at most most code points and none that is a
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
