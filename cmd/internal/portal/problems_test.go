package portal

import (
	"strings"
	"testing"

	"bookledger/cmd/internal/problem"
)

// TestAdvice checks that advice never suggests repeating an action that may have
// succeeded, or waiting for a problem that needs an operator.
func TestAdvice(t *testing.T) {
	for want, p := range map[string]*problem.Problem{
		"reload the page":                &problem.Unavailable,
		"Check the list":                 &problem.OutcomeUnknown,
		"Contact the operator":           problem.Unavailable.WithRetryAfter(0),
		"choose Yes":                     &problem.NotAccepted,
		"a Friday on":                    &problem.NoBook,
		"contact your agency's manager.": &problem.Forbidden,
	} {
		if got := strings.Join(adviceFor(p), " "); !strings.Contains(got, want) || strings.Contains(got, "load") != (want == "reload the page") {
			t.Errorf("%s: got the advice %q, want %q", p.Type, got, want)
		}
	}
}
