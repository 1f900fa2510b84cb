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
type tiles struct{ reader store.Reader }

// Tile makes tiles merkle.Tiles.
func (s tiles) Tile(t merkle.Tile) (hashes []byte, err error) {
	err = s.reader.EachPiece(t.Level, t.Number, func(key, value []byte) error {
		if store.PlaceOf(key)*tlog.HashSize != len(hashes) {
			return fmt.Errorf("%w: the hashes of %v from %d on are missing; remove the projection to have it built anew", merkle.ErrDamaged, t, len(hashes)/tlog.HashSize)
		}
		hashes = append(hashes, value...)
		return nil
	})
	return hashes, err
}

// treeWriter puts the tree into batches.
type treeWriter struct {
	*merkle.Appender
	batch  *store.Batch // that takes what becomes full
	pieces [][]int      // by level, the places at which the edge's pieces begin
	stored []int        // by level, the edge's bytes that are in pieces
}

// newTreeWriter goes on from the tree that a store holds.
func newTreeWriter(r store.Reader, size uint64) (p *treeWriter, err error) {
	p = &treeWriter{}
	if p.Appender, err = merkle.Resume(size, tiles{r}, p.full); err != nil {
		return nil, fmt.Errorf("reading the projection's tree: %w", err)
	}
	for level := range p.Levels() {
		t, hashes := p.Edge(level)
		var places []int
		err := r.EachPiece(t.Level, t.Number, func(key, _ []byte) error {
			places = append(places, store.PlaceOf(key))
			return nil
		})
		if err != nil {
			return nil, err
		}
		p.pieces, p.stored = append(p.pieces, places), append(p.stored, len(hashes))
	}
	return p, nil
}

// full puts a tile that has become full into the batch, in place of its pieces.
func (p *treeWriter) full(t merkle.Tile, hashes []byte) error {
	if t.Level < len(p.pieces) {
		for _, at := range p.pieces[t.Level] {
			if at == 0 {
				continue // is overwritten
			}
			if err := p.batch.DeletePlain(store.Piece(t.Level, t.Number, at)); err != nil {
				return err
			}
		}
		p.pieces[t.Level], p.stored[t.Level] = p.pieces[t.Level][:0], 0
	}
	return p.batch.SetPlain(store.Piece(t.Level, t.Number, 0), hashes)
}

// flush puts what has been added to the edge into the batch.
func (p *treeWriter) flush() error {
	for level := range p.Levels() {
		if level == len(p.pieces) {
			p.pieces, p.stored = append(p.pieces, nil), append(p.stored, 0)
		}
		t, hashes := p.Edge(level)
		if len(hashes) == p.stored[level] {
			continue
		}
		at := p.stored[level] / tlog.HashSize
		if err := p.batch.SetPlain(store.Piece(t.Level, t.Number, at), hashes[p.stored[level]:]); err != nil {
			return err
		}
		p.pieces[level], p.stored[level] = append(p.pieces[level], at), len(hashes)
	}
	return nil
}

// TreeRoot returns the root of the journal's first size records.
func (v *View) TreeRoot(size uint64) ([32]byte, error) {
	if err := v.holds(size); err != nil {
		return [32]byte{}, err
	}
	return merkle.Root(size, tiles{v.reader})
}

// Inclusion returns the proof that a record is among the first size.
func (v *View) Inclusion(seq, size uint64) (tlog.RecordProof, error) {
	if err := v.holds(size); err != nil {
		return nil, err
	}
	return merkle.Inclusion(seq, size, tiles{v.reader})
}

// Consistency returns the proof that the first to records begin with the first
// from.
func (v *View) Consistency(from, to uint64) (tlog.TreeProof, error) {
	if err := v.holds(to); err != nil {
		return nil, err
	}
	return merkle.Consistency(from, to, tiles{v.reader})
}

// LeafHash returns the leaf hash of a record, as it was when it was applied.
func (v *View) LeafHash(seq uint64) ([32]byte, error) {
	if err := v.holds(seq); err != nil || seq == 0 {
		return [32]byte{}, err
	}
	return leafOf(v.reader, seq)
}

func leafOf(r store.Reader, seq uint64) ([32]byte, error) {
	t, at := merkle.LeafTile(seq)
	hashes, err := tiles{r}.Tile(t)
	if err != nil {
		return [32]byte{}, err
	}
	if len(hashes) <= at*tlog.HashSize {
		return [32]byte{}, fmt.Errorf("reading the leaf of record %d: %w: it is missing; remove the projection to have it built anew", seq, merkle.ErrDamaged)
	}
	return merkle.At(hashes, at), nil
}

func (v *View) holds(size uint64) error {
	if size > v.Position() {
		return fmt.Errorf("reading the tree of %d records: the view shows %d", size, v.Position())
	}
	return nil
}
