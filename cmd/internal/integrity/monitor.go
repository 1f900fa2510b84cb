package integrity

import (
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
	// interval is how long after a comparison the next begins.
	interval = 24 * time.Hour
	// retryDelay is how long after a comparison was broken off it goes on.
	retryDelay = 10 * time.Second
	// recordRate is how many records are compared per second: about a tenth of
	// what a core can do, and 36 million in an hour.
	recordRate = 10_000
)

// Options are what a monitor is made of.
type Options struct {
	// Compare compares the journal with what was applied, as Node.Compare does.
	// node.IsViolation tells its differences from what broke it off.
	Compare func(ctx context.Context, after uint64, pace func(context.Context, int) error) (compared uint64, err error)
	// Saved is a difference that was found before a restart: the ledger is not
	// sound until a comparison of the whole finds none. "": there was none.
	Saved string
	// Save keeps what was found or raised, over restarts, and forgets it at "".
	// nil: nothing is kept.
	Save func(found string) error
	Now  func() time.Time // must be set
	Log  *zap.Logger      // must be set
}

// Monitor keeps watch over a journal.
type Monitor struct {
	options    Options
	pace *rate.Limiter

	mu        sync.Mutex
	compared  uint64 // in the comparison under way, or the last
	completed     uint64 // comparisons of the whole journal that found no difference
	violation error
	saved   bool // the violation was found before a restart
}

// ForNode returns the monitor of an open node, which keeps in its folder what is
// found.
func ForNode(n *node.Node, now func() time.Time, log *zap.Logger) (*Monitor, error) {
	found, err := n.Violation()
	return New(Options{Compare: n.Compare, Saved: found, Save: n.SaveViolation, Now: now, Log: log}), err
}

// New returns a monitor, which keeps watch while Run runs.
func New(o Options) *Monitor {
	if o.Save == nil {
		o.Save = func(string) error { return nil }
	}
	m := &Monitor{options: o, pace: rate.NewLimiter(recordRate, max(recordRate, merkle.TileWidth))}
	if m.saved = o.Saved != ""; m.saved {
		m.violation = fmt.Errorf("the ledger was found not to be sound, and is being compared anew: %s", o.Saved)
		o.Log.Error("ALARM: the ledger was found not to be sound before. Exports, actions and transfers stay stopped until a comparison of the whole finds no difference", zap.String("found", o.Saved))
	}
	return m
}

// Violation returns how the journal was found to differ from what was applied,
// now or before a restart; nil where it was not.
func (m *Monitor) Violation() error {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.violation
}

// Progress returns up to which record the comparison under way has come, or
// the last one came, and how many went over the whole journal and found no
// difference.
func (m *Monitor) Progress() (records, times uint64) {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.compared, m.completed
}

// Run compares until ctx ends or a difference is found, which ends nothing
// else.
func (m *Monitor) Run(ctx context.Context) {
	for m.compareAll(ctx) && wait(ctx, interval) {
	}
}

// compareAll compares the whole journal once, over interruptions. It returns false
// when there is no more to be compared.
func (m *Monitor) compareAll(ctx context.Context) bool {
	begun, failing := m.options.Now(), false
	for after := uint64(0); ; failing = true {
		m.setCompared(after)
		compared, err := m.options.Compare(ctx, after, m.wait)
		m.setCompared(compared)
		switch {
		case err == nil:
			m.options.Log.Info("the journal is as it was applied", zap.Uint64("records", compared), zap.Duration("took", m.options.Now().Sub(begun)))
			m.setIntact()
			return true
		case ctx.Err() != nil:
			return false
		case node.IsViolation(err):
			m.Raise(err)
			return false
		}
		if !failing { // once, however long it lasts
			m.options.Log.Warn("comparing the journal with what was applied was broken off; it goes on when it can", zap.Uint64("compared", compared), zap.Error(err))
		}
		if after = compared; !wait(ctx, retryDelay) {
			return false
		}
	}
}

func (m *Monitor) setCompared(compared uint64) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.compared = compared
}

// wait lets n records more be compared when it is time.
func (m *Monitor) wait(ctx context.Context, n int) error {
	m.mu.Lock()
	m.compared += uint64(n)
	m.mu.Unlock()
	return m.pace.WaitN(ctx, n)
}

// setIntact says that a comparison of the whole has found no difference.
func (m *Monitor) setIntact() {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.completed++
	if !m.saved {
		return
	}
	m.violation, m.saved = nil, false
	if err := m.options.Save(""); err != nil {
		m.options.Log.Error("what was found before could not be forgotten, and will be found again at a restart", zap.Error(err))
	}
}

// Raise raises the alarm for a violation that the monitor or the caller has
// found. The first one stands.
func (m *Monitor) Raise(err error) {
	m.mu.Lock()
	compared, first := m.compared, m.violation == nil || m.saved
	if first {
		m.saved = false
		m.violation = fmt.Errorf("the ledger is not sound: %w", err)
	}
	m.mu.Unlock()
	if !first {
		return
	}
	m.options.Log.Error("ALARM: the ledger is not sound. Exports, actions and transfers are stopped. Keep the data folder as it is, and compare it with a backup and with other nodes",
		zap.Uint64("as_applied_up_to", compared), zap.Error(err))
	if err := m.options.Save(err.Error()); err != nil {
		m.options.Log.Error("what was found will be forgotten at a restart, until it is found again", zap.Error(err))
	}
}

func wait(ctx context.Context, d time.Duration) bool {
	select {
	case <-time.After(d):
		return true
	case <-ctx.Done():
		return false
	}
}
