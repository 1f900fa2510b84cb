package proof

import (
	"bytes"
	"context"
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"

	"github.com/xuri/excelize/v2"

	"bookledger/events"
	"bookledger/exporter"
	"bookledger/projections/book"
	"bookledger/schemas"
)

// Comparison is how a workbook was found to be what the record says.
type Comparison struct {
	Rows      int
	Cells     int  // compared, the header's too
	SameBytes bool // the file is the one that the exporter makes, byte for byte
}

// CompareBook compares a workbook with the book that the record gives. It
// returns ErrDiffers with the first cell that differs or, where none does and
// the bytes do, with that.
func CompareBook(ctx context.Context, text []byte, b *book.Book) (Comparison, error) {
	var made bytes.Buffer
	if _, err := exporter.Current().Write(ctx, &made, b); err != nil {
		return Comparison{}, err
	}
	n := len(b.Rows)
	c := Comparison{Rows: n, Cells: (n + 1) * len(schemas.CurrentColumns().Columns), SameBytes: bytes.Equal(made.Bytes(), text)}
	return c, readWorkbook(text, n, func(w *workbook) error {
		if err := w.compareRows(n, func(i int) []book.NamedValue { return b.Rows[i].Canonical() }, c.SameBytes); err != nil || c.SameBytes {
			return err
		}
		if err := knownExporter(w.version()); err != nil {
			return err
		}
		if err := readWorkbook(made.Bytes(), n, w.compareAbout); err != nil {
			return err
		}
		return differs("every cell of the workbook is what the record says, but the file is not the one that is made of it: it was saved again, or changed where no cell shows it")
	})
}

// knownExporter checks that this release has the exporter that made a workbook:
// else it cannot tell what the workbook's bytes must be, and so not what it
// shows besides its cells.
func knownExporter(version string) error {
	if version != exporter.Version {
		return differs("the workbook says that exporter %q made it, and this release has exporter %q: use the release that has the other", version, exporter.Version)
	}
	return nil
}

// compareRows compares every cell of the sheet of the book, the header's too,
// with n rows as the record has them. Where exact, the file is known to be the
// exporter's own, so that its cells are looked at for what they hold and not for
// how.
func (w *workbook) compareRows(n int, row func(int) []book.NamedValue, exact bool) error {
	if !exact {
		if err := plainSheets(w.text); err != nil {
			return err
		}
	}
	sheet, err := w.Rows(exporter.Sheet)
	if err != nil {
		return differs("the sheet %s cannot be read: %v", exporter.Sheet, err)
	}
	defer sheet.Close()
	line := 0
	for sheet.Next() {
		line++
		cells, err := sheet.Columns()
		if err != nil {
			return differs("row %d of the sheet %s cannot be read: %v", line, exporter.Sheet, err)
		}
		var want []wanted // nothing beyond the rows
		if line == 1 {
			want = headers()
		} else if line-2 < n {
			want = cellsOf(row(line - 2))
		}
		for i := range max(len(cells), len(want)) {
			if err := w.compareCell(line, i, at(cells, i), at(want, i), exact); err != nil {
				return err
			}
		}
	}
	if err := sheet.Error(); err != nil {
		return differs("the sheet %s cannot be read: %v", exporter.Sheet, err)
	}
	switch {
	case line == 0:
		return differs("the sheet %s has no header", exporter.Sheet)
	case line < n+1:
		return differs("the sheet %s ends after row %d, and the record says %d more rows; the next is of case %s", exporter.Sheet, line, n+1-line, valueOf(row(line-1), caseField))
	}
	return nil
}

// wanted is what a cell must hold, in its canonical form, and where it stands.
type wanted struct{ value, kind, column, caseID string }

func (w wanted) where() string {
	switch {
	case w.caseID != "":
		return " (column " + w.column + "), row of case " + w.caseID
	case w.column != "":
		return " (the header)"
	}
	return ""
}

func headers() (all []wanted) {
	for _, c := range schemas.CurrentColumns().Columns {
		all = append(all, wanted{c.Header, schemas.KindText, c.Header, ""})
	}
	return all
}

func cellsOf(row []book.NamedValue) (all []wanted) {
	caseID := valueOf(row, caseField)
	for _, c := range schemas.CurrentColumns().Columns {
		all = append(all, wanted{valueOf(row, c.Field), c.Kind, c.Header, caseID})
	}
	return all
}

