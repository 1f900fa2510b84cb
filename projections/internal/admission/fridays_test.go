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

// fridays writes the checkpoints of a court, each with its boundary and counts.
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

// TestBoundary holds that the boundary of F is the last sequence with a
// recorded time at or before the cutoff, at 9 p.m. sharp too; that one record
// may pass several cutoffs at once, all with that boundary; and that what a
// record changes belongs to the week that it has opened.
func TestBoundary(t *testing.T) {
	c := newHarness(t)
	c.live("11-18T10:00:00", "delegation.created.v1", `{"case_id":"1","agent_id":"a1"}`)
	c.live("11-21T05:00:00", "delegation.created.v1", `{"case_id":"2","agent_id":"a1"}`) // 9 p.m. sharp
	if got := fridays(c); got != "" || c.processor.Week != 20261120 {
		t.Fatalf("at 9 p.m. sharp: %s, open %s", got, c.processor.Week)
	}
	c.live("11-21T05:00:00.000000001", "delegation.created.v1", `{"case_id":"3","agent_id":"a1"}`)
	if got := fridays(c); got != "2026-11-20 to 2: 2 cases 2 rows" || c.processor.Week != 20261127 {
		t.Fatalf("a nanosecond after: %s, open %s", got, c.processor.Week)
	}
	c.live("12-12T05:00:00.1", "delegation.ended.v1", `{"case_id":"3","agent_id":"a1"}`)
	want := "2026-11-20 to 2: 2 cases 2 rows, 2026-11-27 to 3: 3 cases 3 rows, 2026-12-04 to 3: 3 cases 3 rows, 2026-12-11 to 3: 3 cases 3 rows"
	if got := fridays(c); got != want || c.processor.Week != 20261218 {
		t.Fatalf("weeks later: %s, open %s", got, c.processor.Week)
	}
	wantPuts := "agent a1 in 2026-11-20, case 1 in 2026-11-20, case 2 in 2026-11-20, case 3 in 2026-11-27, case 3 in 2026-12-18"
	if got := strings.Join(c.state.puts, ", "); got != wantPuts {
		t.Errorf("put: %s\nwant %s", got, wantPuts)
	}
}

// TestEveryRecordMovesTime holds that once history is closed every record
// passes a cutoff, whatever becomes of it.
func TestEveryRecordMovesTime(t *testing.T) {
	for name, pass := range map[string]func(*harness){
		"unchanged": func(c *harness) { c.live("11-21T06:00:00", "consumer.case_closed.v1", caseOne) },
		"rejected": func(c *harness) {
			c.live("11-21T06:00:00", "consumer.member_removed.v1", `{"case_id":"1","member_id":"m"}`)
		},
		"malformed": func(c *harness) { c.process("ledger.consumer.calheers", "11-21T06:00:00", "", "no JSON") },
		"nowhere":   func(c *harness) { c.process("ledger.unheard.of", "11-21T06:00:00", "", "") },
		"duplicate": func(c *harness) {
			c.process("ledger.consumer.calheers", "11-21T06:00:00", "", message("calheers", "live1", "consumer.case_closed.v1", caseOne))
		},
		"history": func(c *harness) { c.process("ledger.history.calheers", "11-21T06:00:00", "11-20T10:00:00", "") },
		"nudge": func(c *harness) {
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
			t.Errorf("%s: %s, at %s", name, got, c.processor.Timeline.Last)
		}
	}
}

// TestBeforeClosing holds that until history is closed records without a
// recorded time are of no week, pass nothing and are no boundary, and that a
// history load gives the Fridays that it passes.
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
			t.Fatalf("record %d is recorded at %s", c.seq, v.Recorded)
		}
	}
	untimed(c.ledgerRecord(events.SubjectGenesis, "11-30T10:00:00", events.TypeGenesis, `{"ledger_id":"L","rules":1,"seal_key":"k","calendar":`+string(calendar)+`}`))
	untimed(c.live("11-30T10:00:00", "consumer.member_removed.v1", `{"case_id":"1","member_id":"m"}`)) // refused, so it closes nothing
	if c.processor.Week != 0 || c.processor.LedgerID != "L" {
		t.Fatalf("before all time %s is open", c.processor.Week)
	}
	c.load("11-06T10:00:00", "delegation.created.v1", `{"case_id":"1","agent_id":"a1"}`) // 3
	untimed(c.live("12-30T10:00:00", "consumer.member_removed.v1", `{"case_id":"1","member_id":"m"}`))
	untimed(c.load("no time", "consumer.case_closed.v1", caseOne))
	untimed(c.load("11-01T10:00:00", "consumer.case_closed.v1", caseOne))                        // a step back
	c.load("11-14T05:00:00", "delegation.created.v1", `{"case_id":"1","agent_id":"a1"}`)         // 7: unchanged, 9 p.m. sharp
	untimed(c.load("11-20T10:00:00", "consumer.member_removed.v1", `{"case_id":"1"}`))           // refused
	v := c.ledgerRecord(events.SubjectControl, "12-02T10:00:00", events.TypeHistoryClosed, `{}`) // 9
	if !v.Recorded.Equal(at(t, "12-02T10:00:00")) || v.Outcome != record.Applied {
		t.Fatalf("the closing record is %s at %s", v.Outcome, v.Recorded)
	}
	want := "2026-11-06 to 3: 1 cases 1 rows, 2026-11-13 to 7: 1 cases 1 rows, 2026-11-20 to 7: 1 cases 1 rows, 2026-11-27 to 7: 1 cases 1 rows"
	if got := fridays(c); got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
	if v := c.ledgerRecord(events.SubjectControl, "12-02T11:00:00", events.TypeHistoryClosed, `{}`); v.Outcome != record.Unchanged {
		t.Errorf("closed again: %s", v.Outcome)
	}
	if v := c.load("12-02T10:30:00", "consumer.case_closed.v1", caseOne); code(v) != events.HistoryClosedCode || !v.Recorded.Equal(at(t, "12-31T00:00:00")) {
		t.Errorf("loaded after closing: %v at %s", v.Rejection, v.Recorded)
	}
}

