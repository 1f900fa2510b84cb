package identity

import (
	"context"
	"maps"
	"sync"
	"time"

	"github.com/alexedwards/scs/v2"
)

// sessionStore keeps sessions in memory, by the hash of their id. It adds a
// session only for a request that signed a person in. So a request in progress
// cannot restore a session that has ended, and strangers leave no sessions.
type sessionStore struct {
	scs.Store // nil: scs calls the methods with a context where a store has them

	idle time.Duration
	now  func() time.Time

	mu       sync.Mutex
	sessions map[string]*session
	swept    time.Time
}

type session struct {
	data     []byte
	idle     time.Time // extended by requests
	absolute time.Time
}

func (s *session) expired(now time.Time) bool {
	return !now.Before(s.idle) || !now.Before(s.absolute)
}

// sweepInterval is how often ended sessions are removed. Finding a session that
// has ended removes it at once.
const sweepInterval = time.Minute

// FindCtx returns the data of a session that has not ended, and extends it.
func (k *sessionStore) FindCtx(ctx context.Context, token string) ([]byte, bool, error) {
	v := sessionRequestOf(ctx)
	now := k.now()
	k.mu.Lock()
	defer k.mu.Unlock()
	s, found := k.sessions[token]
	if !found {
		return nil, false, nil
	}
	if s.expired(now) {
		delete(k.sessions, token)
		return nil, false, nil
	}
	if !v.background {
		s.idle = now.Add(k.idle)
	}
	v.idle = s.idle
	return s.data, true, nil
}

// CommitCtx saves the changes of a request. It does not restore a session that
// has ended.
func (k *sessionStore) CommitCtx(ctx context.Context, token string, data []byte, absolute time.Time) error {
	v := sessionRequestOf(ctx)
	now := k.now()
	k.mu.Lock()
	defer k.mu.Unlock()
	if s, found := k.sessions[token]; found {
		s.data, s.absolute = data, absolute
		return nil
	}
	if !v.opened {
		return nil
	}
	k.sweep(now)
	k.sessions[token] = &session{data, now.Add(k.idle), absolute}
	return nil
}

func (k *sessionStore) sweep(now time.Time) {
	if now.Sub(k.swept) < sweepInterval {
		return
	}
	k.swept = now
	maps.DeleteFunc(k.sessions, func(_ string, s *session) bool { return s.expired(now) })
}

// DeleteCtx ends a session.
func (k *sessionStore) DeleteCtx(_ context.Context, token string) error {
	k.mu.Lock()
	defer k.mu.Unlock()
	delete(k.sessions, token)
	return nil
}
