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

// reference is a tree that stores every hash as tlog computes it.
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

// size generates tree sizes, often near the edge of a tile, and sometimes with three
// levels of tiles.
func size(t *rapid.T, label string) uint64 {
	if rapid.IntRange(0, 29).Draw(t, "large") == 0 {
		return rapid.Uint64Range(merkle.TileWidth*merkle.TileWidth-1, merkle.TileWidth*merkle.TileWidth+600).Draw(t, label)
	}
	return rapid.Uint64Range(0, 20).Draw(t, "tiles")*merkle.TileWidth + rapid.Uint64Range(0, 3).Draw(t, label)*rapid.Uint64Range(0, 85).Draw(t, "more")
}

// TestMatchesTlog compares roots and proofs with those of tlog for random sizes.
func TestMatchesTlog(t *testing.T) {
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
				t.Fatalf("root of %d records: got %v, want %v (%v)", to, root, wantRoot, err)
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
				t.Fatalf("inclusion of record %d in %d: got %v, want %v (%v)", seq, to, path, wantPath, err)
			}
			if err := merkle.CheckInclusion(path, seq, leaf(seq), to, root); err != nil {
				t.Fatal(err)
			}
			if merkle.CheckInclusion(path, seq, leaf(seq+1), to, root) == nil {
				t.Fatal("the proof verifies for another record")
			}
			wantProof, err := tlog.ProveTree(int64(to), int64(from), want)
			if err != nil {
				t.Fatal(err)
			}
			proof, err := m.ConsistencyProof(from, to)
			if err != nil || !slices.Equal(proof, wantProof) {
				t.Fatalf("consistency of %d and %d: got %v, want %v (%v)", from, to, proof, wantProof, err)
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
				t.Fatal("the proof verifies for another root")
			}
		}
	})
}

// TestResume resumes an Appender at random sizes. The tiles do not change, and each
// full tile is returned once.
func TestResume(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		n := size(t, "size")
		whole, kept := merkle.NewMemory(), map[merkle.Tile][]byte{}
		a := &merkle.Appender{}
		for seq := uint64(1); seq <= n; seq++ {
			whole.Append(leaf(seq))
			a.Append(leaf(seq))
			if seq < n && (seq%97 != 0 || rapid.Bool().Draw(t, "continue")) {
				continue
			}
			for _, full := range a.TakeFullTiles() {
				if kept[full.Tile] != nil {
					t.Fatalf("%v is returned twice", full.Tile)
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
				t.Fatalf("the parent of %v does not contain its root (%v)", name, err)
			}
		}
		if full := uint64(len(kept)); full != n/merkle.TileWidth+n/(merkle.TileWidth*merkle.TileWidth) {
			t.Fatalf("got %d full tiles for %d leaves", full, n)
		}
		for level := range 4 {
			name := merkle.Tile{Level: level, Number: n >> (merkle.TileHeight * (level + 1))}
			want, err := whole.Tile(name)
			if got, hashes := a.Edge(level); err != nil || got != name || !slices.Equal(hashes, want) {
				t.Fatalf("edge at level %d: got %v, want %v (%v)", level, got, name, err)
			}
		}
	})
}

// damagedTiles truncates one tile to a number of hashes.
type damagedTiles struct {
	merkle.TileReader
	tile merkle.Tile
	keep int
}

func (w damagedTiles) Tile(name merkle.Tile) ([]byte, error) {
	hashes, err := w.TileReader.Tile(name)
	if name == w.tile {
		hashes = hashes[:w.keep*sha256.Size]
	}
	return hashes, err
}

// TestDetectsDamagedTiles checks that missing and truncated tiles are ErrDamaged.
func TestDetectsDamagedTiles(t *testing.T) {
	m := merkle.NewMemory()
	for seq := uint64(1); seq <= 1000; seq++ {
		m.Append(leaf(seq))
	}
	for _, tiles := range []merkle.TileReader{damagedTiles{m, merkle.Tile{Level: 0, Number: 3}, 0}, damagedTiles{m, merkle.Tile{Level: 1}, 2}, damagedTiles{m, merkle.Tile{Level: 0, Number: 3}, 231}} {
		if _, err := merkle.NewTree(tiles).TreeRoot(1000); !errors.Is(err, merkle.ErrDamaged) {
			t.Error(err)
		}
		if _, err := merkle.Resume(tiles); !errors.Is(err, merkle.ErrDamaged) {
			t.Error(err)
		}
	}
	if _, err := merkle.NewTree(damagedTiles{m, merkle.Tile{Number: 2}, 10}).LeafHash(523); !errors.Is(err, merkle.ErrDamaged) {
		t.Error(err)
	}
}

// TestRejectsOutOfRange checks the errors for sequences and sizes outside the tree.
func TestRejectsOutOfRange(t *testing.T) {
	m := merkle.NewMemory()
	for seq := uint64(1); seq <= 1000; seq++ {
		m.Append(leaf(seq))
	}
	for _, seq := range []uint64{1, 256, 257, 1000} {
		if got, err := m.LeafHash(seq); err != nil || got != leaf(seq) {
			t.Errorf("leaf of record %d: got %x (%v)", seq, got, err)
		}
	}
	if root, err := m.TreeRoot(0); err != nil || root != sha256.Sum256(nil) {
		t.Errorf("root of the empty tree: got %v (%v)", root, err)
	}
	if _, err := m.TreeRoot(1001); err == nil {
		t.Error("got a root of 1001 records from a tree of 1000")
	}
	for _, seq := range []uint64{0, 1001} {
		if _, err := m.LeafHash(seq); err == nil {
			t.Errorf("got a leaf of record %d, which does not exist", seq)
		}
	}
	for _, c := range [][2]uint64{{0, 1000}, {1001, 1000}, {1, 1001}} {
		if _, err := m.InclusionProof(c[0], c[1]); err == nil {
			t.Errorf("got a proof of record %d in a tree of %d", c[0], c[1])
		}
	}
	for _, c := range [][2]uint64{{0, 10}, {11, 10}, {10, 1001}} {
		if _, err := m.ConsistencyProof(c[0], c[1]); err == nil {
			t.Errorf("got a consistency proof from %d to %d", c[0], c[1])
		}
	}
}

// BenchmarkAppend appends leaves. BenchmarkNodeHash is its baseline.
func BenchmarkAppend(b *testing.B) {
	a := &merkle.Appender{}
	h := leaf(1)
	for b.Loop() {
		a.Append(h)
		a.TakeFullTiles()
	}
}

// BenchmarkNodeHash computes one inner hash per iteration.
func BenchmarkNodeHash(b *testing.B) {
	h := leaf(1)
	for b.Loop() {
		h = tlog.NodeHash(h, h)
	}
}
