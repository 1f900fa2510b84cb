package fold_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"bookledger/events"
	"bookledger/projections/fold"
)

var (
	first  = time.Date(2026, 11, 16, 18, 0, 0, 0, time.UTC) // when the delegation of a test's state began
	second = first.Add(24 * time.Hour)                      // when the test's event is recorded
)

func at(recorded time.Time) fold.Position { return fold.Position{Seq: 9, Recorded: recorded} }

// heldCase returns a case that the agent has held since first.
func heldCase(agent string, inactive bool, pending ...string) fold.Case {
	c := fold.Case{AgentID: agent, Inactive: inactive, Changed: fold.Position{Seq: 1, Recorded: first}}
	if agent != "" {
		c.Since = first
	}
	for _, p := range pending {
		c.Pending = append(c.Pending, fold.Request{AgentID: p, Requested: first})
	}
	return c
}

// delegationOf formats a case's holder, state and start of the delegation, and
// the pending requests with their times.
func delegationOf(c *fold.Case) string {
	when := func(t time.Time) string {
		switch {
		case t.IsZero():
			return "never"
		case t.Equal(first):
			return "first"
		case t.Equal(second):
			return "second"
		}
		return t.String()
	}
	out := "nobody"
	if c.AgentID != "" {
		out = c.AgentID + " active " + when(c.Since)
		if c.Inactive {
			out = c.AgentID + " inactive " + when(c.Since)
		}
	} else if c.Inactive || !c.Since.IsZero() {
		out = "nobody, with leftover fields"
	}
	for _, p := range c.Pending {
		out += fmt.Sprintf(", %s requested %s", p.AgentID, when(p.Requested))
	}
	return out
}

func delegationEvent(agent string) events.Delegation {
	return events.Delegation{CaseID: "5000032500", AgentID: agent}
}

func accepted(agent string) events.Data {
	return &events.DelegationAccepted{Delegation: delegationEvent(agent)}
}
func created(agent string) events.Data {
	return &events.DelegationCreated{Delegation: delegationEvent(agent)}
}
func requested(agent string) events.Data {
	return &events.DelegationRequested{Delegation: delegationEvent(agent)}
}
func declined(agent string) events.Data {
	return &events.DelegationDeclined{Delegation: delegationEvent(agent)}
}
func withdrawn(agent string) events.Data {
	return &events.DelegationWithdrawn{Delegation: delegationEvent(agent)}
}
func inactive(agent string) events.Data {
	return &events.DelegationMarkedInactive{Delegation: delegationEvent(agent)}
}
func reactivated(agent string) events.Data {
	return &events.DelegationReactivated{Delegation: delegationEvent(agent)}
}
func ended(agent string) events.Data {
	return &events.DelegationEnded{Delegation: delegationEvent(agent)}
}
func transferred(from, to string) events.Data {
	return &events.DelegationTransferred{CaseID: "5000032500", FromAgentID: from, ToAgentID: to}
}

// transition is one row of the table of delegation events.
type transition struct {
	rule  string
	from  fold.Case
	event events.Data
	to    string      // "" if nothing changes
	code  events.Code // of the rejection
	field string      // of the rejection; "" means data.agent_id
}

