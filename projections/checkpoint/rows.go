package checkpoint

import (
	"crypto/sha256"
	"encoding/binary"

	"golang.org/x/mod/sumdb/tlog"

	"bookledger/events/record/merkle"
	"bookledger/projections/book"
)

// RowKeyHash returns the place of a row in the order of its tree.
func RowKeyHash(k book.RowKey) merkle.Hash {
	b := []byte("bookledger row\x00")
	for _, s := range [...]string{k.CaseID, k.MemberID} {
		b = append(binary.BigEndian.AppendUint64(b, uint64(len(s))), s...)
	}
	return sha256.Sum256(binary.BigEndian.AppendUint64(b, uint64(k.Year)))
}

// Salt returns the salt of a row: the hash of the seed of the last record that
// changed its case and of the row's key. Who knows the salt of one row
// learns nothing of another row of the same case.
func Salt(seed, key merkle.Hash) merkle.Hash {
	return sha256.Sum256(append(append([]byte("bookledger salt\x00"), seed[:]...), key[:]...))
}

// RowHash returns the hash of a row in its canonical form, salted.
func RowHash(salt merkle.Hash, canonical []byte) merkle.Hash {
	h := sha256.New()
	h.Write(salt[:])
	h.Write(canonical)
	return merkle.Hash(h.Sum(nil))
}

// Leaf is a leaf of the tree of an agent's rows, which says nothing of the row
// to whoever does not know it.
type Leaf struct {
	Key merkle.Hash `json:"key"`
	Row merkle.Hash `json:"row"`
}

// Hash returns the RFC 6962 hash of the leaf.
func (l Leaf) Hash() merkle.Hash { return tlog.RecordHash(append(l.Key[:], l.Row[:]...)) }

func (l Leaf) place() merkle.Hash { return l.Key }

// RowTree is the tree of an agent's rows.
type RowTree struct{ tree[Leaf] }

// NewRowTree makes the tree of the rows of one book, whatever their order.
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

// RowProof is a leaf, where it stands from 0 on, and its path to the root. Evidence
// holds it as JSON.
type RowProof struct {
	Index uint64 `json:"index"`
	Leaf
	Path tlog.RecordProof `json:"path"`
}

// Prove returns the leaf with that index, which must be there, and its path.
func (r *RowTree) Prove(index uint64) (RowProof, error) {
	path, err := r.path(index)
	if err != nil {
		return RowProof{}, err
	}
	return RowProof{index, r.leaves[index], path}, nil
}

// Check checks that the leaf stands at its place among size rows with that
// root.
func (p RowProof) Check(size uint64, root merkle.Hash) error {
	return check("row", p.Leaf, p.Index, p.Path, size, root)
}
