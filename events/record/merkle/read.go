package merkle

import (
	"errors"
	"fmt"

	"golang.org/x/mod/sumdb/tlog"
)

// ErrDamaged is of tiles that do not hold what a tree of that size has.
var ErrDamaged = errors.New("the tree of the journal is damaged")

// Tiles is where tiles are kept.
type Tiles interface {
	// Tile returns the hashes of a tile, one after the other, as many as are
	// there. They are not changed.
	Tile(t Tile) ([]byte, error)
}

// Reader returns what tlog reads a tree from that is kept in tiles. Tiles may
// hold more than the tree of which a root or a proof is asked for.
func Reader(tiles Tiles) tlog.HashReader {
	return tlog.HashReaderFunc(func(indexes []int64) ([]Hash, error) {
		read := map[Tile][]byte{}
		all := make([]Hash, len(indexes))
		for i, index := range indexes {
			least := tlog.TileForIndex(Height, index)
			t := Tile{least.L, uint64(least.N)}
			hashes, ok := read[t]
			if !ok {
				var err error
				if hashes, err = tiles.Tile(t); err != nil {
					return nil, err
				}
				read[t] = hashes
			}
			if len(hashes) < least.W*tlog.HashSize {
				return nil, fmt.Errorf("%w: %v holds %d bytes, and %d hashes are asked for", ErrDamaged, t, len(hashes), least.W)
			}
			var err error
			if all[i], err = tlog.HashFromTile(least, hashes, index); err != nil {
				return nil, err
			}
		}
		return all, nil
	})
}

// Root returns the root of the first size records.
func Root(size uint64, tiles Tiles) (Hash, error) {
	root, err := tlog.TreeHash(int64(size), Reader(tiles))
	if err != nil {
		return Hash{}, fmt.Errorf("computing the root of %d records: %w", size, err)
	}
	return root, nil
}

// Inclusion returns the proof that a record is among the first size.
func Inclusion(seq, size uint64, tiles Tiles) (tlog.RecordProof, error) {
	if seq == 0 {
		return nil, fmt.Errorf("proving record 0 in the tree of %d records: sequences begin at 1", size)
	}
	proof, err := tlog.ProveRecord(int64(size), int64(seq)-1, Reader(tiles))
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

// Consistency returns the proof that the first from records of a tree of to
// are those of the tree that had from records.
func Consistency(from, to uint64, tiles Tiles) (tlog.TreeProof, error) {
	proof, err := tlog.ProveTree(int64(to), int64(from), Reader(tiles))
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
	*Appender
	tiles map[Tile][]byte // the full ones
}

// NewMemory returns an empty tree.
func NewMemory() *Memory {
	m := &Memory{tiles: map[Tile][]byte{}}
	m.Appender = NewAppender(func(t Tile, hashes []byte) error {
		m.tiles[t] = append([]byte(nil), hashes...)
		return nil
	})
	return m
}

// Tile makes a Memory Tiles.
func (m *Memory) Tile(t Tile) ([]byte, error) {
	if hashes, ok := m.tiles[t]; ok {
		return hashes, nil
	}
	if edge, hashes := m.Edge(t.Level); edge == t {
		return hashes, nil
	}
	return nil, nil
}
