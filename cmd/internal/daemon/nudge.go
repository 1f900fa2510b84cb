package daemon

import (
	"context"
	"time"

	"go.uber.org/zap"

	"bookledger/events"
	"bookledger/events/journal"
)

// nudgeEvery is how often the leader's time is compared with the next cutoff:
// within two seconds after it has passed, the week is closed.
const nudgeEvery = time.Second

// nudge appends a clock event when a cutoff has passed and no record has come
// since. That a week has ended follows from the journal alone; the nudge only
// gives it a record to follow from, so it does no harm that several nodes
// nudge, or that one does late.
func (d *Daemon) nudge(ctx context.Context) {
	ticker := time.NewTicker(nudgeEvery)
	defer ticker.Stop()
	failing := false
	for {
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
		err := d.nudgeOnce(ctx)
		if err != nil && ctx.Err() == nil && !failing { // once, however long it lasts
			d.log.Warn("could not see whether a cutoff has passed; trying every second", zap.Error(err))
		}
		failing = err != nil
	}
}

func (d *Daemon) nudgeOnce(ctx context.Context) error {
	if d.ledger.Projection.Rebuilding() || !d.ledger.Projection.Following() {
		return nil // the week that is open is not known
	}
	v, err := d.ledger.Projection.View()
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
	now, err := d.ledger.Journal.Now(ctx)
	if err != nil || !now.After(calendar.Cutoff(open)) {
		return err
	}
	last, err := d.ledger.Journal.Last(ctx)
	if err != nil || last > position {
		return err // a record has come: it may be beyond the cutoff itself
	}
	passed := calendar.Previous(calendar.FridayOf(now)) // the newest cutoff before now
	body, err := events.Event{
		ID: "clock/" + passed.String(), Source: events.SourceLedger, Type: events.TypeClock,
		Time: calendar.Cutoff(passed), Data: &events.Clock{Friday: passed},
	}.Encode()
	if err != nil {
		return err
	}
	if _, err = d.ledger.Journal.Append(ctx, []journal.Message{{Subject: events.SubjectClock, Body: body}}); err != nil {
		return err
	}
	d.log.Info("a cutoff has passed", zap.Stringer("friday", passed))
	return nil
}
