package web_test

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"
	"github.com/xuri/excelize/v2"

	"bookledger/cmd/internal/fixture"
	"bookledger/events"
	"bookledger/exporter"
	"bookledger/projections/book"
)

// The agents whose consumers the manager moves.
const (
	giver = "A-giver"
	taker = "A-taker"
)

// asking are the events of a consumer who asks for an agent.
func asking(agent, id, first, last string) []events.Data {
	return append([]events.Data{&events.DelegationRequested{Delegation: events.Delegation{CaseID: id, AgentID: agent}}}, fixture.Consumer(agent, id, first, last)[1:]...)
}

// casework is what the tests in the browser do their work with.
func casework(agency, agent, second string) []events.Data {
	all := []events.Data{
		&events.AgentCertified{AgentID: giver, AgencyID: agency, FirstName: "Gina", LastName: "Giver", LicenseNumber: "0G00001"},
		&events.AgentCertified{AgentID: taker, AgencyID: agency, FirstName: "Tobias", LastName: "Taker", LicenseNumber: "0T00001"},
	}
	all = append(all, odd(agent)...)
	for i, name := range []string{"Ada", "Bea", "Cleo", "Dora", "Edna"} {
		all = append(all, fixture.Consumer(giver, fmt.Sprint("c-g", i), name, "Given")...)
	}
	for i := range 60 {
		all = append(all, fixture.Consumer(second, fmt.Sprintf("c-s%02d", i), "Sam", fmt.Sprintf("Second %02d", i))...)
	}
	return append(all, fixture.Consumer(second, "c-jose", "José", "Zúñiga")...)
}

// TestInChromium goes the ways of the job aid in a real browser.
func TestInChromium(t *testing.T) {
	t.Parallel()
	ctx := fixture.Chromium(t)
	w := small()
	s := &site{t: t, world: w}
	a, b := s.who("agent"), s.who("agent 2")
	s = start(t, w, casework(a.AgencyID, a.AgentID, b.AgentID)...)
	t.Run("complaints are heard", func(t *testing.T) { complaints(t, visitor(t, ctx, s)) })
	t.Run("with the keyboard", func(t *testing.T) { withTheKeyboard(t, visitor(t, ctx, s)) })
	t.Run("without script", func(t *testing.T) { withoutScript(t, visitor(t, ctx, s)) })
}

// complaints holds that a page that breaks the policy for content would fail
// the tests.
func complaints(t *testing.T, b *tab) {
	b.opens("/sign-in")
	b.does(chromedp.Evaluate[chromedp.Void](`document.body.insertAdjacentHTML("beforeend", '<p style="color: red">x</p>')`))
	fixture.Eventually(b.t, "the browser complains", func() bool { return len(b.heard()) > 0 })
	b.does(chromedp.Evaluate[chromedp.Void](`setTimeout(() => { throw new Error("made up") })`))
	fixture.Eventually(b.t, "the browser complains", func() bool { return len(b.heard()) > 0 })
}

// withTheKeyboard walks the job aid's path without touching the mouse.
func withTheKeyboard(t *testing.T, b *tab) {
	me := b.site.who("agent")
	b.opens("/")
	skip := func() {
		t.Helper()
		b.tabTo("Skip to main content")
		b.does(key(kb.Enter))
		b.until(`document.activeElement.id === "main"`)
	}
	skip()
	b.tabTo("Sign in")
	b.goes(200, key(kb.Enter))
	b.tabTo(me.Name)
	b.goes(200, key(" "))
	b.isAt("Home")
	b.tabTo("Delegations")
	b.does(key(kb.Enter))
	b.tabTo("Active Consumers")
	b.does(key(kb.Escape)) // closes the menu and gives the focus back to its name
	if at := b.focused(); at.Name != "Delegations" || get[int](b, `document.querySelectorAll("details.drop[open]").length`) != 0 {
		t.Errorf("Escape leads to %+v", at)
	}
	b.does(key(" "))
	b.tabTo("Active Consumers")
	b.goes(200, key(kb.Enter))
	b.isAt("Active Consumers")
	skip()
	b.tabTo("Sort by")
	b.does(key(kb.ArrowDown))
	b.tabTo("Apply")
	b.goes(200, key(" "))
	if at := b.path(); !strings.Contains(at, "sort=-first_name") {
		t.Errorf("the arrow leads to %s", at)
	}
	skip()
	b.tabTo("Export Book of Business")
	b.goes(200, key(kb.Enter))
	b.tabTo("No")
	b.goes(200, key(" "))
	b.until(`document.activeElement.id === "message"`)
	if got, files := b.site.lastExport(me.PersonID), b.downloaded(); got.Step != "declined" || len(files) != 0 {
		t.Errorf("after No the trail ends with %+v, and the files are %q", got, files)
	}
	b.tabTo("Export Book of Business")
	b.goes(200, key(kb.Enter))
	b.tabTo("Yes")
	b.site.isBook(t, b.takes(key(kb.Enter), nil), me.AgentID, me.PersonID)
	b.tabTo("Account")
	b.does(key(kb.Enter))
	b.tabTo("Sign out")
	b.goes(200, key(kb.Enter))
	b.isAt("Signed out")
}

