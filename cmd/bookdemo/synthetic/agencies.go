package synthetic

import (
	"fmt"

	"bookledger/events"
)

// openAgencies registers the agencies, and in each its agents and staff. An
// independent's agency has the agent's name.
func (w *generator) openAgencies() {
	next, staff, seed := 0, w.roster.staff, w.c.Seed
	for g := range w.roster.agencies {
		d := newDice(seed, streamAgency, uint64(g)<<1)
		var agents []events.Data
		var name string
		for ; next < w.c.Agents && w.roster.agencyOf[next] == g; next++ {
			first, last := w.c.agentName(next)
			name = last
			agents = append(agents, &events.AgentCertified{
				AgentID: agentID(next), AgencyID: agencyID(g), FirstName: first, LastName: last,
				LicenseNumber: fmt.Sprintf("0%c%05d", 'A'+rune(mix(seed+uint64(next))%13), (next*7_919+int(mix(seed)%100_000))%100_000),
				Email:         fmt.Sprintf("%s.%s.%d@example.com", letters(first), letters(last), next+1),
			})
		}
		if len(agents) == 1 {
			name += " " + pick(&d, tables().AgencySecond)
		} else {
			name = pick(&d, tables().AgencyFirst) + " " + pick(&d, tables().AgencySecond)
			if d.chance(400) {
				name += " of " + tables().Places[d.below(len(tables().Places)-4)].City
			}
		}
		w.say(&events.AgencyRegistered{AgencyID: agencyID(g), Name: name})
		for _, agent := range agents {
			w.say(agent)
		}
		for ; len(staff) > 0 && staff[0].AgencyID == agencyID(g); staff = staff[1:] {
			w.say(&events.StaffAssigned{Staff: staff[0]})
		}
	}
}

// planAgencies plans what happens among agents in week: a few move to another
// agency, staff changes, a book is handed over, and in the last week one
// agent is decertified.
func (w *generator) planAgencies(week int, from, to int64) {
	movers := 0
	if w.c.Agents >= 9 {
		movers = 1 + w.c.Agents/60
	}
	for i := range movers {
		if (1+i)%w.c.Weeks == week {
			w.plan(w.moment(from, to), (*generator).moveAgent)
		}
	}
	if week == w.c.Weeks/2 {
		w.plan(w.moment(from, to), (*generator).changeStaff)
	}
	if leaver := w.roster.leaver; week == w.c.Weeks-1 && leaver != nobody {
		at := from + (to-from)*3/4
		w.plan(at, func(w *generator) {
			w.gone = leaver
			w.say(&events.AgentDecertified{AgentID: agentID(leaver), Reason: "License expired"})
		})
		w.plan(at+(to-at)/4, func(w *generator) { w.handOver(leaver) })
	}
	if week%4 == 1 || w.c.Weeks == 1 {
		w.plan(w.moment(from, to), (*generator).handOverSome)
	}
}

// steady tells whether an agent stays as it is: those who sign in, the one
// without consumers and the one who leaves.
func (w *generator) steady(a int) bool {
	return a == 0 || a == w.roster.second || a == w.roster.empty || a == w.roster.leaver
}

func (w *generator) moveAgent() {
	for range 40 {
		a, g := w.dice.below(w.c.Agents), w.dice.below(w.roster.agencies)
		if !w.steady(a) && w.roster.agencyOf[a] != g {
			w.roster.agencyOf[a] = g
			w.say(&events.AgentMoved{AgentID: agentID(a), AgencyID: agencyID(g)})
			return
		}
	}
}

// changeStaff puts a new person into a role outside the first agency.
func (w *generator) changeStaff() {
	rest := w.roster.staff[staffOfFirst:]
	if len(rest) == 0 {
		return
	}
	s := &rest[w.dice.below(len(rest))]
	w.say(&events.StaffRemoved{Staff: events.Staff{PersonID: s.PersonID, AgencyID: s.AgencyID, Role: s.Role}})
	first, last := anyName(&w.dice)
	*s = staff(len(w.roster.staff), s.AgencyID, s.Role, first+" "+last)
	w.say(&events.StaffAssigned{Staff: *s})
}

// overseer is who moves consumers within an agency: its manager or a staff
// member of level 2, or "" where it has none.
func (w *generator) overseer(agency int) (person, role string) {
	for _, s := range w.roster.staff {
		if s.AgencyID == agencyID(agency) && s.Role != "admin_l1" {
			if person, role = s.PersonID, s.Role; w.dice.chance(500) {
				break
			}
		}
	}
	return person, role
}

// takes tells whether consumers come to an agent: not to the one who is to
// have none, and not to one whose certification has ended.
func (w *generator) takes(a int) bool { return a != w.roster.empty && a != w.gone }

// openAgent is an agent to whom a consumer turns, other than not, or nobody.
func (w *generator) openAgent(not int) int {
	for range 40 {
		if a := w.roster.home(&w.dice); w.takes(a) && a != not {
			return a
		}
	}
	return nobody
}

// colleague is an agent of the same agency, or where there is none any other.
func (w *generator) colleague(of int) int {
	for range 40 {
		a := w.dice.below(w.c.Agents)
		if d := w.dice.below(9) - 4; d != 0 { // most colleagues stand near in the roster
			a = of + d
		}
		if a < 0 || a >= w.c.Agents || a == of || a == 0 && w.c.Consumers >= bigWorld {
			continue // the first agent has enough
		}
		if w.takes(a) && w.roster.agencyOf[a] == w.roster.agencyOf[of] {
			return a
		}
	}
	return w.openAgent(of)
}
