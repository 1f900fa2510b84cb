package portal_test

import (
	"encoding/json"
	"net/http"
	"net/url"
	"strings"
	"testing"
)

// TestSignIn holds that who has not signed in is led to do so, comes back to
// where they wanted to go, and to no other site.
func TestSignIn(t *testing.T) {
	h := build(t, past())
	v := h.stranger()
	const to = "/sign-in?to=%2Fagents%2FA1%2Factive%3Fsort%3Dcase_id"
	v.get("/agents/A1/active?sort=case_id").leadsTo(to)
	page := v.get(to).want(http.StatusOK, "Sign in")
	if !strings.Contains(page.body, `name="to" value="/agents/A1/active?sort=case_id"`) {
		t.Error("the sign-in page forgets where one wanted to go")
	}
	for _, elsewhere := range []string{"https://elsewhere.example/", "//elsewhere.example", `/\elsewhere.example`, "javascript:alert(1)", "elsewhere"} {
		a := v.get("/sign-in?" + url.Values{"to": {elsewhere}}.Encode()).want(http.StatusOK)
		if !strings.Contains(a.body, `name="to" value="/"`) {
			t.Errorf("one would be sent to %s", elsewhere)
		}
	}
	v.post("/agents/A1/cases/5000000001/mark-inactive", nil).want(http.StatusUnauthorized, "so nothing was done").isWhole()
	v.get("/sign-in/callback?state=x&code=y").want(http.StatusUnauthorized, "You are not signed in", "begin again").isWhole()

	v.signIn("P-a1", "/agents/A1/active?sort=case_id")
	v.get("/agents/A1/active?sort=case_id").want(http.StatusOK, "Active Consumers", "Signed in as Ana One", "Sign out")
	v.get("/sign-in?to=/ledger").leadsTo("/ledger")
}

// TestSession holds what is said of the session's end, and that looking at
// that does not put it off.
func TestSession(t *testing.T) {
	h := build(t, past())
	v := h.signIn("P-a1")
	a := v.get("/agents/A1/active").want(http.StatusOK)
	if !strings.Contains(a.body, `url=/session/ending?to=%2Fagents%2FA1%2Factive"></noscript>`) {
		t.Error("without script nothing says that the session ends")
	}
	var dialog bool
	for _, d := range a.all("dialog") {
		dialog = attr(d, "id") == "idle" && attr(d, "data-left") != "" && attr(d, "data-sign-in") == "/sign-in?to=%2Fagents%2FA1%2Factive"
	}
	if !dialog {
		t.Error("there is no dialog for the session's end")
	}
	v.get("/session/ending?to=/agents/A1/active").want(http.StatusOK, "Your session is ending", "You will be signed out at ", "Go on", "Sign out").isWhole()
	left := v.do(http.MethodGet, "/session/ending", nil, http.Header{"Accept": {"application/json"}})
	var session struct {
		SignedIn bool `json:"signed_in"`
		Seconds  int  `json:"seconds"`
	}
	must(t, json.Unmarshal([]byte(left.body), &session))
	if !session.SignedIn || session.Seconds < 800 || session.Seconds > 900 {
		t.Errorf("the script is told %+v", session)
	}
	v.post("/session/continue", url.Values{"to": {"/agents/A1/active"}}).leadsTo("/agents/A1/active")
	v.do(http.MethodPost, "/session/continue", nil, http.Header{"Accept": {"application/json"}}).want(http.StatusNoContent)
	v.post("/sign-out", nil).want(http.StatusSeeOther)
	v.get("/agents/A1/active").want(http.StatusSeeOther)
	v.get("/session/ending?to=/ledger").leadsTo("/sign-in?to=%2Fledger")
	v.post("/session/continue", nil).want(http.StatusUnauthorized)
}

// TestLedgerPage holds what auditors and operators see, and their way to an
// agent or agency by its id.
func TestLedgerPage(t *testing.T) {
	h := build(t, past())
	v := h.signIn("P-x")
	for range 21 {
		v.post("/agents/A1/books/latest/export", url.Values{"answer": {"no"}, "disclaimer": {"1"}}).want(http.StatusSeeOther)
	}
	if n := len(h.trail()); n != 21 { // and waits until all are shown
		t.Fatalf("%d exports are on record", n)
	}
	v.get("/") // takes the message
	a := v.get("/ledger").want(http.StatusOK, "Position", h.weekday+", ", "declined", "Auditor P-x", "Older exports")
	for _, link := range a.all("a") {
		if said(link) == "Older exports" {
			if rows := strings.Count(v.get(attr(link, "href")).want(http.StatusOK).text(), "declined"); rows != 1 {
				t.Errorf("the page before has %d exports", rows)
			}
		}
	}
	v.get("/ledger?exports_before=x").want(http.StatusBadRequest)
	for id, want := range map[string]string{"A1": "/agents/A1/active", " A2 ": "/agents/A2/active", "none": "/ledger", "": "/ledger", "../x": "/ledger"} {
		v.post("/ledger/look-up", url.Values{"kind": {"agent"}, "id": {id}}).leadsTo(want)
	}
	v.get("/ledger").want(http.StatusOK, "No agent or agency of this id is open to you.").message("alert")
	v.follow("/ledger/look-up", url.Values{"kind": {"agency"}, "id": {"G1"}}).want(http.StatusOK, "Agents", "Delta Insurance")
	// An operator sees the consumers of agents who are not certified any more.
	o := h.signIn("P-o")
	o.follow("/ledger/look-up", url.Values{"kind": {"agent"}, "id": {"A1"}}).want(http.StatusOK, "No agent or agency of this id is open to you.")
	o.follow("/ledger/look-up", url.Values{"kind": {"agent"}, "id": {"A4"}}).want(http.StatusOK, "Orla Orphaned")
}
