package admission_test

import (
	"encoding/json"
	"fmt"
	"reflect"
	"strings"
	"testing"

	"bookledger/events"
	"bookledger/events/record"
	"bookledger/projections/internal/admission"
)

const caseOne = `{"case_id":"1"}`

// fridays formats the checkpoints that have been passed, with boundaries and counts.
func fridays(c *harness) string {
	var out []string
	for _, f := range c.state.fridays {
		out = append(out, fmt.Sprintf("%s to %d: %d cases %d rows", f.Friday, f.Boundary, f.Cases, f.Rows))
		if !f.Cutoff.Equal(c.processor.Calendar().Cutoff(f.Friday)) {
			out = append(out, "at "+f.Cutoff.String())
		}
	}
	return strings.Join(out, ", ")
}

// TestBoundary checks that a Friday's boundary is the last sequence recorded at or
// before its cutoff (a record at exactly 9 p.m. is in), that one record may pass
// several cutoffs, which then share a boundary, and that a record's changes belong to
// the week that it opens.
func TestBoundary(t *testing.T) {
	c := newHarness(t)
	c.live("11-18T10:00:00", "delegation.created.v1", `{"case_id":"1","agent_id":"a1"}`)
	c.live("11-21T05:00:00", "delegation.created.v1", `{"case_id":"2","agent_id":"a1"}`) // exactly 9 p.m.
	if got := fridays(c); got != "" || c.processor.Week != 20261120 {
		t.Fatalf("at exactly 9 p.m.: got %q, open week %s", got, c.processor.Week)
	}
	c.live("11-21T05:00:00.000000001", "delegation.created.v1", `{"case_id":"3","agent_id":"a1"}`)
	if got := fridays(c); got != "2026-11-20 to 2: 2 cases 2 rows" || c.processor.Week != 20261127 {
		t.Fatalf("a nanosecond later: got %q, open week %s", got, c.processor.Week)
	}
	c.live("12-12T05:00:00.1", "delegation.ended.v1", `{"case_id":"3","agent_id":"a1"}`)
	want := "2026-11-20 to 2: 2 cases 2 rows, 2026-11-27 to 3: 3 cases 3 rows, 2026-12-04 to 3: 3 cases 3 rows, 2026-12-11 to 3: 3 cases 3 rows"
	if got := fridays(c); got != want || c.processor.Week != 20261218 {
		t.Fatalf("weeks later: got %q, open week %s, want %q", got, c.processor.Week, want)
	}
	wantPuts := "agent a1 in 2026-11-20, case 1 in 2026-11-20, case 2 in 2026-11-20, case 3 in 2026-11-27, case 3 in 2026-12-18"
	if got := strings.Join(c.state.puts, ", "); got != wantPuts {
		t.Errorf("got  writes %s\nwant writes %s", got, wantPuts)
	}
}

// TestEveryRecordMovesTime checks that every record can pass a cutoff once history is
// closed, whatever its outcome.
func TestEveryRecordMovesTime(t *testing.T) {
	for name, pass := range map[string]func(*harness){
		"unchanged": func(c *harness) { c.live("11-21T06:00:00", "consumer.case_closed.v1", caseOne) },
		"rejected": func(c *harness) {
			c.live("11-21T06:00:00", "consumer.member_removed.v1", `{"case_id":"1","member_id":"m"}`)
		},
		"malformed":       func(c *harness) { c.process("ledger.consumer.calheers", "11-21T06:00:00", "", "no JSON") },
		"unknown subject": func(c *harness) { c.process("ledger.unheard.of", "11-21T06:00:00", "", "") },
		"duplicate": func(c *harness) {
			c.process("ledger.consumer.calheers", "11-21T06:00:00", "", message("calheers", "live1", "consumer.case_closed.v1", caseOne))
		},
		"history": func(c *harness) { c.process("ledger.history.calheers", "11-21T06:00:00", "11-20T10:00:00", "") },
		"clock event": func(c *harness) {
			c.ledgerRecord(events.SubjectClock, "11-21T06:00:00", events.TypeClock, `{"friday":"2026-11-20"}`)
		},
		"export": func(c *harness) {
			c.ledgerRecord(events.SubjectExport, "11-21T06:00:00", events.TypeExportDeclined, `{"role":"agent","friday":"2026-11-20"}`)
		},
	} {
		c := newHarness(t)
		c.live("11-20T10:00:00", "consumer.case_closed.v1", caseOne)
		pass(c)
		if got := fridays(c); got != "2026-11-20 to 1: 0 cases 0 rows" || !c.processor.Timeline.Last.Equal(at(t, "11-21T06:00:00")) {
			t.Errorf("%s: got %q, recorded time %s", name, got, c.processor.Timeline.Last)
		}
	}
}

