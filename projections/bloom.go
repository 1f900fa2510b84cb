package projections

import "hash/maphash"

// bloom is a Bloom filter. While a store is built from the first record on, most
// event IDs and case IDs are new. The filter saves looking them up.
type bloom struct {
	seed  maphash.Seed
	words []uint64 // each key sets up to four bits of one word
}

// bloomWords makes the filter 16 MiB. The false-positive rate is 1% with ten
// million keys and 5% with twenty million.
const bloomWords = 1 << 21

func newBloom() *bloom {
	return &bloom{maphash.MakeSeed(), make([]uint64, bloomWords)}
}

// add adds a key. It reports whether the key is certainly new.
func (s *bloom) add(key []byte) (isNew bool) {
	h := maphash.Bytes(s.seed, key)
	mask := uint64(1)<<(h%64) | 1<<(h>>6%64) | 1<<(h>>12%64) | 1<<(h>>18%64)
	word := &s.words[h>>24%bloomWords]
	isNew = *word&mask != mask
	*word |= mask
	return isNew
}
