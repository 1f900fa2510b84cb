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

type consumer struct {
	CaseID    string `json:"case_id"`
	FirstName string `json:"first_name"`
	LastName  string `json:"last_name"`
	SSN       string `json:"ssn"`
	AgentID   string `json:"agent_id"`
	Requested string `json:"requested_on"`
}

type listing struct {
	AsOf      time.Time `json:"as_of"`
	Total     int       `json:"total"`
	Age       int       `json:"age_seconds"`
	Consumers []consumer
}

func ids(l listing) (all []string) {
	for _, c := range l.Consumers {
		all = append(all, c.CaseID)
	}
	return all
}

// TestAPI asks what an agent's system asks, from the list to the book.
func TestAPI(t *testing.T) {
	t.Parallel()
	s := start(t, small())
	me := "/v1/agents/" + s.who("agent").AgentID
	var all listing
	s.ask("agent", "GET", me+"/active", nil).into(t, &all)
	if all.Total == 0 || len(all.Consumers) != all.Total || all.AsOf.IsZero() {
		t.Fatalf("the list is %+v", all)
	}
	var page listing
	s.ask("agent", "GET", me+"/active?sort=-case_id&page=2&page_size=3", nil).into(t, &page)
	want := ids(all)
	slices.Sort(want)
	slices.Reverse(want)
	if !slices.Equal(ids(page), want[3:6]) || page.Total != all.Total {
		t.Errorf("a page holds %q of %d, want %q", ids(page), page.Total, want[3:6])
	}
	const id = "5000032500"
	var found listing
	s.ask("agent", "POST", me+"/active/search", map[string]any{"q": "cal training", "sort": "last_name"}).into(t, &found)
	if len(found.Consumers) != 1 || found.Consumers[0].CaseID != id || found.Consumers[0].SSN != "XXX-XX-7880" {
		t.Errorf("searching finds %+v", found)
	}
	var file struct {
		CaseID     string `json:"case_id"`
		Delegation struct{ Status string }
		History    []struct{ Type string }
	}
	s.ask("agent", "GET", me+"/cases/"+id, nil).into(t, &file)
	if file.CaseID != id || file.Delegation.Status != "active" || len(file.History) == 0 {
		t.Errorf("the case is %+v", file)
	}
	s.ask("agent", "POST", me+"/cases/"+id+"/mark-inactive", nil).into(t, &struct{}{})
	var inactive listing
	s.ask("agent", "GET", me+"/inactive", nil).into(t, &inactive)
	if !slices.Contains(ids(inactive), id) {
		t.Errorf("the inactive list holds %q", ids(inactive))
	}
	s.Publish(&events.DelegationRequested{Delegation: events.Delegation{CaseID: "c-new", AgentID: s.who("agent").AgentID}})
	var pending listing
	s.ask("agent", "GET", me+"/pending", nil).into(t, &pending)
	if i := slices.IndexFunc(pending.Consumers, func(c consumer) bool { return c.CaseID == "c-new" }); i < 0 || pending.Consumers[i].Requested == "" {
		t.Errorf("the pending list is %+v", pending)
	}
	s.ask("agent", "POST", me+"/cases/c-new/accept", map[string]any{}).into(t, &struct{}{})
	s.takeBook(t, me)
	s.ask("auditor", "GET", "/v1/status", nil).into(t, &struct{}{})
}

// takeBook takes the latest book and holds it against the list of books and the
// trail.
func (s *site) takeBook(t *testing.T, owner string) {
	t.Helper()
	var list struct {
		Books []struct {
			Friday string
			Rows   int
		}
	}
	s.ask("agent", "GET", owner+"/books", nil).into(t, &list)
	if denied := s.ask("agent", "POST", owner+"/books/latest", map[string]any{}); denied.StatusCode != 403 || !strings.Contains(string(denied.body), `{\"disclaimer\":\"1\",\"accepted\":true}`) {
		t.Errorf("without an answer: %d %s", denied.StatusCode, denied.body)
	}
	book := s.ask("agent", "POST", owner+"/books/latest", map[string]any{"disclaimer": "1", "accepted": true})
	sum := sha256.Sum256(book.body)
	if book.StatusCode != 200 || book.Header.Get("Repr-Digest") != "sha-256=:"+base64.StdEncoding.EncodeToString(sum[:])+":" ||
		!strings.Contains(book.Header.Get("Content-Disposition"), list.Books[0].Friday) || book.Header.Get("Cache-Control") != "no-store" {
		t.Fatalf("the book is answered %d with %v", book.StatusCode, book.Header)
	}
	last := s.lastExport(s.who("agent").PersonID)
	if last.Step != "made" || last.SHA256 != fmt.Sprintf("%x", sum) || last.Rows != list.Books[0].Rows || len(list.Books) != 5 {
		t.Errorf("the trail ends with %+v, the list says %+v", last, list)
	}
}

