package synthetic

// origin is the way in which a case is created.
type origin uint8

const (
	conversion origin = iota // converted from the previous system, with all its data
	newcomer                 // a new application
	live                     // a new application that is completed immediately
)

// openCase creates the next case. The first is that of the job aid: only a
// household, an application that is not started, and an agent.
func (g *generator) openCase(from origin) *caseState {
	c := &caseState{index: len(g.cases), holder: nobody, pending: [2]int{nobody, nobody}}
	g.cases = append(g.cases, c)
	if c.index == 0 {
		c.year = g.today().Year()
		g.emit(g.householdSection(c))
		g.emit(g.applicationSection(c))
		g.created(c, 0, "conversion")
		return c
	}
	h := g.householdOf(c)
	c.size, c.kind, c.dental = h.size, h.kind, h.dental
	early := g.dice.chance(40) // the delegation arrives before the consumer
	if early {
		g.delegate(c, from)
	}
	g.emit(g.householdSection(c))
	g.openApplications(c, from)
	if !early {
		g.delegate(c, from)
	}
	return c
}

// openApplications emits the application of a new case at a random stage, with the
// eligibility and enrollments of that stage.
func (g *generator) openApplications(c *caseState, from origin) {
	season := g.renewalProgress(g.now)
	c.year = g.today().Year()
	switch from {
	case conversion:
		c.stage = stage(g.dice.weighted(30, 30, 30, 45, 40, 785, 40))
	case newcomer:
		c.stage = stage(g.dice.weighted(6, 28, 26, 22, 12, 6))
	case live:
		c.stage = stageEnrolled
	}
	if from != conversion && season > 0 && (season == 1000 || g.dice.chance(600)) {
		c.year++
	}
	g.listMembers(c)
	g.startCoverage(c, from)
	today := g.today()
	if c.stage >= stageSubmitted {
		c.submitted = today
		if from == conversion {
			c.submitted = min(today, c.start).AddDays(-g.dice.between(3, 60))
		}
	}
	if len(g.covered(c)) == 0 {
		c.stage = min(c.stage, stageDetermined)
	}
	c.cancelled = g.dice.chance(400)
	if c.stage == stageEnded {
		c.end = max(lastOfMonth(c.start), lastOfMonth(today.AddDays(-20)))
	}
	g.emit(g.applicationSection(c))
	if c.stage >= stageDetermined {
		g.determineAll(c)
	}
	if c.stage >= stagePlan {
		g.enroll(c)
	}
	if from == conversion && c.inForce() && g.dice.below(1000) < season {
		g.renew(c)
	}
	if from == newcomer && c.stage < stageEnrolled {
		at := g.now
		for range stageEnrolled - c.stage {
			at += int64(g.dice.between(2*60, 6*24*60)) * oneMinute
			g.schedule(at, func(g *generator) { g.progress(c) })
		}
	}
}

// listMembers emits the members that are known at the stage of the case and not
// listed yet. Before the application is started, none is known. Before it is
// submitted, some may be unknown.
func (g *generator) listMembers(c *caseState) {
	for j := range c.size {
		known := c.stage >= stageSubmitted || c.stage == stageInProgress && (j == 0 || g.dice.chance(500))
		if known && !c.lists(j) {
			c.listed |= 1 << j
			g.emit(g.memberSection(c, j))
		}
	}
}

// startCoverage sets the first day of coverage. For converted cases it is January 1
// or the first of a later month; for others it is the first of the next month.
func (g *generator) startCoverage(c *caseState, from origin) {
	next := firstOf(g.today(), 1)
	switch {
	case from == conversion && c.stage >= stageEnrolled && g.dice.chance(650):
		c.start = newYear(c.year)
	case from == conversion && c.stage >= stageEnrolled:
		c.start = firstOf(newYear(c.year), g.dice.below(g.today().Month()))
	case next.Year() > c.year:
		c.start = firstOf(g.today(), 0)
	default:
		c.start = max(newYear(c.year), next)
	}
}
