package schemas

import (
	"embed"
	"encoding/json"
	"fmt"
	"io/fs"
	"slices"
	"strings"
	"sync"

	"github.com/goccy/go-yaml"
)

//go:embed asyncapi.yaml openapi.yaml book corpus events
var files embed.FS

const (
	eventsFolder = "events/"
	schemaSuffix = ".schema.json"
)

// FS returns all documents, by their paths below this folder, such as
// "events/envelope.schema.json".
func FS() fs.FS { return files }

// EventSchema returns the JSON Schema of the data of an event type, such as
// "consumer.household_recorded.v1"; false where there is no such type.
func EventSchema(eventType string) ([]byte, bool) {
	if !isEventType(eventType) {
		return nil, false
	}
	schema, err := files.ReadFile(eventsFolder + eventType + schemaSuffix)
	return schema, err == nil
}

// EventTypes returns every event type that has a schema, sorted.
func EventTypes() []string {
	names, err := fs.Glob(files, eventsFolder+"*"+schemaSuffix)
	if err != nil {
		panic(err) // the pattern is constant
	}
	var types []string
	for _, name := range names {
		name = strings.TrimSuffix(strings.TrimPrefix(name, eventsFolder), schemaSuffix)
		if isEventType(name) {
			types = append(types, name)
		}
	}
	slices.Sort(types)
	return types
}

// isEventType tells types from the documents that all types share (common and
// envelope): a type has a family, a name and a version.
func isEventType(name string) bool { return strings.Count(name, ".") >= 2 }

// AsyncAPI returns the AsyncAPI 3.0 description of the subjects, in YAML.
func AsyncAPI() []byte { return mustRead("asyncapi.yaml") }

// OpenAPI returns the OpenAPI 3.1 description of the HTTP interface, in YAML.
func OpenAPI() []byte { return mustRead("openapi.yaml") }

// OpenAPIJSON returns the same document in JSON, its members in the same order.
// The bytes are the caller's.
func OpenAPIJSON() []byte { return slices.Clone(openAPIJSON()) }

// openAPIJSON converts the document once.
var openAPIJSON = sync.OnceValue(func() []byte {
	b, err := jsonOf(OpenAPI())
	if err != nil {
		panic(err) // the file is embedded, and a test reads it
	}
	return b
})

// jsonOf writes a YAML document as JSON.
func jsonOf(document []byte) ([]byte, error) {
	var root any
	if err := yaml.UnmarshalWithOptions(document, &root, yaml.UseOrderedMap()); err != nil {
		return nil, fmt.Errorf("reading YAML: %w", err)
	}
	return appendJSON(nil, root)
}

func appendJSON(b []byte, node any) ([]byte, error) {
	switch node := node.(type) {
	case yaml.MapSlice:
		return appendObject(b, node)
	case []any:
		b = append(b, '[')
		for i, item := range node {
			if i > 0 {
				b = append(b, ',')
			}
			var err error
			if b, err = appendJSON(b, item); err != nil {
				return nil, err
			}
		}
		return append(b, ']'), nil
	}
	scalar, err := json.Marshal(node)
	return append(b, scalar...), err
}

func appendObject(b []byte, members yaml.MapSlice) ([]byte, error) {
	b = append(b, '{')
	for i, member := range members {
		if i > 0 {
			b = append(b, ',')
		}
		quoted, err := json.Marshal(fmt.Sprint(member.Key))
		if err != nil {
			return nil, err
		}
		b = append(append(b, quoted...), ':')
		if b, err = appendJSON(b, member.Value); err != nil {
			return nil, err
		}
	}
	return append(b, '}'), nil
}

func mustRead(name string) []byte {
	content, err := files.ReadFile(name)
	if err != nil {
		panic(err) // the file is embedded, or this package does not compile
	}
	return content
}
