package synthetic

import (
	"sort"
	"strconv"

	"bookledger/events"
)

// staffOfFirst is the number of staff of the first agency. It always has all three
// roles, and its staff never change.
const staffOfFirst = 3

// With largePopulation consumers or more, about firstAgentShare of them choose the
// first agent, and at least firstAgentMinimum stay.
const (
	largePopulation   = 3_000
	firstAgentShare   = 2_330
	firstAgentMinimum = 2_120
)

// nobody is the index of no agent.
const nobody = -1

// roster contains the agents, agencies and staff. The initial roster depends only on
// the configuration.
type roster struct {
	agencyOf []int // the agency of each agent
	agencies int
	staff    []events.Staff
	sums     []int // cumulative weights of the agents
	second   int   // the agent of the second agency who can sign in
	empty    int   // the agent without consumers, or nobody
	leaver   int   // the agent who is decertified at the end, or nobody
}

func newRoster(c Config) *roster {
	r := &roster{empty: nobody, leaver: nobody, agencyOf: make([]int, 0, c.Agents)}
	for len(r.agencyOf) < c.Agents {
		g := r.agencies
		r.agencies++
		size := min(agencySize(g, c.Agents), c.Agents-len(r.agencyOf))
		if g == 1 {
			r.second = len(r.agencyOf)
		}
		for range size {
			r.agencyOf = append(r.agencyOf, g)
		}
		roles := []string{"manager", "admin_l1", "admin_l2"}
		if g > 0 && size < 3 {
			roles = roles[:size-1]
		}
		for _, role := range roles {
			n := len(r.staff)
			d := newDice(c.Seed, streamAgency, uint64(n)<<1|1)
			first, last := randomName(&d)
			r.staff = append(r.staff, staff(n, agencyID(g), role, first+" "+last))
		}
	}
	if c.Agents >= 4 {
		r.empty = c.Agents - 1
	}
	if c.Agents >= 9 {
		r.leaver = 7 // in the third agency, where colleagues can receive the consumers
	}
	r.assignWeights(c)
	return r
}

// agencySize returns the initial number of agents in an agency.
func agencySize(g, agents int) int {
	sizes := tables().AgencySizes
	switch {
	case agents < 9 && g == 0:
		return (agents + 1) / 2
	case agents < 9:
		return []int{3, 1}[g%2]
	case g%250 == 120:
		return 40
	}
	return sizes[g%len(sizes)]
}

// staff returns the n-th staff member.
func staff(n int, agency, role, name string) events.Staff {
	person := "P" + strconv.Itoa(500_001+n)
	return events.Staff{PersonID: person, AgencyID: agency, Role: role, Name: name, Email: person + "@example.org"}
}

// assignWeights sets each agent's share of the cases. The first agent gets
// firstAgentShare of the consumers, or a third of a smaller population. The empty
// agent gets none. The others get a size from the table of book sizes by rank.
func (r *roster) assignWeights(c Config) {
	d := newDice(c.Seed, streamRoster, 0)
	ranks := make([]int, c.Agents)
	for i := range ranks {
		ranks[i] = i
		j := d.below(i + 1)
		ranks[i], ranks[j] = ranks[j], ranks[i]
	}
	weights, others := make([]int, c.Agents), 0
	for i := 1; i < c.Agents; i++ {
		rank := (ranks[i]*10_000 + 5_000) / c.Agents
		for _, s := range tables().BookSizes {
			if rank < s.Rank {
				weights[i] = d.between(s.Least, s.Most)
				break
			}
		}
		switch i {
		case r.empty:
			weights[i] = 0
		case r.second:
			weights[i] = max(weights[i], 40) // someone who signs in must have consumers
		}
		others += weights[i]
	}
	weights[0] = max(1, others/2)
	if c.Consumers >= largePopulation {
		weights[0] = max(1, others*firstAgentShare/(c.Consumers-firstAgentShare))
	}
	sum := 0
	for _, weight := range weights {
		sum += weight
		r.sums = append(r.sums, sum)
	}
}

// pickAgent returns a random agent, by weight.
func (r *roster) pickAgent(d *dice) int {
	return sort.SearchInts(r.sums, d.below(r.sums[len(r.sums)-1])+1)
}

// agentName returns the name of an agent.
func (c Config) agentName(a int) (first, last string) {
	d := newDice(c.Seed, streamRoster, uint64(a)+1)
	return randomName(&d)
}