// TestAuditorsAlone holds that nobody else is told how anything came to be, not
// even of their own consumers.
func TestAuditorsAlone(t *testing.T) {
	t.Parallel()
	s := start(t, small())
	agent, agency := "/v1/agents/"+s.who("agent").AgentID, "/v1/agencies/"+s.who("agent").AgencyID
	audits := []string{"/v1/cases/5000032500/explanation", agent + "/differences?from=latest", agency + "/differences?from=2019-03-01"}
	// What is wrong with a request is told to nobody else either.
	audits = append(audits, agent+"/differences", agency+"/differences", agent+"/differences?page=x", agency+"/differences?x=y", "/v1/cases/5000032500/explanation?friday=")
	figures := []string{"/v1/exports?limit=x", "/v1/rejected?before=x", "/v1/fridays?x=y", "/v1/status?x=y"}
	for _, role := range []string{"agent", "manager", "admin_l1", "admin_l2", "operator"} {
		paths := audits
		if role != "operator" {
			paths = slices.Concat(audits, figures)
		}
		for _, path := range paths {
			if got := s.ask(role, "GET", path, nil); got.StatusCode != 404 || got.problem() != "not-found" {
				t.Errorf("%s: %s is answered %d %s", role, path, got.StatusCode, got.body)
			}
		}
	}
	if text, err := os.ReadFile(s.accessLog()); err != nil || len(text) > 0 {
		t.Errorf("the access log holds %s (%v)", text, err)
	}
}

// TestAudit asks what an auditor's program asks.
func TestAudit(t *testing.T) {
	t.Parallel()
	s := start(t, small())
	me := s.who("agent").AgentID
	s.ask("auditor", "GET", "/v1/cases/5000032500/explanation", nil).into(t, &struct{}{})
	s.comparesBooks(t, me)
	book := s.ask("agent", "POST", "/v1/agents/"+me+"/books/latest", map[string]any{"disclaimer": "1", "accepted": true})
	s.ask("manager", "POST", "/v1/agents/"+me+"/books/latest", map[string]any{"disclaimer": "1", "accepted": true})
	var trail struct {
		Exports []struct {
			Seq        uint64
			Step, Role string
			Accepted   bool
		}
	}
	fixture.Eventually(s.t, "the trail shows both", func() bool { // which the journal holds before they leave
		trail.Exports = nil
		s.ask("auditor", "GET", fmt.Sprintf("/v1/exports?sha256=%X", sha256.Sum256(book.body)), nil).into(t, &trail)
		return len(trail.Exports) == 2
	})
	if len(trail.Exports) != 2 || trail.Exports[0].Role != "manager" || trail.Exports[1].Step != "made" || !trail.Exports[1].Accepted {
		t.Errorf("of the file there is %+v", trail)
	}
	s.ask("auditor", "GET", fmt.Sprintf("/v1/exports?sha256=%x&before=%d", sha256.Sum256(book.body), trail.Exports[0].Seq), nil).into(t, &trail)
	if len(trail.Exports) != 1 || trail.Exports[0].Role != "agent" {
		t.Errorf("before that there is %+v", trail)
	}
	s.ask("auditor", "GET", "/v1/exports?sha256="+strings.Repeat("0", 64), nil).into(t, &trail)
	if len(trail.Exports) != 0 {
		t.Errorf("of another file there is %+v", trail)
	}
	text, err := os.ReadFile(s.accessLog())
	must(t, err)
	for _, want := range []string{`"what":"explanation"`, `"what":"differences"`, `"case":"5000032500"`, `"role":"auditor"`, `"agency":"`, `"agent":"` + me} {
		if !strings.Contains(string(text), want) {
			t.Errorf("the access log holds no %s: %s", want, text)
		}
	}
}

// comparesBooks holds that the pages of a comparison are its parts, and that
// the agency's holds the agent's.
func (s *site) comparesBooks(t *testing.T, agent string) {
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
	s.ask("auditor", "GET", "/v1/fridays", nil).into(t, &fridays)
	path := "/differences?from=" + fridays.Fridays[0].Friday
	var whole, part, agencys compared
	s.ask("auditor", "GET", "/v1/agents/"+agent+path+"&to=latest&page_size=1000", nil).into(t, &whole)
	total := whole.Added + whole.Removed + whole.Changed
	if total < 5 || len(whole.Changes) != total || whole.From.Friday != fridays.Fridays[0].Friday {
		t.Fatalf("the comparison is %+v", whole)
	}
	for _, c := range whole.Changes {
		if len(c.Columns) == 0 || len(c.CausedBy) == 0 && c.OtherCause == "" {
			t.Errorf("nothing has caused %+v", c)
		}
	}
	s.ask("auditor", "GET", "/v1/agents/"+agent+path+"&page=2&page_size=3", nil).into(t, &part)
	if fmt.Sprint(part.Changes) != fmt.Sprint(whole.Changes[3:min(6, total)]) || part.Added != whole.Added {
		t.Errorf("the second page is %+v", part)
	}
	part = compared{}
	s.ask("auditor", "GET", "/v1/agents/"+agent+path+"&page=1000000&page_size=1000", nil).into(t, &part)
	if len(part.Changes) != 0 {
		t.Errorf("behind the last page is %+v", part)
	}
	s.ask("auditor", "GET", "/v1/agencies/"+s.who("agent").AgencyID+path, nil).into(t, &agencys)
	if agencys.Added+agencys.Removed+agencys.Changed < total {
		t.Errorf("the agency's books differ less: %+v", agencys)
	}
}

