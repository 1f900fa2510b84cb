package web_test

import (
	"bytes"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v6"

	"bookledger/events"
	"bookledger/schemas"
)

// contract is the published OpenAPI document. The test server checks every API
// response against it.
type contract struct {
	document map[string]any
	routes   *http.ServeMux // finds the path of a request in the document

	mu        sync.Mutex
	compiler  *jsonschema.Compiler
	succeeded map[string]bool // operations that have succeeded
}

const documentURL = "urn:openapi"

var loadContract = sync.OnceValues(func() (*contract, error) {
	doc, err := jsonschema.UnmarshalJSON(bytes.NewReader(schemas.OpenAPI()))
	if err != nil {
		return nil, err
	}
	c := &contract{document: doc.(map[string]any), routes: http.NewServeMux(), compiler: jsonschema.NewCompiler(), succeeded: map[string]bool{}}
	for path := range c.document["paths"].(map[string]any) {
		c.routes.HandleFunc(path, http.NotFound)
	}
	// Clients must accept unknown members, but tests must not.
	for _, s := range c.at("components", "schemas") {
		if s := s.(map[string]any); s["properties"] != nil && s["title"] != "OpenAPI document" {
			s["additionalProperties"] = false
		}
	}
	c.compiler.DefaultDraft(jsonschema.Draft2020)
	c.compiler.AssertFormat()
	return c, c.compiler.AddResource(documentURL, doc)
})

// at returns the node at a path of the document. It follows a reference.
func (c *contract) at(path ...string) map[string]any {
	node := c.document
	for _, name := range path {
		node, _ = node[name].(map[string]any)
	}
	if ref, ok := node["$ref"].(string); ok {
		return c.at(strings.Split(ref, "/")[1:]...)
	}
	return node
}

// check reports how a response differs from the document.
func (c *contract) check(r *http.Request, answer reply) error {
	_, path := c.routes.Handler(r)
	method := strings.ToLower(strings.Replace(r.Method, http.MethodHead, http.MethodGet, 1))
	operation := c.at("paths", path, method)
	if operation == nil {
		if answer.StatusCode != http.StatusMethodNotAllowed && answer.StatusCode != http.StatusNotFound {
			return fmt.Errorf("the method %s is not documented", r.Method)
		}
		if r.Method == http.MethodHead {
			return nil
		}
		return c.validate("#/components/schemas/Problem", answer.body)
	}
	response := c.at("paths", path, method, "responses", fmt.Sprint(answer.StatusCode))
	if response == nil {
		return fmt.Errorf("the status %d is not documented", answer.StatusCode)
	}
	for name := range c.headers(response) {
		if answer.Header.Get(name) == "" && name != "Retry-After" { // some failures lack it
			return fmt.Errorf("the header %s is missing", name)
		}
	}
	c.mu.Lock()
	c.succeeded[operation["operationId"].(string)] = c.succeeded[operation["operationId"].(string)] || answer.StatusCode < 300
	c.mu.Unlock()
	content, _ := response["content"].(map[string]any)
	if content == nil || r.Method == http.MethodHead {
		if len(answer.body) > 0 {
			return fmt.Errorf("got a body of %d bytes, want none", len(answer.body))
		}
		return nil
	}
	media, _, _ := strings.Cut(answer.Header.Get("Content-Type"), ";")
	described, _ := content[media].(map[string]any)
	if described == nil {
		return fmt.Errorf("got the media type %s, want one of %v", media, slices.Collect(maps.Keys(content)))
	}
	if ref, ok := described["schema"].(map[string]any)["$ref"].(string); ok && strings.HasSuffix(media, "json") {
		return c.validate(ref, answer.body)
	}
	return nil
}

func (c *contract) headers(response map[string]any) map[string]any {
	headers, _ := response["headers"].(map[string]any)
	return headers
}

func (c *contract) validate(ref string, body []byte) error {
	value, err := jsonschema.UnmarshalJSON(bytes.NewReader(body))
	if err != nil {
		return err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	schema, err := c.compiler.Compile(documentURL + ref)
	if err != nil {
		return err
	}
	return schema.Validate(value)
}

// checkContract fails the test if a response differs from the document.
func (s *testServer) checkContract(r *http.Request, answer reply) {
	s.t.Helper()
	if !strings.HasPrefix(r.URL.Path, "/v1/") && r.URL.Path != "/openapi.json" {
		return
	}
	c, err := loadContract()
	must(s.t, err)
	if err := c.check(r, answer); err != nil {
		s.t.Errorf("%s %s: the response with status %d differs from the OpenAPI document: %v", r.Method, r.URL.Path, answer.StatusCode, err)
	}
}

// TestEveryOperationSucceedsAsDocumented calls every operation of the document at
// least once and checks a success of each.
func TestEveryOperationSucceedsAsDocumented(t *testing.T) {
	t.Parallel()
	s := start(t, smallConfig())
	for _, id := range []string{"c-request-1", "c-request-2"} {
		s.Publish(&events.DelegationRequested{Delegation: events.Delegation{CaseID: id, AgentID: s.identity("agent").AgentID}})
	}
	s.Publish(&events.AgentCertified{AgentID: "A-colleague", AgencyID: s.identity("manager").AgencyID})
	agent, agency := "/v1/agents/"+s.identity("agent").AgentID, "/v1/agencies/"+s.identity("manager").AgencyID
	yes := map[string]any{"disclaimer": "1", "accepted": true}
	var fridays struct{ Fridays []struct{ Friday string } }
	s.do("auditor", "GET", "/v1/fridays", nil).into(t, &fridays)
	first := fridays.Fridays[0].Friday
	for _, owner := range []string{agent, agency} {
		for _, kind := range []string{"/active", "/pending", "/inactive"} {
			s.do("manager", "GET", owner+kind, nil)
			s.do("manager", "POST", owner+kind+"/search", map[string]any{"sort": "-updated", "page_size": 3})
		}
		s.do("manager", "GET", owner+"/cases/5000032500", nil)
		s.do("manager", "GET", owner+"/books", nil)
		s.do("auditor", "GET", owner+"/differences?from="+first, nil)
		s.do("manager", "POST", owner+"/books/latest", yes)
		s.do("manager", "POST", owner+"/books/latest", map[string]any{"accepted": false})
	}
	s.do("manager", "GET", agency+"/agents", nil)
	s.do("agent", "POST", agent+"/cases/c-request-1/decline", nil)
	s.do("manager", "POST", agency+"/cases/c-request-2/accept", map[string]any{})
	s.do("manager", "POST", agency+"/transfers", map[string]any{"from_agent_id": s.identity("agent").AgentID, "to_agent_id": "A-colleague", "case_ids": []string{"5000032500", "none"}})
	s.do("auditor", "GET", "/v1/cases/5000032500/explanation?friday=latest", nil)
	for _, path := range []string{"/v1/disclaimer", "/v1/rejected", "/v1/exports", "/v1/status"} {
		s.do("auditor", "GET", path, nil)
	}
	s.do("", "GET", "/openapi.json", nil)
	c, err := loadContract()
	must(t, err)
	c.mu.Lock()
	defer c.mu.Unlock()
	for path, item := range c.at("paths") {
		for _, operation := range item.(map[string]any) {
			if id := operation.(map[string]any)["operationId"].(string); !c.succeeded[id] && (strings.HasPrefix(path, "/v1/") || path == "/openapi.json") {
				t.Errorf("the operation %s has not succeeded", id)
			}
		}
	}
}
