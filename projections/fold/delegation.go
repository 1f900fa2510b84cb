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
		return c.request(d.AgentID, at), nil
	case *events.DelegationAccepted:
		if _, refusal := c.answer(d.AgentID); refusal != nil {
			return false, refusal
		}
		c.delegate(d.AgentID, at)
		return true, nil
	case *events.DelegationDeclined:
		return c.answer(d.AgentID)
	case *events.DelegationWithdrawn:
		return c.answer(d.AgentID)
	case *events.DelegationCreated:
		answered := c.clearRequest(d.AgentID)
		return c.delegate(d.AgentID, at) || answered, nil
	case *events.DelegationMarkedInactive:
		return c.byHolder(d.AgentID, "data.agent_id", func() bool { return set(&c.Inactive, true) })
	case *events.DelegationReactivated:
		return c.byHolder(d.AgentID, "data.agent_id", func() bool { return set(&c.Inactive, false) })
	case *events.DelegationTransferred:
		return c.byHolder(d.FromAgentID, "data.from_agent_id", func() bool { return c.transfer(d.ToAgentID, at) })
	case *events.DelegationEnded:
		return c.byHolder(d.AgentID, "data.agent_id", func() bool {
			c.AgentID, c.Inactive, c.Since = "", false, time.Time{}
			return true
		})
	}
	return false, nil
}

func compareRequests(a, b Request) int { return strings.Compare(a.AgentID, b.AgentID) }

// request adds a pending request; one that is pending already stays as it is.
func (c *Case) request(agent string, at time.Time) bool {
	r := Request{AgentID: agent, Requested: at}
	if _, found := slices.BinarySearchFunc(c.Pending, r, compareRequests); found {
		return false
	}
	return put(&c.Pending, r, compareRequests)
}

// answer takes the agent's pending request away, whatever the answer.
func (c *Case) answer(agent string) (bool, *events.Rejection) {
	if !c.clearRequest(agent) {
		return false, refuse(events.NoPendingRequest, "data.agent_id", "no request to this agent is pending for the case")
	}
	return true, nil
}

func (c *Case) clearRequest(agent string) bool {
	i, found := slices.BinarySearchFunc(c.Pending, Request{AgentID: agent}, compareRequests)
	if found {
		c.Pending = slices.Delete(slices.Clone(c.Pending), i, i+1)
	}
	return found
}

// delegate makes the agent the active holder, superseding another; who holds
// the case already keeps the date.
func (c *Case) delegate(agent string, at time.Time) bool {
	activated := set(&c.Inactive, false)
	if c.AgentID == agent {
		return activated
	}
	c.AgentID, c.Since = agent, at
	return true
}

// transfer moves the delegation, active or inactive as it is, and begins a
// new one; to oneself nothing changes.
func (c *Case) transfer(to string, at time.Time) bool {
	if c.AgentID == to {
		return false
	}
	c.AgentID, c.Since = to, at
	return true
}

// byHolder does what only the agent who holds the case may do.
func (c *Case) byHolder(agent, field string, do func() bool) (bool, *events.Rejection) {
	switch c.AgentID {
	case agent:
		return do(), nil
	case "":
		return false, refuse(events.NotDelegated, field, "the case is delegated to nobody")
	}
	return false, refuse(events.WrongAgent, field, "the case is delegated to another agent")
}

// Agents returns the agents that an event names, in no set order; each is
// known from then on, if the event is applied.
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
	return nil // the others name agents that are known already, or are agency events
}
