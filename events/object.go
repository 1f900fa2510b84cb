package events

import (
	"bytes"
	"encoding/hex"
	"reflect"
	"strconv"

	"github.com/go-json-experiment/json/jsontext"
)

// walker walks over JSON that was found to be valid. Of other text it gives
// what it can, and never leaves it.
type walker struct {
	in    []byte
	at    int
	plain bool // members and items end before what is not plain
}

// peek returns the first byte of the next value or name, or the bracket that
// closes what is being walked over; 0 at the end.
func (w *walker) peek() byte {
	for ; w.at < len(w.in); w.at++ {
		switch c := w.in[w.at]; c {
		case ' ', '\t', '\r', '\n', ',', ':':
		default:
			return c
		}
	}
	return 0
}

// open steps into an object or list, if one comes next.
func (w *walker) open(bracket byte) bool {
	if w.peek() != bracket {
		return false
	}
	w.at++
	return true
}

// member returns the next member of an object, nil at its end.
func (w *walker) member() (name, value []byte) {
	if w.plain {
		return w.plainMember()
	}
	if w.peek() != '"' {
		return nil, nil
	}
	name, value = w.value(), w.value()
	if value == nil {
		return nil, nil
	}
	return name, value
}

// item returns the next item of a list, nil at its end.
func (w *walker) item() []byte {
	if w.plain {
		return w.plainItem('[')
	}
	return w.value()
}

// value returns the next value, nil where there is none.
func (w *walker) value() []byte {
	first := w.peek()
	from := w.at
	switch first {
	case 0, '}', ']':
		return nil
	case '"':
		w.skipString()
	case '{', '[':
		w.skipNested()
	default:
		for ; w.at < len(w.in); w.at++ {
			switch w.in[w.at] {
			case ' ', '\t', '\r', '\n', ',', ':', '}', ']':
				return w.in[from:w.at]
			}
		}
	}
	return w.in[from:w.at]
}

func (w *walker) skipString() {
	for w.at++; ; {
		n := bytes.IndexByte(w.in[w.at:], '"')
		if n < 0 {
			w.at = len(w.in)
			return
		}
		w.at += n + 1
		escapes := 0
		for w.in[w.at-2-escapes] == '\\' {
			escapes++
		}
		if escapes%2 == 0 {
			return
		}
	}
}

func (w *walker) skipNested() {
	depth := 0
	for w.at < len(w.in) {
		switch w.in[w.at] {
		case '"':
			w.skipString()
			continue
		case '{', '[':
			depth++
		case '}', ']':
			if depth--; depth == 0 {
				w.at++
				return
			}
		}
		w.at++
	}
}

// unquote returns the text of a JSON string, in scratch where it must be
// written anew.
func unquote(raw, scratch []byte) (text, _ []byte, ok bool) {
	if bytes.IndexByte(raw, '\\') < 0 && len(raw) > 1 {
		return raw[1 : len(raw)-1], scratch, true
	}
	scratch, err := jsontext.AppendUnquote(scratch[:0], raw)
	return scratch, scratch, err == nil
}

// isBlank tells whether a value counts as absent.
func isBlank(raw []byte) bool { return raw[0] == 'n' || string(raw) == `""` }

// objectReader reads JSON objects into structs by their shapes. Its input is
// known to be valid JSON, or where plain is set to be seen to be.
type objectReader struct {
	scratch []byte
	plain   bool
}

// notPlain is the rejection of an object that is to be read again in the
// general way; nobody sees it.
func notPlain() *Rejection { return reject(Malformed, "", "is not plain") }

// read reads an object; the rejection's field is the path below it.
func (r *objectReader) read(s *shape, raw []byte, into reflect.Value) *Rejection {
	w := walker{in: raw, plain: r.plain}
	w.open('{')
	var met, seen uint64 // bit i: field i is there, and is not blank
	next := 0            // the field that comes next where they come in our order
	for name, value := w.member(); name != nil; name, value = w.member() {
		i, known := next, next < len(s.fields) && string(name[1:len(name)-1]) == s.fields[next].name
		if !known {
			i, known = r.lookup(s, name)
		}
		if r.plain && (!known || met&(1<<i) != 0) {
			return notPlain()
		}
		if !known {
			continue
		}
		next = i + 1
		met |= 1 << i
		if isBlank(value) {
			continue
		}
		if rejection := r.readField(&s.fields[i], value, into); rejection != nil {
			return rejection
		}
		seen |= 1 << i
	}
	if r.plain && !w.closed('}') {
		return notPlain()
	}
	for i := range s.fields {
		if s.fields[i].required && seen&(1<<i) == 0 {
			return reject(Schema, s.fields[i].name, "is required, and must not be blank")
		}
	}
	return nil
}

func (r *objectReader) lookup(s *shape, raw []byte) (i int, ok bool) {
	name, scratch, _ := unquote(raw, r.scratch)
	r.scratch = scratch
	i, ok = s.byName[string(name)]
	return i, ok
}

