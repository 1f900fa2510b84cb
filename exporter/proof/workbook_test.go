package proof

import (
	"archive/zip"
	"bytes"
	"context"
	"io"
	"math"
	"strconv"
	"strings"
	"testing"

	"github.com/xuri/excelize/v2"

	"bookledger/exporter"
	"bookledger/projections/book"
)

// resaved opens a workbook, changes it and saves it, as a spreadsheet program would.
func resaved(tb testing.TB, text []byte, change func(f *excelize.File) error) []byte {
	tb.Helper()
	f := must(excelize.OpenReader(bytes.NewReader(text)))
	defer f.Close()
	if err := change(f); err != nil {
		tb.Fatal(err)
	}
	return must(f.WriteToBuffer()).Bytes()
}

// filledCell returns the name and value of a cell in a column that is not blank.
func filledCell(tb testing.TB, text []byte, header string) (name, value string) {
	tb.Helper()
	f := must(excelize.OpenReader(bytes.NewReader(text), excelize.Options{RawCellValue: true}))
	defer f.Close()
	rows := must(f.GetRows(exporter.Sheet))
	for i, c := range rows[0] {
		for n, row := range rows[1:] {
			if c == header && elementAt(row, i) != "" {
				return cellName(i+1, n+2), row[i]
			}
		}
	}
	tb.Fatalf("all cells of the column %s are blank", header)
	return "", ""
}

// TestRejectsChangedWorkbook changes what a workbook says or shows, and adjusts the
// manifest.
func TestRejectsChangedWorkbook(t *testing.T) {
	workbook := readFile(t, cachedBundle(t, "whole"), workbookFile)
	set := func(header string, value any) func(f *excelize.File) error {
		return func(f *excelize.File) error {
			name, _ := filledCell(t, workbook, header)
			return f.SetCellValue(exporter.Sheet, name, value)
		}
	}
	setCell := func(name string, value any) func(f *excelize.File) error {
		return func(f *excelize.File) error { return f.SetCellValue(exporter.Sheet, name, value) }
	}
	formula := func(sheet, name, text string) func(f *excelize.File) error {
		return func(f *excelize.File) error { return f.SetCellFormula(sheet, name, text) }
	}
	_, id := filledCell(t, workbook, "Case ID")
	premium, amount := filledCell(t, workbook, "Gross Premium")
	cents := math.Round(must(strconv.ParseFloat(amount, 64))*100 + 1)
	for name, c := range map[string]struct {
		change func(f *excelize.File) error
		want   string
	}{
		"an amount by a cent":       {set("Gross Premium", cents/100), "cell " + premium + " (column Gross Premium), row of case 50000"},
		"a text":                    {set("Primary First Name", "Someone"), `the workbook says "Someone"`},
		"a case id":                 {set("Case ID", "5000032999"), "cell A2 (column Case ID)"},
		"an identifier to a number": {set("Case ID", must(strconv.Atoi(id))), "wrong cell type"},
		"a ZIP without its zeros":   {set("ZIP", "601"), "(column ZIP)"},
		"a date":                    {set("Coverage Start", 46000), "2025-12-09"},
		"a year":                    {set("Application Year", 2028), `the workbook says "2028"`},
		"a header":                  {setCell("C1", "Type"), "cell C1 (the header)"},
		"a cell made blank":         {set("Delegated Since", nil), "the workbook says nothing"},
		"a blank cell filled":       {setCell("AU2", "Delta"), "the journal says nothing"},
		"outside the columns":       {setCell("BC3", "note"), "cell BC3"},
		"below the rows":            {setCell("A90", "note"), "cell A90"},
		"a row removed":             {func(f *excelize.File) error { return f.RemoveRow(exporter.Sheet, 4) }, "cell"},
		"the last rows removed": {func(f *excelize.File) (err error) {
			for n := 40; n > 4 && err == nil; n-- {
				err = f.RemoveRow(exporter.Sheet, n)
			}
			return err
		}, "ends after row 4"},
		"a row doubled":                 {func(f *excelize.File) error { return f.DuplicateRow(exporter.Sheet, 3) }, "cell"},
		"another sheet":                 {func(f *excelize.File) error { _, err := f.NewSheet("More"); return err }, `"More"`},
		"no sheet about":                {func(f *excelize.File) error { return f.DeleteSheet(exporter.AboutSheet) }, "sheets"},
		"another cutoff":                {setAboutValue(exporter.LabelCutoff, "2026-11-14T05:00:00Z"), "2026-11-21T05:00:00Z"},
		"another agent":                 {setAboutValue(exporter.LabelAgent, "A2"), `"A2"`},
		"other counts":                  {setAboutValue(exporter.LabelTotal, 99), "99"},
		"another version":               {setAboutValue(exporter.LabelVersions, "column set 1, workbook 0"), `exporter version "`},
		"a formula":                     {formula(exporter.Sheet, premium, amount), "formula in cell " + premium},
		"a formula in a blank cell":     {formula(exporter.Sheet, "AU2", `"Delta"`), "formula"},
		"a formula below the rows":      {formula(exporter.Sheet, "A90", `"5000099999"`), "formula"},
		"a formula outside the columns": {formula(exporter.AboutSheet, "D4", "1+1"), "formula"},
		"a hidden row":                  {func(f *excelize.File) error { return f.SetRowVisible(exporter.Sheet, 3, false) }, "hides"},
		"a hidden column":               {func(f *excelize.File) error { return f.SetColVisible(exporter.Sheet, "C", false) }, "hides"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			changed := map[string][]byte{workbookFile: resaved(t, workbook, c.change)}
			for _, bundle := range []string{"whole", "records"} {
				wantMismatch(t, verifyError(tamper(t, cachedBundle(t, bundle), changed)), c.want)
			}
		})
	}
}

