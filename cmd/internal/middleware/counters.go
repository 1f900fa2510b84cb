package middleware

import (
	"math"
	"sync"
	"time"

	"golang.org/x/time/rate"
)

// maxLimiters is how many addresses or persons are counted at once. When more
// come those are forgotten that have been silent longest.
const maxLimiters = 100_000

// maxRetryAfter is what a client is told at most.
const maxRetryAfter = time.Hour

// limiters count requests by key. Those that were used since the last turn are
// young; what has not been used from one turn to the next is forgotten.
type limiters struct {
	rate Rate
	max  int
	idle time.Duration // after so long a counter is the same as a new one

	mu          sync.Mutex
	recent, old map[string]*rate.Limiter
	rotated     time.Time
}

func newLimiters(r Rate) *limiters {
	silent := time.Duration(math.Min(float64(r.Burst)/r.PerSecond*float64(time.Second), float64(math.MaxInt64/2)))
	return &limiters{rate: r, max: maxLimiters, idle: silent, recent: map[string]*rate.Limiter{}}
}

// allow counts a request as n. Requests that are refused are not counted, so that
// who keeps on asking is let through at the rate nevertheless.
func (c *limiters) allow(key string, n int, now time.Time) (bool, time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if len(c.recent) >= c.max/2 || now.Sub(c.rotated) >= c.idle {
		c.old, c.recent, c.rotated = c.recent, map[string]*rate.Limiter{}, now
	}
	one := c.recent[key]
	if one == nil {
		if one = c.old[key]; one == nil {
			one = rate.NewLimiter(rate.Limit(c.rate.PerSecond), c.rate.Burst)
		}
		delete(c.old, key)
		c.recent[key] = one
	}
	wish := one.ReserveN(now, n)
	delay := wish.DelayFrom(now)
	if delay <= 0 {
		return true, 0
	}
	wish.CancelAt(now)
	return false, (min(delay, maxRetryAfter) + time.Second - 1).Truncate(time.Second)
}
