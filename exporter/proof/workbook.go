package proof

import (
	"archive/zip"
	"bytes"
	"encoding/xml"
	"errors"
	"io"
	"strings"
	"time"

	"github.com/xuri/excelize/v2"

	"bookledger/exporter"
)

// workbook is an open workbook.
type workbook struct {
	*excelize.File
	text  []byte
	about [][]string // the cells of the About sheet
}

// readWorkbook opens a workbook that should have about this many rows, and calls read
// with it. It writes no temporary files and limits the memory. If the workbook makes
// the Excel library panic, readWorkbook returns ErrMismatch.
func readWorkbook(text []byte, rows int, read func(*workbook) error) (err error) {
	defer func() {
		if cause := recover(); cause != nil {
			err = mismatchf("the workbook cannot be read: the Excel library panicked: %v", cause)
		}
	}()
	const base, perRow = 64 << 20, 64 << 10 // far more than the exporter's workbooks need
	limit := int64(base) + int64(rows)*perRow
	f, err := excelize.OpenReader(bytes.NewReader(text), excelize.Options{
		RawCellValue: true, UnzipSizeLimit: limit, UnzipXMLSizeLimit: limit,
	})
	if err != nil {
		return mismatchf("the workbook cannot be read: %v", err)
	}
	defer f.Close()
	if sheets := f.GetSheetList(); len(sheets) != 2 || sheets[0] != exporter.Sheet || sheets[1] != exporter.AboutSheet {
		return mismatchf("the workbook has the sheets %q; it must have exactly %q and %q", sheets, exporter.Sheet, exporter.AboutSheet)
	}
	about, err := f.GetRows(exporter.AboutSheet)
	if err != nil {
		return mismatchf("the sheet %s cannot be read: %v", exporter.AboutSheet, err)
	}
	return read(&workbook{f, text, about})
}

// aboutValue returns the text next to a label on the About sheet, or "" if there is no
// such label. If the label occurs twice, the first one counts.
func (w *workbook) aboutValue(label string) string {
	for _, line := range w.about {
		if len(line) > 1 && line[0] == label {
			return strings.Join(line[1:], ", ")
		}
	}
	return ""
}

// exporterVersion returns the exporter version that the workbook names.
func (w *workbook) exporterVersion() string {
	_, version, _ := strings.Cut(w.aboutValue(exporter.LabelVersions), "workbook ")
	return version
}

// WorkbookTitle is what a workbook says about itself, unchecked.
type WorkbookTitle struct {
	AgentID  string // blank in an agency's book
	AgencyID string
	Cutoff   time.Time
}

// ReadTitle reads a workbook's owner and cutoff from its About sheet. It returns
// ErrMismatch if the file is not such a workbook.
func ReadTitle(text []byte) (t WorkbookTitle, err error) {
	err = readWorkbook(text, exporter.MaxRows/16, func(w *workbook) (err error) {
		t.AgentID, t.AgencyID = w.aboutValue(exporter.LabelAgent), w.aboutValue(exporter.LabelAgency)
		if t.Cutoff, err = time.Parse(time.RFC3339, w.aboutValue(exporter.LabelCutoff)); err != nil {
			return mismatchf("%s: %q is missing or not a time", exporter.AboutSheet, exporter.LabelCutoff)
		}
		return nil
	})
	return t, err
}

// maxSheet limits the bytes of a sheet that are read. The sheet of the largest
// possible book fits.
const maxSheet = 4 << 30

// refuseFormulas checks that no sheet of a workbook contains a formula or hides a row
// or column. Either could show something other than the cells' values.
func refuseFormulas(text []byte) error {
	archive, err := zip.NewReader(bytes.NewReader(text), int64(len(text)))
	if err != nil {
		return mismatchf("the workbook cannot be read: %v", err)
	}
	for _, part := range archive.File {
		if !strings.HasPrefix(strings.ToLower(strings.ReplaceAll(part.Name, "\\", "/")), "xl/worksheets/") {
			continue
		}
		in, err := part.Open()
		if err != nil {
			return mismatchf("the workbook cannot be read: %v", err)
		}
		err = refuseFormulasIn(part.Name, io.LimitReader(in, maxSheet))
		if err = errors.Join(err, in.Close()); err != nil {
			return err
		}
	}
	return nil
}

func refuseFormulasIn(name string, sheet io.Reader) error {
	d := xml.NewDecoder(sheet) // refuses encodings other than UTF-8
	cell := ""
	for {
		token, err := d.RawToken()
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return mismatchf("%s of the workbook cannot be read: %v", name, err)
		}
		e, ok := token.(xml.StartElement)
		if !ok {
			continue
		}
		for _, a := range e.Attr {
			switch {
			case a.Name.Local == "hidden" && a.Value != "0" && a.Value != "false":
				return mismatchf("%s of the workbook hides a row or column after cell %s", name, cell)
			case a.Name.Local == "r" && e.Name.Local == "c":
				cell = a.Value
			}
		}
		if e.Name.Local == "f" {
			return mismatchf("%s of the workbook has a formula in cell %s; books contain no formulas", name, cell)
		}
	}
}