// setAboutValue changes the value next to a label on the About sheet.
func setAboutValue(label string, value any) func(f *excelize.File) error {
	return func(f *excelize.File) error {
		at := must(f.SearchSheet(exporter.AboutSheet, label))
		return f.SetCellValue(exporter.AboutSheet, "B"+strings.TrimPrefix(at[0], "A"), value)
	}
}

// workbookOf returns the workbook of a book.
func workbookOf(tb testing.TB, b *book.Book) []byte {
	tb.Helper()
	var out bytes.Buffer
	must(exporter.Current().Write(context.Background(), &out, b))
	return out.Bytes()
}

// TestCompareBook compares the exporter's own workbook, and one that was saved again.
func TestCompareBook(t *testing.T) {
	t.Parallel()
	for _, agent := range []string{testAgent, emptyAgent} {
		b := sampleLedger().books[agent]
		workbook := workbookOf(t, b)
		title, err := ReadTitle(workbook)
		if err != nil || title.AgentID != agent || title.AgencyID != "G1" || !title.Cutoff.Equal(b.Cutoff) {
			t.Errorf("ReadTitle: got %+v, %v", title, err)
		}
		if c, err := CompareBook(context.Background(), workbook, b); err != nil || !c.SameBytes || c.Rows != len(b.Rows) {
			t.Errorf("CompareBook: got %+v, %v, want the same bytes and %d rows", c, err, len(b.Rows))
		}
		_, err = CompareBook(context.Background(), resaved(t, workbook, func(*excelize.File) error { return nil }), b)
		wantMismatch(t, err, "every cell of the workbook matches the journal, but the file has other bytes")
	}
}

// TestRejectsHostileWorkbook checks that a file that is not a workbook is refused, and
// that one that would need too much memory is not unpacked.
func TestRejectsHostileWorkbook(t *testing.T) {
	t.Parallel()
	b := sampleLedger().books[testAgent]
	workbook := workbookOf(t, b)
	var bomb bytes.Buffer
	to := zip.NewWriter(&bomb)
	for _, part := range must(zip.NewReader(bytes.NewReader(workbook), int64(len(workbook)))).File {
		w := must(to.Create(part.Name))
		must(io.Copy(w, must(part.Open())))
		if part.Name == "xl/worksheets/sheet1.xml" {
			must(w.Write(bytes.Repeat([]byte(" "), 80<<20)))
		}
	}
	if err := to.Close(); err != nil {
		t.Fatal(err)
	}
	for name, text := range map[string][]byte{
		"nothing": nil, "not an archive": []byte("not an archive"), "half of one": workbook[:len(workbook)/2], "a bomb": bomb.Bytes(),
		"an empty archive": {'P', 'K', 5, 6, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0},
	} {
		_, err := CompareBook(context.Background(), text, b)
		wantMismatch(t, err)
		if _, err := ReadTitle(text); name != "a bomb" {
			wantMismatch(t, err)
		}
		if t.Failed() {
			t.Fatal(name)
		}
	}
}
