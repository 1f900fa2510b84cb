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

// Lists keeps the live lists that were asked for lately, each as long as
// nothing in it has changed; where a little has, that alone is read anew. The
// zero Lists is ready; it may be used by several goroutines at once.
type Lists struct {
	changes changes

	mu     sync.Mutex
	cached map[cacheKey]*linked.Element // of *keptLists
	recent linked.List                  // the same, those asked for last in front
	weight int                          // of all
}

// keptEntries bounds what is kept: to some 300 MB, where all was also asked for
// as JSON.
const maxCachedEntries = 150_000

// place names what is kept: the lists of one agent or, united, of several.
type cacheKey struct {
	merged bool
	agents string
}

// keptLists are the lists of a place.
type cacheEntry struct {
	key cacheKey
	mu  sync.Mutex // held while they are made, so that nobody makes the same meanwhile

	// What is kept is written under making and Lists.mu, and read under either.
	lists *list.Lists
	parts []agentLists // of each agent, by id
}

// weight counts empty lists too.
func (k *cacheEntry) weight() int {
	if k.lists == nil {
		return 0
	}
	return k.lists.Len() + 1
}

// made are an agent's lists as some view has shown them.
type agentLists struct {
	lists   *list.Lists
	changed uint64 // the agent's last change that they show
	validAt uint64 // the newest position as of which they were found to be right
}

// moment is a live state, and the position as of which it is.
type snapshot struct {
	State
	at       uint64
	calendar *events.Calendar
}

// Of returns an agent's lists as the live state s has them, which is as of the
// position at.
func (l *Lists) Of(s State, at uint64, calendar *events.Calendar, agent string) (*list.Lists, error) {
	m, err := l.agentLists(snapshot{s, at, calendar}, agent, agentLists{})
	return m.lists, err
}

// of is Of; where nothing is kept of the agent it goes on from base.
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

// Union returns the lists of several agents united, as Of does those of one;
// their entries say whose they are.
func (l *Lists) Union(s State, at uint64, calendar *events.Calendar, agents []string) (*list.Lists, error) {
	agents = slices.Compact(slices.Sorted(slices.Values(agents)))
	k := l.entry(cacheKey{merged: true, agents: fmt.Sprintf("%q", agents)})
	k.mu.Lock()
	defer k.mu.Unlock()
	parts, news, err := l.parts(snapshot{s, at, calendar}, agents, k.parts)
	if err != nil {
		return nil, err
	}
	lists := k.lists
	if news != unchanged {
		of := make([]*list.Lists, len(parts))
		for i := range parts {
			of[i] = parts[i].lists
		}
		lists = list.Merge(of)
	}
	if news != older {
		l.keep(k, lists, parts)
	}
	return lists, nil
}

// How parts differ from those that are kept: an older view may be read after a
// newer one.
const (
	unchanged = iota
	newer
	older
)

// partsOf returns the lists of each agent, and how they differ from what is
// kept of them.
func (l *Lists) parts(s snapshot, agents []string, kept []agentLists) (parts []agentLists, news int, err error) {
	parts = make([]agentLists, len(agents))
	if len(kept) == 0 {
		kept, news = make([]agentLists, len(agents)), newer
	}
	for i, agent := range agents {
		changed, err := s.changed(agent)
		if err != nil {
			return nil, 0, err
		}
		parts[i] = kept[i]
		if kept[i].lists == nil || changed != kept[i].changed {
			if parts[i], err = l.agentLists(s, agent, kept[i]); err != nil {
				return nil, 0, err
			}
			if news = max(news, newer); changed < kept[i].changed {
				news = older
			}
		}
		parts[i].validAt = max(parts[i].validAt, s.at)
	}
	return parts, news, nil
}

// renew returns the lists that have come to the agent's change changed, made
// of base if that is near enough.
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

// fewCases are read anew even in the shortest list.
const minPartialRefresh = 16

// read returns cases as the state has them; of one that an older state does
// not know yet nothing is known.
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

// note takes in what a batch changes that ends with the record last and is not
// yet committed.
func (l *Lists) addChanges(all []change, last uint64) {
	l.mu.Lock()
	none := len(l.cached) == 0
	l.mu.Unlock()
	if none {
		l.changes.reset(last) // nobody could go on from there
		return
	}
	l.changes.add(all, last)
}

// named returns what is kept in a place, if anything is.
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

// keep keeps lists in their place, and gives up those that have not been asked
// for longest.
func (l *Lists) keep(k *cacheEntry, lists *list.Lists, parts []agentLists) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if e, ok := l.cached[k.key]; ok {
		l.remove(e) // it may be another's, who came after this one was given up
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
