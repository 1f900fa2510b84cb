package portal_test

import (
	"crypto/sha256"
	"fmt"
	"net/url"
	"strings"
	"testing"

	"bookledger/cmd/internal/fixture"
	"bookledger/events"
)

// TestExplain checks the explanation of a case, and that typed values appear in the
// URL only if they identify a case.
func TestExplain(t *testing.T) {
	h := newTestPortal(t, history())
	h.Publish(&events.DelegationTransferred{CaseID: "5000000001", FromAgentID: "A1", ToAgentID: "A2"})
	v := h.signIn("P-x")
	v.get("/").want(200, "Explain a case", "Compare books", "Downloads")
	v.get("/audit/cases/5000000001").want(200, "7 events", "Household recorded", "consumer.household_recorded.v1", "Transferred", "Live list", "Book of ").
		wantNot("CAL", "TRAINING", "7880", "Relation to agent")
	v.get("/audit/cases/5000000001?agent=A2").want(200, "1 event.", "not delegated → active")
	v.get("/audit/cases/5000000001?agent=A2&friday=latest").want(200, "The case has no rows in this book: another agent holds the case")
	v.get("/audit/cases/5000000001?friday=latest").want(200, "6 events, up to the Friday cutoff", "The case has 1 row in this book.")
	v.postAndFollow("/audit/cases", url.Values{"case": {" 5000000001 "}, "agent": {"A1"}, "friday": {h.latestFriday()}}).want(200, "Agent A1", "In the book of")
	for _, form := range []url.Values{{"case": {"Núñez"}}, {"case": {"Nunez"}}, {"case": {"5000000001"}, "agent": {"Nunez"}}, {}} {
		v.post("/audit/cases", form).wantRedirect("/audit/cases")
		v.get("/audit/cases").want(200, "with this ID. Check the ID")
	}
	v.get("/audit/cases/5000009999").want(404, "The ledger has no events about a case with this ID.")
	v.get("/audit/cases/5000000001?agent=%3Cx%3E").want(404, "The ledger has no agent with this ID.")
	v.get("/audit/cases/5000000001?friday=2026-01-01").want(404)
	v.get("/audit/cases/5000000001?page=2").want(200, "This page of the list doesn't exist.")
	v.get("/audit/cases/5000000001?page=x").want(400)
}

// TestExplainPages checks that a case with many events has several pages.
func TestExplainPages(t *testing.T) {
	h := newTestPortal(t, history())
	for i := range 120 {
		h.Publish(&events.HouseholdRecorded{CaseID: "5000000001", PrimaryContact: events.Contact{FirstName: fmt.Sprint("n", i)}})
	}
	v := h.signIn("P-x")
	v.get("/audit/cases/5000000001?agent=A1").want(200, "1 event.")
	v.get("/audit/cases/5000000001").want(200, "Showing 1–100 of 126 events", "None: replaced by record").checkPage()
	v.get("/audit/cases/5000000001?page=2").want(200, "Showing 101–126 of 126 events", "Live list")
}

// TestCompare checks the comparison of two books.
func TestCompare(t *testing.T) {
	h := newTestPortal(t, history())
	v := h.signIn("P-x")
	v.get("/agents/A1/books").want(200, "Compare books from two Fridays")
	h.signIn("P-a1").get("/agents/A1/books").want(200).wantNot("Compare")
	v.postAndFollow("/audit/books", url.Values{"kind": {"agent"}, "id": {"A1"}}).want(200, "The two books have the same rows.").checkPage()
	v.postAndFollow("/audit/books", url.Values{"kind": {"agency"}, "id": {"G1"}}).want(200, "Delta Insurance", "The two books have the same rows.")
	v.postAndFollow("/audit/books", url.Values{"kind": {"agency"}, "id": {"Nunez"}}).want(200, "No agent or agency with this ID, or you don't have access")
	friday := h.latestFriday()
	v.get("/agents/A1/differences?from="+friday+"&to="+friday).want(400, "from must be a Friday before")
	v.get("/agents/A1/differences?from=2026-01-01").want(404)
	v.get("/agents/A9/differences").want(404)
}

// TestFindFileByHash checks that a file is found by its hash in any output format.
func TestFindFileByHash(t *testing.T) {
	h := newTestPortal(t, history())
	v, a := h.signIn("P-x"), h.signIn("P-a1")
	v.get("/audit/downloads").want(200, "No books have been requested.")
	a.post("/agents/A1/books/latest/export", url.Values{"disclaimer": {"1"}, "answer": {"no"}})
	file := a.post("/agents/A1/books/latest/export", url.Values{"disclaimer": {"1"}, "answer": {"yes"}})
	file.wantBook("5000000001", "5000000002", "5000000003")
	hash := fmt.Sprintf("%x", sha256.Sum256([]byte(file.body)))
	fixture.Eventually(h.t, "the trail contains the export", func() bool { return len(h.exportSteps()) == 3 })
	v.get("/audit/downloads").want(200, "made", "declined", hash, "Yes (version 1)", "P-a1").checkPage()
	for _, pasted := range []string{hash, " " + strings.ToUpper(hash) + "\n", hash + "  found.xlsx", "SHA256 (found.xlsx) = " + hash, "Algorithm : SHA256\nHash : " + hash + "\nPath : C:\\found.xlsx", spacedHex(hash)} {
		v.postAndFollow("/audit/downloads", url.Values{"sha256": {pasted}}).want(200, "This file is in the export trail.", "P-a1", "Agent").wantNot("declined").checkPage()
	}
	v.postAndFollow("/audit/downloads", url.Values{"sha256": {strings.Repeat("0", 64)}}).want(200, "No download matches this file.")
	for _, pasted := range []string{"", "José Núñez", hash[1:], hash + "0"} {
		v.post("/audit/downloads", url.Values{"sha256": {pasted}}).wantRedirect("/audit/downloads")
		v.get("/audit/downloads").want(200, "contains no SHA-256")
	}
	v.get("/audit/downloads?sha256=x").want(400)
	for path, newest := range map[string]string{"before=1": "", "sha256=" + hash + "&before=1": "?sha256=" + hash} {
		for _, link := range v.get("/audit/downloads?"+path).want(200, "Newest").elements("a") {
			if to := attr(link, "href"); textOf(link) == "Newest" && to != "/audit/downloads"+newest {
				t.Errorf("the link Newest leads to %q", to)
			}
		}
	}
}

// spacedHex returns a hash in pairs of digits.
func spacedHex(hash string) string {
	var b strings.Builder
	for i := 0; i < len(hash); i += 2 {
		b.WriteString(hash[i:i+2] + " ")
	}
	return b.String()
}

// TestAuditPagesAreForAuditorsOnly checks that the auditors' pages and forms do not
// exist for anyone else.
func TestAuditPagesAreForAuditorsOnly(t *testing.T) {
	h := newTestPortal(t, history())
	for _, person := range []string{"P-a1", "P-m", "P-1", "P-2", "P-o", "P-n"} {
		v := h.signIn(person)
		for path, form := range map[string]url.Values{
			"/audit/cases":     {"case": {"5000000001"}},
			"/audit/books":     {"kind": {"agent"}, "id": {"A1"}},
			"/audit/downloads": {"sha256": {strings.Repeat("0", 64)}},
		} {
			v.post(path, form).want(404)
		}
		for _, path := range []string{"/audit/cases", "/audit/cases/5000000001?page=x", "/audit/books", "/agents/A1/differences?page=x", "/agencies/G1/differences?page=x", "/audit/downloads?before=x"} {
			v.get(path).want(404)
		}
		v.get("/").want(200).wantNot("Audit", "Explain a case")
	}
}
