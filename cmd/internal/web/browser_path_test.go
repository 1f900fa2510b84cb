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

// The agents of the transfer.
const (
	fromAgent = "A-from"
	toAgent   = "A-to"
)

// requestEvents returns the events of a consumer who asks for an agent.
func requestEvents(agent, id, first, last string) []events.Data {
	return append([]events.Data{&events.DelegationRequested{Delegation: events.Delegation{CaseID: id, AgentID: agent}}}, fixture.Consumer(agent, id, first, last)[1:]...)
}

// browserEvents returns the events that the browser tests use.
func browserEvents(agency, agent, second string) []events.Data {
	all := []events.Data{
		&events.AgentCertified{AgentID: fromAgent, AgencyID: agency, FirstName: "Gina", LastName: "Giver", LicenseNumber: "0G00001"},
		&events.AgentCertified{AgentID: toAgent, AgencyID: agency, FirstName: "Tobias", LastName: "Taker", LicenseNumber: "0T00001"},
	}
	all = append(all, extremeHousehold(agent)...)
	for i, name := range []string{"Ada", "Bea", "Cleo", "Dora", "Edna"} {
		all = append(all, fixture.Consumer(fromAgent, fmt.Sprint("c-g", i), name, "Given")...)
	}
	for i := range 60 {
		all = append(all, fixture.Consumer(second, fmt.Sprintf("c-s%02d", i), "Sam", fmt.Sprintf("Second %02d", i))...)
	}
	return append(all, fixture.Consumer(second, "c-jose", "José", "Zúñiga")...)
}

// TestJobAidInChromium follows the job aid in a real browser.
func TestJobAidInChromium(t *testing.T) {
	t.Parallel()
	ctx := fixture.Chromium(t)
	w := smallConfig()
	s := &testServer{t: t, config: w}
	a, b := s.identity("agent"), s.identity("agent 2")
	s = start(t, w, browserEvents(a.AgencyID, a.AgentID, b.AgentID)...)
	t.Run("console errors fail the test", func(t *testing.T) { checkConsoleErrorsFail(t, newVisitor(t, ctx, s)) })
	t.Run("keyboard only", func(t *testing.T) { useKeyboard(t, newVisitor(t, ctx, s)) })
	t.Run("without script", func(t *testing.T) { useNoScript(t, newVisitor(t, ctx, s)) })
}

// checkConsoleErrorsFail checks that a violation of the content security policy and
// an exception would fail the tests.
func checkConsoleErrorsFail(t *testing.T, b *browserTab) {
	b.open("/sign-in")
	b.do(chromedp.Evaluate[chromedp.Void](`document.body.insertAdjacentHTML("beforeend", '<p style="color: red">x</p>')`))
	fixture.Eventually(b.t, "the console has an error", func() bool { return len(b.takeConsoleErrors()) > 0 })
	b.do(chromedp.Evaluate[chromedp.Void](`setTimeout(() => { throw new Error("made up") })`))
	fixture.Eventually(b.t, "the console has an error", func() bool { return len(b.takeConsoleErrors()) > 0 })
}

// useKeyboard follows the job aid with the keyboard only.
func useKeyboard(t *testing.T, b *browserTab) {
	me := b.server.identity("agent")
	b.open("/")
	skip := func() {
		t.Helper()
		b.tabTo("Skip to main content")
		b.do(key(kb.Enter))
		b.waitFor(`document.activeElement.id === "main"`)
	}
	skip()
	b.tabTo("Sign in")
	b.navigate(200, key(kb.Enter))
	b.tabTo(me.Name)
	b.navigate(200, key(" "))
	b.wantHeading("Home")
	b.tabTo("Delegations")
	b.do(key(kb.Enter))
	b.tabTo("Active Consumers")
	b.do(key(kb.Escape)) // closes the menu and returns the focus to its name
	if at := b.focused(); at.Name != "Delegations" || evaluate[int](b, `document.querySelectorAll("details.drop[open]").length`) != 0 {
		t.Errorf("after Escape, the focus is on %+v", at)
	}
	b.do(key(" "))
	b.tabTo("Active Consumers")
	b.navigate(200, key(kb.Enter))
	b.wantHeading("Active Consumers")
	skip()
	b.tabTo("Sort by")
	b.do(key(kb.ArrowDown))
	b.tabTo("Apply")
	b.navigate(200, key(" "))
	if at := b.path(); !strings.Contains(at, "sort=-first_name") {
		t.Errorf("the arrow key and Apply lead to %s", at)
	}
	skip()
	b.tabTo("Export Book of Business")
	b.navigate(200, key(kb.Enter))
	b.tabTo("No")
	b.navigate(200, key(" "))
	b.waitFor(`document.activeElement.id === "message"`)
	if got, files := b.server.lastExportStep(me.PersonID), b.downloads(); got.Step != "declined" || len(files) != 0 {
		t.Errorf("after No, the last export step is %+v, and the files are %q", got, files)
	}
	b.tabTo("Export Book of Business")
	b.navigate(200, key(kb.Enter))
	b.tabTo("Yes")
	b.server.checkBook(t, b.download(key(kb.Enter), nil), me.AgentID, me.PersonID)
	b.tabTo("Account")
	b.do(key(kb.Enter))
	b.tabTo("Sign out")
	b.navigate(200, key(kb.Enter))
	b.wantHeading("Signed out")
}

