package portal_test

import (
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"golang.org/x/net/html"

	"bookledger/cmd/internal/fixture"
	"bookledger/events"
)

// A name with characters that need escaping.
const (
	hostileFirst = `José "O'Brien"`
	hostileLast  = `<script>alert('x')</script> 😀`
)

// history returns the history that most tests use.
func history() (all []events.Data) {
	all = append(all, fixture.Consumer("A1", "5000000001", "CAL", "TRAINING")...)
	all = append(all, fixture.Consumer("A1", "5000000002", hostileFirst, hostileLast)...)
	all = append(all, fixture.Consumer("A1", "5000000003", "Ina", "Inactive")...)
	all = append(all, &events.DelegationMarkedInactive{Delegation: events.Delegation{CaseID: "5000000003", AgentID: "A1"}})
	all = append(all, fixture.Consumer("A2", "5000000004", "Pat", "Pending")...)
	all = append(all, &events.DelegationRequested{Delegation: events.Delegation{CaseID: "5000000004", AgentID: "A1"}})
	all = append(all, fixture.Consumer("A3", "5000000005", "Olive", "Other")...)
	return append(all, fixture.Consumer("A4", "5000000006", "Orla", "Orphaned")...)
}

// latestFriday returns the Friday of the latest book.
func (h *testPortal) latestFriday() string {
	h.t.Helper()
	found := regexp.MustCompile(`/books/(\d{4}-\d\d-\d\d)/export`).FindStringSubmatch(h.signIn("P-a1").get("/agents/A1/books").want(200).body)
	if found == nil {
		h.t.Fatal("no book is available")
	}
	return found[1]
}

// TestPageAccessAndStructure checks who may see each page, and its structure: a
// language, one top-level heading, landmarks, labels for all fields, and nothing
// that the content security policy forbids.
func TestPageAccessAndStructure(t *testing.T) {
	h := newTestPortal(t, history())
	friday := h.latestFriday()
	staff := []string{"P-m", "P-1", "P-2", "P-x"}
	all := map[string][]string{
		"/":                    {"P-a1", "P-a3", "P-m", "P-1", "P-2", "P-x", "P-o", "P-n"},
		"/ledger":              {"P-x", "P-o"},
		"/agencies/G1/agents":  staff,
		"/agencies/G1/books":   staff,
		"/agencies/G1/active":  staff,
		"/agencies/G1/pending": staff, "/agencies/G1/inactive": staff,
		"/agencies/G1/cases/5000000001":                  {"P-m", "P-1", "P-2", "P-x"},
		"/agencies/G1/books/" + friday + "/export":       {"P-m", "P-2", "P-x"}, // it contains consumers of A4, who is not certified
		"/agencies/G1/transfer":                          {"P-m", "P-2"},
		"/agencies/G1/transfer?from=A1":                  {"P-m", "P-2"},
		"/agencies/G1/transfer?from=A4&list=inactive":    {"P-m", "P-2"},
		"/agencies/G1/transfer/outcome":                  {"P-m", "P-2"},
		"/audit/cases":                                   {"P-x"},
		"/audit/cases/5000000001":                        {"P-x"},
		"/audit/cases/5000000001?agent=A1&friday=latest": {"P-x"},
		"/audit/books":                                   {"P-x"},
		"/audit/downloads":                               {"P-x"},
		"/agents/A1/differences":                         {"P-x"},
		"/agencies/G1/differences":                       {"P-x"},
		"/agents/A4/active":                              {"P-m", "P-2", "P-x", "P-o"},
		"/agents/A3/active":                              {"P-a3", "P-x"},
		"/agents/A1/books":                               {"P-a1", "P-m", "P-1", "P-2", "P-x"},
		"/agents/A1/books/" + friday + "/export":         {"P-a1", "P-m", "P-1", "P-2", "P-x"},
		"/agents/A1/books/latest/export":                 {"P-a1", "P-m", "P-1", "P-2", "P-x"},
		"/agents/A1/cases/5000000004/decline":            {"P-a1", "P-m", "P-1", "P-2", "P-x"},
		"/agents/A1/active?carrier=Kaiser+Permanente":    {"P-a1", "P-m", "P-1", "P-2", "P-x"},
		"/agents/A1/active?sort=-updated&page_size=10":   {"P-a1", "P-m", "P-1", "P-2", "P-x"},
	}
	for _, path := range []string{"active", "pending", "inactive", "cases/5000000002", "cases/5000000002/household", "cases/5000000002/eligibility", "cases/5000000002/enrollment"} {
		all["/agents/A1/"+path] = append([]string{"P-a1"}, staff...)
	}
	for _, person := range people {
		v := h.signIn(person.ID)
		for path, who := range all {
			a := v.get(path)
			if slices.Contains(who, person.ID) {
				a.want(http.StatusOK).checkPage()
			} else if a.checkPage(); a.status != http.StatusNotFound && a.status != http.StatusForbidden {
				t.Errorf("%s: got status %d for %s, want 404 or 403", person.ID, a.status, path)
			}
		}
	}
	h.newBrowser().get("/sign-in").want(http.StatusOK, "Sign in").checkPage()
	h.newBrowser().get("/signed-out").want(http.StatusOK, "Signed out").checkPage()
	h.newBrowser().get("/no/such/page").want(http.StatusNotFound, "There is no page at this address.").checkPage()
}

