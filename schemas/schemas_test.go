package schemas

import (
	"bytes"
	"fmt"
	"io/fs"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v6"
)

const (
	urn          = "urn:bookledger:schema:"
	schemaSuffix = ".schema.json"
)

// newCompiler returns a compiler that knows the documents of this package and
// cannot load others.
func newCompiler(t testing.TB) *jsonschema.Compiler {
	t.Helper()
	c := jsonschema.NewCompiler()
	c.UseLoader(jsonschema.SchemeURLLoader{})
	for path, schema := range schemaFiles(t) {
		if err := c.AddResource(schema["$id"].(string), schema); err != nil {
			t.Fatalf("%s: %v", path, err)
		}
	}
	return c
}

// schemaFiles returns the JSON Schemas by path.
func schemaFiles(t testing.TB) map[string]map[string]any {
	t.Helper()
	found := make(map[string]map[string]any)
	folder := os.DirFS(".")
	err := fs.WalkDir(folder, ".", func(path string, _ fs.DirEntry, err error) error {
		if err != nil || !strings.HasSuffix(path, schemaSuffix) {
			return err
		}
		content, err := fs.ReadFile(folder, path)
		if err != nil {
			return err
		}
		doc, err := jsonschema.UnmarshalJSON(bytes.NewReader(content))
		if err != nil {
			return fmt.Errorf("%s: %w", path, err)
		}
		found[path] = doc.(map[string]any)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return found
}

// eventTypes returns the sorted event types that have a schema. Their file names
// have a family, a name and a version, unlike common and envelope.
func eventTypes(t testing.TB) (types []string) {
	t.Helper()
	for path := range schemaFiles(t) {
		name := strings.TrimSuffix(strings.TrimPrefix(path, "events/"), schemaSuffix)
		if strings.Count(name, ".") >= 2 {
			types = append(types, name)
		}
	}
	slices.Sort(types)
	return types
}

func TestSchemasCompile(t *testing.T) {
	c := newCompiler(t)
	for path, schema := range schemaFiles(t) {
		id := schema["$id"].(string)
		if _, err := c.Compile(id); err != nil {
			t.Errorf("%s: %v", path, err)
		}
		name := strings.TrimSuffix(path[strings.LastIndex(path, "/")+1:], schemaSuffix)
		if id != urn+name {
			t.Errorf("%s: got $id %s", path, id)
		}
		if schema["$schema"] != "https://json-schema.org/draft/2020-12/schema" {
			t.Errorf("%s: got $schema %v", path, schema["$schema"])
		}
		if schema["title"] == nil {
			t.Errorf("%s: missing title", path)
		}
		requireDescriptions(t, path, schema)
	}
}

// requireDescriptions checks that a schema, its definitions and its properties
// have descriptions, and that none uses format.
func requireDescriptions(t *testing.T, where string, schema map[string]any) {
	t.Helper()
	if text, _ := schema["description"].(string); text == "" {
		t.Errorf("%s: missing description", where)
	}
	if schema["format"] != nil {
		t.Errorf("%s: uses format, which validators may ignore", where)
	}
	for _, keyword := range []string{"$defs", "properties"} {
		inner, _ := schema[keyword].(map[string]any)
		for name, s := range inner {
			requireDescriptions(t, where+" "+name, s.(map[string]any))
		}
	}
}
