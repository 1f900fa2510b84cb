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
	to := v.get("/agents/A1/active?sort=case_id").want(http.StatusSeeOther).header.Get("Location")
	if to != "/sign-in?to=%2Fagents%2FA1%2Factive%3Fsort%3Dcase_id" {
		t.Errorf("a stranger is led to %s", to)
	}
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

	asked := v.post("/sign-in", url.Values{"to": {"/agents/A1/active?sort=case_id"}}).want(http.StatusSeeOther)
	at, err := url.Parse(asked.header.Get("Location"))
	must(t, err)
	form := at.Query()
	form.Set("person", "P-a1")
	back := v.get(v.post("/issuer/authorize", form).header.Get("Location")).want(http.StatusSeeOther)
	v.get(back.header.Get("Location")).want(http.StatusOK, "Active Consumers", "Signed in as Ana One", "Sign out")
	if got := v.get("/sign-in?to=/ledger").want(http.StatusSeeOther).header.Get("Location"); got != "/ledger" {
		t.Errorf("who has signed in is led to %s", got)
	}
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
	if got := v.post("/session/continue", url.Values{"to": {"/agents/A1/active"}}).want(http.StatusSeeOther).header.Get("Location"); got != "/agents/A1/active" {
		t.Errorf("going on leads to %s", got)
	}
	v.do(http.MethodPost, "/session/continue", nil, http.Header{"Accept": {"application/json"}}).want(http.StatusNoContent)
	v.post("/sign-out", nil).want(http.StatusSeeOther)
	v.get("/agents/A1/active").want(http.StatusSeeOther)
	if got := v.get("/session/ending?to=/ledger").want(http.StatusSeeOther).header.Get("Location"); got != "/sign-in?to=%2Fledger" {
		t.Errorf("a session that has ended leads to %s", got)
	}
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
		if got := v.post("/ledger/look-up", url.Values{"kind": {"agent"}, "id": {id}}).want(http.StatusSeeOther).header.Get("Location"); got != want {
			t.Errorf("looking up agent %q leads to %s", id, got)
		}
	}
	v.get("/ledger").want(http.StatusOK, "No agent or agency of this id is open to you.").message("alert")
	v.follow("/ledger/look-up", url.Values{"kind": {"agency"}, "id": {"G1"}}).want(http.StatusOK, "Agents", "Delta Insurance")
	// An operator sees the consumers of agents who are not certified any more.
	o := h.signIn("P-o")
	o.follow("/ledger/look-up", url.Values{"kind": {"agent"}, "id": {"A1"}}).want(http.StatusOK, "No agent or agency of this id is open to you.")
	o.follow("/ledger/look-up", url.Values{"kind": {"agent"}, "id": {"A4"}}).want(http.StatusOK, "Orla Orphaned")
}
