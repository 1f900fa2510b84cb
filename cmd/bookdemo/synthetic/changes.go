package synthetic

import (
	"math/bits"

	"bookledger/events"
)

// current tells whether a case has coverage that is not of a past year.
func (w *world) current(c *caseState) bool {
	return c.goesOn() && c.stage == stageEnrolled && int(c.year) >= w.today().Year()
}

func (w *world) moveHouse(_, _ int32) {
	if i := w.some((*caseState).goesOn); i >= 0 {
		c := &w.cases[i]
		c.address++
		w.say(w.householdSection(i, c))
	}
}

func (w *world) changeContact(_, _ int32) {
	if i := w.some((*caseState).goesOn); i >= 0 {
		c := &w.cases[i]
		c.contact++
		w.say(w.householdSection(i, c))
	}
}

// progress brings some case on its way to coverage one stage further.
func (w *world) progress(_, _ int32) {
	i := w.some(func(c *caseState) bool {
		return c.goesOn() && (c.stage < stageDetermined || c.stage == stagePlan ||
			c.stage == stageDetermined && c.kind != kindMediCal && c.kind != kindIneligible)
	})
	if i >= 0 {
		w.progressOf(int32(i), -1)
	}
}

func (w *world) progressOf(index, _ int32) {
	i, c := int(index), &w.cases[index]
	if !c.goesOn() || c.stage >= stageEnrolled {
		return
	}
	if year := w.today().Year(); int(c.year) < year {
		c.year, c.stage, c.submitted = uint16(year), stageInProgress, 0
		w.say(w.applicationSection(i, c))
		return
	}
	if c.stage == stageDetermined && !w.covers(i, c) {
		return // there is nothing to choose
	}
	c.stage++
	switch c.stage {
	case stageInProgress:
		w.listMembers(i, c)
	case stageSubmitted:
		c.submitted = w.today()
		w.listMembers(i, c)
	case stageDetermined:
		w.determineAll(i, c)
	case stagePlan:
		w.decideRest(i, c)
		c.start = w.coverageStart(c, int(c.year), newcomer)
		w.enroll(i, c)
	case stageEnrolled:
		w.enroll(i, c)
	}
	w.say(w.applicationSection(i, c))
}

// decideRest says the eligibility of those for whom it took longer.
func (w *world) decideRest(i int, c *caseState) {
	for j := range int(c.size) {
		if c.lists(j) && w.member(i, j).applying && w.undecided(i, c, j) {
			w.say(w.eligibilitySection(i, c, j))
		}
	}
}

// verify makes conditional eligibility unconditional.
func (w *world) verify(_, _ int32) {
	i := w.some(func(c *caseState) bool { return c.inForce() && !c.is(flagVerified) })
	if i < 0 || !w.toVerify(i, &w.cases[i]) {
		return
	}
	c := &w.cases[i]
	for j := range int(c.size) {
		if c.lists(j) && w.member(i, j).applying && w.conditional(i, c, j) {
			c.set(flagVerified, true)
			w.say(w.eligibilitySection(i, c, j))
			c.set(flagVerified, false)
		}
	}
	c.set(flagVerified, true)
	w.say(w.applicationSection(i, c))
}

// redetermine finds a household's eligibility anew: the tax credit and with it
// the net premium change, or everybody goes to Medi-Cal.
func (w *world) redetermine(_, _ int32) {
	i := w.some(w.current)
	if i < 0 {
		return
	}
	c := &w.cases[i]
	if w.dice.chance(120) {
		w.end(i, c)
		c.kind, c.stage = kindMediCal, stageDetermined
	}
	c.finding++
	c.set(flagVerified, false)
	w.determineAll(i, c)
	if c.stage == stageEnrolled {
		w.enroll(i, c)
	}
	w.say(w.applicationSection(i, c))
}

