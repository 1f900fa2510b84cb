package merkle

import (
	"errors"
	"fmt"

	"golang.org/x/mod/sumdb/tlog"
)

// ErrDamaged is returned for tiles that do not hold what a tree of their size
// has.
var ErrDamaged = errors.New("the tree of the journal is damaged")

// TileReader is where the tiles of a tree are kept.
type TileReader interface {
	// Size is how many records the tree has; tiles may hold more.
	Size() uint64
	// Tile returns the hashes of a tile, one after the other, as many as are
	// there. They are not changed.
	Tile(t Tile) ([]byte, error)
}

// Tree answers for the tree of the first records, of any number up to its size,
// out of its tiles.
type Tree struct{ tiles TileReader }

// NewTree returns the tree that is kept in tiles.
func NewTree(tiles TileReader) Tree { return Tree{tiles} }

// readHashes reads the hashes that tlog asks for.
func (t Tree) readHashes(indexes []int64) ([]Hash, error) {
	read := map[Tile][]byte{}
	all := make([]Hash, len(indexes))
	for i, index := range indexes {
		least := tlog.TileForIndex(TileHeight, index)
		tile := Tile{least.L, uint64(least.N)}
		hashes, ok := read[tile]
		if !ok {
			var err error
			if hashes, err = t.tiles.Tile(tile); err != nil {
				return nil, err
			}
			read[tile] = hashes
		}
		if len(hashes) < least.W*tlog.HashSize {
			return nil, fmt.Errorf("%w: %v holds %d bytes, and %d hashes are asked for", ErrDamaged, tile, len(hashes), least.W)
		}
		var err error
		if all[i], err = tlog.HashFromTile(least, hashes, index); err != nil {
			return nil, err
		}
	}
	return all, nil
}

// upTo returns what tlog reads the tree of the first size records from.
func (t Tree) upTo(size uint64) (tlog.HashReader, error) {
	if have := t.tiles.Size(); size > have {
		return nil, fmt.Errorf("reading the tree of %d records: there are %d", size, have)
	}
	return tlog.HashReaderFunc(t.readHashes), nil
}

// TreeRoot returns the root of the first size records.
func (t Tree) TreeRoot(size uint64) ([32]byte, error) {
	hashes, err := t.upTo(size)
	if err != nil {
		return Hash{}, err
	}
	root, err := tlog.TreeHash(int64(size), hashes)
	if err != nil {
		return Hash{}, fmt.Errorf("computing the root of %d records: %w", size, err)
	}
	return root, nil
}

// LeafHash returns the leaf hash of a record.
func (t Tree) LeafHash(seq uint64) ([32]byte, error) {
	hashes, err := t.upTo(seq)
	if err != nil {
		return Hash{}, err
	}
	if seq == 0 {
		return Hash{}, errors.New("reading the leaf of record 0: sequences begin at 1")
	}
	leaf, err := hashes.ReadHashes([]int64{tlog.StoredHashIndex(0, int64(seq)-1)})
	if err != nil {
		return Hash{}, fmt.Errorf("reading the leaf of record %d: %w", seq, err)
	}
	return leaf[0], nil
}

// Inclusion returns the proof that a record is among the first size.
func (t Tree) InclusionProof(seq, size uint64) (tlog.RecordProof, error) {
	hashes, err := t.upTo(size)
	if err != nil {
		return nil, err
	}
	if seq == 0 {
		return nil, fmt.Errorf("proving record 0 in the tree of %d records: sequences begin at 1", size)
	}
	proof, err := tlog.ProveRecord(int64(size), int64(seq)-1, hashes)
	if err != nil {
		return nil, fmt.Errorf("proving record %d in the tree of %d records: %w", seq, size, err)
	}
	return proof, nil
}

// CheckInclusion checks that a record with that leaf hash is among those that
// a root of size records stands for.
func CheckInclusion(p tlog.RecordProof, seq uint64, leaf Hash, size uint64, root Hash) error {
	if err := tlog.CheckRecord(p, int64(size), root, int64(seq)-1, leaf); err != nil {
		return fmt.Errorf("checking that record %d is among the %d: %w", seq, size, err)
	}
	return nil
}

// Consistency returns the proof that the first to records begin with the first
// from.
func (t Tree) ConsistencyProof(from, to uint64) (tlog.TreeProof, error) {
	hashes, err := t.upTo(to)
	if err != nil {
		return nil, err
	}
	proof, err := tlog.ProveTree(int64(to), int64(from), hashes)
	if err != nil {
		return nil, fmt.Errorf("proving the tree of %d records in that of %d: %w", from, to, err)
	}
	return proof, nil
}

// CheckConsistency checks that the records of one root begin with all those of
// another.
func CheckConsistency(p tlog.TreeProof, from uint64, fromRoot Hash, to uint64, toRoot Hash) error {
	if err := tlog.CheckTree(p, int64(to), toRoot, int64(from), fromRoot); err != nil {
		return fmt.Errorf("checking that the %d records begin with the %d: %w", to, from, err)
	}
	return nil
}

// Memory is a whole tree in memory, of 32 bytes a record.
type Memory struct {
	Tree
	appender Appender
	full     map[Tile][]byte
}

// NewMemory returns an empty tree.
func NewMemory() *Memory {
	m := &Memory{full: map[Tile][]byte{}}
	m.Tree = NewTree(m)
	return m
}

// Append appends a leaf.
func (m *Memory) Append(leaf Hash) {
	m.appender.Append(leaf)
	for _, t := range m.appender.TakeFullTiles() {
		m.full[t.Tile] = t.Hashes
	}
}

// Size is how many leaves the tree has.
func (m *Memory) Size() uint64 { return m.appender.Size() }

// Tile makes Memory the Tiles of its Tree.
func (m *Memory) Tile(t Tile) ([]byte, error) {
	if hashes, ok := m.full[t]; ok {
		return hashes, nil
	}
	if edge, hashes := m.appender.Edge(t.Level); edge == t {
		return hashes, nil
	}
	return nil, nil
}