// compareCell compares what a cell holds and, unless the file is known to be the
// exporter's own, whether it is a text or a number as it must be.
func (w *workbook) compareCell(line, i int, have string, want wanted, exact bool) error {
	if !holds(have, want) {
		return differs("%s, cell %s%s: the record says %s, the workbook says %s", exporter.Sheet, cell(i+1, line), want.where(), shown(want.value), shown(displayed(have, want.kind)))
	}
	if exact || want.value == "" {
		return nil
	}
	name := cell(i+1, line)
	kind, err := w.GetCellType(exporter.Sheet, name)
	if err != nil {
		return differs("%s, cell %s cannot be read: %v", exporter.Sheet, name, err)
	}
	number := kind == excelize.CellTypeUnset || kind == excelize.CellTypeNumber
	text := kind == excelize.CellTypeInlineString || kind == excelize.CellTypeSharedString
	mayBeText := want.kind == schemas.KindText || want.kind == schemas.KindYesNo || want.kind == schemas.KindDate // an old date is text
	mayBeNumber := want.kind != schemas.KindText && want.kind != schemas.KindYesNo
	if !(number && mayBeNumber || text && mayBeText) {
		return differs("%s, cell %s%s: what is %s in the record is another kind of cell in the workbook", exporter.Sheet, name, want.where(), want.kind)
	}
	return nil
}

// firstDate is the first that a workbook counts, from dayZero on; earlier ones
// are texts. The exporter has its own counting, which is checked by this.
const firstDate events.Date = 1900_03_01

var dayZero = time.Date(1899, 12, 30, 0, 0, 0, 0, time.UTC)

// holds reports whether a cell holds a value of the record.
func holds(have string, want wanted) bool {
	switch {
	case want.value == "":
	case want.kind == schemas.KindDate:
		d, err := events.ParseDate(want.value)
		if err != nil {
			return false
		}
		if d < firstDate {
			return have == fmt.Sprintf("%02d/%02d/%04d", d.Month(), d.Day(), d.Year())
		}
		day := time.Date(d.Year(), time.Month(d.Month()), d.Day(), 0, 0, 0, 0, time.UTC)
		return have == strconv.Itoa(int(day.Sub(dayZero)/(24*time.Hour)))
	case want.kind == schemas.KindMoney: // which spreadsheets save as a binary fraction
		v, err := strconv.ParseFloat(have, 64)
		if err != nil || math.IsNaN(v) || math.Abs(v) > 1e12 {
			return false
		}
		n := math.Round(v * 100)
		return math.Abs(v*100-n) < 1e-4 && events.Cents(int64(n)).String() == want.value
	}
	return have == want.value
}

// displayed is what a cell holds as people read it.
func displayed(have, kind string) string {
	if n, err := strconv.Atoi(have); kind == schemas.KindDate && err == nil && n > 0 && n < 3_000_000 {
		return dayZero.AddDate(0, 0, n).Format(time.DateOnly)
	}
	return have
}

// compareAbout compares every cell of the About sheet with that of the workbook
// which was made of the record.
func (w *workbook) compareAbout(made *workbook) error {
	for i := range max(len(w.about), len(made.about)) {
		have, want := at(w.about, i), at(made.about, i)
		for j := range max(len(have), len(want)) {
			if at(have, j) != at(want, j) {
				return differs("%s, cell %s: of the record it is %s, the workbook says %s", exporter.AboutSheet, cell(j+1, i+1), shown(at(want, j)), shown(at(have, j)))
			}
		}
	}
	return nil
}

// compareTitle compares what the sealed statement proves of a workbook's sheet
// about, where the record to derive the rest from is not at hand.
func (w *workbook) compareTitle(s *statement, cutoff time.Time) error {
	boundary, _, _ := strings.Cut(w.fact(exporter.LabelBoundary), " ")
	for _, c := range []struct{ label, want, have string }{
		{exporter.LabelAgent, s.place.Agent, w.fact(exporter.LabelAgent)},
		{exporter.LabelCutoff, cutoff.UTC().Format(time.RFC3339), w.fact(exporter.LabelCutoff)},
		{exporter.LabelBoundary, strconv.Itoa(s.seal.Boundary), boundary},
		{exporter.LabelTotal, fmt.Sprintf("%d, %d", s.place.Cases, s.place.Rows), w.fact(exporter.LabelTotal)},
	} {
		if c.want != c.have {
			return differs("%s, beside %q: the sealed record says %s, the workbook says %s", exporter.AboutSheet, c.label, shown(c.want), shown(c.have))
		}
	}
	return nil
}

func cell(column, row int) string {
	name, _ := excelize.CoordinatesToCellName(column, row)
	return name
}

// at returns an element, the zero value beyond the end.
func at[T any](all []T, i int) (v T) {
	if i < len(all) {
		v = all[i]
	}
	return v
}

func shown(value string) string {
	if value == "" {
		return "nothing"
	}
	return strconv.Quote(value)
}
