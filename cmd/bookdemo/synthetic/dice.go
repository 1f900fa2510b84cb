package synthetic

import (
	"math/bits"
	"math/rand/v2"
)

// dice are a seeded source of choices. They take only raw 64-bit values from
// the generator, whose sequence is specified: the choices made of them here
// cannot change with a release of Go.
type dice struct{ pcg rand.PCG }

// The streams of a world: each question has its own, so that an answer can be
// found again without being kept.
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

// newDice gives the dice of one stream for the thing with this index.
func newDice(seed, stream, index uint64) dice {
	return dice{*rand.NewPCG(mix(seed+stream*0x9e3779b97f4a7c15), mix(index+stream<<56))}
}

// mix is the finalizer of SplitMix64, a bijection.
func mix(x uint64) uint64 {
	x += 0x9e3779b97f4a7c15
	x = (x ^ x>>30) * 0xbf58476d1ce4e5b9
	x = (x ^ x>>27) * 0x94d049bb133111eb
	return x ^ x>>31
}

// below is one of 0 to n-1.
func (d *dice) below(n int) int {
	high, _ := bits.Mul64(d.pcg.Uint64(), uint64(n))
	return int(high)
}

// between is one of low to high, both included.
func (d *dice) between(low, high int) int { return low + d.below(high-low+1) }

// chance is true in so many of a thousand.
func (d *dice) chance(perThousand int) bool { return d.below(1000) < perThousand }

// weighted is an index of weights, each as likely as its weight says.
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

// pick is one of list.
func pick[T any](d *dice, list []T) T { return list[d.below(len(list))] }

// weighted is one entry of a table, each as likely as its weight says.
func weighted[T interface{ weight() int }](d *dice, table []T) T {
	weights := make([]int, 0, 16) // enough for the tables there are, and stays off the heap
	for _, entry := range table {
		weights = append(weights, entry.weight())
	}
	return table[d.weighted(weights...)]
}
