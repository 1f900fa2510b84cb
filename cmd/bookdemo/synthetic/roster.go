package synthetic

import (
	"sort"
	"strconv"

	"bookledger/events"
)

// staffOfFirst is the staff of the first agency, which always has all three
// roles, and whose staff nobody removes.
const staffOfFirst = 3

// bigBook is how many consumers choose the first agent, and bigFloor how many
// of them stay with it, in a world of bigWorld consumers or more.
const (
	largePopulation   = 3_000
	firstAgentShare   = 2_330
	firstAgentMinimum = 2_120
)

// nobody stands for an agent where there is none.
const nobody = -1

// roster is who works in the world. As it is at the beginning, it follows from
// the configuration alone.
type roster struct {
	agencyOf []int // of each agent
	agencies int
	staff    []events.Staff
	sums     []int // of the agents' weights, up to and with each
	second   int   // an agent of another agency than the first, who stays
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
		r.leaver = 7 // of the third agency, so that there are colleagues to take the consumers
	}
	r.assignWeights(c)
	return r
}

// agencySize is how many agents begin in an agency.
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

// staff is the n-th person to work for an agency.
func staff(n int, agency, role, name string) events.Staff {
	person := "P" + strconv.Itoa(500_001+n)
	return events.Staff{PersonID: person, AgencyID: agency, Role: role, Name: name, Email: person + "@example.org"}
}

// weigh gives every agent but the empty one its part of the cases: the first
// agent gets bigBook of the consumers, or a third of a smaller world, and the
// others draw from the sizes of books, one of each rank.
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
			weights[i] = max(weights[i], 40) // who signs in has something to see
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

// home is an agent for a case, by the weights.
func (r *roster) pickAgent(d *dice) int {
	return sort.SearchInts(r.sums, d.below(r.sums[len(r.sums)-1])+1)
}

// agentName is the name of an agent.
func (c Config) agentName(a int) (first, last string) {
	d := newDice(c.Seed, streamRoster, uint64(a)+1)
	return randomName(&d)
}