// useNoScript follows the job aid in a browser without script.
func useNoScript(t *testing.T, b *browserTab) {
	me := b.server.identity("agent 2")
	b.disableScript()
	b.signIn(me.PersonID)
	if evaluate[bool](b, `document.documentElement.classList.contains("scripted")`) {
		t.Fatal("the script ran")
	}
	b.do(click("Delegations"))
	b.navigate(200, click("Active Consumers"))
	b.do(click("Filters"), chromedp.SendKeys(chromedp.CSS("#f-household_type"), "Covered"))
	b.navigate(200, click("Apply"))
	if at, types := b.path(), evaluate[[]string](b, `[...document.querySelectorAll(".coverage .year:first-child .type")].map(e => e.textContent.replace(/\s+/g, " ").trim())`); !strings.Contains(at, "household_type=Covered+California") || len(types) < 50 || strings.Contains(strings.Join(types, ", "), "Mixed") {
		t.Errorf("the filtered list %s shows %q", at, types)
	}
	b.navigate(200, click("Next page"))
	if got := b.text("#showing"); !strings.HasPrefix(got, "Showing 51–") {
		t.Errorf("got the second page %q", got)
	}
	b.navigate(200, click("Clear filters"))
	b.do(chromedp.SendKeys(chromedp.CSS("#q"), "jose"))
	b.navigate(200, click("Search"))
	b.wantNoSearchInURL("jos")
	if got := b.text("table.consumers"); !strings.Contains(got, "José Zúñiga") || strings.Contains(got, "Sam Second") {
		t.Errorf("got the search result %q", got)
	}
	b.navigate(200, click("Mark As Inactive: José Zúñiga"))
	b.navigate(200, click("Undo"))
	if got := b.text("#message"); !strings.HasPrefix(got, "José Zúñiga (case c-jose) is active again.") {
		t.Errorf("got the message %q", got)
	}
	b.navigate(200, click("Export Book of Business"))
	b.server.checkBook(t, b.download(click("Yes"), nil), me.AgentID, me.PersonID)
	b.do(click("Account"))
	b.navigate(200, click("Sign out"))
	b.wantHeading("Signed out")
	b.open("/agents/" + me.AgentID + "/active")
	b.wantHeading("Sign in")
}

// exportStep is an entry of the export trail.
type exportStep struct {
	Step, SHA256, Friday, Disclaimer string
	Accepted                         bool
	PersonID                         string `json:"person_id"`
	Rows                             int
}

// lastExportStep returns the last export step of a person, as an auditor sees it.
func (s *testServer) lastExportStep(person string) exportStep {
	s.t.Helper()
	last, err := s.Journal.Last(s.t.Context())
	must(s.t, err)
	_, _, err = s.Projection.WaitFor(s.t.Context(), last) // a book is sent after export_made is recorded
	must(s.t, err)
	var all struct{ Exports []exportStep }
	s.do("auditor", "GET", "/v1/exports", nil).into(s.t, &all)
	for _, e := range all.Exports {
		if e.PersonID == person {
			return e
		}
	}
	return exportStep{}
}

// checkBook compares a file with the export trail, and its number of rows with the
// ledger. The tests of package exporter check the content.
func (s *testServer) checkBook(t *testing.T, path, agent, person string) {
	t.Helper()
	content, err := os.ReadFile(path)
	must(t, err)
	sum := sha256.Sum256(content)
	v := fixture.View(t, s.Node.Node)
	latest, err := v.Checkpoint(0)
	must(t, err)
	b, err := book.ForAgent(t.Context(), v.AsOf(latest.Friday), v.Calendar(), latest.Week, agent)
	must(t, err)
	last := s.lastExportStep(person)
	want := exportStep{Step: "made", SHA256: hex.EncodeToString(sum[:]), Friday: latest.Friday.String(), Disclaimer: "1", Accepted: last.Accepted, PersonID: person, Rows: len(b.Rows)}
	if last != want || filepath.Base(path) != exporter.FileName(b) {
		t.Errorf("the last export step for %s is %+v, want %+v", filepath.Base(path), last, want)
	}
	f, err := excelize.OpenFile(path)
	must(t, err)
	defer f.Close()
	rows, err := f.GetRows("Book of Business")
	must(t, err)
	if len(rows) != len(b.Rows)+1 || len(b.Rows) < 20 {
		t.Fatalf("the book has %d rows, want %d", len(rows)-1, len(b.Rows))
	}
}
