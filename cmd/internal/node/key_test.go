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
	t.Parallel()
	n := fixture.OpenLedger(t, 4)
	key, next := filepath.Join(n.Dir, "seal.key"), filepath.Join(n.Dir, "seal.key.next")
	for i, c := range read(t, n, (*projections.View).Checkpoints) {
		fixture.Must(t, n.OfflineSealer().Seal(t.Context(), c.Friday))
		before := read(t, n, (*projections.View).Keys)
		vkey, seq, err := n.ChangeKey(t.Context(), before)
		fixture.Must(t, errors.Join(err, n.CatchUp(t.Context())))
		after := read(t, n, (*projections.View).Keys)
		if text := after.TextsUntil(seq); after.Current().KeyHash() == before.Current().KeyHash() || text[len(text)-1] != vkey {
			t.Fatalf("record %d hands over to %q, want %s", seq, text, vkey)
		}
		if i%2 == 0 { // a crash has left it where it was made
			fixture.Must(t, os.Rename(key, next))
		}
	}
	fixture.Must(t, n.CompareSeals())
	signed(t, n, 1)
	fixture.Must(t, errors.Join(os.Remove(key), os.RemoveAll(next)))
	if _, _, err := n.ChangeKey(t.Context(), read(t, n, (*projections.View).Keys)); !errors.Is(err, node.ErrNoKey) {
		t.Errorf("without the key: %v", err)
	}
}

// TestWithoutKey seals on a node that does not have the key.
func TestWithoutKey(t *testing.T) {
	t.Parallel()
	n := fixture.OpenLedger(t, 2)
	fixture.Must(t, os.Remove(filepath.Join(n.Dir, "seal.key")))
	all := read(t, n, (*projections.View).Checkpoints)
	fixture.Must(t, n.OfflineSealer().Seal(t.Context(), all[len(all)-1].Friday))
	signed(t, n, 0)
}

// read reads from a view of what is applied.
func read[T any](t *testing.T, n *node.Node, from func(v *projections.View) (T, error)) T {
	t.Helper()
	read, err := from(fixture.View(t, n))
	fixture.Must(t, err)
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
