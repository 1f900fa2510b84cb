package synthetic

import (
	"strings"

	"bookledger/events"
)

// The kinds of coverage, as they stand in an enrollment's id.
const (
	health = 1
	dental = 2
)

// offer is the health plan that a household has chosen.
type offer struct {
	carrier *carrier
	tier    int
}

// offer is the plan of the case's present choice.
func (w *world) offer(i int, c *caseState) offer {
	h := w.home(i)
	d := newDice(w.c.Seed, streamPlan, uint64(i)<<8|uint64(c.choice))
	regional := words().Counties[h.place.County].Carriers
	n := d.below(sellEverywhere*2 + len(regional)*3)
	o := offer{carrier: &words().Carriers[n%sellEverywhere]}
	if n >= sellEverywhere*2 {
		o.carrier = words().carrier(regional[(n-sellEverywhere*2)%len(regional)])
	}
	if h.income > 0 && d.chance(720) {
		o.tier = csrTiers[h.income]
		return o
	}
	o.tier = d.weighted(34, 10, 26, 17, 10, 3)
	if o.tier == minimum && int(c.year)-h.people[0].birth.Year() >= 30 {
		o.tier = bronze
	}
	return o
}

func (o offer) name() string {
	return o.carrier.Brand + " " + tiers[o.tier].label + " " + o.carrier.Network
}

func (o offer) hios() string {
	return o.carrier.Issuer + "CA" + padded(o.carrier.Product, 3) + padded(tiers[o.tier].plan, 4)
}

// premium is a member's monthly premium, in cents: it grows with age, and six
// in a hundred a year.
func (o offer) premium(year, age int) int64 {
	percent := max(40, 100+6*int64(year-2026))
	return tiers[o.tier].cents * int64(o.carrier.Percent) / 100 * ageFactor(age) / 100 * percent / 100
}

// enroll says the case's coverage as its state has it.
func (w *world) enroll(i int, c *caseState) {
	e := w.enrollment(i, c, health)
	if len(e.MemberIDs) == 0 {
		return
	}
	w.say(w.priced(i, c, e))
	if c.is(flagDental) {
		w.say(w.dentalSection(i, c))
	}
}

// enrollment is what health and dental coverage have in common.
func (w *world) enrollment(i int, c *caseState, kind int) *events.EnrollmentRecorded {
	e := &events.EnrollmentRecorded{
		CaseID: caseID(i), EnrollmentID: enrollmentID(i, int(c.year), kind, int(c.choice)),
		ApplicationYear: int(c.year), CoverageKind: "health",
		CoverageStart: c.start, CoverageEnd: lastOfYear(int(c.year)),
	}
	if kind == dental {
		e.CoverageKind = "dental"
	}
	for j := range int(c.size) {
		if w.covered(i, c, j) {
			e.MemberIDs = append(e.MemberIDs, memberID(i, j))
		}
	}
	d := newDice(w.c.Seed, streamPlan, uint64(i)<<8|uint64(c.choice)|uint64(kind)<<48)
	switch {
	case c.stage == stagePlan:
		e.Status, e.BinderStatus = "pending", pick(&d, binderOpen)
		return e
	case c.stage == stageEnded && c.is(flagCancelled):
		e.Status, e.CoverageEnd = "cancelled", c.start
		return e
	case c.stage == stageEnded:
		e.Status, e.CoverageEnd = "terminated", c.end
	default:
		e.Status = "enrolled"
	}
	e.BinderStatus = "Paid"
	if c.is(flagPassive) {
		e.BinderStatus = "Not Required"
	}
	e.SubscriberID = padded(d.below(1_000_000_000), 10)
	return e
}

// priced adds plan and premium: what the household pays is the premium less
// tax credit and subsidy.
func (w *world) priced(i int, c *caseState, e *events.EnrollmentRecorded) *events.EnrollmentRecorded {
	o := w.offer(i, c)
	e.Carrier, e.PlanName, e.HIOSPlanID, e.MetalTier = o.carrier.Name, o.name(), o.hios(), tiers[o.tier].name
	var gross, credit, least int64
	for j := range int(c.size) {
		if w.covered(i, c, j) {
			gross += o.premium(int(c.year), int(c.year)-w.member(i, j).birth.Year())
			credit += w.aptc(i, c, j)
			least += 100 // a dollar a member has no credit
		}
	}
	credit = min(credit, gross-least)
	var subsidy int64
	if strings.HasPrefix(tiers[o.tier].name, "Silver ") {
		subsidy = min(gross-credit-least, least*int64(12*w.home(i).income))
	}
	e.GrossPremium, e.NetPremium = events.Cents(gross), events.Cents(gross-credit-subsidy)
	if credit > 0 {
		e.APTCApplied = events.Cents(credit)
	}
	if subsidy > 0 {
		e.StateSubsidy = events.Cents(subsidy)
	}
	return e
}

func (w *world) dentalSection(i int, c *caseState) *events.EnrollmentRecorded {
	e := w.enrollment(i, c, dental)
	d := newDice(w.c.Seed, streamPlan, uint64(i)|1<<40)
	plan := &words().DentalPlans[d.below(len(words().DentalPlans))]
	e.Carrier, e.PlanName, e.HIOSPlanID = plan.Carrier, plan.Name, plan.ID
	gross := plan.Cents * int64(len(e.MemberIDs))
	e.GrossPremium, e.NetPremium = events.Cents(gross), events.Cents(gross)
	return e
}
