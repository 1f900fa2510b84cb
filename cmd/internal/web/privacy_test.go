package web_test

import (
	"fmt"
	"io/fs"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"bookledger/events"
	"bookledger/events/journal"
)

// canary is the value of every personal field of a test household. It must not
// appear in any log, metric, error, or file name.
const canary = "Zqxcanary"

// canaryEvents returns the events of that household and of people with such names.
func canaryEvents(agent, agency string) []events.Data {
	const id = "c-canary"
	return []events.Data{
		&events.DelegationCreated{Delegation: events.Delegation{CaseID: id, AgentID: agent}},
		&events.HouseholdRecorded{CaseID: id,
			PrimaryContact: events.Contact{FirstName: canary, LastName: canary, Phone: canary, Email: canary + "@mail.example", SSNLast4: "9753", SpokenLanguage: canary, WrittenLanguage: canary},
			Address:        events.Address{Line1: canary, Line2: canary, City: canary, State: canary, ZIP: canary, County: canary}},
		&events.ApplicationRecorded{CaseID: id, ApplicationYear: 2026, CurrentStatus: canary, NextSteps: canary},
		&events.MemberRecorded{Member: events.Member{CaseID: id, MemberID: "m", FirstName: canary, LastName: canary, Gender: canary, SSNLast4: "9753", Relationship: canary}},
		&events.EligibilityDetermined{CaseID: id, MemberID: "m", ApplicationYear: 2026, Program: "medi_cal", Status: "eligible", CSRLevel: canary},
		&events.EnrollmentRecorded{CaseID: id, EnrollmentID: "e", ApplicationYear: 2026, CoverageKind: "health", MemberIDs: []string{"m"}, Status: "enrolled",
			Carrier: canary, PlanName: canary, HIOSPlanID: canary, MetalTier: canary, BinderStatus: canary, SubscriberID: canary},
		&events.DelegationRequested{Delegation: events.Delegation{CaseID: "c-canary-2", AgentID: agent}},
		&events.HouseholdRecorded{CaseID: "c-canary-2", PrimaryContact: events.Contact{FirstName: canary, LastName: canary}},
		&events.StaffAssigned{Staff: events.Staff{PersonID: "P-c", AgencyID: agency, Role: "admin_l1", Name: canary, Email: canary}},
	}
}

// invalidMessages returns messages that the ledger rejects, with the expected codes.
func invalidMessages() map[string]events.Code {
	n := 0
	event := func(eventType, data string) string {
		n++
		return fmt.Sprintf(`{"specversion":"1.0","id":"invalid-%d","source":"test","type":%q,"time":"2026-11-20T20:59:58-08:00","data":%s}`, n, eventType, data)
	}
	return map[string]events.Code{
		canary: events.Malformed, `{"` + canary + `":"` + canary + `"}`: events.Malformed,
		event("consumer.household_recorded.v1", `{"case_id":"`+canary+` `+canary+`"}`):                                                    events.Schema,
		event("consumer.household_recorded.v1", `{"case_id":"c9","primary_contact":{"ssn_last4":"123456789","first_name":"`+canary+`"}}`): events.Schema,
		event("consumer.household_recorded.v1", `{"case_id":"c9","primary_contact":{"date_of_birth":"`+canary+`"}}`):                      events.Schema,
		event("consumer.case_closed.v9", `{"case_id":"c9","reason":"`+canary+`"}`):                                                        events.UnsupportedVersion,
	}
}

