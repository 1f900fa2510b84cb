package exporter

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strconv"
	"time"
	"unicode/utf8"

	"bookledger/events"
	"bookledger/projections/book"
	"bookledger/schemas"
)

const (
	maxUnits     = 32767   // UTF-16 code units that fit in a cell
	chunkBytes   = 1 << 16 // bytes of rows to buffer before writing
	rowsPerCheck = 16      // rows between checks of the context
)

// column is a resolved column of a column set.
type column struct {
	schemas.Column
	letters string // A to XFD
	field   book.Field
	kind    book.Kind
	shade   int // index of the header style, which alternates between groups
}

// writeRows writes the rows of a book, starting with the second row of the sheet.
//
// Excelize writes the rest of the workbook. Its row writer is not used because it
// keeps a sheet in memory or in temporary files until it is saved. Without an error,
// it also decodes some texts to others ("_x0041_x0042_"), cuts long texts and
// replaces characters that XML does not allow. For ordinary values, the cells
// written here equal those of excelize byte for byte.
func (e *Exporter) writeRows(ctx context.Context, w io.Writer, rows []book.Row, s *styles) error {
	buf := make([]byte, 0, chunkBytes+chunkBytes/4)
	var err error
	for i := range rows {
		if i%rowsPerCheck == 0 {
			if err := ctx.Err(); err != nil {
				return err
			}
		}
		if buf, err = e.appendRow(buf, i+2, &rows[i], s); err != nil {
			return err
		}
		if len(buf) >= chunkBytes {
			if _, err := w.Write(buf); err != nil {
				return err
			}
			buf = buf[:0]
		}
	}
	_, err = w.Write(buf)
	return err
}

// appendRow appends a row. An error names the cell and never contains its value.
func (e *Exporter) appendRow(buf []byte, n int, row *book.Row, s *styles) ([]byte, error) {
	buf = openRow(buf, n, 0)
	for i := range e.columns {
		c := &e.columns[i]
		v := c.field(row)
		if v.Kind == book.Empty {
			continue
		}
		var err error
		if v.Kind != c.kind {
			err = fmt.Errorf("the value of field %s is not of kind %s", c.Field, c.Kind)
		} else {
			buf, err = appendValue(buf, c.letters, n, v, s)
		}
		if err != nil {
			return nil, fmt.Errorf("cell %s%d (%s): %w", c.letters, n, c.Header, err)
		}
	}
	return append(buf, "</row>"...), nil
}

// openRow appends the start of row n. The height is in points; 0 lets the
// application choose.
func openRow(buf []byte, n int, height float64) []byte {
	buf = append(buf, `<row r="`...)
	buf = strconv.AppendInt(buf, int64(n), 10)
	if height > 0 {
		buf = append(buf, `" ht="`...)
		buf = strconv.AppendFloat(buf, height, 'f', -1, 64)
		buf = append(buf, `" customHeight="1`...)
	}
	return append(buf, `">`...)
}

func appendValue(buf []byte, letters string, n int, v book.Value, s *styles) ([]byte, error) {
	switch v.Kind {
	case book.Date:
		if v.Date < firstDate {
			d := v.Date
			return appendText(buf, letters, n, s.text, fmt.Sprintf("%02d/%02d/%04d", d.Month(), d.Day(), d.Year()))
		}
		buf = openNumber(buf, letters, n, s.date)
		buf = strconv.AppendInt(buf, serial(v.Date), 10)
	case book.Money:
		buf = openNumber(buf, letters, n, s.money)
		buf = appendCents(buf, v.Cents)
	case book.Year:
		buf = openNumber(buf, letters, n, s.year)
		buf = strconv.AppendInt(buf, int64(v.Year), 10)
	default:
		return appendText(buf, letters, n, s.forText(v.Text), v.Text)
	}
	return append(buf, "</v></c>"...), nil
}

// firstDate is the first date that Excel counts correctly. Excel treats 1900 as a
// leap year, so it shows earlier dates one day off. It has no dates before 1900.
const firstDate events.Date = 1900_03_01

// serial returns Excel's serial number of a date that is not before firstDate.
func serial(d events.Date) int64 {
	const dayZero = -25569 // December 30, 1899, in days since 1970
	return time.Date(d.Year(), time.Month(d.Month()), d.Day(), 0, 0, 0, 0, time.UTC).Unix()/86400 - dayZero
}

