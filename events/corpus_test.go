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

// corpusCase is one message of the published corpus, and what a check of it
// alone must say.
type corpusCase struct {
	About   string
	Subject string
	Code    events.Code // of the rejection; "" for a message that is valid
	Field   string      // the path of the field at fault, or "" for the whole message

	// The message is either an event, taken byte for byte with its indentation, or
	// what that cannot say: the message's text or bytes.
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
		t.Fatalf("the corpus has %d cases only (%v)", len(paths), err)
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
			t.Fatalf("%s: a case has about, a subject and one message, and a code where it is invalid", path)
		}
		cases[name] = c
	}
	return cases
}

// TestCorpus holds the check, and the schemas as far as they can tell, to what
// the corpus says.
func TestCorpus(t *testing.T) {
	schemas := compile(t)
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
			t.Errorf("%s: accepted without data", name)
		}
		var fields []string
		switch c.Code {
		case events.WrongSubject, events.UnsupportedType, events.UnsupportedVersion:
			continue // the schemas know neither subjects nor releases
		case events.Malformed, events.Schema:
			fields = []string{c.Field}
		}
		if code, at, ok := schemas.judge(t, c.message); !ok || code != c.Code || !slices.Equal(at, fields) {
			t.Errorf("%s (%s): the schemas say %q at %q, want %q at %q", name, c.About, code, at, c.Code, fields)
		}
	}
}

// TestCorpusCovers demands a valid and an invalid case of all that there is to
// show: every type, every code and every attribute of the envelope.
func TestCorpusCovers(t *testing.T) {
	types, codes, malformed := map[string]bool{}, map[events.Code]bool{}, map[string]bool{}
	messages := map[string]string{}
	for name, c := range readCorpus(t) {
		if other, ok := messages[c.Subject+" "+string(c.message)]; ok {
			t.Errorf("%s says the same as %s", name, other)
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
		t.Errorf("valid cases are of the types\n%q, want\n%q", got, want)
	}
	if got, want := slices.Sorted(maps.Keys(codes)), []events.Code{"", "malformed", "schema", "unsupported_type", "unsupported_version", "wrong_subject"}; !slices.Equal(got, want) {
		t.Errorf("cases are of the codes %q, want %q", got, want)
	}
	if got, want := slices.Sorted(maps.Keys(malformed)), []string{"", "actorid", "actorrole", "data", "id", "source", "specversion", "time", "type"}; !slices.Equal(got, want) {
		t.Errorf("malformed cases are of the fields %q, want %q", got, want)
	}
}

// TestEncode takes every valid event of the corpus through Encode and back.
func TestEncode(t *testing.T) {
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
			t.Errorf("%s: what Encode wrote is rejected: %v", name, r)
			continue
		}
		second, err := again.Event.Encode()
		if err != nil || !bytes.Equal(first, second) {
			t.Errorf("%s: encoded %s, then %s (%v)", name, first, second, err)
		}
	}
}

// FuzzAgainstSchema proves that the check and the published schemas agree on
// every message, and that what it names as the case is an identifier. The subject
// is made to suit the event, since the schemas say nothing of subjects.
func FuzzAgainstSchema(f *testing.F) {
	for _, c := range readCorpus(f) {
		f.Add(c.message)
	}
	schemas := compile(f)
	var checker events.Checker
	f.Fuzz(func(t *testing.T, body []byte) {
		if hugeExponent(body) {
			t.Skip("the validator holds no number with an exponent of this size to be an integer")
		}
		want, _, ok := schemas.judge(t, body)
		got := checker.Check("ledger.consumer.calheers", body)
		if got.CaseID != "" && !events.IsIdentifier(got.CaseID) {
			t.Fatalf("made the case %q of %s", got.CaseID, body)
		}
		if got.EnvelopeRejection != nil && got.EnvelopeRejection.Code == events.WrongSubject {
			got = checker.Check(got.Event.Subject(), body)
		}
		if !ok {
			if r := got.Rejection(); r == nil {
				t.Fatalf("an event of a type that is not published is accepted: %s", body)
			}
			return
		}
		var code events.Code
		if r := got.Rejection(); r != nil {
			code = r.Code
		}
		if code == events.WrongSubject {
			return // a reserved source: the schemas say nothing of it
		}
		if code != want {
			t.Fatalf("the check says %q (%v), the published schemas %q, of %s", code, got.Rejection(), want, body)
		}
	})
}

// hugeExponent reports whether the text holds a number whose exponent has more
// than three digits.
func hugeExponent(body []byte) bool {
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