var titlePattern = regexp.MustCompile(`^[^<]+ · Book of Business$`)

// checkPage checks the structure that every page has.
func (a *response) checkPage() {
	a.t.Helper()
	if got := a.header.Get("Content-Type"); got != "text/html; charset=utf-8" {
		a.t.Errorf("%s: got Content-Type %q", a.path, got)
	}
	if got := a.header.Get("Cache-Control"); got != "no-store" {
		a.t.Errorf("%s: got Cache-Control %q", a.path, got)
	}
	if got := textOf(a.elements("title")[0]); !titlePattern.MatchString(got) {
		a.t.Errorf("%s: got the title %q", a.path, got)
	}
	for name, want := range map[string]int{"h1": 1, "main": 1, "header": 1, "footer": 1} {
		if got := len(a.elements(name)); got != want {
			a.t.Errorf("%s: got %d elements %s, want %d", a.path, got, name, want)
		}
	}
	if attr(a.elements("html")[0], "lang") != "en" {
		a.t.Errorf("%s: the language is not set to en", a.path)
	}
	ids, labels := map[string]bool{}, map[string]bool{}
	for n := range a.parse().Descendants() {
		if n.Type != html.ElementNode {
			continue
		}
		if id := attr(n, "id"); id != "" {
			if ids[id] {
				a.t.Errorf("%s: duplicate id %s", a.path, id)
			}
			ids[id] = true
		}
		if n.Data == "label" {
			labels[attr(n, "for")] = true
		}
		if hasAttr(n, "style") || n.Data == "style" || n.Data == "script" && attr(n, "src") == "" {
			a.t.Errorf("%s has an inline style or script: %s", a.path, n.Data)
		}
		for _, at := range n.Attr {
			if strings.HasPrefix(at.Key, "on") {
				a.t.Errorf("%s has the inline event handler %s", a.path, at.Key)
			}
		}
	}
	for n := range a.parse().Descendants() {
		field := n.Data == "select" || n.Data == "input" && attr(n, "type") != "hidden"
		if n.Type == html.ElementNode && field && !labels[attr(n, "id")] {
			a.t.Errorf("%s: the field %s has no label", a.path, attr(n, "name"))
		}
	}
}

