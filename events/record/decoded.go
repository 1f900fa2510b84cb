package record

import (
	"crypto/sha256"

	"bookledger/events"
)

// Decoded is a record with what follows from it alone: the hash of its leaf and
// its checked event.
type Decoded struct {
	Record
	Leaf [32]byte
	events.Checked
}

// Decoder decodes records, one after the other; use one for each goroutine. The
// zero Decoder is ready.
type Decoder struct{ checker events.Checker }

// Decode hashes the record's leaf and checks its event.
func (d *Decoder) Decode(r Record) Decoded {
	return Decoded{Record: r, Leaf: r.LeafHash(), Checked: d.checker.Check(r.Subject, r.Body)}
}

// Seed returns what salts the rows that the record changes: the hash of its
// leaf hash and of its body. The leaf hash alone would not do, for it stands in
// proofs of other records; the seed follows from the record and stands in none.
func (d *Decoded) Seed() [32]byte {
	var room [2048]byte // most bodies have room on the stack
	seed := append(append(room[:0], "bookledger seed\x00"...), d.Leaf[:]...)
	return sha256.Sum256(append(seed, d.Body...))
}
