package portal_test

import (
	"net/http"
	"net/url"
	"testing"

	"golang.org/x/net/html"

	"bookledger/cmd/internal/fixture"
	"bookledger/events"
)

// message is the message of a page, which has the focus.
func (a *answer) message(role string) *html.Node {
	a.t.Helper()
	for _, n := range a.all("div") {
		if attr(n, "role") == role && hasAttr(n, "autofocus") {
			return n
		}
	}
	a.t.Fatalf("%s announces nothing as %s: %s", a.path, role, a.text())
	return nil
}

// TestActions holds that each action does what it says, says so, and leads
// back to the list as it was filtered.
func TestActions(t *testing.T) {
	h := build(t, past())
	v := h.signIn("P-a1")
	back := url.Values{"list": {"active"}, "query": {"?sort=case_id"}}
	a := v.follow("/agents/A1/cases/5000000001/mark-inactive", back).want(http.StatusOK).lacks("Case ID 5000000001").isAt("/agents/A1/active?sort=case_id")
	m := a.message("status")
	if got, want := said(m), "CAL TRAINING (case 5000000001) was marked as inactive. The delegation goes on; find the consumer under Inactive Consumers. Undo"; got != want {
		t.Errorf("it says %q, want %q", got, want)
	}
	v.get("/agents/A1/active").want(http.StatusOK).lacks("was marked as inactive")
	v.get("/agents/A1/inactive").want(http.StatusOK, "CAL TRAINING", "Reactivate")
	// The message offers to take it back.
	for n := range m.Descendants() {
		if n.Data == "form" {
			v.follow(attr(n, "action"), back).want(http.StatusOK, "CAL TRAINING (case 5000000001) is active again.", "Case ID 5000000001").isAt("/agents/A1/active?sort=case_id")
		}
	}
	v.get("/agents/A1/cases/5000000004").want(http.StatusOK, "Request pending", "Requested on", "Accept the request").isWhole()
	v.get("/agents/A1/cases/5000000004/decline").want(http.StatusOK, "Pat Pending", "asked Ana One on")
	v.follow("/agents/A1/cases/5000000004/accept", url.Values{"list": {"pending"}}).want(http.StatusOK, "The request of Pat Pending (case 5000000004) was accepted.", "No requests are pending")
	v.get("/agents/A1/active").want(http.StatusOK, "Pat Pending")
	v.get("/agents/A1/cases/5000000004").want(http.StatusOK, "Request accepted", "Agent P-a1", "Requested by the consumer")
	h.Publish(&events.DelegationRequested{Delegation: events.Delegation{CaseID: "5000000005", AgentID: "A2"}})
	manager := h.signIn("P-m")
	manager.get("/agencies/G1/pending").want(http.StatusOK, "Olive Other", "Agent Bo Two")
	manager.get("/agents/A2/cases/5000000005/decline?agency=G1").want(http.StatusOK, "asked Bo Two on")
	manager.follow("/agents/A2/cases/5000000005/decline", url.Values{"agency": {"G1"}}).isAt("/agencies/G1/pending")
	h.Publish(&events.DelegationRequested{Delegation: events.Delegation{CaseID: "5000000005", AgentID: "A2"}})
	manager.follow("/agencies/G1/cases/5000000005/decline", nil).want(http.StatusOK, "The request of Olive Other (case 5000000005) was declined.")
}

// TestConflict holds that what cannot be done is said on the list, which is
// unchanged.
func TestConflict(t *testing.T) {
	h := build(t, past())
	v := h.signIn("P-a1")
	for _, c := range []struct{ path, list, reason, shows string }{
		{"5000000003/mark-inactive", "active", "The consumer is already inactive.", "Showing 1–2 of 2"},
		{"5000000001/reactivate", "inactive", "The consumer is already active.", "Ina Inactive"},
		{"5000000001/accept", "pending", "request is no longer pending", "Pat Pending"},
		{"5000000004/mark-inactive", "pending", "The consumer is delegated to another agent", "Pat Pending"},
	} {
		a := v.post("/agents/A1/cases/"+c.path, url.Values{"list": {c.list}}).want(http.StatusConflict, c.reason, c.shows)
		a.isWhole()
		a.message("alert")
	}
	v.get("/agents/A1/cases/5000000001/decline").want(http.StatusConflict, "request is no longer pending")
}

// TestAnothers holds that what is another's is as if it were not there, and
// that who only sees does not act.
func TestAnothers(t *testing.T) {
	h := build(t, past())
	other := h.signIn("P-a3")
	for _, path := range []string{
		"/agents/A1/active", "/agents/A3/cases/5000000001", "/agents/A3/cases/5000000001/household", "/agencies/G2/agents", "/agents/none/active",
	} {
		other.get(path).want(http.StatusNotFound).isWhole()
	}
	for _, path := range []string{"/agents/A1/cases/5000000001/mark-inactive", "/agents/A3/cases/5000000001/mark-inactive", "/agencies/G1/cases/5000000001/mark-inactive", "/agents/A1/active/search"} {
		if a := other.post(path, nil); a.status != http.StatusNotFound && a.header.Get("Location") != "/agents/A1/active" {
			t.Errorf("%s: %d", path, a.status)
		}
	}
	h.signIn("P-2").post("/agents/A1/cases/5000000001/mark-inactive", nil).want(http.StatusForbidden)
	h.signIn("P-1").get("/agencies/G1/transfer?from=A1").want(http.StatusForbidden)
	h.signIn("P-x").post("/agents/A1/cases/5000000001/mark-inactive", nil).want(http.StatusForbidden)
	// A decertified agent is out at once, in the middle of a session.
	other.get("/agents/A3/active").want(http.StatusOK)
	h.Publish(&events.AgentDecertified{AgentID: "A3"})
	other.get("/agents/A3/active").want(http.StatusNotFound)
	other.get("/").want(http.StatusOK, "You are signed in, but have no place in the ledger")
}

