package projections

import "hash/maphash"

// A sieve tells of most keys that it has never seen that they are new; of the
// rest, and of all that it has seen, it cannot tell. (It is a Bloom filter.)
// While a store is built from the first record on, it spares the look-up of
// every id and case that is new, which nearly all are.
type sieve struct {
	seed maphash.Seed
	bits []uint64
}

// sieveBits is of 16 MiB: with ten million keys one in two hundred is looked
// up in vain, with fifty million two in five.
const sieveBits = 1 << 27

func newSieve() *sieve {
	return &sieve{maphash.MakeSeed(), make([]uint64, sieveBits/64)}
}

// add takes a key in and tells whether it is surely new.
func (s *sieve) add(key string) (isNew bool) {
	h := maphash.String(s.seed, key)
	step := h>>32 | 1
	for range 4 {
		bit := h % sieveBits
		word, mask := &s.bits[bit/64], uint64(1)<<(bit%64)
		isNew = isNew || *word&mask == 0
		*word |= mask
		h += step
	}
	return isNew
}
