package proof_test

import (
	"archive/zip"
	"bytes"
	"context"
	"io"
	"math"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/xuri/excelize/v2"

	"bookledger/exporter"
	"bookledger/exporter/proof"
	"bookledger/projections/book"
	"bookledger/projections/checkpoint"
	"bookledger/projections/replay"
	"bookledger/schemas"
)

// saved opens a workbook, changes it and saves it, as a spreadsheet would.
func saved(tb testing.TB, workbook []byte, change func(f *excelize.File) error) []byte {
	tb.Helper()
	f, err := excelize.OpenReader(bytes.NewReader(workbook))
	if err != nil {
		tb.Fatal(err)
	}
	defer f.Close()
	if err := change(f); err != nil {
		tb.Fatal(err)
	}
	var out bytes.Buffer
	if err := f.Write(&out); err != nil {
		tb.Fatal(err)
	}
	return out.Bytes()
}

// place finds a filled cell of a column.
func place(tb testing.TB, workbook []byte, header string) (name, value string) {
	tb.Helper()
	f, err := excelize.OpenReader(bytes.NewReader(workbook), excelize.Options{RawCellValue: true})
	if err != nil {
		tb.Fatal(err)
	}
	defer f.Close()
	rows, err := f.GetRows(exporter.Sheet)
	if err != nil {
		tb.Fatal(err)
	}
	for i, c := range rows[0] {
		if c != header {
			continue
		}
		for n, row := range rows[1:] {
			if i < len(row) && row[i] != "" {
				name, _ = excelize.CoordinatesToCellName(i+1, n+2)
				return name, row[i]
			}
		}
	}
	tb.Fatalf("no cell of the column %s is filled", header)
	return "", ""
}

// TestChangedCells changes a workbook in every way that a cell can be changed
// in, by somebody who makes the manifest fit.
func TestChangedCells(t *testing.T) {
	l := sample(t)
	dump := l.dump()
	folders := []string{bundle(t, dump, proof.Request{}), bundle(t, dump, proof.Request{Kind: proof.Records})}
	workbook := read(t, filepath.Join(folders[0], "book.xlsx"))
	set := func(header string, value any) func(f *excelize.File) error {
		return func(f *excelize.File) error {
			name, _ := place(t, workbook, header)
			return f.SetCellValue(exporter.Sheet, name, value)
		}
	}
	premium, amount := place(t, workbook, "Gross Premium")
	for name, c := range map[string]struct {
		change func(f *excelize.File) error
		says   []string
	}{
		"an amount by a cent":       {set("Gross Premium", centMore(t, amount)), []string{"cell " + premium + " (column Gross Premium), row of case 50000"}},
		"a text":                    {set("Primary First Name", "Someone"), []string{`(column Primary First Name), row of case`, `the workbook says "Someone"`}},
		"a case id":                 {set("Case ID", "5000032999"), []string{"cell A2 (column Case ID)"}},
		"an identifier to a number": {set("Case ID", 5000032500), []string{"cell A2 (column Case ID)"}},
		"a ZIP without its zeros":   {set("ZIP", "601"), []string{"(column ZIP)"}},
		"a date":                    {set("Coverage Start", 46000), []string{"(column Coverage Start)", "2025-12-09"}},
		"a year":                    {set("Application Year", 2028), []string{"(column Application Year)", `the workbook says "2028"`}},
		"a header":                  {func(f *excelize.File) error { return f.SetCellValue(exporter.Sheet, "C1", "Type") }, []string{"cell C1 (the header)"}},
		"a cell made blank":         {set("Delegated Since", nil), []string{"the workbook says nothing"}},
		"a blank cell filled":       {func(f *excelize.File) error { return f.SetCellValue(exporter.Sheet, "AU2", "Delta") }, []string{"cell AU2", "the record says nothing"}},
		"beside the columns":        {func(f *excelize.File) error { return f.SetCellValue(exporter.Sheet, "BC3", "note") }, []string{"cell BC3"}},
		"below the rows":            {func(f *excelize.File) error { return f.SetCellValue(exporter.Sheet, "A90", "note") }, []string{"cell A90"}},
		"a row removed":             {func(f *excelize.File) error { return f.RemoveRow(exporter.Sheet, 4) }, []string{"cell"}},
		"the last rows removed": {func(f *excelize.File) error {
			for n := 40; n > 4; n-- {
				if err := f.RemoveRow(exporter.Sheet, n); err != nil {
					return err
				}
			}
			return nil
		}, []string{"ends after row 4"}},
		"a row doubled":   {func(f *excelize.File) error { return f.DuplicateRow(exporter.Sheet, 3) }, []string{"cell"}},
		"a formula":       {func(f *excelize.File) error { return f.SetCellFormula(exporter.Sheet, premium, amount) }, []string{"formula", "cell " + premium}},
		"another sheet":   {func(f *excelize.File) error { _, err := f.NewSheet("More"); return err }, []string{`"More"`}},
		"no sheet about":  {func(f *excelize.File) error { return f.DeleteSheet(exporter.AboutSheet) }, []string{"sheets"}},
		"another cutoff":  {about(t, "Cutoff in UTC", "2026-11-14T05:00:00Z"), []string{"About", "2026-11-21T05:00:00Z"}},
		"another agent":   {about(t, "Agent ID", "A2"), []string{"About", `"A2"`}},
		"other counts":    {about(t, "All", 99), []string{"About", `99`}},
		"another version": {about(t, "Versions", "column set 1, workbook 0"), []string{`exporter "`}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			changed := saved(t, workbook, c.change)
			for _, folder := range folders {
				err := verify(tampered(t, folder, "book.xlsx", func([]byte) []byte { return changed }))
				wants(t, err, c.says...)
			}
		})
	}
}