// withoutScript does an agent's work in a browser that runs no script.
func withoutScript(t *testing.T, b *tab) {
	me := b.site.who("agent 2")
	b.withoutScript()
	b.signsIn(me.PersonID)
	if get[bool](b, `document.documentElement.classList.contains("scripted")`) {
		t.Fatal("the script has run")
	}
	b.does(click("Delegations"))
	b.goes(200, click("Active Consumers"))
	b.does(click("Filters"), chromedp.SendKeys(chromedp.CSS("#f-household_type"), "Covered"))
	b.goes(200, click("Apply"))
	if at, types := b.path(), get[[]string](b, `[...document.querySelectorAll(".coverage .year:first-child .type")].map(e => e.textContent.replace(/\s+/g, " ").trim())`); !strings.Contains(at, "household_type=Covered+California") || len(types) < 50 || strings.Contains(strings.Join(types, ", "), "Mixed") {
		t.Errorf("filtered, %s shows %q", at, types)
	}
	b.goes(200, click("Next page"))
	if got := b.text("#showing"); !strings.HasPrefix(got, "Showing 51–") {
		t.Errorf("the second page shows %q", got)
	}
	b.goes(200, click("Clear the filters"))
	b.does(chromedp.SendKeys(chromedp.CSS("#q"), "jose"))
	b.goes(200, click("Search"))
	b.holdsNoSearch("jos")
	if got := b.text("table.consumers"); !strings.Contains(got, "José Zúñiga") || strings.Contains(got, "Sam Second") {
		t.Errorf("the search finds %q", got)
	}
	b.goes(200, click("Mark As Inactive: José Zúñiga"))
	b.goes(200, click("Undo"))
	if got := b.text("#message"); !strings.HasPrefix(got, "José Zúñiga (case c-jose) is active again.") {
		t.Errorf("reactivated, it says %q", got)
	}
	b.goes(200, click("Export Book of Business"))
	b.site.isBook(t, b.takes(click("Yes"), nil), me.AgentID, me.PersonID)
	b.does(click("Account"))
	b.goes(200, click("Sign out"))
	b.isAt("Signed out")
	b.opens("/agents/" + me.AgentID + "/active")
	b.isAt("Sign in")
}

// trail is a step in the trail of exports.
type trail struct {
	Step, SHA256, Friday, Disclaimer string
	Accepted                         bool
	PersonID                         string `json:"person_id"`
	Rows                             int
}

// lastExport is the last step of a person in the trail, as an auditor sees it.
func (s *site) lastExport(person string) trail {
	s.t.Helper()
	last, err := s.Journal.Last(s.t.Context())
	must(s.t, err)
	_, _, err = s.Projection.WaitFor(s.t.Context(), last) // a book leaves when the journal holds that it was made
	must(s.t, err)
	var all struct{ Exports []trail }
	s.ask("auditor", "GET", "/v1/exports", nil).into(s.t, &all)
	for _, e := range all.Exports {
		if e.PersonID == person {
			return e
		}
	}
	return trail{}
}

// isBook holds a file against the trail, and its rows against those of the book
// that the ledger gives: what stands in them is the exporter's matter.
func (s *site) isBook(t *testing.T, path, agent, person string) {
	t.Helper()
	content, err := os.ReadFile(path)
	must(t, err)
	sum := sha256.Sum256(content)
	v := fixture.View(t, s.Node.Node)
	latest, err := v.Checkpoint(0)
	must(t, err)
	b, err := book.ForAgent(t.Context(), v.AsOf(latest.Friday), v.Calendar(), latest.Week, agent)
	must(t, err)
	last := s.lastExport(person)
	want := trail{Step: "made", SHA256: hex.EncodeToString(sum[:]), Friday: latest.Friday.String(), Disclaimer: "1", Accepted: last.Accepted, PersonID: person, Rows: len(b.Rows)}
	if last != want || filepath.Base(path) != exporter.FileName(b) {
		t.Errorf("the trail of %s ends with %+v, want %+v", filepath.Base(path), last, want)
	}
	f, err := excelize.OpenFile(path)
	must(t, err)
	defer f.Close()
	rows, err := f.GetRows("Book of Business")
	must(t, err)
	if len(rows) != len(b.Rows)+1 || len(b.Rows) < 20 {
		t.Fatalf("the book has %d rows, the ledger %d", len(rows)-1, len(b.Rows))
	}
}
