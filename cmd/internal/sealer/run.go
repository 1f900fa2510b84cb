package sealer

import (
	"context"
	"errors"
	"time"

	"go.uber.org/zap"

	"bookledger/events"
	"bookledger/projections/checkpoint"
)

const (
	// lookEvery is how often it is seen whether a cutoff has passed.
	lookEvery = time.Second
	// sayEvery is how often a failure that lasts is told.
	sayEvery = time.Hour
	// pause is how long after a failure sealing is tried again.
	pause = 10 * time.Second
)

// Run seals every Friday that has passed and is not sealed yet, and each that
// passes, until ctx ends. The newest is compared at the start, though it be
// sealed. A seal that differs is handed to raise, and ends it.
func (s *Sealer) Run(ctx context.Context, raise func(error)) {
	said, when := "", time.Time{}
	for every := time.Duration(0); wait(ctx, every); {
		err := s.look(ctx)
		if every = lookEvery; err == nil {
			said = ""
			continue
		}
		if errors.Is(err, checkpoint.ErrDiffers) {
			raise(err)
			return
		}
		every = pause
		if text := err.Error(); ctx.Err() == nil && (text != said || time.Since(when) > sayEvery) {
			s.o.Log.Error("Fridays could not be sealed or signed; trying again", zap.Error(err))
			said, when = text, time.Now()
		}
	}
}

// look seals what is to be sealed now.
func (s *Sealer) look(ctx context.Context) error {
	if s.o.Sound != nil && s.o.Sound() != nil {
		return nil // the alarm has said why
	}
	if !s.o.Node.Projection.Following() {
		return nil // the journal may be another
	}
	latest, err := s.latest()
	if err != nil || latest == 0 || latest == s.done {
		return err
	}
	if err := s.Seal(ctx, latest); err != nil {
		return err
	}
	s.done = latest
	return nil
}

// latest returns the newest Friday that can be sealed, 0 where there is none.
func (s *Sealer) latest() (_ events.Date, err error) {
	if s.o.Node.Projection.Rebuilding() {
		return 0, nil
	}
	v, err := s.o.Node.Projection.View()
	if err != nil {
		return 0, err
	}
	defer func() { err = errors.Join(err, v.Close()) }()
	if !v.HistoryClosed() {
		return 0, nil
	}
	c, err := v.Latest()
	if errors.Is(err, checkpoint.ErrNone) {
		return 0, nil
	}
	return c.Friday, err
}

func wait(ctx context.Context, d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return ctx.Err() == nil
	case <-ctx.Done():
		return false
	}
}
