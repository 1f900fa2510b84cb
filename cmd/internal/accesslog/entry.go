package accesslog

import (
	"encoding/json"
	"errors"
	"fmt"
	"time"
	"unicode"
	"unicode/utf16"
	"unicode/utf8"
)

// maxValueLength is how many characters of a value are written. Identifiers have 40
// at most; what is longer was made up by who sent it.
const maxValueLength = 100

// Entry is one look. What is blank is left out of the line. Each value is cut
// at 100 characters.
type Entry struct {
	Time    time.Time `json:"time"`              // when; required, written in UTC
	Person  string    `json:"person"`            // who looks, as an id; required
	Role    string    `json:"role,omitempty"`    // the role in which
	What    string    `json:"what"`              // what is looked at, like "list.active" or "case"; required
	Agent   string    `json:"agent,omitempty"`   // whose
	Agency  string    `json:"agency,omitempty"`  // whose
	Case    string    `json:"case,omitempty"`    // which
	Via     string    `json:"via,omitempty"`     // "portal" or "api"
	Address string    `json:"address,omitempty"` // from where
}

// encode is the entry's line, with its end.
func (e Entry) encode() ([]byte, error) {
	if e.Time.IsZero() || e.Person == "" || e.What == "" {
		return nil, errors.New("an entry needs its time, who looks, and at what")
	}
	e.Time = e.Time.UTC()
	for _, value := range [...]*string{&e.Person, &e.Role, &e.What, &e.Agent, &e.Agency, &e.Case, &e.Via, &e.Address} {
		*value = truncate(*value)
	}
	text, err := json.Marshal(e)
	if err != nil {
		return nil, err
	}
	return append(escapeUnprintable(text), '\n'), nil
}

func truncate(value string) string {
	start := []rune(value[:min(len(value), maxValueLength*utf8.UTFMax)])
	return string(start[:min(len(start), maxValueLength)])
}

// escapeUnprintable escapes what JSON lets stand although some readers take it for the
// end of a line, and some terminals for an order.
func escapeUnprintable(text []byte) []byte {
	out := make([]byte, 0, len(text)+1)
	for len(text) > 0 {
		r, size := utf8.DecodeRune(text)
		if r < unicode.MaxASCII || unicode.IsPrint(r) {
			out = append(out, text[:size]...)
		} else if r <= 0xffff {
			out = fmt.Appendf(out, `\u%04x`, r)
		} else {
			high, low := utf16.EncodeRune(r)
			out = fmt.Appendf(out, `\u%04x\u%04x`, high, low)
		}
		text = text[size:]
	}
	return out
}
