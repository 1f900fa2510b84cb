package exporter_test

import (
	"testing"
	"time"

	"github.com/xuri/excelize/v2"

	"bookledger/projections/book"
	"bookledger/schemas"
)

// bareStyles adds styles as the exporter has them, by kind.
func bareStyles(tb testing.TB, f *excelize.File) map[book.Kind]int {
	tb.Helper()
	format := "mm/dd/yyyy"
	styles := make(map[book.Kind]int)
	for kind, style := range map[book.Kind]*excelize.Style{
		book.Text:  {NumFmt: 49},
		book.Date:  {CustomNumFmt: &format},
		book.Money: {NumFmt: 4},
		book.Year:  {NumFmt: 1},
	} {
		id, err := f.NewStyle(style)
		if err != nil {
			tb.Fatal(err)
		}
		styles[kind] = id
	}
	return styles
}

// bareRow returns the cells of a row as one hands them to excelize.
func bareRow(set schemas.Columns, row *book.Row, styles map[book.Kind]int) []any {
	cells := make([]any, len(set.Columns))
	for i, c := range set.Columns {
		field, _ := book.FieldByName(c.Field)
		v := field(row)
		var value any
		switch v.Kind {
		case book.Empty:
			continue
		case book.Date:
			value = time.Date(v.Date.Year(), time.Month(v.Date.Month()), v.Date.Day(), 0, 0, 0, 0, time.UTC)
		case book.Money:
			value = float64(v.Cents) / 100
		case book.Year:
			value = v.Year
		default:
			value = v.Text
		}
		cells[i] = excelize.Cell{StyleID: styles[v.Kind], Value: value}
	}
	return cells
}