// TestTimeBeforeHistoryIsClosed checks that, until history is closed, a record without
// a recorded time belongs to no week, passes no cutoff and is no boundary, and that
// accepted history records pass cutoffs.
func TestTimeBeforeHistoryIsClosed(t *testing.T) {
	c := newHarness(t)
	spec, err := events.NewCalendarSpec(events.DefaultCutoff)
	if err != nil {
		t.Fatal(err)
	}
	calendar, err := json.Marshal(spec)
	if err != nil {
		t.Fatal(err)
	}
	untimed := func(v admission.Result) {
		t.Helper()
		if !v.Recorded.IsZero() {
			t.Fatalf("record %d: got recorded time %s, want none", c.seq, v.Recorded)
		}
	}
	untimed(c.ledgerRecord(events.SubjectGenesis, "11-30T10:00:00", events.TypeGenesis, `{"ledger_id":"L","rules":1,"seal_key":"k","calendar":`+string(calendar)+`}`))
	untimed(c.live("11-30T10:00:00", "consumer.member_removed.v1", `{"case_id":"1","member_id":"m"}`)) // rejected, so it does not close history
	if c.processor.Week != 0 || c.processor.LedgerID != "L" {
		t.Fatalf("before the first recorded time: got open week %s, ledger %q", c.processor.Week, c.processor.LedgerID)
	}
	c.load("11-06T10:00:00", "delegation.created.v1", `{"case_id":"1","agent_id":"a1"}`) // record 3
	untimed(c.live("12-30T10:00:00", "consumer.member_removed.v1", `{"case_id":"1","member_id":"m"}`))
	untimed(c.load("no time", "consumer.case_closed.v1", caseOne))
	untimed(c.load("11-01T10:00:00", "consumer.case_closed.v1", caseOne))                        // time steps back
	c.load("11-14T05:00:00", "delegation.created.v1", `{"case_id":"1","agent_id":"a1"}`)         // record 7: unchanged, exactly 9 p.m.
	untimed(c.load("11-20T10:00:00", "consumer.member_removed.v1", `{"case_id":"1"}`))           // rejected
	v := c.ledgerRecord(events.SubjectControl, "12-02T10:00:00", events.TypeHistoryClosed, `{}`) // record 9
	if !v.Recorded.Equal(at(t, "12-02T10:00:00")) || v.Outcome != record.Applied {
		t.Fatalf("history_closed: got %s, recorded at %s", v.Outcome, v.Recorded)
	}
	want := "2026-11-06 to 3: 1 cases 1 rows, 2026-11-13 to 7: 1 cases 1 rows, 2026-11-20 to 7: 1 cases 1 rows, 2026-11-27 to 7: 1 cases 1 rows"
	if got := fridays(c); got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
	if v := c.ledgerRecord(events.SubjectControl, "12-02T11:00:00", events.TypeHistoryClosed, `{}`); v.Outcome != record.Unchanged {
		t.Errorf("second history_closed: got %s, want unchanged", v.Outcome)
	}
	if v := c.load("12-02T10:30:00", "consumer.case_closed.v1", caseOne); code(v) != events.HistoryClosedCode || !v.Recorded.Equal(at(t, "12-31T00:00:00")) {
		t.Errorf("history record after closing: got %v, recorded at %s", v.Rejection, v.Recorded)
	}
}

// TestRecordedTimeNeverDecreases checks that a server clock that is set back across a
// cutoff does not reopen a week, and that Delegated Since is the recorded time.
func TestRecordedTimeNeverDecreases(t *testing.T) {
	c := newHarness(t)
	c.live("11-21T05:00:01", "delegation.created.v1", `{"case_id":"1","agent_id":"a1"}`)
	v := c.live("11-21T04:00:00", "delegation.created.v1", `{"case_id":"1","agent_id":"a2"}`)
	if !v.Recorded.Equal(at(t, "11-21T05:00:01")) || c.processor.Week != 20261127 || !c.state.cases["1"].Since.Equal(v.Recorded) {
		t.Errorf("got recorded time %s, open week %s, delegated since %s", v.Recorded, c.processor.Week, c.state.cases["1"].Since)
	}
	h := newHarness(t)
	h.load("11-06T10:00:00", "delegation.created.v1", `{"case_id":"1","agent_id":"a1"}`)
	if got := h.state.cases["1"]; !got.Since.Equal(at(t, "11-06T10:00:00")) || !got.Changed.Recorded.Equal(got.Since) || got.Changed.Seq != 1 {
		t.Errorf("after the history load: got delegated since %s, changed %+v", got.Since, got.Changed)
	}
}

