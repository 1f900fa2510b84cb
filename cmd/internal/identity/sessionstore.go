package identity

import (
	"context"
	"maps"
	"sync"
	"time"

	"github.com/alexedwards/scs/v2"
)

// sessionStore holds the sessions: in memory, by the hash of their id. It takes in
// only what a sign-in has opened. So a request that was under way when its
// session ended cannot bring it back, and strangers leave nothing behind.
type sessionStore struct {
	scs.Store // nil: scs asks with a request's context wherever a store takes one

	idle time.Duration
	now  func() time.Time

	mu       sync.Mutex
	sessions map[string]*session
	swept    time.Time
}

type session struct {
	data     []byte
	idle     time.Time // prolonged by requests
	absolute time.Time
}

func (s *session) expired(now time.Time) bool {
	return !now.Before(s.idle) || !now.Before(s.absolute)
}

// sweepInterval is how often sessions that have ended are looked for. One that is
// asked for is found to have ended at once.
const sweepInterval = time.Minute

// FindCtx returns the data of a session that has not ended, and prolongs it.
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

// CommitCtx keeps what a request has changed. A session that has ended stays
// so.
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
