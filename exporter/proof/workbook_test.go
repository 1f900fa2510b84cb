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

// saved opens a workbook, changes it and saves it, as a spreadsheet would.
func saved(tb testing.TB, text []byte, change func(f *excelize.File) error) []byte {
	tb.Helper()
	f := must(excelize.OpenReader(bytes.NewReader(text)))
	defer f.Close()
	if err := change(f); err != nil {
		tb.Fatal(err)
	}
	return must(f.WriteToBuffer()).Bytes()
}

// filled finds a filled cell of a column.
func filled(tb testing.TB, text []byte, header string) (name, value string) {
	tb.Helper()
	f := must(excelize.OpenReader(bytes.NewReader(text), excelize.Options{RawCellValue: true}))
	defer f.Close()
	rows := must(f.GetRows(exporter.Sheet))
	for i, c := range rows[0] {
		for n, row := range rows[1:] {
			if c == header && at(row, i) != "" {
				return cell(i+1, n+2), row[i]
			}
		}
	}
	tb.Fatalf("no cell of the column %s is filled", header)
	return "", ""
}

// TestChangedWorkbook changes what a workbook says or shows, by somebody who
// makes the manifest fit.
func TestChangedWorkbook(t *testing.T) {
	workbook := read(t, bundleOf(t, "whole"), workbookFile)
	set := func(header string, value any) func(f *excelize.File) error {
		return func(f *excelize.File) error {
			name, _ := filled(t, workbook, header)
			return f.SetCellValue(exporter.Sheet, name, value)
		}
	}
	put := func(name string, value any) func(f *excelize.File) error {
		return func(f *excelize.File) error { return f.SetCellValue(exporter.Sheet, name, value) }
	}
	formula := func(sheet, name, text string) func(f *excelize.File) error {
		return func(f *excelize.File) error { return f.SetCellFormula(sheet, name, text) }
	}
	_, id := filled(t, workbook, "Case ID")
	premium, amount := filled(t, workbook, "Gross Premium")
	cents := math.Round(must(strconv.ParseFloat(amount, 64))*100 + 1)
	for name, c := range map[string]struct {
		change func(f *excelize.File) error
		says   string
	}{
		"an amount by a cent":       {set("Gross Premium", cents/100), "cell " + premium + " (column Gross Premium), row of case 50000"},
		"a text":                    {set("Primary First Name", "Someone"), `the workbook says "Someone"`},
		"a case id":                 {set("Case ID", "5000032999"), "cell A2 (column Case ID)"},
		"an identifier to a number": {set("Case ID", must(strconv.Atoi(id))), "is another kind of cell"},
		"a ZIP without its zeros":   {set("ZIP", "601"), "(column ZIP)"},
		"a date":                    {set("Coverage Start", 46000), "2025-12-09"},
		"a year":                    {set("Application Year", 2028), `the workbook says "2028"`},
		"a header":                  {put("C1", "Type"), "cell C1 (the header)"},
		"a cell made blank":         {set("Delegated Since", nil), "the workbook says nothing"},
		"a blank cell filled":       {put("AU2", "Delta"), "the record says nothing"},
		"beside the columns":        {put("BC3", "note"), "cell BC3"},
		"below the rows":            {put("A90", "note"), "cell A90"},
		"a row removed":             {func(f *excelize.File) error { return f.RemoveRow(exporter.Sheet, 4) }, "cell"},
		"the last rows removed": {func(f *excelize.File) (err error) {
			for n := 40; n > 4 && err == nil; n-- {
				err = f.RemoveRow(exporter.Sheet, n)
			}
			return err
		}, "ends after row 4"},
		"a row doubled":                {func(f *excelize.File) error { return f.DuplicateRow(exporter.Sheet, 3) }, "cell"},
		"another sheet":                {func(f *excelize.File) error { _, err := f.NewSheet("More"); return err }, `"More"`},
		"no sheet about":               {func(f *excelize.File) error { return f.DeleteSheet(exporter.AboutSheet) }, "sheets"},
		"another cutoff":               {about(exporter.LabelCutoff, "2026-11-14T05:00:00Z"), "2026-11-21T05:00:00Z"},
		"another agent":                {about(exporter.LabelAgent, "A2"), `"A2"`},
		"other counts":                 {about(exporter.LabelTotal, 99), "99"},
		"another version":              {about(exporter.LabelVersions, "column set 1, workbook 0"), `exporter "`},
		"a formula":                    {formula(exporter.Sheet, premium, amount), "formula in cell " + premium},
		"a formula in a blank cell":    {formula(exporter.Sheet, "AU2", `"Delta"`), "formula"},
		"a formula below the rows":     {formula(exporter.Sheet, "A90", `"5000099999"`), "formula"},
		"a formula beside the columns": {formula(exporter.AboutSheet, "D4", "1+1"), "formula"},
		"a hidden row":                 {func(f *excelize.File) error { return f.SetRowVisible(exporter.Sheet, 3, false) }, "hides"},
		"a hidden column":              {func(f *excelize.File) error { return f.SetColVisible(exporter.Sheet, "C", false) }, "hides"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			changed := map[string][]byte{workbookFile: saved(t, workbook, c.change)}
			for _, bundle := range []string{"whole", "records"} {
				wants(t, verifies(tampered(t, bundleOf(t, bundle), changed)), c.says)
			}
		})
	}
}

// about changes what stands beside a label of the About sheet.
func about(label string, value any) func(f *excelize.File) error {
	return func(f *excelize.File) error {
		at := must(f.SearchSheet(exporter.AboutSheet, label))
		return f.SetCellValue(exporter.AboutSheet, "B"+strings.TrimPrefix(at[0], "A"), value)
	}
}

func workbookOf(tb testing.TB, b *book.Book) []byte {
	tb.Helper()
	var out bytes.Buffer
	must(exporter.Current().Write(context.Background(), &out, b))
	return out.Bytes()
}

// TestCompareBook holds what is said of a workbook that is the record's own, or
// was saved again.
func TestCompareBook(t *testing.T) {
	t.Parallel()
	for _, agent := range []string{agentID, emptyID} {
		b := sample().books[agent]
		workbook := workbookOf(t, b)
		title, err := ReadTitle(workbook)
		if err != nil || title.AgentID != agent || title.AgencyID != "G1" || !title.Cutoff.Equal(b.Cutoff) {
			t.Errorf("the title is %+v, %v", title, err)
		}
		if c, err := CompareBook(context.Background(), workbook, b); err != nil || !c.SameBytes || c.Rows != len(b.Rows) {
			t.Errorf("%+v, %v", c, err)
		}
		_, err = CompareBook(context.Background(), saved(t, workbook, func(*excelize.File) error { return nil }), b)
		wants(t, err, "every cell of the workbook is what the record says, but the file is not")
	}
}

// TestHostileWorkbook holds that what is no workbook is said to be none, and
// that one that would take too much memory is not unpacked.
func TestHostileWorkbook(t *testing.T) {
	t.Parallel()
	b := sample().books[agentID]
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
		"nothing": nil, "no archive": []byte("no archive"), "half of one": workbook[:len(workbook)/2], "a bomb": bomb.Bytes(),
		"an empty archive": {'P', 'K', 5, 6, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0},
	} {
		_, err := CompareBook(context.Background(), text, b)
		wants(t, err)
		if _, err := ReadTitle(text); name != "a bomb" {
			wants(t, err)
		}
		if t.Failed() {
			t.Fatal(name)
		}
	}
}
