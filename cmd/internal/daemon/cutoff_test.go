package daemon

import (
	"context"
	"errors"
	"slices"
	"testing"
	"time"

	"bookledger/cmd/internal/fixture"
)

// TestFailureLogged holds that a failure which lasts is logged once, and again
// after an hour.
func TestFailureLogged(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
	clock, tries, logged := fixture.NewClock(), 0, []int{}
	d := &Daemon{o: Options{Now: clock.Now}}
	d.repeat(ctx, func(context.Context) error {
		switch tries++; tries {
		case 3:
			clock.Move(logInterval + time.Second)
		case 5:
			cancel()
		}
		return errors.New("no answer")
	}, 0, func(error) { logged = append(logged, tries) })
	if !slices.Equal(logged, []int{1, 3}) {
		t.Errorf("the tries %v were logged, want the first and the third", logged)
	}
}
