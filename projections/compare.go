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

// DifferenceKind describes how the journal differs from what was applied.
type DifferenceKind string

// The kinds of differences. Reordered means that two adjacent records were swapped.
// Changed also covers every difference that fits no other kind.
const (
	Changed   DifferenceKind = "changed"
	Missing   DifferenceKind = "missing"
	Inserted  DifferenceKind = "inserted"
	Reordered DifferenceKind = "reordered"
)

// Difference is the error for the first record of the journal that differs from
// what was applied. It wraps ErrForked.
type Difference struct {
	Seq  uint64
	Kind DifferenceKind
}

// Error describes the difference. It names the record's sequence.
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

// Unwrap returns ErrForked.
func (d *Difference) Unwrap() error { return ErrForked }

// Compare compares the journal with the projection's Merkle tree, from sequence
// after + 1 (or a little earlier) to the projection's position at the time of the
// call. It returns the last sequence up to which all records match. The error is a
// *Difference if the next record differs, and merkle.ErrDamaged if the tree
// contradicts itself. After any other error, the comparison can be resumed with
// the returned sequence. If pace is not nil, Compare calls it after every n
// records; pace may wait, or stop the comparison by returning an error.
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
		c.failed = c.compareTile() // the last tile may be partial
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

// treeSize returns the number of records in the tree.
func (p *Projection) treeSize() (uint64, error) {
	v, err := p.View()
	if err != nil {
		return 0, err
	}
	return v.Position(), v.Close()
}

// comparer compares one tile at a time. Each tile is read from its own view: one
// long-lived view would keep Pebble from deleting old versions.
type comparer struct {
	p        *Projection
	ctx      context.Context
	pace     func(context.Context, int) error
	compared uint64 // all records up to this sequence match
	leaves   []byte // leaf hashes of the records that follow
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

// compareTile compares the collected leaves with those of their tile.
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

// compareTile compares leaf hashes with those that were applied and returns how
// many are equal. The first leaf must be the first of a tile.
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
			return at / tlog.HashSize, fmt.Errorf("%w: %v does not match the journal, but the tiles above it do: delete the projection folder to rebuild it", merkle.ErrDamaged, t)
		}
		return at / tlog.HashSize, &Difference{first + uint64(at/tlog.HashSize), Changed}
	}
	return len(leaves) / tlog.HashSize, v.checkParents(t, leaves)
}

// checkParents checks that the parent of a full tile contains the tile's root. If
// the tile is the parent's last, it checks the parent in the same way.
func (v *View) checkParents(t merkle.Tile, hashes []byte) error {
	for len(hashes) == merkle.TileWidth*tlog.HashSize {
		parent, at := t.Parent()
		above, err := tiles{v.reader, v.Position()}.Tile(parent)
		if err != nil {
			return err
		}
		if merkle.HashAt(above, at) != merkle.TileRoot(hashes) {
			return fmt.Errorf("%w: %v is not in its parent %v: delete the projection folder to rebuild it", merkle.ErrDamaged, t, parent)
		}
		if at < merkle.TileWidth-1 {
			return nil
		}
		t, hashes = parent, above
	}
	return nil
}

// differenceKind classifies the difference at seq by comparing adjacent records.
func (p *Projection) differenceKind(ctx context.Context, journal Journal, seq uint64) DifferenceKind {
	was := func(at, seq uint64) bool { // the journal's record at was applied as record seq
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
