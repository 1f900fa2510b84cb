package synthetic

import (
	"math/bits"
	"slices"

	"bookledger/events"
)

func (g *generator) changeAddress(c *caseState) {
	c.address++
	g.emit(g.householdSection(c))
}

func (g *generator) changeContact(c *caseState) {
	c.contact++
	g.emit(g.householdSection(c))
}

// progress moves a case one stage closer to coverage.
func (g *generator) progress(c *caseState) {
	if c.closed || c.stage >= stageEnrolled {
		return
	}
	if year := g.today().Year(); c.year < year {
		c.year, c.stage, c.submitted = year, stageInProgress, 0
		g.emit(g.applicationSection(c))
		return
	}
	if c.stage == stageDetermined && len(g.covered(c)) == 0 {
		return // no one can choose a plan
	}
	c.stage++
	switch c.stage {
	case stageInProgress:
		g.listMembers(c)
	case stageSubmitted:
		c.submitted = g.today()
		g.listMembers(c)
	case stageDetermined:
		g.determineAll(c)
	case stagePlan:
		for _, j := range g.applicants(c) { // the pending determinations
			if g.undecided(c, j) {
				g.emit(g.eligibilitySection(c, j))
			}
		}
		g.startCoverage(c, newcomer)
		g.enroll(c)
	case stageEnrolled:
		g.enroll(c)
	}
	g.emit(g.applicationSection(c))
}

// verify makes conditional eligibility unconditional.
func (g *generator) verify(c *caseState) {
	conditional := g.conditional(c)
	if len(conditional) == 0 {
		return
	}
	c.verified = true
	for _, j := range conditional {
		g.emit(g.eligibilitySection(c, j))
	}
	g.emit(g.applicationSection(c))
}

// redetermine determines the eligibility of a household again. Either the tax credit
// and the net premium change, or all members move to Medi-Cal.
func (g *generator) redetermine(c *caseState) {
	if g.dice.chance(120) {
		g.endPlan(c)
		c.kind, c.stage = kindMediCal, stageDetermined
	}
	c.eligibility++
	c.verified = false
	g.determineAll(c)
	if c.stage == stageEnrolled {
		g.enroll(c)
	}
	g.emit(g.applicationSection(c))
}

// endPlan ends the coverage at the end of the month. Coverage that has not started is
// cancelled.
func (g *generator) endPlan(c *caseState) {
	today := g.today()
	c.stage, c.end = stageEnded, lastOfMonth(today)
	c.cancelled = c.start > today || c.start.AddDays(20) > today && g.dice.chance(600)
	g.enroll(c)
}

func (g *generator) endCoverage(c *caseState) {
	g.endPlan(c)
	g.emit(g.applicationSection(c))
}

// changePlan ends the coverage in one plan and starts it in another.
func (g *generator) changePlan(c *caseState) {
	start := max(newYear(c.year), firstOf(g.today(), 1))
	if start.Year() > c.year {
		return
	}
	g.endPlan(c)
	c.stage, c.start = stageEnrolled, start
	c.planChoice++
	c.passive = false
	g.enroll(c)
	g.emit(g.applicationSection(c))
}

// addMember adds a child to a case, usually a newborn.
func (g *generator) addMember(c *caseState) {
	if !g.householdOf(c).people[c.size].child {
		return
	}
	j := c.size
	c.size++
	c.listed |= 1 << j
	m := g.memberSection(c, j)
	if g.dice.chance(750) {
		m.DateOfBirth, m.SSNLast4 = g.today().AddDays(-g.dice.between(2, 25)), ""
	}
	g.emit(m)
	g.emit(g.eligibilitySection(c, j))
	if c.stage == stageEnrolled && slices.Contains(g.covered(c), j) {
		g.enroll(c)
	}
}

// removeMember removes the most recently added member.
func (g *generator) removeMember(c *caseState) {
	j := bits.Len8(c.listed) - 1
	wasCovered := slices.Contains(g.covered(c), j)
	c.listed &^= 1 << j
	g.emit(&events.MemberRemoved{Member: events.Member{CaseID: caseID(c.index), MemberID: memberID(c.index, j)}})
	if c.stage == stageEnrolled && wasCovered {
		g.enroll(c)
	}
}

// renew renews a case for the coming year, usually passively in the same plan.
func (g *generator) renew(c *caseState) {
	today := g.today()
	if !c.inForce() || c.year != today.Year() {
		return
	}
	c.year++
	c.eligibility++
	c.submitted = today
	c.start = newYear(c.year)
	c.verified = false
	c.passive = g.dice.chance(720)
	if !c.passive && g.dice.chance(500) {
		c.planChoice++
	}
	g.emit(g.applicationSection(c))
	g.determineAll(c)
	if c.stage == stageEnrolled {
		g.enroll(c)
	}
}

func (g *generator) closeCase(c *caseState) {
	g.countActive(c, -1)
	c.closed = true
	g.emit(&events.CaseClosed{CaseID: caseID(c.index), Reason: pick(&g.dice, tables().CloseReasons)})
}

func (g *generator) reopenCase(c *caseState) {
	c.closed = false
	g.countActive(c, 1)
	g.emit(g.householdSection(c))
	g.emit(g.applicationSection(c))
}
