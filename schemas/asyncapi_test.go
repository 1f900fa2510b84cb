package schemas

import (
	"maps"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/goccy/go-yaml"
)

// subjectTypes are the subjects with the types that each may carry: a family, or
// the types themselves.
var subjectTypes = map[string][]string{
	"ledger.consumer.{source}":   {"consumer."},
	"ledger.delegation.{source}": {"delegation."},
	"ledger.agency.{source}":     {"agency."},
	"ledger.history.{source}":    {"consumer.", "delegation.", "agency."},
	"ledger.genesis":             {"ledger.genesis."},
	"ledger.clock":               {"ledger.clock."},
	"ledger.seal":                {"ledger.seal"},
	"ledger.export":              {"ledger.export_"},
	"ledger.control":             {"ledger.history_closed.", "ledger.rules."},
}

// TestAsyncAPI demands that every subject of the contracts is described and
// carries exactly its types, and that nothing refers to what is not there.
func TestAsyncAPI(t *testing.T) {
	text, err := os.ReadFile("asyncapi.yaml")
	if err != nil {
		t.Fatal(err)
	}
	var doc map[string]any
	if err := yaml.Unmarshal(text, &doc); err != nil {
		t.Fatal(err)
	}
	if doc["asyncapi"] != "3.0.0" || doc["defaultContentType"] != "application/cloudevents+json" {
		t.Errorf("asyncapi %v, content type %v", doc["asyncapi"], doc["defaultContentType"])
	}
	requireReferences(t, doc, doc)

	channels := doc["channels"].(map[string]any)
	got := make(map[string][]string)
	for _, channel := range channels {
		c := channel.(map[string]any)
		address := c["address"].(string)
		got[address] = channelTypes(t, doc, c)
		if c["x-max-message-bytes"] != uint64(1<<20) {
			t.Errorf("%s: the limit of a message is %v", address, c["x-max-message-bytes"])
		}
		if parameters, _ := c["parameters"].(map[string]any); strings.Contains(address, "{source}") != (parameters["source"] != nil) {
			t.Errorf("%s has the parameters %v", address, parameters)
		}
	}
	types := eventTypes(t)
	want := make(map[string][]string)
	for address, prefixes := range subjectTypes {
		for _, eventType := range types {
			if slices.ContainsFunc(prefixes, func(p string) bool { return strings.HasPrefix(eventType, p) }) {
				want[address] = append(want[address], eventType)
			}
		}
	}
	if !maps.EqualFunc(got, want, slices.Equal) {
		t.Errorf("subjects carry\n%q, want\n%q", got, want)
	}

	described := make(map[string]bool)
	for _, operation := range doc["operations"].(map[string]any) {
		ref := operation.(map[string]any)["channel"].(map[string]any)["$ref"].(string)
		described[strings.TrimPrefix(ref, "#/channels/")] = true
	}
	if got, want := slices.Sorted(maps.Keys(described)), slices.Sorted(maps.Keys(channels)); !slices.Equal(got, want) {
		t.Errorf("there are operations for the channels %q of %q", got, want)
	}
	if _, ok := resolve(doc, "#/components/messages/history/headers/properties/Ledger-Recorded"); !ok {
		t.Error("history does not tell of its header")
	}
}

// channelTypes returns the event types of a channel's messages, sorted, as
// their payloads and not their names tell.
func channelTypes(t *testing.T, doc, channel map[string]any) []string {
	t.Helper()
	var types []string
	for name, message := range channel["messages"].(map[string]any) {
		m, ok := resolve(doc, message.(map[string]any)["$ref"].(string))
		if !ok {
			t.Fatalf("message %s is not there", name)
		}
		payload := m.(map[string]any)["payload"].(map[string]any)
		if inner, ok := payload["schema"].(map[string]any); ok {
			for _, one := range inner["anyOf"].([]any) {
				types = append(types, payloadType(t, doc, strings.TrimSuffix(one.(map[string]any)["$ref"].(string), "/schema")))
			}
			continue
		}
		eventType := payloadType(t, doc, payload["$ref"].(string))
		if eventType != name {
			t.Errorf("message %s has the payload of %s", name, eventType)
		}
		types = append(types, eventType)
	}
	slices.Sort(types)
	return types
}

// payloadType returns the type of which the payload behind ref is, having made
// sure that its envelope and data are of that type's schemas.
func payloadType(t *testing.T, doc map[string]any, ref string) string {
	t.Helper()
	payload, ok := resolve(doc, ref+"/schema")
	if !ok {
		t.Fatalf("%s is not there", ref)
	}
	properties := payload.(map[string]any)["properties"].(map[string]any)
	eventType := properties["type"].(map[string]any)["const"].(string)
	if data := properties["data"].(map[string]any)["$ref"]; data != "events/"+eventType+schemaSuffix {
		t.Errorf("the data of %s is %v", eventType, data)
	}
	if envelope := payload.(map[string]any)["allOf"].([]any)[0].(map[string]any)["$ref"]; envelope != "events/envelope.schema.json" {
		t.Errorf("the envelope of %s is %v", eventType, envelope)
	}
	return eventType
}

// requireReferences demands that whatever is referred to is there.
func requireReferences(t *testing.T, doc map[string]any, node any) {
	t.Helper()
	switch node := node.(type) {
	case map[string]any:
		if ref, ok := node["$ref"].(string); ok {
			if _, ok := resolve(doc, ref); !ok {
				t.Errorf("%s is not there", ref)
			}
		}
		for _, inner := range node {
			requireReferences(t, doc, inner)
		}
	case []any:
		for _, inner := range node {
			requireReferences(t, doc, inner)
		}
	}
}

// resolve follows a reference within the document or to a file beside it.
func resolve(doc map[string]any, ref string) (any, bool) {
	pointer, local := strings.CutPrefix(ref, "#/")
	if !local {
		_, err := os.Stat(ref)
		return nil, err == nil
	}
	var node any = doc
	for token := range strings.SplitSeq(pointer, "/") {
		object, ok := node.(map[string]any)
		if !ok {
			return nil, false
		}
		if node, ok = object[token]; !ok {
			return nil, false
		}
	}
	if next, ok := node.(map[string]any)["$ref"].(string); ok {
		return resolve(doc, next)
	}
	return node, true
}
