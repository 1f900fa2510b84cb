package synthetic

import (
	"fmt"

	"bookledger/events"
)

// change changes a case and keeps the count of its agent's active consumers.
func (w *world) change(i int, how func(c *caseState)) {
	c := &w.cases[i]
	w.count(c, -1)
	how(c)
	w.count(c, 1)
}

func (w *world) count(c *caseState, by int32) {
	if c.hasAgent() && !c.is(flagInactive) {
		w.active[c.holder-1] += by
	}
}

// mayLose tells whether the agent who holds a case can do without it: the
// first agent of a large world keeps more than 2,000 consumers.
func (w *world) mayLose(c *caseState) bool {
	return c.holder != 1 || c.is(flagInactive) || w.c.Consumers < bigWorld || w.active[0] > bigFloor
}

func (c *caseState) asks(agent int32) bool {
	return c.pending[0] == agent+1 || c.pending[1] == agent+1
}

// answered takes an agent's pending request away.
func (c *caseState) answered(agent int32) {
	for n := range c.pending {
		if c.pending[n] == agent+1 {
			c.pending[n] = 0
		}
	}
}

// give makes an agent the active holder.
func (c *caseState) give(agent int32) {
	c.answered(agent)
	c.holder = agent + 1
	c.set(flagInactive, false)
}

func delegation(i, agent int32) events.Delegation {
	return events.Delegation{CaseID: caseID(int(i)), AgentID: agentID(int(agent))}
}

// byAgent records what an agent did.
func (w *world) byAgent(agent int32, data events.Data) {
	w.sayAs(agentPersonID(int(agent)), "agent", data)
}

// delegate finds an agent for a case that comes into the world.
func (w *world) delegate(i int, from origin) {
	n, agent := int32(i), int32(w.roster.home(&w.dice))
	switch {
	case i == 1:
		w.created(n, int32(w.roster.second), "conversion")
		return
	case !w.takes(int(agent)):
		agent, _ = w.openAgent(agent)
	}
	roll := w.dice.below(1000)
	switch {
	case from == conversion && roll < 890:
		w.created(n, agent, "conversion")
		if roll < 35 {
			w.putAway(n)
		}
	case from != conversion && roll < 450:
		w.created(n, agent, "agent_application")
	case from != conversion && roll < 500:
		w.created(n, agent, "service_center")
	case roll < 985:
		w.request(n, agent)
		w.followUp(n, agent)
	}
}

func (w *world) created(i, agent int32, via string) {
	w.change(int(i), func(c *caseState) { c.give(agent) })
	data := &events.DelegationCreated{Delegation: delegation(i, agent), Via: via}
	if via == "agent_application" {
		w.byAgent(agent, data)
		return
	}
	w.say(data)
}

func (w *world) request(i, agent int32) {
	c := &w.cases[i]
	n := 0
	if c.pending[0] != 0 {
		n = 1
	}
	c.pending[n] = agent + 1
	w.say(&events.DelegationRequested{Delegation: delegation(i, agent)})
}

// followUp plans what becomes of a request; some remain pending.
func (w *world) followUp(i, agent int32) {
	at := w.now + int64(w.dice.between(5, 4*24*60))*oneMinute
	switch w.dice.weighted(720, 90, 60, 130) {
	case 0:
		w.plan(at, (*world).accept, i, agent)
	case 1:
		w.plan(at, (*world).decline, i, agent)
	case 2:
		w.plan(at, (*world).withdraw, i, agent)
	}
}

func (w *world) accept(i, agent int32) {
	c := &w.cases[i]
	if !c.asks(agent) || !c.goesOn() || !w.takes(int(agent)) {
		return
	}
	if c.holder != 0 && !w.mayLose(c) {
		w.decline(i, agent)
		return
	}
	w.change(int(i), func(c *caseState) { c.give(agent) })
	w.byAgent(agent, &events.DelegationAccepted{Delegation: delegation(i, agent)})
}

func (w *world) decline(i, agent int32) {
	if c := &w.cases[i]; c.asks(agent) {
		c.answered(agent)
		w.byAgent(agent, &events.DelegationDeclined{Delegation: delegation(i, agent), Reason: pick(&w.dice, declineReasons)})
	}
}

func (w *world) withdraw(i, agent int32) {
	if c := &w.cases[i]; c.asks(agent) {
		c.answered(agent)
		w.say(&events.DelegationWithdrawn{Delegation: delegation(i, agent), Reason: pick(&w.dice, withdrawReasons)})
	}
}