// end ends the coverage at the end of the month; coverage that has not begun
// is cancelled.
func (w *world) end(i int, c *caseState) {
	today := w.today()
	c.stage, c.end = stageEnded, lastOfMonth(today)
	c.set(flagCancelled, c.start > today || c.start.AddDays(20) > today && w.dice.chance(600))
	w.enroll(i, c)
}

func (w *world) endCoverage(_, _ int32) {
	if i := w.some(w.current); i >= 0 {
		c := &w.cases[i]
		w.end(i, c)
		w.say(w.applicationSection(i, c))
	}
}

// changePlan ends the coverage in one plan and begins it in another.
func (w *world) changePlan(_, _ int32) {
	i := w.some(w.current)
	if i < 0 {
		return
	}
	c := &w.cases[i]
	start := max(events.Date(int(c.year)*10_000+101), firstOf(w.today(), 1))
	if start.Year() > int(c.year) {
		return
	}
	w.end(i, c)
	c.stage, c.start = stageEnrolled, start
	c.choice++
	c.set(flagPassive, false)
	w.enroll(i, c)
	w.say(w.applicationSection(i, c))
}

// addMember adds a child to a case, most often a newborn.
func (w *world) addMember(_, _ int32) {
	i := w.some(func(c *caseState) bool { return c.inForce() && c.size < maxMembers })
	if i < 0 {
		return
	}
	c := &w.cases[i]
	j := int(c.size)
	if !w.member(i, j).child {
		return
	}
	c.size++
	c.listed |= 1 << j
	m := w.memberSection(i, j)
	if w.dice.chance(750) {
		m.DateOfBirth, m.SSNLast4 = w.today().AddDays(-w.dice.between(2, 25)), ""
	}
	w.say(m)
	w.say(w.eligibilitySection(i, c, j))
	if c.stage == stageEnrolled && w.covered(i, c, j) {
		w.enroll(i, c)
	}
}

// removeMember removes the member who came last.
func (w *world) removeMember(_, _ int32) {
	i := w.some(func(c *caseState) bool { return c.inForce() && bits.OnesCount8(c.listed) > 1 })
	if i < 0 {
		return
	}
	c := &w.cases[i]
	j := bits.Len8(c.listed) - 1
	wasCovered := w.covered(i, c, j)
	c.listed &^= 1 << j
	w.say(&events.MemberRemoved{Member: events.Member{CaseID: caseID(i), MemberID: memberID(i, j)}})
	if c.stage == stageEnrolled && wasCovered {
		w.enroll(i, c)
	}
}

// renew continues a case in the coming year, most often in the same plan and
// without anybody doing anything.
func (w *world) renew(index, _ int32) {
	i, c := int(index), &w.cases[index]
	today := w.today()
	if !c.inForce() || int(c.year) != today.Year() {
		return
	}
	c.year++
	c.finding++
	c.submitted = today
	c.start = events.Date(int(c.year)*10_000 + 101)
	c.set(flagVerified, false)
	c.set(flagPassive, w.dice.chance(720))
	if !c.is(flagPassive) && w.dice.chance(500) {
		c.choice++
	}
	w.say(w.applicationSection(i, c))
	w.determineAll(i, c)
	if c.stage == stageEnrolled {
		w.enroll(i, c)
	}
}

func (w *world) closeCase(_, _ int32) {
	i := w.some(func(c *caseState) bool { return c.goesOn() && w.mayLose(c) })
	if i < 0 {
		return
	}
	w.change(i, func(c *caseState) { c.set(flagClosed, true) })
	w.say(&events.CaseClosed{CaseID: caseID(i), Reason: pick(&w.dice, closeReasons)})
}

func (w *world) reopenCase(_, _ int32) {
	i := w.some(func(c *caseState) bool { return c.is(flagClosed) })
	if i < 0 {
		return
	}
	w.change(i, func(c *caseState) { c.set(flagClosed, false) })
	w.say(w.householdSection(i, &w.cases[i]))
	w.say(w.applicationSection(i, &w.cases[i]))
}
