package web_test

import (
	"crypto/sha256"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/page"
	"github.com/chromedp/chromedp"

	"bookledger/cmd/internal/fixture"
	"bookledger/events"
)

// displayModes are the modes in which each page is inspected.
var displayModes = []struct {
	name, scheme string
	width        int64
}{{"light", "light", 1280}, {"dark", "dark", 1280}, {"narrow", "light", 320}}

// inspector checks pages with axe-core and takes screenshots of them.
type inspector struct {
	axe            string // source code of axe-core
	screenshots    string // folder; "" for none
	downloadedBook []byte // by the agent, before the inspections
}

func newInspector(t *testing.T) *inspector {
	t.Helper()
	axe := fixture.File(t, filepath.Join("..", "identity", "testdata", "provider", "node_modules", "axe-core", "axe.min.js"), "npm ci --ignore-scripts in identity/testdata/provider")
	i := &inspector{axe: string(axe), screenshots: os.Getenv("BOOKLEDGER_SCREENSHOTS")}
	if i.screenshots != "" {
		must(t, os.MkdirAll(i.screenshots, 0o755))
	}
	return i
}

// axeViolation is a violation that axe-core reports.
type axeViolation struct {
	ID, Help string
	Tags     []string
	Nodes    []string
}

// runAxe runs the rules of WCAG 2.2 AA and the best practices.
const runAxe = `axe.run(document, {
	runOnly: {type: "tag", values: ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]},
	rules: {"target-size": {enabled: true}}, resultTypes: ["violations"], preload: false,
}).then(r => ({passes: r.passes.length, found: r.violations.map(v => ({
	ID: v.id, Help: v.help, Tags: v.tags, Nodes: v.nodes.map(n => n.target.join(" ") + ": " + n.html.slice(0, 200) + ": " + n.failureSummary),
}))}))`

// inspect checks a page's heading, accessibility, and layout in each mode.
func (i *inspector) inspect(b *browserTab, name, heading string) {
	b.t.Helper()
	b.wantHeading(heading)
	// A message has the focus and shows it. After the script has replaced the main
	// part, the main part has the focus.
	b.waitFor(`(e => !e || document.activeElement === e || document.activeElement.id === "main")(document.querySelector("main [autofocus]"))`)
	if at := b.focused(); at.ID == "message" && !at.Ring {
		b.t.Errorf("%s: the focus on %+v is not visible", name, at)
	}
	b.do(chromedp.Evaluate[chromedp.Void](i.axe + ";undefined"))
	for _, m := range displayModes {
		b.emulate(m.scheme, m.width)
		i.screenshot(b, name+"-"+m.name, m.width)
		result := evaluate[struct {
			Passes int            `json:"passes"`
			Found  []axeViolation `json:"found"`
		}](b, runAxe)
		if result.Passes < 10 {
			b.t.Errorf("%s, %s: axe-core applied only %d rules", name, m.name, result.Passes)
		}
		for _, f := range result.Found {
			violation := fmt.Sprintf("%s, %s: %s: %s\n\t%s", name, m.name, f.ID, f.Help, strings.Join(f.Nodes, "\n\t"))
			if slices.Contains(f.Tags, "best-practice") {
				b.t.Log(violation)
				continue
			}
			b.t.Error(violation)
		}
		if wide := evaluate[int64](b, `document.documentElement.scrollWidth`); wide > m.width {
			b.t.Errorf("%s, %s: the page is %d px wide because of %s", name, m.name, wide, evaluate[[]string](b, wideElements))
		}
		if cut := evaluate[[]string](b, clippedElements); len(cut) > 0 {
			b.t.Errorf("%s, %s: text is cut off in %q", name, m.name, cut)
		}
		if torn := evaluate[[]string](b, wrappedNumbers); len(torn) > 0 {
			b.t.Errorf("%s, %s: numbers wrap in %q", name, m.name, torn)
		}
	}
	b.emulate("light", 1280)
}

// wideElements returns the elements that are wider than the page.
const wideElements = `[...document.body.querySelectorAll("*")].filter(e => e.getBoundingClientRect().right > innerWidth + 1).map(e => e.outerHTML.slice(0, 160))`

