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

// modes are how each page is looked at.
var modes = []struct {
	name, scheme string
	width        int64
}{{"light", "light", 1280}, {"dark", "dark", 1280}, {"narrow", "light", 320}}

// inspection looks at pages: with axe-core, and for whoever wants to see them.
type inspection struct {
	axe    string // its source
	folder string // for pictures; "" is none
	taken  []byte // the book that an agent has taken before
}

func newInspection(t *testing.T) *inspection {
	t.Helper()
	axe := fixture.File(t, filepath.Join("..", "identity", "testdata", "provider", "node_modules", "axe-core", "axe.min.js"), "npm ci --ignore-scripts in identity/testdata/provider")
	i := &inspection{axe: string(axe), folder: os.Getenv("BOOKLEDGER_SCREENSHOTS")}
	if i.folder != "" {
		must(t, os.MkdirAll(i.folder, 0o755))
	}
	return i
}

// finding is what axe-core finds wrong.
type finding struct {
	ID, Help string
	Tags     []string
	Nodes    []string
}

// askAxe runs the rules of WCAG 2.2 AA, and those of good practice.
const askAxe = `axe.run(document, {
	runOnly: {type: "tag", values: ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]},
	rules: {"target-size": {enabled: true}}, resultTypes: ["violations"], preload: false,
}).then(r => ({passes: r.passes.length, found: r.violations.map(v => ({
	ID: v.id, Help: v.help, Tags: v.tags, Nodes: v.nodes.map(n => n.target.join(" ") + ": " + n.html.slice(0, 200) + ": " + n.failureSummary),
}))}))`

// looksAt holds a page's heading and looks at it in each mode.
func (i *inspection) looksAt(b *tab, name, heading string) {
	b.t.Helper()
	b.isAt(heading)
	// What a page announces has the focus, and shows it. Where the script puts
	// another page in its place, the main part has it.
	b.until(`(e => !e || document.activeElement === e || document.activeElement.id === "main")(document.querySelector("main [autofocus]"))`)
	if at := b.focused(); at.ID == "message" && !at.Ring {
		b.t.Errorf("%s: the focus on %+v is not seen", name, at)
	}
	b.does(chromedp.Evaluate[chromedp.Void](i.axe + ";undefined"))
	for _, m := range modes {
		b.shownAs(m.scheme, m.width)
		i.picture(b, name+"-"+m.name, m.width)
		result := get[struct {
			Passes int       `json:"passes"`
			Found  []finding `json:"found"`
		}](b, askAxe)
		if result.Passes < 10 {
			b.t.Errorf("%s, %s: axe-core judges by %d rules only", name, m.name, result.Passes)
		}
		for _, f := range result.Found {
			said := fmt.Sprintf("%s, %s: %s: %s\n\t%s", name, m.name, f.ID, f.Help, strings.Join(f.Nodes, "\n\t"))
			if slices.Contains(f.Tags, "best-practice") {
				b.t.Log(said)
				continue
			}
			b.t.Error(said)
		}
		if wide := get[int64](b, `document.documentElement.scrollWidth`); wide > m.width {
			b.t.Errorf("%s, %s: the page is %d px wide: %s", name, m.name, wide, get[[]string](b, tooWide))
		}
		if cut := get[[]string](b, cutOff); len(cut) > 0 {
			b.t.Errorf("%s, %s: text is cut off in %q", name, m.name, cut)
		}
		if torn := get[[]string](b, tornNumbers); len(torn) > 0 {
			b.t.Errorf("%s, %s: numbers are torn apart in %q", name, m.name, torn)
		}
	}
	b.shownAs("light", 1280)
}

// tooWide are the elements that reach beyond the page.
const tooWide = `[...document.body.querySelectorAll("*")].filter(e => e.getBoundingClientRect().right > innerWidth + 1).map(e => e.outerHTML.slice(0, 160))`

