package synthetic

// habits are what goes on in every week, each so often for ten thousand
// consumers.
var habits = []struct {
	weekly int
	do     step
}{
	{25, (*world).moveHouse},
	{35, (*world).changeContact},
	{60, (*world).progress},
	{160, (*world).verify},
	{35, (*world).redetermine},
	{20, (*world).changePlan},
	{14, (*world).endCoverage},
	{12, (*world).addMember},
	{6, (*world).removeMember},
	{25, (*world).askAnother},
	{30, (*world).askFirst},
	{30, (*world).markInactive},
	{12, (*world).reactivate},
	{12, (*world).endDelegation},
	{15, (*world).transfer},
	{8, (*world).closeCase},
	{4, (*world).reopenCase},
}

// newcomers is how many of the consumers come after the conversion.
func (w *world) newcomers() int {
	perThousand := min(150, 30*w.c.Weeks)
	if w.c.Weeks > 5 {
		perThousand = min(600, 150+(w.c.Weeks-5)*3)
	}
	return w.c.Consumers * perThousand / 1000
}

// planConversion plans the days in which agencies and cases come over from
// the system before, and returns when they are done.
func (w *world) planConversion() int64 {
	w.plan(w.begin+10*oneHour, func(w *world, _, _ int32) { w.openAgencies() }, -1, -1)
	if w.c.Consumers > 0 {
		w.plan(w.conversionAt(0), (*world).convert, -1, -1)
	}
	return w.begin + 12*oneHour + w.conversionSpan()
}

func (w *world) conversionSpan() int64 { return 5*oneDay - 12*oneHour }

// conversionAt is when the n-th case comes over.
func (w *world) conversionAt(n int) int64 {
	return w.begin + 12*oneHour + w.conversionSpan()*int64(n)/int64(w.c.Consumers-w.newcomers())
}

// convert lets one case come over, and plans the next.
func (w *world) convert(_, _ int32) {
	w.open(conversion)
	if n := len(w.cases); n < w.c.Consumers-w.newcomers() {
		w.plan(w.conversionAt(n), (*world).convert, -1, -1)
	}
}

// planWeek plans what happens from one moment to another: what is usual in
// any week, new consumers, renewals in their season, and what goes on among
// agents. The week after the last cutoff has no new consumers of its own.
func (w *world) planWeek(week int, from, to int64) {
	if week < w.c.Weeks {
		w.planAgencies(week, from, to)
		all := w.newcomers()
		for range all*(week+1)/w.c.Weeks - all*week/w.c.Weeks {
			w.plan(w.moment(from, to), func(w *world, _, _ int32) { w.open(newcomer) }, -1, -1)
		}
	}
	for _, h := range habits {
		for range w.often(h.weekly, to) - w.often(h.weekly, from) {
			w.plan(w.moment(from, to), h.do, -1, -1)
		}
	}
	w.planRenewals(from, to)
}

// often is how often something has happened by a time, if it happens so often
// a week for ten thousand consumers.
func (w *world) often(weekly int, at int64) int64 {
	hours := (at - w.begin) / oneHour
	return int64(weekly) * int64(w.c.Consumers) * hours / (10_000 * oneWeek / oneHour)
}

// planRenewals plans the renewals for the coming year, so that all cases in
// force have theirs when the season ends.
func (w *world) planRenewals(from, to int64) {
	done, next := w.season(from), w.season(to)
	if next <= done {
		return
	}
	for i := 1; i < len(w.cases); i++ {
		if w.dice.below(1000-done) < next-done {
			w.plan(w.moment(from, to), (*world).renew, int32(i), -1)
		}
	}
}

// some is a case that fits, and with which something may happen; -1 if none
// is found at once.
func (w *world) some(fits func(c *caseState) bool) int {
	if len(w.cases) <= protected {
		return -1
	}
	for range 60 {
		i := protected + w.dice.below(len(w.cases)-protected)
		if fits(&w.cases[i]) {
			return i
		}
	}
	return -1
}

func (c *caseState) goesOn() bool { return !c.is(flagClosed) }

func (c *caseState) hasAgent() bool { return c.goesOn() && c.holder != 0 }

// inForce tells whether the case has coverage, or Medi-Cal.
func (c *caseState) inForce() bool {
	return c.goesOn() && (c.stage == stageEnrolled || c.stage == stageDetermined && c.kind == kindMediCal)
}