func about(tb testing.TB, label string, value any) func(f *excelize.File) error {
	return func(f *excelize.File) error {
		at, err := f.SearchSheet(exporter.AboutSheet, label)
		if err != nil || len(at) == 0 {
			tb.Fatalf("no label %s: %v", label, err)
		}
		return f.SetCellValue(exporter.AboutSheet, "B"+strings.TrimPrefix(at[0], "A"), value)
	}
}

func centMore(tb testing.TB, amount string) float64 {
	tb.Helper()
	dollars, err := strconv.ParseFloat(amount, 64)
	if err != nil {
		tb.Fatal(err)
	}
	return math.Round(dollars*100+1) / 100
}

// bookOf is the book of agentID as of the last Friday.
func (l *ledger) bookOf(agent string) (b *book.Book) {
	l.tb.Helper()
	l.replay(nil, func(r *replay.Replay, c checkpoint.Checkpoint) (err error) {
		if c.Friday == fridays[2] {
			b, err = book.ForAgent(context.Background(), r.State(), r.Calendar(), c.Week, agent)
		}
		return err
	})
	return b
}

func workbookOf(tb testing.TB, b *book.Book) []byte {
	tb.Helper()
	set, err := schemas.ColumnSet("1")
	if err != nil {
		tb.Fatal(err)
	}
	e, err := exporter.New(set)
	if err != nil {
		tb.Fatal(err)
	}
	var out bytes.Buffer
	if _, err := e.Write(context.Background(), &out, b); err != nil {
		tb.Fatal(err)
	}
	return out.Bytes()
}

// TestCompareBook holds what is said of a workbook that is the record's own,
// was saved again, or says that an unknown version has made it.
func TestCompareBook(t *testing.T) {
	l := sample(t)
	for _, agent := range []string{agentID, emptyID} {
		b := l.bookOf(agent)
		workbook := workbookOf(t, b)
		title, err := proof.ReadTitle(workbook)
		if err != nil || title.AgentID != agent || title.AgencyID != "G1" || !title.Cutoff.Equal(b.Cutoff) {
			t.Errorf("the title is %+v, %v", title, err)
		}
		c, err := proof.CompareBook(context.Background(), workbook, b)
		if err != nil || !c.SameBytes || c.Rows != len(b.Rows) || c.Version != exporter.Version {
			t.Errorf("%+v, %v", c, err)
		}
		again := saved(t, workbook, func(*excelize.File) error { return nil })
		_, err = proof.CompareBook(context.Background(), again, b)
		wants(t, err, "every cell of the workbook is what the record says, but the file is not")
		_, err = proof.CompareBook(context.Background(), saved(t, workbook, about(t, "Versions", "column set 1, workbook 0")), b)
		wants(t, err, `exporter "0"`)
	}
}

// TestHostileWorkbook holds that what is no workbook is said to be none, and
// that one that would take too much memory is not unpacked.
func TestHostileWorkbook(t *testing.T) {
	b := sample(t).bookOf(agentID)
	workbook := workbookOf(t, b)
	var bomb bytes.Buffer
	to := zip.NewWriter(&bomb)
	from, err := zip.NewReader(bytes.NewReader(workbook), int64(len(workbook)))
	if err != nil {
		t.Fatal(err)
	}
	for _, part := range from.File {
		w, err := to.Create(part.Name)
		if err != nil {
			t.Fatal(err)
		}
		r, err := part.Open()
		if err == nil {
			_, err = io.Copy(w, r)
		}
		if err == nil && part.Name == "xl/worksheets/sheet1.xml" {
			_, err = io.CopyN(w, zeroes{}, 200<<20)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	if err := to.Close(); err != nil {
		t.Fatal(err)
	}
	for name, text := range map[string][]byte{
		"nothing": nil, "no archive": []byte("no archive"), "half of one": workbook[:len(workbook)/2], "a bomb": bomb.Bytes(),
		"an empty archive": {'P', 'K', 5, 6, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0},
	} {
		_, err := proof.CompareBook(context.Background(), text, b)
		wants(t, err)
		if _, err := proof.ReadTitle(text); name != "a bomb" {
			wants(t, err)
		}
		if t.Failed() {
			t.Fatal(name)
		}
	}
}

type zeroes struct{}

func (zeroes) Read(p []byte) (int, error) {
	for i := range p {
		p[i] = ' '
	}
	return len(p), nil
}

// FuzzCompareBook holds that no workbook breaks the comparison, and that none
// but the record's own is found to be it.
func FuzzCompareBook(f *testing.F) {
	b := sample(f).bookOf("A3")
	workbook := workbookOf(f, b)
	f.Add(workbook)
	f.Fuzz(func(t *testing.T, text []byte) {
		c, err := proof.CompareBook(context.Background(), text, b)
		if err == nil && c.Version == exporter.Version && !bytes.Equal(text, workbook) {
			t.Error("it is found to be the record's own")
		}
	})
}
