package active

import (
	"slices"
	"sync"
)

// change is of a case that is, or was, in an agent's lists.
type change struct {
	agent, caseID string
	seq           uint64 // of the record that changed it
}

// changes notes which cases of whose lists changed lately, so that lists that
// were made before need not be made anew. The zero changes is ready.
type changes struct {
	mu     sync.Mutex
	last   uint64 // the position up to which it has noted
	recent window
	before window // the changes before the recent ones
}

// noted are changes after a position.
type window struct {
	after   uint64
	count   int
	byAgent map[string][]change // by agent
}

// notedChanges bounds each of the two halves, to some 4 MB.
const maxWindowChanges = 1 << 15

// note takes in what a batch changes that ends with the record last. It is
// called before the batch is committed: whoever sees the batch finds its
// changes here.
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

// forget gives up everything up to a position.
func (c *changes) reset(upTo uint64) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.last, c.before, c.recent = upTo, window{after: upTo}, window{after: upTo}
}

// between returns the cases in which an agent's lists may differ between two
// moments, by id; all tells whether it knows of all.
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
