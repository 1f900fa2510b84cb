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

// page is the documentation as the template shows it.
type page struct {
	*huma.OpenAPI
	Operations []*huma.Operation
}

// Render returns the documentation as a fragment of HTML that begins with its
// h1. The operations stand under their tags in the order in which they are given.
func Render(d *huma.OpenAPI, operations []*huma.Operation) (template.HTML, error) {
	p := page{d, operations}
	t, err := template.New("page").Funcs(template.FuncMap{
		"passages": sections, "blocks": blocks, "inline": inline, "breakable": breakable, "slug": slug,
		"kindInFull": p.fullKind, "told": isInline, "asked": p.isRequestBody,
		"parameters": p.parameters, "fields": p.fields, "answers": p.answers, "curl": curl,
	}).Parse(pageHTML)
	if err != nil {
		return "", fmt.Errorf("reading the page of the API's documentation: %w", err)
	}
	var b strings.Builder
	if err := t.Execute(&b, p); err != nil {
		return "", fmt.Errorf("making the page of the API's documentation: %w", err)
	}
	return template.HTML(b.String()), nil
}

// kind is the type of a value in words: a name, which may lead to where it is
// described, then what the value can be.
type kind struct {
	Before string // "list of"
	Name   string
	Link   string   // id of the description
	Limits []string // such as "at least 1"
	Values []any    // where there is a list of them
	Blank  bool     // the empty string is one of them
}

// fewValues is how many values are told wherever a value is one of them.
const maxInlineValues = 8

// told tells whether a schema is told in full wherever it is referred to.
func isInline(s *huma.Schema) bool {
	return len(s.Enum) > 0 && len(s.Enum) <= maxInlineValues || s.Default != nil || s.MaxLength != nil
}

// kind tells the type of a schema, or where it is described.
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

// kindInFull tells the type of a schema itself.
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
		k.Limits = append(k.Limits, fmt.Sprint(s.Default)+" where nothing is said")
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
	Notes   []string // such as "in the path", "required", "may be absent"
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

// fields are the members of an object in the order of its type, with a note on
// those that must be there or on those that need not.
func (p page) fields(ref, must, need string) (all []field) {
	s := p.Components.Schemas.SchemaFromRef(ref)
	for _, member := range reflect.VisibleFields(p.Components.Schemas.TypeFromRef(ref)) {
		name, _, _ := strings.Cut(member.Tag.Get("json"), ",")
		property := s.Properties[name]
		if property == nil {
			continue
		}
		f := field{Name: name, Type: p.kind(property), Meaning: property.Description}
		note := need
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

// asked tells whether a schema is that of a body, whose members stand with the
// operations that have it.
func (p page) isRequestBody(name string) bool {
	return slices.ContainsFunc(p.Operations, func(op *huma.Operation) bool {
		return op.RequestBody != nil && path.Base(op.RequestBody.Content["application/json"].Schema.Ref) == name
	})
}

// answer is what an operation may answer with.
type answer struct {
	Status, Meaning string
	Type            *kind // nil: it has no body
	Headers         []string
	Example         string
}

func (p page) answers(op *huma.Operation) (all []answer) {
	for _, status := range sorted(op.Responses) {
		r := op.Responses[status]
		if r.Ref != "" {
			r = p.Components.Responses[path.Base(r.Ref)]
		}
		a := answer{Status: status, Meaning: r.Description, Headers: sorted(r.Headers)}
		for media, content := range r.Content { // there is one
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

// example is a text as it is, and any other value as JSON.
func example(v any) string {
	b, _ := json.MarshalIndent(v, "", "  ") // of an example that was JSON before
	var text string
	if json.Unmarshal(b, &text) == nil {
		return strings.TrimSpace(text)
	}
	return string(b)
}

// curl is a request as a command, with the examples of the parameters that have
// one.
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
	if op.Responses["204"] != nil { // a file, or none
		words = append(words, "--remote-name --remote-header-name")
	}
	return "curl " + strings.Join(append(words, `"$PORTAL`+target+`"`), " \\\n  ")
}
