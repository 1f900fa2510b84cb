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

// snapshot is the ledger as it was at one moment.
type snapshot struct {
	*projections.View
	state active.State
	age   time.Duration // how long ago views last showed all of the journal; 0 while they do
}

// At returns the caller with a single snapshot for everything that they read
// from now on, so that a page never mixes two. Done must be called when nothing
// more is read; later reads fail. Actions and exports use the newest state all
// the same.
func (s *Service) At(c Caller) (at Caller, done func()) {
	var once sync.Once
	var r *snapshot
	var err error
	c.shared = func() (*snapshot, error) {
		once.Do(func() { r, err = s.openSnapshot() })
		return r, err
	}
	return c, func() {
		once.Do(func() {}) // so that a later read opens nothing
		if r != nil {
			s.closeSnapshot(r)
		}
		r, err = nil, errRequestDone
	}
}

var errRequestDone = errors.New("reading the ledger: the request has been answered")

// Freshness says as of when an answer is.
type Freshness struct {
	AsOf       time.Time `json:"as_of" doc:"The recorded time of the newest record that the answer shows; the year 1 while nothing is recorded."`
	AgeSeconds int       `json:"age_seconds,omitzero" minimum:"1" doc:"How old the answer is in seconds, while the journal does not answer; absent while it does."`
}

// Age is how old the answer is, while the journal does not answer.
func (f Freshness) Age() time.Duration { return time.Duration(f.AgeSeconds) * time.Second }

func (r *snapshot) freshness() Freshness {
	return Freshness{r.Recorded(), int(r.age / time.Second)}
}

// read opens the snapshot to look at, which may be up to five minutes old. Done
// must be called when nothing more is read from it.
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

// enter is read for what is an owner's, of which the grant is what the caller
// may do with it.
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

func (s *Service) openSnapshot() (*snapshot, error) {
	v, err := s.Node.Projection.View()
	if err != nil {
		return nil, problem.Unavailable.WithDetail("The lists are being built anew. Try again in a few minutes.").WithCause(err)
	}
	r := &snapshot{View: v, state: v.Live()}
	current := v.Recorded()
	if known := s.caughtUpAt.Load(); known != nil {
		current = *known
	}
	if age := s.Now().Sub(current); age > maxFreshAge {
		r.age = age.Truncate(time.Second)
	}
	// Lists that lag behind a journal that answers are shown with their age.
	if s.Now().Sub(*s.answeredAt.Load()) > maxStaleAge {
		p := problem.Unavailable.WithDetail("The ledger's journal has not answered for more than five minutes, so no list is shown. Try again in a little while.")
		return nil, errors.Join(p, v.Close())
	}
	return r, nil
}

// readNow opens a snapshot to act upon, which must show all of the journal.
func (s *Service) currentSnapshot() (*snapshot, error) {
	if s.Violation != nil {
		if err := s.Violation(); err != nil {
			return nil, problem.Unavailable.WithRetryAfter(0).WithDetail("The ledger's journal is not as it was recorded. Nothing can be done or taken until the operator has seen to it.").WithCause(err)
		}
	}
	r, err := s.openSnapshot()
	if err != nil {
		return nil, err
	}
	switch {
	case r.age > 0 || s.Node.Projection.Rebuilding():
		err = problem.Unavailable.WithCause(errors.New("the lists are not up to the journal"))
	case !r.HistoryClosed():
		// The first live delegation would close history for whoever loads it.
		err = problem.Unavailable.WithDetail("The ledger's history is still being loaded. Nothing can be done or taken until that is over.")
	}
	if err != nil {
		return nil, errors.Join(err, r.Close())
	}
	return r, nil
}

// close releases a snapshot. A failure is logged; the caller could do nothing
// about it.
func (s *Service) closeSnapshot(r *snapshot) {
	if err := r.Close(); err != nil {
		s.Log.Error("closing a view", zap.Error(err))
	}
}
