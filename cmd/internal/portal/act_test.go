package portal_test

import (
	"net/http"
	"net/url"
	"testing"

	"golang.org/x/net/html"

	"bookledger/cmd/internal/fixture"
	"bookledger/events"
)

// message returns the page's message, which has the focus.
func (a *response) message(role string) *html.Node {
	a.t.Helper()
	for _, n := range a.elements("div") {
		if attr(n, "role") == role && hasAttr(n, "autofocus") {
			return n
		}
	}
	a.t.Fatalf("%s has no message with role %s: %s", a.path, role, a.text())
	return nil
}

// TestActionReturnsToFilteredList checks the effect of each action, its message,
// and that it returns to the list with its filters.
func TestActionReturnsToFilteredList(t *testing.T) {
	h := newTestPortal(t, history())
	v := h.signIn("P-a1")
	back := url.Values{"list": {"active"}, "query": {"?sort=case_id"}}
	a := v.postAndFollow("/agents/A1/cases/5000000001/mark-inactive", back).want(http.StatusOK).wantNot("Case ID 5000000001").wantPath("/agents/A1/active?sort=case_id")
	m := a.message("status")
	if got, want := textOf(m), "CAL TRAINING (case 5000000001) was marked as inactive and is still delegated. You can find the consumer under Inactive Consumers. Undo"; got != want {
		t.Errorf("got the message %q, want %q", got, want)
	}
	v.get("/agents/A1/active").want(http.StatusOK).wantNot("was marked as inactive")
	v.get("/agents/A1/inactive").want(http.StatusOK, "CAL TRAINING", "Reactivate")
	// The message has an undo button.
	for n := range m.Descendants() {
		if n.Data == "form" {
			v.postAndFollow(attr(n, "action"), back).want(http.StatusOK, "CAL TRAINING (case 5000000001) is active again.", "Case ID 5000000001").wantPath("/agents/A1/active?sort=case_id")
		}
	}
	v.get("/agents/A1/cases/5000000004").want(http.StatusOK, "Request pending", "Requested on", "Accept request").checkPage()
	v.get("/agents/A1/cases/5000000004/decline").want(http.StatusOK, "Pat Pending", "asked Ana One to be their agent.", "This can't be undone. The consumer would have to send a new request.")
	v.postAndFollow("/agents/A1/cases/5000000004/accept", url.Values{"list": {"pending"}}).want(http.StatusOK, "The request from Pat Pending (case 5000000004) was accepted.", "No pending requests")
	v.get("/agents/A1/active").want(http.StatusOK, "Pat Pending")
	v.get("/agents/A1/cases/5000000004").want(http.StatusOK, "Request accepted", "Agent P-a1", "Requested by the consumer")
	h.Publish(&events.DelegationRequested{Delegation: events.Delegation{CaseID: "5000000005", AgentID: "A2"}})
	manager := h.signIn("P-m")
	manager.get("/agencies/G1/pending").want(http.StatusOK, "Olive Other", "Agent Bo Two")
	manager.get("/agents/A2/cases/5000000005/decline?agency=G1").want(http.StatusOK, "asked Bo Two to be their agent.")
	manager.postAndFollow("/agents/A2/cases/5000000005/decline", url.Values{"agency": {"G1"}}).wantPath("/agencies/G1/pending")
	h.Publish(&events.DelegationRequested{Delegation: events.Delegation{CaseID: "5000000005", AgentID: "A2"}})
	manager.postAndFollow("/agencies/G1/cases/5000000005/decline", nil).want(http.StatusOK, "The request from Olive Other (case 5000000005) was declined.")
}

// TestConflictShowsUnchangedList checks that a rejected action shows the reason on
// the list and changes nothing.
func TestConflictShowsUnchangedList(t *testing.T) {
	h := newTestPortal(t, history())
	v := h.signIn("P-a1")
	for _, c := range []struct{ path, list, reason, shows string }{
		{"5000000003/mark-inactive", "active", "The consumer is already inactive.", "Showing 1–2 of 2"},
		{"5000000001/reactivate", "inactive", "The consumer is already active.", "Ina Inactive"},
		{"5000000001/accept", "pending", "request is no longer pending", "Pat Pending"},
		{"5000000004/mark-inactive", "pending", "The consumer is delegated to another agent", "Pat Pending"},
	} {
		a := v.post("/agents/A1/cases/"+c.path, url.Values{"list": {c.list}}).want(http.StatusConflict, c.reason, c.shows)
		a.checkPage()
		a.message("alert")
	}
	v.get("/agents/A1/cases/5000000001/decline").want(http.StatusConflict, "request is no longer pending")
}

// TestOtherAgentsDataIsNotFound checks that other agents' data looks as if it did
// not exist, and that people with read access cannot act.
func TestOtherAgentsDataIsNotFound(t *testing.T) {
	h := newTestPortal(t, history())
	other := h.signIn("P-a3")
	for _, path := range []string{
		"/agents/A1/active", "/agents/A3/cases/5000000001", "/agents/A3/cases/5000000001/household", "/agencies/G2/agents", "/agents/none/active",
	} {
		other.get(path).want(http.StatusNotFound).checkPage()
	}
	for _, path := range []string{"/agents/A1/cases/5000000001/mark-inactive", "/agents/A3/cases/5000000001/mark-inactive", "/agencies/G1/cases/5000000001/mark-inactive", "/agents/A1/active/search"} {
		if a := other.post(path, nil); a.status != http.StatusNotFound && a.header.Get("Location") != "/agents/A1/active" {
			t.Errorf("%s: got status %d, want %d", path, a.status, http.StatusNotFound)
		}
	}
	h.signIn("P-2").post("/agents/A1/cases/5000000001/mark-inactive", nil).want(http.StatusForbidden)
	h.signIn("P-1").get("/agencies/G1/transfer?from=A1").want(http.StatusForbidden)
	h.signIn("P-x").post("/agents/A1/cases/5000000001/mark-inactive", nil).want(http.StatusForbidden)
	// A decertified agent loses access immediately, within a session.
	other.get("/agents/A3/active").want(http.StatusOK)
	h.Publish(&events.AgentDecertified{AgentID: "A3"})
	other.get("/agents/A3/active").want(http.StatusNotFound)
	other.get("/").want(http.StatusOK, "You're signed in, but you don't have access yet")
}

