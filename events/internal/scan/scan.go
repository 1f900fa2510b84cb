// Package scan walks over JSON without reading it: it cuts objects and lists
// into the raw texts of their members and items, which costs a fraction of
// decoding them. It expects JSON that was found to be valid. Of other text it
// gives what it can, and never leaves it.
package scan

import (
	"bytes"

	"github.com/go-json-experiment/json/jsontext"
)

// Walker walks over one text.
type Walker struct {
	in []byte
	at int
}

// Walk returns a walker at the beginning of a text.
func Walk(in []byte) Walker { return Walker{in: in} }

// peek returns the first byte of the next value or name, or the bracket that
// closes what is being walked over; 0 at the end.
func (w *Walker) peek() byte {
	for ; w.at < len(w.in); w.at++ {
		switch c := w.in[w.at]; c {
		case ' ', '\t', '\r', '\n', ',', ':':
		default:
			return c
		}
	}
	return 0
}

// Open steps into an object or list, if one comes next.
func (w *Walker) Open(bracket byte) bool {
	if w.peek() != bracket {
		return false
	}
	w.at++
	return true
}

// Member returns the next member of an object, nil at its end.
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

// Value returns the next value, nil where there is none.
func (w *Walker) Value() []byte {
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

func (w *Walker) skipString() {
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

func (w *Walker) skipNested() {
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

// Unquote returns the text of a JSON string, in scratch where it must be
// written anew. It is not ok where raw is none.
func Unquote(raw, scratch []byte) (text, _ []byte, ok bool) {
	if len(raw) > 1 && raw[0] == '"' && bytes.IndexByte(raw, '\\') < 0 {
		return raw[1 : len(raw)-1], scratch, true
	}
	scratch, err := jsontext.AppendUnquote(scratch[:0], raw)
	return scratch, scratch, err == nil
}

// Member returns a member of an object by its name, both in quotes; nil where
// there is none.
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
