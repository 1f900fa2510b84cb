package synthetic

import (
	"fmt"

	"bookledger/events"
)

// openAgencies emits the agencies with their agents and staff. An agency with one
// agent has the agent's name.
func (g *generator) openAgencies() {
	next, staff, seed := 0, g.roster.staff, g.config.Seed
	for agency := range g.roster.agencies {
		d := newDice(seed, streamAgency, uint64(agency)<<1)
		var agents []events.Data
		var name string
		for ; next < g.config.Agents && g.roster.agencyOf[next] == agency; next++ {
			first, last := g.config.agentName(next)
			name = last
			agents = append(agents, &events.AgentCertified{
				AgentID: agentID(next), AgencyID: agencyID(agency), FirstName: first, LastName: last,
				LicenseNumber: fmt.Sprintf("0%c%05d", 'A'+rune(mix(seed+uint64(next))%13), (next*7_919+int(mix(seed)%100_000))%100_000),
				Email:         fmt.Sprintf("%s.%s.%d@example.com", asciiLetters(first), asciiLetters(last), next+1),
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
		g.emit(&events.AgencyRegistered{AgencyID: agencyID(agency), Name: name})
		for _, agent := range agents {
			g.emit(agent)
		}
		for ; len(staff) > 0 && staff[0].AgencyID == agencyID(agency); staff = staff[1:] {
			g.emit(&events.StaffAssigned{Staff: staff[0]})
		}
	}
}

// scheduleAgencies schedules the changes of agents and agencies in a week. A few
// agents move to another agency, staff change, and half of an agent's cases are
// transferred. In the last week, one agent is decertified.
func (g *generator) scheduleAgencies(week int, from, to int64) {
	movers := 0
	if g.config.Agents >= 9 {
		movers = 1 + g.config.Agents/60
	}
	for i := range movers {
		if (1+i)%g.config.Weeks == week {
			g.schedule(g.randomTime(from, to), (*generator).moveAgent)
		}
	}
	if week == g.config.Weeks/2 {
		g.schedule(g.randomTime(from, to), (*generator).changeStaff)
	}
	if leaver := g.roster.leaver; week == g.config.Weeks-1 && leaver != nobody {
		at := from + (to-from)*3/4
		g.schedule(at, func(g *generator) {
			g.decertified = leaver
			g.emit(&events.AgentDecertified{AgentID: agentID(leaver), Reason: "License expired"})
		})
		g.schedule(at+(to-at)/4, func(g *generator) { g.transferHalf(leaver) })
	}
	if week%4 == 1 || g.config.Weeks == 1 {
		g.schedule(g.randomTime(from, to), (*generator).transferHalfOfSome)
	}
}

// keepsRole reports whether an agent is never moved or chosen for a transfer: the
// agents who sign in, the one without consumers and the one who is decertified.
func (g *generator) keepsRole(a int) bool {
	return a == 0 || a == g.roster.second || a == g.roster.empty || a == g.roster.leaver
}

func (g *generator) moveAgent() {
	for range 40 {
		a, agency := g.dice.below(g.config.Agents), g.dice.below(g.roster.agencies)
		if !g.keepsRole(a) && g.roster.agencyOf[a] != agency {
			g.roster.agencyOf[a] = agency
			g.emit(&events.AgentMoved{AgentID: agentID(a), AgencyID: agencyID(agency)})
			return
		}
	}
}

// changeStaff replaces a staff member of an agency other than the first.
func (g *generator) changeStaff() {
	rest := g.roster.staff[staffOfFirst:]
	if len(rest) == 0 {
		return
	}
	s := &rest[g.dice.below(len(rest))]
	g.emit(&events.StaffRemoved{Staff: events.Staff{PersonID: s.PersonID, AgencyID: s.AgencyID, Role: s.Role}})
	first, last := randomName(&g.dice)
	*s = staff(len(g.roster.staff), s.AgencyID, s.Role, first+" "+last)
	g.emit(&events.StaffAssigned{Staff: *s})
}

// supervisor returns a person who may transfer consumers within an agency: its
// manager or a level-2 staff member, or "" if it has none.
func (g *generator) supervisor(agency int) (person, role string) {
	for _, s := range g.roster.staff {
		if s.AgencyID == agencyID(agency) && s.Role != "admin_l1" {
			if person, role = s.PersonID, s.Role; g.dice.chance(500) {
				break
			}
		}
	}
	return person, role
}

// acceptsConsumers reports whether an agent accepts new consumers. The agent without
// consumers and the decertified agent do not.
func (g *generator) acceptsConsumers(a int) bool { return a != g.roster.empty && a != g.decertified }

// pickAgent returns a random agent who accepts consumers, other than not, or nobody.
func (g *generator) pickAgent(not int) int {
	for range 40 {
		if a := g.roster.pickAgent(&g.dice); g.acceptsConsumers(a) && a != not {
			return a
		}
	}
	return nobody
}

// colleague returns another agent of the same agency or, if it finds none, of any
// agency.
func (g *generator) colleague(of int) int {
	for range 40 {
		a := g.dice.below(g.config.Agents)
		if d := g.dice.below(9) - 4; d != 0 { // most colleagues have a close index
			a = of + d
		}
		if a < 0 || a >= g.config.Agents || a == of || a == 0 && g.config.Consumers >= largePopulation {
			continue // the first agent has enough
		}
		if g.acceptsConsumers(a) && g.roster.agencyOf[a] == g.roster.agencyOf[of] {
			return a
		}
	}
	return g.pickAgent(of)
}
