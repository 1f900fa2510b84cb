package admission_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"bookledger/events"
	"bookledger/events/record"
)

// The faults that a record may have, in the order of the checks.
const (
	malformed      = 1 << iota // no time
	wrongSubject               // the subject's last token is not the source
	duplicateID                // (source, id) has been seen
	badHeader                  // no recorded time on a history subject
	stepBack                   // a recorded time before the newest one
	closed                     // history is closed
	unknownType                // an unknown type of the right family
	newVersion                 // an unknown version of a known type
	badSchema                  // a field that does not match the schema
	refusedByRules             // the rules of the ledger reject the event
)

// outcomeWithFaults processes a record with the given faults and returns its rejection code or outcome.
func outcomeWithFaults(t *testing.T, faults int) string {
	c := newHarness(t)
	c.load("11-20T10:00:00", "consumer.case_closed.v1", `{"case_id":"1"}`)
	if faults&closed != 0 {
		c.live("11-20T20:00:00", "consumer.case_closed.v1", `{"case_id":"2"}`)
	}
	subject, header := "ledger.history.calheers", "11-20T11:00:00"
	source, id, eventType, data := "calheers", "new", "delegation.accepted.v1", `{"case_id":"1","agent_id":"a1"}`
	if faults&refusedByRules == 0 {
		eventType = "delegation.created.v1"
	}
	if faults&badSchema != 0 {
		data = `{"case_id":"1","agent_id":"a 1"}`
	}
	if faults&newVersion != 0 {
		eventType = strings.TrimSuffix(eventType, "1") + "9"
	}
	if faults&unknownType != 0 {
		eventType = "delegation.forgotten.v1"
	}
	if faults&stepBack != 0 {
		header = "11-20T09:00:00"
	}
	if faults&badHeader != 0 {
		header = "no time"
	}
	if faults&duplicateID != 0 {
		id = "load1"
	}
	if faults&wrongSubject != 0 {
		subject = "ledger.history.hbx"
	}
	body := message(source, id, eventType, data)
	if faults&malformed != 0 {
		body = strings.Replace(body, `"time"`, `"tim"`, 1)
	}
	v := c.process(subject, "12-31T00:00:00", header, body)
	if (v.Outcome == record.Rejected) != (v.Rejection != nil) {
		t.Fatalf("got outcome %s with rejection %v", v.Outcome, v.Rejection)
	}
	if v.Outcome == record.Rejected {
		return string(code(v))
	}
	return v.Outcome.String()
}

// TestOrderOfChecks checks the order: malformed, wrong_subject, duplicate, history
// (bad_recorded, history_closed, time_step_back), unsupported_type,
// unsupported_version, schema, rules. Of any two faults, and of a fault together with
// all later ones, the first determines the code.
func TestOrderOfChecks(t *testing.T) {
	order := []struct {
		fault int
		want  string
	}{
		{malformed, "malformed"}, {wrongSubject, "wrong_subject"}, {duplicateID, "duplicate"},
		{badHeader, "bad_recorded"}, {closed, "history_closed"}, {stepBack, "time_step_back"},
		{unknownType, "unsupported_type"}, {newVersion, "unsupported_version"}, {badSchema, "schema"}, {refusedByRules, "no_pending_request"},
	}
	if got := outcomeWithFaults(t, 0); got != "applied" {
		t.Fatalf("a record without faults: got %s, want applied", got)
	}
	for i, first := range order {
		all := first.fault
		for _, later := range order[i+1:] {
			all |= later.fault
			if got := outcomeWithFaults(t, first.fault|later.fault); got != first.want {
				t.Errorf("%s and %s: got %s, want %s", first.want, later.want, got, first.want)
			}
		}
		if got := outcomeWithFaults(t, first.fault); got != first.want {
			t.Errorf("%s only: got %s", first.want, got)
		}
		if got := outcomeWithFaults(t, all); got != first.want {
			t.Errorf("%s and all later faults: got %s, want %s", first.want, got, first.want)
		}
	}
}