// requestTransitions lists the transitions of pending requests and of new
// delegations.
var requestTransitions = []transition{
	{rule: "– → pending", from: heldCase("", false), event: requested("a1"), to: "nobody, a1 requested second"},
	{rule: "several requests to different agents may be pending", from: heldCase("", false, "a2"), event: requested("a1"), to: "nobody, a1 requested second, a2 requested first"},
	{rule: "with an active agent", from: heldCase("a1", false), event: requested("a2"), to: "a1 active first, a2 requested second"},
	{rule: "to the agent who holds the case", from: heldCase("a1", false), event: requested("a1"), to: "a1 active first, a1 requested second"},
	{rule: "already pending: keeps its date", from: heldCase("", false, "a1"), event: requested("a1")},

	{rule: "pending → active", from: heldCase("", false, "a1"), event: accepted("a1"), to: "a1 active second"},
	{rule: "supersedes the active agent in the same step", from: heldCase("a1", false, "a2"), event: accepted("a2"), to: "a2 active second"},
	{rule: "supersedes the inactive agent", from: heldCase("a1", true, "a2"), event: accepted("a2"), to: "a2 active second"},
	{rule: "leaves the other requests", from: heldCase("a1", false, "a2", "a3"), event: accepted("a2"), to: "a2 active second, a3 requested first"},
	{rule: "by the holder: becomes active and keeps the date", from: heldCase("a1", true, "a1"), event: accepted("a1"), to: "a1 active first"},
	{rule: "by the active holder: clears the request", from: heldCase("a1", false, "a1"), event: accepted("a1"), to: "a1 active first"},
	{rule: "needs that agent's request", from: heldCase("", false, "a2"), event: accepted("a1"), code: events.NoPendingRequest},
	{rule: "needs a request even if the agent holds the case", from: heldCase("a1", true), event: accepted("a1"), code: events.NoPendingRequest},

	{rule: "pending → –", from: heldCase("", false, "a1"), event: declined("a1"), to: "nobody"},
	{rule: "leaves the holder and other requests", from: heldCase("a1", true, "a2", "a3"), event: declined("a2"), to: "a1 inactive first, a3 requested first"},
	{rule: "by the holder: removes only the request", from: heldCase("a1", false, "a1"), event: declined("a1"), to: "a1 active first"},
	{rule: "needs a request", from: heldCase("a1", false), event: declined("a1"), code: events.NoPendingRequest},
	{rule: "needs a request to that agent", from: heldCase("", false, "a2"), event: declined("a1"), code: events.NoPendingRequest},

	{rule: "pending → –", from: heldCase("", false, "a1"), event: withdrawn("a1"), to: "nobody"},
	{rule: "leaves the holder and other requests", from: heldCase("a1", false, "a2", "a3"), event: withdrawn("a3"), to: "a1 active first, a2 requested first"},
	{rule: "needs a request", from: heldCase("", false), event: withdrawn("a1"), code: events.NoPendingRequest},
	{rule: "needs a request even if the agent holds the case", from: heldCase("a1", false, "a2"), event: withdrawn("a1"), code: events.NoPendingRequest},

	{rule: "– → active", from: heldCase("", false), event: created("a1"), to: "a1 active second"},
	{rule: "supersedes the active agent", from: heldCase("a2", false), event: created("a1"), to: "a1 active second"},
	{rule: "supersedes the inactive agent", from: heldCase("a2", true), event: created("a1"), to: "a1 active second"},
	{rule: "clears that agent's request and leaves the others", from: heldCase("a3", false, "a1", "a2"), event: created("a1"), to: "a1 active second, a2 requested first"},
	{rule: "by the holder: becomes active and keeps the date", from: heldCase("a1", true), event: created("a1"), to: "a1 active first"},
	{rule: "by the holder: clears the request to that agent", from: heldCase("a1", false, "a1", "a2"), event: created("a1"), to: "a1 active first, a2 requested first"},
	{rule: "repeated: changes nothing", from: heldCase("a1", false, "a2"), event: created("a1")},
}

