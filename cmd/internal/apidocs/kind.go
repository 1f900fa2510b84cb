package apidocs

import "strings"

// kind is the type of a value in words: a name, which may lead to where it is
// described, then what the value can be.
type kind struct {
	Before string // "list of"
	Name   string
	Link   string   // id of the description
	Limits []string // such as "at least 1"
	Values []string // where there is a list of them
	Blank  bool     // the empty string is one of them
}

// anchor is the id of the description of a schema.
func anchor(schema string) string { return "schema-" + schema }

// fewValues is how many values are told wherever a value is one of them.
const fewValues = 8

// told tells whether a schema is told in full wherever it is referred to.
func told(n node) bool {
	values := len(n.member("enum").items)
	return values > 0 && values <= fewValues || n.member("default").there() || n.member("maxLength").there()
}

// kind tells the type of a schema, or where it is described.
func (b *builder) kind(n node) kind {
	name := nameOf(n)
	n = b.at(n)
	if name == "" || told(n) {
		return b.inline(n)
	}
	return kind{Name: lower(n.member("title").text()), Link: anchor(name)}
}

// inline tells the type of a schema in full.
func (b *builder) inline(n node) kind {
	var k kind
	switch n.member("type").text() {
	case "array":
		k = b.kind(n.member("items"))
		k.Before = "list of"
	case "string":
		k.Name = "text"
	case "integer":
		k.Name = "whole number"
	case "boolean":
		k.Name = "true or false"
	case "object":
		k.Name = "object"
	default:
		k.Name = "file"
	}
	for _, limit := range [...]struct{ name, before, after string }{
		{"const", "always ", ""},
		{"minimum", "at least ", ""},
		{"maximum", "at most ", ""},
		{"minItems", "at least ", ""},
		{"maxItems", "at most ", ""},
		{"maxLength", "at most ", " characters"},
		{"default", "", " where nothing is said"},
	} {
		if value := n.member(limit.name); value.there() {
			k.Limits = append(k.Limits, limit.before+value.text()+limit.after)
		}
	}
	for _, value := range n.member("enum").items {
		if text := value.text(); text != "" {
			k.Values = append(k.Values, text)
		} else {
			k.Blank = true
		}
	}
	return k
}

// lower is a title within a line: without the capital, unless it is of an
// abbreviation.
func lower(title string) string {
	if len(title) < 2 || strings.ToUpper(title[:2]) == title[:2] || strings.HasPrefix(title, "Open") {
		return title
	}
	return strings.ToLower(title[:1]) + title[1:]
}
