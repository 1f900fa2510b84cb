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

// Options configures a Service. All fields except MayWrite and Violation are
// required.
type Options struct {
	Node          *node.Node
	Limiter       *exportlimit.Limiter
	AccessLog     *accesslog.Log
	RecentFridays int // the number of past Fridays whose books an agent may download
	Log           *zap.Logger
	Now           func() time.Time
	// MayWrite limits how often a person writes to the journal, which can never
	// shrink. It reports whether the person may write now, and otherwise how long
	// to wait. An event or two cost 1. If MayWrite is nil, there is no limit.
	MayWrite func(person string, cost int) (ok bool, retryAfter time.Duration)
	// Violation returns the current integrity violation, or nil. During a
	// violation, the service refuses actions, transfers and exports. If Violation
	// is nil, no violation is ever reported.
	Violation func() error
}

// Service implements the use cases of the portal and the API. It is safe for
// concurrent use.
type Service struct {
	Options
	caughtUpAt atomic.Pointer[time.Time] // when views last showed the whole journal; nil if never
	answeredAt atomic.Pointer[time.Time] // when the journal last answered, initially the start time
	denials    *semaphore.Weighted       // one for each denied export that is being recorded in the background
	sizes      sizes
	hashing    *semaphore.Weighted // held while the state is hashed
	auditing   *semaphore.Weighted // held while a case is explained or books are compared
}

// New returns a service. While the service is in use, Run must be running.
func New(o Options) *Service {
	now := o.Now()
	s := &Service{
		Options: o, denials: semaphore.NewWeighted(maxDenials), hashing: semaphore.NewWeighted(1), auditing: semaphore.NewWeighted(1),
	}
	s.answeredAt.Store(&now)
	return s
}

// Caller is the person who makes a request, and where the request comes from.
type Caller struct {
	access.Person
	Via     string // "portal" or "api"
	Address string // the network address

	shared func() (*snapshot, error) // returns the snapshot that all reads share; nil if each read opens its own
}

// Owner is the agent or agency whose lists and books are requested.
type Owner = access.Owner

const (
	// checkInterval is the time between checks of the journal.
	checkInterval = time.Second
	// actionTimeout limits an action, including the wait for the lists.
	actionTimeout = 15 * time.Second
	// maxFreshAge is the age up to which a list does not show its age.
	maxFreshAge = 5 * time.Second
	// maxDenials is the most denied exports that are recorded at once.
	maxDenials = 16
	// maxStaleAge is how long lists are shown while the journal does not answer.
	maxStaleAge = 5 * time.Minute
)

// Run checks every second whether the journal answers. It returns when ctx ends
// and all denied exports are recorded.
func (s *Service) Run(ctx context.Context) {
	defer func() { _ = s.denials.Acquire(context.Background(), maxDenials) }() // wait for the denials that are being recorded
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

// checkJournal stores the time if the journal answers, and if views show all of
// it. An answer that takes longer than maxFreshAge would not help.
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
		return // not following: this may be a different journal
	}
	if _, _, err := s.Node.Projection.WaitFor(ctx, last); err == nil {
		s.caughtUpAt.Store(&now)
	}
}

// logAccess writes an entry to the access log. If this fails, nothing may be shown.
func (s *Service) logAccess(c Caller, role access.Role, what string, o Owner, caseID string) error {
	err := s.AccessLog.Write(accesslog.Entry{
		Time: s.Now(), Person: c.ID, Role: string(role), What: what, Agent: o.Agent, Agency: o.Agency, Case: caseID,
		Via: c.Via, Address: c.Address,
	})
	if err != nil {
		return problem.Unavailable.WithDetail("The access log can't be written, so consumer data can't be shown. Contact the operator.").WithCause(err)
	}
	return nil
}

// limitWrites returns problem.TooMany if the caller writes to the journal too often.
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
