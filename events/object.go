package events

import (
	"encoding/hex"
	"reflect"
	"slices"
	"strconv"

	"github.com/go-json-experiment/json/jsontext"
)

// objectReader reads JSON objects into structs by their shapes. Its input is
// known to be valid JSON.
type objectReader struct {
	d       *jsontext.Decoder
	scratch []byte
}

// read reads the object that comes next; the rejection's field is the path
// below it.
func (r *objectReader) read(s *shape, into reflect.Value) *Rejection {
	if _, err := r.d.ReadToken(); err != nil {
		return reject(Schema, "", "must be an object")
	}
	var seen uint64 // bit i: field i is there and not blank
	for r.d.PeekKind() != '}' {
		name, err := r.d.ReadValue()
		if err != nil {
			return reject(Schema, "", "must be an object")
		}
		i, known := r.lookup(s, name)
		if !known {
			if r.d.SkipValue() != nil {
				return reject(Schema, "", "must be an object")
			}
			continue
		}
		f := &s.fields[i]
		blank, rejection := r.readField(f, into)
		if rejection != nil {
			return rejection
		}
		if !blank {
			seen |= 1 << i
		}
	}
	_, _ = r.d.ReadToken() // the closing brace that was peeked
	for i := range s.fields {
		if s.fields[i].required && seen&(1<<i) == 0 {
			return reject(Schema, s.fields[i].name, "is required, and must not be blank")
		}
	}
	return nil
}

func (r *objectReader) lookup(s *shape, raw jsontext.Value) (int, bool) {
	r.scratch, _ = jsontext.AppendUnquote(r.scratch[:0], raw)
	i, ok := s.byName[string(r.scratch)]
	return i, ok
}

// readField reads the value that comes next into its field.
func (r *objectReader) readField(f *field, into reflect.Value) (blank bool, _ *Rejection) {
	target := into.FieldByIndex(f.index)
	if f.kind == kindObject && r.d.PeekKind() == '{' {
		if rejection := r.read(f.shape, target); rejection != nil {
			if rejection.Field != "" {
				rejection.Field = "." + rejection.Field
			}
			rejection.Field = f.name + rejection.Field
			return false, rejection
		}
		return false, nil
	}
	if f.kind == kindIdentifiers && r.d.PeekKind() == '[' {
		return false, r.readIdentifiers(f, target)
	}
	raw, err := r.d.ReadValue()
	if err != nil {
		return false, reject(Schema, f.name, "is not readable")
	}
	if raw.Kind() == 'n' || string(raw) == `""` {
		return true, nil // required fields are missed by the caller
	}
	switch f.kind {
	case kindInteger:
		n, ok := int64(0), raw.Kind() == '0'
		if ok {
			n, ok = parseInteger(raw)
		}
		if !ok || n < f.least || n > f.most {
			return false, reject(Schema, f.name, "must be an integer from "+strconv.FormatInt(f.least, 10)+" to "+strconv.FormatInt(f.most, 10))
		}
		target.SetInt(n)
		return false, nil
	case kindFlag:
		if raw.Kind() != 't' && raw.Kind() != 'f' {
			return false, reject(Schema, f.name, "must be true or false")
		}
		target.SetUint(uint64(FlagOf(raw.Kind() == 't')))
		return false, nil
	case kindIdentifiers:
		return false, reject(Schema, f.name, "must be a list")
	case kindObject:
		return false, reject(Schema, f.name, "must be an object")
	}
	if raw.Kind() != '"' {
		return false, reject(Schema, f.name, "must be a string")
	}
	r.scratch, err = jsontext.AppendUnquote(r.scratch[:0], raw)
	if err != nil {
		return false, reject(Schema, f.name, "is not readable")
	}
	return false, setText(f, string(r.scratch), target)
}

// setText puts a text into its field, if it is as the field's kind demands.
func setText(f *field, s string, target reflect.Value) *Rejection {
	switch f.kind {
	case kindDate:
		d, err := ParseDate(s)
		if err != nil {
			return reject(Schema, f.name, "must be a day of the calendar, written YYYY-MM-DD")
		}
		target.SetInt(int64(d))
		return nil
	case kindMoney:
		m, err := ParseMoney(s)
		if err != nil {
			return reject(Schema, f.name, `must be an amount from "0.00" to "9999999.99", with two places`)
		}
		*target.Addr().Interface().(*Money) = m
		return nil
	case kindIdentifier:
		if !isIdentifier(s) {
			return reject(Schema, f.name, "must be 1 to 40 of A-Z a-z 0-9 . _ -")
		}
	case kindOne:
		i := slices.Index(f.values, s)
		if i < 0 {
			return reject(Schema, f.name, "is not one of the values that this field may have")
		}
		s = f.values[i]
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

// readIdentifiers reads the list of identifiers that comes next.
func (r *objectReader) readIdentifiers(f *field, target reflect.Value) *Rejection {
	_, _ = r.d.ReadToken() // the bracket that was peeked
	var list []string
	for r.d.PeekKind() != ']' {
		path := f.name + "[" + strconv.Itoa(len(list)) + "]"
		item, err := r.d.ReadValue()
		if err != nil || item.Kind() != '"' {
			return reject(Schema, path, "must be a string")
		}
		r.scratch, _ = jsontext.AppendUnquote(r.scratch[:0], item)
		if !isIdentifier(string(r.scratch)) {
			return reject(Schema, path, "must be 1 to 40 of A-Z a-z 0-9 . _ -")
		}
		list = append(list, string(r.scratch))
	}
	_, _ = r.d.ReadToken()
	if len(list) == 0 {
		return reject(Schema, f.name, "must name at least one")
	}
	target.Set(reflect.ValueOf(list))
	return nil
}
