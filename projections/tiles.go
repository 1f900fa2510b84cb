package projections

import (
	"fmt"

	"golang.org/x/mod/sumdb/tlog"

	"bookledger/events/record/merkle"
	"bookledger/projections/internal/store"
)

// Each batch adds its new hashes to the right edge of the tree. They are stored as
// pieces of a tile. When the tile is full, it replaces its pieces.

// tiles reads the tree from a store. It implements merkle.Tiles.
type tiles struct {
	reader store.Reader
	size   uint64
}

// Size returns the number of records in the tree.
func (s tiles) Size() uint64 { return s.size }

// Tile returns the hashes of a tile, or merkle.ErrDamaged if hashes are missing.
func (s tiles) Tile(t merkle.Tile) (hashes []byte, err error) {
	err = s.reader.EachTilePiece(t.Level, t.Number, func(key, value []byte) error {
		if store.TilePieceStart(key)*tlog.HashSize == len(hashes) { // otherwise a piece is missing
			hashes = append(hashes, value...)
		}
		return nil
	})
	want := min(merkle.TileWidth, s.size>>(merkle.TileHeight*t.Level)-t.Number*merkle.TileWidth)
	if have := len(hashes) / tlog.HashSize; err == nil && have < int(want) {
		err = fmt.Errorf("%w: %v contains %d hashes, want %d: delete the projection folder to rebuild it", merkle.ErrDamaged, t, have, want)
	}
	return hashes, err
}

// treeWriter appends to the tree and writes it to batches.
type treeWriter struct {
	*merkle.Appender
	pieces [][]int // by level: index of the first hash of each piece of the edge tile
	stored []int   // by level: number of the edge tile's bytes that are stored
}

// newTreeWriter returns a writer that resumes at the stored tree.
func newTreeWriter(r store.Reader, size uint64) (p *treeWriter, err error) {
	p = &treeWriter{}
	if p.Appender, err = merkle.Resume(tiles{r, size}); err != nil {
		return nil, fmt.Errorf("reading the projection's tree: %w", err)
	}
	for level := range p.Levels() {
		t, hashes := p.Edge(level)
		var starts []int
		err := r.EachTilePiece(t.Level, t.Number, func(key, _ []byte) error {
			starts = append(starts, store.TilePieceStart(key))
			return nil
		})
		if err != nil {
			return nil, err
		}
		p.pieces, p.stored = append(p.pieces, starts), append(p.stored, len(hashes))
	}
	return p, nil
}

// flush adds to the batch what was appended since the last flush.
func (p *treeWriter) flush(batch *store.Batch) error {
	for level := len(p.pieces); level < p.Levels(); level++ {
		p.pieces, p.stored = append(p.pieces, nil), append(p.stored, 0)
	}
	for _, t := range p.TakeFullTiles() { // each replaces its pieces
		for _, at := range p.pieces[t.Level] {
			if at == 0 {
				continue // overwritten below
			}
			if err := batch.DeleteUnversioned(store.TilePiece(t.Level, t.Number, at)); err != nil {
				return err
			}
		}
		p.pieces[t.Level], p.stored[t.Level] = p.pieces[t.Level][:0], 0
		if err := batch.SetUnversioned(store.TilePiece(t.Level, t.Number, 0), t.Hashes); err != nil {
			return err
		}
	}
	for level := range p.Levels() {
		t, hashes := p.Edge(level)
		if len(hashes) == p.stored[level] {
			continue
		}
		at := p.stored[level] / tlog.HashSize
		if err := batch.SetUnversioned(store.TilePiece(t.Level, t.Number, at), hashes[p.stored[level]:]); err != nil {
			return err
		}
		p.pieces[level], p.stored[level] = append(p.pieces[level], at), len(hashes)
	}
	return nil
}
