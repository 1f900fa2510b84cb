package replay

import (
	"fmt"

	"golang.org/x/mod/sumdb/tlog"

	"bookledger/events/record/merkle"
)

// TreeRoot returns the root of the first size records.
func (r *Replay) TreeRoot(size uint64) ([32]byte, error) {
	if err := r.holds(size); err != nil {
		return [32]byte{}, err
	}
	return merkle.Root(size, r.tree)
}

// LeafHash returns the leaf hash of a record that was replayed.
func (r *Replay) LeafHash(seq uint64) ([32]byte, error) {
	if err := r.holds(seq); err != nil || seq == 0 {
		return [32]byte{}, err
	}
	t, at := merkle.LeafTile(seq)
	hashes, err := r.tree.Tile(t)
	if err != nil {
		return [32]byte{}, err
	}
	return merkle.At(hashes, at), nil
}

// Inclusion returns the proof that a record is among the first size.
func (r *Replay) Inclusion(seq, size uint64) (tlog.RecordProof, error) {
	if err := r.holds(size); err != nil {
		return nil, err
	}
	return merkle.Inclusion(seq, size, r.tree)
}

// Consistency returns the proof that the first to records begin with the first
// from.
func (r *Replay) Consistency(from, to uint64) (tlog.TreeProof, error) {
	if err := r.holds(to); err != nil {
		return nil, err
	}
	return merkle.Consistency(from, to, r.tree)
}

func (r *Replay) holds(size uint64) error {
	if size > r.tree.Size() {
		return fmt.Errorf("reading the tree of %d records: %d were replayed", size, r.tree.Size())
	}
	return nil
}
