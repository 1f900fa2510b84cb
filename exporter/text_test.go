package exporter_test

import (
	"bytes"
	"context"
	"encoding/xml"
	"fmt"
	"io"
	"maps"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/xuri/excelize/v2"

	"bookledger/events"
	"bookledger/exporter"
	"bookledger/projections/book"
	"bookledger/projections/fold"
	"bookledger/schemas"
)

// hostile contains texts that a spreadsheet, XML or CSV might misread.
var hostile = []string{
	"=1+1", "=HYPERLINK(\"http://example.org\";\"x\")", "+1 916 555 0100", "-2+3", "@SUM(A1)", " =1", "＝1", "=cmd|'/c calc'!A0",
	"_x0041_", "_x005F_", "_x005f_x0041_", "_x0041_x0042_", "__x0041__", "_x005F_x005F_", "_xD83D__xDE00_", "_x000D_", "_xZZZZ_", "_x004_", "_X0041_", "_x4_", "_x41_", "_x00041_", "_x12345_", "_xab_", "_xa_", "_xg_", "_xu_li", "maria_xu@example.org", "_x0041", "_x+041_", "_x 041_",
	"_x0041", "x0041_", "_", "__", "_x_x0041_",
	" leading", "trailing ", "  ", " ", "two  spaces", "\u00a0no-break\u00a0", "line\nbreak", "\nfirst", "tab\tinside", "return\rinside", "\r\n",
	"<b>&amp;</b>", "</t></is></c></row></sheetData>", "]]>", "<![CDATA[x]]>", "&#65;", "\"'", "a&b<c>d",
	"José Núñez", "Zoë", "Nguyễn Thị Ánh", "李小龍", "अमिता", "עברית", "العربية", "Ωμέγα", "e\u0301", "\u202Eesrever", "\u200b", "\ufeffmark",
	"👩‍👩‍👧‍👦", "🏳️‍🌈", "😀", "𝒳", "\U0010FFFF", "\U0001FFFE", "\uFFFD", "\uE000", "\u2028\u2029",
	"00123", "0", "1E5", "1/2", "01/02/29", "TRUE", "#N/A", "NULL", "1,5", "95838-0001", "٣",
}

// casesWithTexts returns one case per text. The text is in two cells of its row.
func casesWithTexts(texts []string) cases {
	all := cases{}
	for i, s := range texts {
		c := &fold.Case{AgentID: agentID, Since: cutoff}
		c.Household.PrimaryContact = events.Contact{Email: s}
		c.Applications = []events.ApplicationRecorded{{ApplicationYear: 2026, NextSteps: s}}
		all[fmt.Sprintf("%05d", i)] = c
	}
	return all
}

func TestHostileTextStaysText(t *testing.T) {
	long := []string{strings.Repeat("x", 32767), strings.Repeat("😀", 16383) + "x", strings.Repeat("_x0041_", 4000)}
	texts := append(slices.Clone(hostile), long...)
	workbook := write(t, casesWithTexts(texts).book())
	f := open(t, workbook)
	for i, s := range texts {
		for _, column := range []string{"E", "J"} {
			ref := column + strconv.Itoa(i+2)
			if kind, _ := f.GetCellType(exporter.Sheet, ref); kind != excelize.CellTypeInlineString {
				t.Errorf("%.40q: got cell type %v, want an inline string", s, kind)
			}
			if !strings.Contains(strings.ToLower(s), "_xd83d_") { // excelize cannot read halves of surrogate pairs
				if got, _ := f.GetCellValue(exporter.Sheet, ref); got != s {
					t.Errorf("got %.40q, want %.40q", got, s)
				}
			}
			id, _ := f.GetCellStyle(exporter.Sheet, ref)
			first := strings.TrimLeft(s, " \u00a0\n")
			formula := first != "" && strings.ContainsAny(first[:1], "=+-@\t\r") || strings.HasPrefix(first, "＝")
			if got := f.Styles.CellXfs.Xf[id].QuotePrefix != nil; got != formula {
				t.Errorf("%.40q: got quote prefix %t, want %t", s, got, formula)
			}
		}
	}
	if _, parts := readParts(t, workbook); strings.Contains(parts[bookPart], "<f>") {
		t.Error("the sheet contains a formula")
	}
}

