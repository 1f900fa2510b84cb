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

// TestChangesSealKey seals with the first key and with keys that follow it, also after
// a simulated crash during a change. Without the key, it cannot be changed.
func TestChangesSealKey(t *testing.T) {
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
			t.Fatalf("keys after record %d: got %q, want %s last", seq, text, vkey)
		}
		if i%2 == 0 { // as after a crash before the rename
			fixture.Must(t, os.Rename(key, next))
		}
	}
	fixture.Must(t, n.CompareSeals())
	checkSigned(t, n, 1)
	fixture.Must(t, errors.Join(os.Remove(key), os.RemoveAll(next)))
	if _, _, err := n.ChangeKey(t.Context(), read(t, n, (*projections.View).Keys)); !errors.Is(err, node.ErrNoKey) {
		t.Errorf("without the key: got %v, want ErrNoKey", err)
	}
}

// TestSealsUnsignedWithoutKey seals on a node that does not have the key.
func TestSealsUnsignedWithoutKey(t *testing.T) {
	t.Parallel()
	n := fixture.OpenLedger(t, 2)
	fixture.Must(t, os.Remove(filepath.Join(n.Dir, "seal.key")))
	all := read(t, n, (*projections.View).Checkpoints)
	fixture.Must(t, n.OfflineSealer().Seal(t.Context(), all[len(all)-1].Friday))
	checkSigned(t, n, 0)
}

// read calls a method of a view of the node.
func read[T any](t *testing.T, n *node.Node, from func(v *projections.View) (T, error)) T {
	t.Helper()
	v, err := from(fixture.View(t, n))
	fixture.Must(t, err)
	return v
}

// checkSigned checks that every Friday is sealed and has a number of signatures.
func checkSigned(t *testing.T, n *node.Node, signatures int) {
	t.Helper()
	for _, c := range read(t, n, (*projections.View).Checkpoints) {
		got := read(t, n, func(v *projections.View) (signatures []checkpoint.Signature, err error) {
			_, signatures, _, err = v.Seal(c.Friday)
			return signatures, err
		})
		if !c.Sealed || len(got) != signatures {
			t.Errorf("Friday %s: got sealed %t with %d signatures, want true with %d", c.Friday, c.Sealed, len(got), signatures)
		}
	}
}
