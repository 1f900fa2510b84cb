package synthetic

import (
	"fmt"
	"slices"

	"bookledger/events"
)

// hold makes an agent the holder of a case, or nobody.
func (w *generator) hold(c *caseState, agent int, inactive bool) {
	w.count(c, -1)
	c.holder, c.inactive = agent, inactive
	w.count(c, 1)
}

// count adds a case to the active consumers of its agent, or takes it away.
func (w *generator) count(c *caseState, by int) {
	if c.hasAgent() && !c.inactive {
		w.active[c.holder] += by
	}
}

// mayLose tells whether the agent who holds a case can do without it: the
// first agent of a large world keeps more than 2,000 consumers.
func (w *generator) mayLose(c *caseState) bool {
	return c.holder != 0 || c.inactive || w.c.Consumers < bigWorld || w.active[0] > bigFloor
}

// asks reports whether an agent has a pending request.
func (c *caseState) asks(agent int) bool { return slices.Contains(c.pending[:], agent) }

// answered takes an agent's pending request away.
func (c *caseState) answered(agent int) { c.pending[slices.Index(c.pending[:], agent)] = nobody }

func delegation(i, agent int) events.Delegation {
	return events.Delegation{CaseID: caseID(i), AgentID: agentID(agent)}
}

// byAgent records what an agent did.
func (w *generator) byAgent(agent int, data events.Data) {
	w.sayAs(agentPersonID(agent), "agent", data)
}

// delegate finds an agent for a case that comes into the world.
func (w *generator) delegate(c *caseState, from origin) {
	agent := w.roster.home(&w.dice)
	if c.index == 1 {
		w.created(c, w.roster.second, "conversion")
		return
	}
	if !w.takes(agent) {
		agent = max(0, w.openAgent(agent)) // the first agent always takes consumers
	}
	roll := w.dice.below(1000)
	switch {
	case from == conversion && roll < 890:
		w.created(c, agent, "conversion")
		if roll < 35 {
			w.markInactive(c)
		}
	case from != conversion && roll < 450:
		w.created(c, agent, "agent_application")
	case from != conversion && roll < 500:
		w.created(c, agent, "service_center")
	case roll < 985:
		w.ask(c, agent)
	}
}

func (w *generator) created(c *caseState, agent int, via string) {
	w.hold(c, agent, false)
	data := &events.DelegationCreated{Delegation: delegation(c.index, agent), Via: via}
	if via == "agent_application" {
		w.byAgent(agent, data)
		return
	}
	w.say(data)
}

func (w *generator) request(c *caseState, agent int) {
	n := 0
	if c.pending[0] != nobody {
		n = 1
	}
	c.pending[n] = agent
	w.say(&events.DelegationRequested{Delegation: delegation(c.index, agent)})
}

// ask lets a consumer ask an agent, and plans what becomes of the request; some
// remain pending.
func (w *generator) ask(c *caseState, agent int) {
	w.request(c, agent)
	at := w.now + int64(w.dice.between(5, 4*24*60))*oneMinute
	switch w.dice.weighted(720, 90, 60, 130) {
	case 0:
		w.plan(at, func(w *generator) { w.accept(c, agent) })
	case 1:
		w.plan(at, func(w *generator) { w.decline(c, agent) })
	case 2:
		w.plan(at, func(w *generator) {
			c.answered(agent)
			w.say(&events.DelegationWithdrawn{Delegation: delegation(c.index, agent), Reason: pick(&w.dice, tables().WithdrawReasons)})
		})
	}
}

func (w *generator) accept(c *caseState, agent int) {
	if c.closed || !w.takes(agent) {
		return
	}
	if c.holder != nobody && !w.mayLose(c) {
		w.decline(c, agent)
		return
	}
	c.answered(agent)
	w.hold(c, agent, false)
	w.byAgent(agent, &events.DelegationAccepted{Delegation: delegation(c.index, agent)})
}

func (w *generator) decline(c *caseState, agent int) {
	c.answered(agent)
	w.byAgent(agent, &events.DelegationDeclined{Delegation: delegation(c.index, agent), Reason: pick(&w.dice, tables().DeclineReasons)})
}

// askFirst lets a consumer without an agent ask one.
func (w *generator) askFirst(*caseState) {
	c := w.some(func(_ *generator, c *caseState) bool {
		return !c.closed && c.holder == nobody && c.pending[0] == nobody
	})
	if agent := w.openAgent(nobody); agent != nobody && c != nil && !c.asks(agent) {
		w.ask(c, agent)
	}
}

// askAnother lets a consumer who has an agent ask another one.
func (w *generator) askAnother(c *caseState) {
	if agent := w.openAgent(c.holder); agent != nobody && !c.asks(agent) {
		w.ask(c, agent)
	}
}

// atWork tells whether a case has an agent who can still do something for it.
func (w *generator) atWork(c *caseState) bool { return c.hasAgent() && c.holder != w.gone }

func (w *generator) markInactive(c *caseState) {
	w.hold(c, c.holder, true)
	w.byAgent(c.holder, &events.DelegationMarkedInactive{Delegation: delegation(c.index, c.holder)})
}

func (w *generator) reactivate(c *caseState) {
	w.hold(c, c.holder, false)
	w.byAgent(c.holder, &events.DelegationReactivated{Delegation: delegation(c.index, c.holder)})
}

func (w *generator) endDelegation(c *caseState) {
	agent := c.holder
	w.hold(c, nobody, false)
	reason := pick(&w.dice, []string{"consumer", "consumer", "consumer", "service_center", "other"})
	if agent == w.gone {
		reason = "decertified"
	}
	w.say(&events.DelegationEnded{Delegation: delegation(c.index, agent), Reason: reason})
}

// transfer moves one case to a colleague.
func (w *generator) transfer(c *caseState) {
	if to := w.colleague(c.holder); to != nobody {
		person, role := w.overseer(w.roster.agencyOf[c.holder])
		w.move(c, to, person, role, "")
	}
}

func (w *generator) move(c *caseState, to int, person, role, batch string) {
	from := c.holder
	w.hold(c, to, c.inactive)
	w.sayAs(person, role, &events.DelegationTransferred{
		CaseID: caseID(c.index), FromAgentID: agentID(from), ToAgentID: agentID(to), BatchID: batch,
	})
}

// handOverSome transfers half the book of some agent.
func (w *generator) handOverSome() {
	for range 60 {
		a := w.dice.below(w.c.Agents)
		if w.active[a] >= 3 && w.active[a] <= 400 && !w.steady(a) {
			w.handOver(a)
			return
		}
	}
}

// handOver transfers half the book of an agent to a colleague in one batch.
func (w *generator) handOver(from int) {
	to := w.colleague(from)
	if to == nobody {
		return
	}
	w.batches++
	batch := fmt.Sprintf("T%08d-%04d", int(w.today()), w.batches)
	person, role := w.overseer(w.roster.agencyOf[from])
	for i := protected + w.batches%2; i < len(w.cases); i += 2 {
		if c := w.cases[i]; c.hasAgent() && c.holder == from {
			w.move(c, to, person, role, batch)
		}
	}
}
