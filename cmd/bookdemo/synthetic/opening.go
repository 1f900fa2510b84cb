package synthetic

// origin is how a case comes into the world.
type origin uint8

const (
	conversion origin = iota // from the system before, with all that it has
	newcomer                 // as a new application
	live                     // as a new application, made in one go
)

// open lets the next case come into the world. The first is the job aid's: a
// household, an application that has not been started, an agent, and nothing
// else.
func (w *generator) open(from origin) *caseState {
	c := &caseState{index: len(w.cases), holder: nobody, pending: [2]int{nobody, nobody}}
	w.cases = append(w.cases, c)
	if c.index == 0 {
		c.year = w.today().Year()
		w.say(w.householdSection(c))
		w.say(w.applicationSection(c))
		w.created(c, 0, "conversion")
		return c
	}
	h := w.home(c)
	c.size, c.kind, c.dental = h.size, h.kind, h.dental
	early := w.dice.chance(40) // the delegation is known before its consumer
	if early {
		w.delegate(c, from)
	}
	w.say(w.householdSection(c))
	w.openApplications(c, from)
	if !early {
		w.delegate(c, from)
	}
	return c
}

// openApplications says how far the case is, and what has followed from that.
func (w *generator) openApplications(c *caseState, from origin) {
	season := w.season(w.now)
	c.year = w.today().Year()
	switch from {
	case conversion:
		c.stage = stage(w.dice.weighted(30, 30, 30, 45, 40, 785, 40))
	case newcomer:
		c.stage = stage(w.dice.weighted(6, 28, 26, 22, 12, 6))
	case live:
		c.stage = stageEnrolled
	}
	if from != conversion && season > 0 && (season == 1000 || w.dice.chance(600)) {
		c.year++
	}
	w.listMembers(c)
	w.startCoverage(c, from)
	today := w.today()
	if c.stage >= stageSubmitted {
		c.submitted = today
		if from == conversion {
			c.submitted = min(today, c.start).AddDays(-w.dice.between(3, 60))
		}
	}
	if len(w.covered(c)) == 0 {
		c.stage = min(c.stage, stageDetermined)
	}
	c.cancelled = w.dice.chance(400)
	if c.stage == stageEnded {
		c.end = max(lastOfMonth(c.start), lastOfMonth(today.AddDays(-20)))
	}
	w.say(w.applicationSection(c))
	if c.stage >= stageDetermined {
		w.determineAll(c)
	}
	if c.stage >= stagePlan {
		w.enroll(c)
	}
	if from == conversion && c.inForce() && w.dice.below(1000) < season {
		w.renew(c)
	}
	if from == newcomer && c.stage < stageEnrolled {
		at := w.now
		for range stageEnrolled - c.stage {
			at += int64(w.dice.between(2*60, 6*24*60)) * oneMinute
			w.plan(at, func(w *generator) { w.progress(c) })
		}
	}
}

// listMembers records the members that are known at the case's stage and not
// listed yet: before an application is begun, none; before it is submitted,
// perhaps not all.
func (w *generator) listMembers(c *caseState) {
	for j := range c.size {
		known := c.stage >= stageSubmitted || c.stage == stageInProgress && (j == 0 || w.dice.chance(500))
		if known && !c.lists(j) {
			c.listed |= 1 << j
			w.say(w.memberSection(c, j))
		}
	}
}

// startCoverage sets the first day of coverage: the year's, a month's since
// then, or for those who come now the next month's.
func (w *generator) startCoverage(c *caseState, from origin) {
	next := firstOf(w.today(), 1)
	switch {
	case from == conversion && c.stage >= stageEnrolled && w.dice.chance(650):
		c.start = newYear(c.year)
	case from == conversion && c.stage >= stageEnrolled:
		c.start = firstOf(newYear(c.year), w.dice.below(w.today().Month()))
	case next.Year() > c.year:
		c.start = firstOf(w.today(), 0)
	default:
		c.start = max(newYear(c.year), next)
	}
}
