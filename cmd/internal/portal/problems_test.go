package portal

import (
	"strings"
	"testing"

	"bookledger/cmd/internal/problem"
)

// TestAdvice holds that nobody is told to repeat what may have been done, or to
// wait for what does not pass by itself.
func TestAdvice(t *testing.T) {
	for want, p := range map[string]*problem.Problem{
		"load the page again":        &problem.Unavailable,
		"Look at the list":           &problem.OutcomeUnknown,
		"Tell the operator":          problem.Unavailable.WithRetryAfter(0),
		"answer Yes":                 &problem.NotAccepted,
		"one of the Fridays":         &problem.NoBook,
		"ask your agency’s manager.": &problem.Forbidden,
	} {
		if got := strings.Join(adviceOn(p), " "); !strings.Contains(got, want) || strings.Contains(got, "load") != (want == "load the page again") {
			t.Errorf("%s advises %q, want %q", p.Type, got, want)
		}
	}
}
