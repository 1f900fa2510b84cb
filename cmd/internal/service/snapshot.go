package service

import (
	"errors"
	"sync"
	"time"

	"go.uber.org/zap"

	"bookledger/cmd/internal/problem"
	"bookledger/projections"
	"bookledger/projections/access"
	"bookledger/projections/active"
)

// snapshot is the state of the ledger at one moment.
type snapshot struct {
	*projections.View
	state active.State
	age   time.Duration // the time since views last showed the whole journal; 0 if they are current
}

// At returns a caller whose reads all use one snapshot, so that a page shows one
// state of the ledger. Call done after the last read; later reads fail. Actions,
// transfers and exports still use the current state.
func (s *Service) At(c Caller) (at Caller, done func()) {
	var once sync.Once
	var r *snapshot
	var err error
	c.shared = func() (*snapshot, error) {
		once.Do(func() { r, err = s.openSnapshot() })
		return r, err
	}
	return c, func() {
		once.Do(func() {}) // prevents a later read from opening a snapshot
		if r != nil {
			s.closeSnapshot(r)
		}
		r, err = nil, errRequestDone
	}
}

var errRequestDone = errors.New("reading the ledger: the request is done")

// Freshness is the time and the age of the data in a response.
type Freshness struct {
	AsOf       time.Time `json:"as_of" doc:"The recorded time of the newest record in the data. In the year 1 if the journal is empty."`
	AgeSeconds int       `json:"age_seconds,omitzero" minimum:"1" doc:"The age of the data in seconds while the journal does not answer. Absent if the data is current."`
}

// Age returns the age of the data, or 0 if it is current.
func (f Freshness) Age() time.Duration { return time.Duration(f.AgeSeconds) * time.Second }

func (r *snapshot) freshness() Freshness {
	return Freshness{r.Recorded(), int(r.age / time.Second)}
}

// snapshot returns a snapshot for reading, which may be up to five minutes old.
// Call done after the last read.
func (s *Service) snapshot(c Caller) (r *snapshot, done func(), err error) {
	if c.shared != nil {
		r, err = c.shared()
		return r, func() {}, err
	}
	if r, err = s.openSnapshot(); err != nil {
		return nil, nil, err
	}
	return r, func() { s.closeSnapshot(r) }, nil
}

// ownerSnapshot returns a snapshot for reading, and what the caller may do with the
// owner's consumers.
func (s *Service) ownerSnapshot(c Caller, o Owner) (r *snapshot, g access.Grant, done func(), err error) {
	if r, done, err = s.snapshot(c); err != nil {
		return nil, g, nil, err
	}
	if g, err = r.grant(c, o); err != nil {
		done()
		return nil, g, nil, err
	}
	return r, g, done, nil
}

// openSnapshot opens a snapshot. It fails if the journal has not answered for
// maxStaleAge.
func (s *Service) openSnapshot() (*snapshot, error) {
	v, err := s.Node.Projection.View()
	if err != nil {
		return nil, problem.Unavailable.WithDetail("The lists are being rebuilt. Try again in a few minutes.").WithCause(err)
	}
	r := &snapshot{View: v, state: v.Live()}
	current := v.Recorded()
	if known := s.caughtUpAt.Load(); known != nil {
		current = *known
	}
	if age := s.Now().Sub(current); age > maxFreshAge {
		r.age = age.Truncate(time.Second)
	}
	// If the journal answers but the lists lag behind it, they are shown with their age.
	if s.Now().Sub(*s.answeredAt.Load()) > maxStaleAge {
		p := problem.Unavailable.WithDetail("The ledger's journal hasn't answered for more than five minutes, so lists can't be shown. Try again shortly.")
		return nil, errors.Join(p, v.Close())
	}
	return r, nil
}

// currentSnapshot opens a snapshot for an action, a transfer or an export. It fails
// unless the snapshot shows the whole journal.
func (s *Service) currentSnapshot() (*snapshot, error) {
	if s.Violation != nil {
		if err := s.Violation(); err != nil {
			return nil, problem.Unavailable.WithRetryAfter(0).WithDetail("The ledger's journal failed an integrity check. Actions and exports are disabled until the operator has resolved this.").WithCause(err)
		}
	}
	r, err := s.openSnapshot()
	if err != nil {
		return nil, err
	}
	switch {
	case r.age > 0 || s.Node.Projection.Rebuilding():
		err = problem.Unavailable.WithCause(errors.New("the lists lag behind the journal"))
	case !r.HistoryClosed():
		// The first live event would close history before it is fully loaded.
		err = problem.Unavailable.WithDetail("The ledger's history is still being loaded. Actions and exports are disabled until it is complete.")
	}
	if err != nil {
		return nil, errors.Join(err, r.Close())
	}
	return r, nil
}

// closeSnapshot releases a snapshot. It only logs an error, because the caller
// could do nothing about it.
func (s *Service) closeSnapshot(r *snapshot) {
	if err := r.Close(); err != nil {
		s.Log.Error("closing a view", zap.Error(err))
	}
}
