package synthetic

import "bookledger/events"

// applicationSection is the application for the case's newest year.
func (w *world) applicationSection(i int, c *caseState) *events.ApplicationRecorded {
	a := &events.ApplicationRecorded{CaseID: caseID(i), ApplicationYear: int(c.year), SubmittedOn: c.submitted}
	a.NextSteps = pick(&w.dice, nextSteps[c.stage])
	switch c.stage {
	case stageNotStarted:
		a.CurrentStatus = statusNotStarted
	case stageInProgress:
		a.CurrentStatus = statusInProgress
	case stageSubmitted:
		a.CurrentStatus = statusSubmitted
	case stageDetermined:
		a.CurrentStatus = statusDetermined
		switch c.kind {
		case kindMediCal:
			a.NextSteps = stepCounty
		case kindIneligible:
			a.CurrentStatus, a.NextSteps = statusIneligible, stepIneligible
		}
	case stagePlan:
		a.CurrentStatus = statusPlan
	case stageEnrolled:
		a.CurrentStatus = statusEnrolled
		switch {
		case w.toVerify(i, c):
			a.NextSteps = stepVerify
		case c.is(flagPassive):
			a.NextSteps = stepRenewal
		}
	case stageEnded:
		a.CurrentStatus = statusTerminated
		if c.is(flagCancelled) {
			a.CurrentStatus = statusCancelled
		}
	}
	return a
}

// toVerify tells whether some member is eligible on a condition.
func (w *world) toVerify(i int, c *caseState) bool {
	for j := range int(c.size) {
		if c.lists(j) && w.member(i, j).applying && w.conditional(i, c, j) {
			return true
		}
	}
	return false
}

// conditional tells whether a member is eligible on a condition: that
// something is verified.
func (w *world) conditional(i int, c *caseState, j int) bool {
	if c.is(flagVerified) || c.kind == kindIneligible {
		return false
	}
	return w.finding(i, c, j, 1).chance(110)
}

// undecided tells whether a member's eligibility takes longer than the others'.
func (w *world) undecided(i int, c *caseState, j int) bool {
	return c.kind != kindIneligible && !w.conditional(i, c, j) && w.finding(i, c, j, 2).chance(60)
}

// finding gives the dice of a question about the j-th member's present
// eligibility.
func (w *world) finding(i int, c *caseState, j int, question uint64) *dice {
	d := newDice(w.c.Seed, streamMoney, uint64(i)<<24|question<<16|uint64(c.finding)<<8|uint64(j))
	return &d
}

// member is the j-th person of a case; those beyond the household's first
// size have come later, as children.
func (w *world) member(i, j int) *person { return &w.home(i).people[j] }

// program is what the j-th member is found eligible for.
func (w *world) program(i int, c *caseState, j int) string {
	h := w.home(i)
	p := &h.people[j]
	switch c.kind {
	case kindMediCal:
		return events.ProgramMediCal
	case kindIneligible:
		return events.ProgramNone
	case kindMixed:
		if p.child && words().Counties[h.place.County].CCHIP && h.income < 2 {
			return events.ProgramCCHIP
		}
		if p.child {
			return events.ProgramMediCal
		}
	}
	if j == 1 && h.mcap {
		return events.ProgramMCAP
	}
	return events.ProgramCoveredCalifornia
}

// covered tells whether the j-th member can choose a plan.
func (w *world) covered(i int, c *caseState, j int) bool {
	return c.lists(j) && w.member(i, j).applying && w.program(i, c, j) == events.ProgramCoveredCalifornia
}

// covers tells whether any member can.
func (w *world) covers(i int, c *caseState) bool {
	for j := range int(c.size) {
		if w.covered(i, c, j) {
			return true
		}
	}
	return false
}

// determineAll says the eligibility of every member who is listed and applies.
func (w *world) determineAll(i int, c *caseState) {
	for j := range int(c.size) {
		if c.lists(j) && w.member(i, j).applying {
			w.say(w.eligibilitySection(i, c, j))
		}
	}
}

func (w *world) eligibilitySection(i int, c *caseState, j int) *events.EligibilityDetermined {
	e := &events.EligibilityDetermined{
		CaseID: caseID(i), MemberID: memberID(i, j), ApplicationYear: int(c.year),
		Program: w.program(i, c, j), Status: "eligible",
	}
	switch {
	case c.kind == kindIneligible:
		e.Status = "ineligible"
	case w.conditional(i, c, j):
		e.Status = "conditionally_eligible"
		e.VerificationDueOn = max(w.today(), c.submitted).AddDays(95)
	case c.stage == stageDetermined && w.undecided(i, c, j):
		e.Status = "pending"
	}
	if e.Program == events.ProgramCoveredCalifornia && e.Status != "pending" {
		e.CSRLevel = csrLevels[w.home(i).income]
		if aptc := w.aptc(i, c, j); aptc > 0 {
			e.APTCMonthly = events.Cents(aptc)
		}
	}
	return e
}

// aptc is the j-th member's advance premium tax credit in a month, in cents;
// 0 is none.
func (w *world) aptc(i int, c *caseState, j int) int64 {
	d := w.finding(i, c, j, 3)
	income := w.home(i).income
	if income == 0 && d.chance(500) {
		return 0
	}
	least := [4]int{1_000, 9_000, 17_000, 26_000}[income]
	most := [4]int{16_000, 34_000, 48_000, 71_000}[income]
	return int64(d.between(least, most)) * ageFactor(int(c.year)-w.member(i, j).birth.Year()) / 140
}
