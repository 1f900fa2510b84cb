package web_test

import (
	"bufio"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"bookledger/cmd/internal/fixture"
	"bookledger/events"
)

type consumerResponse struct {
	CaseID    string `json:"case_id"`
	FirstName string `json:"first_name"`
	LastName  string `json:"last_name"`
	SSN       string `json:"ssn"`
	AgentID   string `json:"agent_id"`
	Requested string `json:"requested_on"`
}

type listResponse struct {
	AsOf      time.Time `json:"as_of"`
	Total     int       `json:"total"`
	Age       int       `json:"age_seconds"`
	Consumers []consumerResponse
}

func caseIDs(l listResponse) (all []string) {
	for _, c := range l.Consumers {
		all = append(all, c.CaseID)
	}
	return all
}

// TestAgentAPI makes the requests of an agent's system, from the list to the book.
func TestAgentAPI(t *testing.T) {
	t.Parallel()
	s := start(t, smallConfig())
	me := "/v1/agents/" + s.identity("agent").AgentID
	var all listResponse
	s.do("agent", "GET", me+"/active", nil).into(t, &all)
	if all.Total == 0 || len(all.Consumers) != all.Total || all.AsOf.IsZero() {
		t.Fatalf("got the list %+v", all)
	}
	var page listResponse
	s.do("agent", "GET", me+"/active?sort=-case_id&page=2&page_size=3", nil).into(t, &page)
	want := caseIDs(all)
	slices.Sort(want)
	slices.Reverse(want)
	if !slices.Equal(caseIDs(page), want[3:6]) || page.Total != all.Total {
		t.Errorf("got a page with %q of %d, want %q", caseIDs(page), page.Total, want[3:6])
	}
	const id = "5000032500"
	var found listResponse
	s.do("agent", "POST", me+"/active/search", map[string]any{"q": "cal training", "sort": "last_name"}).into(t, &found)
	if len(found.Consumers) != 1 || found.Consumers[0].CaseID != id || found.Consumers[0].SSN != "XXX-XX-7880" {
		t.Errorf("the search found %+v", found)
	}
	var details struct {
		CaseID     string `json:"case_id"`
		Delegation struct{ Status string }
		History    []struct{ Type string }
	}
	s.do("agent", "GET", me+"/cases/"+id, nil).into(t, &details)
	if details.CaseID != id || details.Delegation.Status != "active" || len(details.History) == 0 {
		t.Errorf("got the case %+v", details)
	}
	s.do("agent", "POST", me+"/cases/"+id+"/mark-inactive", nil).into(t, &struct{}{})
	var inactive listResponse
	s.do("agent", "GET", me+"/inactive", nil).into(t, &inactive)
	if !slices.Contains(caseIDs(inactive), id) {
		t.Errorf("got the inactive list %q, want it to contain the case", caseIDs(inactive))
	}
	s.Publish(&events.DelegationRequested{Delegation: events.Delegation{CaseID: "c-new", AgentID: s.identity("agent").AgentID}})
	var pending listResponse
	s.do("agent", "GET", me+"/pending", nil).into(t, &pending)
	if i := slices.IndexFunc(pending.Consumers, func(c consumerResponse) bool { return c.CaseID == "c-new" }); i < 0 || pending.Consumers[i].Requested == "" {
		t.Errorf("got the pending list %+v", pending)
	}
	s.do("agent", "POST", me+"/cases/c-new/accept", map[string]any{}).into(t, &struct{}{})
	s.downloadBook(t, me)
	s.do("auditor", "GET", "/v1/status", nil).into(t, &struct{}{})
}

// downloadBook downloads the latest book and compares it with the list of books and
// the export trail.
func (s *testServer) downloadBook(t *testing.T, owner string) {
	t.Helper()
	var list struct {
		Books []struct {
			Friday string
			Rows   int
		}
	}
	s.do("agent", "GET", owner+"/books", nil).into(t, &list)
	if denied := s.do("agent", "POST", owner+"/books/latest", map[string]any{}); denied.StatusCode != 403 || !strings.Contains(string(denied.body), `{\"disclaimer\":\"1\",\"accepted\":true}`) {
		t.Errorf("without an answer: got status %d %s", denied.StatusCode, denied.body)
	}
	book := s.do("agent", "POST", owner+"/books/latest", map[string]any{"disclaimer": "1", "accepted": true})
	sum := sha256.Sum256(book.body)
	if book.StatusCode != 200 || book.Header.Get("Repr-Digest") != "sha-256=:"+base64.StdEncoding.EncodeToString(sum[:])+":" ||
		!strings.Contains(book.Header.Get("Content-Disposition"), list.Books[0].Friday) || book.Header.Get("Cache-Control") != "no-store" {
		t.Fatalf("got status %d with header %v for the book", book.StatusCode, book.Header)
	}
	last := s.lastExportStep(s.identity("agent").PersonID)
	if last.Step != "made" || last.SHA256 != fmt.Sprintf("%x", sum) || last.Rows != list.Books[0].Rows || len(list.Books) != 5 {
		t.Errorf("the last export step is %+v, and the list of books %+v", last, list)
	}
}

