package events_test

import (
	"testing"

	"bookledger/events"
)

// TestRejectedEventsKeepCaseID checks that a rejected message keeps the case id
// that it names, and that a case id comes only from data.case_id.
func TestRejectedEventsKeepCaseID(t *testing.T) {
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
			t.Errorf("%s: got case %q, want %q", body, got, want)
		}
	}
}
