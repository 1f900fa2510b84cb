package events_test

import (
	"bytes"
	"fmt"
	"reflect"
	"testing"

	"github.com/go-json-experiment/json/jsontext"

	"bookledger/events"
	"bookledger/schemas"
)

// checkBothWays holds that a message is judged as the same message is that is
// not plain, since white space precedes it, and that one that is accepted is
// valid.
func checkBothWays(t *testing.T, checker *events.Checker, subject string, message []byte) (accepted bool) {
	t.Helper()
	plain := checker.Check(subject, message)
	if general := checker.Check(subject, append([]byte{' '}, message...)); !reflect.DeepEqual(plain, general) {
		t.Errorf("plain: %+v %v, in general: %+v %v, of %s", plain.Event, plain.Rejection(), general.Event, general.Rejection(), message)
	}
	accepted = plain.Rejection() == nil
	if accepted && !jsontext.Value(message).IsValid() {
		t.Errorf("accepted, though not valid: %s", message)
	}
	return accepted
}

// TestPlainCorpus holds plain reading against the general one over the corpus,
// with each byte of each good message, without white space, left out and replaced by others.
func TestPlainCorpus(t *testing.T) {
	cases, err := schemas.Corpus()
	if err != nil {
		t.Fatal(err)
	}
	var checker events.Checker
	accepted, refused := 0, 0
	for _, c := range cases {
		checkBothWays(t, &checker, c.Subject, c.Message)
		if c.Code != "" || len(c.Message) > 1000 {
			continue
		}
		message := jsontext.Value(bytes.Clone(c.Message))
		if err := message.Compact(); err != nil {
			t.Fatal(err)
		}
		for i := range message {
			for _, by := range []string{"", `"`, `\`, `,`, `:`, `}`, `]`, `0`, `-`, `n`, "\n", "\x1f", "\x7f", "\xff", "é"} {
				changed := bytes.Join([][]byte{message[:i], message[i+1:]}, []byte(by))
				if checkBothWays(t, &checker, c.Subject, changed) {
					accepted++
				} else {
					refused++
				}
			}
		}
	}
	if accepted < 1000 || refused < 1000 {
		t.Fatalf("%d accepted, %d refused: the one or the other was not tried", accepted, refused)
	}
}

const (
	plainEnvelope   = `{"specversion":"1.0","id":"1","source":"calheers","type":"%s","time":"2026-11-20T20:59:58-08:00"%s}`
	plainClosed     = "consumer.case_closed.v1"
	plainEnrollment = "consumer.enrollment_recorded.v1"
	plainHousehold  = "consumer.household_recorded.v1"
	plainEnrolled   = `,"data":{"case_id":"1","enrollment_id":"E","application_year":2026,"coverage_kind":"health","member_ids":%s}`
)

// plainForms are envelopes' types and ends that no change of one byte comes to.
var plainForms = []struct{ kind, rest string }{
	{plainClosed, `,"data":{"case_id":"1"}`},
	{plainClosed, `,"data":{"case_id":"1"},"trace":1,"other":[{}],"more":{"a":null}`},
	{plainClosed, `,"data":{"case_id":"1"},"trace":{"a":1}`},
	{plainClosed, `,"data":{"case_id":"1"},"trace":{"a"}`},
	{plainClosed, `,"data":{"case_id":"1"},"trace":{"a":1,"a":1}`},
	{plainClosed, `,"data":{"case_id":"1"},"trace":[1,]`},
	{plainClosed, `,"data":{"case_id":"1"},"trace":[1}`},
	{plainClosed, `,"data":{"case_id":"1"},"trace":{1]`},
	{plainClosed, `,"data":{"case_id":"1"},"trace":01`},
	{plainClosed, `,"data":{"case_id":"1"},"trace":0x1`},
	{plainClosed, `,"data":{"case_id":"1"},"trace":truefalse`},
	{plainClosed, `,"data":{"case_id":"1"},"trace":"` + "\x1f" + `"`},
	{plainClosed, `,"data":{"case_id":"1"},"trace":"` + "\x1f" + `12345678"`},
	{plainClosed, `,"data":{"case_id":"1"},"trace":"\ud800"`},
	{plainClosed, `,"data":{"case_id":"1"},"trace":"` + "\xed\xa0\x80" + `"`},
	{plainClosed, `,"data":{"case_id":"1"},"trace"`},
	{plainClosed, `,"data":{"case_id":"1"},"trace":`},
	{plainClosed, `,"data":{"case_id":"1"},`},
	{plainClosed, `,"data":{"case_id":"1"},"trace":1,"trace":2`},
	{plainClosed, `,"data":{"case_id":"1"},"actorid":"a","actorid":"a"`},
	{plainClosed, `,"data":{"case_id":"1"},"id":"1"`},
	{plainClosed, `,"data":{"case_id":"1"},"data":{"case_id":"1"}`},
	{plainClosed, `,"data":{"case_id":"1"},"":1`},
	{plainClosed, `,"data":{"case_id":"1"},null:1`},
	{plainClosed, `,"data":{"case_id":"1"},1:1`},
	{plainClosed, `,"data":{"case_id":"1","case_id":"1"}`},
	{plainClosed, `,"data":{"case_id":"1","case_id":null}`},
	{plainClosed, `,"data":{"case_id":null,"case_id":"1"}`},
	{plainClosed, `,"data":{"case_id":"1","other":"1"}`},
	{plainClosed, `,"data":{"case_id":"1","other":"1","other":"1"}`},
	{plainClosed, `,"data":{"case_id":"1","other":{"a"}}`},
	{plainClosed, `,"data":{"case_id":"1"]`},
	{plainClosed, `,"data":{"case_id":"1"},"time":null}`},
	{plainClosed, `,"data":{"case_id":["1"]}`},
	{plainClosed, `,"data":["case_id","1"]`},
	{plainClosed, `,"data":{"case_id":"1"}} {`},
	{plainHousehold, `,"data":{"case_id":"1","address":{"city":"Fresno"},"primary_contact":{"first_name":"Zoë"}}`},
	{plainHousehold, `,"data":{"case_id":"1","address":{"city":"Fresno","city":"Fresno"}}`},
	{plainHousehold, `,"data":{"case_id":"1","address":{"city":"Fresno",}}`},
	{plainHousehold, `,"data":{"case_id":"1","address":{"city":"Fresno"]}`},
	{plainHousehold, `,"data":{"case_id":"1","address":{"city":"Fresno"},"address":{"city":"Fresno"}}`},
	{plainHousehold, `,"data":{"case_id":"1","address":{,"city":"Fresno"}}`},
	{plainHousehold, `,"data":{"case_id":"1","address":{}}`},
	{plainHousehold, `,"data":{"case_id":"1","address":[}}`},
	{plainEnrollment, fmt.Sprintf(plainEnrolled, `["a","b"]`)},
	{plainEnrollment, fmt.Sprintf(plainEnrolled, `["a""b"]`)},
	{plainEnrollment, fmt.Sprintf(plainEnrolled, `["a","b",]`)},
	{plainEnrollment, fmt.Sprintf(plainEnrolled, `[,"a","b"]`)},
	{plainEnrollment, fmt.Sprintf(plainEnrolled, `["a":"b"]`)},
	{plainEnrollment, fmt.Sprintf(plainEnrolled, `["a","b"}`)},
	{plainEnrollment, fmt.Sprintf(plainEnrolled, `["a",{}]`)},
}

// TestPlainForms holds plain reading against the general one over them.
func TestPlainForms(t *testing.T) {
	var checker events.Checker
	accepted := 0
	for _, c := range plainForms {
		if checkBothWays(t, &checker, "ledger.consumer.calheers", fmt.Appendf(nil, plainEnvelope, c.kind, c.rest)) {
			accepted++
		}
	}
	for n := range 8 { // at each place of the last word
		trace := fmt.Sprintf(`,"data":{"case_id":"1"},"trace":"%*s`+"\x1f"+`"`, n, "")
		checkBothWays(t, &checker, "ledger.consumer.calheers", fmt.Appendf(nil, plainEnvelope, plainClosed, trace))
	}
	if accepted < 6 {
		t.Fatalf("%d forms were accepted", accepted)
	}
}

// FuzzPlain holds plain reading against the general one, whatever the message.
func FuzzPlain(f *testing.F) {
	cases, err := schemas.Corpus()
	if err != nil {
		f.Fatal(err)
	}
	for _, c := range cases {
		message := jsontext.Value(bytes.Clone(c.Message))
		_ = message.Compact() // what is no JSON is as good
		f.Add(c.Subject, []byte(message))
	}
	f.Fuzz(func(t *testing.T, subject string, message []byte) {
		checkBothWays(t, new(events.Checker), subject, message)
	})
}
