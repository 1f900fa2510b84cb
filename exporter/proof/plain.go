package proof

import (
	"archive/zip"
	"bytes"
	"encoding/xml"
	"errors"
	"io"
	"strings"
)

// maxSheet bounds a sheet as it is read: a full one of the largest book.
const maxSheet = 4 << 30

// plainSheets checks that no sheet of a workbook holds a formula, which shows
// another value than the one that stands in its cell, or hides a row or column.
func plainSheets(workbook []byte) error {
	archive, err := zip.NewReader(bytes.NewReader(workbook), int64(len(workbook)))
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
