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

// TestExplain holds what the explanation of a case says, and that what is typed
// comes into no address unless it is a case.
func TestExplain(t *testing.T) {
	h := build(t, past())
	h.Publish(&events.DelegationTransferred{CaseID: "5000000001", FromAgentID: "A1", ToAgentID: "A2"})
	v := h.signIn("P-x")
	v.get("/").want(200, "Explain a case", "Compare books", "Downloads")
	v.get("/audit/cases/5000000001").want(200, "7 events", "Household recorded", "consumer.household_recorded.v1", "Transferred", "Live list", "Book of ").
		lacks("CAL", "TRAINING", "7880", "For the agent")
	v.get("/audit/cases/5000000001?agent=A2").want(200, "1 event.", "not theirs → active")
	v.get("/audit/cases/5000000001?agent=A2&friday=latest").want(200, "The case stands in no row of it: another agent holds the case")
	v.get("/audit/cases/5000000001?friday=latest").want(200, "6 events, up to that Friday", "The case stands in it in 1 row")
	v.follow("/audit/cases", url.Values{"case": {" 5000000001 "}, "agent": {"A1"}, "friday": {h.friday()}}).want(200, "for agent A1", "In the book of")
	for _, form := range []url.Values{{"case": {"Núñez"}}, {"case": {"Nunez"}}, {"case": {"5000000001"}, "agent": {"Nunez"}}, {}} {
		v.post("/audit/cases", form).leadsTo("/audit/cases")
		v.get("/audit/cases").want(200, "of this id. Check the id")
	}
	v.get("/audit/cases/5000009999").want(404, "The ledger has no events about a case with this ID.")
	v.get("/audit/cases/5000000001?agent=%3Cx%3E").want(404, "The ledger has no agent with this ID.")
	v.get("/audit/cases/5000000001?friday=2026-01-01").want(404)
	v.get("/audit/cases/5000000001?page=2").want(200, "There is no such page.")
	v.get("/audit/cases/5000000001?page=x").want(400)
}

// TestManyEvents holds the pages of a case about which there is much.
func TestManyEvents(t *testing.T) {
	h := build(t, past())
	for i := range 120 {
		h.Publish(&events.HouseholdRecorded{CaseID: "5000000001", PrimaryContact: events.Contact{FirstName: fmt.Sprint("n", i)}})
	}
	v := h.signIn("P-x")
	v.get("/audit/cases/5000000001?agent=A1").want(200, "1 event.")
	v.get("/audit/cases/5000000001").want(200, "Showing 1–100 of 126 events", "Nowhere: replaced by").isWhole()
	v.get("/audit/cases/5000000001?page=2").want(200, "Showing 101–126 of 126 events", "Live list")
}

// TestCompare holds what the comparison of two books says.
func TestCompare(t *testing.T) {
	h := build(t, past())
	v := h.signIn("P-x")
	v.get("/agents/A1/books").want(200, "Compare the books of two Fridays")
	h.signIn("P-a1").get("/agents/A1/books").want(200).lacks("Compare")
	v.follow("/audit/books", url.Values{"kind": {"agent"}, "id": {"A1"}}).want(200, "The two books hold the same rows.").isWhole()
	v.follow("/audit/books", url.Values{"kind": {"agency"}, "id": {"G1"}}).want(200, "Delta Insurance", "The two books hold the same rows.")
	v.follow("/audit/books", url.Values{"kind": {"agency"}, "id": {"Nunez"}}).want(200, "No agent or agency of this id")
	friday := h.friday()
	v.get("/agents/A1/differences?from="+friday+"&to="+friday).want(400, "from must be a Friday before")
	v.get("/agents/A1/differences?from=2026-01-01").want(404)
	v.get("/agents/A9/differences").want(404)
}

// TestFoundFile holds that a file is known by its hash, however that is pasted.
func TestFoundFile(t *testing.T) {
	h := build(t, past())
	v, a := h.signIn("P-x"), h.signIn("P-a1")
	v.get("/audit/downloads").want(200, "No book has been asked for.")
	a.post("/agents/A1/books/latest/export", url.Values{"disclaimer": {"1"}, "answer": {"no"}})
	file := a.post("/agents/A1/books/latest/export", url.Values{"disclaimer": {"1"}, "answer": {"yes"}})
	file.isBook("5000000001", "5000000002", "5000000003")
	hash := fmt.Sprintf("%x", sha256.Sum256([]byte(file.body)))
	fixture.Eventually(h.t, "the trail shows it", func() bool { return len(h.trail()) == 3 })
	v.get("/audit/downloads").want(200, "made", "declined", hash, "Yes to version 1", "P-a1").isWhole()
	for _, pasted := range []string{hash, " " + strings.ToUpper(hash) + "\n", hash + "  found.xlsx", "SHA256 (found.xlsx) = " + hash, "Algorithm : SHA256\nHash : " + hash + "\nPath : C:\\found.xlsx", spaced(hash)} {
		v.follow("/audit/downloads", url.Values{"sha256": {pasted}}).want(200, "The file is on record.", "P-a1", "Agent").lacks("declined").isWhole()
	}
	v.follow("/audit/downloads", url.Values{"sha256": {strings.Repeat("0", 64)}}).want(200, "The trail does not know this file.")
	for _, pasted := range []string{"", "José Núñez", hash[1:], hash + "0"} {
		v.post("/audit/downloads", url.Values{"sha256": {pasted}}).leadsTo("/audit/downloads")
		v.get("/audit/downloads").want(200, "No SHA-256 was found")
	}
	v.get("/audit/downloads?sha256=x").want(400)
	for path, newest := range map[string]string{"before=1": "", "sha256=" + hash + "&before=1": "?sha256=" + hash} {
		for _, link := range v.get("/audit/downloads?"+path).want(200, "Newest").all("a") {
			if to := attr(link, "href"); said(link) == "Newest" && to != "/audit/downloads"+newest {
				t.Errorf("the newest downloads are at %q", to)
			}
		}
	}
}

// spaced is a hash in pairs of digits.
func spaced(hash string) string {
	var b strings.Builder
	for i := 0; i < len(hash); i += 2 {
		b.WriteString(hash[i:i+2] + " ")
	}
	return b.String()
}

// TestAuditorsAlone holds that forms of the auditors' pages answer nobody else,
// as if they were not there.
func TestAuditorsAlone(t *testing.T) {
	h := build(t, past())
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
		v.get("/").want(200).lacks("Audit", "Explain a case")
	}
}
