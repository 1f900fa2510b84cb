package portal_test

import (
	"bytes"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/xuri/excelize/v2"

	"bookledger/cmd/internal/service"
	"bookledger/events"
	"bookledger/projections/access"
)

// exportSteps returns the steps in the export trail, earliest first.
func (h *testPortal) exportSteps() (steps []string) {
	h.t.Helper()
	h.Settle()
	all, err := h.service.Exports(h.t.Context(), service.Caller{Person: access.Person{ID: "P-x", Auditor: true}}, "", 0, 100)
	must(h.t, err)
	for _, e := range all {
		steps = append(steps, e.Step)
	}
	slices.Reverse(steps)
	return steps
}

// wantBook checks that a response is a workbook with these cases that may not be
// cached.
func (a *response) wantBook(cases ...string) {
	a.t.Helper()
	if a.status != http.StatusOK {
		a.t.Fatalf("%s: got status %d: %s", a.path, a.status, a.body)
	}
	for name, want := range map[string]string{
		"Content-Type": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet", "Cache-Control": "no-store", "Content-Length": strconv.Itoa(len(a.body)),
	} {
		if got := a.header.Get(name); got != want {
			a.t.Errorf("%s: got %s %q, want %q", a.path, name, got, want)
		}
	}
	if got := a.header.Get("Content-Disposition"); !strings.HasPrefix(got, `attachment; filename="`) || !strings.HasSuffix(got, `.xlsx"`) {
		a.t.Errorf("%s: got Content-Disposition %q", a.path, got)
	}
	f, err := excelize.OpenReader(bytes.NewReader([]byte(a.body)))
	must(a.t, err)
	defer f.Close()
	rows, err := f.GetRows(f.GetSheetList()[0])
	must(a.t, err)
	var got []string
	for _, row := range rows[1:] {
		got = append(got, row[0])
	}
	slices.Sort(got)
	if !slices.Equal(got, cases) {
		a.t.Errorf("the book contains %q, want %q", got, cases)
	}
}

// TestExport checks the job aid's path to the book and each answer to the
// disclaimer.
func TestExport(t *testing.T) {
	h := newTestPortal(t, history())
	v, friday := h.signIn("P-a1"), h.latestFriday()
	path := "/agents/A1/books/" + friday + "/export"
	a := v.get("/agents/A1/active").want(http.StatusOK)
	if !strings.Contains(a.body, `href="`+path+`?from=active"`) {
		t.Error("the list has no link to the disclaimer of the latest book")
	}
	a = v.get(path+"?from=active").want(http.StatusOK, "Disclaimer",
		"You are about to download customer information. You must follow Covered California privacy and security standards.", "No Yes", "3 consumers in 3 rows", "all consumers delegated to you at that time, active and inactive. List filters don't apply.", "must be encrypted", "Protect this file")
	if got := textOf(a.elements("h1")[0]); got != "Disclaimer" {
		t.Errorf("got the heading %q, want Disclaimer", got)
	}
	no := url.Values{"answer": {"no"}, "disclaimer": {"1"}, "from": {"active"}}
	a = v.postAndFollow(path, no).want(http.StatusOK, "Active Consumers", "Nothing was downloaded. Your answer, No, was recorded.")
	a.message("status")
	v.post(path, url.Values{"disclaimer": {"1"}}).want(http.StatusForbidden, "Disclaimer not accepted", "choose Yes").wantNot("accepted\":")
	v.post(path, url.Values{"disclaimer": {"9"}, "answer": {"yes"}}).want(http.StatusForbidden)
	if got := h.exportSteps(); !slices.Equal(got, []string{"declined", "denied", "denied"}) {
		t.Fatalf("before a yes, got the steps %q", got)
	}
	yes := url.Values{"answer": {"yes"}, "disclaimer": {"1"}}
	v.post(path, yes).wantBook("5000000001", "5000000002", "5000000003")
	if got := h.exportSteps(); !slices.Equal(got[3:], []string{"requested", "made"}) {
		t.Errorf("after a yes, got the steps %q", got)
	}
	current, err := events.ParseDate(friday)
	must(t, err)
	for day, why := range map[string]string{
		"2026-13-40": "Not a Friday: use YYYY-MM-DD", current.AddDays(-2).String(): "is a " + current.AddDays(-2).Weekday().String(),
		current.AddDays(7).String(): "cutoff has not passed", current.AddDays(-70).String(): "it is before the ledger's first",
	} {
		v.get("/agents/A1/books/"+day+"/export").want(http.StatusNotFound, "Book not available", why)
		v.post("/agents/A1/books/"+day+"/export", yes).want(http.StatusNotFound, why)
	}
	h.signIn("P-a3").post(path, yes).want(http.StatusNotFound)
	h.signIn("P-2").postAndFollow("/agencies/G1/books/"+friday+"/export", no).want(http.StatusOK, "Active Consumers", "Nothing was downloaded")
	// The agency's book includes A4, whose consumers level 1 may not see.
	h.signIn("P-1").post("/agencies/G1/books/"+friday+"/export", yes).want(http.StatusNotFound, "no longer certified")
}
