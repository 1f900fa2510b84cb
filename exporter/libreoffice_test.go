package exporter_test

import (
	"bytes"
	"context"
	"encoding/csv"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"bookledger/events"
	"bookledger/projections/book"
	"bookledger/schemas"
)

// toCSV converts the first sheet of a workbook to CSV with LibreOffice.
func toCSV(t *testing.T, workbook []byte) [][]string {
	t.Helper()
	if os.Getenv("BOOKLEDGER_LONG") != "1" {
		t.Skip("long test: set BOOKLEDGER_LONG=1 to run it")
	}
	soffice, err := exec.LookPath("soffice")
	if err != nil {
		t.Fatalf("LibreOffice is not installed: install it or unset BOOKLEDGER_LONG: %v", err)
	}
	dir := t.TempDir()
	file := filepath.Join(dir, "book.xlsx")
	if err := os.WriteFile(file, workbook, 0o600); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Minute)
	defer cancel()
	const asShownInUTF8 = "csv:Text - txt - csv (StarCalc):44,34,76,1,,0,false,true"
	convert := exec.CommandContext(ctx, soffice, "--headless", "-env:UserInstallation=file://"+filepath.Join(dir, "profile"),
		"--convert-to", asShownInUTF8, "--outdir", dir, file)
	convert.Env = append(os.Environ(), "HOME="+dir, "LC_ALL=C.UTF-8")
	if out, err := convert.CombinedOutput(); err != nil {
		t.Fatalf("LibreOffice: %v: %s", err, out)
	}
	files, err := filepath.Glob(filepath.Join(dir, "*.csv"))
	if err != nil || len(files) != 1 {
		t.Fatalf("got files %v (%v), want one", files, err)
	}
	text, err := os.ReadFile(files[0])
	if err != nil {
		t.Fatal(err)
	}
	r := csv.NewReader(bytes.NewReader(text))
	r.FieldsPerRecord = -1
	rows, err := r.ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	return rows
}

// shown returns a value as a spreadsheet displays it.
func shown(v book.Value) string {
	switch v.Kind {
	case book.Date:
		return fmt.Sprintf("%02d/%02d/%04d", v.Date.Month(), v.Date.Day(), v.Date.Year())
	case book.Money:
		s := v.String()
		for i := len(s) - len(".00") - 3; i > 0; i -= 3 {
			s = s[:i] + "," + s[i:]
		}
		return s
	}
	return v.String()
}

// TestLibreOfficeShowsSameCells compares every cell with what another program shows.
func TestLibreOfficeShowsSameCells(t *testing.T) {
	texts := make([]string, 0, len(hostile))
	for _, s := range hostile {
		if !strings.ContainsAny(s, "\r\t") { // CSV does not keep all of these
			texts = append(texts, s)
		}
	}
	all := casesWithTexts(texts)
	maps.Copy(all, sample(20))
	all["0007000003"].Members[0].DateOfBirth = 1899_12_31
	all["0007000004"].Enrollments[0].GrossPremium = events.Cents(123456705)
	b := all.book()
	rows := toCSV(t, write(t, b))
	if len(rows) != len(b.Rows)+1 {
		t.Fatalf("got %d rows, want %d and a header", len(rows), len(b.Rows))
	}
	for i, c := range schemas.CurrentColumns().Columns {
		if rows[0][i] != c.Header {
			t.Errorf("header %d: got %q, want %q", i, rows[0][i], c.Header)
		}
		field, _ := book.FieldByName(c.Field)
		for j := range b.Rows {
			if want := shown(field(&b.Rows[j])); rows[j+1][i] != want {
				t.Errorf("row %d, %s: got %q, want %q", j+2, c.Header, rows[j+1][i], want)
			}
		}
	}
}

// TestLibreOfficeOpensAnEmptyBook checks the book of an agent without consumers.
func TestLibreOfficeOpensAnEmptyBook(t *testing.T) {
	rows := toCSV(t, write(t, cases{}.book()))
	if len(rows) != 1 || len(rows[0]) != 52 || rows[0][0] != "Case ID" {
		t.Errorf("got %q, want only the header", rows)
	}
}