// TestEscapesHTML checks that text from other systems is shown as text on every
// page.
func TestEscapesHTML(t *testing.T) {
	h := newTestPortal(t, history())
	v := h.signIn("P-a1")
	m := h.signIn("P-m")
	name := hostileFirst + " " + hostileLast
	file := "/agents/A1/cases/5000000002"
	pages := []*response{
		v.get("/agents/A1/active"), v.get(file), v.get(file + "/household"), v.get(file + "/eligibility"), v.get(file + "/enrollment"),
		m.get("/agencies/G1/active"), m.get("/agencies/G1/transfer?from=A1"),
		v.postAndFollow(file+"/mark-inactive", url.Values{}), v.get("/agents/A1/inactive"),
	}
	for _, a := range pages {
		a.want(http.StatusOK, name)
		for _, script := range a.elements("script") {
			if textOf(script) != "" {
				t.Errorf("%s contains the script %q", a.path, textOf(script))
			}
		}
		if strings.Contains(textOf(a.elements("title")[0]), "José") {
			t.Errorf("the title of %s contains a consumer's name", a.path)
		}
	}
	typed := v.postAndFollow("/agents/A1/active/search", url.Values{"q": {`"><img src=x>`}}).want(http.StatusOK, `"><img src=x>`)
	if len(typed.elements("img")) > 0 {
		t.Error("search text was not escaped")
	}
}

// TestHome checks the home page of each role.
func TestHome(t *testing.T) {
	h := newTestPortal(t, history())
	h.signIn("P-a1").get("/").want(http.StatusOK, "Covered California 2 (100%)", "2 active consumers", "1 inactive", "Review the request",
		"Your latest book shows data as of "+h.weekday+", ", "9:00 p.m. P", "Later changes will appear in the next book.", "The next book will be available on "+h.weekday+", ", "and midnight.")
	h.signIn("P-m").get("/").want(http.StatusOK, "Delta Insurance", "Your role: Manager", "4 active consumers", "Agents and transfers")
	h.signIn("P-n").get("/").want(http.StatusOK, "You're signed in, but you don't have access yet", "P-n")
	h.signIn("P-x").get("/").want(http.StatusOK, "Ledger status")
	// A person with two roles sees both.
	h.Publish(&events.StaffAssigned{Staff: events.Staff{PersonID: "P-a1", AgencyID: "G2", Role: "admin_l1"}})
	h.signIn("P-a1").get("/").want(http.StatusOK, "Ana One", "Sierra Insurance", "Admin staff, level 1")
}

// TestEmptyStates checks the texts of pages that have nothing to show.
func TestEmptyStates(t *testing.T) {
	h := newTestPortal(t, nil)
	v := h.signIn("P-a1")
	v.get("/agents/A1/active").want(http.StatusOK, "No active consumers yet", "View pending requests", "No Book of Business yet.", "The first book will be available on "+h.weekday+", ")
	v.get("/agents/A1/pending").want(http.StatusOK, "No pending requests")
	v.get("/agents/A1/inactive").want(http.StatusOK, "No inactive consumers")
	v.get("/agents/A1/books").want(http.StatusOK, "No book yet", "The first book will be available on "+h.weekday+", ")
	v.get("/").want(http.StatusOK, "No book yet.", "You don't have any active consumers yet.")
	v.get("/agents/A1/books/latest/export").want(http.StatusNotFound, "Book not available", "cutoff has passed", "Choose a Friday")
	m := h.signIn("P-m")
	m.get("/agencies/G1/transfer?from=A1").want(http.StatusOK, "Ana One has no active consumers.")
	m.get("/agencies/G1/transfer/outcome").want(http.StatusOK, "No transfer to show")
	x := h.signIn("P-x")
	x.get("/agents/A1/differences").want(http.StatusOK, "Not enough books to compare").checkPage()
	x.get("/ledger").want(http.StatusOK, "No Friday cutoff has passed yet.", "No events have been rejected.", "No books have been requested.")
	h.Publish(&events.DelegationCreated{Delegation: events.Delegation{CaseID: "bare", AgentID: "A1"}})
	v.get("/agents/A1/active").want(http.StatusOK, "Case bare", "Phone Not provided", "Next Steps None", "No coverage recorded")
	v.get("/agents/A1/cases/bare/household").want(http.StatusOK, "No members listed")
	v.get("/agents/A1/cases/bare/eligibility").want(http.StatusOK, "No eligibility yet")
	v.get("/agents/A1/cases/bare/enrollment").want(http.StatusOK, "No enrollment yet")
}