// TestAgency asks what an agency's staff asks.
func TestAgency(t *testing.T) {
	t.Parallel()
	s := start(t, small())
	agency := "/v1/agencies/" + s.who("manager").AgencyID
	s.Publish(&events.AgentCertified{AgentID: "A-colleague", AgencyID: s.who("manager").AgencyID})
	var own struct{ Agents []struct{ Active int } }
	s.ask("manager", "GET", agency+"/agents", nil).into(t, &own)
	var all listing
	s.ask("manager", "GET", agency+"/active", nil).into(t, &all)
	sum := 0
	for _, a := range own.Agents {
		sum += a.Active
	}
	if sum != all.Total || sum == 0 || all.Consumers[0].AgentID == "" {
		t.Errorf("the agents have %d consumers, the list %d", sum, all.Total)
	}
	var done struct {
		BatchID  string `json:"batch_id"`
		Outcomes []struct {
			CaseID  string `json:"case_id"`
			Outcome string
		}
	}
	s.ask("admin_l2", "POST", agency+"/transfers", map[string]any{
		"from_agent_id": s.who("agent").AgentID, "to_agent_id": "A-colleague", "case_ids": []string{"5000032500", "none"},
	}).into(t, &done)
	if len(done.Outcomes) != 2 || done.BatchID == "" {
		t.Errorf("the transfer became %+v", done)
	}
	var file struct {
		Delegation struct {
			AgentID string `json:"agent_id"`
		}
	}
	s.ask("admin_l1", "GET", agency+"/cases/5000032500", nil).into(t, &file)
	if file.Delegation.AgentID != "A-colleague" {
		t.Errorf("the case is with %q", file.Delegation.AgentID)
	}
	book := s.ask("admin_l1", "POST", agency+"/books/latest", map[string]any{"disclaimer": "1", "accepted": true})
	if book.StatusCode != 200 || !strings.Contains(book.Header.Get("Content-Disposition"), "agency-") {
		t.Errorf("the agency's book is answered %d %v", book.StatusCode, book.Header)
	}
}

// TestLooksAreLogged holds that each look stands in the access log when it is
// answered, and nothing that was refused or searched for.
func TestLooksAreLogged(t *testing.T) {
	t.Parallel()
	s := start(t, small())
	a := s.who("agent")
	me := "/v1/agents/" + a.AgentID
	s.ask("agent", "GET", me+"/cases/5000032500", nil).into(t, &struct{}{})
	s.ask("agent", "POST", me+"/active/search", map[string]any{"q": "cal training"}).into(t, &struct{}{})
	s.ask("manager", "GET", "/v1/agencies/"+a.AgencyID+"/cases/5000032500", nil).into(t, &struct{}{})
	s.ask("agent 2", "GET", me+"/active", nil)
	text, err := os.ReadFile(s.accessLog())
	must(t, err)
	for line, wants := range [][]string{
		{`"what":"case"`, `"case":"5000032500"`, `"role":"agent"`, `"via":"api"`, `"address":"127.0.0.1"`, `"person":"` + a.PersonID + `"`},
		{`"what":"list.active"`, `"agent":"` + a.AgentID + `"`}, {`"role":"manager"`, `"agency":"` + a.AgencyID + `"`},
	} {
		for _, want := range wants {
			if lines := strings.Split(string(text), "\n"); len(lines) != 4 || !strings.Contains(lines[line], want) {
				t.Errorf("line %d of the access log holds no %s: %s", line, want, text)
			}
		}
	}
	if strings.Contains(strings.ToLower(string(text)), "training") {
		t.Errorf("the access log holds what was searched for: %s", text)
	}
}

// TestHalfClosed holds that who closes their side of the connection with the
// request is not answered as if it had succeeded.
func TestHalfClosed(t *testing.T) {
	t.Parallel()
	s := start(t, small())
	token, me := s.token("agent"), "/v1/agents/"+s.who("agent").AgentID
	for _, c := range []struct {
		path, body string
		want       []int
	}{
		{me + "/books/latest", `{"disclaimer":"1"}`, []int{403}},
		{"/v1/agents/" + s.who("agent 2").AgentID + "/books/latest", `{"disclaimer":"1","accepted":true}`, []int{404}},
		{me + "/books/latest", `{"disclaimer":"1","accepted":true}`, []int{503, 200}}, // whichever is first
		{me + "/cases/none/accept", `{}`, []int{404}},
		{me + "/cases/5000032500/mark-inactive", `{}`, []int{200}}, // what is on record is told as done
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
			t.Errorf("%s is answered %d with %d bytes (%v), want %v", c.path, answer.StatusCode, len(text), err, c.want)
		}
		must(t, errors.Join(answer.Body.Close(), conn.Close()))
	}
}
