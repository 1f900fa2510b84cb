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
		return rapid.Uint64Range(merkle.TileWidth*merkle.TileWidth-1, merkle.TileWidth*merkle.TileWidth+600).Draw(t, label)
	}
	return rapid.Uint64Range(0, 20).Draw(t, "tiles")*merkle.TileWidth + rapid.Uint64Range(0, 3).Draw(t, label)*rapid.Uint64Range(0, 85).Draw(t, "more")
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
			m.Append(leaf(seq))
		}
		for range 5 {
			to := rapid.Uint64Range(0, n).Draw(t, "to")
			wantRoot, err := tlog.TreeHash(int64(to), want)
			if err != nil {
				t.Fatal(err)
			}
			root, err := m.TreeRoot(to)
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
			path, err := m.InclusionProof(seq, to)
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
			proof, err := m.ConsistencyProof(from, to)
			if err != nil || !slices.Equal(proof, wantProof) {
				t.Fatalf("%d in %d: %v, want %v (%v)", from, to, proof, wantProof, err)
			}
			fromRoot, err := m.TreeRoot(from)
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
		a := &merkle.Appender{}
		for seq := uint64(1); seq <= n; seq++ {
			whole.Append(leaf(seq))
			a.Append(leaf(seq))
			if seq < n && (seq%97 != 0 || rapid.Bool().Draw(t, "go on")) {
				continue
			}
			for _, full := range a.TakeFullTiles() {
				if kept[full.Tile] != nil {
					t.Fatalf("%v is handed over twice", full.Tile)
				}
				kept[full.Tile] = full.Hashes
			}
			var err error
			if a, err = merkle.Resume(whole); err != nil {
				t.Fatal(err)
			}
		}
		for name, hashes := range kept {
			if want, err := whole.Tile(name); err != nil || !slices.Equal(hashes, want) {
				t.Fatalf("%v differs (%v)", name, err)
			}
			parent, at := name.Parent()
			above, err := whole.Tile(parent)
			if err != nil || merkle.HashAt(above, at) != merkle.TileRoot(hashes) {
				t.Fatalf("%v does not stand in its parent (%v)", name, err)
			}
		}
		if full := uint64(len(kept)); full != n/merkle.TileWidth+n/(merkle.TileWidth*merkle.TileWidth) {
			t.Fatalf("%d tiles of %d leaves are handed over", full, n)
		}
		for level := range 4 {
			name := merkle.Tile{Level: level, Number: n >> (merkle.TileHeight * (level + 1))}
			want, err := whole.Tile(name)
			if got, hashes := a.Edge(level); err != nil || got != name || !slices.Equal(hashes, want) {
				t.Fatalf("the edge at level %d is %v, want %v (%v)", level, got, name, err)
			}
		}
	})
}

// without hides a tile, or shortens it.
type without struct {
	merkle.TileReader
	tile merkle.Tile
	left int
}

func (w without) Tile(name merkle.Tile) ([]byte, error) {
	hashes, err := w.TileReader.Tile(name)
	if name == w.tile {
		hashes = hashes[:w.left*sha256.Size]
	}
	return hashes, err
}

// TestDamaged holds that tiles that are missing are told from the tree.
func TestDamaged(t *testing.T) {
	m := merkle.NewMemory()
	for seq := uint64(1); seq <= 1000; seq++ {
		m.Append(leaf(seq))
	}
	for _, tiles := range []merkle.TileReader{without{m, merkle.Tile{Level: 0, Number: 3}, 0}, without{m, merkle.Tile{Level: 1}, 2}, without{m, merkle.Tile{Level: 0, Number: 3}, 231}} {
		if _, err := merkle.NewTree(tiles).TreeRoot(1000); !errors.Is(err, merkle.ErrDamaged) {
			t.Error(err)
		}
		if _, err := merkle.Resume(tiles); !errors.Is(err, merkle.ErrDamaged) {
			t.Error(err)
		}
	}
	if _, err := merkle.NewTree(without{m, merkle.Tile{Number: 2}, 10}).LeafHash(523); !errors.Is(err, merkle.ErrDamaged) {
		t.Error(err)
	}
}

// TestBeyond holds what is not in a tree.
func TestBeyond(t *testing.T) {
	m := merkle.NewMemory()
	for seq := uint64(1); seq <= 1000; seq++ {
		m.Append(leaf(seq))
	}
	for _, seq := range []uint64{1, 256, 257, 1000} {
		if got, err := m.LeafHash(seq); err != nil || got != leaf(seq) {
			t.Errorf("the leaf of record %d is %x (%v)", seq, got, err)
		}
	}
	if root, err := m.TreeRoot(0); err != nil || root != sha256.Sum256(nil) {
		t.Error("the root that every tree begins with:", root, err)
	}
	if _, err := m.TreeRoot(1001); err == nil {
		t.Error("a root of more records than there are")
	}
	for _, seq := range []uint64{0, 1001} {
		if _, err := m.LeafHash(seq); err == nil {
			t.Errorf("the leaf of record %d, which is not there", seq)
		}
	}
	for _, c := range [][2]uint64{{0, 1000}, {1001, 1000}, {1, 1001}} {
		if _, err := m.InclusionProof(c[0], c[1]); err == nil {
			t.Errorf("record %d is in a tree of %d", c[0], c[1])
		}
	}
	for _, c := range [][2]uint64{{0, 10}, {11, 10}, {10, 1001}} {
		if _, err := m.ConsistencyProof(c[0], c[1]); err == nil {
			t.Errorf("a tree of %d begins with one of %d", c[1], c[0])
		}
	}
}

// BenchmarkAppend appends leaves, beside as many bare hashes of inner nodes.
func BenchmarkAppend(b *testing.B) {
	a := &merkle.Appender{}
	h := leaf(1)
	for b.Loop() {
		a.Append(h)
		a.TakeFullTiles()
	}
}

// BenchmarkNodeHash is the bare counterpart of BenchmarkAppend.
func BenchmarkNodeHash(b *testing.B) {
	h := leaf(1)
	for b.Loop() {
		h = tlog.NodeHash(h, h)
	}
}