// holderTransitions lists the transitions that require the agent to hold the
// case.
var holderTransitions = []transition{
	{rule: "active → inactive", from: heldCase("a1", false, "a2"), event: inactive("a1"), to: "a1 inactive first, a2 requested first"},
	{rule: "inactive again: changes nothing", from: heldCase("a1", true), event: inactive("a1")},
	{rule: "nobody holds the case", from: heldCase("", false, "a1"), event: inactive("a1"), code: events.NotDelegated},
	{rule: "another agent holds the case", from: heldCase("a2", false, "a1"), event: inactive("a1"), code: events.WrongAgent},

	{rule: "inactive → active", from: heldCase("a1", true), event: reactivated("a1"), to: "a1 active first"},
	{rule: "active again: changes nothing", from: heldCase("a1", false), event: reactivated("a1")},
	{rule: "nobody holds the case", from: heldCase("", false), event: reactivated("a1"), code: events.NotDelegated},
	{rule: "another agent holds the case", from: heldCase("a2", true), event: reactivated("a1"), code: events.WrongAgent},

	{rule: "stays active with a new date", from: heldCase("a1", false), event: transferred("a1", "a2"), to: "a2 active second"},
	{rule: "stays inactive with a new date", from: heldCase("a1", true, "a3"), event: transferred("a1", "a2"), to: "a2 inactive second, a3 requested first"},
	{rule: "to the same agent: changes nothing", from: heldCase("a1", true), event: transferred("a1", "a1")},
	{rule: "nobody holds the case", from: heldCase("", false), event: transferred("a1", "a2"), code: events.NotDelegated, field: "data.from_agent_id"},
	{rule: "another agent holds the case", from: heldCase("a2", false), event: transferred("a1", "a2"), code: events.WrongAgent, field: "data.from_agent_id"},
	{rule: "another agent holds the case, to the same agent", from: heldCase("a2", false), event: transferred("a1", "a1"), code: events.WrongAgent, field: "data.from_agent_id"},

	{rule: "active → –", from: heldCase("a1", false, "a1", "a2"), event: ended("a1"), to: "nobody, a1 requested first, a2 requested first"},
	{rule: "inactive → –", from: heldCase("a1", true), event: ended("a1"), to: "nobody"},
	{rule: "nobody holds the case", from: heldCase("", false, "a1"), event: ended("a1"), code: events.NotDelegated},
	{rule: "another agent holds the case", from: heldCase("a2", true), event: ended("a1"), code: events.WrongAgent},
}

// TestDelegationTransitions checks every transition and rejection of delegation
// events. A rejection has a code and a field, contains no value of the event,
// and changes nothing.
func TestDelegationTransitions(t *testing.T) {
	for _, c := range append(requestTransitions, holderTransitions...) {
		name := fmt.Sprintf("%T, %s", c.event, c.rule)
		before := c.from
		next, changed, rejection := fold.NextCase(c.from, c.event, at(second))
		if c.code != "" {
			field := "data.agent_id"
			if c.field != "" {
				field = c.field
			}
			if rejection == nil || rejection.Code != c.code || rejection.Field != field || strings.Contains(rejection.Reason, "5000032500") {
				t.Errorf("%s: got %v, want %s at %s", name, rejection, c.code, field)
			}
		} else if rejection != nil {
			t.Errorf("%s: got rejection %v, want none", name, rejection)
			continue
		}
		if changed != (c.to != "") {
			t.Errorf("%s: got changed %t, want %t", name, changed, !changed)
		}
		want, position := c.to, at(second)
		if want == "" {
			want, position = delegationOf(&before), before.Changed
		}
		if got := delegationOf(&next); got != want || next.Changed != position {
			t.Errorf("%s: got %s at %v, want %s at %v", name, got, next.Changed, want, position)
		}
	}
}

// TestDelegationContinuesWhileClosed checks that the delegation of a closed case
// stays and can change, and that delegation events do not reopen the case.
func TestDelegationContinuesWhileClosed(t *testing.T) {
	c, _, _ := fold.NextCase(heldCase("a1", true, "a2"), &events.CaseClosed{CaseID: "5000032500"}, at(second))
	if !c.Closed || delegationOf(&c) != "a1 inactive first, a2 requested first" {
		t.Fatalf("got closed %t, %s", c.Closed, delegationOf(&c))
	}
	for _, data := range []events.Data{requested("a3"), accepted("a2"), created("a1"), reactivated("a1"), transferred("a1", "a2"), ended("a1")} {
		next, changed, rejection := fold.NextCase(c, data, at(second))
		if !changed || rejection != nil || !next.Closed {
			t.Errorf("%T: got changed %t, closed %t, %v, want a change of a closed case", data, changed, next.Closed, rejection)
		}
	}
}
