package events_test

import (
	"testing"

	"bookledger/events"
)

// TestCaseOf holds that a refused message is known by the case that it names,
// and that nothing else is made of one.
func TestCaseOf(t *testing.T) {
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
		checked := checker.Check("ledger.consumer.calheers", []byte(body))
		if got := events.CaseOf(&checked, []byte(body)); got != want {
			t.Errorf("%s is about %q, want %q", body, got, want)
		}
	}
}

// FuzzCaseOf holds that no message leads astray.
func FuzzCaseOf(f *testing.F) {
	f.Add([]byte(`{"data":{"case_id":"5000032500"}}`))
	f.Add([]byte(`{"data":{"case_id":"\`))
	f.Fuzz(func(t *testing.T, body []byte) {
		if id := events.CaseOf(&events.Checked{}, body); id != "" && !events.IsIdentifier(id) {
			t.Errorf("made %q of it", id)
		}
	})
}
