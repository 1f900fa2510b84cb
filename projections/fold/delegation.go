package fold

import (
	"slices"
	"strings"
	"time"

	"bookledger/events"
)

func (c *Case) applyDelegation(data events.Data, at time.Time) (bool, *events.Rejection) {
	switch d := data.(type) {
	case *events.DelegationRequested:
		return c.addRequest(d.AgentID, at), nil
	case *events.DelegationAccepted:
		if _, rejection := c.resolveRequest(d.AgentID); rejection != nil {
			return false, rejection
		}
		c.delegate(d.AgentID, at)
		return true, nil
	case *events.DelegationDeclined:
		return c.resolveRequest(d.AgentID)
	case *events.DelegationWithdrawn:
		return c.resolveRequest(d.AgentID)
	case *events.DelegationCreated:
		cleared := c.clearRequest(d.AgentID)
		return c.delegate(d.AgentID, at) || cleared, nil
	case *events.DelegationMarkedInactive:
		return c.ifHolder(d.AgentID, "data.agent_id", func() bool { return set(&c.Inactive, true) })
	case *events.DelegationReactivated:
		return c.ifHolder(d.AgentID, "data.agent_id", func() bool { return set(&c.Inactive, false) })
	case *events.DelegationTransferred:
		return c.ifHolder(d.FromAgentID, "data.from_agent_id", func() bool { return c.transfer(d.ToAgentID, at) })
	case *events.DelegationEnded:
		return c.ifHolder(d.AgentID, "data.agent_id", func() bool {
			c.AgentID, c.Inactive, c.Since = "", false, time.Time{}
			return true
		})
	}
	return false, nil
}

func compareRequests(a, b Request) int { return strings.Compare(a.AgentID, b.AgentID) }

// addRequest adds a pending request. A request that is already pending keeps its
// date.
func (c *Case) addRequest(agent string, at time.Time) bool {
	r := Request{AgentID: agent, Requested: at}
	if _, found := slices.BinarySearchFunc(c.Pending, r, compareRequests); found {
		return false
	}
	return upsert(&c.Pending, r, compareRequests)
}

// resolveRequest removes the agent's pending request, or rejects the event if there
// is none.
func (c *Case) resolveRequest(agent string) (bool, *events.Rejection) {
	if !c.clearRequest(agent) {
		return false, reject(events.NoPendingRequest, "data.agent_id", "no request to this agent is pending for the case")
	}
	return true, nil
}

// clearRequest removes the agent's pending request and reports whether there was
// one.
func (c *Case) clearRequest(agent string) bool {
	i, found := slices.BinarySearchFunc(c.Pending, Request{AgentID: agent}, compareRequests)
	if found {
		c.Pending = slices.Delete(slices.Clone(c.Pending), i, i+1)
	}
	return found
}

// delegate makes the agent the active holder in place of any other. An agent who
// already holds the case keeps the date.
func (c *Case) delegate(agent string, at time.Time) bool {
	activated := set(&c.Inactive, false)
	if c.AgentID == agent {
		return activated
	}
	c.AgentID, c.Since = agent, at
	return true
}

// transfer starts a new delegation to another agent. The case stays active or
// inactive. A transfer to the holder changes nothing.
func (c *Case) transfer(to string, at time.Time) bool {
	if c.AgentID == to {
		return false
	}
	c.AgentID, c.Since = to, at
	return true
}

// ifHolder calls do if the agent holds the case, and otherwise rejects the event.
func (c *Case) ifHolder(agent, field string, do func() bool) (bool, *events.Rejection) {
	switch c.AgentID {
	case agent:
		return do(), nil
	case "":
		return false, reject(events.NotDelegated, field, "the case is delegated to nobody")
	}
	return false, reject(events.WrongAgent, field, "the case is delegated to another agent")
}

// Agents returns the agents who become known when an event is applied, in no
// particular order. Events that only name known agents and agency events return
// nil.
func Agents(data events.Data) []string {
	switch d := data.(type) {
	case *events.DelegationRequested:
		return []string{d.AgentID}
	case *events.DelegationAccepted:
		return []string{d.AgentID}
	case *events.DelegationCreated:
		return []string{d.AgentID}
	case *events.DelegationTransferred:
		return []string{d.FromAgentID, d.ToAgentID}
	}
	return nil
}
