package schemas

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/goccy/go-yaml"
	"github.com/santhosh-tekuri/jsonschema/v6"
)

// requests are the requests of the contracts; those that begin with /… are
// there for an agent and for an agency.
var requests = []string{
	"GET /…/active", "POST /…/active/search",
	"GET /…/pending", "POST /…/pending/search",
	"GET /…/inactive", "POST /…/inactive/search",
	"GET /…/cases/{case}", "POST /…/cases/{case}/{action}",
	"GET /…/books", "POST /…/books/{friday}",
	"GET /v1/agencies/{agency}/agents", "POST /v1/agencies/{agency}/transfers",
	"GET /…/differences", "GET /v1/cases/{case}/explanation",
	"GET /v1/disclaimer",
	"GET /v1/fridays", "GET /v1/rejected", "GET /v1/exports", "GET /v1/status",
	"GET /healthz", "GET /readyz", "GET /metrics", "GET /openapi.json",
}

func wantedRequests() []string {
	var all []string
	for _, r := range requests {
		if strings.Contains(r, "/…/") {
			all = append(all, strings.Replace(r, "/…/", "/v1/agents/{agent}/", 1))
			r = strings.Replace(r, "/…/", "/v1/agencies/{agency}/", 1)
		}
		all = append(all, r)
	}
	slices.Sort(all)
	return all
}

// everywhere are the failures with which every request below /v1 may answer.
var everywhere = []string{"401", "404", "405", "429", "500", "503"}

const (
	problemMedia = "application/problem+json"
	binaryMedia  = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
	openAPIURL   = "urn:bookledger:openapi"
)

// description is the OpenAPI document with the schemas in it.
type description struct {
	doc      map[string]any
	compiler *jsonschema.Compiler
}

func readDescription(t *testing.T) description {
	t.Helper()
	doc, err := jsonschema.UnmarshalJSON(bytes.NewReader(OpenAPIJSON()))
	if err != nil {
		t.Fatal(err)
	}
	c := jsonschema.NewCompiler()
	c.DefaultDraft(jsonschema.Draft2020)
	c.AssertFormat()
	c.UseLoader(jsonschema.SchemeURLLoader{})
	if err := c.AddResource(openAPIURL, doc); err != nil {
		t.Fatal(err)
	}
	return description{doc.(map[string]any), c}
}

// at returns the object at a JSON pointer's tokens, and the pointer of where it
// really stands if it is a reference.
func (d description) at(t *testing.T, tokens ...string) (map[string]any, []string) {
	t.Helper()
	var node any = d.doc
	for _, token := range tokens {
		node = node.(map[string]any)[token]
	}
	object, ok := node.(map[string]any)
	if !ok {
		t.Fatalf("%s is no object", pointer(tokens))
	}
	if ref, ok := object["$ref"].(string); ok {
		return d.at(t, strings.Split(strings.TrimPrefix(ref, "#/"), "/")...)
	}
	return object, tokens
}

func pointer(tokens []string) string {
	escape := strings.NewReplacer("~", "~0", "/", "~1")
	var b strings.Builder
	for _, token := range tokens {
		b.WriteString("/" + escape.Replace(token))
	}
	return b.String()
}

// operation is a request with what stands at its path.
type operation struct {
	method, path string
	operation    map[string]any
	pointer      []string
	parameters   map[string]map[string]any // by "in name"
}

func (o operation) String() string { return o.method + " " + o.path }

func (d description) operations(t *testing.T) []operation {
	t.Helper()
	var all []operation
	for path := range d.doc["paths"].(map[string]any) {
		item, at := d.at(t, "paths", path)
		for method := range item {
			if method == "parameters" {
				continue
			}
			o := operation{method: strings.ToUpper(method), path: path, parameters: map[string]map[string]any{}}
			o.operation, o.pointer = d.at(t, append(slices.Clone(at), method)...)
			for _, holder := range []map[string]any{item, o.operation} {
				list, _ := holder["parameters"].([]any)
				for _, p := range list {
					ref := p.(map[string]any)["$ref"].(string)
					parameter, _ := d.at(t, strings.Split(strings.TrimPrefix(ref, "#/"), "/")...)
					o.parameters[fmt.Sprint(parameter["in"], " ", parameter["name"])] = parameter
				}
			}
			all = append(all, o)
		}
	}
	slices.SortFunc(all, func(a, b operation) int { return strings.Compare(a.String(), b.String()) })
	return all
}

