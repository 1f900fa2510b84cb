package admission_test

import (
	"encoding/json"
	"testing"

	"bookledger/events"
	"bookledger/events/record"
	"bookledger/projections/internal/admission"
)

// TestAgentsBecomeKnown checks that an agent becomes known with the first applied
// event that names them, that rejected events do not make agents known, that an agent
// may be delegated to before being certified, and that moving or decertifying an agent
// who was never certified is rejected as unknown_agent.
func TestAgentsBecomeKnown(t *testing.T) {
	c := newHarness(t)
	known := func(want uint64, ids ...string) {
		t.Helper()
		for _, id := range ids {
			if _, ok := c.state.agents[id]; !ok {
				t.Errorf("agent %s is not known", id)
			}
		}
		if c.processor.Agents != want || uint64(len(c.state.agents)) != want {
			t.Errorf("got %d agents counted and %d known, want %d", c.processor.Agents, len(c.state.agents), want)
		}
	}
	c.live("11-20T10:00:00", "delegation.accepted.v1", `{"case_id":"1","agent_id":"a0"}`)
	c.live("11-20T10:00:00", "delegation.ended.v1", `{"case_id":"1","agent_id":"a0"}`)
	known(0)
	c.live("11-20T10:00:00", "delegation.requested.v1", `{"case_id":"1","agent_id":"a1"}`)
	known(1, "a1")
	c.live("11-20T10:00:00", "delegation.created.v1", `{"case_id":"1","agent_id":"a2"}`)
	c.live("11-20T10:00:00", "delegation.transferred.v1", `{"case_id":"1","from_agent_id":"a2","to_agent_id":"a3"}`)
	known(3, "a1", "a2", "a3")
	for _, eventType := range []string{"agency.agent_moved.v1", "agency.agent_decertified.v1"} {
		for _, id := range []string{"a1", "a9"} { // known from a delegation; unknown
			if v := c.live("11-20T10:00:00", eventType, `{"agent_id":"`+id+`","agency_id":"y1"}`); code(v) != events.UnknownAgent {
				t.Errorf("%s of %s: got %v, want %s", eventType, id, v.Rejection, events.UnknownAgent)
			}
		}
	}
	known(3)
	c.live("11-20T10:00:00", "agency.agent_certified.v1", `{"agent_id":"a4","agency_id":"y1"}`)
	c.live("11-20T10:00:00", "agency.agent_certified.v1", `{"agent_id":"a1","agency_id":"y1"}`)
	known(4, "a4")
	if !c.state.agents["a1"].Certified || c.state.agents["a2"].Certified {
		t.Errorf("got agents %+v, want a1 certified and a2 not", c.state.agents)
	}
}

// TestOrderOfSources checks that events of different upstream systems may arrive in any
// order: a delegation before its consumer, staff before their agency.
func TestOrderOfSources(t *testing.T) {
	c := newHarness(t)
	for _, e := range [][2]string{
		{"delegation.created.v1", `{"case_id":"1","agent_id":"a1"}`},
		{"consumer.eligibility_determined.v1", `{"case_id":"1","member_id":"m1","application_year":2026,"program":"mcap","status":"eligible"}`},
		{"consumer.member_recorded.v1", `{"case_id":"1","member_id":"m1"}`},
		{"agency.staff_assigned.v1", `{"person_id":"p1","agency_id":"y1","role":"manager"}`},
		{"agency.agent_certified.v1", `{"agent_id":"a1","agency_id":"y1"}`},
		{"agency.registered.v1", `{"agency_id":"y1","name":"Bay"}`},
	} {
		if v := c.live("11-20T10:00:00", e[0], e[1]); v.Outcome != record.Applied {
			t.Errorf("%s: got %s (%v), want applied", e[0], v.Outcome, v.Rejection)
		}
	}
	if c.state.staff["y1/p1"].Role != "manager" || c.state.agencies["y1"].Name != "Bay" || !c.state.agents["a1"].Certified || len(c.state.cases["1"].Members) != 1 {
		t.Errorf("got state %+v", c.state)
	}
}

// TestStatusCounts checks that the status counts unchanged records as applied, and
// counts only known cases and agents.
func TestStatusCounts(t *testing.T) {
	c := newHarness(t)
	c.live("11-20T10:00:00", "delegation.created.v1", `{"case_id":"1","agent_id":"a1"}`)
	c.live("11-20T10:00:00", "delegation.created.v1", `{"case_id":"1","agent_id":"a1"}`) // unchanged
	c.live("11-20T10:00:00", "consumer.case_closed.v1", `{"case_id":"2"}`)
	c.live("11-20T10:00:00", "consumer.member_removed.v1", `{"case_id":"3","member_id":"m1"}`) // rejected
	c.process("ledger.consumer.calheers", "11-20T10:00:00", "", "")
	c.process("ledger.consumer.calheers", "11-20T10:00:00", "", message("calheers", "live1", "consumer.case_closed.v1", `{"case_id":"4"}`))
	got, err := json.Marshal(admission.ProgressOf(c.processor).Summary())
	const want = `{"position":6,"applied":3,"duplicates":1,"rejected":2,"cases":2,"agents":1,"open_friday":"2026-11-20","state_hash":""}`
	if err != nil || string(got) != want {
		t.Errorf("got  %s (%v)\nwant %s", got, err, want)
	}
}

// TestTallyFollowsCases checks that the counts for the coming Friday follow every change
// of a case: members, years, closing and reopening, and delegation.
func TestTallyFollowsCases(t *testing.T) {
	c := newHarness(t)
	for _, step := range []struct {
		eventType, data string
		cases, rows     int64
	}{
		{"consumer.member_recorded.v1", `{"case_id":"1","member_id":"m1"}`, 0, 0},
		{"delegation.created.v1", `{"case_id":"1","agent_id":"a1"}`, 1, 1},
		{"consumer.member_recorded.v1", `{"case_id":"1","member_id":"m2"}`, 1, 2},
		{"consumer.application_recorded.v1", `{"case_id":"1","application_year":2026}`, 1, 2},
		{"consumer.application_recorded.v1", `{"case_id":"1","application_year":2025}`, 1, 2}, // a past year is not shown
		{"consumer.application_recorded.v1", `{"case_id":"1","application_year":2027}`, 1, 4}, // open enrollment: both years are shown
		{"delegation.marked_inactive.v1", `{"case_id":"1","agent_id":"a1"}`, 1, 4},
		{"consumer.case_closed.v1", `{"case_id":"1"}`, 0, 0},
		{"consumer.member_removed.v1", `{"case_id":"1","member_id":"m2"}`, 0, 0},
		{"consumer.household_recorded.v1", `{"case_id":"1"}`, 1, 2},
		{"delegation.transferred.v1", `{"case_id":"1","from_agent_id":"a1","to_agent_id":"a2"}`, 1, 2},
		{"delegation.ended.v1", `{"case_id":"1","agent_id":"a2"}`, 0, 0},
	} {
		c.live("11-20T10:00:00", step.eventType, step.data)
		f := c.processor.Tally.Checkpoint(friday(20261120))
		if f.Cases != step.cases || f.Rows != step.rows {
			t.Errorf("after %s %s: got %d cases and %d rows, want %d and %d", step.eventType, step.data, f.Cases, f.Rows, step.cases, step.rows)
		}
	}
}
