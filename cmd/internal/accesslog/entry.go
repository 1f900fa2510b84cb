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

// maxValue is how many characters of a value are written. Identifiers have 40
// at most; what is longer was made up by who sent it.
const maxValue = 100

// Entry is one look. What is blank is left out of the line. Each value is cut
// at 100 characters.
type Entry struct {
	Time    time.Time // when; required, written in UTC
	Person  string    // who looks, as an id; required
	Role    string    // the role in which
	What    string    // what is looked at, like "list.active" or "case"; required
	Agent   string    // whose
	Agency  string    // whose
	Case    string    // which
	Via     string    // "portal" or "api"
	Address string    // from where
}

// line is an entry as it is written.
type line struct {
	Time    string `json:"time"`
	Person  string `json:"person"`
	Role    string `json:"role,omitempty"`
	What    string `json:"what"`
	Agent   string `json:"agent,omitempty"`
	Agency  string `json:"agency,omitempty"`
	Case    string `json:"case,omitempty"`
	Via     string `json:"via,omitempty"`
	Address string `json:"address,omitempty"`
}

// encode is the entry's line, with its end.
func (e Entry) encode() ([]byte, error) {
	if e.Time.IsZero() || e.Person == "" || e.What == "" {
		return nil, errors.New("an entry needs its time, who looks, and at what")
	}
	text, err := json.Marshal(line{
		Time: e.Time.UTC().Format(time.RFC3339Nano), Person: cut(e.Person), Role: cut(e.Role), What: cut(e.What),
		Agent: cut(e.Agent), Agency: cut(e.Agency), Case: cut(e.Case), Via: cut(e.Via), Address: cut(e.Address),
	})
	if err != nil {
		return nil, err
	}
	return append(printable(text), '\n'), nil
}

func cut(value string) string {
	count := 0
	for at := range value {
		if count == maxValue {
			return value[:at]
		}
		count++
	}
	return value
}

// printable escapes what JSON lets stand although some readers take it for the
// end of a line, and some terminals for an order.
func printable(text []byte) []byte {
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