var escape = regexp.MustCompile(`_x([0-9A-Fa-f]{4})_`)

// decode decodes the XML text of a cell as a spreadsheet does.
func decode(tb testing.TB, cell []byte) string {
	tb.Helper()
	var text string
	if err := xml.Unmarshal(fmt.Appendf(nil, "<t>%s</t>", cell), &text); err != nil {
		tb.Fatal(err)
	}
	return escape.ReplaceAllStringFunc(text, func(e string) string {
		code, _ := strconv.ParseUint(e[2:6], 16, 16)
		return string(rune(code))
	})
}

func TestRejectsTextThatDoesNotFit(t *testing.T) {
	for want, texts := range map[string][]string{
		"longer than":        {strings.Repeat("x", 32768), strings.Repeat("😀", 16384), strings.Repeat("é", 32768)},
		"not valid UTF-8":    {"secret\xff", "secret\xed\xa0\x80"},
		"XML does not allow": {"secret\x00", "secret\x1f", "secret\uffff", "\ufffesecret", "secret\x0b"},
	} {
		for _, s := range texts {
			_, err := exporter.Current().Write(context.Background(), io.Discard, casesWithTexts([]string{"a", s}).book())
			if err == nil || !strings.Contains(err.Error(), want) || !strings.Contains(err.Error(), "cell E3 (Next Steps)") {
				t.Errorf("%.20q: got error %v, want %q", s, err, want)
			} else if strings.Contains(err.Error(), "secret") || strings.Contains(err.Error(), "xxx") {
				t.Errorf("the error contains the text: %v", err)
			}
		}
	}
}

func TestDates(t *testing.T) {
	c := calTraining()
	c.Members = nil
	var dates []events.Date
	for _, d := range []string{"0000-01-01", "0001-01-01", "1899-12-31", "1900-01-01", "1900-02-28", "1900-03-01", "1969-12-31", "1970-01-01", "2000-02-29", "2026-11-20", "9999-12-31"} {
		date, err := events.ParseDate(d)
		if err != nil {
			t.Fatal(err)
		}
		dates = append(dates, date)
		c.Members = append(c.Members, events.Member{MemberID: fmt.Sprintf("%02d", len(dates)), DateOfBirth: date})
	}
	f := open(t, write(t, cases{"1": c}.book()))
	for i, d := range dates {
		ref := fmt.Sprintf("W%d", i+2)
		want := fmt.Sprintf("%02d/%02d/%04d", d.Month(), d.Day(), d.Year())
		if got, _ := f.GetCellValue(exporter.Sheet, ref); got != want {
			t.Errorf("got %s, want %s", got, want)
		}
		kind, _ := f.GetCellType(exporter.Sheet, ref)
		if text := kind == excelize.CellTypeInlineString; text != (d < 1900_03_01) {
			t.Errorf("%s: got a text cell: %t", want, text)
		}
		if d >= 1900_03_01 {
			raw, _ := f.GetCellValue(exporter.Sheet, ref, excelize.Options{RawCellValue: true})
			serial, _ := strconv.ParseFloat(raw, 64)
			when, _ := excelize.ExcelDateToTime(serial, false)
			if events.DateOf(when) != d {
				t.Errorf("%s: got serial number %s, which is %s", want, raw, when.Format(time.DateOnly))
			}
		}
	}
}