// TestAuditEndpointsAreForAuditorsOnly checks that nobody else can use them, not
// even for their own consumers.
func TestAuditEndpointsAreForAuditorsOnly(t *testing.T) {
	t.Parallel()
	s := start(t, smallConfig())
	agent, agency := "/v1/agents/"+s.identity("agent").AgentID, "/v1/agencies/"+s.identity("agent").AgencyID
	audits := []string{"/v1/cases/5000032500/explanation", agent + "/differences?from=latest", agency + "/differences?from=2019-03-01"}
	// Others do not learn what is wrong with a request either.
	audits = append(audits, agent+"/differences", agency+"/differences", agent+"/differences?page=x", agency+"/differences?x=y", "/v1/cases/5000032500/explanation?friday=")
	statusPaths := []string{"/v1/exports?limit=x", "/v1/rejected?before=x", "/v1/fridays?x=y", "/v1/status?x=y"}
	for _, role := range []string{"agent", "manager", "admin_l1", "admin_l2", "operator"} {
		paths := audits
		if role != "operator" {
			paths = slices.Concat(audits, statusPaths)
		}
		for _, path := range paths {
			if got := s.do(role, "GET", path, nil); got.StatusCode != 404 || got.problem() != "not-found" {
				t.Errorf("%s: %s: got status %d %s", role, path, got.StatusCode, got.body)
			}
		}
	}
	if text, err := os.ReadFile(s.accessLogPath()); err != nil || len(text) > 0 {
		t.Errorf("the access log contains %s (%v)", text, err)
	}
}

// TestAuditorAPI makes the requests of an auditor's program.
func TestAuditorAPI(t *testing.T) {
	t.Parallel()
	s := start(t, smallConfig())
	me := s.identity("agent").AgentID
	s.do("auditor", "GET", "/v1/cases/5000032500/explanation", nil).into(t, &struct{}{})
	s.compareBooks(t, me)
	book := s.do("agent", "POST", "/v1/agents/"+me+"/books/latest", map[string]any{"disclaimer": "1", "accepted": true})
	s.do("manager", "POST", "/v1/agents/"+me+"/books/latest", map[string]any{"disclaimer": "1", "accepted": true})
	var trail struct {
		Exports []struct {
			Seq        uint64
			Step, Role string
			Accepted   bool
		}
	}
	fixture.Eventually(s.t, "the trail contains both downloads", func() bool { // they are recorded before the files are sent
		trail.Exports = nil
		s.do("auditor", "GET", fmt.Sprintf("/v1/exports?sha256=%X", sha256.Sum256(book.body)), nil).into(t, &trail)
		return len(trail.Exports) == 2
	})
	if len(trail.Exports) != 2 || trail.Exports[0].Role != "manager" || trail.Exports[1].Step != "made" || !trail.Exports[1].Accepted {
		t.Errorf("got the downloads %+v of the file", trail)
	}
	s.do("auditor", "GET", fmt.Sprintf("/v1/exports?sha256=%x&before=%d", sha256.Sum256(book.body), trail.Exports[0].Seq), nil).into(t, &trail)
	if len(trail.Exports) != 1 || trail.Exports[0].Role != "agent" {
		t.Errorf("got the earlier downloads %+v", trail)
	}
	s.do("auditor", "GET", "/v1/exports?sha256="+strings.Repeat("0", 64), nil).into(t, &trail)
	if len(trail.Exports) != 0 {
		t.Errorf("got the downloads %+v of another file", trail)
	}
	text, err := os.ReadFile(s.accessLogPath())
	must(t, err)
	for _, want := range []string{`"what":"explanation"`, `"what":"differences"`, `"case":"5000032500"`, `"role":"auditor"`, `"agency":"`, `"agent":"` + me} {
		if !strings.Contains(string(text), want) {
			t.Errorf("the access log lacks %s: %s", want, text)
		}
	}
}

