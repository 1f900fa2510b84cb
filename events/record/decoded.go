package record

import (
	"crypto/sha256"

	"bookledger/events"
)

// Decoded is a record with the values that depend on it alone: the hash of its
// leaf, and its checked event.
type Decoded struct {
	Record
	Leaf [32]byte
	events.Checked
}

// Decoder decodes records. Each goroutine needs its own. The zero Decoder is
// ready to use.
type Decoder struct{ checker events.Checker }

// Decode hashes the record's leaf and checks its event.
func (d *Decoder) Decode(r Record) Decoded {
	return Decoded{Record: r, Leaf: r.LeafHash(), Checked: d.checker.Check(r.Subject, r.Body)}
}

// Seed returns the salt for rows that the record changes: a hash of the leaf
// hash and the body. Proofs of other records reveal the leaf hash, so it cannot
// be the salt. No proof reveals the seed, and anyone who has the record can
// compute it.
func (d *Decoded) Seed() [32]byte {
	var buf [2048]byte // keeps most bodies on the stack
	seed := append(append(buf[:0], "bookledger seed\x00"...), d.Leaf[:]...)
	return sha256.Sum256(append(seed, d.Body...))
}