// appendCents appends the exact amount in dollars without trailing zeros.
func appendCents(buf []byte, cents int64) []byte {
	if cents < 0 {
		buf, cents = append(buf, '-'), -cents
	}
	buf = strconv.AppendInt(buf, cents/100, 10)
	if c := cents % 100; c != 0 {
		buf = append(buf, '.', byte('0'+c/10))
		if c%10 != 0 {
			buf = append(buf, byte('0'+c%10))
		}
	}
	return buf
}

func openCell(buf []byte, letters string, n, style int) []byte {
	buf = append(buf, `<c r="`...)
	buf = append(buf, letters...)
	buf = strconv.AppendInt(buf, int64(n), 10)
	buf = append(buf, `" s="`...)
	buf = strconv.AppendInt(buf, int64(style), 10)
	return append(buf, '"')
}

func openNumber(buf []byte, letters string, n, style int) []byte {
	return append(openCell(buf, letters, n, style), "><v>"...)
}

// appendText appends a text cell, whatever the text looks like.
func appendText(buf []byte, letters string, n, style int, s string) ([]byte, error) {
	buf = append(openCell(buf, letters, n, style), ` t="inlineStr"><is><t`...)
	if s != "" && (isSpace(s[0]) || isSpace(s[len(s)-1])) {
		buf = append(buf, ` xml:space="preserve"`...)
	}
	buf, err := appendEscaped(append(buf, '>'), s)
	return append(buf, "</t></is></c>"...), err
}

func isSpace(c byte) bool { return c == ' ' || c == '\t' || c == '\n' || c == '\r' }

var (
	errTooLong  = errors.New("text longer than the 32,767 UTF-16 code units that fit in a cell")
	errNotXML   = errors.New("text with a character that XML does not allow")
	errEncoding = errors.New("text is not valid UTF-8")
)

// appendEscaped appends text in the form for a cell. It returns an error if a cell
// cannot contain the text unchanged.
func appendEscaped(buf []byte, s string) ([]byte, error) {
	done, units := 0, 0
	for i := 0; i < len(s); units++ {
		if s[i] >= utf8.RuneSelf {
			r, size := utf8.DecodeRuneInString(s[i:])
			switch {
			case r == utf8.RuneError && size == 1:
				return buf, errEncoding
			case r == 0xfffe || r == 0xffff:
				return buf, errNotXML
			case r > 0xffff:
				units++
			}
			i += size
			continue
		}
		escape := escapes[s[i]]
		if escape == notXML {
			return buf, errNotXML
		}
		if escape != "" && (s[i] != '_' || looksLikeEscape(s[i:])) {
			buf = append(append(buf, s[done:i]...), escape...)
			done = i + 1
		}
		i++
	}
	if units > maxUnits {
		return buf, errTooLong
	}
	return append(buf, s[done:]...), nil
}

// notXML marks characters that XML does not allow.
const notXML = "\x00"

// escapes contains the XML form of each ASCII character that needs one. An
// underscore is escaped only if a spreadsheet would read it as the start of an
// escape.
var escapes = func() (t [utf8.RuneSelf]string) {
	for c := range ' ' {
		t[c] = notXML
	}
	t['\t'], t['\n'], t['\r'] = "&#x9;", "", "&#xD;"
	t['"'], t['&'], t['\''], t['<'], t['>'] = "&#34;", "&amp;", "&#39;", "&lt;", "&gt;"
	t['_'] = "_x005F_"
	return t
}()

// looksLikeEscape reports whether s, which starts with an underscore, starts with
// something that a spreadsheet reads as an escaped character, such as _x0041_. Excel
// requires four digits; LibreOffice also reads some escapes with fewer.
func looksLikeEscape(s string) bool {
	if len(s) < 2 || s[1] != 'x' {
		return false
	}
	for i := 2; i < min(len(s), 7); i++ {
		switch c := s[i]; {
		case c == '_':
			return i > 2
		case '0' <= c && c <= '9' || 'a' <= c && c <= 'f' || 'A' <= c && c <= 'F':
		default:
			return false
		}
	}
	return false
}

// looksLikeFormula reports whether a spreadsheet might read the text as a formula
// when somebody types it, or saves it as CSV and opens the file.
func looksLikeFormula(s string) bool {
	for _, r := range s {
		switch r {
		case ' ', '\u00a0', '\n':
			continue
		case '=', '+', '-', '@', '\t', '\r', '＝', '＋', '－', '＠':
			return true
		}
		return false
	}
	return false
}
