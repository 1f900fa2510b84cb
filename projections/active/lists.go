package active

import (
	linked "container/list"
	"fmt"
	"slices"
	"sync"

	"bookledger/events"
	"bookledger/projections/fold"
	"bookledger/projections/internal/store"
	"bookledger/projections/list"
)

// Lists caches recently used live lists. A cached list is reused while nothing in it
// has changed. After a few changes, only the changed cases are read again. The zero
// value is ready to use. Lists is safe for concurrent use.
type Lists struct {
	changes changes

	mu     sync.Mutex
	cached map[cacheKey]*linked.Element // of *cacheEntry
	recent linked.List                  // the same elements, most recently used first
	weight int                          // total weight of the entries
}

// maxCachedEntries bounds the number of cached list entries. They use about 300 MB if
// all were also encoded as JSON.
const maxCachedEntries = 150_000

// cacheKey identifies the lists of one agent, or the merged lists of several.
type cacheKey struct {
	merged bool
	agents string
}

// cacheEntry contains the lists of a key.
type cacheEntry struct {
	key cacheKey
	mu  sync.Mutex // held while lists are built, so that they are built only once

	// To write these fields, hold both mu and Lists.mu. To read them, hold either.
	lists *list.Lists
	parts []agentLists // the lists of each agent, by ID
}

// weight returns the number of list entries plus one, so that empty lists count, too.
func (k *cacheEntry) weight() int {
	if k.lists == nil {
		return 0
	}
	return k.lists.Len() + 1
}

// agentLists are an agent's lists as of a position.
type agentLists struct {
	lists   *list.Lists
	changed uint64 // the last change that the lists show
	validAt uint64 // the newest position at which the lists are known to be current
}

// snapshot is a live state and its position.
type snapshot struct {
	State
	at       uint64
	calendar *events.Calendar
}

// Of returns an agent's lists in the live state s, whose position is at.
func (l *Lists) Of(s State, at uint64, calendar *events.Calendar, agent string) (*list.Lists, error) {
	m, err := l.agentLists(snapshot{s, at, calendar}, agent, agentLists{})
	return m.lists, err
}

// agentLists returns an agent's lists. If the cache does not contain them, they are
// derived from base.
func (l *Lists) agentLists(s snapshot, agent string, base agentLists) (agentLists, error) {
	changed, err := s.changed(agent)
	if err != nil {
		return agentLists{}, err
	}
	k := l.entry(cacheKey{agents: agent})
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.lists != nil {
		base = k.parts[0]
	}
	m, err := l.refresh(s, agent, changed, base)
	if err != nil {
		return agentLists{}, err
	}
	if k.lists == nil || m.newer(k.parts[0]) {
		l.keep(k, m.lists, []agentLists{m})
	}
	return m, nil
}

func (m agentLists) newer(than agentLists) bool {
	return m.changed > than.changed || m.changed == than.changed && m.validAt > than.validAt
}

// Merged returns the merged lists of several agents, like Of. Each entry names its
// agent.
func (l *Lists) Merged(s State, at uint64, calendar *events.Calendar, agents []string) (*list.Lists, error) {
	agents = slices.Compact(slices.Sorted(slices.Values(agents)))
	k := l.entry(cacheKey{merged: true, agents: fmt.Sprintf("%q", agents)})
	k.mu.Lock()
	defer k.mu.Unlock()
	parts, diff, err := l.parts(snapshot{s, at, calendar}, agents, k.parts)
	if err != nil {
		return nil, err
	}
	lists := k.lists
	if diff != unchanged {
		of := make([]*list.Lists, len(parts))
		for i := range parts {
			of[i] = parts[i].lists
		}
		lists = list.Merge(of)
	}
	if diff != older {
		l.keep(k, lists, parts)
	}
	return lists, nil
}

// How parts differ from the cached ones. An older view may be read after a newer one.
const (
	unchanged = iota
	newer
	older
)

