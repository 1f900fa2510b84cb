package portal_test

import (
	"encoding/json"
	"net/http"
	"net/url"
	"strings"
	"testing"
)

// TestSignIn checks that people are redirected to sign in, return to the page that
// they requested, and are never redirected to another site.
func TestSignIn(t *testing.T) {
	h := newTestPortal(t, history())
	v := h.newBrowser()
	const to = "/sign-in?to=%2Fagents%2FA1%2Factive%3Fsort%3Dcase_id"
	v.get("/agents/A1/active?sort=case_id").wantRedirect(to)
	page := v.get(to).want(http.StatusOK, "Sign in", "Viewing consumer records is logged. You'll be signed out after 15 minutes of inactivity.")
	if !strings.Contains(page.body, `name="to" value="/agents/A1/active?sort=case_id"`) {
		t.Error("the sign-in page does not keep the requested path")
	}
	for _, elsewhere := range []string{"https://elsewhere.example/", "//elsewhere.example", `/\elsewhere.example`, "javascript:alert(1)", "elsewhere"} {
		a := v.get("/sign-in?" + url.Values{"to": {elsewhere}}.Encode()).want(http.StatusOK)
		if !strings.Contains(a.body, `name="to" value="/"`) {
			t.Errorf("sign-in would redirect to %s", elsewhere)
		}
	}
	v.post("/agents/A1/cases/5000000001/mark-inactive", nil).want(http.StatusUnauthorized, "nothing was changed").checkPage()
	v.get("/sign-in/callback?state=x&code=y").want(http.StatusUnauthorized, "You're not signed in", "again").checkPage()

	v.signIn("P-a1", "/agents/A1/active?sort=case_id")
	v.get("/agents/A1/active?sort=case_id").want(http.StatusOK, "Active Consumers", "Signed in as Ana One", "Sign out")
	v.get("/sign-in?to=/ledger").wantRedirect("/ledger")
}

// TestSessionWarning checks the warning before a session ends, and that requesting
// it does not extend the session.
func TestSessionWarning(t *testing.T) {
	h := newTestPortal(t, history())
	v := h.signIn("P-a1")
	a := v.get("/agents/A1/active").want(http.StatusOK)
	if !strings.Contains(a.body, `url=/session/ending?to=%2Fagents%2FA1%2Factive"></noscript>`) {
		t.Error("without script, the page does not lead to the warning")
	}
	var dialog bool
	for _, d := range a.elements("dialog") {
		dialog = attr(d, "id") == "idle" && attr(d, "data-left") != "" && attr(d, "data-sign-in") == "/sign-in?to=%2Fagents%2FA1%2Factive"
	}
	if !dialog {
		t.Error("the page has no dialog for the warning")
	}
	v.get("/session/ending?to=/agents/A1/active").want(http.StatusOK, "Your session is ending", "You'll be signed out at ", "because of inactivity.", "Stay signed in", "Sign out").checkPage()
	answer := v.do(http.MethodGet, "/session/ending", nil, http.Header{"Accept": {"application/json"}})
	var session struct {
		SignedIn bool `json:"signed_in"`
		Seconds  int  `json:"seconds"`
	}
	must(t, json.Unmarshal([]byte(answer.body), &session))
	if !session.SignedIn || session.Seconds < 800 || session.Seconds > 900 {
		t.Errorf("got the session %+v for the script", session)
	}
	v.post("/session/continue", url.Values{"to": {"/agents/A1/active"}}).wantRedirect("/agents/A1/active")
	v.do(http.MethodPost, "/session/continue", nil, http.Header{"Accept": {"application/json"}}).want(http.StatusNoContent)
	v.post("/sign-out", nil).want(http.StatusSeeOther)
	v.get("/agents/A1/active").want(http.StatusSeeOther)
	v.get("/session/ending?to=/ledger").wantRedirect("/sign-in?to=%2Fledger")
	v.post("/session/continue", nil).want(http.StatusUnauthorized)
}

// TestLedgerStatus checks the ledger status page, and looking up an agent or agency
// by its ID.
func TestLedgerStatus(t *testing.T) {
	h := newTestPortal(t, history())
	v := h.signIn("P-x")
	for range 21 {
		v.post("/agents/A1/books/latest/export", url.Values{"answer": {"no"}, "disclaimer": {"1"}}).want(http.StatusSeeOther)
	}
	if n := len(h.exportSteps()); n != 21 { // exportSteps waits until all are applied
		t.Fatalf("got %d export steps, want 21", n)
	}
	v.get("/") // shows and removes the message
	a := v.get("/ledger").want(http.StatusOK, "Position", h.weekday+", ", "declined", "Auditor P-x", "Older exports")
	for _, link := range a.elements("a") {
		if textOf(link) == "Older exports" {
			if rows := strings.Count(v.get(attr(link, "href")).want(http.StatusOK).text(), "declined"); rows != 1 {
				t.Errorf("got %d older exports, want 1", rows)
			}
		}
	}
	v.get("/ledger?exports_before=x").want(http.StatusBadRequest)
	for id, want := range map[string]string{"A1": "/agents/A1/active", " A2 ": "/agents/A2/active", "none": "/ledger", "": "/ledger", "../x": "/ledger"} {
		v.post("/ledger/look-up", url.Values{"kind": {"agent"}, "id": {id}}).wantRedirect(want)
	}
	v.get("/ledger").want(http.StatusOK, "No agent or agency with this ID, or you don't have access.").message("alert")
	v.postAndFollow("/ledger/look-up", url.Values{"kind": {"agency"}, "id": {"G1"}}).want(http.StatusOK, "Agents", "Delta Insurance")
	// An operator sees the consumers of agents who are no longer certified.
	o := h.signIn("P-o")
	o.postAndFollow("/ledger/look-up", url.Values{"kind": {"agent"}, "id": {"A1"}}).want(http.StatusOK, "No agent or agency with this ID, or you don't have access.")
	o.postAndFollow("/ledger/look-up", url.Values{"kind": {"agent"}, "id": {"A4"}}).want(http.StatusOK, "Orla Orphaned")
}