// TestTransfer checks a transfer from the selection over several pages to the
// confirmation and the result for each consumer.
func TestTransfer(t *testing.T) {
	var many []events.Data
	for i := range 60 {
		many = append(many, fixture.Consumer("A1", "70000000"+string(rune('0'+i/10))+string(rune('0'+i%10)), "Nora", "Number "+string(rune('A'+i/10))+string(rune('a'+i%10)))...)
	}
	h := newTestPortal(t, append(history(), many...))
	v := h.signIn("P-m")
	v.get("/agencies/G1/agents").want(http.StatusOK, "Ana One A1", "Di Four A4 Not certified", "62 active consumers of Ana One", "Transfer consumers…")
	v.get("/agencies/G1/transfer?from=A1").want(http.StatusOK, "Bo Two (A2)", "All consumers: 62 active and 1 inactive", "Selected consumers (0)").wantNot("Di Four (A4)")
	const choose = "/agencies/G1/transfer/choose"
	form := func(more url.Values) url.Values {
		f := url.Values{"from": {"A1"}, "list": {"active"}, "what": {"chosen"}, "to": {"A2"}}
		for k, values := range more {
			f[k] = values
		}
		return f
	}
	v.postAndFollow(choose, url.Values{"from": {"A1"}, "what": {"chosen"}, "go": {"continue"}}).want(http.StatusOK, "Choose the agent to transfer to.").message("alert")
	v.postAndFollow(choose, form(url.Values{"go": {"continue"}})).want(http.StatusOK, "Select at least one consumer, or choose All consumers.")
	v.postAndFollow(choose, form(url.Values{"shown": {"5000000001", "5000000002"}, "case": {"5000000001", "5000000002", "not-shown"}, "go": {"page:2"}})).
		want(http.StatusOK, "Selected consumers (2)", "Showing 51–62 of 62")
	v.postAndFollow(choose, form(url.Values{"shown": {"7000000059", "5000000002"}, "case": {"7000000059"}, "q": {"number ba"}, "go": {"search"}})).
		want(http.StatusOK, "Selected consumers (2)", "Nora Number Ba", "Showing 1–1 of 1").wantPath("/agencies/G1/transfer?from=A1")
	v.postAndFollow(choose, form(url.Values{"shown": {"5000000003"}, "case": {"5000000003"}, "go": {"list:inactive"}})).want(http.StatusOK, "Selected consumers (3)")
	v.postAndFollow(choose, form(url.Values{"go": {"continue"}})).want(http.StatusOK, "Confirm transfer", "From Ana One (A1)", "To Bo Two (A2)", "Consumers 3 selected", "Transfer 3 consumers").checkPage()
	// One of the selected delegations ends before the transfer.
	h.Publish(&events.DelegationEnded{Delegation: events.Delegation{CaseID: "5000000003", AgentID: "A1"}})
	const transfer = "/agencies/G1/transfer"
	v.post(transfer, url.Values{"from": {"A1"}, "to": {"A2"}, "what": {"chosen"}, "count": {"2"}}).want(http.StatusConflict, "Nothing was transferred this time.")
	confirmed := url.Values{"from": {"A1"}, "to": {"A2"}, "what": {"chosen"}, "count": {"3"}}
	a := v.postAndFollow(transfer, confirmed).want(http.StatusOK, "2 of 3 consumers transferred from Ana One to Bo Two. 1 no longer delegated to Ana One.",
		"– 5000000003 Not delegated to the agent The case is not delegated to the agent you are transferring from.", "CAL TRAINING 5000000001 Transferred –", "Nora Number Fj 7000000059 Transferred –")
	a.checkPage()
	a.message("status")
	v.get("/agencies/G1/transfer/outcome").want(http.StatusOK, "2 of 3 consumers transferred")
	v.post(transfer, confirmed).want(http.StatusConflict)
	v.get("/agents/A2/active").want(http.StatusOK, "CAL TRAINING", "Pat Pending")
	// All consumers of an agent who is no longer certified.
	all := url.Values{"from": {"A4"}, "to": {"A1"}, "what": {"all"}, "count": {"0"}}
	v.postAndFollow(choose, url.Values{"from": {"A4"}, "to": {"A1"}, "what": {"all"}, "go": {"continue"}}).want(http.StatusOK, "Consumers All: 1 active and 0 inactive")
	v.postAndFollow(transfer, all).want(http.StatusOK, "1 of 1 consumer transferred", "Orla Orphaned 5000000006 Transferred")
	v.postAndFollow(choose, url.Values{"from": {"A4"}, "to": {"A1"}, "what": {"all"}, "go": {"continue"}})
	v.postAndFollow(transfer, all).want(http.StatusOK, "0 of 0 consumers transferred", "The agent had no consumers to transfer.").wantNot("refused", "no value")
	h.signIn("P-1").post(transfer, all).want(http.StatusForbidden)
	h.signIn("P-a3").post(transfer, all).want(http.StatusNotFound)
	v.get("/agencies/G1/transfer?from=A3").want(http.StatusNotFound)
}
