package synthetic

import (
	"fmt"

	"bookledger/events"
)

// openAgencies registers the agencies, and in each its agents and staff.
func (w *world) openAgencies() {
	next, staff := 0, w.roster.staff
	for g := range w.roster.agencies {
		first := next
		for next < len(w.roster.agents) && w.roster.agents[next].agency == g {
			next++
		}
		w.say(&events.AgencyRegistered{AgencyID: agencyID(g), Name: w.roster.agencyName(g, first, next-first)})
		for a := first; a < next; a++ {
			firstName, lastName := w.roster.agentName(a)
			w.say(&events.AgentCertified{
				AgentID: agentID(a), AgencyID: agencyID(g), FirstName: firstName, LastName: lastName,
				LicenseNumber: license(w.c.Seed, a), Email: fmt.Sprintf("%s.%d@example.com", mailbox(firstName, lastName), a+1),
			})
		}
		for ; len(staff) > 0 && staff[0].agency == g; staff = staff[1:] {
			w.say(assigned(staff[0]))
		}
	}
}

func assigned(s staffPlace) *events.StaffAssigned {
	return &events.StaffAssigned{Staff: events.Staff{
		PersonID: s.person, AgencyID: agencyID(s.agency), Role: s.role, Name: s.name,
		Email: s.person + "@example.org",
	}}
}

// planAgencies plans what happens among agents in week: a few move to another
// agency, staff changes, a book is handed over, and in the last week one
// agent is decertified.
func (w *world) planAgencies(week int, from, to int64) {
	movers := 0
	if len(w.roster.agents) >= 9 {
		movers = 1 + len(w.roster.agents)/60
	}
	for i := range movers {
		if (1+i)%w.c.Weeks == week {
			w.plan(w.moment(from, to), (*world).moveAgent, -1, -1)
		}
	}
	if week == w.c.Weeks/2 {
		w.plan(w.moment(from, to), (*world).changeStaff, -1, -1)
	}
	if week == w.c.Weeks-1 && w.roster.leaver >= 0 {
		at := from + (to-from)*3/4
		w.plan(at, (*world).decertify, -1, int32(w.roster.leaver))
		w.plan(at+(to-at)/4, (*world).handOver, -1, int32(w.roster.leaver))
	}
	if week%4 == 1 || w.c.Weeks == 1 {
		w.plan(w.moment(from, to), (*world).handOver, -1, -1)
	}
}

// steady tells whether an agent stays as it is: those who sign in, the one
// without consumers and the one who leaves.
func (w *world) steady(a int) bool {
	return a == 0 || a == w.roster.second || a == w.roster.empty || a == w.roster.leaver
}

func (w *world) moveAgent(_, _ int32) {
	for range 40 {
		a, g := w.dice.below(len(w.roster.agents)), w.dice.below(w.roster.agencies)
		if w.steady(a) || w.agency[a] == int32(g) {
			continue
		}
		w.agency[a] = int32(g)
		w.say(&events.AgentMoved{AgentID: agentID(a), AgencyID: agencyID(g)})
		return
	}
}

// changeStaff puts a new person into a role outside the first agency.
func (w *world) changeStaff(_, _ int32) {
	rest := w.roster.staff[staffOfFirst:]
	if len(rest) == 0 {
		return
	}
	s := &rest[w.dice.below(len(rest))]
	w.say(&events.StaffRemoved{Staff: events.Staff{PersonID: s.person, AgencyID: agencyID(s.agency), Role: s.role}})
	first, last := anyName(&w.dice)
	s.person, s.name = staffPersonID(len(w.roster.staff)), first+" "+last
	w.say(assigned(*s))
}

// overseer is who moves consumers within an agency: its manager or a staff
// member of level 2, or "" where it has none.
func (w *world) overseer(agency int32) (person, role string) {
	for _, s := range w.roster.staff {
		if s.agency == int(agency) && s.role != "admin_l1" {
			if person, role = s.person, s.role; w.dice.chance(500) {
				break
			}
		}
	}
	return person, role
}

func (w *world) decertify(_, agent int32) {
	w.gone = agent
	w.say(&events.AgentDecertified{AgentID: agentID(int(agent)), Reason: "License expired"})
}

// takes tells whether consumers come to an agent: not to the one who is to
// have none, and not to one whose certification has ended.
func (w *world) takes(a int) bool { return a != w.roster.empty && int32(a) != w.gone }

// openAgent is an agent to whom a consumer turns, other than not.
func (w *world) openAgent(not int32) (int32, bool) {
	for range 40 {
		if a := w.roster.home(&w.dice); w.takes(a) && int32(a) != not {
			return int32(a), true
		}
	}
	return 0, false
}

// colleague is an agent of the same agency, or where there is none any other.
func (w *world) colleague(of int32) (int32, bool) {
	for range 40 {
		a := int32(w.dice.below(len(w.agency)))
		if d := w.dice.below(9) - 4; d != 0 { // most colleagues stand near in the roster
			a = of + int32(d)
		}
		if a < 0 || int(a) >= len(w.agency) || a == of || a == 0 && w.c.Consumers >= bigWorld {
			continue // the first agent has enough
		}
		if w.takes(int(a)) && w.agency[a] == w.agency[of] {
			return a, true
		}
	}
	return w.openAgent(of)
}
