package merkle

import (
	"fmt"

	"golang.org/x/mod/sumdb/tlog"
)

// Appender appends leaves to a tree. It keeps the right edge of the tree, which
// consists of the tiles that are not full. It also keeps newly full tiles until
// TakeFullTiles returns them. The zero Appender is an empty tree.
type Appender struct {
	size uint64
	edge [][]byte // by level
	full []FullTile
}

// FullTile is a full tile with its hashes.
type FullTile struct {
	Tile
	Hashes []byte
}

// Resume returns an Appender that continues a stored tree. It reads the right
// edge, and returns ErrDamaged if the edge does not match the tree's size.
func Resume(tiles TileReader) (*Appender, error) {
	a := &Appender{size: tiles.Size()}
	for level, n := 0, a.size; n > 0; level, n = level+1, n/TileWidth {
		t, want := Tile{level, n / TileWidth}, int(n%TileWidth)
		var hashes []byte
		if want > 0 {
			var err error
			if hashes, err = tiles.Tile(t); err != nil {
				return nil, err
			}
		}
		if len(hashes) != want*tlog.HashSize {
			return nil, fmt.Errorf("%w: %v has %d bytes, want %d hashes", ErrDamaged, t, len(hashes), want)
		}
		a.edge = append(a.edge, append(make([]byte, 0, fullBytes), hashes...))
	}
	return a, nil
}

// Append appends a leaf.
func (a *Appender) Append(leaf Hash) {
	a.size++
	for level, h := 0, leaf; ; level++ {
		if level == len(a.edge) {
			a.edge = append(a.edge, make([]byte, 0, fullBytes))
		}
		edge := append(a.edge[level], h[:]...)
		if len(edge) < fullBytes {
			a.edge[level] = edge
			return
		}
		a.full = append(a.full, FullTile{Tile{level, a.size>>(TileHeight*(level+1)) - 1}, edge})
		h, a.edge[level] = TileRoot(edge), make([]byte, 0, fullBytes)
	}
}

// TakeFullTiles returns the tiles that became full since the last call, in that
// order.
func (a *Appender) TakeFullTiles() []FullTile {
	full := a.full
	a.full = nil
	return full
}

// Size returns the number of leaves.
func (a *Appender) Size() uint64 { return a.size }

// Edge returns the tile of a level that is not full, and its hashes. The hashes
// are valid until the next Append.
func (a *Appender) Edge(level int) (Tile, []byte) {
	t := Tile{level, a.size >> (TileHeight * (level + 1))}
	if level >= len(a.edge) {
		return t, nil
	}
	return t, a.edge[level]
}

// Levels returns the number of tile levels in the edge.
func (a *Appender) Levels() int { return len(a.edge) }
