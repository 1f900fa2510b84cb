package synthetic

import (
	"slices"

	"bookledger/events"
)

// applicationSection returns the newest application of a case.
func (g *generator) applicationSection(c *caseState) *events.ApplicationRecorded {
	shown := tables().Stages[c.stage]
	a := &events.ApplicationRecorded{
		CaseID: caseID(c.index), ApplicationYear: c.year, SubmittedOn: c.submitted,
		CurrentStatus: shown.Status, NextSteps: pick(&g.dice, shown.Next),
	}
	switch {
	case c.stage == stageDetermined && c.kind == kindMediCal:
		a.NextSteps = "County will contact the household"
	case c.stage == stageDetermined && c.kind == kindIneligible:
		a.CurrentStatus, a.NextSteps = "Ineligible", "Review the notice of eligibility"
	case c.stage == stageEnrolled && len(g.conditional(c)) > 0:
		a.NextSteps = "Submit income verification"
	case c.stage == stageEnrolled && c.passive:
		a.NextSteps = "Review the renewal notice"
	case c.stage == stageEnded && c.cancelled:
		a.CurrentStatus = "Enrollment Cancelled"
	}
	return a
}

// applicants returns the listed members who apply for coverage.
func (g *generator) applicants(c *caseState) (all []int) {
	for j := range c.size {
		if c.lists(j) && g.householdOf(c).people[j].Applying == events.Yes {
			all = append(all, j)
		}
	}
	return all
}

// covered returns the applicants who are eligible for a plan.
func (g *generator) covered(c *caseState) []int {
	return slices.DeleteFunc(g.applicants(c), func(j int) bool { return g.program(c, j) != events.ProgramCoveredCalifornia })
}

// conditional returns the applicants who are conditionally eligible.
func (g *generator) conditional(c *caseState) []int {
	return slices.DeleteFunc(g.applicants(c), func(j int) bool { return !g.isConditional(c, j) })
}

func (g *generator) isConditional(c *caseState, j int) bool {
	return !c.verified && c.kind != kindIneligible && g.eligibilityDice(c, j, 1).chance(110)
}

// undecided reports whether a member's eligibility is pending longer than that of the
// others.
func (g *generator) undecided(c *caseState, j int) bool {
	return c.kind != kindIneligible && !g.isConditional(c, j) && g.eligibilityDice(c, j, 2).chance(60)
}

// eligibilityDice returns the dice for a question about the current eligibility of
// member j.
func (g *generator) eligibilityDice(c *caseState, j int, question uint64) *dice {
	d := newDice(g.config.Seed, streamMoney, uint64(c.index)<<24|question<<16|uint64(c.eligibility)<<8|uint64(j))
	return &d
}

// program returns the program of member j.
func (g *generator) program(c *caseState, j int) string {
	h := g.householdOf(c)
	child := h.people[j].child
	switch {
	case c.kind == kindMediCal:
		return events.ProgramMediCal
	case c.kind == kindIneligible:
		return events.ProgramNone
	case c.kind == kindMixed && child && tables().Counties[h.place.County].CCHIP && h.income.CCHIP:
		return events.ProgramCCHIP
	case c.kind == kindMixed && child:
		return events.ProgramMediCal
	case j == 1 && h.mcap:
		return events.ProgramMCAP
	}
	return events.ProgramCoveredCalifornia
}

// determineAll emits the eligibility of every applicant.
func (g *generator) determineAll(c *caseState) {
	for _, j := range g.applicants(c) {
		g.emit(g.eligibilitySection(c, j))
	}
}

func (g *generator) eligibilitySection(c *caseState, j int) *events.EligibilityDetermined {
	e := &events.EligibilityDetermined{
		CaseID: caseID(c.index), MemberID: memberID(c.index, j), ApplicationYear: c.year,
		Program: g.program(c, j), Status: "eligible",
	}
	switch {
	case c.kind == kindIneligible:
		e.Status = "ineligible"
	case g.isConditional(c, j):
		e.Status = "conditionally_eligible"
		e.VerificationDueOn = max(g.today(), c.submitted).AddDays(95)
	case c.stage == stageDetermined && g.undecided(c, j):
		e.Status = "pending"
	}
	if e.Program == events.ProgramCoveredCalifornia && e.Status != "pending" {
		e.CSRLevel = g.householdOf(c).income.CSR
		if aptc := g.aptc(c, j); aptc > 0 {
			e.APTCMonthly = events.Cents(aptc)
		}
	}
	return e
}

// aptc returns the monthly advance premium tax credit of member j in cents, or 0.
func (g *generator) aptc(c *caseState, j int) int64 {
	d, h := g.eligibilityDice(c, j, 3), g.householdOf(c)
	if h.income.CSR == "" && d.chance(500) {
		return 0
	}
	return int64(d.between(h.income.Least, h.income.Most)) * ageFactor(c.year-h.people[j].DateOfBirth.Year()) / 140
}