// askFirst lets a consumer without an agent ask one.
func (w *world) askFirst(_, _ int32) {
	i := w.some(func(c *caseState) bool { return c.goesOn() && c.holder == 0 && c.pending[0] == 0 })
	if agent, ok := w.openAgent(-1); ok && i >= 0 && !w.cases[i].asks(agent) {
		w.request(int32(i), agent)
		w.followUp(int32(i), agent)
	}
}

// askAnother lets a consumer who has an agent ask another one.
func (w *world) askAnother(_, _ int32) {
	i := w.some(func(c *caseState) bool { return c.hasAgent() && (c.pending[0] == 0 || c.pending[1] == 0) })
	if i < 0 {
		return
	}
	if agent, ok := w.openAgent(w.cases[i].holder - 1); ok && !w.cases[i].asks(agent) {
		w.request(int32(i), agent)
		w.followUp(int32(i), agent)
	}
}

func (w *world) markInactive(_, _ int32) {
	i := w.some(func(c *caseState) bool { return w.atWork(c) && !c.is(flagInactive) && w.mayLose(c) })
	if i >= 0 {
		w.putAway(int32(i))
	}
}

// atWork tells whether a case has an agent who can still do something for it.
func (w *world) atWork(c *caseState) bool { return c.hasAgent() && c.holder-1 != w.gone }

func (w *world) putAway(i int32) {
	w.change(int(i), func(c *caseState) { c.set(flagInactive, true) })
	agent := w.cases[i].holder - 1
	w.byAgent(agent, &events.DelegationMarkedInactive{Delegation: delegation(i, agent)})
}

func (w *world) reactivate(_, _ int32) {
	i := w.some(func(c *caseState) bool { return w.atWork(c) && c.is(flagInactive) })
	if i < 0 {
		return
	}
	w.change(i, func(c *caseState) { c.set(flagInactive, false) })
	agent := w.cases[i].holder - 1
	w.byAgent(agent, &events.DelegationReactivated{Delegation: delegation(int32(i), agent)})
}

func (w *world) endDelegation(_, _ int32) {
	i := w.some(func(c *caseState) bool { return c.hasAgent() && w.mayLose(c) })
	if i < 0 {
		return
	}
	agent := w.cases[i].holder - 1
	w.change(i, func(c *caseState) { c.holder = 0; c.set(flagInactive, false) })
	reason := pick(&w.dice, []string{"consumer", "consumer", "consumer", "service_center", "other"})
	if agent == w.gone {
		reason = "decertified"
	}
	w.say(&events.DelegationEnded{Delegation: delegation(int32(i), agent), Reason: reason})
}

// transfer moves one case to a colleague.
func (w *world) transfer(_, _ int32) {
	i := w.some(func(c *caseState) bool { return c.hasAgent() && w.mayLose(c) })
	if i < 0 {
		return
	}
	if to, ok := w.colleague(w.cases[i].holder - 1); ok {
		person, role := w.overseer(w.agency[w.cases[i].holder-1])
		w.move(i, to, person, role, "")
	}
}

func (w *world) move(i int, to int32, person, role, batch string) {
	from := w.cases[i].holder - 1
	w.change(i, func(c *caseState) { c.holder = to + 1 })
	w.sayAs(person, role, &events.DelegationTransferred{
		CaseID: caseID(i), FromAgentID: agentID(int(from)), ToAgentID: agentID(int(to)), BatchID: batch,
	})
}

// handOver transfers half the book of an agent, the given or some other, to a
// colleague in one batch.
func (w *world) handOver(_, agent int32) {
	from := agent
	for n := 0; from < 0 && n < 60; n++ {
		a := w.dice.below(len(w.agency))
		if w.active[a] >= 3 && w.active[a] <= 400 && !w.steady(a) {
			from = int32(a)
		}
	}
	if from < 0 {
		return
	}
	to, ok := w.colleague(from)
	if !ok {
		return
	}
	w.batches++
	batch := fmt.Sprintf("T%08d-%04d", int(w.today()), w.batches)
	person, role := w.overseer(w.agency[from])
	for i := protected + w.batches%2; i < len(w.cases); i += 2 {
		if c := &w.cases[i]; c.hasAgent() && c.holder-1 == from {
			w.move(i, to, person, role, batch)
		}
	}
}