// cutOff are the elements that hide a part of their text.
const cutOff = `[...document.body.querySelectorAll("*")].filter(e => !e.closest(".vh, svg, select, thead, input, .skip") && e.checkVisibility() &&
	["hidden", "clip"].includes(getComputedStyle(e).overflowX) && e.scrollWidth > e.clientWidth + 1).map(e => e.outerHTML.slice(0, 160))`

// tornNumbers are the numbers that do not stand in one line.
const tornNumbers = `[...document.querySelectorAll("td.num, td.n, .figure, .bar-number")].filter(e => {
	const text = document.createTreeWalker(e, NodeFilter.SHOW_TEXT, n => /^\s*[\d,]+\s*$/.test(n.data) ? NodeFilter.FILTER_ACCEPT : NodeFilter.FILTER_SKIP);
	const line = document.createRange();
	while (text.nextNode()) {
		line.selectNodeContents(text.currentNode);
		if (new Set([...line.getClientRects()].map(r => r.top)).size > 1) return true;
	}
	return false;
}).map(e => e.textContent)`

// shownAs gives the page colors and a width, and awaits both.
func (b *tab) shownAs(scheme string, width int64) {
	b.t.Helper()
	_, err := chromedp.Call(b.ctx, emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{
		Features: []*emulation.MediaFeature{{Name: "prefers-color-scheme", Value: scheme}},
	})
	must(b.t, err)
	b.does(chromedp.EmulateViewport(width, 900))
	b.until(fmt.Sprintf(`innerWidth === %d && matchMedia("(prefers-color-scheme: %s)").matches`, width, scheme))
}

// tallest is how much of a long page a picture shows.
const tallest = 6000

// picture writes the whole page as a picture, if somebody wants to see it.
func (i *inspection) picture(b *tab, name string, width int64) {
	b.t.Helper()
	if i.folder == "" {
		return
	}
	beyond := true
	height := min(get[float64](b, `Math.max(innerHeight, document.documentElement.scrollHeight)`), tallest)
	shot, err := chromedp.Call(b.ctx, page.CaptureScreenshot, page.CaptureScreenshotParams{
		CaptureBeyondViewport: &beyond, Clip: &page.Viewport{Width: float64(width), Height: height, Scale: 1},
	})
	must(b.t, err)
	must(b.t, os.WriteFile(filepath.Join(i.folder, name+".png"), shot.Data, 0o644))
}

// odd is a household whose values are as long and as strange as they may be.
func odd(agent string) []events.Data {
	const name = "<b>x</b> 👩‍👩‍👧‍👦 José"
	long := strings.Repeat("Wolfeschle", 10)
	all := append(fixture.Consumer(agent, "c-odd", name, long),
		&events.HouseholdRecorded{CaseID: "c-odd",
			PrimaryContact: events.Contact{FirstName: name, LastName: long, Phone: strings.Repeat("5", 20), Email: strings.Repeat("e", 80) + "@mail.example", SSNLast4: "7880", DateOfBirth: 19800102, SpokenLanguage: long, WrittenLanguage: long},
			Address:        events.Address{Line1: long, Line2: name, City: long, State: "CA", ZIP: "95838", County: long}},
		&events.ApplicationRecorded{CaseID: "c-odd", ApplicationYear: 2099, CurrentStatus: long + long, NextSteps: name},
		&events.MemberRecorded{Member: events.Member{CaseID: "c-odd", MemberID: strings.Repeat("M", 40), FirstName: long, LastName: name, Relationship: long, Gender: name}},
		&events.EligibilityDetermined{CaseID: "c-odd", MemberID: strings.Repeat("M", 40), ApplicationYear: 2099, Program: "medi_cal", Status: "conditionally_eligible", CSRLevel: long},
		&events.EnrollmentRecorded{CaseID: "c-odd", EnrollmentID: "e-d", ApplicationYear: 2099, CoverageKind: "dental", MemberIDs: []string{"m", strings.Repeat("M", 40)}, Status: "terminated",
			Carrier: long + long, PlanName: name, MetalTier: long, BinderStatus: long, SubscriberID: long, HIOSPlanID: strings.Repeat("H", 40)},
	)
	// And one of whom nothing is known.
	return append(all, &events.DelegationCreated{Delegation: events.Delegation{CaseID: "c-bare", AgentID: agent}}, &events.HouseholdRecorded{CaseID: "c-bare"})
}

