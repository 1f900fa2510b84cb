package active

import (
	"sync"

	"bookledger/events"
	"bookledger/projections/book"
)

// Lists keeps the live Active Consumers lists that were asked for lately, each
// as long as nothing in it has changed. The zero Lists is ready; it may be
// used by several goroutines at once.
type Lists struct {
	mu      sync.Mutex
	kept    map[string]keptList
	entries int // in all kept lists
}

type keptList struct {
	changed uint64 // the agent's last change that it shows
	list    *book.List
}

// weight counts an empty list too.
func (k keptList) weight() int { return k.list.Len() + 1 }

// keptEntries bounds what is kept, to some 200 MB.
const keptEntries = 200_000

// List returns the agent's list as the live state s has it.
func (l *Lists) List(s State, calendar *events.Calendar, agent string) (*book.List, error) {
	changed, err := s.changed(agent)
	if err != nil {
		return nil, err
	}
	l.mu.Lock()
	have, ok := l.kept[agent]
	l.mu.Unlock()
	if ok && have.changed == changed {
		return have.list, nil
	}
	list, err := book.ActiveList(s, calendar, agent)
	if err != nil {
		return nil, err
	}
	l.keep(agent, keptList{changed, list})
	return list, nil
}

// keep replaces what is kept of the agent, unless that is newer: an older view
// may be read after a newer one.
func (l *Lists) keep(agent string, k keptList) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if old, ok := l.kept[agent]; ok {
		if old.changed > k.changed {
			return
		}
		l.entries -= old.weight()
		delete(l.kept, agent)
	}
	if l.kept == nil || l.entries+k.weight() > keptEntries {
		l.kept, l.entries = map[string]keptList{}, 0
	}
	l.kept[agent] = k
	l.entries += k.weight()
}