// clippedElements returns the elements that hide part of their text.
const clippedElements = `[...document.body.querySelectorAll("*")].filter(e => !e.closest(".vh, svg, select, thead, input, .skip") && e.checkVisibility() &&
	["hidden", "clip"].includes(getComputedStyle(e).overflowX) && e.scrollWidth > e.clientWidth + 1).map(e => e.outerHTML.slice(0, 160))`

// wrappedNumbers returns the numbers that take more than one line.
const wrappedNumbers = `[...document.querySelectorAll("td.num, td.n, .figure, .bar-number")].filter(e => {
	const text = document.createTreeWalker(e, NodeFilter.SHOW_TEXT, n => /^\s*[\d,]+\s*$/.test(n.data) ? NodeFilter.FILTER_ACCEPT : NodeFilter.FILTER_SKIP);
	const line = document.createRange();
	while (text.nextNode()) {
		line.selectNodeContents(text.currentNode);
		if (new Set([...line.getClientRects()].map(r => r.top)).size > 1) return true;
	}
	return false;
}).map(e => e.textContent)`

// emulate sets the color scheme and the width of the page, and waits for both.
func (b *browserTab) emulate(scheme string, width int64) {
	b.t.Helper()
	_, err := chromedp.Call(b.ctx, emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{
		Features: []*emulation.MediaFeature{{Name: "prefers-color-scheme", Value: scheme}},
	})
	must(b.t, err)
	b.do(chromedp.EmulateViewport(width, 900))
	b.waitFor(fmt.Sprintf(`innerWidth === %d && matchMedia("(prefers-color-scheme: %s)").matches`, width, scheme))
}

// maxHeight is the maximum height of a screenshot.
const maxHeight = 6000

// screenshot writes a screenshot of the whole page if BOOKLEDGER_SCREENSHOTS is
// set.
func (i *inspector) screenshot(b *browserTab, name string, width int64) {
	b.t.Helper()
	if i.screenshots == "" {
		return
	}
	beyond := true
	height := min(evaluate[float64](b, `Math.max(innerHeight, document.documentElement.scrollHeight)`), maxHeight)
	shot, err := chromedp.Call(b.ctx, page.CaptureScreenshot, page.CaptureScreenshotParams{
		CaptureBeyondViewport: &beyond, Clip: &page.Viewport{Width: float64(width), Height: height, Scale: 1},
	})
	must(b.t, err)
	must(b.t, os.WriteFile(filepath.Join(i.screenshots, name+".png"), shot.Data, 0o644))
}

// extremeHousehold returns the events of a household with the longest and most unusual
// values, and of a case without any data.
func extremeHousehold(agent string) []events.Data {
	const name = "<b>x</b> 👩‍👩‍👧‍👦 José"
	long := strings.Repeat("Wolfeschle", 10)
	all := append(fixture.Consumer(agent, "c-extreme", name, long),
		&events.HouseholdRecorded{CaseID: "c-extreme",
			PrimaryContact: events.Contact{FirstName: name, LastName: long, Phone: strings.Repeat("5", 20), Email: strings.Repeat("e", 80) + "@mail.example", SSNLast4: "7880", DateOfBirth: 19800102, SpokenLanguage: long, WrittenLanguage: long},
			Address:        events.Address{Line1: long, Line2: name, City: long, State: "CA", ZIP: "95838", County: long}},
		&events.ApplicationRecorded{CaseID: "c-extreme", ApplicationYear: 2099, CurrentStatus: long + long, NextSteps: name},
		&events.MemberRecorded{Member: events.Member{CaseID: "c-extreme", MemberID: strings.Repeat("M", 40), FirstName: long, LastName: name, Relationship: long, Gender: name}},
		&events.EligibilityDetermined{CaseID: "c-extreme", MemberID: strings.Repeat("M", 40), ApplicationYear: 2099, Program: "medi_cal", Status: "conditionally_eligible", CSRLevel: long},
		&events.EnrollmentRecorded{CaseID: "c-extreme", EnrollmentID: "e-d", ApplicationYear: 2099, CoverageKind: "dental", MemberIDs: []string{"m", strings.Repeat("M", 40)}, Status: "terminated",
			Carrier: long + long, PlanName: name, MetalTier: long, BinderStatus: long, SubscriberID: long, HIOSPlanID: strings.Repeat("H", 40)},
	)
	return append(all, &events.DelegationCreated{Delegation: events.Delegation{CaseID: "c-bare", AgentID: agent}}, &events.HouseholdRecorded{CaseID: "c-bare"})
}

