package synthetic

import (
	"fmt"

	"bookledger/events"
)

// script is what upstream systems go through, again and again, after history.
var script = []step{
	(*world).liveNewcomer,
	(*world).liveRequest,
	(*world).transfer,
	(*world).markInactive,
	(*world).changeContact,
	(*world).progress,
	(*world).liveNewcomer,
	(*world).askAnother,
	(*world).changePlan,
	(*world).redetermine,
	(*world).reactivate,
	(*world).moveHouse,
	(*world).addMember,
	(*world).endDelegation,
	(*world).verify,
	(*world).endCoverage,
}

// Live makes n events that upstream systems publish after history, in this
// order: new households with all that follows, requests and their acceptance,
// transfers and changes. They fit the end of history, so that none is
// rejected. It makes the whole history first, without encoding it.
func (c Config) Live(n int) ([]events.Event, error) {
	if err := c.Check(); err != nil {
		return nil, fmt.Errorf("checking the configuration of the world: %w", err)
	}
	if n <= 0 {
		return nil, nil
	}
	w := newWorld(c, func(Item) error { return nil })
	if err := w.play(); err != nil {
		return nil, err
	}
	all := make([]events.Event, 0, n)
	w.yield = func(item Item) error {
		if len(all) < n {
			all = append(all, item.Event)
		}
		return nil
	}
	w.queue, w.pace = nil, 400
	w.now, w.until = max(w.now, w.until), 1<<62
	for turn := 0; len(all) < n; turn++ {
		w.now += 2_500
		script[turn%len(script)](w, -1, -1)
		w.queue = nil // what would follow later is beyond the few events
	}
	return all, nil
}

func (w *world) liveNewcomer(_, _ int32) { w.open(live) }

// liveRequest lets a new consumer ask an agent, who accepts at once.
func (w *world) liveRequest(_, _ int32) {
	i := len(w.cases)
	w.open(live)
	if w.cases[i].pending[0] == 0 {
		agent, ok := w.openAgent(w.cases[i].holder - 1)
		if !ok {
			return
		}
		w.request(int32(i), agent)
	}
	w.accept(int32(i), w.cases[i].pending[0]-1)
}
