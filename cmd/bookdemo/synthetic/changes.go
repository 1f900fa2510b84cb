package synthetic

import (
	"math/bits"
	"slices"

	"bookledger/events"
)

func (w *generator) moveHouse(c *caseState) {
	c.address++
	w.say(w.householdSection(c))
}

func (w *generator) changeContact(c *caseState) {
	c.contact++
	w.say(w.householdSection(c))
}

// progress brings a case on its way to coverage one stage further.
func (w *generator) progress(c *caseState) {
	if c.closed || c.stage >= stageEnrolled {
		return
	}
	if year := w.today().Year(); c.year < year {
		c.year, c.stage, c.submitted = year, stageInProgress, 0
		w.say(w.applicationSection(c))
		return
	}
	if c.stage == stageDetermined && len(w.covered(c)) == 0 {
		return // there is nothing to choose
	}
	c.stage++
	switch c.stage {
	case stageInProgress:
		w.listMembers(c)
	case stageSubmitted:
		c.submitted = w.today()
		w.listMembers(c)
	case stageDetermined:
		w.determineAll(c)
	case stagePlan:
		for _, j := range w.applicants(c) { // those for whom it took longer
			if w.undecided(c, j) {
				w.say(w.eligibilitySection(c, j))
			}
		}
		w.startCoverage(c, newcomer)
		w.enroll(c)
	case stageEnrolled:
		w.enroll(c)
	}
	w.say(w.applicationSection(c))
}

// verify makes conditional eligibility unconditional.
func (w *generator) verify(c *caseState) {
	conditional := w.conditional(c)
	if len(conditional) == 0 {
		return
	}
	c.verified = true
	for _, j := range conditional {
		w.say(w.eligibilitySection(c, j))
	}
	w.say(w.applicationSection(c))
}

// redetermine finds a household's eligibility anew: the tax credit and with it
// the net premium change, or everybody goes to Medi-Cal.
func (w *generator) redetermine(c *caseState) {
	if w.dice.chance(120) {
		w.end(c)
		c.kind, c.stage = kindMediCal, stageDetermined
	}
	c.finding++
	c.verified = false
	w.determineAll(c)
	if c.stage == stageEnrolled {
		w.enroll(c)
	}
	w.say(w.applicationSection(c))
}

// end ends the coverage at the end of the month; coverage that has not begun
// is cancelled.
func (w *generator) end(c *caseState) {
	today := w.today()
	c.stage, c.end = stageEnded, lastOfMonth(today)
	c.cancelled = c.start > today || c.start.AddDays(20) > today && w.dice.chance(600)
	w.enroll(c)
}

func (w *generator) endCoverage(c *caseState) {
	w.end(c)
	w.say(w.applicationSection(c))
}

// changePlan ends the coverage in one plan and begins it in another.
func (w *generator) changePlan(c *caseState) {
	start := max(newYear(c.year), firstOf(w.today(), 1))
	if start.Year() > c.year {
		return
	}
	w.end(c)
	c.stage, c.start = stageEnrolled, start
	c.choice++
	c.passive = false
	w.enroll(c)
	w.say(w.applicationSection(c))
}

// addMember adds a child to a case, most often a newborn.
func (w *generator) addMember(c *caseState) {
	if !w.home(c).people[c.size].child {
		return
	}
	j := c.size
	c.size++
	c.listed |= 1 << j
	m := w.memberSection(c, j)
	if w.dice.chance(750) {
		m.DateOfBirth, m.SSNLast4 = w.today().AddDays(-w.dice.between(2, 25)), ""
	}
	w.say(m)
	w.say(w.eligibilitySection(c, j))
	if c.stage == stageEnrolled && slices.Contains(w.covered(c), j) {
		w.enroll(c)
	}
}

// removeMember removes the member who came last.
func (w *generator) removeMember(c *caseState) {
	j := bits.Len8(c.listed) - 1
	wasCovered := slices.Contains(w.covered(c), j)
	c.listed &^= 1 << j
	w.say(&events.MemberRemoved{Member: events.Member{CaseID: caseID(c.index), MemberID: memberID(c.index, j)}})
	if c.stage == stageEnrolled && wasCovered {
		w.enroll(c)
	}
}

// renew continues a case in the coming year, most often in the same plan and
// without anybody doing anything.
func (w *generator) renew(c *caseState) {
	today := w.today()
	if !c.inForce() || c.year != today.Year() {
		return
	}
	c.year++
	c.finding++
	c.submitted = today
	c.start = newYear(c.year)
	c.verified = false
	c.passive = w.dice.chance(720)
	if !c.passive && w.dice.chance(500) {
		c.choice++
	}
	w.say(w.applicationSection(c))
	w.determineAll(c)
	if c.stage == stageEnrolled {
		w.enroll(c)
	}
}

func (w *generator) closeCase(c *caseState) {
	w.count(c, -1)
	c.closed = true
	w.say(&events.CaseClosed{CaseID: caseID(c.index), Reason: pick(&w.dice, tables().CloseReasons)})
}

func (w *generator) reopenCase(c *caseState) {
	c.closed = false
	w.count(c, 1)
	w.say(w.householdSection(c))
	w.say(w.applicationSection(c))
}
