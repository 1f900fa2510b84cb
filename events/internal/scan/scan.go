// Package scan splits JSON objects and arrays into the raw text of their
// members and items, at a fraction of the cost of decoding them. The input must
// be valid JSON. For other input the results are unspecified, but they are
// always parts of the input.
package scan

import (
	"bytes"

	"github.com/go-json-experiment/json/jsontext"
)

// Walker is a position in a JSON text.
type Walker struct {
	text []byte
	pos  int
}

// Walk returns a Walker at the beginning of text.
func Walk(text []byte) Walker { return Walker{text: text} }

// peek returns the first byte of the next value or name, or the closing bracket
// of the current object or array. It returns 0 at the end.
func (w *Walker) peek() byte {
	for ; w.pos < len(w.text); w.pos++ {
		switch c := w.text[w.pos]; c {
		case ' ', '\t', '\r', '\n', ',', ':':
		default:
			return c
		}
	}
	return 0
}

// Open enters the next object or array, and reports whether bracket is next.
func (w *Walker) Open(bracket byte) bool {
	if w.peek() != bracket {
		return false
	}
	w.pos++
	return true
}

// Member returns the next member of the current object, or nil at its end. The
// name includes its quotes.
func (w *Walker) Member() (name, value []byte) {
	if w.peek() != '"' {
		return nil, nil
	}
	name, value = w.Value(), w.Value()
	if value == nil {
		return nil, nil
	}
	return name, value
}

// Value returns the next value, or nil if there is none.
func (w *Walker) Value() []byte {
	first := w.peek()
	from := w.pos
	switch first {
	case 0, '}', ']':
		return nil
	case '"':
		w.skipString()
	case '{', '[':
		w.skipNested()
	default:
		for ; w.pos < len(w.text); w.pos++ {
			switch w.text[w.pos] {
			case ' ', '\t', '\r', '\n', ',', ':', '}', ']':
				return w.text[from:w.pos]
			}
		}
	}
	return w.text[from:w.pos]
}

func (w *Walker) skipString() {
	for w.pos++; ; {
		n := bytes.IndexByte(w.text[w.pos:], '"')
		if n < 0 {
			w.pos = len(w.text)
			return
		}
		w.pos += n + 1
		escapes := 0
		for w.text[w.pos-2-escapes] == '\\' {
			escapes++
		}
		if escapes%2 == 0 {
			return
		}
	}
}

func (w *Walker) skipNested() {
	depth := 0
	for w.pos < len(w.text) {
		switch w.text[w.pos] {
		case '"':
			w.skipString()
			continue
		case '{', '[':
			depth++
		case '}', ']':
			if depth--; depth == 0 {
				w.pos++
				return
			}
		}
		w.pos++
	}
}

// Unquote returns the text of the JSON string raw. If raw contains escapes, the
// text is stored in scratch. Unquote also returns scratch, which may have grown.
// It reports false if raw is not a JSON string.
func Unquote(raw, scratch []byte) (text, _ []byte, ok bool) {
	if len(raw) > 1 && raw[0] == '"' && bytes.IndexByte(raw, '\\') < 0 {
		return raw[1 : len(raw)-1], scratch, true
	}
	scratch, err := jsontext.AppendUnquote(scratch[:0], raw)
	return scratch, scratch, err == nil
}

// Member returns the value of an object's member, or nil if there is none. The
// name is in quotes.
func Member(object []byte, quoted string) []byte {
	w := Walk(object)
	if !w.Open('{') {
		return nil
	}
	for name, value := w.Member(); name != nil; name, value = w.Member() {
		if string(name) == quoted {
			return value
		}
	}
	return nil
}
