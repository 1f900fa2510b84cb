package checkpoint

import (
	"bytes"
	"fmt"
	"slices"

	"golang.org/x/mod/sumdb/tlog"

	"bookledger/events/record/merkle"
)

// leaf is a leaf of a tree. Its key is a hash, so its position reveals nothing,
// and its absence can be proved: two neighboring leaves enclose the missing
// key.
type leaf interface {
	key() merkle.Hash
	Hash() merkle.Hash // RFC 6962 leaf hash
}

// tree is a Merkle tree whose leaves are ordered by their keys.
type tree[L leaf] struct {
	leaves []L
	merkle *merkle.Memory
}

func compareHashes(a, b merkle.Hash) int { return bytes.Compare(a[:], b[:]) }

// newTree returns the tree of leaves. It sorts leaves in place.
func newTree[L leaf](leaves []L) tree[L] {
	slices.SortFunc(leaves, func(a, b L) int { return compareHashes(a.key(), b.key()) })
	t := tree[L]{leaves, merkle.NewMemory()}
	for _, l := range leaves {
		t.merkle.Append(l.Hash())
	}
	return t
}

// Root returns the root of the tree. The root of an empty tree is the hash of
// the empty string.
func (t tree[L]) Root() merkle.Hash {
	root, _ := t.merkle.TreeRoot(t.Size()) // a tree in memory lacks no nodes
	return root
}

// Size returns the number of leaves.
func (t tree[L]) Size() uint64 { return t.merkle.Size() }

// Find returns the index of the leaf with a key. If there is none, it returns
// the index at which the leaf would be.
func (t tree[L]) Find(key merkle.Hash) (index uint64, found bool) {
	i, found := slices.BinarySearchFunc(t.leaves, key, func(l L, key merkle.Hash) int { return compareHashes(l.key(), key) })
	return uint64(i), found
}

// path returns the audit path from the leaf with that index to the root.
func (t tree[L]) path(index uint64) (tlog.RecordProof, error) {
	return t.merkle.InclusionProof(index+1, t.Size())
}

// checkInclusion verifies that a leaf has that index in a tree with size leaves
// and that root. what names the kind of leaf in errors.
func checkInclusion(what string, l leaf, index uint64, path tlog.RecordProof, size uint64, root merkle.Hash) error {
	if index >= size {
		return fmt.Errorf("checking %s %d: the tree has only %d leaves", what, index+1, size)
	}
	if err := tlog.CheckRecord(path, int64(size), root, int64(index), l.Hash()); err != nil {
		return fmt.Errorf("checking that %s %d is among the %d %ss: %w", what, index+1, size, what, err)
	}
	return nil
}
