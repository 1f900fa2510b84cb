package merkle

import (
	"errors"
	"fmt"

	"golang.org/x/mod/sumdb/tlog"
)

// ErrDamaged is returned when stored tiles do not match the size of the tree.
var ErrDamaged = errors.New("the tree of the journal is damaged")

// TileReader reads the stored tiles of a tree.
type TileReader interface {
	// Size returns the number of records in the tree. Stored tiles may contain
	// more hashes.
	Size() uint64
	// Tile returns the stored hashes of a tile, concatenated. Callers must not
	// change them.
	Tile(t Tile) ([]byte, error)
}

// Tree computes roots and proofs from stored tiles, for the tree of the first n
// records, where n is at most the size.
type Tree struct{ tiles TileReader }

// NewTree returns the tree that is stored in tiles.
func NewTree(tiles TileReader) Tree { return Tree{tiles} }

// readHashes reads hashes by their tlog index.
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
			return nil, fmt.Errorf("%w: %v has %d bytes, want at least %d hashes", ErrDamaged, tile, len(hashes), least.W)
		}
		var err error
		if all[i], err = tlog.HashFromTile(least, hashes, index); err != nil {
			return nil, err
		}
	}
	return all, nil
}

// hashReader returns a reader for the tree of the first size records.
func (t Tree) hashReader(size uint64) (tlog.HashReader, error) {
	if have := t.tiles.Size(); size > have {
		return nil, fmt.Errorf("reading the tree of %d records: there are only %d", size, have)
	}
	return tlog.HashReaderFunc(t.readHashes), nil
}

// TreeRoot returns the root of the first size records.
func (t Tree) TreeRoot(size uint64) ([32]byte, error) {
	hashes, err := t.hashReader(size)
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
	hashes, err := t.hashReader(seq)
	if err != nil {
		return Hash{}, err
	}
	if seq == 0 {
		return Hash{}, errors.New("reading the leaf of record 0: sequences start at 1")
	}
	leaf, err := hashes.ReadHashes([]int64{tlog.StoredHashIndex(0, int64(seq)-1)})
	if err != nil {
		return Hash{}, fmt.Errorf("reading the leaf of record %d: %w", seq, err)
	}
	return leaf[0], nil
}

// InclusionProof returns the proof that record seq is among the first size
// records.
func (t Tree) InclusionProof(seq, size uint64) (tlog.RecordProof, error) {
	hashes, err := t.hashReader(size)
	if err != nil {
		return nil, err
	}
	if seq == 0 {
		return nil, fmt.Errorf("proving record 0 in the tree of %d records: sequences start at 1", size)
	}
	proof, err := tlog.ProveRecord(int64(size), int64(seq)-1, hashes)
	if err != nil {
		return nil, fmt.Errorf("proving record %d in the tree of %d records: %w", seq, size, err)
	}
	return proof, nil
}

// CheckInclusion verifies the proof that record seq, with the given leaf hash,
// is in the tree of size records with the given root.
func CheckInclusion(p tlog.RecordProof, seq uint64, leaf Hash, size uint64, root Hash) error {
	if err := tlog.CheckRecord(p, int64(size), root, int64(seq)-1, leaf); err != nil {
		return fmt.Errorf("verifying record %d in the tree of %d records: %w", seq, size, err)
	}
	return nil
}

// ConsistencyProof returns the proof that the tree of the first from records is
// a prefix of the tree of the first to records.
func (t Tree) ConsistencyProof(from, to uint64) (tlog.TreeProof, error) {
	hashes, err := t.hashReader(to)
	if err != nil {
		return nil, err
	}
	proof, err := tlog.ProveTree(int64(to), int64(from), hashes)
	if err != nil {
		return nil, fmt.Errorf("proving the tree of %d records as a prefix of that of %d: %w", from, to, err)
	}
	return proof, nil
}

// CheckConsistency verifies the proof that the tree with fromRoot is a prefix of
// the tree with toRoot.
func CheckConsistency(p tlog.TreeProof, from uint64, fromRoot Hash, to uint64, toRoot Hash) error {
	if err := tlog.CheckTree(p, int64(to), toRoot, int64(from), fromRoot); err != nil {
		return fmt.Errorf("verifying the tree of %d records as a prefix of that of %d: %w", from, to, err)
	}
	return nil
}

// Memory is a tree in memory. It takes about 32 bytes per record.
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

// Size returns the number of leaves.
func (m *Memory) Size() uint64 { return m.appender.Size() }

// Tile implements TileReader.
func (m *Memory) Tile(t Tile) ([]byte, error) {
	if hashes, ok := m.full[t]; ok {
		return hashes, nil
	}
	if edge, hashes := m.appender.Edge(t.Level); edge == t {
		return hashes, nil
	}
	return nil, nil
}
