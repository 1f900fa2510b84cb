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

// maxValueLength is the number of characters of a value that are written. Identifiers have
// at most 40. A longer value was made up by the client.
const maxValueLength = 100

// Entry describes one view. Blank fields are omitted from the line. Each value is
// truncated to 100 characters.
type Entry struct {
	Time    time.Time `json:"time"`              // required; written in UTC
	Person  string    `json:"person"`            // required; id of the person who views
	Role    string    `json:"role,omitempty"`    // capacity in which the person views
	What    string    `json:"what"`              // required; what is viewed, such as "list.active" or "case"
	Agent   string    `json:"agent,omitempty"`   // id of the agent whose list or case is viewed
	Agency  string    `json:"agency,omitempty"`  // id of the agency
	Case    string    `json:"case,omitempty"`    // id of the case
	Via     string    `json:"via,omitempty"`     // "portal" or "api"
	Address string    `json:"address,omitempty"` // network address of the client
}

// encode returns the entry's line, with its newline.
func (e Entry) encode() ([]byte, error) {
	if e.Time.IsZero() || e.Person == "" || e.What == "" {
		return nil, errors.New("an entry needs a time, a person, and what is viewed")
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

// truncate returns the first maxValueLength characters of a value.
func truncate(value string) string {
	start := []rune(value[:min(len(value), maxValueLength*utf8.UTFMax)])
	return string(start[:min(len(start), maxValueLength)])
}

// escapeUnprintable escapes characters that JSON allows but some readers take for the end
// of a line, or some terminals for a control sequence.
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
