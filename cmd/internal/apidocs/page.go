package apidocs

import (
	"cmp"
	_ "embed"
	"encoding/json"
	"fmt"
	"html/template"
	"maps"
	"net/url"
	"path"
	"reflect"
	"slices"
	"strings"

	"github.com/danielgtaylor/huma/v2"
)

//go:embed page.html
var pageHTML string

// page is the data of the template.
type page struct {
	*huma.OpenAPI
	Operations []*huma.Operation
}

// Render returns the documentation as an HTML fragment that starts with its h1. It
// groups the operations by their first tag and keeps their order.
func Render(d *huma.OpenAPI, operations []*huma.Operation) (template.HTML, error) {
	p := page{d, operations}
	t, err := template.New("page").Funcs(template.FuncMap{
		"sections": sections, "blocks": blocks, "inline": inline, "breakable": breakable, "slug": slug,
		"fullKind": p.fullKind, "isInline": isInline, "isRequestBody": p.isRequestBody,
		"parameters": p.parameters, "fields": p.fields, "responses": p.responses, "curl": curl,
	}).Parse(pageHTML)
	if err != nil {
		return "", fmt.Errorf("parsing page.html: %w", err)
	}
	var b strings.Builder
	if err := t.Execute(&b, p); err != nil {
		return "", fmt.Errorf("rendering page.html: %w", err)
	}
	return template.HTML(b.String()), nil
}

// kind describes the type of a value: its name, which may link to a description,
// and its limits.
type kind struct {
	Before string // "list of"
	Name   string
	Link   string   // the id of the description, or ""
	Limits []string // such as "at least 1"
	Values []any    // the enumerated values, without ""
	Blank  bool     // reports whether "" is an enumerated value
}

// maxInlineValues is the most enumerated values to list wherever a schema is used.
const maxInlineValues = 8

// isInline reports whether a schema is described in full wherever it is used.
func isInline(s *huma.Schema) bool {
	return len(s.Enum) > 0 && len(s.Enum) <= maxInlineValues || s.Default != nil || s.MaxLength != nil
}

// kind returns the type of a schema, with a link if it is described elsewhere.
func (p page) kind(s *huma.Schema) kind {
	if s.Ref == "" {
		return p.fullKind(s)
	}
	target := *p.Components.Schemas.SchemaFromRef(s.Ref)
	target.Default = cmp.Or(s.Default, target.Default)
	if isInline(&target) {
		return p.fullKind(&target)
	}
	return kind{Name: target.Title, Link: "schema-" + path.Base(s.Ref)}
}

var typeNames = map[string]string{
	huma.TypeString: "text", huma.TypeInteger: "whole number", huma.TypeBoolean: "true or false", huma.TypeObject: "object", "": "file",
}

// fullKind returns the type of a schema without a link.
func (p page) fullKind(s *huma.Schema) kind {
	k := kind{Name: typeNames[s.Type]}
	if s.Items != nil {
		k = p.kind(s.Items)
		k.Before = "list of"
	}
	for _, limit := range [...]struct {
		words string
		value any
	}{
		{"at least %.f", s.Minimum}, {"at most %.f", s.Maximum}, {"at least %d", s.MinItems}, {"at most %d", s.MaxItems},
		{"at most %d characters", s.MaxLength},
	} {
		if v := reflect.ValueOf(limit.value); !v.IsNil() {
			k.Limits = append(k.Limits, fmt.Sprintf(limit.words, v.Elem()))
		}
	}
	if s.Default != nil {
		k.Limits = append(k.Limits, fmt.Sprint(s.Default)+" by default")
	}
	for _, value := range s.Enum {
		if value == "" {
			k.Blank = true
		} else {
			k.Values = append(k.Values, value)
		}
	}
	return k
}

// field is a parameter, or a member of an object.
type field struct {
	Name    string
	Type    kind
	Notes   []string // such as "in the path", "required" or "may be absent"
	Meaning string
}

