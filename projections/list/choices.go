package list

import (
	"maps"
	"slices"

	"bookledger/projections/book"
)

// Choices are the values that the shown years of a list hold, each once and
// in order, blanks left out: what a filter can be set to. They are not to be
// written to.
type Choices struct {
	Years          []int
	Statuses       []string
	NextSteps      []string
	HouseholdTypes []string
	Programs       []string // as in events
	Carriers       []string
}

// Choices returns the values of a list for a Friday of calendar year current.
// They are gathered once.
func (l *List) Choices(current int) Choices {
	l.mu.Lock()
	defer l.mu.Unlock()
	c, ok := l.choices[current]
	if !ok {
		c = l.gather(current)
		l.choices = map[int]Choices{current: c} // that of another year was last year's
	}
	return c
}

func (l *List) gather(current int) Choices {
	years := map[int]struct{}{}
	var statuses, steps, types, programs, carriers texts
	for _, it := range l.items {
		shown := it.shownYears(current)
		for i := range shown {
			y := &shown[i]
			years[y.ApplicationYear] = struct{}{}
			statuses.add(y.CurrentStatus)
			steps.add(y.NextSteps)
			types.add(y.HouseholdType)
			for _, p := range y.Programs {
				programs.add(p)
			}
			for j := range y.Coverage {
				carriers.add(y.Coverage[j].Carrier)
			}
		}
	}
	return Choices{
		Years: slices.Sorted(maps.Keys(years)), Statuses: statuses.sorted(), NextSteps: steps.sorted(),
		HouseholdTypes: types.sorted(), Programs: programs.sorted(), Carriers: carriers.sorted(),
	}
}

// texts is a set of texts. Most are the same as the one before.
type texts struct {
	all  map[string]struct{}
	last string
}

func (t *texts) add(s string) {
	if s == t.last {
		return // a blank one too, which is left out
	}
	if t.all == nil {
		t.all = map[string]struct{}{}
	}
	t.last = s
	if s != "" {
		t.all[s] = struct{}{}
	}
}

func (t *texts) sorted() []string { return slices.Sorted(maps.Keys(t.all)) }

// TypeCount is how many consumers of a list are of a household type.
type TypeCount struct {
	HouseholdType string
	Consumers     int
}

// CountByType returns the counts by household type in a list for a Friday of
// calendar year current, in the order of book.HouseholdTypes. Each consumer counts
// once, by the newest shown year.
func (l *List) CountByType(current int) []TypeCount {
	types := book.HouseholdTypes()
	counts := make([]TypeCount, len(types))
	for i, t := range types {
		counts[i].HouseholdType = t
	}
	last := ""
	for _, it := range l.items {
		if it.CaseID == last {
			continue // pending with two agents
		}
		last = it.CaseID
		newest := "" // of a case without years nothing is determined
		if years := it.shownYears(current); len(years) > 0 {
			newest = years[len(years)-1].HouseholdType
		}
		counts[slices.Index(types, newest)].Consumers++
	}
	return counts
}
