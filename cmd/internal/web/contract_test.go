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

// contract is the published description of the API, against which the site holds
// every answer that a test gets.
type contract struct {
	document map[string]any
	routes   *http.ServeMux // tells which path of the document a request is about

	mu       sync.Mutex
	compiler *jsonschema.Compiler
	answered map[string]bool // operations that have answered with a success
}

const documentURL = "urn:openapi"

var published = sync.OnceValues(func() (*contract, error) {
	doc, err := jsonschema.UnmarshalJSON(bytes.NewReader(schemas.OpenAPI()))
	if err != nil {
		return nil, err
	}
	c := &contract{document: doc.(map[string]any), routes: http.NewServeMux(), compiler: jsonschema.NewCompiler(), answered: map[string]bool{}}
	for path := range c.document["paths"].(map[string]any) {
		c.routes.HandleFunc(path, http.NotFound)
	}
	// Clients must take members that are new; a test must not.
	for _, s := range c.at("components", "schemas") {
		if s := s.(map[string]any); s["properties"] != nil && s["title"] != "OpenAPI document" {
			s["additionalProperties"] = false
		}
	}
	c.compiler.DefaultDraft(jsonschema.Draft2020)
	c.compiler.AssertFormat()
	return c, c.compiler.AddResource(documentURL, doc)
})

// at is what stands at a path of the document, or where it refers to.
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

// judge says how an answer differs from what the document says of it.
func (c *contract) judge(r *http.Request, answer reply) error {
	_, path := c.routes.Handler(r)
	method := strings.ToLower(strings.Replace(r.Method, http.MethodHead, http.MethodGet, 1))
	operation := c.at("paths", path, method)
	if operation == nil {
		if answer.StatusCode != http.StatusMethodNotAllowed && answer.StatusCode != http.StatusNotFound {
			return fmt.Errorf("%s is not described", r.Method)
		}
		if r.Method == http.MethodHead {
			return nil
		}
		return c.valid("#/components/schemas/Problem", answer.body)
	}
	response := c.at("paths", path, method, "responses", fmt.Sprint(answer.StatusCode))
	if response == nil {
		return fmt.Errorf("the status %d is not described", answer.StatusCode)
	}
	for name := range c.headers(response) {
		if answer.Header.Get(name) == "" && name != "Retry-After" { // which some failures have not
			return fmt.Errorf("the header %s is missing", name)
		}
	}
	c.mu.Lock()
	c.answered[operation["operationId"].(string)] = c.answered[operation["operationId"].(string)] || answer.StatusCode < 300
	c.mu.Unlock()
	content, _ := response["content"].(map[string]any)
	if content == nil || r.Method == http.MethodHead {
		if len(answer.body) > 0 {
			return fmt.Errorf("there is a body of %d bytes", len(answer.body))
		}
		return nil
	}
	media, _, _ := strings.Cut(answer.Header.Get("Content-Type"), ";")
	described, _ := content[media].(map[string]any)
	if described == nil {
		return fmt.Errorf("it is %s, and described as %v", media, slices.Collect(maps.Keys(content)))
	}
	if ref, ok := described["schema"].(map[string]any)["$ref"].(string); ok && strings.HasSuffix(media, "json") {
		return c.valid(ref, answer.body)
	}
	return nil
}

func (c *contract) headers(response map[string]any) map[string]any {
	headers, _ := response["headers"].(map[string]any)
	return headers
}

func (c *contract) valid(ref string, body []byte) error {
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

// judge fails the test where an answer is not as the document describes it.
func (s *site) judge(r *http.Request, answer reply) {
	s.t.Helper()
	if !strings.HasPrefix(r.URL.Path, "/v1/") && r.URL.Path != "/openapi.json" {
		return
	}
	c, err := published()
	must(s.t, err)
	if err := c.judge(r, answer); err != nil {
		s.t.Errorf("%s %s is answered %d, not as it is described: %v", r.Method, r.URL.Path, answer.StatusCode, err)
	}
}

// TestEveryOperation asks for everything that the document describes once, so
// that a success of each was held against it.
func TestEveryOperation(t *testing.T) {
	t.Parallel()
	s := start(t, small())
	for _, id := range []string{"c-asks", "c-asks-too"} {
		s.Publish(&events.DelegationRequested{Delegation: events.Delegation{CaseID: id, AgentID: s.who("agent").AgentID}})
	}
	s.Publish(&events.AgentCertified{AgentID: "A-colleague", AgencyID: s.who("manager").AgencyID})
	agent, agency := "/v1/agents/"+s.who("agent").AgentID, "/v1/agencies/"+s.who("manager").AgencyID
	yes := map[string]any{"disclaimer": "1", "accepted": true}
	var fridays struct{ Fridays []struct{ Friday string } }
	s.ask("auditor", "GET", "/v1/fridays", nil).into(t, &fridays)
	first := fridays.Fridays[0].Friday
	for _, owner := range []string{agent, agency} {
		for _, kind := range []string{"/active", "/pending", "/inactive"} {
			s.ask("manager", "GET", owner+kind, nil)
			s.ask("manager", "POST", owner+kind+"/search", map[string]any{"sort": "-updated", "page_size": 3})
		}
		s.ask("manager", "GET", owner+"/cases/5000032500", nil)
		s.ask("manager", "GET", owner+"/books", nil)
		s.ask("auditor", "GET", owner+"/differences?from="+first, nil)
		s.ask("manager", "POST", owner+"/books/latest", yes)
		s.ask("manager", "POST", owner+"/books/latest", map[string]any{"accepted": false})
	}
	s.ask("manager", "GET", agency+"/agents", nil)
	s.ask("agent", "POST", agent+"/cases/c-asks/decline", nil)
	s.ask("manager", "POST", agency+"/cases/c-asks-too/accept", map[string]any{})
	s.ask("manager", "POST", agency+"/transfers", map[string]any{"from_agent_id": s.who("agent").AgentID, "to_agent_id": "A-colleague", "case_ids": []string{"5000032500", "none"}})
	s.ask("auditor", "GET", "/v1/cases/5000032500/explanation?friday=latest", nil)
	for _, path := range []string{"/v1/disclaimer", "/v1/rejected", "/v1/exports", "/v1/status"} {
		s.ask("auditor", "GET", path, nil)
	}
	s.ask("", "GET", "/openapi.json", nil)
	c, err := published()
	must(t, err)
	c.mu.Lock()
	defer c.mu.Unlock()
	for path, item := range c.at("paths") {
		for _, operation := range item.(map[string]any) {
			if id := operation.(map[string]any)["operationId"].(string); !c.answered[id] && (strings.HasPrefix(path, "/v1/") || path == "/openapi.json") {
				t.Errorf("%s has not answered", id)
			}
		}
	}
}