// TestOpenAPI demands that exactly the requests of the contracts are described,
// each whole, and that nothing refers to what is not there.
func TestOpenAPI(t *testing.T) {
	d := readDescription(t)
	if d.doc["openapi"] != "3.1.1" {
		t.Errorf("openapi %v", d.doc["openapi"])
	}
	wantReferences(t, d.doc, d.doc)
	if outside := regexp.MustCompile(`"\$ref":"[^#]`).Find(OpenAPIJSON()); outside != nil {
		t.Errorf("the document does not stand alone: %s", outside)
	}
	var got []string
	ids := map[string]string{}
	tags := map[string]bool{}
	for _, o := range d.operations(t) {
		got = append(got, o.String())
		id, _ := o.operation["operationId"].(string)
		if !regexp.MustCompile(`^[a-z][A-Za-z]+$`).MatchString(id) || ids[id] != "" {
			t.Errorf("%s has the operationId %q, and %q has it too", o, id, ids[id])
		}
		ids[id] = o.String()
		for _, name := range []string{"summary", "description"} {
			if text, _ := o.operation[name].(string); text == "" {
				t.Errorf("%s has no %s", o, name)
			}
		}
		for _, tag := range o.operation["tags"].([]any) {
			tags[tag.(string)] = true
		}
		wantParameters(t, o)
		wantFailures(t, o)
	}
	if want := wantedRequests(); !slices.Equal(got, want) {
		t.Errorf("described are\n%q, want\n%q", got, want)
	}
	for _, tag := range d.doc["tags"].([]any) {
		delete(tags, tag.(map[string]any)["name"].(string))
	}
	if len(tags) > 0 {
		t.Errorf("tags that are not described: %v", tags)
	}
}

// wantParameters demands that the parameters in a path are those of its
// template.
func wantParameters(t *testing.T, o operation) {
	t.Helper()
	var want, got []string
	for _, name := range regexp.MustCompile(`\{([a-z]+)\}`).FindAllStringSubmatch(o.path, -1) {
		want = append(want, name[1])
	}
	for key, p := range o.parameters {
		if text, _ := p["description"].(string); text == "" {
			t.Errorf("%s: the parameter %s has no description", o, key)
		}
		if name, ok := strings.CutPrefix(key, "path "); ok {
			got = append(got, name)
			if p["required"] != true {
				t.Errorf("%s: %s is not required", o, key)
			}
		}
	}
	slices.Sort(want)
	slices.Sort(got)
	if !slices.Equal(got, want) {
		t.Errorf("%s has the parameters %q", o, got)
	}
}

// wantFailures demands the failures that a request can have, and that it needs
// credentials where it should.
func wantFailures(t *testing.T, o operation) {
	t.Helper()
	want := []string{"405"}
	security, open := o.operation["security"].([]any)
	if strings.HasPrefix(o.path, "/v1/") {
		want = everywhere
		if open {
			t.Errorf("%s needs other credentials than the rest", o)
		}
	} else if !open || len(security) > 0 {
		t.Errorf("%s needs credentials", o)
	}
	if o.operation["requestBody"] != nil {
		want = append(slices.Clone(want), "400", "403", "413", "415")
	}
	responses := o.operation["responses"].(map[string]any)
	for _, status := range want {
		if responses[status] == nil {
			t.Errorf("%s does not tell of %s", o, status)
		}
	}
}

// TestOpenAPIExamples demands that every body and every answer has a schema,
// and an example that is valid by it.
func TestOpenAPIExamples(t *testing.T) {
	d := readDescription(t)
	examples := 0
	for _, o := range d.operations(t) {
		if o.operation["requestBody"] != nil {
			examples += d.wantExamples(t, o.String(), append(slices.Clone(o.pointer), "requestBody"), "application/json")
		}
		for status := range o.operation["responses"].(map[string]any) {
			media := ""
			if status >= "400" {
				media = problemMedia
			}
			examples += d.wantExamples(t, o.String()+" "+status, append(slices.Clone(o.pointer), "responses", status), media)
		}
		for key, p := range o.parameters {
			if example, ok := p["example"]; ok {
				d.wantValid(t, o.String()+" "+key, p["schema"], example)
				examples++
			}
		}
	}
	if examples < 250 {
		t.Errorf("only %d examples were found", examples)
	}
}

