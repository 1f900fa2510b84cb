package api

import (
	_ "embed"
	"encoding/json"
	"fmt"
	"net/http"
	"reflect"
	"strconv"
	"strings"

	"github.com/danielgtaylor/huma/v2"
	strict "github.com/go-json-experiment/json"
	"github.com/goccy/go-yaml"

	"bookledger/cmd/internal/delivery"
	"bookledger/cmd/internal/problem"
	"bookledger/cmd/internal/service"
	"bookledger/events"
	"bookledger/projections/audit"
	"bookledger/projections/checkpoint"
	"bookledger/projections/list"
)

//go:embed document.yaml
var documentYAML []byte

// texts are the descriptions and examples of the document, from document.yaml.
type texts struct {
	Info            *huma.Info
	Servers         []*huma.Server
	Security        []map[string][]string
	SecuritySchemes map[string]*huma.SecurityScheme
	Tags            []*huma.Tag
	Headers         map[string]*huma.Param
	Operations      map[string]struct { // by operation ID
		Summary, Description, Answer string
		Example                      json.RawMessage
	}
	Bodies map[string]struct { // by the name of their schema
		Description string
		Example     json.RawMessage
	}
	Objects  map[string]struct{ Title, Description string } // by the name of their schema
	Kinds    map[string]*huma.Schema                        // of values, by the format tag that refers to them
	Failures map[string]struct{ Description, Header string }
}

// document is the OpenAPI document. When an operation is registered, its requests
// and responses are documented from their Go types: the names of members, their
// meaning (the doc tag), their kind of value (the format tag) and their limits.
type document struct {
	huma.OpenAPI
	texts
	operations []*huma.Operation // in the order of their registration
}

const schemaRef = "#/components/schemas/"

func newDocument() (*document, error) {
	var t texts
	b, err := yaml.YAMLToJSON(documentYAML) // keeps the order of the members in examples
	if err == nil {
		err = strict.Unmarshal(b, &t, strict.RejectUnknownMembers(true), strict.MatchCaseInsensitiveNames(true))
	}
	if err != nil {
		return nil, fmt.Errorf("reading document.yaml: %w", err)
	}
	r := huma.NewMapRegistry(schemaRef, schemaName)
	// A Flag is encoded as a boolean.
	r.RegisterTypeAlias(reflect.TypeFor[events.Flag](), reflect.TypeFor[bool]())
	d := &document{texts: t, OpenAPI: huma.OpenAPI{
		OpenAPI: "3.1.1", Info: t.Info, Servers: t.Servers, Security: t.Security, Tags: t.Tags,
		Components: &huma.Components{Schemas: r, Headers: t.Headers, SecuritySchemes: t.SecuritySchemes, Responses: map[string]*huma.Response{}},
	}}
	d.OnAddOperation = []huma.AddOpFunc{func(_ *huma.OpenAPI, op *huma.Operation) { d.operations = append(d.operations, op) }}
	return d, nil
}

// schemaNames contains the schemas with a name other than that of their type.
var schemaNames = map[reflect.Type]string{
	reflect.TypeFor[service.CaseDetails]():   "Case",
	reflect.TypeFor[service.Year]():          "Application",
	reflect.TypeFor[service.ListParams]():    "Search",
	reflect.TypeFor[service.BookRef]():       "ComparedBook",
	reflect.TypeFor[list.Entry]():            "Consumer",
	reflect.TypeFor[list.EntryYear]():        "ConsumerYear",
	reflect.TypeFor[checkpoint.Checkpoint](): "Friday",
	reflect.TypeFor[audit.Event]():           "ExplainedEvent",
	reflect.TypeFor[audit.DecidedRow]():      "DecidedRow",
	reflect.TypeFor[audit.Difference]():      "RowChange",
	reflect.TypeFor[audit.Cell]():            "CellChange",
	reflect.TypeFor[problem.Body]():          "Problem",
}

