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

// canary is in every personal value of one household, and is nothing that any
// log, figure, error or file name may hold.
const canary = "Zqxcanary"

// canaries are the events of that household, and of people with such names.
func canaries(agent, agency string) []events.Data {
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

// wrong are messages that the ledger rejects, or cannot even read.
func wrong() map[string]events.Code {
	n := 0
	event := func(eventType, data string) string {
		n++
		return fmt.Sprintf(`{"specversion":"1.0","id":"wrong-%d","source":"test","type":%q,"time":"2026-11-20T20:59:58-08:00","data":%s}`, n, eventType, data)
	}
	return map[string]events.Code{
		canary: events.Malformed, `{"` + canary + `":"` + canary + `"}`: events.Malformed,
		event("consumer.household_recorded.v1", `{"case_id":"`+canary+` `+canary+`"}`):                                                    events.Schema,
		event("consumer.household_recorded.v1", `{"case_id":"c9","primary_contact":{"ssn_last4":"123456789","first_name":"`+canary+`"}}`): events.Schema,
		event("consumer.household_recorded.v1", `{"case_id":"c9","primary_contact":{"date_of_birth":"`+canary+`"}}`):                      events.Schema,
		event("consumer.case_closed.v9", `{"case_id":"c9","reason":"`+canary+`"}`):                                                        events.UnsupportedVersion,
	}
}

// TestCanary uses everything with a household whose every value is a canary,
// and then looks for it where no personal data may be.
func TestCanary(t *testing.T) {
	t.Parallel()
	s := start(t, small())
	me, agency := "/v1/agents/"+s.who("agent").AgentID, "/v1/agencies/"+s.who("agent").AgencyID
	s.Publish(canaries(s.who("agent").AgentID, s.who("agent").AgencyID)...)
	for body, code := range wrong() {
		ack, err := s.Journal.Append(t.Context(), []journal.Message{{Subject: "ledger.consumer.test", Body: []byte(body)}})
		must(t, err)
		if _, why, err := s.Projection.WaitFor(t.Context(), ack.Last); err != nil || why == nil || why.Code != code {
			t.Fatalf("rejected as %+v (%v), want %s", why, err, code)
		}
	}
	if got := s.ask("agent", "POST", me+"/active/search", map[string]any{"q": canary, "sort": "updated"}); !strings.Contains(string(got.body), canary) {
		t.Fatalf("the household is not found: %d %s", got.StatusCode, got.body)
	}
	var answers []reply
	ask := func(role, method, path string, body any) {
		answers = append(answers, s.ask(role, method, path, body))
	}
	ask("agent", "GET", me+"/cases/c-canary", nil)
	ask("agent", "POST", me+"/cases/c-canary/mark-inactive", nil)
	ask("agent", "POST", me+"/cases/c-canary/mark-inactive", nil)
	ask("agent", "POST", me+"/cases/c-canary-2/decline", nil)
	ask("agent", "POST", me+"/cases/c-canary-2/accept", nil)
	ask("agent", "POST", me+"/books/latest", map[string]any{"disclaimer": "1", "accepted": true})
	ask("manager", "POST", agency+"/books/latest", map[string]any{"disclaimer": "1", "accepted": true})
	ask("agent", "POST", me+"/books/latest", map[string]any{"disclaimer": canary, "accepted": true})
	ask("agent", "POST", me+"/books/"+canary, map[string]any{"disclaimer": "1", "accepted": true})
	ask("agent", "POST", me+"/active/search", map[string]any{canary: canary})
	ask("agent", "POST", me+"/active/search", map[string]any{"q": []string{canary}})
	ask("agent", "POST", me+"/active/search", map[string]any{"sort": canary})
	ask("agent", "GET", me+"/active?"+canary+"="+canary, nil)
	ask("agent", "GET", me+"/active?sort="+canary, nil)
	ask("agent", "GET", me+"/active?name="+canary, nil)
	ask("agent", "GET", me+"/cases/"+canary, nil)
	ask("agent", "GET", "/v1/agents/"+canary+"/active", nil)
	ask("agent", "GET", "/"+canary, nil)
	ask("", "GET", "/agents/"+s.who("agent").AgentID+"/active?q="+canary, nil)
	ask("manager", "POST", agency+"/transfers", map[string]any{"from_agent_id": canary, "to_agent_id": canary, "all": true})
	ask("manager", "POST", agency+"/transfers", map[string]any{"from_agent_id": s.who("agent").AgentID, "to_agent_id": canary, "all": true})
	ask("auditor", "GET", "/v1/rejected", nil)
	ask("auditor", "GET", "/v1/exports", nil)
	ask("auditor", "GET", "/v1/status", nil)
	ask("auditor", "GET", "/v1/cases/c-canary/explanation?friday=latest", nil)
	ask("auditor", "GET", "/v1/cases/c9/explanation", nil)
	ask("auditor", "GET", "/v1/cases/"+canary+"/explanation", nil)
	ask("auditor", "GET", "/v1/cases/c-canary/explanation?agent="+canary, nil)
	ask("auditor", "GET", "/v1/cases/c-canary/explanation?friday="+canary, nil)
	ask("auditor", "GET", me+"/differences?from="+canary, nil)
	ask("auditor", "GET", me+"/differences?"+canary+"="+canary, nil)
	ask("auditor", "GET", "/v1/exports?sha256="+canary, nil)
	ask("", "GET", "/sign-in/callback?code="+canary+"&state="+canary, nil)
	for _, a := range answers {
		if a.StatusCode >= 400 || strings.HasPrefix(a.Request.URL.Path, "/v1/rejected") || strings.HasPrefix(a.Request.URL.Path, "/v1/exports") ||
			strings.HasSuffix(a.Request.URL.Path, "/explanation") {
			holdNoCanary(t, a.Request.Method+" is answered", string(a.body))
		}
		header := new(strings.Builder)
		must(t, a.Header.Write(header))
		if a.StatusCode != http.StatusSeeOther && a.StatusCode != http.StatusFound { // who is sent to sign in comes back to where they asked
			holdNoCanary(t, "a header", header.String())
		}
	}
	holdNoCanary(t, "the metrics", string(s.ask("", "GET", "/metrics", nil).body))
	for _, e := range s.log.All() {
		holdNoCanary(t, "the log", fmt.Sprint(e.Message, e.ContextMap()))
	}
	text, err := os.ReadFile(s.accessLog())
	must(t, err)
	if lines := strings.Count(string(text), "\n"); lines < 2 {
		t.Fatalf("the access log has %d lines", lines)
	}
	holdNoCanary(t, "the access log", string(text))
	must(t, filepath.WalkDir(s.Dir, func(path string, _ fs.DirEntry, err error) error {
		holdNoCanary(t, "a file's name", path)
		return err
	}))
}

// secret is what no text may hold. Digits within longer ones are a time's.
var secret = regexp.MustCompile(`(?i)` + canary + `|\b(9753|123456789)\b`)

func holdNoCanary(t *testing.T, where, text string) {
	t.Helper()
	if at := secret.FindStringIndex(text); at != nil {
		t.Errorf("%s with personal data: …%s…", where, text[max(0, at[0]-80):min(len(text), at[1]+80)])
	}
}
