package events_test

import (
	"bytes"
	"io/fs"
	"strings"
	"testing"

	"github.com/go-json-experiment/json/jsontext"
	"github.com/santhosh-tekuri/jsonschema/v6"

	"bookledger/events"
	"bookledger/schemas"
)

// TestCorpus holds the check against the shared corpus: code and field.
func TestCorpus(t *testing.T) {
	cases, err := schemas.Corpus()
	if err != nil {
		t.Fatal(err)
	}
	if len(cases) < 100 {
		t.Fatalf("the corpus has %d cases only", len(cases))
	}
	var checker events.Checker
	for _, c := range cases {
		checked := checker.Check(c.Subject, c.Message)
		var code events.Code
		var field string
		if r := checked.Rejection(); r != nil {
			code, field = r.Code, r.Field
		}
		if string(code) != c.Code || field != c.Field {
			t.Errorf("%s (%s): got %q at %q, want %q at %q", c.Name, c.About, code, field, c.Code, c.Field)
		}
		if c.Code == "" && checked.Event.Data == nil {
			t.Errorf("%s: accepted without data", c.Name)
		}
	}
}

// TestEncode takes every valid event of the corpus through Encode and back.
func TestEncode(t *testing.T) {
	cases, err := schemas.Corpus()
	if err != nil {
		t.Fatal(err)
	}
	var checker events.Checker
	for _, c := range cases {
		if c.Code != "" {
			continue
		}
		e := checker.Check(c.Subject, c.Message).Event
		first, err := e.Encode()
		if err != nil {
			t.Fatalf("%s: %v", c.Name, err)
		}
		again := checker.Check(c.Subject, first)
		if r := again.Rejection(); r != nil {
			t.Errorf("%s: what Encode wrote is rejected: %v", c.Name, r)
			continue
		}
		second, err := again.Event.Encode()
		if err != nil || !bytes.Equal(first, second) {
			t.Errorf("%s: encoded %s, then %s (%v)", c.Name, first, second, err)
		}
	}
}

// TestNoValueInRejections makes sure that a refused value is never repeated.
func TestNoValueInRejections(t *testing.T) {
	const ssn = "900123456"
	body := []byte(`{"specversion":"1.0","id":"1","source":"calheers","type":"consumer.member_recorded.v1","time":"2026-11-20T20:59:58-08:00","data":{"case_id":"5000032500","member_id":"1","ssn_last4":"` + ssn + `"}}`)
	var checker events.Checker
	checked := checker.Check("ledger.consumer.calheers", body)
	r := checked.Rejection()
	if r == nil || r.Code != events.Schema || r.Field != "data.ssn_last4" {
		t.Fatalf("got %v", r)
	}
	if strings.Contains(r.Error(), ssn) {
		t.Fatal("the rejection repeats the number")
	}
}

// TestCaseID holds that a refused message is known by the case that it names,
// and that nothing else is made of one.
func TestCaseID(t *testing.T) {
	const head = `{"specversion":"1.0","id":"1","source":"calheers","time":"2026-11-20T20:59:58-08:00",`
	for body, want := range map[string]string{
		head + `"type":"consumer.case_closed.v1","data":{"case_id":"5000032500"}}`:                                             "5000032500",
		head + `"type":"consumer.case_closed.v9","data":{"case_id":"5000032500"}}`:                                             "5000032500",
		head + `"type":"consumer.member_recorded.v1","data":{"ssn_last4":"900123456","case_id":"5000032500","member_id":"1"}}`: "5000032500",
		head + `"type":"consumer.case_closed.v1","data":{"case_id":"no identifier"}}`:                                          "",
		head + `"type":"consumer.case_closed.v1","data":{"case_id":5000032500}}`:                                               "",
		head + `"type":"consumer.case_closed.v1","data":{"nested":{"case_id":"5000032500"}}}`:                                  "",
		head + `"type":"consumer.case_closed.v1","case_id":"5000032500","data":7}`:                                             "",
		head + `"type":"agency.agent_moved.v1","data":{"agent_id":"A1","agency_id":"G1"}}`:                                     "",
		`{"data":{"case_id":"5000032500"}`:                                                                                     "5000032500", // cut off
		`{"data":{"case_id":"50000`:                                                                                            "",
		`{"data":`:                                                                                                             "",
		`{"data":"\`:                                                                                                           "",
		`no JSON`:                                                                                                              "",
		``:                                                                                                                     "",
	} {
		var checker events.Checker
		if got := checker.Check("ledger.consumer.calheers", []byte(body)).CaseID; got != want {
			t.Errorf("%s is about %q, want %q", body, got, want)
		}
	}
}

// published are the JSON Schemas as an outsider would use them.
type published struct {
	envelope *jsonschema.Schema
	data     map[string]*jsonschema.Schema
}

func compile(t testing.TB) published {
	t.Helper()
	compiler := jsonschema.NewCompiler()
	resources := append([]string{"common", "envelope"}, schemas.EventTypes()...)
	for _, name := range resources {
		file, err := fs.ReadFile(schemas.FS(), "events/"+name+".schema.json")
		if err != nil {
			t.Fatal(err)
		}
		doc, err := jsonschema.UnmarshalJSON(bytes.NewReader(file))
		if err != nil {
			t.Fatal(err)
		}
		if err := compiler.AddResource("urn:bookledger:schema:"+name, doc); err != nil {
			t.Fatal(err)
		}
	}
	p := published{data: map[string]*jsonschema.Schema{}}
	for _, name := range resources[1:] {
		s, err := compiler.Compile("urn:bookledger:schema:" + name)
		if err != nil {
			t.Fatal(err)
		}
		p.data[name] = s
	}
	p.envelope = p.data["envelope"]
	return p
}

// code returns what the published contract says of a message: malformed,
// schema or nothing. ok is false where it says nothing at all, since the type
// is not one of it.
func (p published) code(t testing.TB, body []byte) (code events.Code, ok bool) {
	if !jsontext.Value(body).IsValid() {
		return events.Malformed, true
	}
	doc, err := jsonschema.UnmarshalJSON(bytes.NewReader(body))
	if err != nil {
		t.Fatalf("strict JSON that the schema's parser refuses: %v", err)
	}
	if p.envelope.Validate(doc) != nil {
		return events.Malformed, true
	}
	event := doc.(map[string]any)
	schema := p.data[event["type"].(string)]
	if schema == nil {
		return "", false
	}
	if schema.Validate(event["data"]) != nil {
		return events.Schema, true
	}
	return "", true
}

// FuzzAgainstSchema proves that the check and the published schemas agree on
// every message, and that no message leads astray to a case that is none. The subject is made to suit the event, since the schemas say
// nothing of subjects.
func FuzzAgainstSchema(f *testing.F) {
	cases, err := schemas.Corpus()
	if err != nil {
		f.Fatal(err)
	}
	for _, c := range cases {
		f.Add(c.Message)
	}
	contract := compile(f)
	var checker events.Checker
	f.Fuzz(func(t *testing.T, body []byte) {
		if hugeExponent(body) {
			t.Skip("the validator holds no number with an exponent of this size to be an integer")
		}
		want, ok := contract.code(t, body)
		got := checker.Check("ledger.consumer.calheers", body)
		if got.CaseID != "" && !events.IsIdentifier(got.CaseID) {
			t.Fatalf("made the case %q of %s", got.CaseID, body)
		}
		if got.Envelope != nil && got.Envelope.Code == events.WrongSubject {
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

// hugeExponent tells whether the text holds a number whose exponent has more
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
