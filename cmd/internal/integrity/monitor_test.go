package integrity_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"
	"go.uber.org/zap/zaptest/observer"

	"bookledger/cmd/internal/integrity"
	"bookledger/events/record/merkle"
	"bookledger/projections"
)

// journal is a fake journal: the number of its records, and the results of its
// comparisons in order.
type journal struct {
	records uint64
	results []error     // nil, and any comparison after them: no difference
	ends    []uint64    // the record at which each comparison ends; after them: records
	starts  []uint64    // where each comparison started
	times   []time.Time // when it ended
}

func (j *journal) compare(ctx context.Context, after uint64, pace func(context.Context, int) error) (uint64, error) {
	n := len(j.starts)
	j.starts, j.times = append(j.starts, after), append(j.times, time.Now())
	end := j.records
	if n < len(j.ends) {
		end = j.ends[n]
	}
	for after < end {
		step := min(merkle.TileWidth, end-after)
		if err := pace(ctx, int(step)); err != nil {
			return after, err
		}
		after += step
	}
	if n < len(j.results) {
		return after, j.results[n]
	}
	return after, nil
}

// run runs a monitor for a while and returns it with what it logged.
func run(t *testing.T, j *journal, duration time.Duration) (*integrity.Monitor, []observer.LoggedEntry) {
	core, logged := observer.New(zapcore.DebugLevel)
	m := integrity.New(integrity.Options{Compare: j.compare, Now: time.Now, Log: zap.New(core)})
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan struct{})
	go func() {
		m.Run(ctx)
		close(ended)
	}()
	time.Sleep(duration)
	synctest.Wait()
	cancel()
	<-ended
	return m, logged.All()
}

// TestComparesEveryDayAtLimitedRate checks that the monitor compares at startup and
// then every day, not faster than its rate.
func TestComparesEveryDayAtLimitedRate(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		j := &journal{records: 1_000_000}
		started := time.Now()
		m, _ := run(t, j, 49*time.Hour)
		if records, completed := m.Progress(); m.Violation() != nil || records != j.records || completed != 3 || len(j.starts) != 3 {
			t.Fatalf("got violation %v, %d records, %d comparisons, starts %v; want none, %d, 3 and 3 starts", m.Violation(), records, completed, j.starts, j.records)
		}
		// The limiter lets a second's worth of records through at once.
		if took := j.times[1].Sub(started) - 24*time.Hour; took < 98*time.Second || took > 101*time.Second {
			t.Errorf("a million records took %v, want about 99 seconds", took)
		}
	})
}

// TestContinuesAfterInterruption checks that a comparison continues where an
// unreachable journal interrupted it, and that this is no violation.
func TestContinuesAfterInterruption(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		interrupted := errors.New("the journal was interrupted")
		j := &journal{records: 1000, ends: []uint64{300, 300, 700}, results: []error{interrupted, interrupted, interrupted}}
		m, logged := run(t, j, time.Hour)
		if _, completed := m.Progress(); m.Violation() != nil || completed != 1 || fmt.Sprint(j.starts) != "[0 300 300 700]" {
			t.Fatalf("got violation %v, %d comparisons, starts %v; want none, 1 and [0 300 300 700]", m.Violation(), completed, j.starts)
		}
		if len(logged) != 2 || logged[0].Level != zapcore.WarnLevel || logged[1].Level != zapcore.InfoLevel {
			t.Errorf("logged %+v, want a warning and an info", logged)
		}
	})
}

// TestViolationIsLoggedAndLasts checks that a difference is logged as an error and
// reported from then on.
func TestViolationIsLoggedAndLasts(t *testing.T) {
	for _, found := range []error{
		&projections.Difference{Seq: 301, Kind: projections.Changed},
		fmt.Errorf("reading a tile: %w", merkle.ErrDamaged),
	} {
		synctest.Test(t, func(t *testing.T) {
			j := &journal{records: 1000, ends: []uint64{1000, 300}, results: []error{nil, found}}
			m, logged := run(t, j, 72*time.Hour)
			if err := m.Violation(); !errors.Is(err, found) || len(j.starts) != 2 {
				t.Fatalf("got violation %v after %d comparisons, want %v after 2", err, len(j.starts), found)
			}
			last := logged[len(logged)-1]
			if last.Level != zapcore.ErrorLevel || !strings.HasPrefix(last.Message, "integrity violation") || last.ContextMap()["matching_records"] != uint64(300) {
				t.Errorf("logged %+v, want an integrity violation after 300 records", logged)
			}
		})
	}
}

// TestViolationSurvivesRestart checks that a saved violation is reported until a
// comparison of the whole journal finds no difference, and only then removed.
func TestViolationSurvivesRestart(t *testing.T) {
	const found = "record 301 was changed"
	for name, c := range map[string]struct {
		result    error
		duration  time.Duration
		violation bool   // reported at the end
		unsaved   bool   // Save was not called
		saved     string // by the only call of Save
	}{
		"repaired":              {duration: time.Minute},
		"comparison unfinished": {duration: time.Second, violation: true, unsaved: true},
		"interrupted":           {result: errors.New("the journal was interrupted"), duration: 2 * time.Second, violation: true, unsaved: true},
		"another violation":     {result: &projections.Difference{Seq: 7, Kind: projections.Missing}, duration: time.Minute, violation: true, saved: projections.ErrForked.Error() + ": record 7 is missing"},
	} {
		synctest.Test(t, func(t *testing.T) {
			var saved []string
			j := &journal{records: 50_000, results: []error{c.result}}
			m := integrity.New(integrity.Options{Compare: j.compare, Now: time.Now, Log: zap.NewNop(), Saved: found, Save: func(found string) error {
				saved = append(saved, found)
				return nil
			}})
			if err := m.Violation(); err == nil || !strings.Contains(err.Error(), found) {
				t.Fatalf("%s: at startup got %v, want %q", name, err, found)
			}
			ctx, cancel := context.WithTimeout(t.Context(), c.duration)
			defer cancel()
			m.Run(ctx)
			if err := m.Violation(); (err != nil) != c.violation {
				t.Errorf("%s: got violation %v, want any: %t", name, err, c.violation)
			}
			if c.unsaved && len(saved) > 0 || !c.unsaved && (len(saved) != 1 || saved[0] != c.saved) {
				t.Errorf("%s: saved %q, want %q", name, saved, c.saved)
			}
			before := len(saved)
			m.Raise(errors.New("a seal differs"))
			if raised := saved[before:]; c.saved == "" && !slices.Equal(raised, []string{"a seal differs"}) || c.saved != "" && len(raised) > 0 {
				t.Errorf("%s: after Raise, saved %q", name, raised)
			}
		})
	}
}

// TestCancelIsNoViolation cancels a comparison in the middle.
func TestCancelIsNoViolation(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m, logged := run(t, &journal{records: 1 << 40}, time.Minute)
		if records, completed := m.Progress(); m.Violation() != nil || completed != 0 || records == 0 || len(logged) > 0 {
			t.Errorf("got violation %v, %d records, %d comparisons, log %v; want some records and nothing else", m.Violation(), records, completed, logged)
		}
	})
}
