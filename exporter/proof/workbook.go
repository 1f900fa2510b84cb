package proof

import (
	"bytes"
	"context"
	"fmt"
	"io"
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

// columnSet is the column set of the books.
const columnSet = "1"

func newExporter() (*exporter.Exporter, schemas.Columns, error) {
	set, err := schemas.ColumnSet(columnSet)
	if err != nil {
		return nil, set, err
	}
	e, err := exporter.New(set)
	return e, set, err
}

// writeWorkbook writes the workbook of a book, as the record gives it.
func writeWorkbook(ctx context.Context, w io.Writer, b *book.Book) error {
	e, _, err := newExporter()
	if err != nil {
		return err
	}
	_, err = e.Write(ctx, w, b)
	return err
}

// sheetRow is a row as the record has it: the value of each field in its
// canonical form.
type sheetRow struct {
	caseID string
	value  func(field string) string
}

func rowsOf(b *book.Book) []sheetRow {
	rows := make([]sheetRow, len(b.Rows))
	for i := range b.Rows {
		r := &b.Rows[i]
		rows[i] = sheetRow{r.CaseID, func(field string) string {
			of, ok := book.FieldByName(field)
			if !ok {
				return ""
			}
			return of(r).String()
		}}
	}
	return rows
}

// openWorkbook opens a workbook that has so many rows. Nothing of it is laid
// down in temporary files.
func openWorkbook(workbook []byte, rows int) (*excelize.File, error) {
	const base, perRow = 64 << 20, 64 << 10 // far more than an honest one takes
	limit := int64(base) + int64(rows)*perRow
	f, err := excelize.OpenReader(bytes.NewReader(workbook), excelize.Options{
		RawCellValue: true, UnzipSizeLimit: limit, UnzipXMLSizeLimit: limit,
	})
	if err != nil {
		return nil, differs("the workbook cannot be read: %v", err)
	}
	if sheets := f.GetSheetList(); len(sheets) != 2 || sheets[0] != exporter.Sheet || sheets[1] != exporter.AboutSheet {
		_ = f.Close()
		return nil, differs("the workbook has the sheets %q, and must have %q and %q alone", sheets, exporter.Sheet, exporter.AboutSheet)
	}
	return f, nil
}

// compareRows compares every cell of the sheet of the book, the header's too.
// Where exact, the file is known to be the exporter's own, so that its cells
// are looked at for what they hold and not for how.
func compareRows(f *excelize.File, set schemas.Columns, rows []sheetRow, exact bool) error {
	sheet, err := f.Rows(exporter.Sheet)
	if err != nil {
		return differs("the sheet %s cannot be read: %v", exporter.Sheet, err)
	}
	defer sheet.Close()
	n := 0
	for sheet.Next() {
		n++
		cells, err := sheet.Columns()
		if err != nil {
			return differs("row %d of the sheet %s cannot be read: %v", n, exporter.Sheet, err)
		}
		c := comparison{f: f, set: set, n: n, exact: exact}
		switch {
		case n == 1:
			err = c.header(cells)
		case n-2 < len(rows):
			err = c.row(cells, rows[n-2])
		default:
			err = c.beyond(cells, len(rows))
		}
		if err != nil {
			return err
		}
	}
	if err := sheet.Error(); err != nil {
		return differs("the sheet %s cannot be read: %v", exporter.Sheet, err)
	}
	switch {
	case n == 0:
		return differs("the sheet %s has no header", exporter.Sheet)
	case n < len(rows)+1:
		return differs("the sheet %s ends after row %d, and the record says %d more rows; the next is of case %s", exporter.Sheet, n, len(rows)+1-n, rows[n-1].caseID)
	}
	return nil
}

// guarded calls f, which reads a workbook. Whoever made one up to break its
// reader is found out, and no more.
func guarded(f func() error) (err error) {
	defer func() {
		if broken := recover(); broken != nil {
			err = differs("the workbook cannot be read: it breaks its reader: %v", broken)
		}
	}()
	return f()
}

// comparison is of one row of the sheet.
type comparison struct {
	f     *excelize.File
	set   schemas.Columns
	n     int
	exact bool
}

func cell(column, row int) string {
	name, _ := excelize.CoordinatesToCellName(column, row)
	return name
}

func at(cells []string, i int) string {
	if i < len(cells) {
		return cells[i]
	}
	return ""
}

func (c comparison) header(cells []string) error {
	for i := range max(len(cells), len(c.set.Columns)) {
		want := ""
		if i < len(c.set.Columns) {
			want = c.set.Columns[i].Header
		}
		if have := at(cells, i); have != want {
			return differs("%s, cell %s (the header): the column set says %q, the workbook says %q", exporter.Sheet, cell(i+1, 1), want, have)
		}
		if err := c.kind(i, "", schemas.KindText, want != ""); err != nil {
			return err
		}
	}
	return nil
}

func (c comparison) row(cells []string, want sheetRow) error {
	for i := range max(len(cells), len(c.set.Columns)) {
		have := at(cells, i)
		if i >= len(c.set.Columns) {
			if have != "" {
				return differs("%s, cell %s, row of case %s: beyond the columns of the book the workbook says %q", exporter.Sheet, cell(i+1, c.n), want.caseID, have)
			}
			continue
		}
		column := c.set.Columns[i]
		value := want.value(column.Field)
		if !holds(have, value, column.Kind) {
			return differs("%s, cell %s (column %s), row of case %s: the record says %s, the workbook says %s",
				exporter.Sheet, cell(i+1, c.n), column.Header, want.caseID, shown(value), shown(displayed(have, column.Kind)))
		}
		if err := c.kind(i, want.caseID, column.Kind, value != ""); err != nil {
			return err
		}
	}
	return nil
}

func (c comparison) beyond(cells []string, rows int) error {
	for i, have := range cells {
		if have != "" {
			return differs("%s, cell %s: the record has %d rows, and beyond them the workbook says %q", exporter.Sheet, cell(i+1, c.n), rows, have)
		}
	}
	return nil
}

// kind checks that a cell is no formula, and a text or a number as it must be.
func (c comparison) kind(i int, caseID, kind string, filled bool) error {
	if c.exact {
		return nil
	}
	name := cell(i+1, c.n)
	formula, err := c.f.GetCellFormula(exporter.Sheet, name)
	if err != nil || formula != "" {
		return differs("%s, cell %s (column %s), row of case %s: the workbook has the formula %q", exporter.Sheet, name, c.set.Columns[i].Header, caseID, formula)
	}
	if !filled {
		return nil
	}
	have, err := c.f.GetCellType(exporter.Sheet, name)
	if err != nil {
		return differs("%s, cell %s cannot be read: %v", exporter.Sheet, name, err)
	}
	number := have == excelize.CellTypeUnset || have == excelize.CellTypeNumber
	text := have == excelize.CellTypeInlineString || have == excelize.CellTypeSharedString
	if kind == schemas.KindText || kind == schemas.KindYesNo {
		number = false
	} else if kind != schemas.KindDate { // an old date is text
		text = false
	}
	if !number && !text {
		return differs("%s, cell %s (column %s), row of case %s: what is %s in the record is another kind of cell in the workbook", exporter.Sheet, name, c.set.Columns[i].Header, caseID, kind)
	}
	return nil
}

// firstDate is the first that a workbook counts; earlier ones are texts.
const firstDate events.Date = 1900_03_01

// holds tells whether a cell holds a value of the record.
func holds(have, value, kind string) bool {
	if value == "" {
		return have == ""
	}
	switch kind {
	case schemas.KindDate:
		d, err := events.ParseDate(value)
		if err != nil {
			return false
		}
		if d < firstDate {
			return have == fmt.Sprintf("%02d/%02d/%04d", d.Month(), d.Day(), d.Year())
		}
		return have == strconv.Itoa(serial(d))
	case schemas.KindMoney:
		have, ok := cents(have)
		return ok && have == value
	}
	return have == value
}

// dayZero is the day that a workbook counts dates from.
var dayZero = time.Date(1899, 12, 30, 0, 0, 0, 0, time.UTC)

func serial(d events.Date) int {
	day := time.Date(d.Year(), time.Month(d.Month()), d.Day(), 0, 0, 0, 0, time.UTC)
	return int(day.Sub(dayZero) / (24 * time.Hour))
}

// cents reads an amount, which spreadsheets save as a binary fraction.
func cents(have string) (string, bool) {
	v, err := strconv.ParseFloat(have, 64)
	if err != nil || math.IsNaN(v) || math.Abs(v) > 1e12 {
		return "", false
	}
	n := math.Round(v * 100)
	return events.Cents(int64(n)).String(), math.Abs(v*100-n) < 1e-4
}

// displayed is what a cell holds as people read it.
func displayed(have, kind string) string {
	if n, err := strconv.Atoi(have); kind == schemas.KindDate && err == nil && n > 0 && n < 3_000_000 {
		return dayZero.AddDate(0, 0, n).Format(time.DateOnly)
	}
	return have
}

func shown(value string) string {
	if value == "" {
		return "nothing"
	}
	return strings.TrimSpace(strconv.Quote(value))
}
