package merkle

import (
	"fmt"

	"golang.org/x/mod/sumdb/tlog"
)

// Appender takes leaves in, one after the other. It keeps the tiles that are
// not full yet, the ragged right edge, and hands over the others.
type Appender struct {
	size uint64
	edge [][]byte // by level
	full func(t Tile, hashes []byte) error
}

// NewAppender returns an appender to an empty tree. It calls full with each
// tile that has become full, one of a lower level first; the hashes are valid
// during the call alone.
func NewAppender(full func(t Tile, hashes []byte) error) *Appender {
	return &Appender{full: full}
}

// Resume returns an appender that goes on from a tree of a size, of which it
// reads the edge.
func Resume(size uint64, tiles Tiles, full func(t Tile, hashes []byte) error) (*Appender, error) {
	a := &Appender{size: size, full: full}
	for level := range Levels(size) {
		t, n := Edge(level, size)
		var hashes []byte
		if n > 0 {
			var err error
			if hashes, err = tiles.Tile(t); err != nil {
				return nil, err
			}
		}
		if len(hashes) != n*tlog.HashSize {
			return nil, fmt.Errorf("%w: %v holds %d bytes, and not %d hashes", ErrDamaged, t, len(hashes), n)
		}
		a.edge = append(a.edge, append(make([]byte, 0, fullBytes), hashes...))
	}
	return a, nil
}

// Append takes a leaf in. It fails as full does; the appender is of no use
// then.
func (a *Appender) Append(leaf Hash) error {
	a.size++
	for level, h := 0, leaf; ; level++ {
		if level == len(a.edge) {
			a.edge = append(a.edge, make([]byte, 0, fullBytes))
		}
		edge := append(a.edge[level], h[:]...)
		if len(edge) < fullBytes {
			a.edge[level] = edge
			return nil
		}
		if err := a.full(Tile{level, a.size>>(Height*(level+1)) - 1}, edge); err != nil {
			return err
		}
		h, a.edge[level] = RootOf(edge), edge[:0]
	}
}

// Size is how many leaves the tree has.
func (a *Appender) Size() uint64 { return a.size }

// Edge returns the tile of a level that is not full yet, and its hashes, which
// are valid until the next leaf.
func (a *Appender) Edge(level int) (Tile, []byte) {
	t, _ := Edge(level, a.size)
	if level >= len(a.edge) {
		return t, nil
	}
	return t, a.edge[level]
}

// Levels is how many levels the edge has.
func (a *Appender) Levels() int { return len(a.edge) }
