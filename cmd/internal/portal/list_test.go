package portal_test

import (
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"

	"bookledger/events"
)

// TestList holds what the job aid's list shows, its filters and its sorting.
func TestList(t *testing.T) {
	h := build(t, append(past(),
		&events.HouseholdRecorded{CaseID: "5000000007", PrimaryContact: events.Contact{FirstName: "Álvaro", LastName: "Zúñiga", Phone: "4155550101"}},
		&events.DelegationCreated{Delegation: events.Delegation{CaseID: "5000000007", AgentID: "A1"}}))
	v := h.signIn("P-a1")
	a := v.get("/agents/A1/active").want(http.StatusOK,
		"Showing 1–3 of 3", "Household Case Coverage", "Phone 5555555555", "Email ca@example.com", "Address 12345 Main St, Sacramento CA 95838", "DOB 01/02", "SSN XXX-XX-7880",
		"Case ID 5000000001", "Current Status Enrolled", "Next Steps Report changes", "Kaiser Permanente · Silver 70 HMO · Silver Enrolled",
		"Account", "Household", "Eligibility", "Mark As Inactive", "View Enrollment Details",
		"Export Book of Business It holds all delegated consumers, whatever the filters show, as of "+h.weekday+", ")
	hostile := hostileFirst + " " + hostileLast
	for sort, want := range map[string][]string{
		"":            {"Álvaro Zúñiga", "CAL TRAINING", hostile},
		"-first_name": {hostile, "CAL TRAINING", "Álvaro Zúñiga"},
		"last_name":   {hostile, "CAL TRAINING", "Álvaro Zúñiga"},
		"case_id":     {"CAL TRAINING", hostile, "Álvaro Zúñiga"},
	} {
		if got := v.get("/agents/A1/active?sort=" + sort).want(http.StatusOK).names(); !slices.Equal(got, want) {
			t.Errorf("sorted by %q the list is %q, want %q", sort, got, want)
		}
	}
	v.get("/agents/A1/active?household_type=Covered+California").want(http.StatusOK, "Showing 1–2 of 2", "Filters (1 set)", "Clear the filters").lacks("Álvaro")
	v.get("/agents/A1/active?status=Nowhere").want(http.StatusOK, "No consumer matches", "Of 3 consumers in this list", "Clear the filters")
	v.get("/agents/A1/active?page=7").want(http.StatusOK, "There is no such page", "Go to the first page")
	for _, name := range []string{"application_year", "status", "next_steps", "household_type", "program", "carrier", "sort"} {
		if !strings.Contains(a.body, `name="`+name+`"`) {
			t.Errorf("there is no choice of %s", name)
		}
	}
	// An agency's list says whose each consumer is.
	h.signIn("P-m").get("/agencies/G1/active").want(http.StatusOK, "Agent Ana One", "Agent Bo Two", "Agent Di Four")
	h.signIn("P-1").get("/agencies/G1/active").want(http.StatusOK, "Agent Bo Two").lacks("Orla", "Mark As Inactive")
}

// TestSearch holds that a typed search finds, is kept, and stands in no URL.
func TestSearch(t *testing.T) {
	h := build(t, past())
	v := h.signIn("P-a1")
	for _, form := range []url.Values{{"q": {"jose"}}, {"name": {"josé"}}, {"case_id": {"5000000002"}}, {"q": {"o'brien 95838"}}} {
		form.Set("query", "?carrier=Kaiser+Permanente&page=3")
		v.follow("/agents/A1/active/search", form).want(http.StatusOK, "Showing 1–1 of 1", hostileFirst, "Clear the search").isAt("/agents/A1/active?carrier=Kaiser+Permanente")
	}
	v.get("/agents/A1/active?sort=case_id").want(http.StatusOK, "Showing 1–1 of 1")
	v.get("/agents/A1/inactive").want(http.StatusOK, "Ina Inactive").lacks("Clear the search")
	v.follow("/agents/A1/active/search", url.Values{"q": {"nobody-of-this-name"}}).want(http.StatusOK, "No consumer matches", "“nobody-of-this-name”")
	v.follow("/agents/A1/active/search/clear", nil).want(http.StatusOK, "Showing 1–2 of 2").lacks("nobody-of-this-name")
	for _, path := range v.seen {
		for _, typed := range []string{"jos", "brien", "95838", "q=", "name=", "case_id=", "nobody"} {
			if strings.Contains(strings.ToLower(path), typed) {
				t.Errorf("the URL %s holds what was typed", path)
			}
		}
	}
	for _, e := range h.log.All() {
		if strings.Contains(fmt.Sprint(e.Message, e.ContextMap()), "brien") {
			t.Errorf("the log holds what was typed: %s", e.Message)
		}
	}
	// Another's session knows nothing of it.
	v.post("/agents/A1/active/search", url.Values{"q": {"jose"}})
	h.signIn("P-a1").get("/agents/A1/active").want(http.StatusOK, "Showing 1–2 of 2")
}

// TestCap holds that 2,000 of more are listed, in pages.
func TestCap(t *testing.T) {
	var past []events.Data
	for i := range 2120 {
		id := fmt.Sprint(6000000000 + i)
		past = append(past, &events.DelegationCreated{Delegation: events.Delegation{CaseID: id, AgentID: "A1"}})
	}
	h := build(t, past)
	v := h.signIn("P-a1")
	a := v.get("/agents/A1/active").want(http.StatusOK, "Showing 1–50 of 2,120", "2,000 of 2,120 shown: use the filters to see the others.", "Page 40", "Next page")
	if n := len(a.names()); n != 50 {
		t.Errorf("a page has %d consumers", n)
	}
	v.get("/agents/A1/active?page=40").want(http.StatusOK, "Showing 1,951–2,000 of 2,120", "Previous page").lacks("Next page")
	v.get("/agents/A1/active?page=41").want(http.StatusOK, "There is no such page", "40 pages")
	v.follow("/agents/A1/active/search", url.Values{"case_id": {"6000002119"}}).want(http.StatusOK, "Showing 1–1 of 1").lacks("2,000 of")
}
