package exporter_test

import (
	"archive/zip"
	"bytes"
	"encoding/xml"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/xuri/excelize/v2"

	"bookledger/exporter"
	"bookledger/schemas"
)

var update = flag.Bool("update", false, "write the golden files anew")

func open(tb testing.TB, workbook []byte) *excelize.File {
	tb.Helper()
	f, err := excelize.OpenReader(bytes.NewReader(workbook))
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() { _ = f.Close() })
	return f
}

// readParts returns the names of a workbook's parts, in their order, and what
// each holds.
func readParts(tb testing.TB, workbook []byte) ([]string, map[string]string) {
	tb.Helper()
	z, err := zip.NewReader(bytes.NewReader(workbook), int64(len(workbook)))
	if err != nil {
		tb.Fatal(err)
	}
	for _, f := range z.File {
		if f.ModifiedDate != 0x21 || f.ModifiedTime != 0 || f.Method != zip.Deflate {
			tb.Errorf("part %s: time %x %x, method %d", f.Name, f.ModifiedDate, f.ModifiedTime, f.Method)
		}
	}
	return readBare(tb, workbook)
}

// readBare reads the parts of any workbook.
func readBare(tb testing.TB, workbook []byte) ([]string, map[string]string) {
	tb.Helper()
	z, err := zip.NewReader(bytes.NewReader(workbook), int64(len(workbook)))
	if err != nil {
		tb.Fatal(err)
	}
	var names []string
	parts := make(map[string]string)
	for _, f := range z.File {
		r, err := f.Open()
		if err != nil {
			tb.Fatal(err)
		}
		text, err := io.ReadAll(r)
		if err != nil {
			tb.Fatal(err)
		}
		names = append(names, f.Name)
		parts[f.Name] = string(text)
	}
	return names, parts
}

// unescapeXML reads what stands between two tags.
func unescapeXML(tb testing.TB, text []byte) string {
	tb.Helper()
	var v struct {
		Text string `xml:",chardata"`
	}
	if err := xml.Unmarshal(fmt.Appendf(nil, "<t>%s</t>", text), &v); err != nil {
		tb.Fatal(err)
	}
	return v.Text
}

// dump writes the cells of a workbook as lines: reference, type, number
// format, whether it is quoted, what it holds, and how that is shown.
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
	l := newLedger().with(1)
	got := dump(t, write(t, l.book(t, agentID)))
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
		t.Errorf("the cells differ from %s:\n%s", file, got)
	}
}

func TestPartsAreWellFormed(t *testing.T) {
	for _, agent := range []string{agentID, idleID} {
		names, parts := readParts(t, write(t, newLedger().with(10).book(t, agent)))
		if names[0] != "[Content_Types].xml" || names[1] != "_rels/.rels" || !slices.IsSorted(names) {
			t.Errorf("parts stand in the order %v", names)
		}
		for name, text := range parts {
			decoder := xml.NewDecoder(strings.NewReader(text))
			decoder.Strict = true
			for {
				_, err := decoder.Token()
				if errors.Is(err, io.EOF) {
					break
				}
				if err != nil {
					t.Errorf("part %s: %v", name, err)
					break
				}
			}
		}
	}
}

// children returns the elements of the root of a part, in their order, with
// their attributes.
func children(tb testing.TB, part string) (names []string, attributes map[string][]xml.Attr) {
	tb.Helper()
	decoder := xml.NewDecoder(strings.NewReader(part))
	attributes = make(map[string][]xml.Attr)
	for depth := 0; ; {
		token, err := decoder.Token()
		if errors.Is(err, io.EOF) {
			return names, attributes
		}
		if err != nil {
			tb.Fatal(err)
		}
		switch e := token.(type) {
		case xml.StartElement:
			if depth++; depth == 2 {
				names = append(names, e.Name.Local)
				attributes[e.Name.Local] = e.Attr
			}
		case xml.EndElement:
			depth--
		}
	}
}

// sheetOrder is the order in which the standard has the elements of a sheet.
var sheetOrder = []string{
	"sheetPr", "dimension", "sheetViews", "sheetFormatPr", "cols", "sheetData", "autoFilter", "mergeCells",
	"printOptions", "pageMargins", "pageSetup", "headerFooter", "ignoredErrors", "tableParts",
}

func TestElementsStandInOrder(t *testing.T) {
	_, parts := readParts(t, write(t, newLedger().with(10).book(t, agentID)))
	for name, required := range map[string][]string{
		"xl/worksheets/sheet1.xml": {"sheetViews", "cols", "sheetData", "ignoredErrors", "tableParts"},
		"xl/worksheets/sheet2.xml": {"cols", "sheetData", "mergeCells", "ignoredErrors"},
	} {
		names, _ := children(t, parts[name])
		last := -1
		for _, n := range names {
			i := slices.Index(sheetOrder, n)
			if i <= last {
				t.Errorf("%s: %s stands at the wrong place or is unknown: %v", name, n, names)
			}
			last = i
		}
		for _, n := range required {
			if !slices.Contains(names, n) {
				t.Errorf("%s has no %s", name, n)
			}
		}
	}
	sheet := parts["xl/worksheets/sheet1.xml"]
	if a, b := strings.Index(sheet, `<col min="1"`), strings.Index(sheet, `<col min="2"`); a < 0 || b < a {
		t.Error("columns do not stand in order")
	}
	for _, want := range []string{
		`<ignoredError sqref="A1:AZ22" numberStoredAsText="true">`, `<ignoredError sqref="A1:AZ22" twoDigitTextYear="true">`,
		`<dimension ref="A1:AZ22">`,
	} {
		if !strings.Contains(sheet, want) {
			t.Errorf("the sheet lacks %s", want)
		}
	}
	if strings.Contains(sheet, "<f>") {
		t.Error("the sheet has a formula")
	}
}

