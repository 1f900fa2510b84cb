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

// TestDocumentIsCurrent checks that the committed document is the one generated from
// the Go types, so that no path, member or code changes unnoticed.
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
		t.Error("schemas/openapi.json differs from the generated document: run go test ./cmd/internal/api -run TestDocumentIsCurrent -update")
	}
}

// TestDocumentDescribesEverything checks that every part of the document has a
// description, and that document.yaml has no unused texts.
func TestDocumentDescribesEverything(t *testing.T) {
	d := newAPI(t).document
	components := slices.Sorted(maps.Keys(d.Components.Schemas.Map()))
	described := slices.Sorted(maps.Keys(d.Objects))
	described = slices.Sorted(slices.Values(append(described, slices.Collect(maps.Keys(d.Kinds))...)))
	if !slices.Equal(components, described) {
		t.Errorf("got texts for the schemas\n%[2]q, want\n%[1]q", components, described)
	}
	if len(d.Operations) != len(d.operations) || len(d.Failures) != len(failures) {
		t.Errorf("got texts for %d operations and %d failures, want %d and %d", len(d.Operations), len(d.Failures), len(d.operations), len(failures))
	}
	text := schemas.OpenAPI()
	if missing := regexp.MustCompile(`"(description|title|summary)": ""`).FindAll(text, -1); missing != nil {
		t.Errorf("%d texts are blank", len(missing))
	}
	for name, s := range d.Components.Schemas.Map() {
		if s.Title == "" || s.Description == "" {
			t.Errorf("%s: no title or no description", name)
		}
		if !bytes.Contains(text, []byte(`"$ref": "#/components/schemas/`+name+`"`)) {
			t.Errorf("no reference to %s", name)
		}
		for member, p := range s.Properties {
			if p.Description == "" {
				t.Errorf("%s.%s: no description", name, member)
			}
			if p.Nullable || p.Items != nil && p.Items.Nullable {
				t.Errorf("%s.%s is nullable", name, member)
			}
		}
	}
	for _, op := range d.operations {
		if op.Summary == "" || op.Description == "" || op.Responses["200"].Description == "" || len(op.Tags) != 1 {
			t.Errorf("%s: summary, description, response or tag is missing", op.OperationID)
		}
		for _, p := range op.Parameters {
			if p.Description == "" {
				t.Errorf("%s: parameter %s has no description", op.OperationID, p.Name)
			}
		}
	}
}

// compiled is the parsed document with a compiler for its schemas.
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

// TestExamplesAreValid checks that every JSON body has an example, and that every
// example matches its schema.
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
			t.Errorf("%s: no example", pointer)
		}
		for name, member := range object {
			walk(pointer+"/"+strings.NewReplacer("~", "~0", "/", "~1").Replace(name), member)
		}
	}
	walk("", c.document)
	if examples < 110 {
		t.Errorf("got %d examples, want at least 110", examples)
	}
}

// TestSchemasRejectInvalid checks that the schemas are strict enough for the tests of
// examples and responses to mean something.
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
				t.Errorf("%s accepts %s", name, text)
			}
		}
	}
}
