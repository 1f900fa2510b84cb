package node_test

import (
	"errors"
	"os"
	"path/filepath"
	"testing"

	"bookledger/cmd/internal/fixture"
	"bookledger/cmd/internal/node"
	"bookledger/events/record/treehead"
	"bookledger/projections/checkpoint"
)

// TestChangeKey seals with the key of the folder, and with those to which it
// hands over, wherever a crash has left them; without it nothing is signed, and
// nothing changed.
func TestChangeKey(t *testing.T) {
	n := fixture.Ledger(t, 4)
	key, next := filepath.Join(n.Dir, "seal.key"), filepath.Join(n.Dir, "seal.key.next")
	for i, c := range checkpoints(t, n) {
		if err := n.SealerOfStopped().Seal(t.Context(), c.Friday); err != nil {
			t.Fatal(err)
		}
		before := keys(t, n)
		vkey, seq, err := n.ChangeKey(t.Context(), before)
		if err := errors.Join(err, n.CatchUp(t.Context())); err != nil {
			t.Fatal(err)
		}
		after := keys(t, n)
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
	if _, _, err := n.ChangeKey(t.Context(), keys(t, n)); !errors.Is(err, node.ErrNoKey) {
		t.Errorf("without the key: %v", err)
	}
}

// TestWithoutKey seals on a node that does not have the key.
func TestWithoutKey(t *testing.T) {
	n := fixture.Ledger(t, 2)
	if err := os.Remove(filepath.Join(n.Dir, "seal.key")); err != nil {
		t.Fatal(err)
	}
	all := checkpoints(t, n)
	if err := n.SealerOfStopped().Seal(t.Context(), all[len(all)-1].Friday); err != nil {
		t.Fatal(err)
	}
	signed(t, n, 0)
}

// signed holds that every Friday is sealed, with so many signatures.
func signed(t *testing.T, n *node.Node, signatures int) {
	t.Helper()
	v, err := n.Projection.View()
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range checkpoints(t, n) {
		_, have, sealed, err := v.Seal(c.Friday)
		if !sealed || len(have) != signatures || err != nil {
			t.Errorf("Friday %s: sealed %t with %d signatures (%v)", c.Friday, sealed, len(have), err)
		}
	}
	if err := v.Close(); err != nil {
		t.Error(err)
	}
}

func checkpoints(t *testing.T, n *node.Node) []checkpoint.Checkpoint {
	t.Helper()
	v, err := n.Projection.View()
	if err != nil {
		t.Fatal(err)
	}
	all, err := v.Checkpoints()
	if err := errors.Join(err, v.Close()); err != nil || len(all) == 0 {
		t.Fatal(len(all), err)
	}
	return all
}

func keys(t *testing.T, n *node.Node) *treehead.Keys {
	t.Helper()
	v, err := n.Projection.View()
	if err != nil {
		t.Fatal(err)
	}
	keys, err := v.Keys()
	if err := errors.Join(err, v.Close()); err != nil {
		t.Fatal(err)
	}
	return keys
}