// agentWithoutConsumers is an agent ID of maximum length.
const agentWithoutConsumers = "LLLLLLLLLLLLLLLLLLLLLLLLLLLLLLLLLLLLLLLL"

// pageEvents returns the events that the inspected pages show.
func pageEvents(agency, agent string) []events.Data {
	long := strings.Repeat("Bergerdorf", 10)
	all := browserEvents(agency, agent, fromAgent)
	all = append(all, &events.AgentCertified{AgentID: agentWithoutConsumers, AgencyID: agency, FirstName: long, LastName: long, LicenseNumber: long})
	all = append(all, requestEvents(agent, "c-request", "Petra", long)...)
	all = append(all, fixture.Consumer(agent, "c-inactive", "Ina", "Inactive")...)
	all = append(all, fixture.Consumer(fromAgent, "c-inactive-2", "Ian", "Inactive")...)
	return append(all,
		&events.DelegationMarkedInactive{Delegation: events.Delegation{CaseID: "c-inactive", AgentID: agent}},
		&events.DelegationMarkedInactive{Delegation: events.Delegation{CaseID: "c-inactive-2", AgentID: fromAgent}})
}

// TestPagesInChromium inspects every page in light and dark mode and at a width of
// 320 px.
func TestPagesInChromium(t *testing.T) {
	t.Parallel()
	ctx, i := fixture.Chromium(t), newInspector(t)
	w := smallConfig()
	me := (&testServer{t: t, config: w}).identity("agent")
	s := start(t, w, pageEvents(me.AgencyID, me.AgentID)...)
	newLedger := startWith(t, serverOptions{noCutoff: true}, w,
		&events.AgencyRegistered{AgencyID: me.AgencyID, Name: "Delta Insurance"},
		&events.AgentCertified{AgentID: me.AgentID, AgencyID: me.AgencyID, FirstName: "Ana", LastName: "New"})
	// The pages are inspected in parallel, so export first.
	export := "/v1/agents/" + me.AgentID + "/books/latest"
	s.do("agent", "POST", export, map[string]any{"disclaimer": "1", "accepted": false})
	i.downloadedBook = s.do("agent", "POST", export, map[string]any{"disclaimer": "1", "accepted": true}).body
	for name, inspect := range map[string]func(*inspector, *browserTab){
		"signed out": inspectSignedOut, "lists": inspectLists, "cases": inspectCases, "books": inspectBooks,
		"manager": inspectManager, "transfer": inspectTransfer, "auditor": inspectAuditor, "audit": inspectAudit, "no role": inspectNoRole,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			inspect(i, newVisitor(t, ctx, s))
		})
	}
	t.Run("new ledger", func(t *testing.T) {
		t.Parallel()
		inspectNewLedger(i, newVisitor(t, ctx, newLedger))
	})
}

// wantEmptyState checks the heading of an empty state.
func (b *browserTab) wantEmptyState(want string) {
	b.t.Helper()
	if got := b.text(".empty h2"); got != want {
		b.t.Errorf("%s: got the empty state %q, want %q", b.path(), got, want)
	}
}

// inspectAt opens a page and inspects it.
func (i *inspector) inspectAt(b *browserTab, path, name, heading string) {
	b.t.Helper()
	b.open(path)
	i.inspect(b, name, heading)
}

func inspectSignedOut(i *inspector, b *browserTab) {
	i.inspectAt(b, "/sign-in", "sign-in", "Sign in")
	b.navigate(200, click("Sign in"))
	i.inspect(b, "sign-in-demo", "Sign in")
	b.navigate(401, chromedp.Navigate(b.server.url+"/sign-in/callback?code=x&state=y"))
	i.inspect(b, "sign-in-failed", "Sign in")
	i.inspectAt(b, "/signed-out", "signed-out", "Signed out")
	b.open("/api-docs")
	i.inspect(b, "api-docs", b.text("h1"))
	b.navigate(404, chromedp.Navigate(b.server.url+"/nowhere"))
	i.inspect(b, "error-404-stranger", "Not found")
}

