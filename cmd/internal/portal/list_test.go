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

// TestList checks the content, the filters, and the order of the job aid's list.
func TestList(t *testing.T) {
	h := newTestPortal(t, append(history(),
		&events.HouseholdRecorded{CaseID: "5000000007", PrimaryContact: events.Contact{FirstName: "Álvaro", LastName: "Zúñiga", Phone: "4155550101"}},
		&events.DelegationCreated{Delegation: events.Delegation{CaseID: "5000000007", AgentID: "A1"}}))
	v := h.signIn("P-a1")
	a := v.get("/agents/A1/active").want(http.StatusOK,
		"Showing 1–3 of 3", "Household Case Coverage", "Phone 5555555555", "Email ca@example.com", "Address 12345 Main St, Sacramento CA 95838", "DOB 01/02", "SSN XXX-XX-7880",
		"Case ID 5000000001", "Current Status Enrolled", "Next Steps Report changes", "Kaiser Permanente · Silver 70 HMO · Silver Enrolled",
		"Account", "Household", "Eligibility", "Mark As Inactive", "View Enrollment Details",
		"Export Book of Business Includes all delegated consumers as of "+h.weekday+", ", "Filters don't apply.")
	hostile := hostileFirst + " " + hostileLast
	for sort, want := range map[string][]string{
		"":            {"Álvaro Zúñiga", "CAL TRAINING", hostile},
		"-first_name": {hostile, "CAL TRAINING", "Álvaro Zúñiga"},
		"last_name":   {hostile, "CAL TRAINING", "Álvaro Zúñiga"},
		"case_id":     {"CAL TRAINING", hostile, "Álvaro Zúñiga"},
	} {
		if got := v.get("/agents/A1/active?sort=" + sort).want(http.StatusOK).consumerNames(); !slices.Equal(got, want) {
			t.Errorf("sorted by %q: got %q, want %q", sort, got, want)
		}
	}
	v.get("/agents/A1/active?household_type=Covered+California").want(http.StatusOK, "Showing 1–2 of 2", "Filters (1 applied)", "Clear filters").wantNot("Álvaro")
	v.get("/agents/A1/active?status=Nowhere").want(http.StatusOK, "No consumers match your search and filters.", "Clear filters")
	v.get("/agents/A1/active?page=7").want(http.StatusOK, "This page of the list doesn't exist", "Go to the first page")
	for _, name := range []string{"application_year", "status", "next_steps", "household_type", "program", "carrier", "sort"} {
		if !strings.Contains(a.body, `name="`+name+`"`) {
			t.Errorf("the list has no field %s", name)
		}
	}
	// An agency's list shows the agent of each consumer.
	h.signIn("P-m").get("/agencies/G1/active").want(http.StatusOK, "Agent Ana One", "Agent Bo Two", "Agent Di Four")
	h.signIn("P-1").get("/agencies/G1/active").want(http.StatusOK, "Agent Bo Two").wantNot("Orla", "Mark As Inactive")
}

// TestSearch checks that search terms find consumers, stay in the session, and
// appear in no URL or log.
func TestSearch(t *testing.T) {
	h := newTestPortal(t, history())
	v := h.signIn("P-a1")
	for _, form := range []url.Values{{"q": {"jose"}}, {"name": {"josé"}}, {"case_id": {"5000000002"}}, {"q": {"o'brien 95838"}}} {
		form.Set("query", "?carrier=Kaiser+Permanente&page=3")
		v.postAndFollow("/agents/A1/active/search", form).want(http.StatusOK, "Showing 1–1 of 1", hostileFirst, "Clear search").wantPath("/agents/A1/active?carrier=Kaiser+Permanente")
	}
	v.get("/agents/A1/active?sort=case_id").want(http.StatusOK, "Showing 1–1 of 1")
	v.get("/agents/A1/inactive").want(http.StatusOK, "Ina Inactive").wantNot("Clear search")
	v.postAndFollow("/agents/A1/active/search", url.Values{"q": {"nobody-of-this-name"}}).want(http.StatusOK, "No consumers match your search and filters.", "“nobody-of-this-name”")
	v.postAndFollow("/agents/A1/active/search/clear", nil).want(http.StatusOK, "Showing 1–2 of 2").wantNot("nobody-of-this-name")
	for _, path := range v.paths {
		for _, typed := range []string{"jos", "brien", "95838", "q=", "name=", "case_id=", "nobody"} {
			if strings.Contains(strings.ToLower(path), typed) {
				t.Errorf("the URL %s contains the search", path)
			}
		}
	}
	for _, e := range h.log.All() {
		if strings.Contains(fmt.Sprint(e.Message, e.ContextMap()), "brien") {
			t.Errorf("the log contains the search: %s", e.Message)
		}
	}
	// The search does not affect other sessions.
	v.post("/agents/A1/active/search", url.Values{"q": {"jose"}})
	h.signIn("P-a1").get("/agents/A1/active").want(http.StatusOK, "Showing 1–2 of 2")
}

// TestListLimit checks that a list shows at most 2,000 consumers, in pages.
func TestListLimit(t *testing.T) {
	var history []events.Data
	for i := range 2120 {
		id := fmt.Sprint(6000000000 + i)
		history = append(history, &events.DelegationCreated{Delegation: events.Delegation{CaseID: id, AgentID: "A1"}})
	}
	h := newTestPortal(t, history)
	v := h.signIn("P-a1")
	a := v.get("/agents/A1/active").want(http.StatusOK, "Showing 1–50 of 2,120", "2,000 of 2,120 shown. Use the search and the filters to see the others.", "Page 40", "Next page")
	if n := len(a.consumerNames()); n != 50 {
		t.Errorf("got %d consumers on a page, want 50", n)
	}
	v.get("/agents/A1/active?page=40").want(http.StatusOK, "Showing 1,951–2,000 of 2,120", "Previous page").wantNot("Next page")
	v.get("/agents/A1/active?page=41").want(http.StatusOK, "This page of the list doesn't exist", "40 pages")
	v.postAndFollow("/agents/A1/active/search", url.Values{"case_id": {"6000002119"}}).want(http.StatusOK, "Showing 1–1 of 1").wantNot("2,000 of")
}
