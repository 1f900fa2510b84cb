package list

import (
	"slices"
	"strings"

	"bookledger/events"
	"bookledger/projections/fold"
)

// Lists are the live lists of an agent or, united, of several.
type Lists struct {
	Active   *List // delegated, and not marked inactive
	Inactive *List // delegated, and marked inactive
	Pending  *List // not closed, with a pending request
}

// Len is how many entries the three hold.
func (l *Lists) Len() int { return l.Active.Len() + l.Inactive.Len() + l.Pending.Len() }

// New makes an agent's lists in one pass: each calls its argument with
// every case that the agent holds or has a pending request for, by case id.
func New(calendar *events.Calendar, agent string, each func(yield func(id string, c *fold.Case) error) error) (*Lists, error) {
	s := sorting{calendar: calendar, agent: agent}
	if err := each(s.add); err != nil {
		return nil, err
	}
	return &Lists{newList(s.active), newList(s.inactive), newList(s.pending)}, nil
}

// IdentifiedCase is a case as a state has it.
type IdentifiedCase struct {
	ID   string
	Case fold.Case
}

// Updated returns the lists of the same agent in a state in which these cases
// alone, each once, differ from the one of which l was made, or may. What has
// not changed is shared between the two.
func (l *Lists) Updated(calendar *events.Calendar, agent string, changed []IdentifiedCase) (*Lists, error) {
	slices.SortFunc(changed, func(a, b IdentifiedCase) int { return strings.Compare(a.ID, b.ID) })
	s := sorting{calendar: calendar, agent: agent}
	ids := make([]string, len(changed))
	for i := range changed {
		ids[i] = changed[i].ID
		if err := s.add(changed[i].ID, &changed[i].Case); err != nil {
			return nil, err
		}
	}
	return &Lists{l.Active.renewed(ids, s.active), l.Inactive.renewed(ids, s.inactive), l.Pending.renewed(ids, s.pending)}, nil
}

// Merge makes one of the lists of several agents, whose entries say whose
// they are.
func Merge(of []*Lists) *Lists {
	united := func(which func(*Lists) *List) *List {
		parts := make([]*List, len(of))
		for i, l := range of {
			parts[i] = which(l)
		}
		return unite(parts)
	}
	return &Lists{
		Active:   united(func(l *Lists) *List { return l.Active }),
		Inactive: united(func(l *Lists) *List { return l.Inactive }),
		Pending:  united(func(l *Lists) *List { return l.Pending }),
	}
}

// sorting puts an agent's cases into the lists to which they belong.
type sorting struct {
	calendar                  *events.Calendar
	agent                     string
	active, inactive, pending []*item
	shared                    map[string]string // by many entries
}

func (s *sorting) item(id string, c *fold.Case) *item {
	if s.shared == nil {
		s.shared = map[string]string{}
	}
	it := &item{Entry: NewEntry(id, c, s.calendar), agent: s.agent}
	it.compact(s.shared)
	return it
}

func (s *sorting) add(id string, c *fold.Case) error {
	if c.Closed {
		return nil
	}
	if c.AgentID == s.agent {
		it := s.item(id, c)
		if c.Inactive {
			s.inactive = append(s.inactive, it)
		} else {
			s.active = append(s.active, it)
		}
	}
	for _, r := range c.Pending {
		if r.AgentID != s.agent {
			continue
		}
		it := s.item(id, c)
		it.Requested = s.calendar.Day(r.Requested)
		if c.AgentID != s.agent {
			it.Since = 0 // the delegation is another agent's
		}
		s.pending = append(s.pending, it)
	}
	return nil
}
