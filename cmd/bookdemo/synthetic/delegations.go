package synthetic

import (
	"fmt"
	"slices"

	"bookledger/events"
)

// setHolder sets the agent who holds a case, or nobody.
func (g *generator) setHolder(c *caseState, agent int, inactive bool) {
	g.countActive(c, -1)
	c.holder, c.inactive = agent, inactive
	g.countActive(c, 1)
}

// countActive adds by to the number of active cases of the case's agent, if the case
// is active.
func (g *generator) countActive(c *caseState, by int) {
	if c.hasAgent() && !c.inactive {
		g.active[c.holder] += by
	}
}

// canLose reports whether the agent who holds a case may lose it. In a large
// population, the first agent keeps more than 2,000 consumers.
func (g *generator) canLose(c *caseState) bool {
	return c.holder != 0 || c.inactive || g.config.Consumers < largePopulation || g.active[0] > firstAgentMinimum
}

// hasRequest reports whether an agent has a pending request for the case.
func (c *caseState) hasRequest(agent int) bool { return slices.Contains(c.pending[:], agent) }

// clearRequest removes an agent's pending request.
func (c *caseState) clearRequest(agent int) { c.pending[slices.Index(c.pending[:], agent)] = nobody }

func delegation(i, agent int) events.Delegation {
	return events.Delegation{CaseID: caseID(i), AgentID: agentID(agent)}
}

// byAgent emits an event with the agent as the actor.
func (g *generator) byAgent(agent int, data events.Data) {
	g.emitAs(agentPersonID(agent), "agent", data)
}

// delegate finds an agent for a new case.
func (g *generator) delegate(c *caseState, from origin) {
	agent := g.roster.pickAgent(&g.dice)
	if c.index == 1 {
		g.created(c, g.roster.second, "conversion")
		return
	}
	if !g.acceptsConsumers(agent) {
		agent = max(0, g.pickAgent(agent)) // the first agent always accepts consumers
	}
	roll := g.dice.below(1000)
	switch {
	case from == conversion && roll < 890:
		g.created(c, agent, "conversion")
		if roll < 35 {
			g.markInactive(c)
		}
	case from != conversion && roll < 450:
		g.created(c, agent, "agent_application")
	case from != conversion && roll < 500:
		g.created(c, agent, "service_center")
	case roll < 985:
		g.requestAndSchedule(c, agent)
	}
}

func (g *generator) created(c *caseState, agent int, via string) {
	g.setHolder(c, agent, false)
	data := &events.DelegationCreated{Delegation: delegation(c.index, agent), Via: via}
	if via == "agent_application" {
		g.byAgent(agent, data)
		return
	}
	g.emit(data)
}

func (g *generator) request(c *caseState, agent int) {
	n := 0
	if c.pending[0] != nobody {
		n = 1
	}
	c.pending[n] = agent
	g.emit(&events.DelegationRequested{Delegation: delegation(c.index, agent)})
}

// requestAndSchedule emits a request to an agent and schedules the answer. Some
// requests remain pending.
func (g *generator) requestAndSchedule(c *caseState, agent int) {
	g.request(c, agent)
	at := g.now + int64(g.dice.between(5, 4*24*60))*oneMinute
	switch g.dice.weighted(720, 90, 60, 130) {
	case 0:
		g.schedule(at, func(g *generator) { g.accept(c, agent) })
	case 1:
		g.schedule(at, func(g *generator) { g.decline(c, agent) })
	case 2:
		g.schedule(at, func(g *generator) {
			c.clearRequest(agent)
			g.emit(&events.DelegationWithdrawn{Delegation: delegation(c.index, agent), Reason: pick(&g.dice, tables().WithdrawReasons)})
		})
	}
}

func (g *generator) accept(c *caseState, agent int) {
	if c.closed || !g.acceptsConsumers(agent) {
		return
	}
	if c.holder != nobody && !g.canLose(c) {
		g.decline(c, agent)
		return
	}
	c.clearRequest(agent)
	g.setHolder(c, agent, false)
	g.byAgent(agent, &events.DelegationAccepted{Delegation: delegation(c.index, agent)})
}

func (g *generator) decline(c *caseState, agent int) {
	c.clearRequest(agent)
	g.byAgent(agent, &events.DelegationDeclined{Delegation: delegation(c.index, agent), Reason: pick(&g.dice, tables().DeclineReasons)})
}

// requestFirstAgent sends a request from a consumer without an agent.
func (g *generator) requestFirstAgent(*caseState) {
	c := g.pickCase(func(_ *generator, c *caseState) bool {
		return !c.closed && c.holder == nobody && c.pending[0] == nobody
	})
	if agent := g.pickAgent(nobody); agent != nobody && c != nil && !c.hasRequest(agent) {
		g.requestAndSchedule(c, agent)
	}
}

// requestAnotherAgent sends a request from a consumer to a second agent.
func (g *generator) requestAnotherAgent(c *caseState) {
	if agent := g.pickAgent(c.holder); agent != nobody && !c.hasRequest(agent) {
		g.requestAndSchedule(c, agent)
	}
}

// hasCertifiedAgent reports whether the agent of a case is still certified.
func (g *generator) hasCertifiedAgent(c *caseState) bool {
	return c.hasAgent() && c.holder != g.decertified
}

func (g *generator) markInactive(c *caseState) {
	g.setHolder(c, c.holder, true)
	g.byAgent(c.holder, &events.DelegationMarkedInactive{Delegation: delegation(c.index, c.holder)})
}

func (g *generator) reactivate(c *caseState) {
	g.setHolder(c, c.holder, false)
	g.byAgent(c.holder, &events.DelegationReactivated{Delegation: delegation(c.index, c.holder)})
}

func (g *generator) endDelegation(c *caseState) {
	agent := c.holder
	g.setHolder(c, nobody, false)
	reason := pick(&g.dice, []string{"consumer", "consumer", "consumer", "service_center", "other"})
	if agent == g.decertified {
		reason = "decertified"
	}
	g.emit(&events.DelegationEnded{Delegation: delegation(c.index, agent), Reason: reason})
}

// transfer transfers one case to a colleague.
func (g *generator) transfer(c *caseState) {
	if to := g.colleague(c.holder); to != nobody {
		person, role := g.supervisor(g.roster.agencyOf[c.holder])
		g.move(c, to, person, role, "")
	}
}

func (g *generator) move(c *caseState, to int, person, role, batch string) {
	from := c.holder
	g.setHolder(c, to, c.inactive)
	g.emitAs(person, role, &events.DelegationTransferred{
		CaseID: caseID(c.index), FromAgentID: agentID(from), ToAgentID: agentID(to), BatchID: batch,
	})
}

// transferHalfOfSome transfers half of the cases of a random agent.
func (g *generator) transferHalfOfSome() {
	for range 60 {
		a := g.dice.below(g.config.Agents)
		if g.active[a] >= 3 && g.active[a] <= 400 && !g.keepsRole(a) {
			g.transferHalf(a)
			return
		}
	}
}

// transferHalf transfers half of an agent's cases to a colleague in one batch.
func (g *generator) transferHalf(from int) {
	to := g.colleague(from)
	if to == nobody {
		return
	}
	g.batches++
	batch := fmt.Sprintf("T%08d-%04d", int(g.today()), g.batches)
	person, role := g.supervisor(g.roster.agencyOf[from])
	for i := protected + g.batches%2; i < len(g.cases); i += 2 {
		if c := g.cases[i]; c.hasAgent() && c.holder == from {
			g.move(c, to, person, role, batch)
		}
	}
}
