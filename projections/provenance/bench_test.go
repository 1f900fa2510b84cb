package provenance_test

import (
	"fmt"
	"testing"

	"bookledger/events"
)

// BenchmarkExplain explains a case with 1,400 events in 50 weeks. Each event
// writes the same section, one of twenty sections, or a section of its own, or
// transfers the case.
func BenchmarkExplain(b *testing.B) {
	for name, event := range map[string]func(i int) events.Data{
		"household":   func(i int) events.Data { return household(fmt.Sprint("n", i)) },
		"eligibility": func(i int) events.Data { return eligible(fmt.Sprint(i%20), []string{"none", "medi_cal"}[i/20%2]) },
		"enrollments": func(i int) events.Data { return covered(fmt.Sprint("n", i%20), fmt.Sprint("X", i), "enrolled") },
		"delegations": func(i int) events.Data {
			return transferred(fmt.Sprint("a", 1+i%3), fmt.Sprint("a", 1+(i+1)%3))
		},
		"members": func(i int) events.Data { return member(fmt.Sprint(i)) },
	} {
		b.Run(name, func(b *testing.B) {
			story := []any{created("a1"), member("1")}
			for i := range 1400 {
				story = append(story, event(i))
				if i%28 == 27 {
					story = append(story, cutoff{})
				}
			}
			s := newStory(story...)
			for b.Loop() {
				if _, err := s.Explain(b.Context(), caseID, s.entries, ""); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
