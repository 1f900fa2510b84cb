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

// journal is what an alarm compares: some records, and what comes of it.
type journal struct {
	records uint64
	ends    []error // of each comparison, by turns; nil: no difference
	stops   []uint64
	began   []uint64 // where each comparison began
	times   []time.Time
}

func (j *journal) compare(ctx context.Context, after uint64, pace func(context.Context, int) error) (uint64, error) {
	n := len(j.began)
	j.began, j.times = append(j.began, after), append(j.times, time.Now())
	end := j.records
	if n < len(j.stops) {
		end = j.stops[n]
	}
	for after < end {
		step := min(merkle.TileWidth, end-after)
		if err := pace(ctx, int(step)); err != nil {
			return after, err
		}
		after += step
	}
	if n < len(j.ends) {
		return after, j.ends[n]
	}
	return after, nil
}

// run runs an alarm for some time, and returns what it logged.
func run(t *testing.T, j *journal, lasts time.Duration) (*integrity.Monitor, []observer.LoggedEntry) {
	core, logged := observer.New(zapcore.DebugLevel)
	a := integrity.New(integrity.Options{Compare: j.compare, Now: time.Now, Log: zap.New(core)})
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan struct{})
	go func() {
		a.Run(ctx)
		close(ended)
	}()
	time.Sleep(lasts)
	synctest.Wait()
	cancel()
	<-ended
	return a, logged.All()
}

// TestEveryDay compares once when it begins and again every day, no faster
// than it may.
func TestEveryDay(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		j := &journal{records: 1_000_000}
		begun := time.Now()
		a, _ := run(t, j, 49*time.Hour)
		if records, times := a.Progress(); a.Violation() != nil || records != j.records || times != 3 || len(j.began) != 3 {
			t.Fatal(a.Violation(), records, times, j.began)
		}
		// The limiter lets a second's worth through at once.
		if took := j.times[1].Sub(begun) - 24*time.Hour; took < 98*time.Second || took > 101*time.Second {
			t.Errorf("a million records took %v", took)
		}
	})
}

// TestGoesOn is broken off by a journal that is out of reach, which is no
// alarm, and goes on from where it was.
func TestGoesOn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		fault := errors.New("the journal was interrupted")
		j := &journal{records: 1000, stops: []uint64{300, 300, 700}, ends: []error{fault, fault, fault}}
		a, logged := run(t, j, time.Hour)
		if _, times := a.Progress(); a.Violation() != nil || times != 1 || fmt.Sprint(j.began) != "[0 300 300 700]" {
			t.Fatal(a.Violation(), times, j.began)
		}
		if len(logged) != 2 || logged[0].Level != zapcore.WarnLevel || logged[1].Level != zapcore.InfoLevel {
			t.Errorf("the log says %+v", logged)
		}
	})
}

// TestRings holds that a difference is told loudly and stays.
func TestRings(t *testing.T) {
	for _, found := range []error{
		&projections.Difference{Seq: 301, Kind: projections.Changed},
		fmt.Errorf("reading it: %w", merkle.ErrDamaged),
	} {
		synctest.Test(t, func(t *testing.T) {
			j := &journal{records: 1000, stops: []uint64{1000, 300}, ends: []error{nil, found}}
			a, logged := run(t, j, 72*time.Hour)
			if err := a.Violation(); !errors.Is(err, found) || len(j.began) != 2 {
				t.Fatal(err, j.began)
			}
			if last := logged[len(logged)-1]; last.Level != zapcore.ErrorLevel || last.ContextMap()["as_applied_up_to"] != uint64(300) {
				t.Errorf("the log says %+v", logged)
			}
		})
	}
}

// TestKept holds that a difference is kept over restarts until a comparison of
// the whole finds none, and that nothing else is.
func TestKept(t *testing.T) {
	const found = "record 301 was changed"
	for what, c := range map[string]struct {
		end    error
		lasts  time.Duration
		stays  bool   // unsound
		keeps  string // by the last word
		silent bool   // nothing was kept or forgotten
	}{
		"mended":             {lasts: time.Minute},
		"not compared whole": {lasts: time.Second, stays: true, silent: true},
		"another":            {end: errors.New("the journal was interrupted"), lasts: 2 * time.Second, stays: true, silent: true},
		"found again":        {end: &projections.Difference{Seq: 7, Kind: projections.Missing}, lasts: time.Minute, stays: true, keeps: projections.ErrForked.Error() + ": record 7 is missing"},
	} {
		synctest.Test(t, func(t *testing.T) {
			var kept []string
			j := &journal{records: 50_000, ends: []error{c.end}}
			a := integrity.New(integrity.Options{Compare: j.compare, Now: time.Now, Log: zap.NewNop(), Saved: found, Save: func(found string) error {
				kept = append(kept, found)
				return nil
			}})
			if err := a.Violation(); err == nil || !strings.Contains(err.Error(), found) {
				t.Fatalf("%s: at the start: %v", what, err)
			}
			ctx, cancel := context.WithTimeout(t.Context(), c.lasts)
			defer cancel()
			a.Run(ctx)
			if err := a.Violation(); (err != nil) != c.stays {
				t.Errorf("%s: %v", what, err)
			}
			if c.silent && len(kept) > 0 || !c.silent && (len(kept) != 1 || kept[0] != c.keeps) {
				t.Errorf("%s: kept %q", what, kept)
			}
			before := len(kept)
			a.Raise(errors.New("a seal differs"))
			if raised := kept[before:]; c.keeps == "" && !slices.Equal(raised, []string{"a seal differs"}) || c.keeps != "" && len(raised) > 0 {
				t.Errorf("%s: kept %q of what was raised", what, raised)
			}
		})
	}
}

// TestEnds ends in the middle of a comparison, which is no alarm either.
func TestEnds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a, logged := run(t, &journal{records: 1 << 40}, time.Minute)
		if records, times := a.Progress(); a.Violation() != nil || times != 0 || records == 0 || len(logged) > 0 {
			t.Error(a.Violation(), records, times, logged)
		}
	})
}
