package merkle_test

import (
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"slices"
	"testing"

	"golang.org/x/mod/sumdb/tlog"
	"pgregory.net/rapid"

	"bookledger/events/record/merkle"
)

func leaf(seq uint64) merkle.Hash {
	return tlog.RecordHash(binary.BigEndian.AppendUint64(nil, seq))
}

// reference is a tree in which tlog itself keeps every hash.
type reference []tlog.Hash

func (r reference) ReadHashes(indexes []int64) ([]tlog.Hash, error) {
	all := make([]tlog.Hash, len(indexes))
	for i, index := range indexes {
		all[i] = r[index]
	}
	return all, nil
}

func (r *reference) append(t *rapid.T, seq uint64) {
	hashes, err := tlog.StoredHashesForRecordHash(int64(seq)-1, leaf(seq), *r)
	if err != nil {
		t.Fatal(err)
	}
	*r = append(*r, hashes...)
}

// size draws sizes, often at the edge of a tile, and now and then of three
// levels of tiles.
func size(t *rapid.T, label string) uint64 {
	if rapid.IntRange(0, 29).Draw(t, "large") == 0 {
		return rapid.Uint64Range(merkle.Width*merkle.Width-1, merkle.Width*merkle.Width+600).Draw(t, label)
	}
	return rapid.Uint64Range(0, 20).Draw(t, "tiles")*merkle.Width + rapid.Uint64Range(0, 3).Draw(t, label)*rapid.Uint64Range(0, 85).Draw(t, "more")
}

// TestAsTlog holds roots and proofs against those that tlog makes of a tree of
// its own, for random sizes.
func TestAsTlog(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		n := size(t, "size")
		var want reference
		m := merkle.NewMemory()
		for seq := uint64(1); seq <= n; seq++ {
			want.append(t, seq)
			if err := m.Append(leaf(seq)); err != nil {
				t.Fatal(err)
			}
		}
		for range 5 {
			to := rapid.Uint64Range(0, n).Draw(t, "to")
			wantRoot, err := tlog.TreeHash(int64(to), want)
			if err != nil {
				t.Fatal(err)
			}
			root, err := merkle.Root(to, m)
			if err != nil || root != wantRoot {
				t.Fatalf("the root of %d is %v, want %v (%v)", to, root, wantRoot, err)
			}
			if to == 0 {
				continue
			}
			seq, from := rapid.Uint64Range(1, to).Draw(t, "record"), rapid.Uint64Range(1, to).Draw(t, "from")
			wantPath, err := tlog.ProveRecord(int64(to), int64(seq)-1, want)
			if err != nil {
				t.Fatal(err)
			}
			path, err := merkle.Inclusion(seq, to, m)
			if err != nil || !slices.Equal(path, wantPath) {
				t.Fatalf("record %d in %d: %v, want %v (%v)", seq, to, path, wantPath, err)
			}
			if err := merkle.CheckInclusion(path, seq, leaf(seq), to, root); err != nil {
				t.Fatal(err)
			}
			if merkle.CheckInclusion(path, seq, leaf(seq+1), to, root) == nil {
				t.Fatal("the proof is of another record too")
			}
			wantProof, err := tlog.ProveTree(int64(to), int64(from), want)
			if err != nil {
				t.Fatal(err)
			}
			proof, err := merkle.Consistency(from, to, m)
			if err != nil || !slices.Equal(proof, wantProof) {
				t.Fatalf("%d in %d: %v, want %v (%v)", from, to, proof, wantProof, err)
			}
			fromRoot, err := merkle.Root(from, m)
			if err != nil {
				t.Fatal(err)
			}
			if err := merkle.CheckConsistency(proof, from, fromRoot, to, root); err != nil {
				t.Fatal(err)
			}
			fromRoot[0]++
			if merkle.CheckConsistency(proof, from, fromRoot, to, root) == nil {
				t.Fatal("the proof is from another tree too")
			}
		}
	})
}