// TestRemembersEventIDs checks that the IDs of all events that reach the duplicate
// check are remembered, whether applied or rejected, but not those of malformed events
// or wrong subjects. A repeated (source, id) is a duplicate whatever the event
// contains and whatever its subject; it is counted as a duplicate, not as rejected.
func TestRemembersEventIDs(t *testing.T) {
	const good = `{"case_id":"1","agent_id":"a1"}`
	for _, c := range []struct {
		name       string
		subject    string
		body       string
		header     string
		remembered bool
	}{
		{"applied", "ledger.delegation.calheers", message("calheers", "x", "delegation.created.v1", good), "", true},
		{"unchanged", "ledger.delegation.calheers", message("calheers", "x", "delegation.reactivated.v1", `{"case_id":"9","agent_id":"a9"}`), "", true},
		{"rejected by the rules", "ledger.delegation.calheers", message("calheers", "x", "delegation.ended.v1", good), "", true},
		{"schema", "ledger.delegation.calheers", message("calheers", "x", "delegation.created.v1", `{}`), "", true},
		{"unsupported type", "ledger.delegation.calheers", message("calheers", "x", "delegation.no", good), "", true},
		{"unsupported version", "ledger.delegation.calheers", message("calheers", "x", "delegation.created.v2", good), "", true},
		{"bad recorded", "ledger.history.calheers", message("calheers", "x", "delegation.created.v1", good), "", true},
		{"history closed", "ledger.history.calheers", message("calheers", "x", "delegation.created.v1", good), "11-20T10:00:00", true},
		{"malformed", "ledger.delegation.calheers", strings.Replace(message("calheers", "x", "delegation.created.v1", good), `"1.0"`, `"0.3"`, 1), "", false},
		{"wrong subject", "ledger.delegation.hbx", message("calheers", "x", "delegation.created.v1", good), "", false},
		{"another source's", "ledger.delegation.hbx", message("hbx", "x", "delegation.created.v1", good), "", false},
	} {
		h := newHarness(t)
		h.live("11-20T10:00:00", "delegation.created.v1", `{"case_id":"9","agent_id":"a9"}`)
		h.process(c.subject, "12-30T00:00:00", c.header, c.body)
		before := *h.processor
		v := h.process("ledger.consumer.calheers", "12-31T00:00:00", "", message("calheers", "x", "consumer.case_closed.v1", `{"case_id":"77"}`))
		_, applied := h.state.cases["77"]
		if (v.Outcome == record.Duplicate) != c.remembered || applied == c.remembered {
			t.Errorf("%s, then the same ID: got %s", c.name, v.Outcome)
		}
		if c.remembered && (h.processor.Duplicates != before.Duplicates+1 || h.processor.Rejected != before.Rejected || h.processor.Applied != before.Applied || v.Rejection != nil) {
			t.Errorf("%s: got counts %+v after the duplicate", c.name, *h.processor)
		}
	}
}

// TestIDsDoNotRunTogether checks that two pairs of source and ID are different even if
// their concatenations are equal.
func TestIDsDoNotRunTogether(t *testing.T) {
	c := newHarness(t)
	for i, pair := range [][2]string{{"a", "bc"}, {"ab", "c"}, {"a", "b c"}, {"a-b", "c"}} {
		v := c.process("ledger.consumer."+pair[0], "11-20T10:00:00", "", message(pair[0], pair[1], "consumer.case_closed.v1", fmt.Sprintf(`{"case_id":"%d"}`, i)))
		if v.Outcome != record.Applied {
			t.Errorf("%v: got %s, want applied", pair, v.Outcome)
		}
	}
}

// TestRejectionChangesNothing checks that a rejected event changes nothing and is
// listed with sequence, recorded time, subject, ID, code, field and reason.
func TestRejectionChangesNothing(t *testing.T) {
	c := newHarness(t)
	c.process("ledger.consumer.calheers", "11-20T09:00:00", "", "no JSON")
	c.live("11-20T10:00:00", "consumer.member_recorded.v1", `{"case_id":"1","member_id":"m1"}`)
	puts := len(c.state.puts)
	v := c.live("11-20T11:00:00", "consumer.member_recorded.v1", `{"case_id":"1","member_id":"m1","ssn_last4":"900123456"}`)
	if v.Outcome != record.Rejected || len(c.state.puts) != puts || c.processor.Rejected != 2 || len(c.state.rejected) != 2 {
		t.Fatalf("got %s, writes %v, rejected %+v", v.Outcome, c.state.puts, c.state.rejected)
	}
	first, second := c.state.rejected[0], c.state.rejected[1]
	if first.Seq != 1 || !first.Recorded.IsZero() || first.ID != "" || first.Code != events.Malformed || first.Reason == "" {
		t.Errorf("got %+v", first)
	}
	if second.Seq != 3 || !second.Recorded.Equal(at(t, "11-20T11:00:00")) || second.Subject != "ledger.consumer.calheers" || second.ID != "live2" ||
		second.Code != events.Schema || second.Field != "data.ssn_last4" || second.Reason == "" {
		t.Errorf("got %+v", second)
	}
	if strings.Contains(fmt.Sprintf("%+v", c.state.rejected), "900123456") {
		t.Error("the rejected events contain the number")
	}
}

// TestRejectsSequenceGap checks that a record that does not follow the position is an
// error.
func TestRejectsSequenceGap(t *testing.T) {
	for _, seq := range []uint64{0, 1, 3} {
		c := newHarness(t)
		c.live("11-20T10:00:00", "consumer.case_closed.v1", `{"case_id":"1"}`)
		c.seq = seq - 1
		if _, err := c.tryProcess("ledger.consumer.calheers", "11-20T11:00:00", "", message("calheers", "x", "consumer.case_closed.v1", `{"case_id":"2"}`)); err == nil || c.processor.Position != 1 {
			t.Errorf("record %d after record 1: got error %v at position %d", seq, err, c.processor.Position)
		}
	}
}

// TestStateErrors checks that an error of the state stops processing and that the
// record is not skipped.
func TestStateErrors(t *testing.T) {
	c := newHarness(t)
	c.state.err = errors.New("broken")
	if _, err := c.tryProcess("ledger.consumer.calheers", "11-20T11:00:00", "", message("calheers", "x", "consumer.case_closed.v1", `{"case_id":"2"}`)); !errors.Is(err, c.state.err) || c.processor.Position != 0 {
		t.Errorf("got error %v at position %d", err, c.processor.Position)
	}
}