func inspectLists(i *inspector, b *browserTab) {
	me := "/agents/" + b.server.identity("agent").AgentID
	b.signIn(b.server.identity("agent").PersonID)
	i.inspect(b, "home-agent", "Home")
	b.do(click("Delegations"))
	i.inspect(b, "home-menu", "Home")
	b.do(click("Account"))
	i.inspect(b, "home-account", "Home")
	b.open("/")
	b.do(chromedp.Evaluate[chromedp.Void](`document.getElementById("idle").showModal()`))
	i.inspect(b, "session-dialog", "Home")
	i.inspectAt(b, me+"/active", "active", "Active Consumers")
	i.inspectAt(b, me+"/active?household_type=Covered+California&sort=-last_name", "active-filtered", "Active Consumers")
	i.inspectAt(b, me+"/active?page=99", "active-no-page", "Active Consumers")
	i.inspectAt(b, me+"/pending", "pending", "Pending Requests")
	i.inspectAt(b, me+"/inactive", "inactive", "Inactive Consumers")
	b.open(me + "/active")
	b.do(chromedp.SendKeys(chromedp.CSS("#q"), "wolfeschle"))
	b.navigate(200, click("Search"))
	b.wantExtremeName(".household h3")
	i.inspect(b, "active-found", "Active Consumers")
	b.navigate(200, click("Mark As Inactive: <b>x</b> 👩‍👩‍👧‍👦 José "+strings.Repeat("Wolfeschle", 10)))
	i.inspect(b, "active-done", "Active Consumers")
	b.navigate(200, click("Undo"))
	b.do(chromedp.SetValue(chromedp.CSS("#q"), "nobody has this"))
	b.navigate(200, click("Search"))
	b.wantEmptyState("No matches")
	i.inspect(b, "active-no-match", "Active Consumers")
	late := b.newTab()
	late.open(me + "/inactive")
	b.open(me + "/inactive")
	b.navigate(200, click("Reactivate: Ina Inactive"))
	late.navigate(409, click("Reactivate: Ina Inactive"))
	i.inspect(late, "inactive-conflict", "Inactive Consumers")
}

// wantExtremeName checks that the extreme name is escaped and complete.
func (b *browserTab) wantExtremeName(selector string) {
	b.t.Helper()
	want := "<b>x</b> 👩‍👩‍👧‍👦 José " + strings.Repeat("Wolfeschle", 10)
	if got := b.text(selector); got != want || evaluate[int](b, `document.querySelectorAll("main b").length`) != 0 {
		b.t.Errorf("got the name %q", got)
	}
}

func inspectCases(i *inspector, b *browserTab) {
	me := "/agents/" + b.server.identity("agent").AgentID
	b.signIn(b.server.identity("agent").PersonID)
	for _, part := range [...]struct{ path, name, heading string }{
		{"", "account", "Account"}, {"/household", "household", "Household"}, {"/eligibility", "eligibility", "Eligibility"}, {"/enrollment", "enrollment", "Enrollment Details"},
	} {
		i.inspectAt(b, me+"/cases/c-extreme"+part.path, "case-"+part.name, part.heading+" of case c-extreme")
		b.wantExtremeName(".lead strong")
		i.inspectAt(b, me+"/cases/c-bare"+part.path, "case-bare-"+part.name, part.heading+" of case c-bare")
	}
	i.inspectAt(b, me+"/cases/5000032500", "case-training", "Account of case 5000032500")
	i.inspectAt(b, me+"/cases/c-request/decline", "decline", "Decline this request?")
	i.inspectAt(b, "/session/ending?to=/", "session-ending", "Your session is ending")
	b.navigate(404, chromedp.Navigate(b.server.url+"/agents/"+b.server.identity("agent 2").AgentID+"/active"))
	i.inspect(b, "error-404", "Not found")
}

