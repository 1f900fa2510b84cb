package proof

import (
	"bytes"
	"context"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/xuri/excelize/v2"

	"bookledger/exporter"
	"bookledger/projections/book"
	"bookledger/schemas"
)

// The labels of the sheet about by which a workbook tells what it is.
const (
	labelAgent    = "Agent ID"
	labelAgency   = "Agency ID"
	labelCutoff   = "Cutoff in UTC"
	labelBoundary = "Ledger boundary"
	labelVersions = "Versions"
)

// Title is what a workbook says of itself, of which nothing is checked.
type Title struct {
	AgentID  string // "" in an agency's book
	AgencyID string
	Cutoff   time.Time
}

// ReadTitle reads whose book a workbook says it is, and as of which cutoff.
func ReadTitle(workbook []byte) (t Title, err error) {
	err = guarded(func() error {
		t, err = readTitle(workbook)
		return err
	})
	return t, err
}

func readTitle(workbook []byte) (Title, error) {
	f, err := openWorkbook(workbook, exporter.MaxRows/16)
	if err != nil {
		return Title{}, err
	}
	defer f.Close()
	lines, err := aboutLines(f)
	if err != nil {
		return Title{}, err
	}
	facts := factsOf(lines)
	t := Title{AgentID: facts[labelAgent], AgencyID: facts[labelAgency]}
	if t.Cutoff, err = time.Parse(time.RFC3339, facts[labelCutoff]); err != nil {
		return t, differs("%s: there is no %q that is a time", exporter.AboutSheet, labelCutoff)
	}
	return t, nil
}

// aboutLines returns the cells of the sheet about.
func aboutLines(f *excelize.File) ([][]string, error) {
	lines, err := f.GetRows(exporter.AboutSheet)
	if err != nil {
		return nil, differs("the sheet %s cannot be read: %v", exporter.AboutSheet, err)
	}
	return lines, nil
}

// factsOf returns what stands beside each label, the first where one stands
// there twice.
func factsOf(lines [][]string) map[string]string {
	facts := map[string]string{}
	for _, l := range lines {
		if len(l) < 2 {
			continue
		}
		if _, known := facts[l[0]]; !known {
			facts[l[0]] = strings.Join(l[1:], ", ")
		}
	}
	return facts
}

// versionOf returns the version of the exporter that a workbook says it is of.
func versionOf(facts map[string]string) string {
	_, version, _ := strings.Cut(facts[labelVersions], "workbook ")
	return version
}

func versionIn(f *excelize.File) (string, error) {
	lines, err := aboutLines(f)
	return versionOf(factsOf(lines)), err
}

// Comparison is how a workbook was found to be what the record says.
type Comparison struct {
	Rows      int
	Cells     int    // compared, the header's too
	SameBytes bool   // the file is the one that the exporter makes, byte for byte
	Version   string // of the exporter that made it, as it says itself
}

// CompareBook compares a workbook with the book that the record gives. It
// returns ErrDiffers with the first cell that differs or, where none does and
// the bytes do, with that.
func CompareBook(ctx context.Context, workbook []byte, b *book.Book) (c Comparison, err error) {
	var made bytes.Buffer
	if err := writeWorkbook(ctx, &made, b); err != nil {
		return c, err
	}
	_, set, err := newExporter()
	if err != nil {
		return c, err
	}
	c.Rows, c.Cells = len(b.Rows), (len(b.Rows)+1)*len(set.Columns)
	c.SameBytes = bytes.Equal(made.Bytes(), workbook)
	err = guarded(func() error { return c.cells(workbook, made.Bytes(), set, rowsOf(b)) })
	return c, err
}

// cells compares the cells of a workbook with rows, and those of its sheet
// about with the workbook that was made of the record.
func (c *Comparison) cells(workbook, made []byte, set schemas.Columns, rows []sheetRow) error {
	f, err := openWorkbook(workbook, len(rows))
	if err != nil {
		return err
	}
	defer f.Close()
	if err := compareRows(f, set, rows, c.SameBytes); err != nil {
		return err
	}
	have, err := aboutLines(f)
	if err != nil {
		return err
	}
	c.Version = versionOf(factsOf(have))
	if c.SameBytes {
		return nil
	}
	of, err := openWorkbook(made, len(rows))
	if err != nil {
		return err
	}
	defer of.Close()
	want, err := aboutLines(of)
	if err != nil {
		return err
	}
	if err := knownExporter(c.Version); err != nil {
		return err
	}
	if err := compareAbout(have, want); err != nil {
		return err
	}
	return differs("every cell of the workbook is what the record says, but the file is not the one that is made of it: it was saved again, or changed where no cell shows it")
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

// compareAbout compares every cell of the sheet about.
func compareAbout(have, want [][]string) error {
	for i := range max(len(have), len(want)) {
		var h, w []string
		if i < len(have) {
			h = have[i]
		}
		if i < len(want) {
			w = want[i]
		}
		for j := range max(len(h), len(w)) {
			if at(h, j) != at(w, j) {
				return differs("%s, cell %s: of the record it is %s, the workbook says %s", exporter.AboutSheet, cell(j+1, i+1), shown(at(w, j)), shown(at(h, j)))
			}
		}
	}
	return nil
}

// compareTitle compares what the sealed statement proves of a workbook's sheet
// about, where the record to derive the rest from is not at hand.
func compareTitle(f *excelize.File, agent string, cutoff time.Time, boundary, cases, rows int) error {
	lines, err := aboutLines(f)
	if err != nil {
		return err
	}
	facts := factsOf(lines)
	have, _, _ := strings.Cut(facts[labelBoundary], " ")
	for _, c := range []struct{ what, want, have string }{
		{labelAgent, agent, facts[labelAgent]},
		{labelCutoff, cutoff.UTC().Format(time.RFC3339), facts[labelCutoff]},
		{labelBoundary, strconv.Itoa(boundary), have},
		{"All", fmt.Sprintf("%d, %d", cases, rows), facts["All"]},
	} {
		if c.want != c.have {
			return differs("%s, beside %q: the sealed record says %s, the workbook says %s", exporter.AboutSheet, c.what, shown(c.want), shown(c.have))
		}
	}
	return nil
}
