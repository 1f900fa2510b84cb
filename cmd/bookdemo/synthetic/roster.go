package synthetic

import (
	"fmt"
	"sort"
)

// agentPlace is where an agent works at the beginning, and how likely its
// book is the home of a case, of all the agents' weights together.
type agentPlace struct {
	agency int
	weight int
}

// staffPlace is a person's role in an agency.
type staffPlace struct {
	person string
	name   string
	role   string
	agency int
}

// staffOfFirst is the staff of the first agency, which always has all three
// roles, and whose staff nobody removes.
const staffOfFirst = 3

// bigBook is how many consumers choose the first agent, and bigFloor how many
// of them stay with it, in a world of bigWorld consumers or more.
const (
	bigWorld = 3_000
	bigBook  = 2_330
	bigFloor = 2_120
)

// rosterOf is who works in the world: it follows from the configuration alone.
type rosterOf struct {
	seed     uint64
	agents   []agentPlace
	agencies int
	staff    []staffPlace
	sums     []int // of the agents' weights, up to and with each
	second   int   // an agent of another agency than the first, who stays
	empty    int   // the agent without consumers, or -1
	leaver   int   // the agent who is decertified at the end, or -1
}

func roster(c Config) *rosterOf {
	r := &rosterOf{seed: c.Seed, empty: -1, leaver: -1, agents: make([]agentPlace, 0, c.Agents)}
	for g := 0; len(r.agents) < c.Agents; g++ {
		size := min(agencySize(g, c.Agents), c.Agents-len(r.agents))
		if g == 1 {
			r.second = len(r.agents)
		}
		for range size {
			r.agents = append(r.agents, agentPlace{agency: g})
		}
		r.hire(g, size)
		r.agencies = g + 1
	}
	if c.Agents >= 4 {
		r.empty = c.Agents - 1
	}
	if c.Agents >= 9 {
		r.leaver = 7 // of the third agency, so that there are colleagues to take the consumers
	}
	r.weigh(c)
	return r
}

// agencySize is how many agents begin in an agency, three on average; many
// are independents, an agency of one.
func agencySize(g, agents int) int {
	sizes := []int{5, 1, 4, 2, 1, 6, 1, 3, 1, 7, 1, 4}
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

// hire gives an agency its staff, as its size needs.
func (r *rosterOf) hire(agency, size int) {
	roles := []string{"manager", "admin_l1", "admin_l2"}
	switch {
	case agency == 0 || size >= 3:
	case size == 2:
		roles = roles[:1]
	default:
		roles = nil
	}
	for _, role := range roles {
		n := len(r.staff)
		d := newDice(r.seed, streamAgency, uint64(n)<<1|1)
		first, last := anyName(&d)
		r.staff = append(r.staff, staffPlace{person: staffPersonID(n), name: first + " " + last, role: role, agency: agency})
	}
}

// bookSizes are the sizes of books by the agents' rank, in ten-thousandths:
// half have some 40 rows or fewer, one in a hundred thousands.
var bookSizes = []struct{ rank, low, high int }{
	{1_000, 2, 5}, {3_000, 6, 20}, {5_000, 20, 40}, {7_500, 40, 90}, {9_000, 90, 230}, {9_700, 230, 600},
	{9_900, 600, 1_700}, {9_970, 2_000, 5_000}, {10_000, 9_000, 16_000},
}

// weigh gives every agent but the empty one its part of the cases: the first
// agent's is large, the others' are drawn from bookSizes, one of each rank.
func (r *rosterOf) weigh(c Config) {
	d := newDice(c.Seed, streamRoster, 0)
	ranks := make([]int, len(r.agents))
	for i := range ranks {
		ranks[i] = i
		j := d.below(i + 1)
		ranks[i], ranks[j] = ranks[j], ranks[i]
	}
	others := 0
	for i := 1; i < len(r.agents); i++ {
		rank := (ranks[i]*10_000 + 5_000) / len(r.agents)
		for _, s := range bookSizes {
			if rank < s.rank {
				r.agents[i].weight = d.between(s.low, s.high)
				break
			}
		}
		switch i {
		case r.empty:
			r.agents[i].weight = 0
		case r.second:
			r.agents[i].weight = max(r.agents[i].weight, 40) // who signs in has something to see
		}
		others += r.agents[i].weight
	}
	r.agents[0].weight = firstWeight(c.Consumers, others)
	r.sums = make([]int, len(r.agents))
	sum := 0
	for i, a := range r.agents {
		sum += a.weight
		r.sums[i] = sum
	}
}

// firstWeight is the weight with which the first agent gets bigBook of the
// consumers, or a third of a smaller world.
func firstWeight(consumers, others int) int {
	switch {
	case others == 0:
		return 1
	case consumers < bigWorld:
		return max(1, others/2)
	}
	return max(1, int(int64(others)*bigBook/int64(consumers-bigBook)))
}

// home is an agent for a case, by the weights.
func (r *rosterOf) home(d *dice) int {
	return sort.SearchInts(r.sums, d.below(r.sums[len(r.sums)-1])+1)
}

// agentName is the name of an agent.
func (r *rosterOf) agentName(a int) (first, last string) {
	d := newDice(r.seed, streamRoster, uint64(a)+1)
	return anyName(&d)
}

// license is the license number of an agent, like 0K12345.
func license(seed uint64, a int) string {
	letter := 'A' + rune(mix(seed+uint64(a))%13)
	return fmt.Sprintf("0%c%05d", letter, (a*7_919+int(mix(seed)%100_000))%100_000)
}

// agencyName is the name of an agency; an independent's has the agent's.
func (r *rosterOf) agencyName(g, firstAgent, size int) string {
	d := newDice(r.seed, streamAgency, uint64(g)<<1)
	if size == 1 {
		_, last := r.agentName(firstAgent)
		return last + " " + pick(&d, words().AgencySecond)
	}
	name := pick(&d, words().AgencyFirst) + " " + pick(&d, words().AgencySecond)
	if d.chance(400) {
		name += " of " + words().Places[d.below(len(words().Places)-4)].City
	}
	return name
}

// anyName is someone's name.
func anyName(d *dice) (first, last string) {
	h := &words().Heritages[d.weighted(words().heritageWeights...)]
	first = pick(d, h.Women)
	if d.chance(500) {
		first = pick(d, h.Men)
	}
	return first, pick(d, h.Families)
}
