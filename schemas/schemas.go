package schemas

import (
	"embed"
	"io/fs"
	"slices"
	"strings"
)

//go:embed asyncapi.yaml openapi.json book corpus events
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

// OpenAPI returns the OpenAPI 3.1 description of the HTTP API, in JSON. It is
// generated from the API's types: see cmd/internal/api.
func OpenAPI() []byte { return mustRead("openapi.json") }

func mustRead(name string) []byte {
	content, err := files.ReadFile(name)
	if err != nil {
		panic(err) // the file is embedded, or this package does not compile
	}
	return content
}