// free is an agent without consumers, and has an id as long as may be.
const free = "LLLLLLLLLLLLLLLLLLLLLLLLLLLLLLLLLLLLLLLL"

// gallery is what the pages show.
func gallery(agency, agent string) []events.Data {
	long := strings.Repeat("Bergerdorf", 10)
	all := casework(agency, agent, giver)
	all = append(all, &events.AgentCertified{AgentID: free, AgencyID: agency, FirstName: long, LastName: long, LicenseNumber: long})
	all = append(all, asking(agent, "c-ask", "Petra", long)...)
	all = append(all, fixture.Consumer(agent, "c-off", "Ina", "Inactive")...)
	all = append(all, fixture.Consumer(giver, "c-off2", "Ian", "Inactive")...)
	return append(all,
		&events.DelegationMarkedInactive{Delegation: events.Delegation{CaseID: "c-off", AgentID: agent}},
		&events.DelegationMarkedInactive{Delegation: events.Delegation{CaseID: "c-off2", AgentID: giver}})
}

// TestPagesInChromium looks at every page with axe-core, in light and dark and on a
// screen of 320 px.
func TestPagesInChromium(t *testing.T) {
	t.Parallel()
	ctx, i := fixture.Chromium(t), newInspection(t)
	w := small()
	me := (&site{t: t, world: w}).who("agent")
	s := start(t, w, gallery(me.AgencyID, me.AgentID)...)
	young := startAs(t, variant{young: true}, w,
		&events.AgencyRegistered{AgencyID: me.AgencyID, Name: "Delta Insurance"},
		&events.AgentCertified{AgentID: me.AgentID, AgencyID: me.AgencyID, FirstName: "Ana", LastName: "New"})
	// The pages are looked at side by side: what they show of exports is done before.
	export := "/v1/agents/" + me.AgentID + "/books/latest"
	s.ask("agent", "POST", export, map[string]any{"disclaimer": "1", "accepted": false})
	i.taken = s.ask("agent", "POST", export, map[string]any{"disclaimer": "1", "accepted": true}).body
	for name, look := range map[string]func(*inspection, *tab){
		"a stranger": aStranger, "an agent's lists": anAgentsLists, "an agent's cases": anAgentsCases, "an agent's books": anAgentsBooks,
		"a manager": aManager, "a transfer": aTransfer, "an auditor": anAuditor, "an audit": anAudit, "nobody": aNobody,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			look(i, visitor(t, ctx, s))
		})
	}
	t.Run("a young ledger", func(t *testing.T) {
		t.Parallel()
		aYoungLedger(i, visitor(t, ctx, young))
	})
}

// saysEmpty holds what a page says that has nothing to show.
func (b *tab) saysEmpty(want string) {
	b.t.Helper()
	if got := b.text(".empty h2"); got != want {
		b.t.Errorf("where nothing is, %s says %q, want %q", b.path(), got, want)
	}
}

// at opens a page and looks at it.
func (i *inspection) at(b *tab, path, name, heading string) {
	b.t.Helper()
	b.opens(path)
	i.looksAt(b, name, heading)
}

func aStranger(i *inspection, b *tab) {
	i.at(b, "/sign-in", "sign-in", "Sign in")
	b.goes(200, click("Sign in"))
	i.looksAt(b, "sign-in-demo", "Sign in")
	b.goes(401, chromedp.Navigate(b.site.url+"/sign-in/callback?code=x&state=y"))
	i.looksAt(b, "sign-in-failed", "Sign in")
	i.at(b, "/signed-out", "signed-out", "Signed out")
	b.opens("/interface")
	i.looksAt(b, "interface", b.text("h1"))
	b.goes(404, chromedp.Navigate(b.site.url+"/nowhere"))
	i.looksAt(b, "error-404-stranger", "Not found")
}

