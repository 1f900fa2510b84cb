package synthetic

import "bookledger/events"

// origin is how a case comes into the world.
type origin uint8

const (
	conversion origin = iota // from the system before, with all that it has
	newcomer                 // as a new application
	live                     // as a new application, made in one go
)

// open lets the next case come into the world.
func (w *world) open(from origin) {
	i := len(w.cases)
	w.cases = append(w.cases, caseState{})
	c := &w.cases[i]
	if i == 0 {
		w.openTraining(c)
		return
	}
	h := w.home(i)
	c.size, c.kind = uint8(h.size), h.kind
	c.set(flagDental, h.dental)
	early := w.dice.chance(40) // the delegation is known before its consumer
	if early {
		w.delegate(i, from)
	}
	w.say(w.householdSection(i, c))
	w.openApplications(i, c, from)
	if !early {
		w.delegate(i, from)
	}
}

// openTraining is the job aid's own case: a household, an application that
// has not been started, an agent, and nothing else.
func (w *world) openTraining(c *caseState) {
	c.year = uint16(w.today().Year())
	w.say(w.householdSection(0, c))
	w.say(w.applicationSection(0, c))
	w.created(0, 0, "conversion")
}

// openApplications says how far the case is.
func (w *world) openApplications(i int, c *caseState, from origin) {
	year, season := w.today().Year(), w.season(w.now)
	c.stage = w.openingStage(from)
	if from != conversion && season > 0 && (season == 1000 || w.dice.chance(600)) {
		year++
	}
	w.listMembers(i, c)
	w.openYear(i, c, year, from)
	if from == conversion && c.inForce() && w.dice.below(1000) < season {
		w.renew(int32(i), -1)
	}
	if from == newcomer && c.stage < stageEnrolled {
		at := w.now
		for range stageEnrolled - c.stage {
			at += int64(w.dice.between(2*60, 6*24*60)) * oneMinute
			w.plan(at, (*world).progressOf, int32(i), -1)
		}
	}
}

func (w *world) openingStage(from origin) stage {
	switch from {
	case conversion:
		return stage(w.dice.weighted(30, 30, 30, 45, 40, 785, 40))
	case newcomer:
		return stage(w.dice.weighted(6, 28, 26, 22, 12, 6))
	}
	return stageEnrolled
}

// listMembers records the members that are known at the case's stage and not
// listed yet: before an application is begun, none; before it is submitted,
// perhaps not all.
func (w *world) listMembers(i int, c *caseState) {
	for j := range int(c.size) {
		known := c.stage >= stageSubmitted || c.stage == stageInProgress && (j == 0 || w.dice.chance(500))
		if known && !c.lists(j) {
			c.listed |= 1 << j
			w.say(w.memberSection(i, j))
		}
	}
}

// openYear says a case's application for a year, and what has followed from
// it.
func (w *world) openYear(i int, c *caseState, year int, from origin) {
	today := w.today()
	c.year = uint16(year)
	c.start = w.coverageStart(c, year, from)
	if c.stage >= stageSubmitted {
		c.submitted = today
		if from == conversion {
			c.submitted = min(today, c.start).AddDays(-w.dice.between(3, 60))
		}
	}
	if !w.covers(i, c) && c.stage > stageDetermined {
		c.stage = stageDetermined
	}
	c.set(flagCancelled, w.dice.chance(400))
	if c.stage == stageEnded {
		c.end = max(lastOfMonth(c.start), lastOfMonth(today.AddDays(-20)))
	}
	w.say(w.applicationSection(i, c))
	if c.stage >= stageDetermined {
		w.determineAll(i, c)
	}
	if c.stage >= stagePlan {
		w.enroll(i, c)
	}
}

// coverageStart is the first day of coverage: the year's, a month's since
// then, or for those who come now the next month's.
func (w *world) coverageStart(c *caseState, year int, from origin) events.Date {
	newYear := events.Date(year*10_000 + 101)
	next := firstOf(w.today(), 1)
	if from != conversion || c.stage < stageEnrolled {
		if next.Year() > year {
			return firstOf(w.today(), 0)
		}
		return max(newYear, next)
	}
	if w.dice.chance(650) {
		return newYear
	}
	return firstOf(newYear, w.dice.below(w.today().Month()))
}
