package list

import "strings"

// compact makes an entry ready to be kept: its own texts lie side by side, and
// those that many entries have are the same in all. Else each text would hold
// on to the whole encoded case from which it was read, and a look through a
// list would be a look through most of the memory.
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
