package apidocs

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strings"
)

// node is a value of a JSON document, with the members of an object in the
// order in which they stand there. The zero node is one that is not there.
type node struct {
	raw     json.RawMessage
	names   []string
	members map[string]node
	items   []node
}

func parse(raw json.RawMessage) (node, error) {
	n := node{raw: bytes.TrimSpace(raw)}
	if len(n.raw) == 0 || n.raw[0] != '{' && n.raw[0] != '[' {
		return n, nil
	}
	decoder := json.NewDecoder(bytes.NewReader(n.raw))
	if _, err := decoder.Token(); err != nil {
		return n, err
	}
	if n.raw[0] == '{' {
		n.members = map[string]node{}
	}
	for decoder.More() {
		if err := n.add(decoder); err != nil {
			return n, err
		}
	}
	return n, nil
}

// add reads the next member or item.
func (n *node) add(decoder *json.Decoder) error {
	var name string
	if n.members != nil {
		token, err := decoder.Token()
		if err != nil {
			return err
		}
		name, _ = token.(string) // what stands before a colon
	}
	var raw json.RawMessage
	if err := decoder.Decode(&raw); err != nil {
		return err
	}
	value, err := parse(raw)
	if n.members == nil {
		n.items = append(n.items, value)
		return err
	}
	n.names = append(n.names, name)
	n.members[name] = value
	return err
}

func (n node) there() bool { return len(n.raw) > 0 }

func (n node) member(name string) node { return n.members[name] }

// text is a string as it is, and any other value as JSON writes it.
func (n node) text() string {
	var s string
	if json.Unmarshal(n.raw, &s) == nil {
		return s
	}
	return string(n.raw)
}

// indented is the value as JSON for people.
func (n node) indented() string {
	var b bytes.Buffer
	if err := json.Indent(&b, n.raw, "", "  "); err != nil {
		return string(n.raw) // not reached: it was parsed
	}
	return b.String()
}

// document is an OpenAPI description.
type document struct{ node }

// resolved is the value that a reference refers to, or n where it is none.
func (d document) resolved(n node) (node, error) {
	for n.member("$ref").there() {
		ref := n.member("$ref").text()
		path, local := strings.CutPrefix(ref, "#/")
		n = d.node
		for name := range strings.SplitSeq(path, "/") {
			n = n.member(name)
		}
		if !local || !n.there() {
			return n, fmt.Errorf("the description refers to %s, which is not there", ref)
		}
	}
	return n, nil
}

// nameOf is the name of the component that a reference refers to; "" where n
// is no reference.
func nameOf(n node) string {
	ref := n.member("$ref").text()
	return ref[strings.LastIndexByte(ref, '/')+1:]
}
