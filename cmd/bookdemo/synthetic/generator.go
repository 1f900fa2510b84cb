package synthetic

import (
	"container/heap"
	"time"

	"bookledger/events"
)

// stage is how far a case's newest application has come.
type stage uint8

const (
	stageNotStarted stage = iota
	stageInProgress
	stageSubmitted
	stageDetermined
	stagePlan
	stageEnrolled
	stageEnded
)

// caseState is what is kept of a case, so that what is said of it next fits
// what was said before.
type caseState struct {
	index       int
	holder      int         // the agent who holds the case, or nobody
	pending     [2]int      // the agents with a pending request, or nobody
	year        int         // of the newest application
	size        int         // members that there have been
	submitted   events.Date // the newest application
	start       events.Date // of the coverage of the newest enrollment
	end         events.Date // of the coverage, if it is not the year's end
	stage       stage
	kind        kind
	listed      uint8 // the members listed now, a bit each
	address     uint8 // how often the address has changed
	contact     uint8 // phone and e-mail
	eligibility uint8 // eligibility
	planChoice  uint8 // the plan
	inactive    bool  // the holder has marked the case inactive
	closed      bool
	verified    bool // nothing is left to verify
	dental      bool // there is dental coverage too
	cancelled   bool // the coverage that ended never took effect
	passive     bool // the enrollment is a passive renewal
}

func (c *caseState) lists(j int) bool { return c.listed&(1<<j) != 0 }

// protected are the cases with which nothing happens after the conversion:
// the job aid's, and one that the second agent can count on.
const protected = 2

// generator is a history as it is made: the state so far, what is planned, and
// the time, in milliseconds since 1970.
type generator struct {
	config      Config
	yield       func(TimedEvent) bool
	stopped     bool // yield wants no more
	zone        *time.Location
	roster      *roster
	active      []int // consumers of each agent who are active and not closed
	decertified int   // the agent who was decertified, or nobody
	cases       []*caseState
	household   household // worked out last
	birthYear   int       // what ages are counted from
	dice        dice
	queue       queue
	schedules   uint64 // steps so far
	emitted     uint64 // events so far
	batches     int
	begin       int64 // the cutoff with which the world begins
	last        int64 // the last cutoff
	until       int64
	now         int64 // when the last event was recorded
	pace        int   // the most milliseconds between two events of one step
	first       bool  // the next event is the first of its step
}

func newGenerator(c Config, yield func(TimedEvent) bool) *generator {
	calendar, last := events.DefaultCalendar(), c.LastFriday()
	begin := calendar.Cutoff(last.AddDays(-7 * c.Weeks))
	return &generator{
		config: c, yield: yield, zone: calendar.Zone(), roster: newRoster(c), active: make([]int, c.Agents), decertified: nobody,
		household: household{caseIndex: -1}, birthYear: calendar.Day(begin).Year(), dice: newDice(c.Seed, streamHistory, 0),
		begin: begin.UnixMilli(), last: calendar.Cutoff(last).UnixMilli(), now: begin.UnixMilli(), until: c.Until.UnixMilli(),
		pace: max(1, min(400, 200_000_000/(c.Consumers*10+c.Agents*2+1))),
	}
}

// step is something that can happen. It looks itself whether it still can.
type step func(*generator)

type scheduled struct {
	at    int64
	order uint64
	do    step
}

// queue is the heap of what is planned, by time and order of planning.
type queue []scheduled

func (q queue) Len() int { return len(q) }
func (q queue) Less(a, b int) bool {
	return q[a].at < q[b].at || q[a].at == q[b].at && q[a].order < q[b].order
}
func (q queue) Swap(a, b int) { q[a], q[b] = q[b], q[a] }

// Push is for package heap.
func (q *queue) Push(x any) { *q = append(*q, x.(scheduled)) }

// Pop is for package heap.
func (q *queue) Pop() any {
	last := len(*q) - 1
	p := (*q)[last]
	*q = (*q)[:last]
	return p
}

// plan lets something happen at a time, if history goes that far.
func (g *generator) schedule(at int64, do step) {
	if at > g.until {
		return
	}
	g.schedules++
	heap.Push(&g.queue, scheduled{at, g.schedules, do})
}

// play makes the whole history. Agencies and cases come over from the system
// before in the first days. After that, what happens in each week is planned, and
// then happens.
func (g *generator) run() {
	g.schedule(g.begin+10*oneHour, (*generator).openAgencies)
	if g.config.Consumers > 0 {
		g.schedule(g.conversionAt(0), (*generator).convertCase)
	}
	from := g.begin + conversionBegins + conversionTakes
	first := g.config.LastFriday().AddDays(-7 * g.config.Weeks)
	for week := range g.config.Weeks + 1 {
		to := min(events.DefaultCalendar().Cutoff(first.AddDays(7*week+7)).UnixMilli(), g.until)
		if from < to {
			g.scheduleWeek(week, from, to)
		}
		for len(g.queue) > 0 && g.queue[0].at <= to && !g.stopped {
			p := heap.Pop(&g.queue).(scheduled)
			g.now, g.first = max(g.now, p.at), true
			p.do(g)
		}
		from = to
	}
}

// say records an event.
func (g *generator) emit(data events.Data) { g.emitAs("", "", data) }

// sayAs records an event in which a person acted.
func (g *generator) emitAs(actor, role string, data events.Data) {
	if g.stopped {
		return
	}
	if !g.first {
		g.now = min(g.now+1+int64(g.dice.below(g.pace)), g.until)
	}
	g.first = false
	lag := int64(g.dice.between(40, 1_500))
	if g.dice.chance(30) {
		lag = int64(g.dice.between(2_000, 90_000))
	}
	g.emitted++
	g.stopped = !g.yield(TimedEvent{
		Recorded: time.UnixMilli(g.now).UTC(),
		Event: events.Event{
			ID: eventID(g.config.Seed, g.emitted, g.now-lag), Source: source, Type: events.TypeOf(data),
			Time: time.UnixMilli(g.now - lag).In(g.zone), ActorID: actor, ActorRole: role, Data: data,
		},
	})
}

// today is the Pacific date.
func (g *generator) today() events.Date { return events.DateOf(time.UnixMilli(g.now).In(g.zone)) }