// readField reads a value that is not blank into its field.
func (r *objectReader) readField(f *field, raw []byte, into reflect.Value) *Rejection {
	target := into.FieldByIndex(f.index)
	switch f.kind {
	case kindObject:
		return r.readObject(f, raw, target)
	case kindIdentifiers:
		return r.readIdentifiers(f, raw, target)
	case kindInteger:
		n, ok := int64(0), raw[0] == '-' || raw[0] >= '0' && raw[0] <= '9'
		if ok {
			n, ok = parseInteger(raw)
		}
		if !ok || n < f.least || n > f.most {
			return reject(Schema, f.name, "must be an integer from "+strconv.FormatInt(f.least, 10)+" to "+strconv.FormatInt(f.most, 10))
		}
		target.SetInt(n)
		return nil
	case kindFlag:
		if raw[0] != 't' && raw[0] != 'f' {
			return reject(Schema, f.name, "must be true or false")
		}
		target.SetUint(uint64(FlagOf(raw[0] == 't')))
		return nil
	}
	if raw[0] != '"' {
		return reject(Schema, f.name, "must be a string")
	}
	text, scratch, ok := unquote(raw, r.scratch)
	r.scratch = scratch
	if !ok {
		return reject(Schema, f.name, "is not readable")
	}
	return setText(f, text, target)
}

func (r *objectReader) readObject(f *field, raw []byte, target reflect.Value) *Rejection {
	if raw[0] != '{' {
		return reject(Schema, f.name, "must be an object")
	}
	rejection := r.read(f.shape, raw, target)
	if rejection == nil {
		return nil
	}
	if rejection.Field != "" {
		rejection.Field = "." + rejection.Field
	}
	rejection.Field = f.name + rejection.Field
	return rejection
}

// setText puts a text into its field, if it is as the field's kind demands.
func setText(f *field, text []byte, target reflect.Value) *Rejection {
	switch f.kind {
	case kindDate:
		d, err := ParseDate(string(text))
		if err != nil {
			return reject(Schema, f.name, "must be a day of the calendar, written YYYY-MM-DD")
		}
		target.SetInt(int64(d))
		return nil
	case kindMoney:
		m, err := ParseMoney(string(text))
		if err != nil {
			return reject(Schema, f.name, `must be an amount from "0.00" to "9999999.99", with two places`)
		}
		*target.Addr().Interface().(*Money) = m
		return nil
	case kindOne:
		i := f.value(text)
		if i < 0 {
			return reject(Schema, f.name, "is not one of the values that this field may have")
		}
		target.SetString(f.values[i])
		return nil
	}
	s := string(text)
	switch f.kind {
	case kindIdentifier:
		if !IsIdentifier(s) {
			return reject(Schema, f.name, "must be 1 to 40 of A-Z a-z 0-9 . _ -")
		}
	case kindSSN:
		if _, ok := digits(s); !ok || len(s) != 4 {
			return reject(Schema, f.name, "must be the last four digits alone")
		}
	case kindHash:
		if _, err := hex.DecodeString(s); err != nil || len(s) != 64 || !isLowerHex(s) {
			return reject(Schema, f.name, "must be 64 lower-case hexadecimal digits")
		}
	case kindClock:
		if _, _, _, ok := parseClock(s); !ok {
			return reject(Schema, f.name, "must be a time of day, written HH:MM:SS")
		}
	default:
		if !checkText(s, int(f.most), f.lines) {
			return reject(Schema, f.name, "must have at most "+strconv.FormatInt(f.most, 10)+" characters, and no control characters")
		}
	}
	target.SetString(s)
	return nil
}

func isLowerHex(s string) bool {
	for i := range len(s) {
		if s[i] >= 'A' && s[i] <= 'F' {
			return false
		}
	}
	return true
}

// readIdentifiers reads a list of identifiers.
// maxIdentifiers is how long a list may be: far above any household, and low
// enough that no event makes a case large.
const maxIdentifiers = 100

func (r *objectReader) readIdentifiers(f *field, raw []byte, target reflect.Value) *Rejection {
	w := walker{in: raw, plain: r.plain}
	if !w.open('[') {
		return reject(Schema, f.name, "must be a list")
	}
	var list []string
	for item := w.item(); item != nil; item = w.item() {
		if item[0] != '"' {
			return reject(Schema, f.name+"["+strconv.Itoa(len(list))+"]", "must be a string")
		}
		var text []byte
		text, r.scratch, _ = unquote(item, r.scratch)
		id := string(text)
		if !IsIdentifier(id) {
			return reject(Schema, f.name+"["+strconv.Itoa(len(list))+"]", "must be 1 to 40 of A-Z a-z 0-9 . _ -")
		}
		list = append(list, id)
	}
	if r.plain && !w.closed(']') {
		return notPlain()
	}
	if len(list) == 0 || len(list) > maxIdentifiers {
		return reject(Schema, f.name, "must name 1 to "+strconv.Itoa(maxIdentifiers))
	}
	target.Set(reflect.ValueOf(list))
	return nil
}
