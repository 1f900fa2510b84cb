package exporter_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/xuri/excelize/v2"

	"bookledger/exporter"
	"bookledger/projections/fold"
	"bookledger/schemas"
)

// about returns the lines of the About sheet, with cells separated by a bar.
func about(tb testing.TB, workbook []byte) []string {
	tb.Helper()
	rows, err := open(tb, workbook).GetRows(exporter.AboutSheet)
	if err != nil {
		tb.Fatal(err)
	}
	lines := make([]string, len(rows))
	for i, row := range rows {
		lines[i] = strings.Join(row, "|")
	}
	return lines
}

func requireLines(tb testing.TB, lines []string, want ...string) {
	tb.Helper()
	for _, w := range want {
		if !slices.Contains(lines, w) {
			tb.Errorf("missing line %q in\n%s", w, strings.Join(lines, "\n"))
		}
	}
}

func TestAboutAgentBook(t *testing.T) {
	all := sample(3)
	all["0007000001"].Eligibility = nil
	b := all.book()
	lines := about(t, write(t, b))
	requireLines(t, lines,
		"Agent|Ann Agent", "Agent ID|A-1001", "Agent license|0A12345", "Agency|Golden State Insurance", "Agency ID|0042",
		"Cutoff|Friday, November 20, 2026, 9:00:00 p.m. PST", "Cutoff in UTC|2026-11-21T05:00:00Z",
		"Ledger boundary|123456 (the number of the last record that counts)", "Versions|column set 1, workbook "+exporter.Version,
		"Covered California|0|0", "Mixed Household|2|4", "Medi-Cal|0|0", "Not determined|2|3", "All|4|7",
	)
	for _, c := range schemas.CurrentColumns().Columns {
		requireLines(t, lines, c.Header+"|"+c.Group+"|"+c.Legend)
	}
	if !strings.Contains(strings.Join(lines, "\n"), "that of Friday, November 27, 2026.") {
		t.Error("the About sheet does not name the next book")
	}
	if name := exporter.FileName(b); name != "book-of-business_A-1001_2026-11-20.xlsx" {
		t.Errorf("got file name %s", name)
	}
}

func TestAboutAgencyBook(t *testing.T) {
	b := sample(3).book()
	b.AgentID, b.Agents = "", 2
	lines := about(t, write(t, b))
	requireLines(t, lines, "Agency|Golden State Insurance", "Agency ID|0042", "Agents|2", "All|4|7")
	for _, l := range lines {
		if strings.HasPrefix(l, "Agent|") || strings.HasPrefix(l, "Agent ID|") {
			t.Errorf("got line %q about one agent, want none in an agency's book", l)
		}
	}
	if name := exporter.FileName(b); name != "book-of-business_agency-0042_2026-11-20.xlsx" {
		t.Errorf("got file name %s", name)
	}
}

// TestAboutUncertifiedAgent checks the About sheet of an agent whom only delegation
// events have named, at a cutoff in daylight saving time.
func TestAboutUncertifiedAgent(t *testing.T) {
	b := cases{}.book()
	b.Agent, b.AgencyID, b.Agency = fold.Agent{}, "", fold.Agency{}
	b.Cutoff = time.Date(2026, 7, 4, 4, 0, 0, 0, time.UTC)
	requireLines(t, about(t, write(t, b)), "Agent", "Agent ID|A-1001", "Agency", "Agency ID", "Cutoff|Friday, July 3, 2026, 9:00:00 p.m. PDT")
}

func TestAboutStylesAndHostileNames(t *testing.T) {
	b := sample(0).book()
	b.Agent.FirstName = "=1+1 _x0041_x0042_"
	f := open(t, write(t, b))
	ref, err := f.SearchSheet(exporter.AboutSheet, "=1+1 _x0041_x0042_ Agent")
	if err != nil || len(ref) != 1 {
		t.Fatalf("hostile name: got cells %v (%v), want one", ref, err)
	}
	id, _ := f.GetCellStyle(exporter.AboutSheet, ref[0])
	if f.Styles.CellXfs.Xf[id].QuotePrefix == nil {
		t.Error("hostile name: got no quote prefix")
	}
	for _, what := range []struct {
		text       string
		bold, wrap bool
	}{{"Cutoff", true, true}, {schemas.CurrentColumns().Columns[2].Legend, false, true}} {
		ref, err := f.SearchSheet(exporter.AboutSheet, what.text)
		if err != nil || len(ref) == 0 {
			t.Fatalf("no cell %q: %v", what.text, err)
		}
		id, _ := f.GetCellStyle(exporter.AboutSheet, ref[0])
		style, err := f.GetStyle(id)
		if err != nil {
			t.Fatal(err)
		}
		if style.Font.Bold != what.bold || style.Alignment.WrapText != what.wrap {
			t.Errorf("%q: got style %+v, want bold %t, wrapped %t", what.text, style, what.bold, what.wrap)
		}
	}
	merged, err := f.GetMergeCells(exporter.AboutSheet)
	if err != nil || len(merged) == 0 {
		t.Fatalf("got no merged cells: %v", err)
	}
	for _, m := range merged {
		_, row, _ := excelize.CellNameToCoordinates(m.GetStartAxis())
		if height, _ := f.GetRowHeight(exporter.AboutSheet, row); height <= 15 {
			t.Errorf("paragraph %s: got height %v, want more than one line", m.GetStartAxis(), height)
		}
	}
}

// TestConfidentialityNoticeUsesOwnWords checks that the notice does not copy the job
// aid's disclaimer.
func TestConfidentialityNoticeUsesOwnWords(t *testing.T) {
	text := strings.Join(about(t, write(t, sample(0).book())), "\n")
	for _, copied := range []string{"must remain secure and confidential", "including all applicable laws", "must be encrypted or secured"} {
		if strings.Contains(text, copied) {
			t.Errorf("the notice copies %q", copied)
		}
	}
	for _, want := range []string{"personally identifiable information", "agreement", "encrypt"} {
		if !strings.Contains(text, want) {
			t.Errorf("the notice does not mention %q", want)
		}
	}
}