// inspectBooks inspects an export that waits for two exports of other people.
func inspectBooks(i *inspector, b *browserTab) {
	who := b.server.identity("agent")
	b.signIn(who.PersonID)
	i.inspectAt(b, "/agents/"+who.AgentID+"/books", "books", "Books")
	b.navigate(200, chromedp.Click(chromedp.CSS("main td .button")))
	i.inspect(b, "disclaimer", "Disclaimer")
	others := b.server.occupyWorkers()
	file := b.download(click("Yes"), func() {
		if got := b.text("#export-status[role=status]"); !strings.HasPrefix(got, "Preparing your book. The download will start automatically.") {
			b.t.Errorf("while preparing: got the status %q", got)
		}
		i.inspect(b, "disclaimer-preparing", "Disclaimer")
		for _, x := range others {
			must(b.t, x.Close())
		}
	})
	b.waitFor(`document.getElementById("export-status").textContent.startsWith("Done.")`)
	i.inspect(b, "disclaimer-done", "Disclaimer")
	b.server.checkBook(b.t, file, who.AgentID, who.PersonID)
	for range 3 {
		defer b.server.joinQueue(who.PersonID).Close()
	}
	b.do(click("Yes"))
	b.waitFor(`document.activeElement.id === "main"`)
	i.inspect(b, "disclaimer-refused", "Too many requests")
}

func inspectManager(i *inspector, b *browserTab) {
	agency := "/agencies/" + b.server.identity("manager").AgencyID
	b.signIn(b.server.identity("manager").PersonID)
	i.inspect(b, "home-manager", "Home")
	i.inspectAt(b, agency+"/agents", "agents", "Agents")
	i.inspectAt(b, agency+"/active", "agency-active", "Active Consumers")
	i.inspectAt(b, agency+"/pending", "agency-pending", "Pending Requests")
	i.inspectAt(b, agency+"/books", "agency-books", "Books")
	for _, list := range [...]struct{ name, heading, says string }{
		{"active", "Active Consumers", "No active consumers yet"}, {"pending", "Pending Requests", "No pending requests"}, {"inactive", "Inactive Consumers", "No inactive consumers"},
	} {
		i.inspectAt(b, "/agents/"+agentWithoutConsumers+"/"+list.name, "empty-"+list.name, list.heading)
		b.wantEmptyState(list.says)
	}
}

func inspectTransfer(i *inspector, b *browserTab) {
	agency := "/agencies/" + b.server.identity("admin_l2").AgencyID
	b.signIn(b.server.identity("admin_l2").PersonID)
	i.inspectAt(b, agency+"/transfer", "transfer", "Transfer consumers")
	b.open(agency + "/transfer/outcome")
	i.inspect(b, "transfer-no-result", "Transfer results")
	i.inspectAt(b, agency+"/transfer?from="+fromAgent, "transfer-choose", "Transfer consumers")
	b.navigate(200, click("Continue"))
	i.inspect(b, "transfer-missing", "Transfer consumers")
	b.navigate(200, click("Inactive (1)"))
	i.inspect(b, "transfer-inactive", "Transfer consumers")
	b.do(chromedp.SendKeys(chromedp.CSS("#to"), "Tobias"), chromedp.Click(chromedp.ID("case-c-inactive-2")))
	b.navigate(200, click("Active (66)"))
	b.do(click("Select all on this page"))
	b.navigate(200, click("Continue"))
	i.inspect(b, "transfer-confirm", "Confirm transfer")
	b.server.Publish(&events.DelegationEnded{Delegation: events.Delegation{CaseID: "c-g1", AgentID: fromAgent}, Reason: "consumer"})
	b.navigate(200, chromedp.Click(chromedp.CSS("main button")))
	i.inspect(b, "transfer-result", "Transfer results")
}

func inspectAuditor(i *inspector, b *browserTab) {
	b.signIn(b.server.identity("auditor").PersonID)
	i.inspect(b, "home-auditor", "Home")
	i.inspectAt(b, "/ledger", "ledger", "Ledger status")
	b.do(chromedp.SendKeys(chromedp.CSS("#id"), "nobody"))
	b.navigate(200, click("Look up"))
	i.inspect(b, "ledger-not-found", "Ledger status")
	b.open("/")
	b.do(click("Audit"))
	i.inspect(b, "home-auditor-menu", "Home")
}

