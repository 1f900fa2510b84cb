package synthetic

import (
	"slices"

	"bookledger/events"
)

// script is what upstream systems go through, again and again, after history.
var liveScript = []step{
	(*generator).liveNewcomer,
	(*generator).liveRequest,
	activityNamed("transfer"),
	activityNamed("mark inactive"),
	activityNamed("change contact"),
	activityNamed("progress"),
	(*generator).liveNewcomer,
	activityNamed("ask another"),
	activityNamed("change plan"),
	activityNamed("redetermine"),
	activityNamed("reactivate"),
	activityNamed("move house"),
	activityNamed("add member"),
	activityNamed("end delegation"),
	activityNamed("verify"),
	activityNamed("end coverage"),
}

// oneOf is the habit with that name.
func activityNamed(name string) step {
	return activities[slices.IndexFunc(activities, func(h activity) bool { return h.name == name })].occur
}

// LiveEvents makes n events that upstream systems publish after history, in this
// order: new households with all that follows, requests and their acceptance,
// transfers and changes. They fit the end of history, so that none is
// rejected. It makes the whole history first, without encoding it.
func (c Config) LiveEvents(n int) []events.Event {
	g := newGenerator(c, func(TimedEvent) bool { return true })
	g.run()
	all := make([]events.Event, 0, n)
	g.yield = func(item TimedEvent) bool {
		all = append(all, item.Event)
		return len(all) < n
	}
	g.queue, g.pace = nil, 400
	g.now, g.until = max(g.now, g.until), 1<<62
	for turn := 0; len(all) < n; turn++ {
		g.now += 2_500
		liveScript[turn%len(liveScript)](g)
		g.queue = nil // what would follow later is beyond the few events
	}
	return all
}

func (g *generator) liveNewcomer() { g.openCase(live) }

// liveRequest lets a new consumer ask an agent, who accepts at once.
func (g *generator) liveRequest() {
	c := g.openCase(live)
	if c.pending[0] == nobody {
		agent := g.pickAgent(c.holder)
		if agent == nobody {
			return
		}
		g.request(c, agent)
	}
	g.accept(c, c.pending[0])
}
