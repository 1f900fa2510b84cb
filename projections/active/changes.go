package active

import (
	"slices"
	"sync"
)

// change is a change of a case that is, or was, in an agent's lists.
type change struct {
	agent, caseID string
	seq           uint64 // of the record that changed the case
}

// changes remembers which cases changed recently in which agents' lists, so that
// cached lists can be updated instead of rebuilt. The zero value is ready to use.
type changes struct {
	mu     sync.Mutex
	last   uint64 // position up to which changes were added
	recent window
	before window // the window before recent
}

// window contains the changes after a position.
type window struct {
	after   uint64
	count   int
	byAgent map[string][]change
}

// maxWindowChanges bounds each of the two windows to about 4 MB.
const maxWindowChanges = 1 << 15

// add adds the changes of a batch that ends with record last. It must be called
// before the batch is committed, so that every reader of the batch finds its changes.
func (c *changes) add(all []change, last uint64) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.recent.count > maxWindowChanges {
		c.before, c.recent = c.recent, window{after: c.last}
	}
	if c.recent.byAgent == nil {
		c.recent.byAgent = map[string][]change{}
	}
	for _, one := range all {
		c.recent.byAgent[one.agent] = append(c.recent.byAgent[one.agent], one)
	}
	c.recent.count += len(all)
	c.last = last
}

// reset drops all changes up to a position.
func (c *changes) reset(upTo uint64) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.last, c.before, c.recent = upTo, window{after: upTo}, window{after: upTo}
}

// between returns the sorted IDs of the cases in which two versions of an agent's
// lists may differ. All reports whether every change between them is known.
func (c *changes) between(agent string, a, b agentLists) (cases []string, all bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if min(a.validAt, b.validAt) < c.before.after {
		return nil, false
	}
	from, to := min(a.changed, b.changed), max(a.changed, b.changed)
	for _, half := range [...]*window{&c.before, &c.recent} {
		for _, one := range half.byAgent[agent] {
			if one.seq > from && one.seq <= to {
				cases = append(cases, one.caseID)
			}
		}
	}
	slices.Sort(cases)
	return slices.Compact(cases), true
}
