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
	kept   map[place]*linked.Element // of *keptLists
	recent linked.List               // the same, those asked for last in front
	weight int                       // of all
}

// keptEntries bounds what is kept: to some 300 MB, where all was also asked for
// as JSON.
const keptEntries = 150_000

// place names what is kept: the lists of one agent or, united, of several.
type place struct {
	several bool
	of      string
}

// keptLists are the lists of a place.
type keptLists struct {
	place  place
	making sync.Mutex // held while they are made, so that nobody makes the same meanwhile

	// What is kept is written under making and Lists.mu, and read under either.
	lists *list.Lists
	parts []made // of each agent, by id
}

// weight counts empty lists too.
func (k *keptLists) weight() int {
	if k.lists == nil {
		return 0
	}
	return k.lists.Len() + 1
}

// made are an agent's lists as some view has shown them.
type made struct {
	lists   *list.Lists
	changed uint64 // the agent's last change that they show
	at      uint64 // the newest position as of which they were found to be right
}

// moment is a live state, and the position as of which it is.
type moment struct {
	State
	at       uint64
	calendar *events.Calendar
}

// Of returns an agent's lists as the live state s has them, which is as of the
// position at.
func (l *Lists) Of(s State, at uint64, calendar *events.Calendar, agent string) (*list.Lists, error) {
	m, err := l.of(moment{s, at, calendar}, agent, made{})
	return m.lists, err
}

// of is Of; where nothing is kept of the agent it goes on from base.
func (l *Lists) of(s moment, agent string, base made) (made, error) {
	changed, err := s.changed(agent)
	if err != nil {
		return made{}, err
	}
	k := l.named(place{of: agent})
	k.making.Lock()
	defer k.making.Unlock()
	if k.lists != nil {
		base = k.parts[0]
	}
	m, err := l.renew(s, agent, changed, base)
	if err != nil {
		return made{}, err
	}
	if k.lists == nil || m.newer(k.parts[0]) {
		l.keep(k, m.lists, []made{m})
	}
	return m, nil
}

func (m made) newer(than made) bool {
	return m.changed > than.changed || m.changed == than.changed && m.at > than.at
}

// Union returns the lists of several agents united, as Of does those of one;
// their entries say whose they are.
func (l *Lists) Union(s State, at uint64, calendar *events.Calendar, agents []string) (*list.Lists, error) {
	agents = slices.Compact(slices.Sorted(slices.Values(agents)))
	k := l.named(place{several: true, of: fmt.Sprintf("%q", agents)})
	k.making.Lock()
	defer k.making.Unlock()
	parts, news, err := l.partsOf(moment{s, at, calendar}, agents, k.parts)
	if err != nil {
		return nil, err
	}
	lists := k.lists
	if news != nothingNew {
		of := make([]*list.Lists, len(parts))
		for i := range parts {
			of[i] = parts[i].lists
		}
		lists = list.Merge(of)
	}
	if news != someOlder {
		l.keep(k, lists, parts)
	}
	return lists, nil
}

// How parts differ from those that are kept: an older view may be read after a
// newer one.
const (
	nothingNew = iota
	someNewer
	someOlder
)

// partsOf returns the lists of each agent, and how they differ from what is
// kept of them.
func (l *Lists) partsOf(s moment, agents []string, kept []made) (parts []made, news int, err error) {
	parts = make([]made, len(agents))
	if len(kept) == 0 {
		kept, news = make([]made, len(agents)), someNewer
	}
	for i, agent := range agents {
		changed, err := s.changed(agent)
		if err != nil {
			return nil, 0, err
		}
		parts[i] = kept[i]
		if kept[i].lists == nil || changed != kept[i].changed {
			if parts[i], err = l.of(s, agent, kept[i]); err != nil {
				return nil, 0, err
			}
			if news = max(news, someNewer); changed < kept[i].changed {
				news = someOlder
			}
		}
		parts[i].at = max(parts[i].at, s.at)
	}
	return parts, news, nil
}

// renew returns the lists that have come to the agent's change changed, made
// of base if that is near enough.
func (l *Lists) renew(s moment, agent string, changed uint64, base made) (made, error) {
	m := made{base.lists, changed, s.at}
	if base.lists != nil && base.changed == changed {
		m.at = max(base.at, s.at)
		return m, nil
	}
	if base.lists != nil {
		cases, all := l.changes.between(agent, base, m)
		if all && len(cases) <= base.lists.Len()/2+fewCases {
			known, err := s.read(cases)
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
const fewCases = 16

// read returns cases as the state has them; of one that an older state does
// not know yet nothing is known.
func (s moment) read(ids []string) ([]list.IdentifiedCase, error) {
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
func (l *Lists) note(all []change, last uint64) {
	l.mu.Lock()
	none := len(l.kept) == 0
	l.mu.Unlock()
	if none {
		l.changes.forget(last) // nobody could go on from there
		return
	}
	l.changes.note(all, last)
}

// named returns what is kept in a place, if anything is.
func (l *Lists) named(p place) *keptLists {
	l.mu.Lock()
	defer l.mu.Unlock()
	if e, ok := l.kept[p]; ok {
		l.recent.MoveToFront(e)
		return e.Value.(*keptLists)
	}
	k := &keptLists{place: p}
	l.put(k)
	return k
}

// keep keeps lists in their place, and gives up those that have not been asked
// for longest.
func (l *Lists) keep(k *keptLists, lists *list.Lists, parts []made) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if e, ok := l.kept[k.place]; ok {
		l.drop(e) // it may be another's, who came after this one was given up
	}
	k.lists, k.parts = lists, parts
	l.put(k)
	for l.weight > keptEntries && l.recent.Len() > 1 {
		l.drop(l.recent.Back())
	}
}

func (l *Lists) put(k *keptLists) {
	if l.kept == nil {
		l.kept = map[place]*linked.Element{}
	}
	l.kept[k.place] = l.recent.PushFront(k)
	l.weight += k.weight()
}

func (l *Lists) drop(e *linked.Element) {
	k := l.recent.Remove(e).(*keptLists)
	delete(l.kept, k.place)
	l.weight -= k.weight()
}
