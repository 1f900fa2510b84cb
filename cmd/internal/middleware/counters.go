package middleware

import (
	"math"
	"sync"
	"time"

	"golang.org/x/time/rate"
)

// maxCounters is how many addresses or persons are counted at once. When more
// come those are forgotten that have been silent longest.
const maxCounters = 100_000

// longestRetry is what a client is told at most.
const longestRetry = time.Hour

// counters count requests by key. Those that were used since the last turn are
// young; what has not been used from one turn to the next is forgotten.
type counters struct {
	rate   Rate
	max    int
	silent time.Duration // after so long a counter is the same as a new one

	mu         sync.Mutex
	young, old map[string]*rate.Limiter
	turned     time.Time
}

func newCounters(r Rate) *counters {
	silent := time.Duration(math.Min(float64(r.Burst)/r.PerSecond*float64(time.Second), float64(math.MaxInt64/2)))
	return &counters{rate: r, max: maxCounters, silent: silent, young: map[string]*rate.Limiter{}}
}

// allow counts a request as n. Requests that are refused are not counted, so that
// who keeps on asking is let through at the rate nevertheless.
func (c *counters) allow(key string, n int, now time.Time) (bool, time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if len(c.young) >= c.max/2 || now.Sub(c.turned) >= c.silent {
		c.old, c.young, c.turned = c.young, map[string]*rate.Limiter{}, now
	}
	one := c.young[key]
	if one == nil {
		if one = c.old[key]; one == nil {
			one = rate.NewLimiter(rate.Limit(c.rate.PerSecond), c.rate.Burst)
		}
		delete(c.old, key)
		c.young[key] = one
	}
	wish := one.ReserveN(now, n)
	delay := wish.DelayFrom(now)
	if delay <= 0 {
		return true, 0
	}
	wish.CancelAt(now)
	return false, (min(delay, longestRetry) + time.Second - 1).Truncate(time.Second)
}