// inspectAudit inspects the auditors' pages, starting from the home page.
func inspectAudit(i *inspector, b *browserTab) {
	me := b.server.identity("agent").AgentID
	b.signIn(b.server.identity("auditor").PersonID)
	b.navigate(200, click("Explain a case"))
	i.inspect(b, "explain-form", "Explain a case")
	b.do(chromedp.SendKeys(chromedp.CSS("#case"), "Testperson"))
	b.navigate(200, click("Explain"))
	b.wantNoSearchInURL("testperson")
	i.inspect(b, "explain-not-found", "Explain a case")
	b.do(chromedp.SendKeys(chromedp.CSS("#case"), "5000032500"), chromedp.SendKeys(chromedp.CSS("#agent"), me))
	b.navigate(200, click("Explain"))
	i.inspect(b, "explain-agent", "Explain a case")
	i.inspectAt(b, "/audit/cases/5000032500", "explain", "Explain a case")
	i.inspectAt(b, "/audit/cases/5000032500?friday=latest", "explain-friday", "Explain a case")
	i.inspectAt(b, "/audit/cases/c-extreme?friday=latest", "explain-extreme", "Explain a case")
	b.open("/")
	b.navigate(200, click("Compare books"))
	i.inspect(b, "compare-form", "Compare books")
	b.do(chromedp.SendKeys(chromedp.CSS("#id"), me))
	b.navigate(200, click("Continue"))
	i.inspect(b, "compare", "Compare books")
	b.do(chromedp.Evaluate[chromedp.Void](`document.querySelectorAll("td details").forEach(d => d.open = true)`))
	i.inspect(b, "compare-open", "Compare books")
	i.inspectAt(b, "/agents/"+agentWithoutConsumers+"/differences", "compare-same", "Compare books")
	b.open("/")
	b.navigate(200, click("Downloads"))
	i.inspect(b, "downloads", "Downloads")
	b.do(click("How to get a file's SHA-256"))
	i.inspect(b, "downloads-how", "Downloads")
	sum := sha256.Sum256(i.downloadedBook)
	b.do(chromedp.SendKeys(chromedp.CSS("#sha256"), fmt.Sprintf("SHA256  %X  C:\\found.xlsx", sum)))
	b.navigate(200, click("Find"))
	i.inspect(b, "downloads-found", "Downloads")
	if got := b.text("#trail ~ table tbody"); !strings.Contains(got, b.server.identity("agent").PersonID) {
		b.t.Errorf("got the downloads %q of the file", got)
	}
	b.do(chromedp.Clear(chromedp.CSS("#sha256")), chromedp.SendKeys(chromedp.CSS("#sha256"), strings.Repeat("0", 64)))
	b.navigate(200, click("Find"))
	i.inspect(b, "downloads-unknown", "Downloads")
}

func inspectNoRole(i *inspector, b *browserTab) {
	b.signIn("P-nobody")
	i.inspect(b, "home-no-role", "Home")
}

// inspectNewLedger inspects the pages of a ledger before its first cutoff.
func inspectNewLedger(i *inspector, b *browserTab) {
	me := "/agents/" + b.server.identity("agent").AgentID
	b.signIn(b.server.identity("agent").PersonID)
	i.inspect(b, "new-ledger-home", "Home")
	i.inspectAt(b, me+"/active", "new-ledger-active", "Active Consumers")
	i.inspectAt(b, me+"/books", "new-ledger-books", "Books")
	b.wantEmptyState("No book yet")
	b.do(click("Account"))
	b.navigate(200, click("Sign out"))
	b.signIn(b.server.identity("auditor").PersonID)
	i.inspectAt(b, "/ledger", "new-ledger-status", "Ledger status")
	i.inspectAt(b, me+"/differences", "new-ledger-compare", "Compare books")
	b.wantEmptyState("Not enough books to compare")
	i.inspectAt(b, "/audit/downloads", "new-ledger-downloads", "Downloads")
}
