package middleware

import (
	"container/list"
	"math"
	"sync"
	"time"

	"golang.org/x/time/rate"
)

// maxCounters is how many addresses or persons are counted at once. When more
// come the one that has been silent longest is forgotten.
const maxCounters = 100_000

// longestRetry is what a client is told at most.
const longestRetry = time.Hour

// counters count requests by key.
type counters struct {
	rate   Rate
	max    int
	silent time.Duration // after so long a counter is the same as a new one

	mu    sync.Mutex
	byKey map[string]*list.Element
	order *list.List // of *counter, the one that has been silent longest first
}

type counter struct {
	key     string
	limiter *rate.Limiter
	last    time.Time
}

func newCounters(r Rate) *counters {
	silent := time.Duration(math.Min(float64(r.Burst)/r.PerSecond*float64(time.Second), float64(math.MaxInt64/2)))
	return &counters{rate: r, max: maxCounters, silent: silent, byKey: map[string]*list.Element{}, order: list.New()}
}

// allow counts a request as n. Requests that are refused are not counted, so that
// who keeps on asking is let through at the rate nevertheless.
func (c *counters) allow(key string, n int, now time.Time) (bool, time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	element := c.byKey[key]
	if element == nil {
		c.forget(now)
		element = c.order.PushBack(&counter{key: key, limiter: rate.NewLimiter(rate.Limit(c.rate.PerSecond), c.rate.Burst)})
		c.byKey[key] = element
	}
	c.order.MoveToBack(element)
	one := element.Value.(*counter)
	one.last = now
	wish := one.limiter.ReserveN(now, n)
	delay := wish.DelayFrom(now)
	if delay <= 0 {
		return true, 0
	}
	wish.CancelAt(now)
	return false, (min(delay, longestRetry) + time.Second - 1).Truncate(time.Second)
}

// forget makes room for one more: those go that are as good as new and, where
// these are not enough, the one that has been silent longest.
func (c *counters) forget(now time.Time) {
	for front := c.order.Front(); front != nil; front = c.order.Front() {
		one := front.Value.(*counter)
		if c.order.Len() < c.max && now.Sub(one.last) < c.silent {
			return
		}
		c.order.Remove(front)
		delete(c.byKey, one.key)
	}
}
