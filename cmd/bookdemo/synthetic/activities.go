package synthetic

import (
	"math/bits"
	"slices"
	"time"

	"bookledger/events"
)

const (
	oneMinute = int64(60_000)
	oneHour   = 60 * oneMinute
	oneDay    = 24 * oneHour
	oneWeek   = 7 * oneDay
)

// activity is a kind of change that happens to cases at a given rate.
type activity struct {
	name     string
	weekly   int64 // times a week for ten thousand consumers
	do       func(*generator, *caseState)
	eligible func(*generator, *caseState) bool // reports whether it can happen to a case; if nil, do selects the case
}

// activities contains the activities of every week.
var activities = []activity{
	{"change address", 25, (*generator).changeAddress, isOpen},
	{"change contact", 35, (*generator).changeContact, isOpen},
	{"progress", 60, (*generator).progress, func(_ *generator, c *caseState) bool {
		return !c.closed && (c.stage < stageDetermined || c.stage == stagePlan ||
			c.stage == stageDetermined && c.kind != kindMediCal && c.kind != kindIneligible)
	}},
	{"verify", 160, (*generator).verify, func(_ *generator, c *caseState) bool { return c.inForce() && !c.verified }},
	{"redetermine", 35, (*generator).redetermine, hasCoverage},
	{"change plan", 20, (*generator).changePlan, hasCoverage},
	{"end coverage", 14, (*generator).endCoverage, hasCoverage},
	{"add member", 12, (*generator).addMember, func(_ *generator, c *caseState) bool {
		return c.inForce() && c.size < maxMembers
	}},
	{"remove member", 6, (*generator).removeMember, func(_ *generator, c *caseState) bool {
		return c.inForce() && bits.OnesCount8(c.listed) > 1
	}},
	{"request another agent", 25, (*generator).requestAnotherAgent, func(_ *generator, c *caseState) bool {
		return c.hasAgent() && slices.Contains(c.pending[:], nobody)
	}},
	{"request first agent", 30, (*generator).requestFirstAgent, nil},
	{"mark inactive", 30, (*generator).markInactive, func(g *generator, c *caseState) bool {
		return g.hasCertifiedAgent(c) && !c.inactive && g.canLose(c)
	}},
	{"reactivate", 12, (*generator).reactivate, func(g *generator, c *caseState) bool { return g.hasCertifiedAgent(c) && c.inactive }},
	{"end delegation", 12, (*generator).endDelegation, canLoseAgent},
	{"transfer", 15, (*generator).transfer, canLoseAgent},
	{"close case", 8, (*generator).closeCase, func(g *generator, c *caseState) bool { return !c.closed && g.canLose(c) }},
	{"reopen case", 4, (*generator).reopenCase, func(_ *generator, c *caseState) bool { return c.closed }},
}

func isOpen(_ *generator, c *caseState) bool       { return !c.closed }
func canLoseAgent(g *generator, c *caseState) bool { return c.hasAgent() && g.canLose(c) }

// hasCoverage reports whether a case has coverage for this year or a later one.
func hasCoverage(g *generator, c *caseState) bool {
	return !c.closed && c.stage == stageEnrolled && c.year >= g.today().Year()
}

// occur applies the activity to a random eligible case, if it finds one quickly.
func (h *activity) occur(g *generator) {
	if h.eligible == nil {
		h.do(g, nil)
	} else if c := g.pickCase(h.eligible); c != nil {
		h.do(g, c)
	}
}

// newcomers returns the number of cases that are created after the conversion.
func (g *generator) newcomers() int {
	perThousand := min(150, 30*g.config.Weeks)
	if g.config.Weeks > 5 {
		perThousand = min(600, 150+(g.config.Weeks-5)*3)
	}
	return g.config.Consumers * perThousand / 1000
}

// The start of the conversion, relative to the start of history, and its duration.
const (
	conversionBegins = 12 * oneHour
	conversionTakes  = 5*oneDay - conversionBegins
)

// conversionAt returns the time at which the n-th case is converted.
func (g *generator) conversionAt(n int) int64 {
	return g.begin + conversionBegins + conversionTakes*int64(n)/int64(g.config.Consumers-g.newcomers())
}