// wantExamples checks the content of a body or an answer, all of the given
// media type if one is given, and returns how many examples it has.
func (d description) wantExamples(t *testing.T, where string, tokens []string, media string) int {
	t.Helper()
	body, at := d.at(t, tokens...)
	if text, _ := body["description"].(string); text == "" {
		t.Errorf("%s has no description", where)
	}
	if strings.HasSuffix(where, " 204") {
		if body["content"] != nil {
			t.Errorf("%s has a body", where)
		}
		return 0
	}
	content, _ := body["content"].(map[string]any)
	if len(content) != 1 {
		t.Fatalf("%s has content of %d types", where, len(content))
	}
	for name := range content {
		if media != "" && name != media {
			t.Errorf("%s is %s", where, name)
		}
		inner, _ := d.at(t, append(slices.Clone(at), "content", name)...)
		example, has := inner["example"]
		if has == (name == binaryMedia) {
			t.Errorf("%s: has an example: %v", where, has)
		}
		if !has {
			return 0
		}
		d.wantValid(t, where, inner["schema"], example)
		if problem, ok := example.(map[string]any); ok && name == problemMedia {
			if status := fmt.Sprint(problem["status"]); !strings.HasSuffix(where, " "+status) {
				t.Errorf("%s has the example of a problem with status %s", where, status)
			}
		}
	}
	return 1
}

func (d description) wantValid(t *testing.T, where string, schema, example any) {
	t.Helper()
	compiled := d.compile(t, where, schema)
	if err := compiled.Validate(example); err != nil {
		t.Errorf("%s: the example is not as its schema has it: %v", where, err)
	}
}

// compile makes a validator of a schema, or of the one that it refers to.
func (d description) compile(t *testing.T, where string, schema any) *jsonschema.Schema {
	t.Helper()
	object, ok := schema.(map[string]any)
	if !ok {
		t.Fatalf("%s has no schema", where)
	}
	url := openAPIURL
	if ref, ok := object["$ref"].(string); ok {
		url += ref
	} else {
		url = openAPIURL + ":" + strings.NewReplacer(" ", "-", "/", "-", "{", "", "}", "").Replace(where)
		if err := d.compiler.AddResource(url, object); err != nil {
			t.Fatal(err)
		}
	}
	compiled, err := d.compiler.Compile(url)
	if err != nil {
		t.Fatalf("%s: %v", where, err)
	}
	return compiled
}

// TestOpenAPIObjects demands that every object and every member says what it
// is, that required members are there, and that every schema is used.
func TestOpenAPIObjects(t *testing.T) {
	d := readDescription(t)
	text := string(OpenAPIJSON())
	for _, section := range []string{"parameters", "headers", "requestBodies", "responses", "schemas"} {
		all, _ := d.at(t, "components", section)
		for name := range all {
			if !strings.Contains(text, `"$ref":"#/components/`+section+`/`+name+`"`) {
				t.Errorf("nothing refers to %s/%s", section, name)
			}
		}
	}
	schemas, _ := d.at(t, "components", "schemas")
	for name := range schemas {
		s, _ := d.at(t, "components", "schemas", name)
		d.compile(t, name, map[string]any{"$ref": "#/components/schemas/" + name})
		if s["title"] == nil || s["description"] == nil {
			t.Errorf("%s has no title or no description", name)
		}
		properties, _ := s["properties"].(map[string]any)
		for member, p := range properties {
			if p.(map[string]any)["description"] == nil {
				t.Errorf("%s.%s has no description", name, member)
			}
		}
		required, _ := s["required"].([]any)
		for _, member := range required {
			if properties[member.(string)] == nil {
				t.Errorf("%s requires %s, which is not described", name, member)
			}
		}
	}
}

