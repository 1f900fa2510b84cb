package synthetic

import (
	"slices"

	"bookledger/events"
)

// script is what upstream systems go through, again and again, after history.
var script = []step{
	(*generator).liveNewcomer,
	(*generator).liveRequest,
	oneOf("transfer"),
	oneOf("mark inactive"),
	oneOf("change contact"),
	oneOf("progress"),
	(*generator).liveNewcomer,
	oneOf("ask another"),
	oneOf("change plan"),
	oneOf("redetermine"),
	oneOf("reactivate"),
	oneOf("move house"),
	oneOf("add member"),
	oneOf("end delegation"),
	oneOf("verify"),
	oneOf("end coverage"),
}

// oneOf is the habit with that name.
func oneOf(name string) step {
	return habits[slices.IndexFunc(habits, func(h habit) bool { return h.name == name })].happen
}

// LiveEvents makes n events that upstream systems publish after history, in this
// order: new households with all that follows, requests and their acceptance,
// transfers and changes. They fit the end of history, so that none is
// rejected. It makes the whole history first, without encoding it.
func (c Config) LiveEvents(n int) []events.Event {
	w := newGenerator(c, func(TimedEvent) bool { return true })
	w.play()
	all := make([]events.Event, 0, n)
	w.yield = func(item TimedEvent) bool {
		all = append(all, item.Event)
		return len(all) < n
	}
	w.queue, w.pace = nil, 400
	w.now, w.until = max(w.now, w.until), 1<<62
	for turn := 0; len(all) < n; turn++ {
		w.now += 2_500
		script[turn%len(script)](w)
		w.queue = nil // what would follow later is beyond the few events
	}
	return all
}

func (w *generator) liveNewcomer() { w.open(live) }

// liveRequest lets a new consumer ask an agent, who accepts at once.
func (w *generator) liveRequest() {
	c := w.open(live)
	if c.pending[0] == nobody {
		agent := w.openAgent(c.holder)
		if agent == nobody {
			return
		}
		w.request(c, agent)
	}
	w.accept(c, c.pending[0])
}
