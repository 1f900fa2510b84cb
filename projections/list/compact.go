package list

import "strings"

// compact copies the texts of an entry. Texts of its own become adjacent in memory,
// and texts that many entries have are shared through the map. Otherwise each text
// would keep the encoded case that it came from in memory, and scanning a list
// would touch most of the memory.
func (e *Entry) compact(shared map[string]string) {
	own := [...]*string{&e.keys.text, &e.keys.plain, &e.keys.digits, &e.FirstName, &e.LastName, &e.Phone, &e.Email, &e.Address, &e.DOB, &e.SSN}
	var all strings.Builder
	for _, s := range own {
		all.WriteString(*s)
	}
	rest, first, last := all.String(), len(e.keys.first), len(e.keys.last)
	for _, s := range own {
		*s, rest = rest[:len(*s)], rest[len(*s):]
	}
	e.keys.first, e.keys.last = e.keys.text[:first], e.keys.text[first+1:][:last]
	share := func(s *string) {
		same, ok := shared[*s]
		if !ok {
			same = strings.Clone(*s)
			shared[same] = same
		}
		*s = same
	}
	for i := range e.Years {
		y := &e.Years[i]
		share(&y.CurrentStatus)
		share(&y.NextSteps)
		for j := range y.Programs {
			share(&y.Programs[j])
		}
		for j := range y.Coverage {
			c := &y.Coverage[j]
			for _, s := range [...]*string{&c.CoverageKind, &c.Carrier, &c.PlanName, &c.MetalTier, &c.Status} {
				share(s)
			}
		}
	}
}
