package list

import (
	"slices"
	"strings"

	"bookledger/events"
	"bookledger/projections/fold"
)

// Lists contains the lists of one agent or, merged, of several agents. Closed cases
// are in none of them.
type Lists struct {
	Active   *List // delegated and not marked inactive
	Inactive *List // delegated and marked inactive
	Pending  *List // with a pending request to the agent
}

// Len returns the number of entries in all three lists.
func (l *Lists) Len() int { return l.Active.Len() + l.Inactive.Len() + l.Pending.Len() }

// New builds an agent's lists in one pass. The function each must call yield for
// every case that the agent holds or has a pending request for, in order of case
// id.
func New(calendar *events.Calendar, agent string, each func(yield func(id string, c *fold.Case) error) error) (*Lists, error) {
	b := builder{calendar: calendar, agent: agent}
	if err := each(b.add); err != nil {
		return nil, err
	}
	return &Lists{newList(b.active), newList(b.inactive), newList(b.pending)}, nil
}

// IdentifiedCase is a case with its id.
type IdentifiedCase struct {
	ID   string
	Case fold.Case
}

// Updated returns the agent's lists after changes. The argument changed contains
// every case that may differ from the state of l, each case once; Updated sorts it.
// The old and the new lists share all entries of other cases.
func (l *Lists) Updated(calendar *events.Calendar, agent string, changed []IdentifiedCase) (*Lists, error) {
	slices.SortFunc(changed, func(x, y IdentifiedCase) int { return strings.Compare(x.ID, y.ID) })
	b := builder{calendar: calendar, agent: agent}
	ids := make([]string, len(changed))
	for i := range changed {
		ids[i] = changed[i].ID
		if err := b.add(changed[i].ID, &changed[i].Case); err != nil {
			return nil, err
		}
	}
	return &Lists{l.Active.updated(ids, b.active), l.Inactive.updated(ids, b.inactive), l.Pending.updated(ids, b.pending)}, nil
}

// Merge merges the lists of several agents. The entries then name their agent.
func Merge(lists []*Lists) *Lists {
	merged := func(get func(*Lists) *List) *List {
		parts := make([]*List, len(lists))
		for i, l := range lists {
			parts[i] = get(l)
		}
		return mergeLists(parts)
	}
	return &Lists{
		Active:   merged(func(l *Lists) *List { return l.Active }),
		Inactive: merged(func(l *Lists) *List { return l.Inactive }),
		Pending:  merged(func(l *Lists) *List { return l.Pending }),
	}
}

// builder sorts an agent's cases into lists.
type builder struct {
	calendar                  *events.Calendar
	agent                     string
	active, inactive, pending []*item
	interned                  map[string]string // texts that entries share
}

func (b *builder) item(id string, c *fold.Case) *item {
	if b.interned == nil {
		b.interned = map[string]string{}
	}
	it := &item{Entry: NewEntry(id, c, b.calendar), agent: b.agent}
	it.compact(b.interned)
	return it
}

func (b *builder) add(id string, c *fold.Case) error {
	if c.Closed {
		return nil
	}
	if c.AgentID == b.agent {
		it := b.item(id, c)
		if c.Inactive {
			b.inactive = append(b.inactive, it)
		} else {
			b.active = append(b.active, it)
		}
	}
	for _, r := range c.Pending {
		if r.AgentID != b.agent {
			continue
		}
		it := b.item(id, c)
		it.Requested = b.calendar.Day(r.Requested)
		if c.AgentID != b.agent {
			it.Since = 0 // it belongs to another agent's delegation
		}
		b.pending = append(b.pending, it)
	}
	return nil
}
