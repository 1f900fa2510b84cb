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

// hostile is what somebody could have written into a name.
const (
	hostileFirst = `José "O'Brien"`
	hostileLast  = `<script>alert('x')</script> 😀`
)

// past is what most houses hold.
func past() (all []events.Data) {
	all = append(all, fixture.Consumer("A1", "5000000001", "CAL", "TRAINING")...)
	all = append(all, fixture.Consumer("A1", "5000000002", hostileFirst, hostileLast)...)
	all = append(all, fixture.Consumer("A1", "5000000003", "Ina", "Inactive")...)
	all = append(all, &events.DelegationMarkedInactive{Delegation: events.Delegation{CaseID: "5000000003", AgentID: "A1"}})
	all = append(all, fixture.Consumer("A2", "5000000004", "Pat", "Pending")...)
	all = append(all, &events.DelegationRequested{Delegation: events.Delegation{CaseID: "5000000004", AgentID: "A1"}})
	all = append(all, fixture.Consumer("A3", "5000000005", "Olive", "Other")...)
	return append(all, fixture.Consumer("A4", "5000000006", "Orla", "Orphaned")...)
}

// friday is the current book's, as a path names it.
func (h *house) friday() string {
	h.t.Helper()
	found := regexp.MustCompile(`/books/(\d{4}-\d\d-\d\d)/export`).FindStringSubmatch(h.signIn("P-a1").get("/agents/A1/books").want(200).body)
	if found == nil {
		h.t.Fatal("there is no book")
	}
	return found[1]
}

// TestPages holds that every page answers those for whom it is there, and
// nobody else, and that it is whole: a language, one heading of the first
// level, landmarks, names of all fields, and nothing in it that the content
// security policy forbids.
func TestPages(t *testing.T) {
	h := build(t, past())
	friday := h.friday()
	staff := []string{"P-m", "P-1", "P-2", "P-x"}
	all := map[string][]string{
		"/":                    {"P-a1", "P-a3", "P-m", "P-1", "P-2", "P-x", "P-o", "P-n"},
		"/ledger":              {"P-x", "P-o"},
		"/agencies/G1/agents":  staff,
		"/agencies/G1/books":   staff,
		"/agencies/G1/active":  staff,
		"/agencies/G1/pending": staff, "/agencies/G1/inactive": staff,
		"/agencies/G1/cases/5000000001":                  {"P-m", "P-1", "P-2", "P-x"},
		"/agencies/G1/books/" + friday + "/export":       {"P-m", "P-2", "P-x"}, // it holds consumers of A4, who is not certified
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
				a.want(http.StatusOK).isWhole()
			} else if a.isWhole(); a.status != http.StatusNotFound && a.status != http.StatusForbidden {
				t.Errorf("%s may look at %s: %d", person.ID, path, a.status)
			}
		}
	}
	h.stranger().get("/sign-in").want(http.StatusOK, "Sign in").isWhole()
	h.stranger().get("/signed-out").want(http.StatusOK, "Signed out").isWhole()
	h.stranger().get("/no/such/page").want(http.StatusNotFound, "There is no page at this address.").isWhole()
}

var title = regexp.MustCompile(`^[^<]+ · Book of Business$`)

// isWhole holds what is true of every page.
func (a *answer) isWhole() {
	a.t.Helper()
	if got := a.header.Get("Content-Type"); got != "text/html; charset=utf-8" {
		a.t.Errorf("%s is %q", a.path, got)
	}
	if got := a.header.Get("Cache-Control"); got != "no-store" {
		a.t.Errorf("%s: Cache-Control %q", a.path, got)
	}
	if got := said(a.all("title")[0]); !title.MatchString(got) {
		a.t.Errorf("%s has the title %q", a.path, got)
	}
	for name, want := range map[string]int{"h1": 1, "main": 1, "header": 1, "footer": 1} {
		if got := len(a.all(name)); got != want {
			a.t.Errorf("%s has %d %s, want %d", a.path, got, name, want)
		}
	}
	if attr(a.all("html")[0], "lang") != "en" {
		a.t.Errorf("%s has no language", a.path)
	}
	ids, labels := map[string]bool{}, map[string]bool{}
	for n := range a.page().Descendants() {
		if n.Type != html.ElementNode {
			continue
		}
		if id := attr(n, "id"); id != "" {
			if ids[id] {
				a.t.Errorf("%s has the id %s twice", a.path, id)
			}
			ids[id] = true
		}
		if n.Data == "label" {
			labels[attr(n, "for")] = true
		}
		if hasAttr(n, "style") || n.Data == "style" || n.Data == "script" && attr(n, "src") == "" {
			a.t.Errorf("%s has a style or script in it: %s", a.path, n.Data)
		}
		for _, at := range n.Attr {
			if strings.HasPrefix(at.Key, "on") {
				a.t.Errorf("%s has the handler %s", a.path, at.Key)
			}
		}
	}
	for n := range a.page().Descendants() {
		field := n.Data == "select" || n.Data == "input" && attr(n, "type") != "hidden"
		if n.Type == html.ElementNode && field && !labels[attr(n, "id")] {
			a.t.Errorf("%s: the field %s has no label", a.path, attr(n, "name"))
		}
	}
}