func schemaName(t reflect.Type, hint string) string {
	if t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	if name, ok := schemaNames[t]; ok {
		return name
	}
	return huma.DefaultSchemaNamer(t, hint)
}

// failures contains an example of each problem, by its name in the document.
var failures = map[string]*problem.Problem{
	"Invalid":      problem.Invalid.WithField("sort", "sort must be first_name, last_name, case_id or updated. Put - in front for descending order."),
	"Unauthorized": &problem.Unauthorized,
	"Forbidden":    &problem.Forbidden,
	"NotAccepted":  notAcceptedProblem,
	"NotFound":     &problem.NotFound,
	"NoBook":       problem.NoBook.WithDetail("2026-11-19 is a Thursday, and books are as of a Friday: there is no book of it."),
	"Method":       problem.Method.WithDetail("This path supports GET and HEAD only."),
	"Conflict": {Type: problem.Conflict.Type, Status: problem.Conflict.Status, Title: problem.Conflict.Title, Code: string(events.NoPendingRequest),
		Detail: "This consumer's request is no longer pending. It was withdrawn or already answered."},
	"TooLarge":    problem.TooLarge.WithDetail("The body must be at most %d KiB.", maxBodySize>>10),
	"MediaType":   &problem.MediaType,
	"TooMany":     &problem.TooMany,
	"Internal":    &problem.Internal,
	"Unavailable": &problem.Unavailable,
	"Unsure":      &problem.OutcomeUnknown,
	"NotReady": {Type: "not-ready", Status: http.StatusServiceUnavailable, Title: "Not ready",
		Detail: "The projection has not caught up with the journal."},
}

// operation returns the documentation of an operation, without its request and
// response types. If two failures have the same status, the later one counts.
func (d *document) operation(o operation) huma.Operation {
	text := d.Operations[o.id]
	op := huma.Operation{
		OperationID: o.id, Method: http.MethodGet, Path: o.path, Tags: []string{o.tag}, Summary: text.Summary, Description: text.Description,
		Responses: map[string]*huma.Response{"200": {
			Description: text.Answer, Content: map[string]*huma.MediaType{"application/json": {Example: text.Example}},
		}},
	}
	if o.workbook {
		op.Responses["200"].Content = map[string]*huma.MediaType{delivery.ContentType: {Schema: &huma.Schema{Ref: schemaRef + "Workbook"}}}
		op.Responses["200"].Headers = headers("Content-Disposition", "Repr-Digest", "Cache-Control")
		op.Responses["204"] = &huma.Response{Description: "The person declined. This was recorded, and there is no body."}
	}
	names := []string{"Unauthorized", "NotFound", "Method", "TooMany", "Internal", "Unavailable"}
	if !o.anyQuery {
		names = append(names, "Invalid")
	}
	if o.maxBody > 0 {
		op.Method = http.MethodPost
		names = append(names, "Forbidden", "TooLarge", "MediaType")
	}
	addFailures(&op, append(names, o.failures...)...)
	return op
}

func addFailures(op *huma.Operation, names ...string) {
	for _, name := range names {
		op.Responses[strconv.Itoa(failures[name].Status)] = &huma.Response{Ref: "#/components/responses/" + name}
	}
}

func headers(names ...string) map[string]*huma.Param {
	all := map[string]*huma.Param{}
	for _, name := range names {
		all[name] = &huma.Param{Ref: "#/components/headers/" + name}
	}
	return all
}