// compareBooks checks that the pages of a comparison are parts of the whole, and
// that the agency's comparison includes the agent's.
func (s *testServer) compareBooks(t *testing.T, agent string) {
	t.Helper()
	type compared struct {
		Added, Removed, Changed int
		From                    struct{ Friday string }
		Changes                 []struct {
			Change     string
			CaseID     string   `json:"case_id"`
			CausedBy   []uint64 `json:"caused_by"`
			OtherCause string   `json:"other_cause"`
			Columns    []struct{ Header, Old, New string }
		}
	}
	var fridays struct{ Fridays []struct{ Friday string } }
	s.do("auditor", "GET", "/v1/fridays", nil).into(t, &fridays)
	path := "/differences?from=" + fridays.Fridays[0].Friday
	var whole, part, ofAgency compared
	s.do("auditor", "GET", "/v1/agents/"+agent+path+"&to=latest&page_size=1000", nil).into(t, &whole)
	total := whole.Added + whole.Removed + whole.Changed
	if total < 5 || len(whole.Changes) != total || whole.From.Friday != fridays.Fridays[0].Friday {
		t.Fatalf("got the comparison %+v", whole)
	}
	for _, c := range whole.Changes {
		if len(c.Columns) == 0 || len(c.CausedBy) == 0 && c.OtherCause == "" {
			t.Errorf("the change %+v has no cause", c)
		}
	}
	s.do("auditor", "GET", "/v1/agents/"+agent+path+"&page=2&page_size=3", nil).into(t, &part)
	if fmt.Sprint(part.Changes) != fmt.Sprint(whole.Changes[3:min(6, total)]) || part.Added != whole.Added {
		t.Errorf("got the second page %+v", part)
	}
	part = compared{}
	s.do("auditor", "GET", "/v1/agents/"+agent+path+"&page=1000000&page_size=1000", nil).into(t, &part)
	if len(part.Changes) != 0 {
		t.Errorf("got %+v after the last page", part)
	}
	s.do("auditor", "GET", "/v1/agencies/"+s.identity("agent").AgencyID+path, nil).into(t, &ofAgency)
	if ofAgency.Added+ofAgency.Removed+ofAgency.Changed < total {
		t.Errorf("the agency's books have fewer differences: %+v", ofAgency)
	}
}

// TestAgencyAPI makes the requests of an agency's staff.
func TestAgencyAPI(t *testing.T) {
	t.Parallel()
	s := start(t, smallConfig())
	agency := "/v1/agencies/" + s.identity("manager").AgencyID
	s.Publish(&events.AgentCertified{AgentID: "A-colleague", AgencyID: s.identity("manager").AgencyID})
	var own struct{ Agents []struct{ Active int } }
	s.do("manager", "GET", agency+"/agents", nil).into(t, &own)
	var all listResponse
	s.do("manager", "GET", agency+"/active", nil).into(t, &all)
	sum := 0
	for _, a := range own.Agents {
		sum += a.Active
	}
	if sum != all.Total || sum == 0 || all.Consumers[0].AgentID == "" {
		t.Errorf("the agents have %d consumers, but the list has %d", sum, all.Total)
	}
	var result struct {
		BatchID  string `json:"batch_id"`
		Outcomes []struct {
			CaseID  string `json:"case_id"`
			Outcome string
		}
	}
	s.do("admin_l2", "POST", agency+"/transfers", map[string]any{
		"from_agent_id": s.identity("agent").AgentID, "to_agent_id": "A-colleague", "case_ids": []string{"5000032500", "none"},
	}).into(t, &result)
	if len(result.Outcomes) != 2 || result.BatchID == "" {
		t.Errorf("got the transfer result %+v", result)
	}
	var details struct {
		Delegation struct {
			AgentID string `json:"agent_id"`
		}
	}
	s.do("admin_l1", "GET", agency+"/cases/5000032500", nil).into(t, &details)
	if details.Delegation.AgentID != "A-colleague" {
		t.Errorf("the agent of the case is %q, want A-colleague", details.Delegation.AgentID)
	}
	book := s.do("admin_l1", "POST", agency+"/books/latest", map[string]any{"disclaimer": "1", "accepted": true})
	if book.StatusCode != 200 || !strings.Contains(book.Header.Get("Content-Disposition"), "agency-") {
		t.Errorf("got status %d with header %v for the agency's book", book.StatusCode, book.Header)
	}
}

