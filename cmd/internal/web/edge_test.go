package web_test

import (
	"strings"
	"testing"
)

// edgeCase is a request to which a web framework could easily respond differently
// from the contract.
type edgeCase struct {
	role, method, path string
	body               string
	header             string // "Name: value", or "Name:" to omit it
	status             int
	want               string // type and field of a problem, or a part of the body of a success
}

// TestEdgeCases checks the status, problem type, and field of invalid requests and
// of requests at the limits: methods, repeated and blank parameters, and bodies.
func TestEdgeCases(t *testing.T) {
	t.Parallel()
	s := start(t, smallConfig())
	me, agency := "/v1/agents/"+s.identity("agent").AgentID, "/v1/agencies/"+s.identity("manager").AgencyID
	search, book, act := me+"/active/search", me+"/books/latest", me+"/cases/5000032500/mark-inactive"
	padded := func(form string, size int) string { // returns a body of size bytes
		return strings.Replace(form, "@", strings.Repeat("x", size-len(form)+1), 1)
	}
	a, b := s.identity("agent"), s.identity("agent 2")
	other, otherAgency := "/v1/agents/"+b.AgentID, "/v1/agencies/"+b.AgencyID
	const yes = `{"disclaimer":"1","accepted":true}`
	for _, e := range []edgeCase{
		// Things that do not exist or that the caller may not see.
		{"", "GET", me + "/active", "", "", 401, "unauthorized"},
		{"", "POST", book, yes, "", 401, "unauthorized"},
		{"", "GET", "/v1/status", "", "", 401, "unauthorized"},
		{"", "GET", "/v1/cases/5000032500/explanation", "", "", 401, "unauthorized"},
		{"agent", "GET", other + "/active", "", "", 404, "not-found"},
		{"agent", "GET", "/v1/agents/A-nobody/active", "", "", 404, "not-found"},
		{"agent", "GET", other + "/books", "", "", 404, "not-found"},
		{"agent", "POST", other + "/books/latest", yes, "", 404, "not-found"},
		{"agent 2", "GET", other + "/cases/5000032500", "", "", 404, "not-found"},
		{"agent 2", "POST", other + "/cases/5000032500/mark-inactive", "", "", 404, "not-found"},
		{"agent", "GET", agency + "/agents", "", "", 404, "not-found"},
		{"manager", "GET", otherAgency + "/agents", "", "", 404, "not-found"},
		{"manager", "GET", otherAgency + "/active", "", "", 404, "not-found"},
		{"manager", "POST", otherAgency + "/books/latest", yes, "", 404, "not-found"},
		{"manager", "GET", other + "/active", "", "", 404, "not-found"},
		{"operator", "GET", me + "/active", "", "", 404, "not-found"},
		{"agent", "POST", me + "/cases/5000032500/explode", "", "", 404, "not-found"},
		{"admin_l1", "POST", agency + "/transfers", `{"from_agent_id":"` + a.AgentID + `","to_agent_id":"A100002","all":true}`, "", 403, "forbidden"},
		{"manager", "POST", agency + "/transfers", `{"from_agent_id":"` + a.AgentID + `","to_agent_id":"` + b.AgentID + `","all":true}`, "", 404, "not-found to_agent_id"},
		{"auditor", "GET", "/v1/cases/5000099999/explanation", "", "", 404, "not-found"},
		{"auditor", "GET", "/v1/cases/a%20b/explanation", "", "", 404, "not-found"},
		{"auditor", "GET", "/v1/cases/5000032500/explanation?agent=%3Cx%3E", "", "", 404, "not-found agent"},
		{"auditor", "GET", "/v1/cases/5000032500/explanation?friday=2019-03-01", "", "", 404, "no-book"},
		{"auditor", "GET", me + "/differences?from=2019-03-01", "", "", 404, "no-book from"},
		{"auditor", "GET", me + "/differences?from=latest&to=2099-01-02", "", "", 404, "no-book to"},
		{"auditor", "GET", "/v1/agents/A-nobody/differences?from=latest", "", "", 404, "not-found"},
		{"auditor", "GET", "/v1/agencies/G-nobody/differences?from=latest", "", "", 404, "not-found"},
		{"agent", "POST", me + "/books/2019-03-01", yes, "", 404, "no-book"},
		{"agent", "POST", me + "/books/2019-03-02", yes, "", 404, "no-book"},
		{"agent", "POST", me + "/books/2099-01-02", yes, "", 404, "no-book"},
		{"agent", "POST", me + "/books/friday", yes, "", 404, "no-book"},

		// Methods and paths.
		{"agent", "DELETE", me + "/active", "", "", 405, "method"},
		{"", "PUT", search, "", "", 405, "method"},
		{"agent", "GET", book, "", "", 405, "method"},
		{"", "POST", "/openapi.json", "", "", 405, "method"},
		{"agent", "HEAD", me + "/active", "", "", 200, ""},
		{"agent", "HEAD", search, "", "", 405, ""},
		{"", "GET", "/v1/nowhere", "", "", 404, "not-found"},
		{"", "POST", "/v1/", "", "", 404, "not-found"},
		{"", "GET", me + "/active/", "", "", 404, "not-found"},
		{"agent", "GET", me + "/active", "", "Accept: text/html", 200, `"consumers":[{`},
		{"agent", "GET", me + "/active", "", "Accept: application/problem+json", 200, `"consumers":[{`},
		{"agent", "GET", me + "/active?page=x", "", "Accept: text/html", 400, "invalid page"},

		// Parameters of lists: blanks are ignored, and invalid ones are named.
		{"agent", "GET", me + "/active?status=&page=&sort=&application_year=", "", "", 200, `"page":1,"page_size":2000`},
		{"agent", "GET", me + "/active?page", "", "", 200, `"page":1,`},
		{"agent", "GET", me + "/active?%70age=2&page_size=3", "", "", 200, `"page":2,"page_size":3`},
		{"agent", "GET", me + "/active?page=2", "", "", 200, `"page":2,"page_size":2000,"consumers":[]`}, // after the last page
		{"agent", "GET", me + "/active?status=a&status=a", "", "", 400, "invalid status"},
		{"agent", "GET", me + "/active?page=1&page=1", "", "", 400, "invalid page"},
		{"agent", "GET", me + "/active?Colour=red", "", "", 400, "invalid query"},
		{"agent", "GET", me + "/active?colour=red", "", "", 400, "invalid colour"},
		{"agent", "GET", me + "/active?sort=phone", "", "", 400, "invalid sort"},
		{"agent", "GET", me + "/active?case_id=1", "", "", 400, "invalid case_id"},
		{"agent", "GET", me + "/active?page=0", "", "", 400, "invalid page"},
		{"agent", "GET", me + "/active?page=1.5", "", "", 400, "invalid page"},
		{"agent", "GET", me + "/active?page=2001", "", "", 400, "invalid page"},
		{"agent", "GET", me + "/active?page=99999999999999999999", "", "", 400, "invalid page"},
		{"agent", "GET", me + "/active?page_size=0", "", "", 400, "invalid page_size"},
		{"agent", "GET", me + "/active?page_size=2001", "", "", 400, "invalid page_size"},
		{"agent", "GET", me + "/active?application_year=x", "", "", 400, "invalid application_year"},
		{"agent", "GET", me + "/active?application_year=0", "", "", 400, "invalid application_year"},
		{"agent", "GET", me + "/active?carrier=" + strings.Repeat("x", 801), "", "", 400, "invalid carrier"},
		{"agent", "GET", me + "/active?carrier=" + strings.Repeat("x", 800), "", "", 200, `"consumers":[]`},
		{"agent", "GET", me + "/active?status=%", "", "", 400, "invalid query"},
		{"agent", "GET", me + "/active?status=Enrolled;x=1", "", "", 400, "invalid query"},

		// Other parameters: blanks are invalid.
		{"auditor", "GET", me + "/differences?from=latest&to=", "", "", 400, "invalid to"},
		{"auditor", "GET", me + "/differences?from=latest&page", "", "", 400, "invalid page"},
		{"auditor", "GET", me + "/differences?from=latest&from=latest", "", "", 400, "invalid query"},
		{"auditor", "GET", me + "/differences?from=abc", "", "", 404, "no-book from"},
		{"auditor", "GET", me + "/differences?from=2026-02-30", "", "", 404, "no-book from"},
		{"auditor", "GET", me + "/differences?from=latest&page=1000001", "", "", 400, "invalid page"},
		{"auditor", "GET", me + "/differences?from=latest&page=0", "", "", 400, "invalid page"},
		{"auditor", "GET", me + "/differences?from=latest&page_size=1001", "", "", 400, "invalid page_size"},
		{"auditor", "GET", me + "/differences", "", "", 400, "invalid from"},
		{"auditor", "GET", me + "/differences?from=latest", "", "", 400, "invalid from"},
		{"auditor", "GET", "/v1/exports?sha256=abc", "", "", 400, "invalid sha256"},
		{"auditor", "GET", me + "/differences?from=latest&Page=1", "", "", 400, "invalid query"},
		{"auditor", "GET", "/v1/cases/5000032500/explanation?friday=abc", "", "", 404, "no-book"},
		{"auditor", "GET", "/v1/rejected?limit=0", "", "", 400, "invalid limit"},
		{"auditor", "GET", "/v1/rejected?limit=1001", "", "", 400, "invalid limit"},
		{"auditor", "GET", "/v1/rejected?before=0", "", "", 400, "invalid before"},
		{"auditor", "GET", "/v1/rejected?before=-1", "", "", 400, "invalid before"},
		{"auditor", "GET", "/v1/rejected?before=18446744073709551615&limit=1000", "", "", 200, `"rejected":[`},
		{"auditor", "GET", "/v1/rejected?before=18446744073709551616", "", "", 400, "invalid before"},
		{"auditor", "GET", "/v1/rejected?before=1", "", "", 200, `{"rejected":[]}`},
		{"auditor", "GET", "/v1/exports?before=1", "", "", 200, `{"exports":[]}`},
		{"auditor", "GET", "/v1/status?x", "", "", 400, "invalid query"},
		{"agent", "GET", me + "/books?x", "", "", 400, "invalid query"},
		{"agent", "GET", me + "/books?before=", "", "", 400, "invalid before"},
		{"agent", "GET", me + "/books?before=soon", "", "", 400, "invalid before"},
		{"agent", "GET", me + "/books?before=2026-02-30", "", "", 400, "invalid before"},
		{"agent", "GET", me + "/books?before=2026-11-20&before=2026-11-20", "", "", 400, "invalid query"},
		{"agent", "GET", me + "/books?before=2014-01-03", "", "", 200, `"books":[]`},
		{"agent", "GET", me + "/cases/5000032500?x=1", "", "", 400, "invalid query"},
		{"agent", "GET", "/v1/disclaimer?x=1", "", "", 200, `"version":"1"`},
		{"manager", "GET", agency + "/agents?x=1", "", "", 400, "invalid query"},

		// Bodies: media type, exact size limit, and content.
		{"agent", "POST", search, `{}`, "Content-Type: Application/JSON; charset=utf-8", 200, `"consumers":[{`},
		{"agent", "POST", search, `{}`, "Content-Type:", 415, "media-type"},
		{"agent", "POST", search, `{}`, "Content-Type: application/x-www-form-urlencoded", 415, "media-type"},
		{"agent", "POST", search, "", "", 400, "invalid body"},
		{"agent", "POST", search, `[]`, "", 400, "invalid body"},
		{"agent", "POST", search, `{} {}`, "", 400, "invalid body"},
		{"agent", "POST", search, `{"q":"a","q":"b"}`, "", 400, "invalid body"},
		{"agent", "POST", search, `{"Q":"a"}`, "", 400, "invalid body"},
		{"agent", "POST", search, `{"page":1.5}`, "", 400, "invalid page"},
		{"agent", "POST", search, `{"page":-1}`, "", 400, "invalid page"},
		{"agent", "POST", search, `{"page":0,"page_size":0,"sort":"","status":"","application_year":0,"q":null}`, "", 200, `"page":1,"page_size":2000`},
		{"agent", "POST", search + "?q=x", `{}`, "", 400, "invalid query"},
		{"agent", "POST", book + "?x=1", `{}`, "", 400, "invalid query"},
		{"agent", "POST", search, `{"q":"` + strings.Repeat("a ", 50) + `"}`, "", 400, "invalid q"},
		{"agent", "POST", search, `{"sort":"phone"}`, "", 400, "invalid sort"},
		{"agent", "POST", search, `{"colour":"red"}`, "", 400, "invalid colour"},
		{"agent", "POST", search, padded(`{"q":"@"}`, 1<<20), "", 400, "invalid q"},
		{"agent", "POST", search, padded(`{"q":"@"}`, 1<<20+1), "", 413, "too-large"},
		{"agent", "POST", book, padded(`{"disclaimer":"@"}`, 64<<10), "", 403, "not-accepted"},
		{"agent", "POST", book, padded(`{"disclaimer":"@"}`, 64<<10+1), "", 413, "too-large"},
		{"agent", "POST", book, `{"accepted":null}`, "", 403, "not-accepted"},
		{"agent", "POST", book, `{}`, "", 403, "not-accepted"},
		{"agent", "POST", book, `{"disclaimer":"0","accepted":true}`, "", 403, "not-accepted"},
		{"agent", "POST", book, `{"accepted":"yes"}`, "", 400, "invalid accepted"},
		{"agent", "POST", book, `{"accepted":false,"friday":1}`, "", 400, "invalid friday"},
		{"agent", "POST", book, `{"accepted":false}`, "", 204, ""},
		{"agent", "POST", act + "?x", `{}`, "", 400, "invalid query"},
		{"agent", "POST", act, `{"reason":"x"}`, "", 400, "invalid reason"},
		{"agent", "POST", act, `{}`, "Content-Type:", 415, "media-type"},
		{"agent", "POST", act, "", "Content-Type:", 200, `"action":"mark-inactive"`},
		{"agent", "POST", act, `null`, "", 409, "conflict"},
		{"manager", "POST", agency + "/transfers", `{"from_agent_id":"A1","to_agent_id":"A2","case_ids":["a",7]}`, "", 400, "invalid case_ids/1"},
		{"manager", "POST", agency + "/transfers", `{"from_agent_id":"A1"}`, "", 400, "invalid to_agent_id"},
		{"manager", "POST", agency + "/transfers", `{"from":"A1"}`, "", 400, "invalid from"},
		{"agent", "POST", agency + "/transfers", `{"from_agent_id":"A1","to_agent_id":"A2"}`, "", 400, "invalid case_ids"},
		// Access is checked before validity.
		{"agent", "GET", "/v1/rejected?limit=x", "", "", 404, "not-found"},
		{"", "POST", search, `{`, "Content-Type:", 401, "unauthorized"},
	} {
		got := s.doEdgeCase(e)
		if got.StatusCode != e.status {
			t.Errorf("%s: %s %s %.60s: got status %d %.300s, want %d", e.role, e.method, e.path, e.body, got.StatusCode, got.body, e.status)
			continue
		}
		media := "application/json"
		if e.status >= 400 {
			media = "application/problem+json"
		}
		switch {
		case e.status == 204 || e.method == "HEAD":
			if len(got.body) > 0 {
				t.Errorf("%s %s: got a body, want none", e.method, e.path)
			}
		case e.status >= 400 && got.problem() != e.want, e.status < 400 && !strings.Contains(string(got.body), e.want):
			t.Errorf("%s: %s %s %.60s: got %.300s, want %s", e.role, e.method, e.path, e.body, got.body, e.want)
		case got.Header.Get("Content-Type") != media:
			t.Errorf("%s %s: got Content-Type %s", e.method, e.path, got.Header.Get("Content-Type"))
		}
		if allow := got.Header.Get("Allow"); (e.status == 405) != (allow == "GET, HEAD" || allow == "POST") {
			t.Errorf("%s %s: got Allow %q", e.method, e.path, allow)
		}
		if challenge := got.Header.Get("WWW-Authenticate"); (e.status == 401) != (challenge != "") {
			t.Errorf("%s %s: got WWW-Authenticate %q", e.method, e.path, challenge)
		}
	}
}

// TestRejectsBadCredentialsAndCrossSiteForms checks requests that are rejected
// whatever they request.
func TestRejectsBadCredentialsAndCrossSiteForms(t *testing.T) {
	t.Parallel()
	s := start(t, smallConfig())
	book := "/v1/agents/" + s.identity("agent").AgentID + "/books/latest"
	for header, status := range map[string]int{
		"Authorization: Bearer x.y.z": 401, "Authorization: Basic eDp5": 401, "Sec-Fetch-Site: cross-site": 403, "Origin: https://evil.example": 403, "": 204,
	} {
		if got := s.doEdgeCase(edgeCase{"agent", "POST", book, `{"disclaimer":"1","accepted":false}`, header, status, ""}); got.StatusCode != status {
			t.Errorf("with %q: got status %d %s", header, got.StatusCode, got.body)
		}
	}
}

func (s *testServer) doEdgeCase(e edgeCase) reply {
	s.t.Helper()
	r := s.newRequest(s.token(e.role), e.method, e.path, e.body)
	if name, value, ok := strings.Cut(e.header, ":"); ok {
		r.Header.Del(name)
		if value != "" {
			r.Header.Set(name, strings.TrimSpace(value))
		}
	}
	return s.send(r)
}
