package exporter

import (
	"errors"
	"fmt"
	"io"
	"slices"
	"strconv"
	"time"

	"github.com/xuri/excelize/v2"

	"bookledger/projections/book"
)

// tableName is the name of the Excel table that contains the header and the rows.
const tableName = "BookOfBusiness"

// The names of the parts that contain the sheets.
const (
	bookPart  = "xl/worksheets/sheet1.xml"
	aboutPart = "xl/worksheets/sheet2.xml"
)

// frame is a workbook without its rows.
type frame struct {
	parts  parts
	styles *styles
	lines  []line // of the About sheet
}

// newFrame returns the frame of a book's workbook.
func (e *Exporter) newFrame(b *book.Book) (*frame, error) {
	f := excelize.NewFile()
	defer func() { _ = f.Close() }() // no temporary files to remove
	s, err := newStyles(f)
	if err != nil {
		return nil, err
	}
	if err := f.SetSheetName("Sheet1", Sheet); err != nil {
		return nil, err
	}
	if _, err := f.NewSheet(AboutSheet); err != nil {
		return nil, err
	}
	lines := aboutLines(e.set, b, s)
	if err := errors.Join(e.setLayout(f, b), e.frameBook(f, s, len(b.Rows)), frameAbout(f, lines), e.setProperties(f, b)); err != nil {
		return nil, err
	}
	collected := parts{}
	f.SetZipWriter(func(io.Writer) excelize.ZipWriter { return collected })
	if err := f.Write(io.Discard); err != nil {
		return nil, err
	}
	return &frame{collected, s, lines}, nil
}

// frameBook sets up the sheet of the book with the header as its only row.
func (e *Exporter) frameBook(f *excelize.File, s *styles, rows int) error {
	last := e.columns[len(e.columns)-1].letters
	all := "A1:" + last + strconv.Itoa(rows+1)
	table := "A1:" + last + strconv.Itoa(max(rows, 1)+1) // a table needs at least one row
	if err := errors.Join(f.SetSheetDimension(Sheet, all), ignoreErrors(f, Sheet, table)); err != nil {
		return err
	}
	sw, err := f.NewStreamWriter(Sheet)
	if err != nil {
		return err
	}
	err = sw.SetPanes(&excelize.Panes{
		Freeze: true, YSplit: 1, TopLeftCell: "A2", ActivePane: "bottomLeft",
		Selection: []excelize.Selection{{SQRef: "A2", ActiveCell: "A2", Pane: "bottomLeft"}},
	})
	header := make([]any, len(e.columns))
	for i, c := range slices.Backward(e.columns) { // excelize writes the last width set first
		header[i] = excelize.Cell{StyleID: s.header[c.shade], Value: c.Header}
		err = errors.Join(err, sw.SetColWidth(i+1, i+1, c.Width))
	}
	stripes := true
	return errors.Join(
		err,
		sw.SetRow("A1", header, excelize.RowOpts{Height: headerHeight}),
		sw.AddTable(&excelize.Table{Range: table, Name: tableName, StyleName: "TableStyleMedium2", ShowRowStripes: &stripes}),
		sw.Flush(),
	)
}

// ignoreErrors prevents Excel's warnings about numbers stored as text and about
// two-digit years in text.
func ignoreErrors(f *excelize.File, sheet, area string) error {
	return errors.Join(
		f.AddIgnoredErrors(sheet, area, excelize.IgnoredErrorsNumberStoredAsText),
		f.AddIgnoredErrors(sheet, area, excelize.IgnoredErrorsTwoDigitTextYear),
	)
}

// setLayout sets the print layout of the workbook.
func (e *Exporter) setLayout(f *excelize.File, b *book.Book) error {
	landscape, portrait, letter, wide, one, free, yes := "landscape", "portrait", 1, 4, 1, 0, true
	footer := &excelize.HeaderFooterOptions{
		OddFooter: "&L" + ownerID(b) + ", as of " + b.Friday.String() + "&CConfidential: personal information&RPage &P of &N",
	}
	return errors.Join(
		f.SetPageLayout(Sheet, &excelize.PageLayoutOptions{Size: &letter, Orientation: &landscape, FitToWidth: &wide, FitToHeight: &free}),
		f.SetSheetProps(Sheet, &excelize.SheetPropsOptions{FitToPage: &yes}),
		f.SetHeaderFooter(Sheet, footer),
		f.SetDefinedName(&excelize.DefinedName{
			Name: "_xlnm.Print_Titles", Scope: Sheet,
			RefersTo: fmt.Sprintf("'%s'!$A:$A,'%s'!$1:$1", Sheet, Sheet),
		}),
		f.SetPageLayout(AboutSheet, &excelize.PageLayoutOptions{Size: &letter, Orientation: &portrait, FitToWidth: &one, FitToHeight: &free}),
		f.SetSheetProps(AboutSheet, &excelize.SheetPropsOptions{FitToPage: &yes}),
		f.SetHeaderFooter(AboutSheet, footer),
	)
}

// setProperties sets the document properties. The creation and modification times
// are the cutoff, so that the bytes do not depend on the time of the export.
func (e *Exporter) setProperties(f *excelize.File, b *book.Book) error {
	cutoff := b.Cutoff.UTC().Format(time.RFC3339)
	return errors.Join(
		f.SetDocProps(&excelize.DocProperties{
			Title:          e.set.Title + ", Friday " + b.Friday.String(),
			Subject:        "Consumers of " + ownerName(b) + " as of the cutoff, " + cutoff,
			Description:    fmt.Sprintf("Ledger boundary %d, column set %s, exporter %s", b.Boundary, e.set.Version, Version),
			Creator:        "bookledger",
			LastModifiedBy: "bookledger",
			Language:       "en-US",
			Created:        cutoff,
			Modified:       cutoff,
		}),
		f.SetAppProps(&excelize.AppProperties{Application: "bookledger"}),
	)
}

// columnLetters returns the columnLetters of the n-th column, from A.
func columnLetters(n int) string {
	var s string
	for ; n > 0; n = (n - 1) / 26 {
		s = string(rune('A'+(n-1)%26)) + s
	}
	return s
}
