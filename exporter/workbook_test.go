package exporter_test

import (
	"archive/zip"
	"bytes"
	"encoding/xml"
	"errors"
	"flag"
	"fmt"
	"io"
	"io/fs"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/xuri/excelize/v2"

	"bookledger/exporter"
	"bookledger/schemas"
)

var update = flag.Bool("update", false, "update the golden files")

func open(tb testing.TB, workbook []byte) *excelize.File {
	tb.Helper()
	f, err := excelize.OpenReader(bytes.NewReader(workbook))
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() { _ = f.Close() })
	return f
}

// The names of the parts that contain the sheets.
const (
	bookPart  = "xl/worksheets/sheet1.xml"
	aboutPart = "xl/worksheets/sheet2.xml"
)

// readParts returns the headers of a workbook's parts in order, and the contents by
// name.
func readParts(tb testing.TB, workbook []byte) ([]*zip.File, map[string]string) {
	tb.Helper()
	z, err := zip.NewReader(bytes.NewReader(workbook), int64(len(workbook)))
	if err != nil {
		tb.Fatal(err)
	}
	parts := make(map[string]string)
	for _, f := range z.File {
		text, err := fs.ReadFile(z, f.Name)
		if err != nil {
			tb.Fatal(err)
		}
		parts[f.Name] = string(text)
	}
	return z.File, parts
}

// dump returns the cells of a workbook as lines: reference, type, number format, quote
// prefix, raw value and displayed value.
func dump(tb testing.TB, workbook []byte) string {
	tb.Helper()
	f := open(tb, workbook)
	var out strings.Builder
	for _, sheet := range f.GetSheetList() {
		fmt.Fprintf(&out, "# %s\n", sheet)
		rows, err := f.GetRows(sheet, excelize.Options{RawCellValue: true})
		if err != nil {
			tb.Fatal(err)
		}
		for i, row := range rows {
			for j, raw := range row {
				if raw == "" {
					continue
				}
				ref, _ := excelize.CoordinatesToCellName(j+1, i+1)
				kind, _ := f.GetCellType(sheet, ref)
				shown, _ := f.GetCellValue(sheet, ref)
				id, _ := f.GetCellStyle(sheet, ref)
				xf := f.Styles.CellXfs.Xf[id]
				kinds := map[excelize.CellType]string{excelize.CellTypeInlineString: "text", excelize.CellTypeUnset: "number"}
				fmt.Fprintf(&out, "%s\t%s\t%d\t%t\t%s\t%s\n", ref, kinds[kind], *xf.NumFmtID, xf.QuotePrefix != nil, raw, shown)
			}
		}
	}
	return out.String()
}

