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
	first  = time.Date(2026, 11, 16, 18, 0, 0, 0, time.UTC) // when a test's state came about
	second = first.Add(24 * time.Hour)                      // when its event is recorded
)

func at(recorded time.Time) fold.Position { return fold.Position{Seq: 9, Recorded: recorded} }

// heldCase is a case delegated to an agent at the first time.
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

// delegationOf writes a case's delegation: holder, state, when it began, and
// the pending requests with when they came.
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
		out = "nobody, but with remains"
	}
	for _, p := range c.Pending {
		out += fmt.Sprintf(", %s asked %s", p.AgentID, when(p.Requested))
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

// transition is one line of the table of delegations.
type transition struct {
	rule  string
	from  fold.Case
	event events.Data
	to    string      // blank where nothing changes
	code  events.Code // of a refusal
	field string      // data.agent_id unless it says otherwise
}

// requestTransitions are the transitions of the pending requestTransitions, and of what makes a
// delegation.
var requestTransitions = []transition{
	{rule: "– → pending", from: heldCase("", false), event: requested("a1"), to: "nobody, a1 asked second"},
	{rule: "several may be pending, each from another agent", from: heldCase("", false, "a2"), event: requested("a1"), to: "nobody, a1 asked second, a2 asked first"},
	{rule: "beside an active delegate", from: heldCase("a1", false), event: requested("a2"), to: "a1 active first, a2 asked second"},
	{rule: "of the one who holds the case", from: heldCase("a1", false), event: requested("a1"), to: "a1 active first, a1 asked second"},
	{rule: "what is pending already stays as it is", from: heldCase("", false, "a1"), event: requested("a1")},

	{rule: "pending → active", from: heldCase("", false, "a1"), event: accepted("a1"), to: "a1 active second"},
	{rule: "supersedes the active one in the same step", from: heldCase("a1", false, "a2"), event: accepted("a2"), to: "a2 active second"},
	{rule: "supersedes the inactive one", from: heldCase("a1", true, "a2"), event: accepted("a2"), to: "a2 active second"},
	{rule: "leaves the other requests", from: heldCase("a1", false, "a2", "a3"), event: accepted("a2"), to: "a2 active second, a3 asked first"},
	{rule: "by the holder: active, and keeps its date", from: heldCase("a1", true, "a1"), event: accepted("a1"), to: "a1 active first"},
	{rule: "by the active holder: clears the request", from: heldCase("a1", false, "a1"), event: accepted("a1"), to: "a1 active first"},
	{rule: "needs that agent's request", from: heldCase("", false, "a2"), event: accepted("a1"), code: events.NoPendingRequest},
	{rule: "needs it of the holder too", from: heldCase("a1", true), event: accepted("a1"), code: events.NoPendingRequest},

	{rule: "pending → –", from: heldCase("", false, "a1"), event: declined("a1"), to: "nobody"},
	{rule: "leaves holder and the others", from: heldCase("a1", true, "a2", "a3"), event: declined("a2"), to: "a1 inactive first, a3 asked first"},
	{rule: "the holder's own request alone", from: heldCase("a1", false, "a1"), event: declined("a1"), to: "a1 active first"},
	{rule: "needs a request", from: heldCase("a1", false), event: declined("a1"), code: events.NoPendingRequest},
	{rule: "needs a request of that agent", from: heldCase("", false, "a2"), event: declined("a1"), code: events.NoPendingRequest},

	{rule: "pending → –", from: heldCase("", false, "a1"), event: withdrawn("a1"), to: "nobody"},
	{rule: "leaves holder and the others", from: heldCase("a1", false, "a2", "a3"), event: withdrawn("a3"), to: "a1 active first, a2 asked first"},
	{rule: "needs a request", from: heldCase("", false), event: withdrawn("a1"), code: events.NoPendingRequest},
	{rule: "needs a request of the holder too", from: heldCase("a1", false, "a2"), event: withdrawn("a1"), code: events.NoPendingRequest},

	{rule: "– → active", from: heldCase("", false), event: created("a1"), to: "a1 active second"},
	{rule: "supersedes the active one", from: heldCase("a2", false), event: created("a1"), to: "a1 active second"},
	{rule: "supersedes the inactive one", from: heldCase("a2", true), event: created("a1"), to: "a1 active second"},
	{rule: "clears that agent's own request, leaves the others", from: heldCase("a3", false, "a1", "a2"), event: created("a1"), to: "a1 active second, a2 asked first"},
	{rule: "by the holder: active, and keeps its date", from: heldCase("a1", true), event: created("a1"), to: "a1 active first"},
	{rule: "by the holder: clears its own request", from: heldCase("a1", false, "a1", "a2"), event: created("a1"), to: "a1 active first, a2 asked first"},
	{rule: "what is so already changes nothing", from: heldCase("a1", false, "a2"), event: created("a1")},
}

// holderTransitions are the transitions of what only the holder may do.
var holderTransitions = []transition{
	{rule: "active → inactive", from: heldCase("a1", false, "a2"), event: inactive("a1"), to: "a1 inactive first, a2 asked first"},
	{rule: "inactive again changes nothing", from: heldCase("a1", true), event: inactive("a1")},
	{rule: "nobody holds it", from: heldCase("", false, "a1"), event: inactive("a1"), code: events.NotDelegated},
	{rule: "another holds it", from: heldCase("a2", false, "a1"), event: inactive("a1"), code: events.WrongAgent},

	{rule: "inactive → active", from: heldCase("a1", true), event: reactivated("a1"), to: "a1 active first"},
	{rule: "active again changes nothing", from: heldCase("a1", false), event: reactivated("a1")},
	{rule: "nobody holds it", from: heldCase("", false), event: reactivated("a1"), code: events.NotDelegated},
	{rule: "another holds it", from: heldCase("a2", true), event: reactivated("a1"), code: events.WrongAgent},

	{rule: "active stays active, and begins anew", from: heldCase("a1", false), event: transferred("a1", "a2"), to: "a2 active second"},
	{rule: "inactive stays inactive, and begins anew", from: heldCase("a1", true, "a3"), event: transferred("a1", "a2"), to: "a2 inactive second, a3 asked first"},
	{rule: "to oneself changes nothing", from: heldCase("a1", true), event: transferred("a1", "a1")},
	{rule: "nobody holds it", from: heldCase("", false), event: transferred("a1", "a2"), code: events.NotDelegated, field: "data.from_agent_id"},
	{rule: "another holds it", from: heldCase("a2", false), event: transferred("a1", "a2"), code: events.WrongAgent, field: "data.from_agent_id"},
	{rule: "another holds it, to oneself", from: heldCase("a2", false), event: transferred("a1", "a1"), code: events.WrongAgent, field: "data.from_agent_id"},

	{rule: "active → –", from: heldCase("a1", false, "a1", "a2"), event: ended("a1"), to: "nobody, a1 asked first, a2 asked first"},
	{rule: "inactive → –", from: heldCase("a1", true), event: ended("a1"), to: "nobody"},
	{rule: "nobody holds it", from: heldCase("", false, "a1"), event: ended("a1"), code: events.NotDelegated},
	{rule: "another holds it", from: heldCase("a2", true), event: ended("a1"), code: events.WrongAgent},
}

// TestDelegationTransitions holds the table of delegation events, and what "Details of
// the fold" says of them: every transition and every refusal. A refusal names
// field and code, repeats no value, and changes nothing.
func TestDelegationTransitions(t *testing.T) {
	for _, c := range append(requestTransitions, holderTransitions...) {
		name := fmt.Sprintf("%T, %s", c.event, c.rule)
		before := c.from
		next, changed, refusal := fold.NextCase(c.from, c.event, at(second))
		if c.code != "" {
			field := "data.agent_id"
			if c.field != "" {
				field = c.field
			}
			if refusal == nil || refusal.Code != c.code || refusal.Field != field || strings.Contains(refusal.Reason, "5000032500") {
				t.Errorf("%s: got %v, want %s at %s", name, refusal, c.code, field)
			}
		} else if refusal != nil {
			t.Errorf("%s: %v", name, refusal)
			continue
		}
		if changed != (c.to != "") {
			t.Errorf("%s: changed: %t", name, changed)
		}
		want, place := c.to, at(second)
		if want == "" {
			want, place = delegationOf(&before), before.Changed
		}
		if got := delegationOf(&next); got != want || next.Changed != place {
			t.Errorf("%s: got %s at %v, want %s at %v", name, got, next.Changed, want, place)
		}
	}
}

// TestDelegationContinuesWhileClosed holds that a closed case's delegation stands
// and can change, and that none of that reopens it.
func TestDelegationContinuesWhileClosed(t *testing.T) {
	c, _, _ := fold.NextCase(heldCase("a1", true, "a2"), &events.CaseClosed{CaseID: "5000032500"}, at(second))
	if !c.Closed || delegationOf(&c) != "a1 inactive first, a2 asked first" {
		t.Fatalf("closed: %t, %s", c.Closed, delegationOf(&c))
	}
	for _, data := range []events.Data{requested("a3"), accepted("a2"), created("a1"), reactivated("a1"), transferred("a1", "a2"), ended("a1")} {
		next, changed, refusal := fold.NextCase(c, data, at(second))
		if !changed || refusal != nil || !next.Closed {
			t.Errorf("%T: changed %t, closed %t, %v", data, changed, next.Closed, refusal)
		}
	}
}
