package apidocs

import (
	"bytes"
	"encoding/json"
	"net/url"
	"strings"
)

// curl is an example of a request.
type curl struct {
	method, path string
	parameters   []node
	body         node
	open         bool // without credentials
	file         bool // the answer is to be kept
}

// String is the command, with the examples of the parameters that have one.
func (c curl) String() string {
	path, query := c.path, []string{}
	for _, p := range c.parameters {
		name, example := p.member("name").text(), p.member("example")
		switch {
		case !example.there():
		case p.member("in").text() == "path":
			path = strings.ReplaceAll(path, "{"+name+"}", url.PathEscape(example.text()))
		default:
			query = append(query, name+"="+url.QueryEscape(example.text()))
		}
	}
	if len(query) > 0 {
		path += "?" + strings.Join(query, "&")
	}
	var words []string
	if !c.open {
		words = append(words, `--header "Authorization: Bearer $TOKEN"`)
	}
	switch {
	case c.body.member("required").text() == "true":
		words = append(words, "--json "+quoted(c.body.member("content").member("application/json").member("example").raw))
	case c.method != "GET":
		words = append(words, "--request "+c.method)
	}
	if c.file {
		words = append(words, "--remote-name --remote-header-name")
	}
	return "curl " + strings.Join(append(words, `"$PORTAL`+path+`"`), " \\\n  ")
}

// quoted is JSON as one word of a shell.
func quoted(raw json.RawMessage) string {
	var b bytes.Buffer
	if err := json.Compact(&b, raw); err != nil {
		return "''" // not reached: it was parsed
	}
	return "'" + strings.ReplaceAll(b.String(), "'", `'\''`) + "'"
}
