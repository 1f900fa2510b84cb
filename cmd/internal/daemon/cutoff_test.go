package daemon

import (
	"context"
	"errors"
	"slices"
	"testing"
	"time"

	"bookledger/cmd/internal/fixture"
)

// TestLogsLastingFailureOnceAnHour checks that repeat logs a lasting failure once and
// again after an hour.
func TestLogsLastingFailureOnceAnHour(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
	clock, attempts, logged := fixture.NewClock(), 0, []int{}
	d := &Daemon{o: Options{Now: clock.Now}}
	d.repeat(ctx, func(context.Context) error {
		switch attempts++; attempts {
		case 3:
			clock.Move(logInterval + time.Second)
		case 5:
			cancel()
		}
		return errors.New("no answer")
	}, 0, func(error) { logged = append(logged, attempts) })
	if !slices.Equal(logged, []int{1, 3}) {
		t.Errorf("got attempts %v logged, want the first and the third", logged)
	}
}
