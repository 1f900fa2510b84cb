package service

import (
	"context"
	"sync/atomic"
	"time"

	"go.uber.org/zap"
	"golang.org/x/sync/semaphore"

	"bookledger/cmd/internal/accesslog"
	"bookledger/cmd/internal/exportlimit"
	"bookledger/cmd/internal/node"
	"bookledger/cmd/internal/problem"
	"bookledger/projections/access"
)

// Options are what a service works with. All but MayWrite and Violation must be set.
type Options struct {
	Node          *node.Node
	Limiter       *exportlimit.Limiter
	AccessLog     *accesslog.Log
	RecentFridays int // how many of the last Fridays an agent may take
	Log           *zap.Logger
	Now           func() time.Time
	// MayWrite tells whether a person may write to the journal now or, where
	// they have done so too often, when again; nil: always. What is written
	// stays for good.
	// Cost is how much it is, 1 for an event or two.
	MayWrite func(person string, cost int) (ok bool, retryAfter time.Duration)
	// Violation returns how the journal differs from what was applied, nil while
	// it does not. While it differs nothing can be done or taken. Where Violation
	// itself is nil, the journal never differs.
	Violation func() error
}

// Service does what people ask. It can be used by several goroutines at once.
type Service struct {
	Options
	caughtUpAt  atomic.Pointer[time.Time] // when views last showed all of the journal; nil is never
	answeredAt atomic.Pointer[time.Time] // when the journal last answered, or the service began
	denials *semaphore.Weighted       // holds one for each refused export that is being recorded after its answer
	sizes    sizes
	hashing  *semaphore.Weighted // holds one while the state is hashed
	auditing *semaphore.Weighted // holds one while a case is explained or books are compared
}

// New makes a service. Run must be running while it is used.
func New(o Options) *Service {
	now := o.Now()
	s := &Service{
		Options: o, denials: semaphore.NewWeighted(maxDenials), hashing: semaphore.NewWeighted(1), auditing: semaphore.NewWeighted(1),
	}
	s.answeredAt.Store(&now)
	return s
}

// Caller is who asks, and from where.
type Caller struct {
	access.Person
	Via     string // "portal" or "api"
	Address string // of the network

	shared func() (*snapshot, error) // the snapshot that all their reads share; nil: each read opens its own
}

// Owner is whose lists and books are asked for.
type Owner = access.Owner

const (
	// watchEvery is how often it is seen whether the journal answers.
	checkInterval = time.Second
	// actTime bounds how long an action may take.
	actionTimeout = 15 * time.Second
	// freshFor is how old a list may be without saying so.
	maxFreshAge = 5 * time.Second
	// maxRefusals is how many refused exports are recorded at once.
	maxDenials = 16
	// staleFor is how long lists are shown while the journal does not answer.
	maxStaleAge = 5 * time.Minute
)

// Run keeps watch whether the journal answers, until ctx ends; it returns when
// nothing goes on any more.
func (s *Service) Run(ctx context.Context) {
	defer func() { _ = s.denials.Acquire(context.Background(), maxDenials) }() // none begins any more
	ticker := time.NewTicker(checkInterval)
	defer ticker.Stop()
	for {
		s.checkJournal(ctx)
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
	}
}

// look notes the time if the journal answers, and if views show all that it
// holds. An answer that is later than lists may be old is of no use.
func (s *Service) checkJournal(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, maxFreshAge)
	defer cancel()
	now := s.Now()
	last, err := s.Node.Journal.Last(ctx)
	if err != nil {
		return
	}
	s.answeredAt.Store(&now)
	if s.Node.Projection.WaitFollowing(ctx) != nil {
		return // a journal that may be another says nothing of what views show
	}
	if _, _, err := s.Node.Projection.WaitFor(ctx, last); err == nil {
		s.caughtUpAt.Store(&now)
	}
}

// noteLook writes a look to the access log, without which nothing is shown.
func (s *Service) logAccess(c Caller, role access.Role, what string, o Owner, caseID string) error {
	err := s.AccessLog.Write(accesslog.Entry{
		Time: s.Now(), Person: c.ID, Role: string(role), What: what, Agent: o.Agent, Agency: o.Agency, Case: caseID,
		Via: c.Via, Address: c.Address,
	})
	if err != nil {
		return problem.Unavailable.WithDetail("The access log cannot be written, so nothing is shown. Tell the operator.").WithCause(err)
	}
	return nil
}

// mayWrite refuses who writes to the journal too often.
func (s *Service) limitWrites(c Caller, cost int) error {
	if s.MayWrite == nil {
		return nil
	}
	ok, retryAfter := s.MayWrite(c.ID, cost)
	if ok {
		return nil
	}
	return problem.TooMany.WithRetryAfter(retryAfter)
}
