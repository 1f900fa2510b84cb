package daemon

import (
	"context"
	"errors"
	"time"

	"go.uber.org/zap"

	"bookledger/events"
	"bookledger/events/journal"
	"bookledger/projections/checkpoint"
)

const (
	// checkInterval is how often the daemon checks for a passed cutoff. It closes the
	// week within two seconds.
	checkInterval = time.Second
	// sealRetryDelay is the time between a failure to seal and the next attempt.
	// Computing the roots of all books takes a while.
	sealRetryDelay = 10 * time.Second
	// logInterval is how often a lasting failure is logged.
	logInterval = time.Hour
)

// repeat calls do every second until ctx is canceled. After a failure it waits for
// retryDelay, and calls logFailure unless it logged the same error within the last
// hour.
func (d *Daemon) repeat(ctx context.Context, do func(context.Context) error, retryDelay time.Duration, logFailure func(error)) {
	logged, loggedAt := "", time.Time{}
	for next := time.Duration(0); ; {
		select {
		case <-time.After(next):
		case <-ctx.Done():
			return
		}
		err := do(ctx)
		if next = checkInterval; err == nil {
			logged = ""
			continue
		}
		next = retryDelay
		if text := err.Error(); ctx.Err() == nil && (text != logged || d.o.Now().Sub(loggedAt) > logInterval) {
			logFailure(err)
			logged, loggedAt = text, d.o.Now()
		}
	}
}

// appendClockEvent appends a clock event if a cutoff has passed and no record has
// followed it. All nodes derive the end of a week from the journal, so it does no harm
// if several nodes append a clock event, or if a node appends it late.
func (d *Daemon) appendClockEvent(ctx context.Context) error {
	if d.o.Node.Projection.Rebuilding() || !d.o.Node.Projection.Following() {
		return nil // the open week is unknown
	}
	v, err := d.o.Node.Projection.View()
	if err != nil {
		return err
	}
	position, open, closed, calendar := v.Position(), v.OpenFriday(), v.HistoryClosed(), v.Calendar()
	if err := v.Close(); err != nil {
		return err
	}
	if !closed || open == 0 {
		return nil
	}
	now, err := d.o.Node.Journal.Now(ctx)
	if err != nil || !now.After(calendar.Cutoff(open)) {
		return err
	}
	last, err := d.o.Node.Journal.Last(ctx)
	if err != nil || last > position {
		return err // the new record may itself be after the cutoff
	}
	passed := calendar.Previous(calendar.FridayOf(now)) // the Friday of the last cutoff before now
	message, err := journal.MessageOf(events.Event{
		ID: "clock/" + passed.String(), Source: events.SourceLedger, Type: events.TypeClock,
		Time: calendar.Cutoff(passed), Data: &events.Clock{Friday: passed},
	})
	if err != nil {
		return err
	}
	if _, err = d.o.Node.Journal.Append(ctx, []journal.Message{message}); err != nil {
		return err
	}
	d.o.Log.Info("a cutoff has passed", zap.Stringer("friday", passed))
	return nil
}

// sealPastFridays seals the newest past Friday and earlier ones that are not sealed
// yet. At startup it also compares the seal of the newest Friday if there is one. A
// different seal is an integrity violation, after which nothing is sealed.
func (d *Daemon) sealPastFridays(ctx context.Context) error {
	if d.o.Monitor.Violation() != nil {
		return nil // it was logged already
	}
	if d.o.Node.Projection.Rebuilding() || !d.o.Node.Projection.Following() {
		return nil // the journal may be a different one
	}
	latest, err := d.latestFriday()
	if err != nil || latest == d.sealedUpTo {
		return err
	}
	err = d.sealer.Seal(ctx, latest)
	if errors.Is(err, checkpoint.ErrSealMismatch) {
		d.o.Monitor.Raise(err)
		return nil
	}
	if err == nil {
		d.sealedUpTo = latest
	}
	return err
}

// latestFriday returns the newest Friday that can be sealed, or 0.
func (d *Daemon) latestFriday() (_ events.Date, err error) {
	v, err := d.o.Node.Projection.View()
	if err != nil {
		return 0, err
	}
	defer func() { err = errors.Join(err, v.Close()) }()
	if !v.HistoryClosed() {
		return 0, nil
	}
	c, err := v.Checkpoint(0)
	if errors.Is(err, checkpoint.ErrNoCheckpoint) {
		return 0, nil
	}
	return c.Friday, err
}

// Seal seals a Friday now instead of at the next check.
func (d *Daemon) Seal(ctx context.Context, f events.Date) error { return d.sealer.Seal(ctx, f) }

// onSealed records a seal that this node has written (created) or found to be
// correct.
func (d *Daemon) onSealed(s events.Sealed, created bool) {
	d.newestSealed.Store(max(d.newestSealed.Load(), int64(s.Friday)))
	d.o.Log.Info("Friday is sealed", zap.Stringer("friday", s.Friday), zap.Bool("sealed_here", created), zap.Int("cases", s.Cases), zap.Int("rows", s.Rows))
}
