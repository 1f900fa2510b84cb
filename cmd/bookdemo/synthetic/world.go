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
	holder    int32    // the agent who holds the case and 1; 0 is nobody
	pending   [2]int32 // the agents with a pending request, and 1
	submitted events.Date
	start     events.Date // of the coverage of the newest enrollment
	end       events.Date // of the coverage, if it is not the year's end
	year      uint16      // of the newest application
	stage     stage
	kind      kind
	size      uint8 // members that there have been
	listed    uint8 // the members listed now, a bit each
	address   uint8 // how often the address has changed
	contact   uint8 // phone and e-mail
	finding   uint8 // eligibility
	choice    uint8 // the plan
	flags     uint8
}

const (
	flagInactive  = 1 << iota // the holder has marked the case inactive
	flagClosed                // the case is closed
	flagVerified              // nothing is left to verify
	flagDental                // there is dental coverage too
	flagCancelled             // the coverage that ended never took effect
	flagPassive               // the enrollment is a passive renewal
)

func (c *caseState) is(flag uint8) bool { return c.flags&flag != 0 }

func (c *caseState) set(flag uint8, to bool) {
	c.flags &^= flag
	if to {
		c.flags |= flag
	}
}

func (c *caseState) lists(j int) bool { return c.listed&(1<<j) != 0 }

// protected are the cases with which nothing happens after the conversion:
// the job aid's, and one that the second agent can count on.
const protected = 2

// world is a history as it is made: the state so far, what is planned, and
// the time, in milliseconds since 1970.
type world struct {
	c         Config
	yield     func(Item) error
	err       error
	zone      *time.Location
	roster    *rosterOf
	agency    []int32 // of each agent now
	active    []int32 // consumers of each agent who are active and not closed
	gone      int32   // the agent who was decertified, or -1
	cases     []caseState
	household household // worked out last
	birthYear int       // what ages are counted from
	dice      dice
	queue     queue
	planned   uint64 // steps so far
	said      uint64 // events so far
	batches   int
	begin     int64 // the cutoff with which the world begins
	last      int64 // the last cutoff
	until     int64
	now       int64 // when the last event was recorded
	pace      int   // the most milliseconds between two events of one step
	first     bool  // the next event is the first of its step
}

func newWorld(c Config, yield func(Item) error) *world {
	calendar := c.calendar()
	last := calendar.FridayOf(c.Until)
	if calendar.Cutoff(last).After(c.Until) {
		last = calendar.Previous(last)
	}
	begin := calendar.Cutoff(last.AddDays(-7 * c.Weeks))
	w := &world{
		c: c, yield: yield, zone: calendar.Zone(), roster: roster(c), gone: -1,
		household: household{of: -1}, birthYear: calendar.Day(begin).Year(), dice: newDice(c.Seed, streamHistory, 0),
		begin: begin.UnixMilli(), last: calendar.Cutoff(last).UnixMilli(), now: begin.UnixMilli(), until: c.Until.UnixMilli(),
		pace: max(1, min(400, 200_000_000/(c.Consumers*10+c.Agents*2+1))),
	}
	w.cases = make([]caseState, 0, c.Consumers)
	w.active = make([]int32, c.Agents)
	w.agency = make([]int32, c.Agents)
	for i, a := range w.roster.agents {
		w.agency[i] = int32(a.agency)
	}
	return w
}

// step is something that can happen. It is told the case and the agent that
// it was planned for, or -1, and looks itself whether it still can.
type step func(w *world, i, agent int32)

type plan struct {
	at       int64
	order    uint64
	do       step
	i, agent int32
}

// queue is the heap of what is planned, by time and order of planning.
type queue []plan

func (q queue) Len() int { return len(q) }
func (q queue) Less(a, b int) bool {
	return q[a].at < q[b].at || q[a].at == q[b].at && q[a].order < q[b].order
}
func (q queue) Swap(a, b int) { q[a], q[b] = q[b], q[a] }

// Push is for package heap.
func (q *queue) Push(x any) { *q = append(*q, x.(plan)) }

// Pop is for package heap.
func (q *queue) Pop() any {
	last := len(*q) - 1
	p := (*q)[last]
	*q = (*q)[:last]
	return p
}

// plan lets something happen at a time, if history goes that far.
func (w *world) plan(at int64, do step, i, agent int32) {
	if at > w.until {
		return
	}
	w.planned++
	heap.Push(&w.queue, plan{at: at, order: w.planned, do: do, i: i, agent: agent})
}

// run lets happen what is planned up to a time.
func (w *world) run(to int64) error {
	for len(w.queue) > 0 && w.queue[0].at <= to {
		p := heap.Pop(&w.queue).(plan)
		w.now, w.first = max(w.now, p.at), true
		if p.do(w, p.i, p.agent); w.err != nil {
			return w.err
		}
	}
	return nil
}

// play makes the whole history: week by week what happens is planned, and
// then happens.
func (w *world) play() error {
	cutoff := time.UnixMilli(w.begin)
	from := w.begin
	for week := range w.c.Weeks + 1 {
		cutoff = w.c.calendar().Cutoff(events.DateOf(cutoff.In(w.zone)).AddDays(7))
		to := min(cutoff.UnixMilli(), w.until)
		begin := from
		if week == 0 {
			begin = w.planConversion()
		}
		if begin < to {
			w.planWeek(week, begin, to)
		}
		if err := w.run(to); err != nil {
			return err
		}
		from = to
	}
	return nil
}

// say records an event.
func (w *world) say(data events.Data) { w.sayAs("", "", data) }

// sayAs records an event in which a person acted.
func (w *world) sayAs(actor, role string, data events.Data) {
	if w.err != nil {
		return
	}
	if !w.first {
		w.now = min(w.now+1+int64(w.dice.below(w.pace)), w.until)
	}
	w.first = false
	lag := int64(w.dice.between(40, 1_500))
	if w.dice.chance(30) {
		lag = int64(w.dice.between(2_000, 90_000))
	}
	w.said++
	w.err = w.yield(Item{
		Recorded: time.UnixMilli(w.now).UTC(),
		Event: events.Event{
			ID: eventID(w.c.Seed, w.said, w.now-lag), Source: source, Type: events.TypeOf(data),
			Time: time.UnixMilli(w.now - lag).In(w.zone), ActorID: actor, ActorRole: role, Data: data,
		},
	})
}

// today is the Pacific date.
func (w *world) today() events.Date { return events.DateOf(time.UnixMilli(w.now).In(w.zone)) }