// parts returns the lists of each agent, and how they differ from the cached ones.
func (l *Lists) parts(s snapshot, agents []string, cached []agentLists) (parts []agentLists, diff int, err error) {
	parts = make([]agentLists, len(agents))
	if len(cached) == 0 {
		cached, diff = make([]agentLists, len(agents)), newer
	}
	for i, agent := range agents {
		changed, err := s.changed(agent)
		if err != nil {
			return nil, 0, err
		}
		parts[i] = cached[i]
		if cached[i].lists == nil || changed != cached[i].changed {
			if parts[i], err = l.agentLists(s, agent, cached[i]); err != nil {
				return nil, 0, err
			}
			if diff = max(diff, newer); changed < cached[i].changed {
				diff = older
			}
		}
		parts[i].validAt = max(parts[i].validAt, s.at)
	}
	return parts, diff, nil
}

// refresh returns the agent's lists as of change changed. If few cases differ, it
// updates base; otherwise it builds the lists from scratch.
func (l *Lists) refresh(s snapshot, agent string, changed uint64, base agentLists) (agentLists, error) {
	m := agentLists{base.lists, changed, s.at}
	if base.lists != nil && base.changed == changed {
		m.validAt = max(base.validAt, s.at)
		return m, nil
	}
	if base.lists != nil {
		cases, all := l.changes.between(agent, base, m)
		if all && len(cases) <= base.lists.Len()/2+minPartialRefresh {
			known, err := s.cases(cases)
			if err == nil {
				m.lists, err = base.lists.Updated(s.calendar, agent, known)
			}
			return m, err
		}
	}
	var err error
	m.lists, err = list.New(s.calendar, agent, func(yield func(string, *fold.Case) error) error {
		return s.EachRelated(agent, Holds|Pending, yield)
	})
	return m, err
}

// minPartialRefresh is the number of cases up to which even the shortest list is updated.
const minPartialRefresh = 16

// cases returns the given cases as of s. A case that an older state does not know yet
// is the zero case.
func (s snapshot) cases(ids []string) ([]list.IdentifiedCase, error) {
	cursor, err := s.reader.Cursor(store.Case(""))
	if err != nil {
		return nil, err
	}
	defer cursor.Close()
	known := make([]list.IdentifiedCase, len(ids))
	for i, id := range ids {
		known[i].ID = id
		if known[i].Case, _, err = decodeAt(cursor, id, s.week); err != nil {
			return nil, err
		}
	}
	return known, nil
}

// addChanges adds the changes of a batch that ends with record last and is not yet
// committed.
func (l *Lists) addChanges(all []change, last uint64) {
	l.mu.Lock()
	empty := len(l.cached) == 0
	l.mu.Unlock()
	if empty {
		l.changes.reset(last) // no cached list could use the changes
		return
	}
	l.changes.add(all, last)
}

// entry returns the cache entry of a key, adding an empty one if there is none.
func (l *Lists) entry(p cacheKey) *cacheEntry {
	l.mu.Lock()
	defer l.mu.Unlock()
	if e, ok := l.cached[p]; ok {
		l.recent.MoveToFront(e)
		return e.Value.(*cacheEntry)
	}
	k := &cacheEntry{key: p}
	l.add(k)
	return k
}

// keep stores lists in their entry, and then evicts the least recently used entries.
func (l *Lists) keep(k *cacheEntry, lists *list.Lists, parts []agentLists) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if e, ok := l.cached[k.key]; ok {
		l.remove(e) // this may be a newer entry, if k was evicted in the meantime
	}
	k.lists, k.parts = lists, parts
	l.add(k)
	for l.weight > maxCachedEntries && l.recent.Len() > 1 {
		l.remove(l.recent.Back())
	}
}

func (l *Lists) add(k *cacheEntry) {
	if l.cached == nil {
		l.cached = map[cacheKey]*linked.Element{}
	}
	l.cached[k.key] = l.recent.PushFront(k)
	l.weight += k.weight()
}

func (l *Lists) remove(e *linked.Element) {
	k := l.recent.Remove(e).(*cacheEntry)
	delete(l.cached, k.key)
	l.weight -= k.weight()
}
