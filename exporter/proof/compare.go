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

// Comparison describes how a workbook was compared with a book.
type Comparison struct {
	Rows      int  // rows of the book, without the header
	Cells     int  // cells compared, including the header
	SameBytes bool // the file has exactly the bytes that the exporter writes
}

// CompareBook compares a workbook with a book derived from the journal. It returns
// ErrMismatch if they differ; the error names the first cell that differs. A file
// with the right cells and other bytes is a mismatch too.
func CompareBook(ctx context.Context, text []byte, b *book.Book) (Comparison, error) {
	var expected bytes.Buffer
	if _, err := exporter.Current().Write(ctx, &expected, b); err != nil {
		return Comparison{}, err
	}
	n := len(b.Rows)
	c := Comparison{Rows: n, Cells: (n + 1) * len(schemas.CurrentColumns().Columns), SameBytes: bytes.Equal(expected.Bytes(), text)}
	return c, readWorkbook(text, n, func(w *workbook) error {
		if err := w.compareRows(n, func(i int) []book.NamedValue { return b.Rows[i].Canonical() }, c.SameBytes); err != nil || c.SameBytes {
			return err
		}
		if err := checkExporterVersion(w.exporterVersion()); err != nil {
			return err
		}
		if err := readWorkbook(expected.Bytes(), n, w.compareAbout); err != nil {
			return err
		}
		return mismatchf("every cell of the workbook matches the journal, but the file has other bytes than the exporter writes: it was saved again, or changed outside its cells")
	})
}

// checkExporterVersion checks that this release has the exporter version that wrote
// a workbook. Only that version can tell which bytes the workbook must have, and
// so what it shows apart from its cells.
func checkExporterVersion(version string) error {
	if version != exporter.Version {
		return mismatchf("the workbook was written by exporter version %q, and this release has version %q: use a release that has version %q", version, exporter.Version, version)
	}
	return nil
}

// compareRows compares every cell of the book's sheet, including the header, with
// n rows of the book. If exact is true, the file is known to have the exporter's
// bytes, and only the values of cells are compared, not their types.
func (w *workbook) compareRows(n int, row func(int) []book.NamedValue, exact bool) error {
	if !exact {
		if err := refuseFormulas(w.text); err != nil {
			return err
		}
	}
	sheet, err := w.Rows(exporter.Sheet)
	if err != nil {
		return mismatchf("the sheet %s cannot be read: %v", exporter.Sheet, err)
	}
	defer sheet.Close()
	line := 0
	for sheet.Next() {
		line++
		cells, err := sheet.Columns()
		if err != nil {
			return mismatchf("row %d of the sheet %s cannot be read: %v", line, exporter.Sheet, err)
		}
		var want []expectedCell // empty below the last row
		if line == 1 {
			want = expectedHeader()
		} else if line-2 < n {
			want = expectedRow(row(line - 2))
		}
		for i := range max(len(cells), len(want)) {
			if err := w.compareCell(line, i, elementAt(cells, i), elementAt(want, i), exact); err != nil {
				return err
			}
		}
	}
	if err := sheet.Error(); err != nil {
		return mismatchf("the sheet %s cannot be read: %v", exporter.Sheet, err)
	}
	switch {
	case line == 0:
		return mismatchf("the sheet %s has no header", exporter.Sheet)
	case line < n+1:
		return mismatchf("the sheet %s ends after row %d; the journal has %d more rows, the next for case %s", exporter.Sheet, line, n+1-line, valueOf(row(line-1), caseField))
	}
	return nil
}

// expectedCell is the canonical value that a cell must contain, and the cell's kind
// and location. caseID is blank in the header.
type expectedCell struct{ value, kind, column, caseID string }

func (w expectedCell) location() string {
	switch {
	case w.caseID != "":
		return " (column " + w.column + "), row of case " + w.caseID
	case w.column != "":
		return " (the header)"
	}
	return ""
}

func expectedHeader() (all []expectedCell) {
	for _, c := range schemas.CurrentColumns().Columns {
		all = append(all, expectedCell{c.Header, schemas.KindText, c.Header, ""})
	}
	return all
}

func expectedRow(row []book.NamedValue) (all []expectedCell) {
	caseID := valueOf(row, caseField)
	for _, c := range schemas.CurrentColumns().Columns {
		all = append(all, expectedCell{valueOf(row, c.Field), c.Kind, c.Header, caseID})
	}
	return all
}

