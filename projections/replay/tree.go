package replay

import (
	"errors"
	"fmt"

	"golang.org/x/mod/sumdb/tlog"

	"bookledger/events/record/tree"
)

// KeepTree has the replay keep the journal's tree, in 32 bytes a record. It is
// called before the first record.
func (r *Replay) KeepTree() { r.tree = tree.NewMemory() }

// TreeRoot returns the root of the first size records.
func (r *Replay) TreeRoot(size uint64) ([32]byte, error) {
	if err := r.holds(size); err != nil {
		return [32]byte{}, err
	}
	return tree.Root(size, r.tree)
}

// Inclusion returns the proof that a record is among the first size.
func (r *Replay) Inclusion(seq, size uint64) (tlog.RecordProof, error) {
	if err := r.holds(size); err != nil {
		return nil, err
	}
	return tree.Inclusion(seq, size, r.tree)
}

// Consistency returns the proof that the first to records begin with the first
// from.
func (r *Replay) Consistency(from, to uint64) (tlog.TreeProof, error) {
	if err := r.holds(to); err != nil {
		return nil, err
	}
	return tree.Consistency(from, to, r.tree)
}

func (r *Replay) holds(size uint64) error {
	if r.tree == nil {
		return errors.New("reading the tree of a replay: it was not kept")
	}
	if size > r.tree.Size() {
		return fmt.Errorf("reading the tree of %d records: %d were replayed", size, r.tree.Size())
	}
	return nil
}
