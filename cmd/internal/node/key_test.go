package node_test

import (
	"errors"
	"os"
	"path/filepath"
	"testing"

	"bookledger/cmd/internal/fixture"
	"bookledger/cmd/internal/node"
	"bookledger/projections"
	"bookledger/projections/checkpoint"
)

// TestChangeKey seals with the key of the folder, and with those to which it
// hands over, wherever a crash has left them; without it nothing is signed, and
// nothing changed.
func TestChangeKey(t *testing.T) {
	n := fixture.Ledger(t, 4)
	key, next := filepath.Join(n.Dir, "seal.key"), filepath.Join(n.Dir, "seal.key.next")
	for i, c := range read(t, n, (*projections.View).Checkpoints) {
		if err := n.SealerOfStopped().Seal(t.Context(), c.Friday); err != nil {
			t.Fatal(err)
		}
		before := read(t, n, (*projections.View).Keys)
		vkey, seq, err := n.ChangeKey(t.Context(), before)
		if err := errors.Join(err, n.CatchUp(t.Context())); err != nil {
			t.Fatal(err)
		}
		after := read(t, n, (*projections.View).Keys)
		if text := after.Until(seq); after.Current().KeyHash() == before.Current().KeyHash() || text[len(text)-1] != vkey {
			t.Fatalf("record %d hands over to %q, want %s", seq, text, vkey)
		}
		if i%2 == 0 { // a crash has left it where it was made
			if err := os.Rename(key, next); err != nil {
				t.Fatal(err)
			}
		}
	}
	if err := n.CompareSeals(); err != nil {
		t.Fatal(err)
	}
	signed(t, n, 1)
	if err := errors.Join(os.Remove(key), os.RemoveAll(next)); err != nil {
		t.Fatal(err)
	}
	if _, _, err := n.ChangeKey(t.Context(), read(t, n, (*projections.View).Keys)); !errors.Is(err, node.ErrNoKey) {
		t.Errorf("without the key: %v", err)
	}
}

// TestWithoutKey seals on a node that does not have the key.
func TestWithoutKey(t *testing.T) {
	n := fixture.Ledger(t, 2)
	if err := os.Remove(filepath.Join(n.Dir, "seal.key")); err != nil {
		t.Fatal(err)
	}
	all := read(t, n, (*projections.View).Checkpoints)
	if err := n.SealerOfStopped().Seal(t.Context(), all[len(all)-1].Friday); err != nil {
		t.Fatal(err)
	}
	signed(t, n, 0)
}

// read reads from a view of what is applied.
func read[T any](t *testing.T, n *node.Node, from func(v *projections.View) (T, error)) T {
	t.Helper()
	v, err := n.Projection.View()
	if err != nil {
		t.Fatal(err)
	}
	read, err := from(v)
	if err := errors.Join(err, v.Close()); err != nil {
		t.Fatal(err)
	}
	return read
}

// signed holds that every Friday is sealed, with so many signatures.
func signed(t *testing.T, n *node.Node, signatures int) {
	t.Helper()
	for _, c := range read(t, n, (*projections.View).Checkpoints) {
		have := read(t, n, func(v *projections.View) (have []checkpoint.Signature, err error) {
			_, have, _, err = v.Seal(c.Friday)
			return have, err
		})
		if !c.Sealed || len(have) != signatures {
			t.Errorf("Friday %s: sealed %t with %d signatures", c.Friday, c.Sealed, len(have))
		}
	}
}
