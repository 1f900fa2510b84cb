package projections

import (
	"bytes"
	"context"
	"errors"
	"fmt"

	"golang.org/x/mod/sumdb/tlog"

	"bookledger/events/record"
	"bookledger/events/record/merkle"
)

// DifferenceKind is how the journal differs from what was applied.
type DifferenceKind string

// The kinds. A pair of neighbours that was swapped is Reordered; whatever else
// cannot be told is Changed.
const (
	Changed   DifferenceKind = "changed"
	Missing   DifferenceKind = "missing"
	Inserted  DifferenceKind = "inserted"
	Reordered DifferenceKind = "reordered"
)

// Difference is the first record of the journal that is not what was applied.
// It is an ErrForked.
type Difference struct {
	Seq  uint64
	Kind DifferenceKind
}

// Error names the record.
func (d *Difference) Error() string {
	switch d.Kind {
	case Missing:
		return fmt.Sprintf("%v: record %d is missing", ErrForked, d.Seq)
	case Inserted:
		return fmt.Sprintf("%v: record %d was inserted", ErrForked, d.Seq)
	case Reordered:
		return fmt.Sprintf("%v: records %d and %d were swapped", ErrForked, d.Seq, d.Seq+1)
	}
	return fmt.Sprintf("%v: record %d was changed", ErrForked, d.Seq)
}

// Unwrap makes it an ErrForked.
func (d *Difference) Unwrap() error { return ErrForked }

// Compare compares the journal with the tree, from the record after after (or
// a little before it) to the projection's position at the time of the call.
// It returns up to which record all is as it was applied, with a *Difference
// where the next is not, merkle.ErrDamaged where the tree does not agree with
// itself, or the error that ended it, after which it can be called again from
// there. Pace, if it is not nil, is called after every n records, and may wait
// or end it.
func (p *Projection) Compare(ctx context.Context, journal Journal, after uint64, pace func(ctx context.Context, n int) error) (compared uint64, err error) {
	upTo, err := p.treeSize()
	if err != nil {
		return after, err
	}
	last, err := journal.Last(ctx)
	if err != nil {
		return after, err
	}
	end := min(upTo, last)
	c := &comparer{p: p, ctx: ctx, pace: pace, compared: min(after, end) / merkle.TileWidth * merkle.TileWidth}
	readErr := journal.Read(ctx, c.compared, end, c.add)
	if c.failed == nil {
		c.failed = c.compareTile() // that the end has cut off
	}
	var d *Difference
	switch {
	case errors.As(c.failed, &d) && d.Kind == Changed:
		d.Kind = p.differenceKind(ctx, journal, d.Seq)
		return c.compared, d
	case c.failed != nil:
		return c.compared, c.failed
	case readErr != nil:
		return c.compared, readErr
	case c.compared < upTo:
		return c.compared, &Difference{c.compared + 1, Missing}
	}
	return c.compared, nil
}

// treeSize is how many records the tree has.
func (p *Projection) treeSize() (uint64, error) {
	v, err := p.View()
	if err != nil {
		return 0, err
	}
	return v.Position(), v.Close()
}

// comparer compares tile by tile. Each is read from a view of its own: one
// that was held all the time would keep old versions from being cleared away.
type comparer struct {
	p        *Projection
	ctx      context.Context
	pace     func(context.Context, int) error
	compared uint64 // all up to here is as it was applied
	leaves   []byte // of the records after that
	failed   error
}

func (c *comparer) add(records []record.Record) error {
	for i := range records {
		next := c.compared + uint64(len(c.leaves)/tlog.HashSize) + 1
		if seq := records[i].Seq; seq != next {
			kind := Missing
			if seq < next {
				kind = Inserted
			}
			if c.failed = c.compareTile(); c.failed == nil {
				c.failed = &Difference{next, kind}
			}
			return c.failed
		}
		leaf := records[i].LeafHash()
		if c.leaves = append(c.leaves, leaf[:]...); next%merkle.TileWidth == 0 {
			if c.failed = c.compareTile(); c.failed != nil {
				return c.failed
			}
		}
	}
	return nil
}

// tile compares the leaves that were taken with those of their tile.
func (c *comparer) compareTile() error {
	n := len(c.leaves) / tlog.HashSize
	if n == 0 {
		return nil
	}
	v, err := c.p.View()
	if err != nil {
		return err
	}
	equal, err := v.compareTile(c.compared+1, c.leaves)
	c.compared, c.leaves = c.compared+uint64(equal), c.leaves[:0]
	if err = errors.Join(err, v.Close()); err != nil || c.pace == nil {
		return err
	}
	return c.pace(c.ctx, n)
}

// compareTile compares leaves, of which the first is a tile's, with what was
// applied, and returns how many are equal.
func (v *View) compareTile(first uint64, leaves []byte) (equal int, err error) {
	t := merkle.Tile{Number: (first - 1) / merkle.TileWidth}
	stored, err := tiles{v.reader, v.Position()}.Tile(t)
	if err != nil {
		return 0, err
	}
	for at := 0; at < len(leaves); at += tlog.HashSize {
		if bytes.Equal(leaves[at:at+tlog.HashSize], stored[at:at+tlog.HashSize]) {
			continue
		}
		if len(leaves) == merkle.TileWidth*tlog.HashSize && v.checkParents(t, leaves) == nil {
			return at / tlog.HashSize, fmt.Errorf("%w: %v differs from the journal, with which the tree agrees otherwise; remove the projection to have it built anew", merkle.ErrDamaged, t)
		}
		return at / tlog.HashSize, &Difference{first + uint64(at/tlog.HashSize), Changed}
	}
	return len(leaves) / tlog.HashSize, v.checkParents(t, leaves)
}

// checkParents checks that a full tile stands in its parent, and the parent in
// its own where the tile is its last.
func (v *View) checkParents(t merkle.Tile, hashes []byte) error {
	for len(hashes) == merkle.TileWidth*tlog.HashSize {
		parent, at := t.Parent()
		above, err := tiles{v.reader, v.Position()}.Tile(parent)
		if err != nil {
			return err
		}
		if merkle.HashAt(above, at) != merkle.TileRoot(hashes) {
			return fmt.Errorf("%w: %v does not stand in %v; remove the projection to have it built anew", merkle.ErrDamaged, t, parent)
		}
		if at < merkle.TileWidth-1 {
			return nil
		}
		t, hashes = parent, above
	}
	return nil
}

// kind tells how a record differs, by its neighbours.
func (p *Projection) differenceKind(ctx context.Context, journal Journal, seq uint64) DifferenceKind {
	was := func(at, seq uint64) bool { // the record at at was the one at seq
		r, err := journal.At(ctx, at)
		if err != nil {
			return false
		}
		v, err := p.View()
		if err != nil {
			return false
		}
		r.Seq = seq
		applied, err := v.LeafHash(seq)
		return errors.Join(err, v.Close()) == nil && r.LeafHash() == applied
	}
	switch up, down := was(seq, seq+1), was(seq+1, seq); {
	case up && down:
		return Reordered
	case up:
		return Missing
	case down:
		return Inserted
	}
	return Changed
}
