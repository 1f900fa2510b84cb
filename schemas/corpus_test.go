package schemas

import (
	"bytes"
	"maps"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/go-json-experiment/json/jsontext"
	"github.com/santhosh-tekuri/jsonschema/v6"
)

// TestCorpus judges every case by the schemas and finds what the case says.
func TestCorpus(t *testing.T) {
	cases, err := Corpus()
	if err != nil {
		t.Fatal(err)
	}
	c := newCompiler(t)
	envelope, err := c.Compile(urn + "envelope")
	if err != nil {
		t.Fatal(err)
	}
	for _, tc := range cases {
		t.Run(tc.Name, func(t *testing.T) {
			code, fields := judge(t, c, envelope, tc.Subject, tc.Message)
			if code != tc.Code {
				t.Fatalf("%s: judged %q at %q, the case says %q", tc.About, code, fields, tc.Code)
			}
			if code != "" && !slices.Equal(fields, []string{tc.Field}) {
				t.Errorf("%s: faults at %q, the case says %q", tc.About, fields, tc.Field)
			}
		})
	}
}

// judge is the plain reading of the contracts: what a check of one message
// alone says. It is slow and trusts the schemas.
func judge(t *testing.T, c *jsonschema.Compiler, envelope *jsonschema.Schema, subject string, message []byte) (code string, fields []string) {
	t.Helper()
	whole := []string{""}
	if v := jsontext.Value(message); !v.IsValid() || v.Kind() != '{' {
		return "malformed", whole
	}
	value, err := jsonschema.UnmarshalJSON(bytes.NewReader(message))
	if err != nil {
		return "malformed", whole
	}
	if fields := faults(t, envelope, value, ""); fields != nil {
		return "malformed", fields
	}
	event := value.(map[string]any)
	eventType, source := event["type"].(string), event["source"].(string)
	if field := wrongSubject(subject, eventType, source); field != "" {
		return "wrong_subject", []string{field}
	}
	if !slices.Contains(EventTypes(), eventType) {
		return unsupported(eventType), []string{"type"}
	}
	schema, err := c.Compile(urn + eventType)
	if err != nil {
		t.Fatal(err)
	}
	if fields := faults(t, schema, event["data"], "data"); fields != nil {
		return "schema", fields
	}
	return "", nil
}

// wrongSubject names the field that does not go with the subject, or "".
func wrongSubject(subject, eventType, source string) string {
	family, _, _ := strings.Cut(eventType, ".")
	tokens := strings.Split(subject, ".")
	if len(tokens) == 2 { // bookledger's own subjects
		switch {
		case family != "ledger":
			return "type"
		case source != "bookledger":
			return "source"
		}
		return ""
	}
	carried := []string{tokens[1]}
	if tokens[1] == "history" {
		carried = []string{"consumer", "delegation", "agency"}
	}
	switch {
	case !slices.Contains(carried, family):
		return "type"
	case tokens[2] != source, source == "bookledger", source == "portal" && tokens[1] != "delegation":
		return "source"
	}
	return ""
}

var versionSuffix = regexp.MustCompile(`\.v[0-9]+$`)

// unsupported tells an unknown version of a known name from an unknown name.
func unsupported(eventType string) string {
	name := versionSuffix.ReplaceAllString(eventType, "")
	for _, known := range EventTypes() {
		if name != eventType && name == versionSuffix.ReplaceAllString(known, "") {
			return "unsupported_version"
		}
	}
	return "unsupported_type"
}

// TestCorpusCovers demands a valid and an invalid case of all that there is to
// show: every type, every code and every attribute of the envelope.
func TestCorpusCovers(t *testing.T) {
	cases, err := Corpus()
	if err != nil {
		t.Fatal(err)
	}
	types, codes, malformed := make(map[string]bool), make(map[string]bool), make(map[string]bool)
	messages := make(map[string]string)
	for _, tc := range cases {
		if first, ok := messages[tc.Subject+" "+string(tc.Message)]; ok {
			t.Errorf("%s says the same as %s", tc.Name, first)
		}
		messages[tc.Subject+" "+string(tc.Message)] = tc.Name
		codes[tc.Code] = true
		if tc.Code == "malformed" {
			malformed[tc.Field] = true
		}
		if tc.Code == "" {
			event, err := jsonschema.UnmarshalJSON(bytes.NewReader(tc.Message))
			if err != nil {
				t.Fatalf("%s: %v", tc.Name, err)
			}
			types[event.(map[string]any)["type"].(string)] = true
		}
	}
	if got, want := slices.Sorted(maps.Keys(types)), EventTypes(); !slices.Equal(got, want) {
		t.Errorf("valid cases are of the types\n%q, want\n%q", got, want)
	}
	if got, want := slices.Sorted(maps.Keys(codes)), []string{"", "malformed", "schema", "unsupported_type", "unsupported_version", "wrong_subject"}; !slices.Equal(got, want) {
		t.Errorf("cases are of the codes %q, want %q", got, want)
	}
	if got, want := slices.Sorted(maps.Keys(malformed)), []string{"", "actorid", "actorrole", "data", "id", "source", "specversion", "time", "type"}; !slices.Equal(got, want) {
		t.Errorf("malformed cases are of the fields %q, want %q", got, want)
	}
}

func TestParseCase(t *testing.T) {
	const head = `{"about":"a","subject":"s",`
	c, err := parseCase("valid/x", []byte(head+`"event":{"n": 2.026e3,  "é":"<"}}`))
	if err != nil || string(c.Message) != `{"n": 2.026e3,  "é":"<"}` {
		t.Errorf("the event is not taken byte for byte: %q, %v", c.Message, err)
	}
	c, err = parseCase("invalid/x", []byte(head+`"code":"malformed","field":"","raw_base64":"6Q=="}`))
	if err != nil || string(c.Message) != "\xe9" {
		t.Errorf("raw_base64 gives %q, %v", c.Message, err)
	}
	for name, rest := range map[string]string{
		"valid/none":       `"code":""}`,
		"valid/two":        `"raw":"","event":{}}`,
		"valid/code":       `"raw":"x","code":"schema"}`,
		"valid/field":      `"raw":"x","field":""}`,
		"valid/unknown":    `"raw":"x","note":""}`,
		"invalid/no-code":  `"raw":"x","field":""}`,
		"invalid/no-field": `"raw":"x","code":"malformed"}`,
		"invalid/broken":   `"raw":"x"`,
	} {
		if _, err := parseCase(name, []byte(head+rest)); err == nil {
			t.Errorf("%s: %s is taken for a case", name, rest)
		}
	}
	if _, err := parseCase("valid/about", []byte(`{"subject":"s","raw":"x"}`)); err == nil {
		t.Error("a case without about is taken")
	}
}
