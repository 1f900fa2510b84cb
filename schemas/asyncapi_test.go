package schemas

import (
	"maps"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/goccy/go-yaml"
)

// subjectTypes lists the prefixes of the event types that each subject may
// carry.
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

// TestAsyncAPI checks that the document describes every subject with exactly its
// event types, and that every reference resolves.
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
		t.Errorf("got asyncapi %v, content type %v", doc["asyncapi"], doc["defaultContentType"])
	}
	requireReferences(t, doc, doc)

	channels := doc["channels"].(map[string]any)
	got := make(map[string][]string)
	for _, channel := range channels {
		c := channel.(map[string]any)
		address := c["address"].(string)
		got[address] = channelTypes(t, doc, c)
		if c["x-max-message-bytes"] != uint64(1<<20) {
			t.Errorf("%s: got message limit %v, want 1 MiB", address, c["x-max-message-bytes"])
		}
		if parameters, _ := c["parameters"].(map[string]any); strings.Contains(address, "{source}") != (parameters["source"] != nil) {
			t.Errorf("%s: got parameters %v", address, parameters)
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
		t.Errorf("got types by subject\n%q\nwant\n%q", got, want)
	}

	described := make(map[string]bool)
	for _, operation := range doc["operations"].(map[string]any) {
		ref := operation.(map[string]any)["channel"].(map[string]any)["$ref"].(string)
		described[strings.TrimPrefix(ref, "#/channels/")] = true
	}
	if got, want := slices.Sorted(maps.Keys(described)), slices.Sorted(maps.Keys(channels)); !slices.Equal(got, want) {
		t.Errorf("got operations for channels %q, want %q", got, want)
	}
	if _, ok := resolve(doc, "#/components/messages/history/headers/properties/Ledger-Recorded"); !ok {
		t.Error("the history message does not describe the header Ledger-Recorded")
	}
}

// channelTypes returns the sorted event types of the messages of a channel, from
// their payloads rather than their names.
func channelTypes(t *testing.T, doc, channel map[string]any) []string {
	t.Helper()
	var types []string
	for name, message := range channel["messages"].(map[string]any) {
		m, ok := resolve(doc, message.(map[string]any)["$ref"].(string))
		if !ok {
			t.Fatalf("message %s does not exist", name)
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
			t.Errorf("message %s: got payload of %s", name, eventType)
		}
		types = append(types, eventType)
	}
	slices.Sort(types)
	return types
}

// payloadType returns the event type of the payload at ref. It checks that the
// payload's envelope and data refer to the right schemas.
func payloadType(t *testing.T, doc map[string]any, ref string) string {
	t.Helper()
	payload, ok := resolve(doc, ref+"/schema")
	if !ok {
		t.Fatalf("%s does not exist", ref)
	}
	properties := payload.(map[string]any)["properties"].(map[string]any)
	eventType := properties["type"].(map[string]any)["const"].(string)
	if data := properties["data"].(map[string]any)["$ref"]; data != "events/"+eventType+schemaSuffix {
		t.Errorf("%s: got data schema %v", eventType, data)
	}
	if envelope := payload.(map[string]any)["allOf"].([]any)[0].(map[string]any)["$ref"]; envelope != "events/envelope.schema.json" {
		t.Errorf("%s: got envelope schema %v", eventType, envelope)
	}
	return eventType
}

// requireReferences checks that every reference below node resolves.
func requireReferences(t *testing.T, doc map[string]any, node any) {
	t.Helper()
	switch node := node.(type) {
	case map[string]any:
		if ref, ok := node["$ref"].(string); ok {
			if _, ok := resolve(doc, ref); !ok {
				t.Errorf("%s does not resolve", ref)
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

// resolve follows a reference within the document or to a file in the same
// folder.
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