func anAgentsLists(i *inspection, b *tab) {
	me := "/agents/" + b.site.who("agent").AgentID
	b.signsIn(b.site.who("agent").PersonID)
	i.looksAt(b, "home-agent", "Home")
	b.does(click("Delegations"))
	i.looksAt(b, "home-menu", "Home")
	b.does(click("Account"))
	i.looksAt(b, "home-account", "Home")
	b.opens("/")
	b.does(chromedp.Evaluate[chromedp.Void](`document.getElementById("idle").showModal()`))
	i.looksAt(b, "session-dialog", "Home")
	i.at(b, me+"/active", "active", "Active Consumers")
	i.at(b, me+"/active?household_type=Covered+California&sort=-last_name", "active-filtered", "Active Consumers")
	i.at(b, me+"/active?page=99", "active-no-page", "Active Consumers")
	i.at(b, me+"/pending", "pending", "Pending Requests")
	i.at(b, me+"/inactive", "inactive", "Inactive Consumers")
	b.opens(me + "/active")
	b.does(chromedp.SendKeys(chromedp.CSS("#q"), "wolfeschle"))
	b.goes(200, click("Search"))
	b.showsTheOdd(".household h3")
	i.looksAt(b, "active-found", "Active Consumers")
	b.goes(200, click("Mark As Inactive: <b>x</b> 👩‍👩‍👧‍👦 José "+strings.Repeat("Wolfeschle", 10)))
	i.looksAt(b, "active-done", "Active Consumers")
	b.goes(200, click("Undo"))
	b.does(chromedp.SetValue(chromedp.CSS("#q"), "nobody has this"))
	b.goes(200, click("Search"))
	b.saysEmpty("No consumer matches")
	i.looksAt(b, "active-no-match", "Active Consumers")
	late := b.another()
	late.opens(me + "/inactive")
	b.opens(me + "/inactive")
	b.goes(200, click("Reactivate: Ina Inactive"))
	late.goes(409, click("Reactivate: Ina Inactive"))
	i.looksAt(late, "inactive-conflict", "Inactive Consumers")
}

// showsTheOdd holds that a name is shown as it is, whatever it looks like.
func (b *tab) showsTheOdd(selector string) {
	b.t.Helper()
	want := "<b>x</b> 👩‍👩‍👧‍👦 José " + strings.Repeat("Wolfeschle", 10)
	if got := b.text(selector); got != want || get[int](b, `document.querySelectorAll("main b").length`) != 0 {
		b.t.Errorf("the name is shown as %q", got)
	}
}

func anAgentsCases(i *inspection, b *tab) {
	me := "/agents/" + b.site.who("agent").AgentID
	b.signsIn(b.site.who("agent").PersonID)
	for _, part := range [...]struct{ path, name, heading string }{
		{"", "account", "Account"}, {"/household", "household", "Household"}, {"/eligibility", "eligibility", "Eligibility"}, {"/enrollment", "enrollment", "Enrollment Details"},
	} {
		i.at(b, me+"/cases/c-odd"+part.path, "case-"+part.name, part.heading+" of case c-odd")
		b.showsTheOdd(".lead strong")
		i.at(b, me+"/cases/c-bare"+part.path, "case-bare-"+part.name, part.heading+" of case c-bare")
	}
	i.at(b, me+"/cases/5000032500", "case-training", "Account of case 5000032500")
	i.at(b, me+"/cases/c-ask/decline", "decline", "Decline the request?")
	i.at(b, "/session/ending?to=/", "session-ending", "Your session is ending")
	b.goes(404, chromedp.Navigate(b.site.url+"/agents/"+b.site.who("agent 2").AgentID+"/active"))
	i.looksAt(b, "error-404", "Not found")
}