// finish completes the document after all operations are registered.
func (d *document) finish() {
	r := d.Components.Schemas
	problems := r.Schema(reflect.TypeFor[problem.Body](), true, "")
	for name, p := range failures {
		response := &huma.Response{
			Description: d.Failures[name].Description,
			Content:     map[string]*huma.MediaType{"application/problem+json": {Schema: problems, Example: p}},
		}
		if header := d.Failures[name].Header; header != "" {
			response.Headers = headers(header)
		}
		d.Components.Responses[name] = response
	}
	d.addSystem()
	delete(r.Map(), "ErrorModel") // problems of huma, replaced by ours
	delete(r.Map(), "ErrorDetail")
	for name, s := range r.Map() {
		s.Title, s.Description, s.AdditionalProperties = d.Objects[name].Title, d.Objects[name].Description, nil
		for _, p := range s.Properties {
			d.refine(p)
		}
	}
	for _, op := range d.operations {
		d.refineOperation(op)
	}
	for name, kind := range d.Kinds {
		kind.PrecomputeMessages()
		r.Map()[name] = kind
	}
}

// refine replaces the schema of a value by a reference to its kind. No value is
// nullable.
func (d *document) refine(s *huma.Schema) {
	s.Nullable, s.Examples = false, nil
	if s.Items != nil {
		d.refine(s.Items)
	}
	if s.Format == "date-time" {
		s.Format = "Time"
	}
	if d.Kinds[s.Format] != nil {
		*s = huma.Schema{Ref: schemaRef + s.Format, Description: s.Description, Default: s.Default}
	}
}

// refineOperation completes the parameters and the body of an operation.
func (d *document) refineOperation(op *huma.Operation) {
	kept := op.Parameters[:0]
	for _, p := range op.Parameters {
		if p.In == "path" {
			if p.Required = strings.Contains(op.Path, "{"+p.Name+"}"); !p.Required {
				continue // OwnerPath has two parameters; a path has one of them
			}
		}
		kept = append(kept, p)
		p.Explode = nil
		if len(p.Schema.Examples) > 0 {
			p.Example = p.Schema.Examples[0]
		}
		p.Schema.Description = "" // the parameter itself has the description
		// Huma validates a parameter against its schema. It should validate numbers
		// and enumerated values. Other text is validated by the service, which
		// returns 404 instead of 400, so huma must not see its full schema.
		if kind := d.Kinds[p.Schema.Format]; kind != nil && p.In == "query" && (kind.Type != huma.TypeString || kind.Enum != nil) {
			d.refine(p.Schema)
			continue
		}
		own := *p.Schema
		d.refine(&own)
		p.Schema = &own
	}
	op.Parameters = kept
	if op.RequestBody == nil {
		return
	}
	content := op.RequestBody.Content["application/json"]
	name := strings.TrimPrefix(content.Schema.Ref, schemaRef)
	d.Components.Schemas.Map()[name].AdditionalProperties = false
	op.RequestBody.Description, content.Example = d.Bodies[name].Description, d.Bodies[name].Example
}

// addSystem documents the paths that need no token and that other packages serve.
func (d *document) addSystem() {
	text := &huma.Schema{Type: huma.TypeString}
	for _, o := range [...]struct {
		id, path, media string
		schema          *huma.Schema
		failures        []string
	}{
		{"getHealth", "/healthz", "text/plain", text, []string{"Method"}},
		{"getReadiness", "/readyz", "text/plain", text, []string{"Method", "NotReady"}},
		{"getMetrics", "/metrics", "text/plain", text, []string{"Method"}},
		{"getOpenAPI", "/openapi.json", "application/json", d.Components.Schemas.Schema(reflect.TypeFor[Description](), true, ""), []string{"Method"}},
	} {
		op := d.operation(operation{id: o.id, tag: "System", path: o.path})
		op.Security = []map[string][]string{} // no token
		op.Responses = map[string]*huma.Response{"200": {
			Description: d.Operations[o.id].Answer, Content: map[string]*huma.MediaType{o.media: {Schema: o.schema, Example: d.Operations[o.id].Example}},
		}}
		addFailures(&op, o.failures...)
		d.AddOperation(&op)
	}
}

// Description is the schema of an OpenAPI document, reduced to its own metadata.
type Description struct {
	OpenAPI string         `json:"openapi" doc:"The version of the OpenAPI Specification."`
	Info    map[string]any `json:"info" doc:"The name, version and description of the API."`
}
