package events

import (
	"bytes"
	"encoding/binary"
	"unicode/utf8"
)

// Nearly all messages are plain: JSON as machines write it, in UTF-8, without
// white space between values, escapes, signs, fractions and exponents, and with
// known fields alone in their data. Such a one is seen to be valid while it is
// read, which spares another reading. Whatever is not plain, or is rejected,
// is read again in the general way, which alone gives reasons.

// checkPlain fills in what Check says of a plain message that nothing is wrong
// with; of any other it says nothing.
func (c *Checker) checkPlain(subject string, body []byte, out *Checked) bool {
	if len(body) == 0 || body[0] != '{' || !isPlainText(body) {
		return false
	}
	env := envelope{event: &out.Event, source: &c.source}
	w := walker{in: body, at: 1, plain: true}
	var room [24][]byte
	names := room[:0]
	for name, value := w.member(); name != nil; name, value = w.member() {
		if len(names) == len(room) || contains(names, name) {
			return false
		}
		names = append(names, name)
		attribute := env.attribute(name)
		if attribute != "data" && isNested(value) {
			return false // nobody would walk over it
		}
		if attribute != "" {
			c.scratch = env.set(attribute, value, c.scratch)
		}
	}
	if !w.closed('}') || env.rejection() != nil || checkSubject(subject, out.Event.Source, out.Event.Type) != nil {
		return false
	}
	t, known := eventTypes[out.Event.Type]
	if !known {
		return false
	}
	var rejection *Rejection
	out.Event.Data, rejection = c.readData(env.data, t, true)
	return rejection == nil
}

// isPlainText tells whether a text is UTF-8 without backslashes and control
// characters.
func isPlainText(text []byte) bool {
	if bytes.IndexByte(text, '\\') >= 0 || !utf8.Valid(text) {
		return false
	}
	const each, high = 0x0101010101010101, 0x8080808080808080
	for ; len(text) >= 8; text = text[8:] {
		eight := binary.LittleEndian.Uint64(text)
		if (eight-0x20*each)&^eight&high != 0 { // a byte under 0x20 borrows
			return false
		}
	}
	for _, b := range text {
		if b < 0x20 {
			return false
		}
	}
	return true
}

func isNested(value []byte) bool { return value[0] == '{' || value[0] == '[' }

func contains(names [][]byte, name []byte) bool {
	for _, n := range names {
		if bytes.Equal(n, name) {
			return true
		}
	}
	return false
}

// plainMember is member of plain objects. It stays where it is at the end and
// before what is not plain, which closed tells apart.
func (w *walker) plainMember() (name, value []byte) {
	from := w.at
	if name = w.plainItem('{'); name != nil && name[0] == '"' && w.at < len(w.in) && w.in[w.at] == ':' {
		w.at++
		if value = w.plainValue(); value != nil {
			return name, value
		}
	}
	w.at = from
	return nil, nil
}

// plainItem returns the next item of what bracket has opened, as plainMember
// does members.
func (w *walker) plainItem(bracket byte) []byte {
	from := w.at
	if w.in[from-1] != bracket {
		if from == len(w.in) || w.in[from] != ',' {
			return nil
		}
		w.at++
	}
	item := w.plainValue()
	if item == nil {
		w.at = from
	}
	return item
}

// plainValue returns the next value, nil where it is not plain. What is nested
// is yet to be walked over.
func (w *walker) plainValue() []byte {
	from := w.at
	if from == len(w.in) {
		return nil
	}
	switch c := w.in[from]; {
	case c == '"':
		n := bytes.IndexByte(w.in[from+1:], '"')
		if n < 0 {
			return nil
		}
		w.at += n + 2
	case c == '{' || c == '[':
		w.skipNested()
	case c >= '1' && c <= '9':
		for w.at < len(w.in) && w.in[w.at] >= '0' && w.in[w.at] <= '9' {
			w.at++
		}
	default:
		for _, word := range [...]string{"true", "false", "null", "0"} {
			if bytes.HasPrefix(w.in[from:], []byte(word)) {
				w.at += len(word)
				return w.in[from:w.at]
			}
		}
		return nil
	}
	return w.in[from:w.at]
}

// closed tells whether the closing bracket comes next, and nothing after it.
func (w *walker) closed(bracket byte) bool {
	return w.at == len(w.in)-1 && w.in[w.at] == bracket
}