// anAgentsBooks has two books of others before the agent's own.
func anAgentsBooks(i *inspection, b *tab) {
	who := b.site.who("agent")
	b.signsIn(who.PersonID)
	i.at(b, "/agents/"+who.AgentID+"/books", "books", "Books")
	b.goes(200, chromedp.Click(chromedp.CSS("main td .button")))
	i.looksAt(b, "disclaimer", "Disclaimer")
	others := b.site.others()
	file := b.takes(click("Yes"), func() {
		if got := b.text("#export-status[role=status]"); !strings.HasPrefix(got, "Your book is being prepared.") {
			b.t.Errorf("meanwhile it says %q", got)
		}
		i.looksAt(b, "disclaimer-preparing", "Disclaimer")
		for _, x := range others {
			must(b.t, x.Close())
		}
	})
	b.until(`document.getElementById("export-status").textContent.startsWith("Done.")`)
	i.looksAt(b, "disclaimer-done", "Disclaimer")
	b.site.isBook(b.t, file, who.AgentID, who.PersonID)
	for range 3 {
		defer b.site.join(who.PersonID).Close()
	}
	b.does(click("Yes"))
	b.until(`document.activeElement.id === "main"`)
	i.looksAt(b, "disclaimer-refused", "Too many requests")
}

func aManager(i *inspection, b *tab) {
	agency := "/agencies/" + b.site.who("manager").AgencyID
	b.signsIn(b.site.who("manager").PersonID)
	i.looksAt(b, "home-manager", "Home")
	i.at(b, agency+"/agents", "agents", "Agents")
	i.at(b, agency+"/active", "agency-active", "Active Consumers")
	i.at(b, agency+"/pending", "agency-pending", "Pending Requests")
	i.at(b, agency+"/books", "agency-books", "Books")
	for _, list := range [...]struct{ name, heading, says string }{
		{"active", "Active Consumers", "No active consumers yet"}, {"pending", "Pending Requests", "No requests are pending"}, {"inactive", "Inactive Consumers", "No inactive consumers"},
	} {
		i.at(b, "/agents/"+free+"/"+list.name, "empty-"+list.name, list.heading)
		b.saysEmpty(list.says)
	}
}

func aTransfer(i *inspection, b *tab) {
	agency := "/agencies/" + b.site.who("admin_l2").AgencyID
	b.signsIn(b.site.who("admin_l2").PersonID)
	i.at(b, agency+"/transfer", "transfer", "Transfer consumers")
	b.opens(agency + "/transfer/outcome")
	i.looksAt(b, "transfer-no-outcome", "Outcome of the transfer")
	i.at(b, agency+"/transfer?from="+giver, "transfer-choose", "Transfer consumers")
	b.goes(200, click("Continue"))
	i.looksAt(b, "transfer-missing", "Transfer consumers")
	b.goes(200, click("Inactive (1)"))
	i.looksAt(b, "transfer-inactive", "Transfer consumers")
	b.does(chromedp.SendKeys(chromedp.CSS("#to"), "Tobias"), chromedp.Click(chromedp.ID("case-c-off2")))
	b.goes(200, click("Active (66)"))
	b.does(click("Tick all on this page"))
	b.goes(200, click("Continue"))
	i.looksAt(b, "transfer-confirm", "Confirm the transfer")
	b.site.Publish(&events.DelegationEnded{Delegation: events.Delegation{CaseID: "c-g1", AgentID: giver}, Reason: "consumer"})
	b.goes(200, chromedp.Click(chromedp.CSS("main button")))
	i.looksAt(b, "transfer-outcome", "Outcome of the transfer")
}

func anAuditor(i *inspection, b *tab) {
	b.signsIn(b.site.who("auditor").PersonID)
	i.looksAt(b, "home-auditor", "Home")
	i.at(b, "/ledger", "ledger", "Ledger")
	b.does(chromedp.SendKeys(chromedp.CSS("#id"), "nobody"))
	b.goes(200, click("Look up"))
	i.looksAt(b, "ledger-not-found", "Ledger")
	b.opens("/")
	b.does(click("Audit"))
	i.looksAt(b, "home-auditor-menu", "Home")
}

