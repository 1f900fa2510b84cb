package integrity

import (
	"cmp"
	"context"
	"fmt"
	"sync"
	"time"

	"go.uber.org/zap"
	"golang.org/x/time/rate"

	"bookledger/cmd/internal/node"
	"bookledger/events/record/merkle"
)

const (
	// usualEvery is how long after a comparison the next begins.
	usualEvery = 24 * time.Hour
	// usualPause is how long after a comparison was broken off it goes on.
	usualPause = 10 * time.Second
	// usualRate is how many records a second are compared: about a tenth of
	// what a core can do, and 36 million in an hour.
	usualRate = 10_000
)

// Options are what an alarm is made of.
type Options struct {
	// Compare compares the journal with what was applied, as
	// projections.Compare does. Ledger.IsUnsound tells its differences from
	// what broke it off.
	Compare func(ctx context.Context, after uint64, pace func(context.Context, int) error) (compared uint64, err error)
	// Found is a difference that was found before a restart: the ledger is not
	// sound until a comparison of the whole finds none. "": there was none.
	Found string
	// Keep keeps what was found or raised, over restarts, and forgets it at "".
	// nil: nothing is kept.
	Keep  func(found string) error
	Every time.Duration // after a comparison the next begins; 0: a day
	Pause time.Duration // until one that was broken off goes on; 0: ten seconds
	Rate  int           // records a second; 0: 10,000
	Log   *zap.Logger   // nil: no log
}

// Monitor keeps watch over a journal.
type Monitor struct {
	o    Options
	pace *rate.Limiter

	mu       sync.Mutex
	compared uint64 // in the comparison under way, or the last
	whole    uint64 // comparisons of the whole journal that found no difference
	unsound  error
	earlier  bool // unsound was found before a restart
}

// New returns an alarm, which keeps watch while Run runs.
func New(o Options) *Monitor {
	o.Every, o.Pause, o.Rate = cmp.Or(o.Every, usualEvery), cmp.Or(o.Pause, usualPause), cmp.Or(o.Rate, usualRate)
	if o.Log == nil {
		o.Log = zap.NewNop()
	}
	if o.Keep == nil {
		o.Keep = func(string) error { return nil }
	}
	a := &Monitor{o: o, pace: rate.NewLimiter(rate.Limit(o.Rate), max(o.Rate, merkle.Width))}
	if a.earlier = o.Found != ""; a.earlier {
		a.unsound = fmt.Errorf("the ledger was found not to be sound, and is being compared anew: %s", o.Found)
		o.Log.Error("ALARM: the ledger was found not to be sound before. Exports, actions and transfers stay stopped until a comparison of the whole finds no difference", zap.String("found", o.Found))
	}
	return a
}

// Sound returns nil unless the journal was found to differ from what was
// applied, now or before a restart; the error says where.
func (a *Monitor) Sound() error {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.unsound
}

// Compared returns up to which record the comparison under way has come, or
// the last one came, and how many went over the whole journal and found no
// difference.
func (a *Monitor) Compared() (records, times uint64) {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.compared, a.whole
}

// Run compares until ctx ends or a difference is found, which ends nothing
// else.
func (a *Monitor) Run(ctx context.Context) {
	for a.compareAll(ctx) && wait(ctx, a.o.Every) {
	}
}

// compareAll compares the whole journal once, over interruptions. It returns false
// when there is no more to be compared.
func (a *Monitor) compareAll(ctx context.Context) bool {
	begun, failing := time.Now(), false
	for after := uint64(0); ; {
		a.mu.Lock()
		a.compared = after
		a.mu.Unlock()
		compared, err := a.o.Compare(ctx, after, a.wait)
		a.mu.Lock()
		a.compared = compared
		a.mu.Unlock()
		switch {
		case err == nil:
			a.o.Log.Info("the journal is as it was applied", zap.Uint64("records", compared), zap.Duration("took", time.Since(begun)))
			a.clear()
			return true
		case ctx.Err() != nil:
			return false
		case node.IsUnsound(err):
			a.ring(compared, err)
			return false
		}
		if !failing { // once, however long it lasts
			a.o.Log.Warn("comparing the journal with what was applied was broken off; it goes on when it can", zap.Uint64("compared", compared), zap.Error(err))
		}
		failing = true
		if after = compared; !wait(ctx, a.o.Pause) {
			return false
		}
	}
}

// wait lets n records more be compared when it is time.
func (a *Monitor) wait(ctx context.Context, n int) error {
	a.mu.Lock()
	a.compared += uint64(n)
	a.mu.Unlock()
	return a.pace.WaitN(ctx, n)
}

// clear says that a comparison of the whole has found no difference.
func (a *Monitor) clear() {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.whole++
	if !a.earlier {
		return
	}
	a.unsound, a.earlier = nil, false
	if err := a.o.Keep(""); err != nil {
		a.o.Log.Error("what was found before could not be forgotten, and will be found again at a restart", zap.Error(err))
	}
}

// Raise says that the ledger is not sound for a reason that the caller has
// found. The first reason stands.
func (a *Monitor) Raise(err error) {
	compared, _ := a.Compared()
	a.ring(compared, err)
}

// ring says that the ledger is not sound.
func (a *Monitor) ring(compared uint64, err error) {
	a.mu.Lock()
	rings := a.unsound == nil || a.earlier
	if rings {
		a.earlier = false
		a.unsound = fmt.Errorf("the ledger is not sound: %w", err)
	}
	a.mu.Unlock()
	if !rings {
		return
	}
	a.o.Log.Error("ALARM: the ledger is not sound. Exports, actions and transfers are stopped. Keep the data folder as it is, and compare it with a backup and with other nodes",
		zap.Uint64("as_applied_up_to", compared), zap.Error(err))
	if err := a.o.Keep(err.Error()); err != nil {
		a.o.Log.Error("what was found will be forgotten at a restart, until it is found again", zap.Error(err))
	}
}

func wait(ctx context.Context, d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-ctx.Done():
		return false
	}
}