func TestGolden(t *testing.T) {
	got := dump(t, write(t, sample(1).book()))
	const file = "testdata/small.txt"
	if *update {
		if err := os.WriteFile(file, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if got != string(want) {
		t.Errorf("cells differ from %s; got\n%s", file, got)
	}
}

// elements returns the child elements of a part's root in order. It fails the test if
// the part is not well formed.
func elements(tb testing.TB, name, part string) (all []string) {
	tb.Helper()
	decoder := xml.NewDecoder(strings.NewReader(part))
	for depth := 0; ; {
		token, err := decoder.Token()
		if errors.Is(err, io.EOF) {
			return all
		}
		if err != nil {
			tb.Fatalf("part %s: %v", name, err)
		}
		switch e := token.(type) {
		case xml.StartElement:
			if depth++; depth == 2 {
				all = append(all, e.Name.Local)
			}
		case xml.EndElement:
			depth--
		}
	}
}

// sheetOrder is the standard's order of the elements in a sheet.
var sheetOrder = []string{
	"sheetPr", "dimension", "sheetViews", "sheetFormatPr", "cols", "sheetData", "autoFilter", "mergeCells",
	"printOptions", "pageMargins", "pageSetup", "headerFooter", "ignoredErrors", "tableParts",
}

// TestPartsAreOrderedAndWellFormed checks the order of parts and of the elements of
// sheets, and that parts do not contain the time of writing.
func TestPartsAreOrderedAndWellFormed(t *testing.T) {
	required := map[string][]string{
		bookPart:  {"sheetViews", "cols", "sheetData", "ignoredErrors", "tableParts"},
		aboutPart: {"cols", "sheetData", "mergeCells", "ignoredErrors"},
	}
	for _, all := range []cases{sample(10), {}} {
		headers, parts := readParts(t, write(t, all.book()))
		if headers[0].Name != "[Content_Types].xml" || headers[1].Name != "_rels/.rels" {
			t.Errorf("got first parts %s and %s", headers[0].Name, headers[1].Name)
		}
		for i, h := range headers {
			if h.ModifiedDate != 0x21 || h.ModifiedTime != 0 || h.Method != zip.Deflate || i > 0 && h.Name < headers[i-1].Name {
				t.Errorf("part %d, %s: got time %x %x, method %d or out of order", i, h.Name, h.ModifiedDate, h.ModifiedTime, h.Method)
			}
			last, has := -1, elements(t, h.Name, parts[h.Name])
			for _, want := range required[h.Name] {
				if !slices.Contains(has, want) {
					t.Errorf("%s: missing element %s", h.Name, want)
				}
			}
			for _, name := range has {
				at := slices.Index(sheetOrder, name)
				if required[h.Name] != nil && at <= last {
					t.Errorf("%s: element %s is out of order or unknown: %v", h.Name, name, has)
				}
				last = at
			}
		}
	}
}

// TestBookSheetIsATable checks that the sheet is a table with a frozen header and a
// filter. The table of a book without rows has one empty row.
func TestBookSheetIsATable(t *testing.T) {
	for _, c := range []struct {
		cases            cases
		table, dimension string
		rows             int
	}{{sample(10), "A1:AZ22", "A1:AZ22", 22}, {cases{}, "A1:AZ2", "A1:AZ1", 1}} {
		workbook := write(t, c.cases.book())
		f := open(t, workbook)
		if got := f.GetSheetList(); !slices.Equal(got, []string{exporter.Sheet, exporter.AboutSheet}) || f.GetActiveSheetIndex() != 0 {
			t.Errorf("got sheets %v, of which %d is active", got, f.GetActiveSheetIndex())
		}
		panes, err := f.GetPanes(exporter.Sheet)
		if err != nil || !panes.Freeze || panes.YSplit != 1 || panes.XSplit != 0 || panes.TopLeftCell != "A2" {
			t.Errorf("got panes %+v (%v)", panes, err)
		}
		tables, err := f.GetTables(exporter.Sheet)
		if err != nil || len(tables) != 1 {
			t.Fatalf("got tables %+v (%v), want one", tables, err)
		}
		table := tables[0]
		if table.Range != c.table || table.Name != "BookOfBusiness" || table.StyleName != "TableStyleMedium2" || !*table.ShowRowStripes {
			t.Errorf("got table %+v", table)
		}
		for i, c := range schemas.CurrentColumns().Columns {
			letters, _ := excelize.ColumnNumberToName(i + 1)
			width, _ := f.GetColWidth(exporter.Sheet, letters)
			if header, _ := f.GetCellValue(exporter.Sheet, letters+"1"); header != c.Header || width != c.Width {
				t.Errorf("column %s: got header %q and width %v, want %q and %v", letters, header, width, c.Header, c.Width)
			}
		}
		_, parts := readParts(t, workbook)
		for _, want := range []string{
			`<dimension ref="` + c.dimension + `">`,
			`<ignoredError sqref="` + c.table + `" numberStoredAsText="true">`, `<ignoredError sqref="` + c.table + `" twoDigitTextYear="true">`,
			`<autoFilter ref="` + c.table + `">`,
		} {
			if !strings.Contains(parts[bookPart]+parts["xl/tables/table1.xml"], want) {
				t.Errorf("the sheet does not contain %s", want)
			}
		}
		if n := strings.Count(parts[bookPart], "<row "); n != c.rows || strings.Contains(parts[bookPart], "<f>") {
			t.Errorf("got %d rows, want %d, or a formula", n, c.rows)
		}
		if a, b := strings.Index(parts[bookPart], `<col min="1"`), strings.Index(parts[bookPart], `<col min="2"`); a < 0 || b < a {
			t.Error("columns are out of order")
		}
	}
}

// TestBlankValueHasNoCell checks the row of the job aid's consumer, who has few values.
func TestBlankValueHasNoCell(t *testing.T) {
	_, parts := readParts(t, write(t, sample(0).book()))
	sheet := parts[bookPart]
	_, row, _ := strings.Cut(sheet, `<row r="2">`)
	if strings.Contains(row, `<c r="C2"`) || strings.Contains(row, "<t></t>") || strings.Count(row, "<c ") != 20 {
		t.Errorf("got row 2 %s, want 20 cells", row)
	}
}

func TestProperties(t *testing.T) {
	workbook := write(t, sample(0).book())
	f := open(t, workbook)
	props, err := f.GetDocProps()
	if err != nil {
		t.Fatal(err)
	}
	const want = "2026-11-21T05:00:00Z"
	if props.Created != want || props.Modified != want || props.Creator != "bookledger" || props.LastModifiedBy != "bookledger" ||
		props.Title != "Book of Business, Friday 2026-11-20" || props.Subject != "Consumers of agent A-1001 as of the cutoff, "+want {
		t.Errorf("got properties %+v", props)
	}
	if app, err := f.GetAppProps(); err != nil || app.Application != "bookledger" {
		t.Errorf("got application properties %+v (%v)", app, err)
	}
	_, parts := readParts(t, workbook)
	for _, name := range []string{"docProps/core.xml", "docProps/app.xml", "xl/workbook.xml"} {
		for _, personal := range []string{"CAL", "Ann", "7880", "5000032500"} {
			if strings.Contains(parts[name], personal) {
				t.Errorf("part %s contains %q", name, personal)
			}
		}
	}
}