func TestSheetIsATableWithAFrozenHeader(t *testing.T) {
	f := open(t, write(t, newLedger().with(10).book(t, agentID)))
	if got := f.GetSheetList(); !slices.Equal(got, []string{exporter.Sheet, exporter.AboutSheet}) {
		t.Errorf("sheets are %v", got)
	}
	if f.GetActiveSheetIndex() != 0 {
		t.Error("the book is not the sheet that opens")
	}
	panes, err := f.GetPanes(exporter.Sheet)
	if err != nil || !panes.Freeze || panes.YSplit != 1 || panes.XSplit != 0 || panes.TopLeftCell != "A2" {
		t.Errorf("panes are %+v, %v", panes, err)
	}
	tables, err := f.GetTables(exporter.Sheet)
	if err != nil || len(tables) != 1 {
		t.Fatalf("tables are %+v, %v", tables, err)
	}
	table := tables[0]
	if table.Range != "A1:AZ22" || table.Name != "BookOfBusiness" || table.StyleName != "TableStyleMedium2" || !*table.ShowRowStripes {
		t.Errorf("table is %+v", table)
	}
	for i, c := range schemas.CurrentColumns().Columns {
		letters, _ := excelize.ColumnNumberToName(i + 1)
		if width, _ := f.GetColWidth(exporter.Sheet, letters); width != c.Width {
			t.Errorf("column %s is %v wide, want %v", letters, width, c.Width)
		}
		if header, _ := f.GetCellValue(exporter.Sheet, letters+"1"); header != c.Header {
			t.Errorf("column %s has the header %q, want %q", letters, header, c.Header)
		}
	}
	_, parts := readParts(t, write(t, newLedger().with(10).book(t, agentID)))
	if !strings.Contains(parts["xl/tables/table1.xml"], `<autoFilter ref="A1:AZ22">`) {
		t.Error("the table has no filter buttons")
	}
}

// TestBlankIsNoCell looks at the job aid's consumer, of whom little is known.
func TestBlankIsNoCell(t *testing.T) {
	_, parts := readParts(t, write(t, newLedger().book(t, agentID)))
	sheet := parts["xl/worksheets/sheet1.xml"]
	_, row, _ := strings.Cut(sheet, `<row r="2">`)
	if strings.Contains(row, `<c r="C2"`) || strings.Contains(row, "<t></t>") || strings.Count(row, "<c ") != 20 {
		t.Errorf("row 2 is %s", row)
	}
}

func TestBookWithoutConsumers(t *testing.T) {
	workbook := write(t, newLedger().with(3).book(t, idleID))
	f := open(t, workbook)
	rows, err := f.GetRows(exporter.Sheet)
	if err != nil || len(rows) != 1 || len(rows[0]) != 52 {
		t.Fatalf("rows are %v, %v", rows, err)
	}
	if tables, _ := f.GetTables(exporter.Sheet); len(tables) != 1 || tables[0].Range != "A1:AZ2" {
		t.Errorf("tables are %+v", tables)
	}
	_, parts := readParts(t, workbook)
	if sheet := parts["xl/worksheets/sheet1.xml"]; strings.Count(sheet, "<row ") != 1 || !strings.Contains(sheet, `<dimension ref="A1:AZ1">`) {
		t.Error("the sheet holds more than its header")
	}
}

func TestProperties(t *testing.T) {
	workbook := write(t, newLedger().book(t, agentID))
	f := open(t, workbook)
	props, err := f.GetDocProps()
	if err != nil {
		t.Fatal(err)
	}
	const want = "2026-11-21T05:00:00Z"
	if props.Created != want || props.Modified != want || props.Creator != "bookledger" || props.LastModifiedBy != "bookledger" ||
		props.Title != "Book of Business, Friday 2026-11-20" || props.Subject != "Consumers of agent A-1001 as of the cutoff, "+want {
		t.Errorf("properties are %+v", props)
	}
	if app, err := f.GetAppProps(); err != nil || app.Application != "bookledger" {
		t.Errorf("application properties are %+v, %v", app, err)
	}
	_, parts := readParts(t, workbook)
	for _, name := range []string{"docProps/core.xml", "docProps/app.xml", "xl/workbook.xml"} {
		for _, personal := range []string{"CAL", "Ann", "7880", "5000032500"} {
			if strings.Contains(parts[name], personal) {
				t.Errorf("part %s holds %q", name, personal)
			}
		}
	}
}
