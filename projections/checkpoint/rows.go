package checkpoint

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"slices"
	"sort"

	"golang.org/x/mod/sumdb/tlog"

	"bookledger/events/record/merkle"
	"bookledger/projections/book"
)

// The tree of an agent's rows. Its leaves stand in the order of their keys,
// which are hashes, so that their places tell nothing, and that a row which is
// not there can be shown not to be: its key would stand between two neighbours.

// KeyHash returns the place of a row in the order of its tree.
func KeyHash(k book.Key) merkle.Hash {
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
type Leaf struct{ Key, Row merkle.Hash }

// Hash returns the RFC 6962 hash of the leaf.
func (l Leaf) Hash() merkle.Hash { return tlog.RecordHash(append(l.Key[:], l.Row[:]...)) }

// Rows is the tree of an agent's rows.
type Rows struct {
	leaves []Leaf
	tree   *merkle.Memory
}

// NewRows makes the tree of the rows of one book, whatever their order.
func NewRows(rows []book.Row) *Rows {
	r := &Rows{leaves: make([]Leaf, len(rows)), tree: merkle.NewMemory()}
	var canonical []byte
	for i := range rows {
		row := &rows[i]
		canonical = row.AppendCanonical(canonical[:0])
		key := KeyHash(row.Key())
		r.leaves[i] = Leaf{key, RowHash(Salt(row.Case.Changed.Seed, key), canonical)}
	}
	slices.SortFunc(r.leaves, func(a, b Leaf) int { return bytes.Compare(a.Key[:], b.Key[:]) })
	for _, l := range r.leaves {
		_ = r.tree.Append(l.Hash()) // a tree in memory takes every leaf
	}
	return r
}

// Root returns the root of the rows; that of no rows is the hash of nothing.
func (r *Rows) Root() merkle.Hash {
	root, _ := merkle.Root(r.tree.Size(), r.tree) // a tree in memory is whole
	return root
}

// Size is how many rows there are.
func (r *Rows) Size() uint64 { return r.tree.Size() }

// Place is a leaf, where it stands from 0 on, and its path to the root.
type Place struct {
	Index uint64
	Leaf  Leaf
	Path  tlog.RecordProof
}

// At returns the leaf with that index, which must be there, and its path.
func (r *Rows) At(index uint64) (Place, error) {
	path, err := merkle.Inclusion(index+1, r.tree.Size(), r.tree)
	if err != nil {
		return Place{}, err
	}
	return Place{index, r.leaves[index], path}, nil
}

// Find returns where the leaf with that key stands or, where there is none,
// would stand.
func (r *Rows) Find(key merkle.Hash) (index uint64, found bool) {
	i := sort.Search(len(r.leaves), func(i int) bool { return bytes.Compare(r.leaves[i].Key[:], key[:]) >= 0 })
	return uint64(i), i < len(r.leaves) && r.leaves[i].Key == key
}

// Check checks that the leaf stands at its place among size rows with that
// root.
func (p Place) Check(size uint64, root merkle.Hash) error {
	if p.Index >= size {
		return fmt.Errorf("checking row %d: there are only %d", p.Index+1, size)
	}
	if err := tlog.CheckRecord(p.Path, int64(size), root, int64(p.Index), p.Leaf.Hash()); err != nil {
		return fmt.Errorf("checking that row %d is among the %d rows: %w", p.Index+1, size, err)
	}
	return nil
}