// TestResume breaks off and goes on at random sizes: the tiles are the same,
// and each is handed over once.
func TestResume(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		n := size(t, "size")
		whole, kept := merkle.NewMemory(), map[merkle.Tile][]byte{}
		full := func(name merkle.Tile, hashes []byte) error {
			if kept[name] != nil {
				t.Fatalf("%v is handed over twice", name)
			}
			kept[name] = slices.Clone(hashes)
			return nil
		}
		a := merkle.NewAppender(full)
		for seq := uint64(1); seq <= n; seq++ {
			if err := errors.Join(whole.Append(leaf(seq)), a.Append(leaf(seq))); err != nil {
				t.Fatal(err)
			}
			if seq%97 != 0 || rapid.Bool().Draw(t, "go on") {
				continue
			}
			var err error
			if a, err = merkle.Resume(seq, whole, full); err != nil {
				t.Fatal(err)
			}
		}
		for name, hashes := range kept {
			if want, err := whole.Tile(name); err != nil || !slices.Equal(hashes, want) {
				t.Fatalf("%v differs (%v)", name, err)
			}
			parent, at := name.Parent()
			above, err := whole.Tile(parent)
			if err != nil || merkle.At(above, at) != merkle.RootOf(hashes) {
				t.Fatalf("%v does not stand in its parent (%v)", name, err)
			}
		}
		for level := range whole.Levels() {
			name, want := whole.Edge(level)
			if got, hashes := a.Edge(level); got != name || !slices.Equal(hashes, want) {
				t.Fatalf("the edge at level %d is %v, want %v", level, got, name)
			}
		}
	})
}

// without hides a tile, or shortens it.
type without struct {
	merkle.Tiles
	tile merkle.Tile
	left int
}

func (w without) Tile(name merkle.Tile) ([]byte, error) {
	hashes, err := w.Tiles.Tile(name)
	if name == w.tile {
		hashes = hashes[:w.left*sha256.Size]
	}
	return hashes, err
}

// TestDamaged holds that tiles that are missing are told from the tree.
func TestDamaged(t *testing.T) {
	m := merkle.NewMemory()
	for seq := uint64(1); seq <= 1000; seq++ {
		if err := m.Append(leaf(seq)); err != nil {
			t.Fatal(err)
		}
	}
	for _, tiles := range []merkle.Tiles{without{m, merkle.Tile{Level: 0, Number: 3}, 0}, without{m, merkle.Tile{Level: 1}, 2}, without{m, merkle.Tile{Level: 0, Number: 3}, 231}} {
		if _, err := merkle.Root(1000, tiles); !errors.Is(err, merkle.ErrDamaged) {
			t.Error(err)
		}
		if _, err := merkle.Resume(1000, tiles, nil); !errors.Is(err, merkle.ErrDamaged) {
			t.Error(err)
		}
	}
	fault := errors.New("no room")
	if err := fill(merkle.NewAppender(func(merkle.Tile, []byte) error { return fault }), 256); !errors.Is(err, fault) {
		t.Error(err)
	}
	for _, seq := range []uint64{0, 1001} {
		if _, err := merkle.Inclusion(seq, 1000, m); err == nil {
			t.Errorf("record %d is in a tree of 1,000", seq)
		}
	}
	for _, sizes := range [][2]uint64{{0, 10}, {11, 10}, {10, 1001}} {
		if _, err := merkle.Consistency(sizes[0], sizes[1], m); err == nil {
			t.Errorf("a tree of %d begins with one of %d", sizes[1], sizes[0])
		}
	}
}

func fill(a *merkle.Appender, n uint64) error {
	for seq := uint64(1); seq <= n; seq++ {
		if err := a.Append(leaf(seq)); err != nil {
			return err
		}
	}
	return nil
}

// TestRootOfNothing holds the one root that every tree begins with.
func TestRootOfNothing(t *testing.T) {
	if root, err := merkle.Root(0, merkle.NewMemory()); err != nil || root != sha256.Sum256(nil) {
		t.Error(root, err)
	}
}

// BenchmarkAppend takes leaves in, beside as many bare hashes of inner nodes.
func BenchmarkAppend(b *testing.B) {
	a := merkle.NewAppender(func(merkle.Tile, []byte) error { return nil })
	h := leaf(1)
	for b.Loop() {
		if err := a.Append(h); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkNodeHash is the bare counterpart of BenchmarkAppend.
func BenchmarkNodeHash(b *testing.B) {
	h := leaf(1)
	for b.Loop() {
		h = tlog.NodeHash(h, h)
	}
}