// TestMethods checks that known paths respond to other methods with 405 and the
// allowed ones, and that invalid forms and queries are rejected.
func TestMethods(t *testing.T) {
	h := newTestPortal(t, history())
	v := h.signIn("P-a1")
	for path, allow := range map[string]string{
		"/": "GET, HEAD", "/sign-out": "POST", "/agents/A1/active": "GET, HEAD", "/agents/A1/active/search": "POST",
		"/agents/A1/cases/5000000001/mark-inactive": "POST", "/agents/A1/books/latest/export": "GET, HEAD, POST", "/ledger": "GET, HEAD",
	} {
		a := v.do(http.MethodPut, path, nil, nil).want(http.StatusMethodNotAllowed)
		if got := a.header.Get("Allow"); got != allow {
			t.Errorf("%s: got Allow %q, want %q", path, got, allow)
		}
	}
	v.get("/agents/A1/active/search").want(http.StatusMethodNotAllowed)
	v.post("/agents/A1/active", nil).want(http.StatusMethodNotAllowed)
	const search = "/agents/A1/active/search"
	v.do(http.MethodPost, search, strings.NewReader(`{"q":"x"}`), http.Header{"Content-Type": {"application/json"}}).want(http.StatusUnsupportedMediaType)
	v.post(search, url.Values{"q": {strings.Repeat("x", 2<<20)}}).want(http.StatusRequestEntityTooLarge)
	v.post(search, url.Values{"q": {strings.Repeat("x", 2000)}}).want(http.StatusBadRequest, "Field: q")
	v.post("/agents/A1/books/latest/export", url.Values{"answer": {strings.Repeat("x", 65<<10)}}).want(http.StatusRequestEntityTooLarge)
	v.get("/agents/A1/active?colour=blue").want(http.StatusBadRequest, "Field: colour")
	v.get("/agents/A1/active?q=jose").want(http.StatusBadRequest, "Field: q")
	v.get("/agents/A1/active?sort=age").want(http.StatusBadRequest, "Field: sort")
	v.get("/agents/A1/active?page=0").want(http.StatusBadRequest, "Field: page")
}

// TestAssets checks that embedded files are served with headers that let browsers
// cache them forever.
func TestAssets(t *testing.T) {
	h := newTestPortal(t, history())
	v := h.newBrowser()
	a := v.get("/sign-in")
	for _, link := range append(a.elements("link"), a.elements("script")...) {
		path := attr(link, "href") + attr(link, "src")
		f := v.get(path)
		if f.status != http.StatusOK || f.body == "" {
			t.Errorf("%s: got status %d with %d bytes", path, f.status, len(f.body))
		}
		if got := f.header.Get("Cache-Control"); got != "public, max-age=31536000, immutable" {
			t.Errorf("%s: got Cache-Control %q", path, got)
		}
	}
	v.get("/assets/portal.css").want(http.StatusNotFound)
}

// TestStaleData checks that lists are still shown, with their age, while the journal
// cannot be reached, and that actions and exports fail.
func TestStaleData(t *testing.T) {
	h := newTestPortal(t, history())
	v, friday := h.signIn("P-a1"), h.latestFriday()
	v.get("/agents/A1/active").want(http.StatusOK).wantNot("This page may be out of date.")
	h.disconnect()
	h.clock.Move(time.Minute)
	v.get("/agents/A1/active").want(http.StatusOK, "This page may be out of date.", "CAL TRAINING", "The connection to the ledger was lost ", "It shows data as of ")
	for _, path := range []string{"/", "/agents/A1/books", "/agents/A1/cases/5000000001"} {
		v.get(path).want(http.StatusOK, "This page may be out of date.")
	}
	a := v.post("/agents/A1/cases/5000000001/mark-inactive", nil).want(http.StatusServiceUnavailable, "Nothing was changed")
	if a.header.Get("Retry-After") == "" {
		t.Error("Retry-After is missing")
	}
	v.post("/agents/A1/books/"+friday+"/export", url.Values{"answer": {"yes"}, "disclaimer": {"1"}}).want(http.StatusServiceUnavailable)
}
