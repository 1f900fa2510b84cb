package events_test

import (
	"bytes"
	"errors"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/go-json-experiment/json/jsontext"
	"github.com/santhosh-tekuri/jsonschema/v6"
	"github.com/santhosh-tekuri/jsonschema/v6/kind"

	"bookledger/events"
)

// publishedSchemas are the published JSON Schemas by name: one for the data of
// each event type, "envelope", and "common".
type publishedSchemas map[string]*jsonschema.Schema

func compileSchemas(t testing.TB) publishedSchemas {
	t.Helper()
	paths, err := filepath.Glob("../schemas/events/*.schema.json")
	if err != nil || len(paths) == 0 {
		t.Fatal(paths, err)
	}
	compiler := jsonschema.NewCompiler()
	schemas := publishedSchemas{}
	for _, path := range paths {
		text, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		doc, err := jsonschema.UnmarshalJSON(bytes.NewReader(text))
		if err != nil {
			t.Fatalf("%s: %v", path, err)
		}
		name := strings.TrimSuffix(filepath.Base(path), ".schema.json")
		if err := compiler.AddResource("urn:bookledger:schema:"+name, doc); err != nil {
			t.Fatal(err)
		}
		schemas[name] = nil
	}
	for name := range schemas {
		if schemas[name], err = compiler.Compile("urn:bookledger:schema:" + name); err != nil {
			t.Fatal(err)
		}
	}
	return schemas
}

// check validates a message. It returns the code malformed or schema with the
// paths of the wrong fields, or "" for a valid message. It reports false if there
// is no schema for the event type.
func (p publishedSchemas) check(t testing.TB, body []byte) (code events.Code, fields []string, ok bool) {
	t.Helper()
	if !jsontext.Value(body).IsValid() {
		return events.Malformed, []string{""}, true
	}
	doc, err := jsonschema.UnmarshalJSON(bytes.NewReader(body))
	if err != nil {
		t.Fatalf("the schema library rejects strict JSON: %v", err)
	}
	if fields := faults(t, p["envelope"], doc, ""); fields != nil {
		return events.Malformed, fields, true
	}
	event := doc.(map[string]any)
	schema := p[event["type"].(string)]
	if schema == nil {
		return "", nil, false
	}
	if fields := faults(t, schema, event["data"], "data"); fields != nil {
		return events.Schema, fields, true
	}
	return "", nil, true
}

// faults returns the sorted paths of the fields of value that violate schema,
// prefixed with prefix. It returns nil for a valid value.
func faults(t testing.TB, schema *jsonschema.Schema, value any, prefix string) []string {
	t.Helper()
	err := schema.Validate(value)
	if err == nil {
		return nil
	}
	var broken *jsonschema.ValidationError
	if !errors.As(err, &broken) {
		t.Fatalf("validating: %v", err)
	}
	found := make(map[string]bool)
	collect(broken, prefix, found)
	return slices.Sorted(maps.Keys(found))
}

func collect(e *jsonschema.ValidationError, prefix string, found map[string]bool) {
	for _, cause := range e.Causes {
		collect(cause, prefix, found)
	}
	if len(e.Causes) > 0 {
		return
	}
	path := prefix
	for _, token := range e.InstanceLocation {
		if _, err := strconv.Atoi(token); err == nil {
			path += "[" + token + "]"
		} else {
			path = join(path, token)
		}
	}
	if missing, ok := e.ErrorKind.(*kind.Required); ok {
		for _, name := range missing.Missing {
			found[join(path, name)] = true
		}
		return
	}
	found[path] = true
}

func join(path, name string) string {
	if path == "" {
		return name
	}
	return path + "." + name
}
