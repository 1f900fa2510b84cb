package middleware

import (
	"math"
	"sync"
	"time"

	"golang.org/x/time/rate"
)

// maxLimiters is the number of addresses or persons that are counted at the same time.
// If there are more, those without requests for the longest time are forgotten.
const maxLimiters = 100_000

// maxRetryAfter is the longest wait that a client is asked for.
const maxRetryAfter = time.Hour

// limiters are rate limiters by key. From time to time, the recent ones become old and
// the old ones are dropped. A limiter that is used becomes recent again.
type limiters struct {
	rate Rate
	max  int
	idle time.Duration // after this time without requests, a limiter equals a new one

	mu          sync.Mutex
	recent, old map[string]*rate.Limiter
	rotated     time.Time
}

func newLimiters(r Rate) *limiters {
	idle := time.Duration(math.Min(float64(r.Burst)/r.PerSecond*float64(time.Second), float64(math.MaxInt64/2)))
	return &limiters{rate: r, max: maxLimiters, idle: idle, recent: map[string]*rate.Limiter{}}
}

// allow counts a request with cost n. If there are too many, it returns false and the time
// to wait, in whole seconds. Refused requests are not counted, so a client that keeps
// trying still gets its rate.
func (l *limiters) allow(key string, n int, now time.Time) (bool, time.Duration) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if len(l.recent) >= l.max/2 || now.Sub(l.rotated) >= l.idle {
		l.old, l.recent, l.rotated = l.recent, map[string]*rate.Limiter{}, now
	}
	limiter := l.recent[key]
	if limiter == nil {
		if limiter = l.old[key]; limiter == nil {
			limiter = rate.NewLimiter(rate.Limit(l.rate.PerSecond), l.rate.Burst)
		}
		delete(l.old, key)
		l.recent[key] = limiter
	}
	reservation := limiter.ReserveN(now, n)
	delay := reservation.DelayFrom(now)
	if delay <= 0 {
		return true, 0
	}
	reservation.CancelAt(now)
	return false, (min(delay, maxRetryAfter) + time.Second - 1).Truncate(time.Second)
}
