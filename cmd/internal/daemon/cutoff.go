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
	// checkInterval is how often the daemon looks whether a cutoff has passed: within
	// two seconds after it has, the week is closed.
	checkInterval = time.Second
	// sealRetryDelay is how long after a failure sealing is tried again: computing the
	// roots of all books takes its time.
	sealRetryDelay = 10 * time.Second
	// logInterval is how often a failure that lasts is logged.
	logInterval = time.Hour
)

// repeat does something every second until ctx ends; after a failure it pauses,
// and has that logged once.
func (d *Daemon) repeat(ctx context.Context, do func(context.Context) error, pause time.Duration, failed func(error)) {
	said, when := "", time.Time{}
	for next := time.Duration(0); ; {
		select {
		case <-time.After(next):
		case <-ctx.Done():
			return
		}
		err := do(ctx)
		if next = checkInterval; err == nil {
			said = ""
			continue
		}
		next = pause
		if text := err.Error(); ctx.Err() == nil && (text != said || d.o.Now().Sub(when) > logInterval) {
			failed(err)
			said, when = text, d.o.Now()
		}
	}
}

// appendClockEvent appends a clock event when a cutoff has passed and no record has come
// since. That a week has ended follows from the journal alone; the appendClockEvent only
// gives it a record to follow from, so it does no harm that several nodes
// appendClockEvent, or that one does late.
func (d *Daemon) appendClockEvent(ctx context.Context) error {
	if d.o.Node.Projection.Rebuilding() || !d.o.Node.Projection.Following() {
		return nil // the week that is open is not known
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
		return err // a record has come: it may be beyond the cutoff itself
	}
	passed := calendar.Previous(calendar.FridayOf(now)) // the newest cutoff before now
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

// sealPastFridays seals the newest Friday that has passed, and those before it that are not
// sealed yet. The newest is compared at the start, though it be sealed. A sealPastFridays
// that differs is raised as a violation, after which nothing is sealed.
func (d *Daemon) sealPastFridays(ctx context.Context) error {
	if d.o.Monitor.Violation() != nil {
		return nil // which was logged
	}
	if d.o.Node.Projection.Rebuilding() || !d.o.Node.Projection.Following() {
		return nil // the journal may be another
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

// latestFriday returns the newest Friday that can be sealed, 0 where there is none.
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

// Seal seals a Friday now, rather than when the daemon comes to it.
func (d *Daemon) Seal(ctx context.Context, f events.Date) error { return d.sealer.Seal(ctx, f) }

// onSealed takes note of a seal that was made or found to be right.
func (d *Daemon) onSealed(s events.Sealed, made bool) {
	d.newestSealed.Store(max(d.newestSealed.Load(), int64(s.Friday)))
	d.o.Log.Info("the seal of a Friday stands", zap.Stringer("friday", s.Friday), zap.Bool("made_here", made), zap.Int("cases", s.Cases), zap.Int("rows", s.Rows))
}
