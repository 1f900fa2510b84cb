package projections

import (
	"fmt"

	"golang.org/x/mod/sumdb/tlog"

	"bookledger/events/record/merkle"
	"bookledger/projections/internal/store"
)

// The tree's right edge grows with each batch by the hashes that are new in
// it. A tile that has become full replaces its pieces.

// tiles reads the tree of a store.
type tiles struct {
	reader store.Reader
	size   uint64
}

// Size makes tiles merkle.Tiles.
func (s tiles) Size() uint64 { return s.size }

// Tile makes tiles merkle.Tiles. It returns merkle.ErrDamaged where there are
// fewer hashes than the tree has.
func (s tiles) Tile(t merkle.Tile) (hashes []byte, err error) {
	err = s.reader.EachTilePiece(t.Level, t.Number, func(key, value []byte) error {
		if store.TilePieceStart(key)*tlog.HashSize == len(hashes) { // else one is missing
			hashes = append(hashes, value...)
		}
		return nil
	})
	want := min(merkle.TileWidth, s.size>>(merkle.TileHeight*t.Level)-t.Number*merkle.TileWidth)
	if have := len(hashes) / tlog.HashSize; err == nil && have < int(want) {
		err = fmt.Errorf("%w: %v of the projection holds %d hashes of %d; remove the projection to have it built anew", merkle.ErrDamaged, t, have, want)
	}
	return hashes, err
}

// treeWriter puts the tree into batches.
type treeWriter struct {
	*merkle.Appender
	pieces [][]int // by level, the places at which the edge's pieces begin
	stored []int   // by level, the edge's bytes that are in pieces
}

// newTreeWriter goes on from the tree that a store holds.
func newTreeWriter(r store.Reader, size uint64) (p *treeWriter, err error) {
	p = &treeWriter{}
	if p.Appender, err = merkle.Resume(tiles{r, size}); err != nil {
		return nil, fmt.Errorf("reading the projection's tree: %w", err)
	}
	for level := range p.Levels() {
		t, hashes := p.Edge(level)
		var places []int
		err := r.EachTilePiece(t.Level, t.Number, func(key, _ []byte) error {
			places = append(places, store.TilePieceStart(key))
			return nil
		})
		if err != nil {
			return nil, err
		}
		p.pieces, p.stored = append(p.pieces, places), append(p.stored, len(hashes))
	}
	return p, nil
}

// flush puts what was appended since the last flush into a batch.
func (p *treeWriter) flush(batch *store.Batch) error {
	for level := len(p.pieces); level < p.Levels(); level++ {
		p.pieces, p.stored = append(p.pieces, nil), append(p.stored, 0)
	}
	for _, t := range p.TakeFullTiles() { // each takes the place of its pieces
		for _, at := range p.pieces[t.Level] {
			if at == 0 {
				continue // is overwritten
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
