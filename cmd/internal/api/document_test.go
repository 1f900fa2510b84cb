package api

import (
	"bytes"
	"encoding/json"
	"flag"
	"fmt"
	"maps"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v6"

	"bookledger/cmd/internal/fixture"
	"bookledger/schemas"
)

var update = flag.Bool("update", false, "write the generated document to schemas/openapi.json")

func newAPI(t *testing.T) *API {
	t.Helper()
	a, err := New(Options{})
	fixture.Must(t, err)
	return a
}

// TestDocument holds the published document to the one that the types make: its
// paths, members and codes change with it or not at all.
func TestDocumentIsCurrent(t *testing.T) {
	d, _ := newAPI(t).Document()
	got, err := json.MarshalIndent(d, "", "  ")
	fixture.Must(t, err)
	got = append(got, '\n')
	if *update {
		fixture.Must(t, os.WriteFile("../../../schemas/openapi.json", got, 0o644))
		return
	}
	if !bytes.Equal(got, schemas.OpenAPI()) {
		t.Error("schemas/openapi.json is not what the types make: run go test ./cmd/internal/api -run TestDocument -update")
	}
}

// TestTexts demands that everything is told of in words, and that there are no
// words for what is not there.
func TestDocumentDescribesEverything(t *testing.T) {
	d := newAPI(t).document
	components := slices.Sorted(maps.Keys(d.Components.Schemas.Map()))
	described := slices.Sorted(maps.Keys(d.Objects))
	described = slices.Sorted(slices.Values(append(described, slices.Collect(maps.Keys(d.Kinds))...)))
	if !slices.Equal(components, described) {
		t.Errorf("there are the schemas\n%q, and texts for\n%q", components, described)
	}
	if len(d.Operations) != len(d.operations) || len(d.Failures) != len(failures) {
		t.Errorf("there are texts for %d operations and %d failures, want %d and %d", len(d.Operations), len(d.Failures), len(d.operations), len(failures))
	}
	text := schemas.OpenAPI()
	if holes := regexp.MustCompile(`"(description|title|summary)": ""`).FindAll(text, -1); holes != nil {
		t.Errorf("%d texts are missing", len(holes))
	}
	for name, s := range d.Components.Schemas.Map() {
		if s.Title == "" || s.Description == "" {
			t.Errorf("%s has no title or no description", name)
		}
		if !bytes.Contains(text, []byte(`"$ref": "#/components/schemas/`+name+`"`)) {
			t.Errorf("nothing refers to %s", name)
		}
		for member, p := range s.Properties {
			if p.Description == "" {
				t.Errorf("%s.%s has no description", name, member)
			}
			if p.Nullable || p.Items != nil && p.Items.Nullable {
				t.Errorf("%s.%s may be null", name, member)
			}
		}
	}
	for _, op := range d.operations {
		if op.Summary == "" || op.Description == "" || op.Responses["200"].Description == "" || len(op.Tags) != 1 {
			t.Errorf("%s is not told of whole", op.OperationID)
		}
		for _, p := range op.Parameters {
			if p.Description == "" {
				t.Errorf("%s: %s has no description", op.OperationID, p.Name)
			}
		}
	}
}

// compiled is the document with its schemas.
type compiled struct {
	document any
	compiler *jsonschema.Compiler
}

func compile(t *testing.T) compiled {
	t.Helper()
	doc, err := jsonschema.UnmarshalJSON(bytes.NewReader(schemas.OpenAPI()))
	fixture.Must(t, err)
	c := jsonschema.NewCompiler()
	c.DefaultDraft(jsonschema.Draft2020)
	c.AssertFormat()
	fixture.Must(t, c.AddResource("urn:document", doc))
	return compiled{doc, c}
}

func (c compiled) validate(t *testing.T, pointer string, value any) error {
	t.Helper()
	schema, err := c.compiler.Compile("urn:document#" + pointer)
	fixture.Must(t, err)
	return schema.Validate(value)
}

// TestExamples demands that whatever has a schema and an example has one that is
// valid, and that there is one wherever there can be.
func TestExamplesAreValid(t *testing.T) {
	c := compile(t)
	examples := 0
	var walk func(pointer string, node any)
	walk = func(pointer string, node any) {
		if list, ok := node.([]any); ok {
			for i, item := range list {
				walk(fmt.Sprint(pointer, "/", i), item)
			}
		}
		object, ok := node.(map[string]any)
		if !ok {
			return
		}
		if example, ok := object["example"]; ok && object["schema"] != nil {
			examples++
			if err := c.validate(t, pointer+"/schema", example); err != nil {
				t.Errorf("%s: %v", pointer, err)
			}
			return
		}
		if strings.HasSuffix(pointer, "json") && object["schema"] != nil {
			t.Errorf("%s has no example", pointer)
		}
		for name, member := range object {
			walk(pointer+"/"+strings.NewReplacer("~", "~0", "/", "~1").Replace(name), member)
		}
	}
	walk("", c.document)
	if examples < 110 {
		t.Errorf("only %d examples were found", examples)
	}
}

// TestSchemasRefuse holds that the schemas are not so wide that examples and
// answers prove nothing.
func TestSchemasRejectInvalid(t *testing.T) {
	c := compile(t)
	for name, bad := range map[string][]string{
		"Search":           {`{"carier":"x"}`, `{"sort":"phone"}`, `{"page_size":2001}`, `{"page":0}`, `[]`},
		"TransferRequest":  {`{"from_agent_id":"A1"}`, `{"from_agent_id":"A1","to_agent_id":"A2","case_ids":[]}`},
		"DisclaimerAnswer": {`{}`, `{"accepted":"yes"}`, `{"accepted":null}`},
		"Empty":            {`{"reason":"x"}`},
		"ConsumerPage":     {`{"as_of":"2026-11-23T17:02:11Z","total":0,"page":1,"page_size":1}`, `{"as_of":"2026-11-23T17:02:11Z","total":0,"page":1,"page_size":1,"consumers":null}`},
		"Date":             {`"2026-02-30"`, `""`},
		"DateOrBlank":      {`"11/20/2026"`, `null`},
		"Time":             {`"2026-11-23T09:02:11-08:00"`},
		"MaskedSSN":        {`"123-45-7880"`, `"7880"`},
		"Amount":           {`412.33`, `"412.3"`},
		"Identifier":       {`""`, `"a b"`},
		"RejectionCode":    {`"no_such_code"`},
		"Problem":          {`{"type":"about:blank","title":"","status":404,"detail":""}`},
	} {
		for _, text := range bad {
			value, err := jsonschema.UnmarshalJSON(strings.NewReader(text))
			fixture.Must(t, err)
			if c.validate(t, "/components/schemas/"+name, value) == nil {
				t.Errorf("%s takes %s", name, text)
			}
		}
	}
}