// TestEscaped holds that what others have written is shown as text, wherever
// it stands.
func TestEscaped(t *testing.T) {
	h := build(t, past())
	v := h.signIn("P-a1")
	m := h.signIn("P-m")
	name := hostileFirst + " " + hostileLast
	file := "/agents/A1/cases/5000000002"
	pages := []*answer{
		v.get("/agents/A1/active"), v.get(file), v.get(file + "/household"), v.get(file + "/eligibility"), v.get(file + "/enrollment"),
		m.get("/agencies/G1/active"), m.get("/agencies/G1/transfer?from=A1"),
		v.follow(file+"/mark-inactive", url.Values{}), v.get("/agents/A1/inactive"),
	}
	for _, a := range pages {
		a.want(http.StatusOK, name)
		for _, script := range a.all("script") {
			if said(script) != "" {
				t.Errorf("%s runs %q", a.path, said(script))
			}
		}
		if strings.Contains(said(a.all("title")[0]), "José") {
			t.Errorf("%s names the consumer in its title", a.path)
		}
	}
	typed := v.follow("/agents/A1/active/search", url.Values{"q": {`"><img src=x>`}}).want(http.StatusOK, `"><img src=x>`)
	if len(typed.all("img")) > 0 {
		t.Error("a typed search makes an image")
	}
}

// TestHome holds what the home page says of the consumers and the books.
func TestHome(t *testing.T) {
	h := build(t, past())
	h.signIn("P-a1").get("/").want(http.StatusOK, "Covered California 2 (100%)", "2 active consumers", "1 inactive", "Answer the request",
		"The current book is that of "+h.weekday+", ", "cut off at 9:00 p.m. P", "The next book comes on "+h.weekday+", ", "by midnight.")
	h.signIn("P-m").get("/").want(http.StatusOK, "Delta Insurance", "Your role: Manager", "4 active consumers", "Agents and transfers")
	h.signIn("P-n").get("/").want(http.StatusOK, "You are signed in, but have no place in the ledger", "P-n")
	h.signIn("P-x").get("/").want(http.StatusOK, "Figures, Fridays, rejections and exports")
	// Who is both sees both.
	h.Publish(&events.StaffAssigned{Staff: events.Staff{PersonID: "P-a1", AgencyID: "G2", Role: "admin_l1"}})
	h.signIn("P-a1").get("/").want(http.StatusOK, "Ana One", "Sierra Insurance", "Admin staff, level 1")
}

// TestEmpty holds that every empty state says what it means.
func TestEmpty(t *testing.T) {
	h := build(t, nil)
	v := h.signIn("P-a1")
	v.get("/agents/A1/active").want(http.StatusOK, "No active consumers yet", "See whether requests are pending", "No Book of Business yet.", "The first one comes on "+h.weekday+", ")
	v.get("/agents/A1/pending").want(http.StatusOK, "No requests are pending")
	v.get("/agents/A1/inactive").want(http.StatusOK, "No inactive consumers")
	v.get("/agents/A1/books").want(http.StatusOK, "No book yet", "The first one comes on "+h.weekday+", ")
	v.get("/").want(http.StatusOK, "There is no book yet", "No consumer is delegated to you as active yet")
	v.get("/agents/A1/books/latest/export").want(http.StatusNotFound, "Book not available", "cutoff has passed", "Choose one of the Fridays")
	m := h.signIn("P-m")
	m.get("/agencies/G1/transfer?from=A1").want(http.StatusOK, "Ana One has no active consumers.")
	m.get("/agencies/G1/transfer/outcome").want(http.StatusOK, "No transfer to show")
	x := h.signIn("P-x")
	x.get("/agents/A1/differences").want(http.StatusOK, "There are no two books yet").isWhole()
	x.get("/ledger").want(http.StatusOK, "No Friday’s cutoff has passed yet.", "No record has been rejected.", "No book has been asked for.")
	h.Publish(&events.DelegationCreated{Delegation: events.Delegation{CaseID: "bare", AgentID: "A1"}})
	v.get("/agents/A1/active").want(http.StatusOK, "Case bare", "Phone Not provided", "Next Steps None", "No coverage recorded")
	v.get("/agents/A1/cases/bare/household").want(http.StatusOK, "No members are listed")
	v.get("/agents/A1/cases/bare/eligibility").want(http.StatusOK, "Nothing is determined yet")
	v.get("/agents/A1/cases/bare/enrollment").want(http.StatusOK, "No enrollment yet")
}