// anAudit is what an auditor looks at, on the way from the home page.
func anAudit(i *inspection, b *tab) {
	me := b.site.who("agent").AgentID
	b.signsIn(b.site.who("auditor").PersonID)
	b.goes(200, click("Explain a case"))
	i.looksAt(b, "explain-form", "Explain a Case")
	b.does(chromedp.SendKeys(chromedp.CSS("#case"), "Testperson"))
	b.goes(200, click("Explain"))
	b.holdsNoSearch("testperson")
	i.looksAt(b, "explain-not-found", "Explain a Case")
	b.does(chromedp.SendKeys(chromedp.CSS("#case"), "5000032500"), chromedp.SendKeys(chromedp.CSS("#agent"), me))
	b.goes(200, click("Explain"))
	i.looksAt(b, "explain-agent", "Explain a Case")
	i.at(b, "/audit/cases/5000032500", "explain", "Explain a Case")
	i.at(b, "/audit/cases/5000032500?friday=latest", "explain-friday", "Explain a Case")
	i.at(b, "/audit/cases/c-odd?friday=latest", "explain-odd", "Explain a Case")
	b.opens("/")
	b.goes(200, click("Compare books"))
	i.looksAt(b, "compare-whose", "Compare Books")
	b.does(chromedp.SendKeys(chromedp.CSS("#id"), me))
	b.goes(200, click("Continue"))
	i.looksAt(b, "compare", "Compare Books")
	b.does(chromedp.Evaluate[chromedp.Void](`document.querySelectorAll("td details").forEach(d => d.open = true)`))
	i.looksAt(b, "compare-open", "Compare Books")
	i.at(b, "/agents/"+free+"/differences", "compare-same", "Compare Books")
	b.opens("/")
	b.goes(200, click("Downloads"))
	i.looksAt(b, "downloads", "Downloads")
	b.does(click("How to get the SHA-256 of a file"))
	i.looksAt(b, "downloads-how", "Downloads")
	sum := sha256.Sum256(i.taken)
	b.does(chromedp.SendKeys(chromedp.CSS("#sha256"), fmt.Sprintf("SHA256  %X  C:\\found.xlsx", sum)))
	b.goes(200, click("Find"))
	i.looksAt(b, "downloads-found", "Downloads")
	if got := b.text("#trail ~ table tbody"); !strings.Contains(got, b.site.who("agent").PersonID) {
		b.t.Errorf("of the file there is %q", got)
	}
	b.does(chromedp.Clear(chromedp.CSS("#sha256")), chromedp.SendKeys(chromedp.CSS("#sha256"), strings.Repeat("0", 64)))
	b.goes(200, click("Find"))
	i.looksAt(b, "downloads-unknown", "Downloads")
}

func aNobody(i *inspection, b *tab) {
	b.signsIn("P-nobody")
	i.looksAt(b, "home-nobody", "Home")
}

// aYoungLedger has no Friday behind it.
func aYoungLedger(i *inspection, b *tab) {
	me := "/agents/" + b.site.who("agent").AgentID
	b.signsIn(b.site.who("agent").PersonID)
	i.looksAt(b, "young-home", "Home")
	i.at(b, me+"/active", "young-active", "Active Consumers")
	i.at(b, me+"/books", "young-books", "Books")
	b.saysEmpty("No book yet")
	b.does(click("Account"))
	b.goes(200, click("Sign out"))
	b.signsIn(b.site.who("auditor").PersonID)
	i.at(b, "/ledger", "young-ledger", "Ledger")
	i.at(b, me+"/differences", "young-compare", "Compare Books")
	b.saysEmpty("There are no two books yet")
	i.at(b, "/audit/downloads", "young-downloads", "Downloads")
}