// TestCalendarOfGenesis checks that genesis fixes the weekday and time of the cutoff,
// also after the processor is resumed, and that a second genesis is rejected.
func TestCalendarOfGenesis(t *testing.T) {
	c := newHarness(t)
	spec, err := events.NewCalendarSpec("Thursday 12:00:00")
	if err != nil {
		t.Fatal(err)
	}
	calendar, err := json.Marshal(spec)
	if err != nil {
		t.Fatal(err)
	}
	c.ledgerRecord(events.SubjectGenesis, "11-01T10:00:00", events.TypeGenesis, `{"ledger_id":"L","rules":1,"seal_key":"k","calendar":`+string(calendar)+`}`)
	c.live("11-19T20:00:00", "consumer.case_closed.v1", caseOne) // Thursday noon
	encoded, err := json.Marshal(c.processor)
	if err != nil {
		t.Fatal(err)
	}
	c.processor = admission.New()
	if err := json.Unmarshal(encoded, c.processor); err != nil {
		t.Fatal(err)
	}
	if err := c.processor.Resume(); err != nil {
		t.Fatal(err)
	}
	c.live("11-19T20:00:00.5", "consumer.case_closed.v1", `{"case_id":"2"}`)
	if got := fridays(c); got != "2026-11-19 to 2: 0 cases 0 rows" {
		t.Errorf("got checkpoints %s", got)
	}
	if v := c.ledgerRecord(events.SubjectGenesis, "11-19T21:00:00", events.TypeGenesis, `{"ledger_id":"M","rules":1,"seal_key":"k","calendar":`+string(calendar)+`}`); v.Outcome != record.Rejected || c.processor.LedgerID != "L" {
		t.Errorf("second genesis: got %s, ledger %s", v.Outcome, c.processor.LedgerID)
	}
}

// TestStopsOnUnsupportedRules checks that a rules record that this release does not
// support is an error, and that a record for the current rules changes nothing.
func TestStopsOnUnsupportedRules(t *testing.T) {
	c := newHarness(t)
	c.live("11-20T10:00:00", "consumer.case_closed.v1", caseOne)
	if v := c.ledgerRecord(events.SubjectControl, "11-20T11:00:00", events.TypeRules, `{"rules":1}`); v.Outcome != record.Unchanged {
		t.Errorf("rules 1: got %s, want unchanged", v.Outcome)
	}
	body := message("bookledger", "r", events.TypeRules, `{"rules":2}`)
	if _, err := c.tryProcess(events.SubjectControl, "11-20T12:00:00", "", body); err == nil || c.processor.Position != 2 {
		t.Errorf("rules 2: got error %v at position %d", err, c.processor.Position)
	}
}

// TestDecideChangesNothing checks that Decide leaves processor and state unchanged,
// whatever the outcome and however many cutoffs the record passes.
func TestDecideChangesNothing(t *testing.T) {
	c := newHarness(t)
	c.live("11-20T10:00:00", "delegation.created.v1", `{"case_id":"1","agent_id":"a1"}`)
	before, puts := *c.processor, len(c.state.puts)
	for _, data := range []string{`{"case_id":"1","agent_id":"a1"}`, `{"case_id":"1"}`} {
		r := record.Record{Seq: 2, Stamped: at(t, "12-20T10:00:00"), Subject: "ledger.delegation.calheers", Body: []byte(message("calheers", "late"+data, "delegation.ended.v1", data))}
		d := c.decoder.Decode(r)
		e, err := c.processor.Decide(&d, c.state)
		if err != nil || len(e.Passed) != 5 || e.Week != 20261225 || !e.Recorded.Equal(r.Stamped) {
			t.Fatalf("got decision %+v (%v)", e, err)
		}
		if !reflect.DeepEqual(*c.processor, before) || len(c.state.puts) != puts || len(c.state.rejected) != 0 {
			t.Fatalf("Decide changed the processor or the state: %+v", *c.processor)
		}
	}
}
