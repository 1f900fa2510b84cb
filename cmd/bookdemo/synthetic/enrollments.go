package synthetic

import (
	"strconv"
	"strings"

	"bookledger/events"
)

// The kinds of coverage, as digits in enrollment IDs.
const (
	health = 1
	dental = 2
)

// statewideCarriers is the number of carriers that sell in every county. They come
// first in the table.
const statewideCarriers = 3

// healthPlan returns the current health plan of a case.
func (g *generator) healthPlan(c *caseState) (*carrier, *tier) {
	h := g.householdOf(c)
	d := newDice(g.config.Seed, streamPlan, uint64(c.index)<<8|uint64(c.planChoice))
	regional := tables().Counties[h.place.County].Carriers
	n := d.below(statewideCarriers*2 + len(regional)*3)
	seller := tables().Carriers[n%statewideCarriers]
	if n >= statewideCarriers*2 {
		seller = regional[(n-statewideCarriers*2)%len(regional)]
	}
	if h.income.Tier != nil && d.chance(720) {
		return seller, h.income.Tier
	}
	t := weighted(&d, tables().Tiers)
	if t.Name == "Minimum Coverage" && c.year-h.people[0].DateOfBirth.Year() >= 30 {
		t = tables().Tiers[0]
	}
	return seller, t
}

// enroll emits the current coverage of the case. The net premium is the premium less
// tax credit and subsidy. Premiums increase with age, and by six percent a year.
func (g *generator) enroll(c *caseState) {
	covered := g.covered(c)
	if len(covered) == 0 {
		return
	}
	e := g.enrollment(c, health, covered)
	h := g.householdOf(c)
	seller, tier := g.healthPlan(c)
	e.Carrier, e.MetalTier = seller.Name, tier.Name
	e.PlanName = seller.Brand + " " + tier.Label + " " + seller.Network
	e.HIOSPlanID = seller.Issuer + "CA" + zeroPad(seller.Product, 3) + zeroPad(tier.Plan, 4)
	var gross, credit int64
	for _, j := range covered {
		age := c.year - h.people[j].DateOfBirth.Year()
		gross += tier.Cents * seller.Percent / 100 * ageFactor(age) / 100 * int64(max(40, 100+6*(c.year-2026))) / 100
		credit += g.aptc(c, j)
	}
	members := int64(len(covered))
	least := 100 * members // tax credits leave at least a dollar per member
	credit = min(credit, gross-least)
	var subsidy int64
	if strings.HasPrefix(tier.Name, "Silver ") {
		subsidy = min(gross-credit-least, members*h.income.Subsidy)
	}
	e.GrossPremium, e.NetPremium = events.Cents(gross), events.Cents(gross-credit-subsidy)
	if credit > 0 {
		e.APTCApplied = events.Cents(credit)
	}
	if subsidy > 0 {
		e.StateSubsidy = events.Cents(subsidy)
	}
	g.emit(e)
	if !c.dental {
		return
	}
	e = g.enrollment(c, dental, covered)
	d := newDice(g.config.Seed, streamPlan, uint64(c.index)|1<<40)
	plan := pick(&d, tables().DentalPlans)
	e.Carrier, e.PlanName, e.HIOSPlanID = plan.Carrier, plan.Name, plan.ID
	e.GrossPremium = events.Cents(plan.Cents * members)
	e.NetPremium = e.GrossPremium
	g.emit(e)
}

// enrollment returns an enrollment with the fields that health and dental coverage
// have in common.
func (g *generator) enrollment(c *caseState, kind int, covered []int) *events.EnrollmentRecorded {
	e := &events.EnrollmentRecorded{
		CaseID:          caseID(c.index),
		EnrollmentID:    zeroPad(c.year%100, 2) + zeroPad(caseNumber(c.index), 8) + strconv.Itoa(kind) + zeroPad(int(c.planChoice), 3),
		ApplicationYear: c.year, CoverageKind: "health",
		CoverageStart: c.start, CoverageEnd: newYear(c.year + 1).AddDays(-1),
	}
	if kind == dental {
		e.CoverageKind = "dental"
	}
	for _, j := range covered {
		e.MemberIDs = append(e.MemberIDs, memberID(c.index, j))
	}
	d := newDice(g.config.Seed, streamPlan, uint64(c.index)<<8|uint64(c.planChoice)|uint64(kind)<<48)
	switch {
	case c.stage == stagePlan:
		e.Status, e.BinderStatus = "pending", pick(&d, tables().OpenBinders)
		return e
	case c.stage == stageEnded && c.cancelled:
		e.Status, e.CoverageEnd = "cancelled", c.start
		return e
	case c.stage == stageEnded:
		e.Status, e.CoverageEnd = "terminated", c.end
	default:
		e.Status = "enrolled"
	}
	e.BinderStatus = "Paid"
	if c.passive {
		e.BinderStatus = "Not Required"
	}
	e.SubscriberID = zeroPad(d.below(1_000_000_000), 10)
	return e
}
