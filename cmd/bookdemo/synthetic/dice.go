package synthetic

import (
	"math/bits"
	"math/rand/v2"
)

// dice is a seeded source of random choices. It uses only raw values of PCG, whose
// sequence is specified, so the choices do not depend on the Go release.
type dice struct{ pcg rand.PCG }

// The random streams of a history. Each kind of choice has its own stream, so that
// it can be computed again instead of being stored.
const (
	streamHistory = iota + 1
	streamPeople
	streamStreet
	streamContact
	streamMoney
	streamPlan
	streamRoster
	streamAgency
)

// newDice returns the dice of a stream for the item with an index.
func newDice(seed, stream, index uint64) dice {
	return dice{*rand.NewPCG(mix(seed+stream*0x9e3779b97f4a7c15), mix(index+stream<<56))}
}

// mix is the finalizer of SplitMix64. It is a bijection.
func mix(x uint64) uint64 {
	x += 0x9e3779b97f4a7c15
	x = (x ^ x>>30) * 0xbf58476d1ce4e5b9
	x = (x ^ x>>27) * 0x94d049bb133111eb
	return x ^ x>>31
}

// below returns a number from 0 to n-1.
func (d *dice) below(n int) int {
	high, _ := bits.Mul64(d.pcg.Uint64(), uint64(n))
	return int(high)
}

// between returns a number from low to high, inclusive.
func (d *dice) between(low, high int) int { return low + d.below(high-low+1) }

// chance returns true with a probability in thousandths.
func (d *dice) chance(perThousand int) bool { return d.below(1000) < perThousand }

// weighted returns an index of weights, with probability proportional to its weight.
func (d *dice) weighted(weights ...int) int {
	sum := 0
	for _, w := range weights {
		sum += w
	}
	roll := d.below(sum)
	for i, w := range weights {
		if roll -= w; roll < 0 {
			return i
		}
	}
	return len(weights) - 1
}

// pick returns an element of list.
func pick[T any](d *dice, list []T) T { return list[d.below(len(list))] }

// weighted returns an entry of table, with probability proportional to its weight.
func weighted[T interface{ weight() int }](d *dice, table []T) T {
	weights := make([]int, 0, 16) // enough for all tables; stays off the heap
	for _, entry := range table {
		weights = append(weights, entry.weight())
	}
	return table[d.weighted(weights...)]
}