// TestAccessLog checks that each view is in the access log when the response is
// sent, and that rejected requests and search terms are not.
func TestAccessLog(t *testing.T) {
	t.Parallel()
	s := start(t, smallConfig())
	a := s.identity("agent")
	me := "/v1/agents/" + a.AgentID
	s.do("agent", "GET", me+"/cases/5000032500", nil).into(t, &struct{}{})
	s.do("agent", "POST", me+"/active/search", map[string]any{"q": "cal training"}).into(t, &struct{}{})
	s.do("manager", "GET", "/v1/agencies/"+a.AgencyID+"/cases/5000032500", nil).into(t, &struct{}{})
	s.do("agent 2", "GET", me+"/active", nil)
	text, err := os.ReadFile(s.accessLogPath())
	must(t, err)
	for line, wants := range [][]string{
		{`"what":"case"`, `"case":"5000032500"`, `"role":"agent"`, `"via":"api"`, `"address":"127.0.0.1"`, `"person":"` + a.PersonID + `"`},
		{`"what":"list.active"`, `"agent":"` + a.AgentID + `"`}, {`"role":"manager"`, `"agency":"` + a.AgencyID + `"`},
	} {
		for _, want := range wants {
			if lines := strings.Split(string(text), "\n"); len(lines) != 4 || !strings.Contains(lines[line], want) {
				t.Errorf("line %d of the access log lacks %s: %s", line, want, text)
			}
		}
	}
	if strings.Contains(strings.ToLower(string(text)), "training") {
		t.Errorf("the access log contains the search: %s", text)
	}
}

// TestHalfClosed checks that clients that close their side of the connection after
// the request are not sent a false success.
func TestHalfClosed(t *testing.T) {
	t.Parallel()
	s := start(t, smallConfig())
	token, me := s.token("agent"), "/v1/agents/"+s.identity("agent").AgentID
	for _, c := range []struct {
		path, body string
		want       []int
	}{
		{me + "/books/latest", `{"disclaimer":"1"}`, []int{403}},
		{"/v1/agents/" + s.identity("agent 2").AgentID + "/books/latest", `{"disclaimer":"1","accepted":true}`, []int{404}},
		{me + "/books/latest", `{"disclaimer":"1","accepted":true}`, []int{503, 200}}, // depends on timing
		{me + "/cases/none/accept", `{}`, []int{404}},
		{me + "/cases/5000032500/mark-inactive", `{}`, []int{200}}, // a recorded action is reported as done
		{me + "/active/search", `{"q":`, []int{400}},
	} {
		conn, err := net.Dial("tcp", strings.TrimPrefix(s.url, "http://"))
		must(t, err)
		_, err = fmt.Fprintf(conn, "POST %s HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer %s\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%s", c.path, token, len(c.body), c.body)
		must(t, errors.Join(err, conn.(*net.TCPConn).CloseWrite()))
		answer, err := http.ReadResponse(bufio.NewReader(conn), nil)
		must(t, err)
		text, err := io.ReadAll(answer.Body)
		if err != nil || !slices.Contains(c.want, answer.StatusCode) || len(text) == 0 {
			t.Errorf("%s: got status %d with %d bytes (%v), want %v", c.path, answer.StatusCode, len(text), err, c.want)
		}
		must(t, errors.Join(answer.Body.Close(), conn.Close()))
	}
}

// TestAPIDocsPath checks that the former path of the API documentation redirects
// permanently to the present one.
func TestAPIDocsPath(t *testing.T) {
	t.Parallel()
	s := start(t, smallConfig())
	if got := s.do("", "GET", "/interface", nil); got.StatusCode != http.StatusMovedPermanently || got.Header.Get("Location") != "/api-docs" {
		t.Errorf("got status %d to %q, want 301 to /api-docs", got.StatusCode, got.Header.Get("Location"))
	}
	if got := s.do("", "GET", "/api-docs", nil); got.StatusCode != http.StatusOK || !strings.Contains(string(got.body), "API documentation") {
		t.Errorf("/api-docs: got status %d", got.StatusCode)
	}
}