func (p page) parameters(op *huma.Operation) (all []field) {
	for _, one := range op.Parameters {
		f := field{one.Name, p.kind(one.Schema), []string{"in the " + one.In}, one.Description}
		if !one.Required {
			f.Notes = append(f.Notes, "optional")
		}
		all = append(all, f)
	}
	return all
}

// fields returns the members of an object in the order of its Go type. Required
// members get the note must, the others the note optional.
func (p page) fields(ref, must, optional string) (all []field) {
	s := p.Components.Schemas.SchemaFromRef(ref)
	for _, member := range reflect.VisibleFields(p.Components.Schemas.TypeFromRef(ref)) {
		name, _, _ := strings.Cut(member.Tag.Get("json"), ",")
		property := s.Properties[name]
		if property == nil {
			continue
		}
		f := field{Name: name, Type: p.kind(property), Meaning: property.Description}
		note := optional
		if slices.Contains(s.Required, name) {
			note = must
		}
		if note != "" {
			f.Notes = []string{note}
		}
		all = append(all, f)
	}
	return all
}

// isRequestBody reports whether a schema is that of a request body. Its members are
// described with the operation.
func (p page) isRequestBody(name string) bool {
	return slices.ContainsFunc(p.Operations, func(op *huma.Operation) bool {
		return op.RequestBody != nil && path.Base(op.RequestBody.Content["application/json"].Schema.Ref) == name
	})
}

// response is a possible response of an operation.
type response struct {
	Status, Meaning string
	Type            *kind // nil if there is no body
	Headers         []string
	Example         string
}

func (p page) responses(op *huma.Operation) (all []response) {
	for _, status := range sorted(op.Responses) {
		r := op.Responses[status]
		if r.Ref != "" {
			r = p.Components.Responses[path.Base(r.Ref)]
		}
		a := response{Status: status, Meaning: r.Description, Headers: sorted(r.Headers)}
		for media, content := range r.Content { // there is one content type
			k := p.kind(content.Schema)
			a.Type, a.Example = &k, example(content.Example)
			if content.Example == nil { // a file
				a.Example = "Content-Type: " + media
				for _, name := range a.Headers {
					a.Example += "\n" + name + ": " + fmt.Sprint(p.Components.Headers[name].Example)
				}
			}
		}
		all = append(all, a)
	}
	return all
}

func sorted[T any](m map[string]T) []string { return slices.Sorted(maps.Keys(m)) }

// example formats an example: text as it is, any other value as JSON.
func example(v any) string {
	b, _ := json.MarshalIndent(v, "", "  ") // cannot fail: the example was parsed from JSON
	var text string
	if json.Unmarshal(b, &text) == nil {
		return strings.TrimSpace(text)
	}
	return string(b)
}

// curl returns a curl command for an operation, using the examples of its
// parameters.
func curl(op *huma.Operation) string {
	target, query := op.Path, []string{}
	for _, p := range op.Parameters {
		switch {
		case p.Example == nil:
		case p.In == "path":
			target = strings.ReplaceAll(target, "{"+p.Name+"}", url.PathEscape(fmt.Sprint(p.Example)))
		default:
			query = append(query, p.Name+"="+url.QueryEscape(fmt.Sprint(p.Example)))
		}
	}
	if len(query) > 0 {
		target += "?" + strings.Join(query, "&")
	}
	var words []string
	if op.Security == nil {
		words = append(words, `--header "Authorization: Bearer $TOKEN"`)
	}
	switch {
	case op.RequestBody != nil && op.RequestBody.Required:
		b, _ := json.Marshal(op.RequestBody.Content["application/json"].Example)
		words = append(words, "--json '"+strings.ReplaceAll(string(b), "'", `'\''`)+"'")
	case op.Method != "GET":
		words = append(words, "--request "+op.Method)
	}
	if op.Responses["204"] != nil { // a file, or no body
		words = append(words, "--remote-name --remote-header-name")
	}
	return "curl " + strings.Join(append(words, `"$PORTAL`+target+`"`), " \\\n  ")
}