// TestAgencyTransfer holds the whole way of a transfer: choosing over several
// pages, the question, and the outcome of each.
func TestAgencyTransfer(t *testing.T) {
	var some []events.Data
	for i := range 60 {
		some = append(some, fixture.Consumer("A1", "70000000"+string(rune('0'+i/10))+string(rune('0'+i%10)), "Nora", "Number "+string(rune('A'+i/10))+string(rune('a'+i%10)))...)
	}
	h := build(t, append(past(), some...))
	v := h.signIn("P-m")
	v.get("/agencies/G1/agents").want(http.StatusOK, "Ana One A1", "Di Four A4 Not certified", "62 active consumers of Ana One", "Transfer consumers…")
	v.get("/agencies/G1/transfer?from=A1").want(http.StatusOK, "Bo Two (A2)", "The whole book: 62 active consumers and 1 inactive", "0 so far").lacks("Di Four (A4)")
	const choose = "/agencies/G1/transfer/choose"
	wish := func(more url.Values) url.Values {
		f := url.Values{"from": {"A1"}, "list": {"active"}, "what": {"chosen"}, "to": {"A2"}}
		for k, values := range more {
			f[k] = values
		}
		return f
	}
	v.follow(choose, url.Values{"from": {"A1"}, "what": {"chosen"}, "go": {"continue"}}).want(http.StatusOK, "Choose the agent who is to have the consumers.").message("alert")
	v.follow(choose, wish(url.Values{"go": {"continue"}})).want(http.StatusOK, "Choose at least one consumer, or the whole book.")
	v.follow(choose, wish(url.Values{"shown": {"5000000001", "5000000002"}, "case": {"5000000001", "5000000002", "not-shown"}, "go": {"page:2"}})).
		want(http.StatusOK, "2 so far", "Showing 51–62 of 62")
	v.follow(choose, wish(url.Values{"shown": {"7000000059", "5000000002"}, "case": {"7000000059"}, "q": {"number ba"}, "go": {"search"}})).
		want(http.StatusOK, "2 so far", "Nora Number Ba", "Showing 1–1 of 1").isAt("/agencies/G1/transfer?from=A1")
	v.follow(choose, wish(url.Values{"shown": {"5000000003"}, "case": {"5000000003"}, "go": {"list:inactive"}})).want(http.StatusOK, "3 so far")
	v.follow(choose, wish(url.Values{"go": {"continue"}})).want(http.StatusOK, "Confirm the transfer", "From Ana One (A1)", "To Bo Two (A2)", "Consumers 3, chosen one by one", "Transfer 3 consumers").isWhole()
	// Meanwhile one of them has gone.
	h.Publish(&events.DelegationEnded{Delegation: events.Delegation{CaseID: "5000000003", AgentID: "A1"}})
	const transfer = "/agencies/G1/transfer"
	v.post(transfer, url.Values{"from": {"A1"}, "to": {"A2"}, "what": {"chosen"}, "count": {"2"}}).want(http.StatusConflict, "Nothing was done now.")
	confirmed := url.Values{"from": {"A1"}, "to": {"A2"}, "what": {"chosen"}, "count": {"3"}}
	a := v.follow(transfer, confirmed).want(http.StatusOK, "2 of 3 consumers transferred from Ana One to Bo Two. 1 not delegated to Ana One any more.",
		"– 5000000003 Not delegated to the agent The case is not delegated to the agent you are transferring from.", "CAL TRAINING 5000000001 Transferred –", "Nora Number Fj 7000000059 Transferred –")
	a.isWhole()
	a.message("status")
	v.get("/agencies/G1/transfer/outcome").want(http.StatusOK, "2 of 3 consumers transferred")
	v.post(transfer, confirmed).want(http.StatusConflict)
	v.get("/agents/A2/active").want(http.StatusOK, "CAL TRAINING", "Pat Pending")
	// The whole book of an agent who is not certified any more.
	all := url.Values{"from": {"A4"}, "to": {"A1"}, "what": {"all"}, "count": {"0"}}
	v.follow(choose, url.Values{"from": {"A4"}, "to": {"A1"}, "what": {"all"}, "go": {"continue"}}).want(http.StatusOK, "Consumers 1, the whole book: 1 active and 0 inactive")
	v.follow(transfer, all).want(http.StatusOK, "1 of 1 consumer transferred", "Orla Orphaned 5000000006 Transferred")
	v.follow(choose, url.Values{"from": {"A4"}, "to": {"A1"}, "what": {"all"}, "go": {"continue"}})
	v.follow(transfer, all).want(http.StatusOK, "0 of 0 consumers transferred", "The agent held no consumers").lacks("refused", "no value")
	h.signIn("P-1").post(transfer, all).want(http.StatusForbidden)
	h.signIn("P-a3").post(transfer, all).want(http.StatusNotFound)
	v.get("/agencies/G1/transfer?from=A3").want(http.StatusNotFound)
}
