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
	maxUnits   = 32767   // UTF-16 units that a cell holds
	chunk      = 1 << 16 // bytes of rows that are handed on at once
	checkEvery = 16      // rows between two looks at whether to stop
)

// column is a column of the book, ready to be written.
type column struct {
	schemas.Column
	letters string // A to XFD
	field   book.Field
	kind    book.Kind
	shade   int // of its group's header, which differs from the group before
}

// writeRows writes the rows of a book, from the second row of the sheet on.
//
// Excelize makes the rest of the workbook, but its own row writer keeps a sheet
// in memory or in temporary files until it is saved. Without an error, it also
// decodes some texts to others ("_x0041_x0042_"), cuts long ones and replaces
// what XML cannot carry. For ordinary values, the cells written here are byte for
// byte the ones that excelize writes.
func (e *Exporter) writeRows(ctx context.Context, w io.Writer, rows []book.Row, s *styles) error {
	buf := make([]byte, 0, chunk+chunk/4)
	var err error
	for i := range rows {
		if i%checkEvery == 0 {
			if err := ctx.Err(); err != nil {
				return err
			}
		}
		if buf, err = e.appendRow(buf, i+2, &rows[i], s); err != nil {
			return err
		}
		if len(buf) >= chunk {
			if _, err := w.Write(buf); err != nil {
				return err
			}
			buf = buf[:0]
		}
	}
	_, err = w.Write(buf)
	return err
}

// appendRow appends a row. An error names the cell and never what it holds.
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
			err = fmt.Errorf("the field %s does not hold what the kind %s says", c.Field, c.Kind)
		} else {
			buf, err = appendValue(buf, c.letters, n, v, s)
		}
		if err != nil {
			return nil, fmt.Errorf("cell %s%d (%s): %w", c.letters, n, c.Header, err)
		}
	}
	return append(buf, "</row>"...), nil
}

// openRow begins row n, of a height in points or, where that is 0, of the
// reader's choice.
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

// firstDate is the first date that Excel counts rightly: to it 1900 was a leap
// year, so that earlier dates are shown a day off, and none before 1900 at all.
const firstDate events.Date = 1900_03_01

// serial returns the number by which Excel knows a date, not before firstDate.
func serial(d events.Date) int64 {
	const dayZero = -25569 // 30 December 1899, in days from 1970
	return time.Date(d.Year(), time.Month(d.Month()), d.Day(), 0, 0, 0, 0, time.UTC).Unix()/86400 - dayZero
}

// appendCents appends an amount in dollars, exactly, without needless zeros.
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

// appendText appends a cell that is text, whatever the text looks like.
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
	errTooLong  = errors.New("the text is longer than the 32,767 UTF-16 units that a cell holds")
	errNotXML   = errors.New("the text has a character that a workbook cannot carry")
	errEncoding = errors.New("the text is not valid UTF-8")
)

// appendEscaped appends text as it stands in a cell, or fails where a cell
// cannot hold it as it is.
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
		if escape == noXML {
			return buf, errNotXML
		}
		if escape != "" && (s[i] != '_' || looksEscaped(s[i:])) {
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

const noXML = "\x00"

// escapes holds the form of a character in XML. An underscore is escaped
// only where it begins what a spreadsheet would read as an escape.
var escapes = func() (t [utf8.RuneSelf]string) {
	for c := range ' ' {
		t[c] = noXML
	}
	t['\t'], t['\n'], t['\r'] = "&#x9;", "", "&#xD;"
	t['"'], t['&'], t['\''], t['<'], t['>'] = "&#34;", "&amp;", "&#39;", "&lt;", "&gt;"
	t['_'] = "_x005F_"
	return t
}()

// looksEscaped reports whether s, which begins with an underscore, begins with
// what a spreadsheet takes for the code of a character, such as _x0041_. Excel
// wants four digits, LibreOffice reads some with fewer.
func looksEscaped(s string) bool {
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

// looksFormula reports whether a spreadsheet could take the text for a formula
// if somebody typed it, or saved it as CSV and opened that.
func looksFormula(s string) bool {
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