// TestMethods holds that a known path answers other methods with 405 and the
// ones that it has, and that forms are forms.
func TestMethods(t *testing.T) {
	h := build(t, past())
	v := h.signIn("P-a1")
	for path, allow := range map[string]string{
		"/": "GET, HEAD", "/sign-out": "POST", "/agents/A1/active": "GET, HEAD", "/agents/A1/active/search": "POST",
		"/agents/A1/cases/5000000001/mark-inactive": "POST", "/agents/A1/books/latest/export": "GET, HEAD, POST", "/ledger": "GET, HEAD",
	} {
		a := v.do(http.MethodPut, path, nil, nil).want(http.StatusMethodNotAllowed)
		if got := a.header.Get("Allow"); got != allow {
			t.Errorf("%s allows %q, want %q", path, got, allow)
		}
	}
	v.get("/agents/A1/active/search").want(http.StatusMethodNotAllowed)
	v.post("/agents/A1/active", nil).want(http.StatusMethodNotAllowed)
	const search = "/agents/A1/active/search"
	v.do(http.MethodPost, search, strings.NewReader(`{"q":"x"}`), http.Header{"Content-Type": {"application/json"}}).want(http.StatusUnsupportedMediaType)
	v.post(search, url.Values{"q": {strings.Repeat("x", 2<<20)}}).want(http.StatusRequestEntityTooLarge)
	v.post(search, url.Values{"q": {strings.Repeat("x", 2000)}}).want(http.StatusBadRequest, "In: q")
	v.post("/agents/A1/books/latest/export", url.Values{"answer": {strings.Repeat("x", 65<<10)}}).want(http.StatusRequestEntityTooLarge)
	v.get("/agents/A1/active?colour=blue").want(http.StatusBadRequest, "In: colour")
	v.get("/agents/A1/active?q=jose").want(http.StatusBadRequest, "In: q")
	v.get("/agents/A1/active?sort=age").want(http.StatusBadRequest, "In: sort")
	v.get("/agents/A1/active?page=0").want(http.StatusBadRequest, "In: page")
}

// TestAssets holds that files can be kept for good, under a name that changes
// with what they hold.
func TestAssets(t *testing.T) {
	h := build(t, past())
	v := h.stranger()
	a := v.get("/sign-in")
	for _, link := range append(a.all("link"), a.all("script")...) {
		path := attr(link, "href") + attr(link, "src")
		f := v.get(path)
		if f.status != http.StatusOK || f.body == "" {
			t.Errorf("%s: %d", path, f.status)
		}
		if got := f.header.Get("Cache-Control"); got != "public, max-age=31536000, immutable" {
			t.Errorf("%s: Cache-Control %q", path, got)
		}
	}
	v.get("/assets/portal.css").want(http.StatusNotFound)
}

// TestStale holds that a list of which the journal does not answer is still
// shown with its age, and that nothing can be done or exported.
func TestStale(t *testing.T) {
	h := build(t, past())
	v, friday := h.signIn("P-a1"), h.friday()
	v.get("/agents/A1/active").want(http.StatusOK).lacks("This is not up to date")
	h.cut()
	h.clock.Move(time.Minute)
	v.get("/agents/A1/active").want(http.StatusOK, "This is not up to date", "CAL TRAINING", "the ledger’s journal has not answered for ", "It is as of ")
	for _, path := range []string{"/", "/agents/A1/books", "/agents/A1/cases/5000000001"} {
		v.get(path).want(http.StatusOK, "This is not up to date")
	}
	a := v.post("/agents/A1/cases/5000000001/mark-inactive", nil).want(http.StatusServiceUnavailable, "Nothing was changed")
	if a.header.Get("Retry-After") == "" {
		t.Error("it does not say when to try again")
	}
	v.post("/agents/A1/books/"+friday+"/export", url.Values{"answer": {"yes"}, "disclaimer": {"1"}}).want(http.StatusServiceUnavailable)
}