// convertCase converts one case and schedules the next.
func (g *generator) convertCase() {
	g.openCase(conversion)
	if n := len(g.cases); n < g.config.Consumers-g.newcomers() {
		g.schedule(g.conversionAt(n), (*generator).convertCase)
	}
}

// scheduleWeek schedules the steps between two times: activities, new consumers,
// renewals, and changes of agents and agencies. The week after the last cutoff has
// no new consumers.
func (g *generator) scheduleWeek(week int, from, to int64) {
	if week < g.config.Weeks {
		g.scheduleAgencies(week, from, to)
		all := g.newcomers()
		for range all*(week+1)/g.config.Weeks - all*week/g.config.Weeks {
			g.schedule(g.randomTime(from, to), func(g *generator) { g.openCase(newcomer) })
		}
	}
	for _, h := range activities {
		count := func(at int64) int64 { // from the start of history
			return h.weekly * int64(g.config.Consumers) * ((at - g.begin) / oneHour) / (10_000 * oneWeek / oneHour)
		}
		for range count(to) - count(from) {
			g.schedule(g.randomTime(from, to), h.occur)
		}
	}
	// By the end of the renewal period, all cases in force are renewed.
	done, next := g.renewalProgress(from), g.renewalProgress(to)
	if next <= done {
		return
	}
	for _, c := range g.cases[min(1, len(g.cases)):] {
		if g.dice.below(1000-done) < next-done {
			g.schedule(g.randomTime(from, to), func(g *generator) { g.renew(c) })
		}
	}
}

// pickCase returns a random unprotected case that fits, or nil if it finds none
// quickly.
func (g *generator) pickCase(fits func(*generator, *caseState) bool) *caseState {
	if len(g.cases) <= protected {
		return nil
	}
	for range 60 {
		if c := g.cases[protected+g.dice.below(len(g.cases)-protected)]; fits(g, c) {
			return c
		}
	}
	return nil
}

func (c *caseState) hasAgent() bool { return !c.closed && c.holder != nobody }

// inForce reports whether the case has coverage or Medi-Cal.
func (c *caseState) inForce() bool {
	return !c.closed && (c.stage == stageEnrolled || c.stage == stageDetermined && c.kind == kindMediCal)
}

// randomTime returns a time in (from, to], where to is the end of a week. Most times
// are in business hours, and many are minutes before or after the cutoff.
func (g *generator) randomTime(from, to int64) int64 {
	if to <= g.last && g.dice.chance(120) {
		return max(from+1, min(g.nearCutoff(to), g.until))
	}
	at := to
	for range 6 {
		at = from + 1 + int64(g.dice.below(int(to-from)))
		local := time.UnixMilli(at).In(g.zone)
		likely := 1000
		if h := local.Hour(); h < 7 || h > 20 {
			likely = 60
		}
		if d := local.Weekday(); d == time.Saturday || d == time.Sunday {
			likely /= 3
		}
		if g.dice.chance(likely) {
			break
		}
	}
	return at
}

// nearCutoff returns a time close to a cutoff, and sometimes the cutoff itself.
func (g *generator) nearCutoff(cutoff int64) int64 {
	if g.dice.chance(30) {
		return cutoff
	}
	off := int64(g.dice.below(int(25*oneMinute))) * int64(g.dice.below(1000)) / 1000
	if g.dice.chance(450) {
		return cutoff + off
	}
	return cutoff - off
}

// renewalProgress returns the progress of the renewals for the coming year, in
// thousandths. They run from October 1 to the middle of December.
func (g *generator) renewalProgress(at int64) int {
	local := time.UnixMilli(at).In(g.zone)
	opens := time.Date(local.Year(), time.October, 1, 0, 0, 0, 0, g.zone).UnixMilli()
	return int(min(1000, max(0, (at-opens)/(75*oneDay/1000))))
}

// firstOf returns the first day of the month that is the given number of months after
// that of d.
func firstOf(d events.Date, months int) events.Date {
	return events.DateOf(time.Date(d.Year(), time.Month(d.Month()+months), 1, 0, 0, 0, 0, time.UTC))
}

func lastOfMonth(d events.Date) events.Date { return firstOf(d, 1).AddDays(-1) }

func newYear(year int) events.Date { return events.Date(year*10_000 + 101) }
