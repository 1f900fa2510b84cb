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

// workbook is a workbook that is read.
type workbook struct {
	*excelize.File
	text  []byte
	about [][]string // the cells of the About sheet
}

// readWorkbook has a workbook of so many rows read. Nothing of it is laid down
// in temporary files, and whoever made one up to break its reader is found out,
// and no more.
func readWorkbook(text []byte, rows int, read func(*workbook) error) (err error) {
	defer func() {
		if broken := recover(); broken != nil {
			err = differs("the workbook cannot be read: it breaks its reader: %v", broken)
		}
	}()
	const base, perRow = 64 << 20, 64 << 10 // far more than an honest one takes
	limit := int64(base) + int64(rows)*perRow
	f, err := excelize.OpenReader(bytes.NewReader(text), excelize.Options{
		RawCellValue: true, UnzipSizeLimit: limit, UnzipXMLSizeLimit: limit,
	})
	if err != nil {
		return differs("the workbook cannot be read: %v", err)
	}
	defer f.Close()
	if sheets := f.GetSheetList(); len(sheets) != 2 || sheets[0] != exporter.Sheet || sheets[1] != exporter.AboutSheet {
		return differs("the workbook has the sheets %q, and must have %q and %q alone", sheets, exporter.Sheet, exporter.AboutSheet)
	}
	about, err := f.GetRows(exporter.AboutSheet)
	if err != nil {
		return differs("the sheet %s cannot be read: %v", exporter.AboutSheet, err)
	}
	return read(&workbook{f, text, about})
}

// fact returns what stands beside a label of the About sheet, the first where
// one stands there twice.
func (w *workbook) fact(label string) string {
	for _, line := range w.about {
		if len(line) > 1 && line[0] == label {
			return strings.Join(line[1:], ", ")
		}
	}
	return ""
}

// version returns the version of the exporter that a workbook names.
func (w *workbook) version() string {
	_, version, _ := strings.Cut(w.fact(exporter.LabelVersions), "workbook ")
	return version
}

// WorkbookTitle is what a workbook says of itself, of which nothing is checked.
type WorkbookTitle struct {
	AgentID  string // "" in an agency's book
	AgencyID string
	Cutoff   time.Time
}

// ReadTitle reads what a workbook says about its owner and its cutoff.
func ReadTitle(text []byte) (t WorkbookTitle, err error) {
	err = readWorkbook(text, exporter.MaxRows/16, func(w *workbook) (err error) {
		t.AgentID, t.AgencyID = w.fact(exporter.LabelAgent), w.fact(exporter.LabelAgency)
		if t.Cutoff, err = time.Parse(time.RFC3339, w.fact(exporter.LabelCutoff)); err != nil {
			return differs("%s: there is no %q that is a time", exporter.AboutSheet, exporter.LabelCutoff)
		}
		return nil
	})
	return t, err
}

// maxSheet bounds a sheet as it is read: a full one of the largest book.
const maxSheet = 4 << 30

// plainSheets checks that no sheet of a workbook holds a formula, which shows
// another value than the one that stands in its cell, or hides a row or column.
func plainSheets(text []byte) error {
	archive, err := zip.NewReader(bytes.NewReader(text), int64(len(text)))
	if err != nil {
		return differs("the workbook cannot be read: %v", err)
	}
	for _, part := range archive.File {
		if !strings.HasPrefix(strings.ToLower(strings.ReplaceAll(part.Name, "\\", "/")), "xl/worksheets/") {
			continue
		}
		in, err := part.Open()
		if err != nil {
			return differs("the workbook cannot be read: %v", err)
		}
		err = plainSheet(part.Name, io.LimitReader(in, maxSheet))
		if err = errors.Join(err, in.Close()); err != nil {
			return err
		}
	}
	return nil
}

func plainSheet(name string, sheet io.Reader) error {
	d := xml.NewDecoder(sheet) // which reads UTF-8 alone
	cell := ""
	for {
		token, err := d.RawToken()
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return differs("%s of the workbook cannot be read: %v", name, err)
		}
		e, ok := token.(xml.StartElement)
		if !ok {
			continue
		}
		for _, a := range e.Attr {
			switch {
			case a.Name.Local == "hidden" && a.Value != "0" && a.Value != "false":
				return differs("%s of the workbook hides something after cell %s", name, cell)
			case a.Name.Local == "r" && e.Name.Local == "c":
				cell = a.Value
			}
		}
		if e.Name.Local == "f" {
			return differs("%s of the workbook has a formula in cell %s, and books have none", name, cell)
		}
	}
}
