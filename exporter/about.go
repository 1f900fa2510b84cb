package exporter

import (
	"errors"
	"fmt"
	"io"
	"strconv"
	"time"
	"unicode/utf8"

	"github.com/xuri/excelize/v2"

	"bookledger/projections/book"
	"bookledger/schemas"
)

// The labels on the About sheet whose values package proof reads when it checks a
// workbook.
const (
	LabelAgent    = "Agent ID"
	LabelAgency   = "Agency ID"
	LabelCutoff   = "Cutoff in UTC"
	LabelBoundary = "Ledger boundary"
	LabelVersions = "Versions"
	LabelTotal    = "All"
)

// aboutWidths contains the column widths of the About sheet. Their sum is
// aboutWidth.
var aboutWidths = [...]float64{25, 20, 85}

const aboutWidth = 130

const lineHeight = 15.75 // height of a line of text in points

// line is a row of the About sheet.
type line struct {
	cells  []aboutCell
	height float64 // in points; 0 lets the application choose
	merged bool    // whether its only cell spans all columns
}

// aboutCell contains a text or, if the text is blank, a number.
type aboutCell struct {
	style  int
	text   string
	number int
}

// aboutPage collects the lines of the About sheet.
type aboutPage struct {
	s     *styles
	lines []line
}

// aboutLines returns the lines of the About sheet. They include the ledger boundary
// but no root. Roots are salted with data that the journal adds to events, such as
// its time stamps, so the same events would produce different bytes in another
// ledger. Evidence contains the root of a book.
func aboutLines(set schemas.Columns, b *book.Book, s *styles) []line {
	p := &aboutPage{s: s}
	p.add(line{cells: []aboutCell{{style: s.about.title, text: set.Title}}, height: 27})

	p.heading("Whose book this is")
	if b.AgentID != "" {
		p.fact("Agent", b.Agent.Name())
		p.fact(LabelAgent, b.AgentID)
		p.fact("Agent license", b.Agent.LicenseNumber)
	}
	p.fact("Agency", b.Agency.Name)
	p.fact(LabelAgency, b.AgencyID)
	if b.AgentID == "" {
		p.fact("Agents", strconv.Itoa(b.Agents))
	}

	p.heading("As of when")
	p.fact("Cutoff", formatTime(b.Cutoff.In(b.Zone)))
	p.fact(LabelCutoff, b.Cutoff.UTC().Format(time.RFC3339))
	p.fact(LabelBoundary, strconv.FormatUint(b.Boundary, 10)+" (the number of the last record that counts)")
	p.fact(LabelVersions, "column set "+set.Version+", workbook "+Version)

	p.counts(b)
	p.explanation(b)

	p.heading("Confidential")
	p.paragraph("This workbook holds personally identifiable information: names, contact details, dates of birth, parts of Social " +
		"Security numbers, and facts about people's health coverage. Whoever has a copy is bound by the agreement with Covered " +
		"California under which it was given out, by its privacy and security rules, and by law.")
	p.paragraph("Share it with nobody who has no right and no need to see it. If it must go by e-mail, whole or in part, encrypt it. " +
		"Keep copies on protected devices only, and delete them as soon as they have served their purpose.")

	p.legend(set.Columns)
	return p.lines
}

func (p *aboutPage) add(l line) { p.lines = append(p.lines, l) }

func (p *aboutPage) heading(text string) {
	p.add(line{})
	p.add(line{cells: []aboutCell{{style: p.s.about.heading, text: text}}, height: 21})
}

// fact adds a label and a value. The value may be untrusted text.
func (p *aboutPage) fact(label, value string) {
	style := p.s.about.value
	if looksLikeFormula(value) {
		style = p.s.about.quoted
	}
	cells := []aboutCell{{style: p.s.about.label, text: label}}
	if value != "" {
		cells = append(cells, aboutCell{style: style, text: value})
	}
	p.add(line{cells: cells})
}

func (p *aboutPage) paragraph(text string) {
	p.add(line{
		cells:  []aboutCell{{style: p.s.about.wrapped, text: text}},
		height: heightOf(text, aboutWidth) + lineHeight/3,
		merged: true,
	})
}

// heightOf estimates the height of text wrapped at a width. Excel measures the width
// in digits; a line fits about an eighth more characters of prose.
func heightOf(text string, width float64) float64 {
	lines := 1 + int(float64(utf8.RuneCountInString(text))/(width*1.125))
	return float64(lines) * lineHeight
}