// TestNoPersonalDataLeaks uses every feature with the canary household, and then
// searches for the canary where personal data is not allowed.
func TestNoPersonalDataLeaks(t *testing.T) {
	t.Parallel()
	s := start(t, smallConfig())
	me, agency := "/v1/agents/"+s.identity("agent").AgentID, "/v1/agencies/"+s.identity("agent").AgencyID
	s.Publish(canaryEvents(s.identity("agent").AgentID, s.identity("agent").AgencyID)...)
	for body, code := range invalidMessages() {
		ack, err := s.Journal.Append(t.Context(), []journal.Message{{Subject: "ledger.consumer.test", Body: []byte(body)}})
		must(t, err)
		if _, why, err := s.Projection.WaitFor(t.Context(), ack.Last); err != nil || why == nil || why.Code != code {
			t.Fatalf("got the rejection %+v (%v), want %s", why, err, code)
		}
	}
	if got := s.do("agent", "POST", me+"/active/search", map[string]any{"q": canary, "sort": "updated"}); !strings.Contains(string(got.body), canary) {
		t.Fatalf("the search does not find the household: status %d %s", got.StatusCode, got.body)
	}
	var replies []reply
	do := func(role, method, path string, body any) {
		replies = append(replies, s.do(role, method, path, body))
	}
	do("agent", "GET", me+"/cases/c-canary", nil)
	do("agent", "POST", me+"/cases/c-canary/mark-inactive", nil)
	do("agent", "POST", me+"/cases/c-canary/mark-inactive", nil)
	do("agent", "POST", me+"/cases/c-canary-2/decline", nil)
	do("agent", "POST", me+"/cases/c-canary-2/accept", nil)
	do("agent", "POST", me+"/books/latest", map[string]any{"disclaimer": "1", "accepted": true})
	do("manager", "POST", agency+"/books/latest", map[string]any{"disclaimer": "1", "accepted": true})
	do("agent", "POST", me+"/books/latest", map[string]any{"disclaimer": canary, "accepted": true})
	do("agent", "POST", me+"/books/"+canary, map[string]any{"disclaimer": "1", "accepted": true})
	do("agent", "POST", me+"/active/search", map[string]any{canary: canary})
	do("agent", "POST", me+"/active/search", map[string]any{"q": []string{canary}})
	do("agent", "POST", me+"/active/search", map[string]any{"sort": canary})
	do("agent", "GET", me+"/active?"+canary+"="+canary, nil)
	do("agent", "GET", me+"/active?sort="+canary, nil)
	do("agent", "GET", me+"/active?name="+canary, nil)
	do("agent", "GET", me+"/cases/"+canary, nil)
	do("agent", "GET", "/v1/agents/"+canary+"/active", nil)
	do("agent", "GET", "/"+canary, nil)
	do("", "GET", "/agents/"+s.identity("agent").AgentID+"/active?q="+canary, nil)
	do("manager", "POST", agency+"/transfers", map[string]any{"from_agent_id": canary, "to_agent_id": canary, "all": true})
	do("manager", "POST", agency+"/transfers", map[string]any{"from_agent_id": s.identity("agent").AgentID, "to_agent_id": canary, "all": true})
	do("auditor", "GET", "/v1/rejected", nil)
	do("auditor", "GET", "/v1/exports", nil)
	do("auditor", "GET", "/v1/status", nil)
	do("auditor", "GET", "/v1/cases/c-canary/explanation?friday=latest", nil)
	do("auditor", "GET", "/v1/cases/c9/explanation", nil)
	do("auditor", "GET", "/v1/cases/"+canary+"/explanation", nil)
	do("auditor", "GET", "/v1/cases/c-canary/explanation?agent="+canary, nil)
	do("auditor", "GET", "/v1/cases/c-canary/explanation?friday="+canary, nil)
	do("auditor", "GET", me+"/differences?from="+canary, nil)
	do("auditor", "GET", me+"/differences?"+canary+"="+canary, nil)
	do("auditor", "GET", "/v1/exports?sha256="+canary, nil)
	do("", "GET", "/sign-in/callback?code="+canary+"&state="+canary, nil)
	for _, a := range replies {
		if a.StatusCode >= 400 || strings.HasPrefix(a.Request.URL.Path, "/v1/rejected") || strings.HasPrefix(a.Request.URL.Path, "/v1/exports") ||
			strings.HasSuffix(a.Request.URL.Path, "/explanation") {
			checkNoCanary(t, a.Request.Method+" response", string(a.body))
		}
		header := new(strings.Builder)
		must(t, a.Header.Write(header))
		if a.StatusCode != http.StatusSeeOther && a.StatusCode != http.StatusFound { // the redirect to sign-in contains the requested path
			checkNoCanary(t, "the header", header.String())
		}
	}
	checkNoCanary(t, "the metrics", string(s.do("", "GET", "/metrics", nil).body))
	for _, e := range s.log.All() {
		checkNoCanary(t, "the log", fmt.Sprint(e.Message, e.ContextMap()))
	}
	text, err := os.ReadFile(s.accessLogPath())
	must(t, err)
	if lines := strings.Count(string(text), "\n"); lines < 2 {
		t.Fatalf("the access log has %d lines", lines)
	}
	checkNoCanary(t, "the access log", string(text))
	must(t, filepath.WalkDir(s.Dir, func(path string, _ fs.DirEntry, err error) error {
		checkNoCanary(t, "a file name", path)
		return err
	}))
}

// canaryPattern matches personal data. Digits within longer numbers may be part of a
// time.
var canaryPattern = regexp.MustCompile(`(?i)` + canary + `|\b(9753|123456789)\b`)

func checkNoCanary(t *testing.T, where, text string) {
	t.Helper()
	if at := canaryPattern.FindStringIndex(text); at != nil {
		t.Errorf("%s contains personal data: …%s…", where, text[max(0, at[0]-80):min(len(text), at[1]+80)])
	}
}