// TestOpenAPIRefuses holds that the schemas are not so wide that the examples
// prove nothing.
func TestOpenAPIRefuses(t *testing.T) {
	d := readDescription(t)
	for name, bad := range map[string][]string{
		"Search":      {`{"carier":"x"}`, `{"sort":"phone"}`, `{"page_size":2001}`, `{"page":0}`, `[]`},
		"Transfer":    {`{"from_agent_id":"A1"}`, `{"from_agent_id":"A1","to_agent_id":"A2","case_ids":[]}`},
		"Answer":      {`{}`, `{"accepted":"yes"}`},
		"Empty":       {`{"reason":"x"}`},
		"Consumers":   {`{"as_of":"2026-11-23T17:02:11Z","total":0,"page":1,"page_size":1}`},
		"Date":        {`"2026-02-30"`, `""`},
		"DateOrBlank": {`"11/20/2026"`, `null`},
		"Time":        {`"2026-11-23T09:02:11-08:00"`},
		"MaskedSSN":   {`"123-45-7880"`, `"7880"`},
		"Amount":      {`412.33`, `"412.3"`},
		"Identifier":  {`""`, `"a b"`},
		"Problem":     {`{"type":"about:blank","title":"","status":404,"detail":""}`},
	} {
		schema := d.compile(t, name, map[string]any{"$ref": "#/components/schemas/" + name})
		for _, text := range bad {
			value, err := jsonschema.UnmarshalJSON(strings.NewReader(text))
			if err != nil {
				t.Fatal(err)
			}
			if schema.Validate(value) == nil {
				t.Errorf("%s takes %s", name, text)
			}
		}
	}
}

// TestOpenAPIJSON demands that the JSON says what the YAML says, in its order.
func TestOpenAPIJSON(t *testing.T) {
	var want, got any
	if err := yaml.Unmarshal(OpenAPI(), &want); err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(OpenAPIJSON(), &got); err != nil {
		t.Fatal(err)
	}
	wantJSON, err := json.Marshal(want)
	if err != nil {
		t.Fatal(err)
	}
	gotJSON, err := json.Marshal(got)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(gotJSON, wantJSON) {
		t.Error("the JSON differs from the YAML")
	}
	inOrder := jsonMembers(t, OpenAPIJSON())
	if want := []string{"openapi", "info", "servers", "security", "tags", "paths", "components"}; !slices.Equal(inOrder, want) {
		t.Errorf("the members stand in the order %q", inOrder)
	}
	OpenAPIJSON()[0] = 'x'
	if OpenAPIJSON()[0] != '{' {
		t.Error("a caller can change the document")
	}
}

// jsonMembers returns the names of an object's members in their order.
func jsonMembers(t *testing.T, object []byte) []string {
	t.Helper()
	decoder := json.NewDecoder(bytes.NewReader(object))
	if _, err := decoder.Token(); err != nil {
		t.Fatal(err)
	}
	var names []string
	for decoder.More() {
		name, err := decoder.Token()
		if err != nil {
			t.Fatal(err)
		}
		names = append(names, name.(string))
		var value json.RawMessage
		if err := decoder.Decode(&value); err != nil {
			t.Fatal(err)
		}
	}
	return names
}

// TestJSONOf holds the conversion to what JSON can say.
func TestJSONOf(t *testing.T) {
	got, err := jsonOf([]byte("b: [1, -2, 1.5, true, null, {}]\na: \"quo\\\"te \\u0007 é\"\n1: x\n"))
	if want := `{"b":[1,-2,1.5,true,null,{}],"a":"quo\"te \u0007 é","1":"x"}`; err != nil || string(got) != want {
		t.Errorf("got %s, %v\nwant %s", got, err, want)
	}
	for _, bad := range []string{"a: .nan", "a: [", "a: 1\na: 2"} {
		if got, err := jsonOf([]byte(bad)); err == nil {
			t.Errorf("%q became %s", bad, got)
		}
	}
}

// TestRejectionCodes demands that a problem can have exactly the codes of the
// contracts.
func TestRejectionCodes(t *testing.T) {
	const codes = "malformed wrong_subject bad_recorded history_closed time_step_back unsupported_type unsupported_version schema " +
		"no_pending_request not_delegated wrong_agent unknown_member unknown_agent"
	got := map[string]bool{}
	code, _ := readDescription(t).at(t, "components", "schemas", "RejectionCode")
	for _, c := range code["enum"].([]any) {
		got[c.(string)] = true
	}
	want := map[string]bool{}
	for c := range strings.FieldsSeq(codes) {
		want[c] = true
	}
	if !maps.Equal(got, want) {
		t.Errorf("rejection codes %v", got)
	}
}
