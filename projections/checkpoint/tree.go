package checkpoint

import (
	"bytes"
	"fmt"
	"slices"

	"golang.org/x/mod/sumdb/tlog"

	"bookledger/events/record/merkle"
)

// leaf is a leaf of a tree. The place of a leaf is a hash, so that its position
// tells nothing, and that a leaf which is not there can be shown not to be: its
// place would be between two neighbors.
type leaf interface {
	place() merkle.Hash
	Hash() merkle.Hash // the RFC 6962 hash
}

// tree is a Merkle tree whose leaves are in the order of their places.
type tree[L leaf] struct {
	leaves []L
	merkle *merkle.Memory
}

func compare(a, b merkle.Hash) int { return bytes.Compare(a[:], b[:]) }

// newTree makes the tree of leaves, which it sorts.
func newTree[L leaf](leaves []L) tree[L] {
	slices.SortFunc(leaves, func(a, b L) int { return compare(a.place(), b.place()) })
	t := tree[L]{leaves, merkle.NewMemory()}
	for _, l := range leaves {
		t.merkle.Append(l.Hash())
	}
	return t
}

// Root returns the root of the tree; that of no leaves is the hash of nothing.
func (t tree[L]) Root() merkle.Hash {
	root, _ := t.merkle.TreeRoot(t.Size()) // a tree in memory is whole
	return root
}

// Size returns how many leaves there are.
func (t tree[L]) Size() uint64 { return t.merkle.Size() }

// Find returns the index of the leaf with a place or, where there is none, the
// index that it would have.
func (t tree[L]) Find(place merkle.Hash) (index uint64, found bool) {
	i, found := slices.BinarySearchFunc(t.leaves, place, func(l L, place merkle.Hash) int { return compare(l.place(), place) })
	return uint64(i), found
}

// path returns the path from the leaf with an index to the root.
func (t tree[L]) path(index uint64) (tlog.RecordProof, error) {
	return t.merkle.InclusionProof(index+1, t.Size())
}

// check checks that a leaf has its index in a tree of size leaves with that
// root. What names the kind of leaf.
func check(what string, l leaf, index uint64, path tlog.RecordProof, size uint64, root merkle.Hash) error {
	if index >= size {
		return fmt.Errorf("checking %s %d: there are only %d", what, index+1, size)
	}
	if err := tlog.CheckRecord(path, int64(size), root, int64(index), l.Hash()); err != nil {
		return fmt.Errorf("checking that %s %d is among the %d %ss: %w", what, index+1, size, what, err)
	}
	return nil
}
