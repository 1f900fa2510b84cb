package proof_test

import (
	"bytes"
	"context"
	"errors"
	"os"
	"path/filepath"
	"syscall"
	"testing"

	"github.com/xuri/excelize/v2"

	"bookledger/exporter"
	"bookledger/exporter/proof"
)

// TestShownOtherwise changes what a workbook shows and not what its cells hold,
// in bundles whose record does not give its bytes, too.
func TestShownOtherwise(t *testing.T) {
	l := sample(t)
	b := l.bookOf(agentID)
	workbook := workbookOf(t, b)
	folder := bundle(t, l.dump(), requests(l.detail())["records"])
	for name, c := range map[string]struct {
		change func(*excelize.File) error
		says   string
	}{
		"a formula in a blank cell":    {func(f *excelize.File) error { return f.SetCellFormula(exporter.Sheet, "AU2", `"Delta"`) }, "formula"},
		"a formula below the rows":     {func(f *excelize.File) error { return f.SetCellFormula(exporter.Sheet, "A90", `"5000099999"`) }, "formula"},
		"a formula beside the columns": {func(f *excelize.File) error { return f.SetCellFormula(exporter.AboutSheet, "D4", `1+1`) }, "formula"},
		"a hidden row":                 {func(f *excelize.File) error { return f.SetRowVisible(exporter.Sheet, 3, false) }, "hides"},
		"a hidden column":              {func(f *excelize.File) error { return f.SetColVisible(exporter.Sheet, "C", false) }, "hides"},
	} {
		changed := saved(t, workbook, c.change)
		wants(t, verify(tampered(t, folder, "book.xlsx", func([]byte) []byte { return changed })), c.says)
		if _, err := proof.CompareBook(context.Background(), changed, b); !errors.Is(err, proof.ErrDiffers) {
			t.Errorf("%s: %v", name, err)
		}
		if t.Failed() {
			t.Fatal(name)
		}
	}
}

// TestLedAstray holds that a bundle of which another text for the auditor, an
// earlier head that is none, or an id that nobody can have is part does not
// verify, nor one whose manifest is no file.
func TestLedAstray(t *testing.T) {
	l := sample(t)
	dump, d := l.dump(), l.detail()
	for _, name := range []string{"whole", "records", "row", "absent"} {
		folder := bundle(t, dump, requests(d)[name])
		wants(t, verify(tampered(t, folder, "README.txt", func(text []byte) []byte {
			return bytes.Replace(text, []byte("bookaudit verify"), []byte("bookaudit   trust"), 1)
		})), "README.txt")
	}
	row := bundle(t, dump, requests(d)["row"])
	head := read(t, filepath.Join(row, "head.txt"))
	wants(t, verify(tampered(t, row, "head-before.txt", func([]byte) []byte { return head })), "head-before.txt")

	absent := bundle(t, dump, requests(d)["absent"])
	r := readRow(t, absent)
	r.CaseID += " "
	wants(t, verify(withRow(t, absent, r)), "can have the ids")
	if err := proof.Make(t.Context(), proof.Request{Kind: proof.Row, Agent: agentID, Case: "500 ", Out: filepath.Join(t.TempDir(), "out")}); !errors.Is(err, proof.ErrWhich) {
		t.Errorf("made of an id that nobody can have: %v", err)
	}

	pipe := copied(t, row)
	if err := errors.Join(os.Remove(filepath.Join(pipe, "bundle.json")), syscall.Mkfifo(filepath.Join(pipe, "bundle.json"), 0o600)); err != nil {
		t.Fatal(err)
	}
	wants(t, verify(pipe), "no plain file")
}
