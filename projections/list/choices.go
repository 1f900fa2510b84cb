package list

import (
	"maps"
	"slices"

	"bookledger/projections/book"
)

// Choices contains the values that filters can select: the distinct values in the
// shown years of a list, sorted, without blanks. Callers must not modify them.
type Choices struct {
	Years          []int
	Statuses       []string
	NextSteps      []string
	HouseholdTypes []string
	Programs       []string // as in events, such as medi_cal
	Carriers       []string
}

// Choices returns the choices of a list for a Friday in the calendar year current.
// It caches them.
func (l *List) Choices(current int) Choices {
	l.mu.Lock()
	defer l.mu.Unlock()
	c, ok := l.choices[current]
	if !ok {
		c = l.collectChoices(current)
		l.choices = map[int]Choices{current: c} // choices of earlier years are no longer needed
	}
	return c
}

func (l *List) collectChoices(current int) Choices {
	years := map[int]struct{}{}
	var statuses, steps, types, programs, carriers stringSet
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

// stringSet is a set of strings. Most strings added equal the one before.
type stringSet struct {
	all  map[string]struct{}
	last string
}

func (t *stringSet) add(s string) {
	if s == t.last {
		return // also skips blanks, because last starts blank
	}
	if t.all == nil {
		t.all = map[string]struct{}{}
	}
	t.last = s
	if s != "" {
		t.all[s] = struct{}{}
	}
}

func (t *stringSet) sorted() []string { return slices.Sorted(maps.Keys(t.all)) }

// TypeCount is the number of consumers with a household type in a list.
type TypeCount struct {
	HouseholdType string
	Consumers     int
}

// CountByType returns the counts by household type in a list for a Friday in the
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
		newest := "" // not determined for a case without years
		if years := it.shownYears(current); len(years) > 0 {
			newest = years[len(years)-1].HouseholdType
		}
		counts[slices.Index(types, newest)].Consumers++
	}
	return counts
}