// compareCell compares the value of a cell and, unless exact is true, checks
// whether it is a text or a number as required.
func (w *workbook) compareCell(line, i int, have string, want expectedCell, exact bool) error {
	if !cellMatches(have, want) {
		return mismatchf("%s, cell %s%s: the journal says %s, the workbook says %s", exporter.Sheet, cellName(i+1, line), want.location(), quoted(want.value), quoted(displayValue(have, want.kind)))
	}
	if exact || want.value == "" {
		return nil
	}
	name := cellName(i+1, line)
	kind, err := w.GetCellType(exporter.Sheet, name)
	if err != nil {
		return mismatchf("%s, cell %s cannot be read: %v", exporter.Sheet, name, err)
	}
	number := kind == excelize.CellTypeUnset || kind == excelize.CellTypeNumber
	text := kind == excelize.CellTypeInlineString || kind == excelize.CellTypeSharedString
	mayBeText := want.kind == schemas.KindText || want.kind == schemas.KindYesNo || want.kind == schemas.KindDate // an old date is text
	mayBeNumber := want.kind != schemas.KindText && want.kind != schemas.KindYesNo
	if !(number && mayBeNumber || text && mayBeText) {
		return mismatchf("%s, cell %s%s: wrong cell type in the workbook for a value of kind %s", exporter.Sheet, name, want.location(), want.kind)
	}
	return nil
}

// firstDate is the first date that a workbook stores as a number of days since
// dayZero. Earlier dates are texts. The exporter has its own implementation, so
// this one checks it.
const firstDate events.Date = 1900_03_01

var dayZero = time.Date(1899, 12, 30, 0, 0, 0, 0, time.UTC)

// cellMatches reports whether a cell contains the expected value.
func cellMatches(have string, want expectedCell) bool {
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
	case want.kind == schemas.KindMoney: // spreadsheets save amounts as binary fractions
		v, err := strconv.ParseFloat(have, 64)
		if err != nil || math.IsNaN(v) || math.Abs(v) > 1e12 {
			return false
		}
		n := math.Round(v * 100)
		return math.Abs(v*100-n) < 1e-4 && events.Cents(int64(n)).String() == want.value
	}
	return have == want.value
}

// displayValue returns the value of a cell as people read it.
func displayValue(have, kind string) string {
	if n, err := strconv.Atoi(have); kind == schemas.KindDate && err == nil && n > 0 && n < 3_000_000 {
		return dayZero.AddDate(0, 0, n).Format(time.DateOnly)
	}
	return have
}

// compareAbout compares every cell of the About sheet with the expected workbook.
func (w *workbook) compareAbout(expected *workbook) error {
	for i := range max(len(w.about), len(expected.about)) {
		have, want := elementAt(w.about, i), elementAt(expected.about, i)
		for j := range max(len(have), len(want)) {
			if elementAt(have, j) != elementAt(want, j) {
				return mismatchf("%s, cell %s: the journal says %s, the workbook says %s", exporter.AboutSheet, cellName(j+1, i+1), quoted(elementAt(want, j)), quoted(elementAt(have, j)))
			}
		}
	}
	return nil
}

// compareSealedFacts compares the values of the About sheet that the sealed
// statement proves. It is for bundles without the whole journal, from which the
// rest of the sheet cannot be derived.
func (w *workbook) compareSealedFacts(s *statement, cutoff time.Time) error {
	boundary, _, _ := strings.Cut(w.aboutValue(exporter.LabelBoundary), " ")
	for _, c := range []struct{ label, want, have string }{
		{exporter.LabelAgent, s.agentProof.Agent, w.aboutValue(exporter.LabelAgent)},
		{exporter.LabelCutoff, cutoff.UTC().Format(time.RFC3339), w.aboutValue(exporter.LabelCutoff)},
		{exporter.LabelBoundary, strconv.Itoa(s.seal.Boundary), boundary},
		{exporter.LabelTotal, fmt.Sprintf("%d, %d", s.agentProof.Cases, s.agentProof.Rows), w.aboutValue(exporter.LabelTotal)},
	} {
		if c.want != c.have {
			return mismatchf("%s, %q: the seal says %s, the workbook says %s", exporter.AboutSheet, c.label, quoted(c.want), quoted(c.have))
		}
	}
	return nil
}

func cellName(column, row int) string {
	name, _ := excelize.CoordinatesToCellName(column, row)
	return name
}

// elementAt returns the i-th element, or the zero value beyond the end.
func elementAt[T any](all []T, i int) (v T) {
	if i < len(all) {
		v = all[i]
	}
	return v
}

func quoted(value string) string {
	if value == "" {
		return "nothing"
	}
	return strconv.Quote(value)
}
