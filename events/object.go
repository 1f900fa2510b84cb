package events

import (
	"reflect"
	"slices"
	"strconv"

	"bookledger/events/internal/scan"
)

// isBlank reports whether a value counts as absent.
func isBlank(raw []byte) bool { return raw[0] == 'n' || string(raw) == `""` }

// readObject decodes a valid JSON object into a struct of shape s. The field of
// a rejection is the path within the object.
func (c *Checker) readObject(s *shape, raw []byte, into reflect.Value) *Rejection {
	w := scan.Walk(raw)
	w.Open('{')
	var seen uint64 // bit i is set if field i is present and not blank
	next := 0       // the expected field if members are in the order of the shape
	for name, value := w.Member(); name != nil; name, value = w.Member() {
		i, known := next, next < len(s.fields) && string(name[1:len(name)-1]) == s.fields[next].name
		if !known {
			i, known = c.fieldIndex(s, name)
		}
		if !known {
			continue
		}
		next = i + 1
		if isBlank(value) {
			continue
		}
		if rejection := c.readField(&s.fields[i], value, into); rejection != nil {
			return rejection
		}
		seen |= 1 << i
	}
	for i := range s.fields {
		if s.fields[i].required && seen&(1<<i) == 0 {
			return reject(Schema, s.fields[i].name, "is required, and must not be blank")
		}
	}
	return nil
}

func (c *Checker) fieldIndex(s *shape, raw []byte) (i int, ok bool) {
	name, scratch, _ := scan.Unquote(raw, c.scratch)
	c.scratch = scratch
	i, ok = s.byName[string(name)]
	return i, ok
}

// readField decodes a value that is not blank into its field.
func (c *Checker) readField(f *field, raw []byte, into reflect.Value) *Rejection {
	target := into.FieldByIndex(f.index)
	switch f.kind {
	case kindObject:
		if raw[0] != '{' {
			return reject(Schema, f.name, "must be an object")
		}
		return c.readObject(f.shape, raw, target).within(f.name)
	case kindIdentifiers:
		return c.readIdentifiers(f, raw, target)
	case kindInteger:
		n, ok := int64(0), raw[0] == '-' || raw[0] >= '0' && raw[0] <= '9'
		if ok {
			n, ok = parseInteger(raw)
		}
		if !ok || n < f.min || n > f.max {
			return reject(Schema, f.name, "must be an integer from "+strconv.FormatInt(f.min, 10)+" to "+strconv.FormatInt(f.max, 10))
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
	text, scratch, ok := scan.Unquote(raw, c.scratch)
	c.scratch = scratch
	if !ok {
		return reject(Schema, f.name, "must be a valid string")
	}
	return setText(f, text, target)
}

// setText checks a text by the field's kind and stores it.
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
	case kindEnum:
		i := slices.Index(f.values, string(text))
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
			return reject(Schema, f.name, badIdentifier)
		}
	case kindSSN:
		if _, ok := parseDigits(s); !ok || len(s) != 4 {
			return reject(Schema, f.name, "must be the last four digits alone")
		}
	case kindHash:
		if !IsSHA256(s) {
			return reject(Schema, f.name, "must be 64 lower-case hexadecimal digits")
		}
	case kindClock:
		if _, _, _, ok := parseClock(s); !ok {
			return reject(Schema, f.name, "must be a time of day, written HH:MM:SS")
		}
	default:
		if !checkText(s, int(f.max), f.multiline) {
			return reject(Schema, f.name, "must have at most "+strconv.FormatInt(f.max, 10)+" characters, and no control characters")
		}
	}
	target.SetString(s)
	return nil
}

const badIdentifier = "must be 1 to 40 of A-Z a-z 0-9 . _ -"

// maxIdentifiers is the maximum length of a list of identifiers. It is far above
// the size of any household, and low enough to keep a case small.
const maxIdentifiers = 100

// readIdentifiers decodes a list of identifiers.
func (c *Checker) readIdentifiers(f *field, raw []byte, target reflect.Value) *Rejection {
	w := scan.Walk(raw)
	if !w.Open('[') {
		return reject(Schema, f.name, "must be a list")
	}
	var list []string
	for item := w.Value(); item != nil; item = w.Value() {
		if item[0] != '"' {
			return reject(Schema, f.name+"["+strconv.Itoa(len(list))+"]", "must be a string")
		}
		var text []byte
		text, c.scratch, _ = scan.Unquote(item, c.scratch)
		id := string(text)
		if !IsIdentifier(id) {
			return reject(Schema, f.name+"["+strconv.Itoa(len(list))+"]", badIdentifier)
		}
		list = append(list, id)
	}
	if len(list) == 0 || len(list) > maxIdentifiers {
		return reject(Schema, f.name, "must name 1 to "+strconv.Itoa(maxIdentifiers))
	}
	target.Set(reflect.ValueOf(list))
	return nil
}
