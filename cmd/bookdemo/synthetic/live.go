package synthetic

import (
	"slices"

	"bookledger/events"
)

// liveScript contains the steps of live events after history, repeated in a cycle.
var liveScript = []step{
	(*generator).liveNewcomer,
	(*generator).liveRequest,
	activityNamed("transfer"),
	activityNamed("mark inactive"),
	activityNamed("change contact"),
	activityNamed("progress"),
	(*generator).liveNewcomer,
	activityNamed("request another agent"),
	activityNamed("change plan"),
	activityNamed("redetermine"),
	activityNamed("reactivate"),
	activityNamed("change address"),
	activityNamed("add member"),
	activityNamed("end delegation"),
	activityNamed("verify"),
	activityNamed("end coverage"),
}

// activityNamed returns the activity with a name.
func activityNamed(name string) step {
	return activities[slices.IndexFunc(activities, func(h activity) bool { return h.name == name })].occur
}

// LiveEvents returns n events that an upstream system could publish after history:
// new households with their sections, requests and acceptances, transfers and
// changes. They fit the end of history, so the ledger rejects none. LiveEvents
// generates the whole history first.
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
		g.queue = nil // later steps of a case are not needed for a few events
	}
	return all
}

func (g *generator) liveNewcomer() { g.openCase(live) }

// liveRequest creates a consumer with a request that the agent accepts immediately.
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
