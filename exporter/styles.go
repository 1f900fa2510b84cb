package exporter

import "github.com/xuri/excelize/v2"

// headerHeight is the height of the header row in points.
const headerHeight = 24

const (
	darkBlue = "162E51"
	blue     = "1A4480"
	black    = "000000"
)

// styles contains the ids of the workbook's cell styles.
type styles struct {
	header                          [2]int // alternate between groups of columns
	text, quoted, date, money, year int
	about                           struct{ title, heading, label, value, quoted, number, header, wrapped, strong int }
}

// forText returns the style of a text cell of the book. If the text looks like a
// formula, the style has a quote prefix, so that editing the cell does not turn it
// into one.
func (s *styles) forText(text string) int {
	if looksLikeFormula(text) {
		return s.quoted
	}
	return s.text
}

func newStyles(f *excelize.File) (*styles, error) {
	var err error
	add := func(style excelize.Style) int {
		id, e := f.NewStyle(&style)
		if err == nil {
			err = e
		}
		return id
	}
	format := func(code string) *string { return &code }
	bold := func(size float64, color string) *excelize.Font {
		return &excelize.Font{Bold: true, Family: "Calibri", Size: size, Color: color}
	}
	filled := func(color string) excelize.Style {
		return excelize.Style{
			Font:      bold(11, "FFFFFF"),
			Fill:      excelize.Fill{Type: "pattern", Pattern: 1, Color: []string{color}},
			Alignment: &excelize.Alignment{Vertical: "center"},
		}
	}
	const ( // Excel's built-in number formats
		whole   = 1  // 0
		grouped = 3  // #,##0
		amount  = 4  // #,##0.00
		asText  = 49 // @
	)
	left := &excelize.Alignment{Horizontal: "left"}
	indented := &excelize.Alignment{Horizontal: "right", Indent: 1} // keeps a gap to text in the next cell
	s := &styles{
		header: [2]int{add(filled(darkBlue)), add(filled(blue))},
		text:   add(excelize.Style{NumFmt: asText}),
		date:   add(excelize.Style{CustomNumFmt: format("mm/dd/yyyy"), Alignment: left}),
		money:  add(excelize.Style{NumFmt: amount, Alignment: indented}),
		year:   add(excelize.Style{NumFmt: whole, Alignment: left}),
	}
	top := func(style excelize.Style, wrap bool) int {
		style.Alignment = &excelize.Alignment{Horizontal: "left", Vertical: "top", WrapText: wrap}
		return add(style)
	}
	s.about.title = top(excelize.Style{Font: bold(18, darkBlue)}, false)
	s.about.heading = top(excelize.Style{Font: bold(13, blue)}, false)
	s.about.label = top(excelize.Style{Font: bold(11, black)}, true)
	s.about.value = top(excelize.Style{NumFmt: asText}, false)
	s.about.number = top(excelize.Style{NumFmt: grouped}, false)
	s.about.strong = top(excelize.Style{NumFmt: grouped, Font: bold(11, black)}, false)
	s.about.wrapped = top(excelize.Style{}, true)
	s.about.header = add(filled(darkBlue))
	if err != nil {
		return nil, err
	}
	s.quoted, s.about.quoted = quoted(f, s.text), quoted(f, s.about.value)
	return s, nil
}

// quoted adds a copy of a style with Excel's quote prefix, for which excelize has no
// option.
func quoted(f *excelize.File, style int) int {
	xfs, yes := f.Styles.CellXfs, true
	xf := xfs.Xf[style]
	xf.QuotePrefix = &yes
	xfs.Xf = append(xfs.Xf, xf)
	xfs.Count = len(xfs.Xf)
	return len(xfs.Xf) - 1
}
