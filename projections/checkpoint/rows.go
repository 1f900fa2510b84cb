package checkpoint

import (
	"crypto/sha256"
	"encoding/binary"

	"golang.org/x/mod/sumdb/tlog"

	"bookledger/events/record/merkle"
	"bookledger/projections/book"
)

// RowKeyHash returns the hash that orders a row in its tree.
func RowKeyHash(k book.RowKey) merkle.Hash {
	b := []byte("bookledger row\x00")
	for _, s := range [...]string{k.CaseID, k.MemberID} {
		b = append(binary.BigEndian.AppendUint64(b, uint64(len(s))), s...)
	}
	return sha256.Sum256(binary.BigEndian.AppendUint64(b, uint64(k.Year)))
}

// Salt returns the salt of a row: a hash of the row's key and of the seed of
// the last record that changed the row's case. The salt of one row reveals
// nothing about another row of the same case.
func Salt(seed, key merkle.Hash) merkle.Hash {
	return sha256.Sum256(append(append([]byte("bookledger salt\x00"), seed[:]...), key[:]...))
}

// RowHash returns the salted hash of a row in canonical form.
func RowHash(salt merkle.Hash, canonical []byte) merkle.Hash {
	h := sha256.New()
	h.Write(salt[:])
	h.Write(canonical)
	return merkle.Hash(h.Sum(nil))
}

// Leaf is a leaf of the tree of an agent's rows. It reveals nothing about a row
// to a reader who does not know the row.
type Leaf struct {
	Key merkle.Hash `json:"key"`
	Row merkle.Hash `json:"row"`
}

// Hash returns the RFC 6962 hash of the leaf.
func (l Leaf) Hash() merkle.Hash { return tlog.RecordHash(append(l.Key[:], l.Row[:]...)) }

func (l Leaf) key() merkle.Hash { return l.Key }

// RowTree is the Merkle tree of the rows of one book.
type RowTree struct{ tree[Leaf] }

// NewRowTree returns the tree of the rows of one book, in any order.
func NewRowTree(rows []book.Row) *RowTree {
	leaves := make([]Leaf, len(rows))
	var canonical []byte
	for i := range rows {
		row := &rows[i]
		canonical = row.AppendCanonical(canonical[:0])
		key := RowKeyHash(row.Key())
		leaves[i] = Leaf{key, RowHash(Salt(row.Case.Changed.Seed, key), canonical)}
	}
	return &RowTree{newTree(leaves)}
}

// RowProof proves that a leaf is in the tree of an agent's rows. Index counts
// from 0. Evidence contains the proof as JSON.
type RowProof struct {
	Index uint64 `json:"index"`
	Leaf
	Path tlog.RecordProof `json:"path"`
}

// Prove returns the proof of the leaf with that index, which must be less than
// Size.
func (r *RowTree) Prove(index uint64) (RowProof, error) {
	path, err := r.path(index)
	if err != nil {
		return RowProof{}, err
	}
	return RowProof{index, r.leaves[index], path}, nil
}

// Check verifies the proof against the root of a tree with size leaves.
func (p RowProof) Check(size uint64, root merkle.Hash) error {
	return checkInclusion("row", p.Leaf, p.Index, p.Path, size, root)
}