func TestMoney(t *testing.T) {
	c := calTraining()
	amounts := map[int64][2]string{
		0: {"0", "0.00"}, 1: {"0.01", "0.01"}, 10: {"0.1", "0.10"}, 41233: {"412.33", "412.33"}, 100000: {"1000", "1,000.00"},
		123456789: {"1234567.89", "1,234,567.89"}, 999999999: {"9999999.99", "9,999,999.99"}, 29: {"0.29", "0.29"}, 110: {"1.1", "1.10"},
	}
	for _, cents := range slices.Sorted(maps.Keys(amounts)) {
		c.Eligibility = []events.EligibilityDetermined{{
			MemberID: "1", ApplicationYear: 2026, Program: "none", Status: "pending", APTCMonthly: events.Cents(cents),
		}}
		workbook := write(t, cases{"1": c}.book())
		_, parts := readParts(t, workbook)
		if want := `<v>` + amounts[cents][0] + `</v>`; !strings.Contains(parts[bookPart], want) {
			t.Errorf("%d cents: the sheet does not contain %s", cents, want)
		}
		if shown, _ := open(t, workbook).GetCellValue(exporter.Sheet, "AD2"); shown != amounts[cents][1] {
			t.Errorf("%d cents: got %s, want %s", cents, shown, amounts[cents][1])
		}
	}
}

// TestCellsMatchExcelize compares the rows with those that excelize writes, for values
// that excelize writes correctly.
func TestCellsMatchExcelize(t *testing.T) {
	texts := slices.DeleteFunc(slices.Clone(hostile), func(s string) bool {
		return strings.Contains(s, "_x") || strings.ContainsAny(s, "=+-@＝\t\r") // quoted
	})
	all := casesWithTexts(texts)
	maps.Copy(all, sample(50))
	b := all.book()
	_, parts := readParts(t, write(t, b))
	var buffer bytes.Buffer
	writeByExcelize(t, &buffer, b)
	_, theirs := readParts(t, buffer.Bytes())
	_, theirRows, _ := strings.Cut(theirs[bookPart], "<sheetData>")
	theirRows, _, _ = strings.Cut(theirRows, "</sheetData>")
	ourSheet := parts[bookPart]
	ourRows := ourSheet[strings.Index(ourSheet, `<row r="2">`):strings.Index(ourSheet, "</sheetData>")]
	a, z := strings.SplitAfter(ourRows, "</row>"), strings.SplitAfter(theirRows, "</row>")
	for i := range a {
		if i >= len(z) || a[i] != z[i] {
			t.Fatalf("row %d: got\n%s\nwant as excelize\n%s", i+2, a[i], z[min(i, len(z)-1)])
		}
	}
}

// writeByExcelize writes only the rows of a book with excelize's StreamWriter. It uses
// the style ids of our workbooks.
func writeByExcelize(tb testing.TB, to io.Writer, b *book.Book) {
	tb.Helper()
	f := excelize.NewFile(excelize.Options{TmpDir: tb.TempDir()})
	defer func() { _ = f.Close() }()
	sw, err := f.NewStreamWriter("Sheet1")
	if err != nil {
		tb.Fatal(err)
	}
	styles := map[book.Kind]int{book.Text: 3, book.Date: 4, book.Money: 5, book.Year: 6}
	for range 10 { // the styles only need to exist
		_, _ = f.NewStyle(&excelize.Style{NumFmt: 1})
	}
	set := schemas.CurrentColumns()
	for i := range b.Rows {
		if err := sw.SetRow(fmt.Sprintf("A%d", i+2), excelizeRow(set, &b.Rows[i], styles)); err != nil {
			tb.Fatal(err)
		}
	}
	if err := sw.Flush(); err != nil {
		tb.Fatal(err)
	}
	if err := f.Write(to); err != nil {
		tb.Fatal(err)
	}
}

// excelizeRow returns the cells of a row as arguments for excelize.
func excelizeRow(set schemas.Columns, row *book.Row, styles map[book.Kind]int) []any {
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

func FuzzText(f *testing.F) {
	for _, s := range hostile {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		cell, err := exporter.AppendEscaped(nil, s)
		if err != nil {
			return
		}
		if got := decode(t, cell); got != s {
			t.Errorf("%q: got %q from %s", s, got, cell)
		}
	})
}
