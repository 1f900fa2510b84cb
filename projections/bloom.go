package projections

import "hash/maphash"

// bloom is a Bloom filter: it recognizes most keys that it has never seen as
// new. While a store is built from the first record on, it spares the look-up
// of every id and case that is new, which nearly all are.
type bloom struct {
	seed  maphash.Seed
	words []uint64 // a key is four bits of one word
}

// bloomWords makes 16 MiB: with ten million keys one in a hundred is looked up
// in vain, with twenty million one in twenty.
const bloomWords = 1 << 21

func newBloom() *bloom {
	return &bloom{maphash.MakeSeed(), make([]uint64, bloomWords)}
}

// add adds a key and reports whether it is surely new.
func (s *bloom) add(key []byte) (isNew bool) {
	h := maphash.Bytes(s.seed, key)
	mask := uint64(1)<<(h%64) | 1<<(h>>6%64) | 1<<(h>>12%64) | 1<<(h>>18%64)
	word := &s.words[h>>24%bloomWords]
	isNew = *word&mask != mask
	*word |= mask
	return isNew
}
