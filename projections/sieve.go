package projections

import "hash/maphash"

// A sieve tells of most keys that it has never seen that they are new; of the
// rest, and of all that it has seen, it cannot tell. (It is a Bloom filter.)
// While a store is built from the first record on, it spares the look-up of
// every id and case that is new, which nearly all are.
type sieve struct {
	seed  maphash.Seed
	words []uint64 // a key is four bits of one word
}

// sieveWords is of 16 MiB: with ten million keys one in a hundred is looked up
// in vain, with twenty million one in twenty.
const sieveWords = 1 << 21

func newSieve() *sieve {
	return &sieve{maphash.MakeSeed(), make([]uint64, sieveWords)}
}

// add takes a key in and tells whether it is surely new.
func (s *sieve) add(key []byte) (isNew bool) {
	h := maphash.Bytes(s.seed, key)
	mask := uint64(1)<<(h%64) | 1<<(h>>6%64) | 1<<(h>>12%64) | 1<<(h>>18%64)
	word := &s.words[h>>24%sieveWords]
	isNew = *word&mask != mask
	*word |= mask
	return isNew
}
