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
	// interval is the time between the end of a comparison and the next one.
	interval = 24 * time.Hour
	// retryDelay is the time until an interrupted comparison continues.
	retryDelay = 10 * time.Second
	// recordRate is the number of records compared per second: about a tenth of
	// what one core can do, and 36 million an hour.
	recordRate = 10_000
)

// Options configure a monitor. Compare, Now and Log are required.
type Options struct {
	// Compare compares the journal with what was applied, as Node.Compare does. An
	// error is an integrity violation if node.IsViolation reports so; any other
	// error means that the comparison was interrupted.
	Compare func(ctx context.Context, after uint64, pace func(context.Context, int) error) (compared uint64, err error)
	// Saved is the violation that was saved before a restart, or "". The monitor
	// reports it until a comparison of the whole journal finds no difference.
	Saved string
	// Save saves a violation so that it survives restarts; "" removes it. If Save is
	// nil, nothing is saved.
	Save func(found string) error
	Now  func() time.Time
	Log  *zap.Logger
}

// Monitor compares a journal with what was applied, again and again.
type Monitor struct {
	options Options
	pace    *rate.Limiter

	mu        sync.Mutex
	compared  uint64 // records compared in the current or last comparison
	completed uint64 // comparisons of the whole journal that found no difference
	violation error
	saved     bool // the violation was found before a restart
}

// ForNode returns the monitor of an open node. It saves violations in the node's data
// folder.
func ForNode(n *node.Node, now func() time.Time, log *zap.Logger) (*Monitor, error) {
	found, err := n.Violation()
	return New(Options{Compare: n.Compare, Saved: found, Save: n.SaveViolation, Now: now, Log: log}), err
}

// New returns a monitor. Run starts its comparisons.
func New(o Options) *Monitor {
	if o.Save == nil {
		o.Save = func(string) error { return nil }
	}
	m := &Monitor{options: o, pace: rate.NewLimiter(recordRate, max(recordRate, merkle.TileWidth))}
	if m.saved = o.Saved != ""; m.saved {
		m.violation = fmt.Errorf("integrity violation found before the last restart, comparison in progress: %s", o.Saved)
		o.Log.Error("integrity violation found before the last restart: exports, actions and transfers stay stopped until a comparison of the whole journal finds no difference", zap.String("found", o.Saved))
	}
	return m
}

// Violation returns the integrity violation that was found since startup or saved
// before it, or nil.
func (m *Monitor) Violation() error {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.violation
}

// Progress returns how many records the current or last comparison has compared, and
// how many comparisons of the whole journal found no difference.
func (m *Monitor) Progress() (records, completed uint64) {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.compared, m.completed
}

// Run compares the journal until ctx is canceled or a violation is found. After a
// violation it returns; the caller may continue with other work.
func (m *Monitor) Run(ctx context.Context) {
	for m.compareAll(ctx) && wait(ctx, interval) {
	}
}

// compareAll compares the whole journal once and continues after interruptions. It
// reports whether to compare again later.
func (m *Monitor) compareAll(ctx context.Context) bool {
	started, interrupted := m.options.Now(), false
	for after := uint64(0); ; interrupted = true {
		m.setCompared(after)
		compared, err := m.options.Compare(ctx, after, m.wait)
		m.setCompared(compared)
		switch {
		case err == nil:
			m.options.Log.Info("the journal matches what was applied", zap.Uint64("records", compared), zap.Duration("took", m.options.Now().Sub(started)))
			m.setIntact()
			return true
		case ctx.Err() != nil:
			return false
		case node.IsViolation(err):
			m.Raise(err)
			return false
		}
		if !interrupted { // log it once, however long it lasts
			m.options.Log.Warn("the comparison of the journal was interrupted; retrying", zap.Uint64("compared", compared), zap.Error(err))
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

// wait counts n records as compared and blocks until the rate limit permits them.
func (m *Monitor) wait(ctx context.Context, n int) error {
	m.mu.Lock()
	m.compared += uint64(n)
	m.mu.Unlock()
	return m.pace.WaitN(ctx, n)
}

// setIntact counts a comparison of the whole journal that found no difference. It
// clears a violation that was saved before a restart.
func (m *Monitor) setIntact() {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.completed++
	if !m.saved {
		return
	}
	m.violation, m.saved = nil, false
	if err := m.options.Save(""); err != nil {
		m.options.Log.Error("the saved integrity violation could not be removed; it will be reported again after a restart", zap.Error(err))
	}
}

// Raise reports and saves an integrity violation that the monitor or the caller has
// found. Only the first violation since startup counts.
func (m *Monitor) Raise(err error) {
	m.mu.Lock()
	compared, first := m.compared, m.violation == nil || m.saved
	if first {
		m.saved = false
		m.violation = fmt.Errorf("integrity violation: %w", err)
	}
	m.mu.Unlock()
	if !first {
		return
	}
	m.options.Log.Error("integrity violation: exports, actions and transfers are stopped; keep the data folder as it is, and compare it with a backup and with other nodes",
		zap.Uint64("matching_records", compared), zap.Error(err))
	if err := m.options.Save(err.Error()); err != nil {
		m.options.Log.Error("the integrity violation could not be saved; after a restart it will be reported only when it is found again", zap.Error(err))
	}
}

// wait sleeps for d. It reports whether d passed before ctx was canceled.
func wait(ctx context.Context, d time.Duration) bool {
	select {
	case <-time.After(d):
		return true
	case <-ctx.Done():
		return false
	}
}
