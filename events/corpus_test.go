package events_test

import (
	"bytes"
	"encoding/json"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"bookledger/events"
)

// corpusCase is one message of the published corpus with the expected result of
// the check.
type corpusCase struct {
	About   string
	Subject string
	Code    events.Code // code of the rejection; "" for a valid message
	Field   string      // path of the wrong field, or "" for the whole message

	// Exactly one of Event, Raw and RawBase64 is set. Event is used byte for byte,
	// with its indentation. The others are for messages that are not JSON.
	Event     json.RawMessage
	Raw       *string
	RawBase64 []byte `json:"raw_base64"`
	message   []byte
}

// readCorpus returns the cases by name, such as "invalid/data-null".
func readCorpus(t testing.TB) map[string]corpusCase {
	t.Helper()
	folder := filepath.FromSlash("../schemas/corpus/")
	paths, err := filepath.Glob(folder + "*/*.json")
	if err != nil || len(paths) < 100 {
		t.Fatalf("the corpus has only %d cases (%v)", len(paths), err)
	}
	cases := map[string]corpusCase{}
	for _, path := range paths {
		text, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		var c corpusCase
		decoder := json.NewDecoder(bytes.NewReader(text))
		decoder.DisallowUnknownFields()
		if err := decoder.Decode(&c); err != nil {
			t.Fatalf("%s: %v", path, err)
		}
		forms := 0
		if c.Event != nil {
			c.message, forms = c.Event, forms+1
		}
		if c.Raw != nil {
			c.message, forms = []byte(*c.Raw), forms+1
		}
		if c.RawBase64 != nil {
			c.message, forms = c.RawBase64, forms+1
		}
		name := strings.TrimSuffix(strings.TrimPrefix(path, folder), ".json")
		if forms != 1 || c.About == "" || c.Subject == "" || strings.HasPrefix(name, "valid") != (c.Code == "") {
			t.Fatalf("%s: a case needs about, a subject and exactly one message, and an invalid case needs a code", path)
		}
		cases[name] = c
	}
	return cases
}

// TestCorpus checks the corpus with the Checker, and with the schemas as far as
// they apply.
func TestCorpus(t *testing.T) {
	schemas := compileSchemas(t)
	var checker events.Checker
	for name, c := range readCorpus(t) {
		checked := checker.Check(c.Subject, c.message)
		var code events.Code
		var field string
		if r := checked.Rejection(); r != nil {
			code, field = r.Code, r.Field
		}
		if code != c.Code || field != c.Field {
			t.Errorf("%s (%s): got %q at %q, want %q at %q", name, c.About, code, field, c.Code, c.Field)
		}
		if c.Code == "" && checked.Event.Data == nil {
			t.Errorf("%s: the event is valid but has no data", name)
		}
		var fields []string
		switch c.Code {
		case events.WrongSubject, events.UnsupportedType, events.UnsupportedVersion:
			continue // the schemas cover neither subjects nor releases
		case events.Malformed, events.Schema:
			fields = []string{c.Field}
		}
		if code, at, ok := schemas.check(t, c.message); !ok || code != c.Code || !slices.Equal(at, fields) {
			t.Errorf("%s (%s): schemas: got %q at %q, want %q at %q", name, c.About, code, at, c.Code, fields)
		}
	}
}

// TestCorpusIsComplete checks that the corpus has a valid case of every type and
// an invalid case of every code and envelope attribute.
func TestCorpusIsComplete(t *testing.T) {
	types, codes, malformed := map[string]bool{}, map[events.Code]bool{}, map[string]bool{}
	messages := map[string]string{}
	for name, c := range readCorpus(t) {
		if other, ok := messages[c.Subject+" "+string(c.message)]; ok {
			t.Errorf("%s has the same message as %s", name, other)
		}
		messages[c.Subject+" "+string(c.message)] = name
		codes[c.Code] = true
		switch c.Code {
		case events.Malformed:
			malformed[c.Field] = true
		case "":
			var checker events.Checker
			types[checker.Check(c.Subject, c.message).Event.Type] = true
		}
	}
	if got, want := slices.Sorted(maps.Keys(types)), slices.Sorted(maps.Keys(contract)); !slices.Equal(got, want) {
		t.Errorf("types of valid cases: got\n%q, want\n%q", got, want)
	}
	if got, want := slices.Sorted(maps.Keys(codes)), []events.Code{"", "malformed", "schema", "unsupported_type", "unsupported_version", "wrong_subject"}; !slices.Equal(got, want) {
		t.Errorf("codes: got %q, want %q", got, want)
	}
	if got, want := slices.Sorted(maps.Keys(malformed)), []string{"", "actorid", "actorrole", "data", "id", "source", "specversion", "time", "type"}; !slices.Equal(got, want) {
		t.Errorf("fields of malformed cases: got %q, want %q", got, want)
	}
}

// TestEncodeRoundTrip encodes and decodes every valid event of the corpus.
func TestEncodeRoundTrip(t *testing.T) {
	var checker events.Checker
	for name, c := range readCorpus(t) {
		if c.Code != "" {
			continue
		}
		e := checker.Check(c.Subject, c.message).Event
		first, err := e.Encode()
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		again := checker.Check(c.Subject, first)
		if r := again.Rejection(); r != nil {
			t.Errorf("%s: the output of Encode is rejected: %v", name, r)
			continue
		}
		second, err := again.Event.Encode()
		if err != nil || !bytes.Equal(first, second) {
			t.Errorf("%s: encoded as %s, then as %s (%v)", name, first, second, err)
		}
	}
}

// FuzzAgainstSchema checks that the Checker and the published schemas agree on any
// message, and that a case id is always an identifier. The schemas do not cover
// subjects, so the test derives the subject from the event.
func FuzzAgainstSchema(f *testing.F) {
	for _, c := range readCorpus(f) {
		f.Add(c.message)
	}
	schemas := compileSchemas(f)
	var checker events.Checker
	f.Fuzz(func(t *testing.T, body []byte) {
		if hasHugeExponent(body) {
			t.Skip("the schema validator never treats a number with such a large exponent as an integer")
		}
		want, _, ok := schemas.check(t, body)
		got := checker.Check("ledger.consumer.calheers", body)
		if got.CaseID != "" && !events.IsIdentifier(got.CaseID) {
			t.Fatalf("got case id %q, which is not an identifier, from %s", got.CaseID, body)
		}
		if got.EnvelopeRejection != nil && got.EnvelopeRejection.Code == events.WrongSubject {
			got = checker.Check(got.Event.Subject(), body)
		}
		if !ok {
			if r := got.Rejection(); r == nil {
				t.Fatalf("an event without a published schema is accepted: %s", body)
			}
			return
		}
		var code events.Code
		if r := got.Rejection(); r != nil {
			code = r.Code
		}
		if code == events.WrongSubject {
			return // a reserved source, which the schemas do not cover
		}
		if code != want {
			t.Fatalf("Checker: %q (%v), schemas: %q, for %s", code, got.Rejection(), want, body)
		}
	})
}

// hasHugeExponent reports whether the text contains an exponent with more than
// three digits.
func hasHugeExponent(body []byte) bool {
	for i, b := range body {
		if b != 'e' && b != 'E' {
			continue
		}
		n := 0
		for _, d := range bytes.TrimLeft(body[i+1:], "+-") {
			if d < '0' || d > '9' {
				break
			}
			n++
		}
		if n > 3 {
			return true
		}
	}
	return false
}