// TestStamps holds that a recorded time is never earlier than that of the
// record before it, so a clock set back over a cutoff reopens no week, and
// that Delegated Since begins at the recorded time.
func TestRecordedTimeNeverDecreases(t *testing.T) {
	c := newHarness(t)
	c.live("11-21T05:00:01", "delegation.created.v1", `{"case_id":"1","agent_id":"a1"}`)
	v := c.live("11-21T04:00:00", "delegation.created.v1", `{"case_id":"1","agent_id":"a2"}`)
	if !v.Recorded.Equal(at(t, "11-21T05:00:01")) || c.processor.Week != 20261127 || !c.state.cases["1"].Since.Equal(v.Recorded) {
		t.Errorf("recorded at %s in the week of %s, since %s", v.Recorded, c.processor.Week, c.state.cases["1"].Since)
	}
	h := newHarness(t)
	h.load("11-06T10:00:00", "delegation.created.v1", `{"case_id":"1","agent_id":"a1"}`)
	if got := h.state.cases["1"]; !got.Since.Equal(at(t, "11-06T10:00:00")) || !got.Changed.Recorded.Equal(got.Since) || got.Changed.Seq != 1 {
		t.Errorf("loaded: since %s, changed %+v", got.Since, got.Changed)
	}
}

// TestCalendarOfGenesis holds that genesis fixes the calendar: another weekday
// and time move the cutoff, also after the ledger is resumed.
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
	kept, err := json.Marshal(c.processor)
	if err != nil {
		t.Fatal(err)
	}
	c.processor = admission.New()
	if err := json.Unmarshal(kept, c.processor); err != nil {
		t.Fatal(err)
	}
	if err := c.processor.Resume(); err != nil {
		t.Fatal(err)
	}
	c.live("11-19T20:00:00.5", "consumer.case_closed.v1", `{"case_id":"2"}`)
	if got := fridays(c); got != "2026-11-19 to 2: 0 cases 0 rows" {
		t.Errorf("got %s", got)
	}
	if v := c.ledgerRecord(events.SubjectGenesis, "11-19T21:00:00", events.TypeGenesis, `{"ledger_id":"M","rules":1,"seal_key":"k","calendar":`+string(calendar)+`}`); v.Outcome != record.Rejected || c.processor.LedgerID != "L" {
		t.Errorf("a second genesis is %s, the ledger %s", v.Outcome, c.processor.LedgerID)
	}
}

// TestRulesOfAnotherRelease holds that rules this release does not hold stop
// it, loudly, at genesis and later, and that rules 1 are no change.
func TestStopsOnUnsupportedRules(t *testing.T) {
	c := newHarness(t)
	c.live("11-20T10:00:00", "consumer.case_closed.v1", caseOne)
	if v := c.ledgerRecord(events.SubjectControl, "11-20T11:00:00", events.TypeRules, `{"rules":1}`); v.Outcome != record.Unchanged {
		t.Errorf("rules 1 are %s", v.Outcome)
	}
	body := message("bookledger", "r", events.TypeRules, `{"rules":2}`)
	if _, err := c.tryProcess(events.SubjectControl, "11-20T12:00:00", "", body); err == nil || c.processor.Position != 2 {
		t.Errorf("rules 2: %v, at %d", err, c.processor.Position)
	}
}

// TestDecide holds that a decision that is not put has left no mark, whatever
// it is and however many cutoffs it would pass.
func TestDecideChangesNothing(t *testing.T) {
	c := newHarness(t)
	c.live("11-20T10:00:00", "delegation.created.v1", `{"case_id":"1","agent_id":"a1"}`)
	before, puts := *c.processor, len(c.state.puts)
	for _, data := range []string{`{"case_id":"1","agent_id":"a1"}`, `{"case_id":"1"}`} {
		r := record.Record{Seq: 2, Stamped: at(t, "12-20T10:00:00"), Subject: "ledger.delegation.calheers", Body: []byte(message("calheers", "late"+data, "delegation.ended.v1", data))}
		d := c.decoder.Decode(r)
		e, err := c.processor.Decide(&d, c.state)
		if err != nil || len(e.Passed) != 5 || e.Week != 20261225 || !e.Recorded.Equal(r.Stamped) {
			t.Fatalf("decided %+v (%v)", e, err)
		}
		if !reflect.DeepEqual(*c.processor, before) || len(c.state.puts) != puts || len(c.state.rejected) != 0 {
			t.Fatalf("the decision has left its mark: %+v", *c.processor)
		}
	}
}