// formatTime formats a time in full, with its zone.
func formatTime(t time.Time) string {
	half := "a.m."
	if t.Hour() >= 12 {
		half = "p.m."
	}
	return t.Format("Monday, January 2, 2006, 3:04:05 ") + half + t.Format(" MST")
}

func (p *aboutPage) counts(b *book.Book) {
	p.heading("How many")
	p.header("Household type", "Cases", "Rows")
	byType, cases := b.Counts()
	for _, c := range byType {
		name := c.HouseholdType
		if name == "" {
			name = "Not determined"
		}
		p.count(name, c.Cases, c.Rows, p.s.about.number)
	}
	p.count(LabelTotal, cases, len(b.Rows), p.s.about.strong)
	p.paragraph("A case whose type differs between two application years counts under both, and once under All.")
}

func (p *aboutPage) header(texts ...string) {
	l := line{height: headerHeight - 4}
	for _, t := range texts {
		l.cells = append(l.cells, aboutCell{style: p.s.about.header, text: t})
	}
	p.add(l)
}

func (p *aboutPage) count(name string, cases, rows, style int) {
	p.add(line{cells: []aboutCell{
		{style: p.s.about.label, text: name}, {style: style, number: cases}, {style: style, number: rows},
	}})
}

func (p *aboutPage) explanation(b *book.Book) {
	whose := "the agent"
	if b.AgentID == "" {
		whose = "any of the agency's agents"
	}
	p.heading("What this book is, and what it is not")
	p.paragraph("It lists every consumer who was delegated to " + whose + " at the cutoff, those marked inactive too. " +
		"No filter or search of the Active Consumers list changes what is in it.")
	p.paragraph("Each row is one member of one case in one application year. A case without listed members, or without " +
		"a year, has a row all the same. A cell is empty where something does not apply or was never provided.")
	next := b.Cutoff.In(b.Zone).AddDate(0, 0, 7)
	p.paragraph("It shows things as they stood at the cutoff and is never updated. Whatever was recorded later is left for the " +
		"next book, that of " + next.Format("Monday, January 2, 2006") + ".")
	p.paragraph("It is not proof of coverage and decides nothing about anybody's eligibility. Look the case up before you act on it.")
}

func (p *aboutPage) legend(columns []schemas.Column) {
	p.heading("The columns")
	p.header("Column", "Group", "What it holds")
	for _, c := range columns {
		p.add(line{
			cells: []aboutCell{
				{style: p.s.about.label, text: c.Header},
				{style: p.s.about.wrapped, text: c.Group},
				{style: p.s.about.wrapped, text: c.Legend},
			},
			height: max(heightOf(c.Header, aboutWidths[0]), heightOf(c.Group, aboutWidths[1]), heightOf(c.Legend, aboutWidths[2])),
		})
	}
}

// frameAbout sets up the About sheet without rows.
func frameAbout(f *excelize.File, lines []line) error {
	area := "A1:" + columnLetters(len(aboutWidths)) + strconv.Itoa(len(lines))
	grid := false
	if err := errors.Join(
		f.SetSheetDimension(AboutSheet, area),
		ignoreErrors(f, AboutSheet, area),
		f.SetSheetView(AboutSheet, 0, &excelize.ViewOptions{ShowGridLines: &grid}),
	); err != nil {
		return err
	}
	sw, err := f.NewStreamWriter(AboutSheet)
	if err != nil {
		return err
	}
	for i := len(aboutWidths); i > 0; i-- { // excelize writes the last width set first
		if err := sw.SetColWidth(i, i, aboutWidths[i-1]); err != nil {
			return err
		}
	}
	for i, l := range lines {
		if l.merged {
			n := strconv.Itoa(i + 1)
			if err := sw.MergeCell("A"+n, columnLetters(len(aboutWidths))+n); err != nil {
				return err
			}
		}
	}
	return sw.Flush()
}

// writeLines writes the rows of the About sheet.
func writeLines(w io.Writer, lines []line) error {
	var buf []byte
	for i, l := range lines {
		n := i + 1
		buf = openRow(buf, n, l.height)
		for j, c := range l.cells {
			if c.text == "" {
				buf = openNumber(buf, columnLetters(j+1), n, c.style)
				buf = append(strconv.AppendInt(buf, int64(c.number), 10), "</v></c>"...)
				continue
			}
			var err error
			if buf, err = appendText(buf, columnLetters(j+1), n, c.style, c.text); err != nil {
				return fmt.Errorf("cell %s%d: %w", columnLetters(j+1), n, err)
			}
		}
		buf = append(buf, "</row>"...)
	}
	_, err := w.Write(buf)
	return err
}
