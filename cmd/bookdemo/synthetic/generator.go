package synthetic

import (
	"container/heap"
	"time"

	"bookledger/events"
)

// stage is the progress of a case's newest application.
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

// caseState is the state of a case that the next event about it must fit.
type caseState struct {
	index       int
	holder      int         // the agent who holds the case, or nobody
	pending     [2]int      // the agents with a pending request, or nobody
	year        int         // the year of the newest application
	size        int         // number of members so far, including removed ones
	submitted   events.Date // when the newest application was submitted
	start       events.Date // start of the newest coverage
	end         events.Date // end of the coverage, if it is not the end of the year
	stage       stage
	kind        kind
	listed      uint8 // the listed members, one bit each
	address     uint8 // number of address changes
	contact     uint8 // number of changes of phone and email
	eligibility uint8 // number of eligibility determinations after the first
	planChoice  uint8 // number of plan changes
	inactive    bool  // the holder has marked the case inactive
	closed      bool
	verified    bool // all eligibility is verified
	dental      bool // has dental coverage, too
	cancelled   bool // the ended coverage never took effect
	passive     bool // the enrollment was renewed passively
}

// lists reports whether member j is listed.
func (c *caseState) lists(j int) bool { return c.listed&(1<<j) != 0 }

// protected is the number of cases that never change after the conversion: that of
// the job aid, and one that the second agent always has.
const protected = 2

// generator is the state of a history in progress. All times are in milliseconds
// since 1970.
type generator struct {
	config      Config
	yield       func(TimedEvent) bool
	stopped     bool // yield returned false
	zone        *time.Location
	roster      *roster
	active      []int // number of active, open cases of each agent
	decertified int   // the decertified agent, or nobody
	cases       []*caseState
	household   household // the most recently computed household
	birthYear   int       // the year in which ages are counted
	dice        dice
	queue       queue
	schedules   uint64 // number of scheduled steps
	emitted     uint64 // number of emitted events
	batches     int
	begin       int64 // the cutoff at which history starts
	last        int64 // the last cutoff
	until       int64
	now         int64 // recorded time of the last event
	pace        int   // maximum time between two events of one step
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

// step changes the state and emits events. If it is no longer possible, it does
// nothing.
type step func(*generator)

type scheduled struct {
	at    int64
	order uint64
	do    step
}

// queue is a heap of scheduled steps, ordered by time, then by order of scheduling.
type queue []scheduled

func (q queue) Len() int { return len(q) }
func (q queue) Less(a, b int) bool {
	return q[a].at < q[b].at || q[a].at == q[b].at && q[a].order < q[b].order
}
func (q queue) Swap(a, b int) { q[a], q[b] = q[b], q[a] }

// Push implements heap.Interface.
func (q *queue) Push(x any) { *q = append(*q, x.(scheduled)) }

// Pop implements heap.Interface.
func (q *queue) Pop() any {
	last := len(*q) - 1
	p := (*q)[last]
	*q = (*q)[:last]
	return p
}

// schedule schedules a step, unless it is after the end of history.
func (g *generator) schedule(at int64, do step) {
	if at > g.until {
		return
	}
	g.schedules++
	heap.Push(&g.queue, scheduled{at, g.schedules, do})
}

// run generates the whole history. In the first days, agencies and cases are
// converted from the previous system. After that, it schedules and runs the steps of
// each week.
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

// emit emits an event without an actor.
func (g *generator) emit(data events.Data) { g.emitAs("", "", data) }

// emitAs emits an event with an actor.
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

// today returns the current date in Pacific time.
func (g *generator) today() events.Date { return events.DateOf(time.UnixMilli(g.now).In(g.zone)) }
