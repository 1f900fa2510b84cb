package projections

import (
	"context"
	"errors"

	"bookledger/events/record"
)

// Journal is the ordered record, as the projection reads it.
type Journal interface {
	// Follow hands over the records after sequence after, in order and without
	// a gap, those that are there and then each as it comes, until ctx ends or
	// yield fails. The callee may keep the records.
	Follow(ctx context.Context, after uint64, yield func([]record.Record) error) error
	// Read is Follow that ends after upTo, at once where after is that.
	Read(ctx context.Context, after, upTo uint64, yield func([]record.Record) error) error
	// At returns one record.
	At(ctx context.Context, seq uint64) (record.Record, error)
	// Last returns the sequence of the newest record.
	Last(ctx context.Context) (uint64, error)
}

// ErrAhead is returned for a projection that has seen more than its journal holds:
// the journal was restored from an earlier copy, or is another one.
var ErrAhead = errors.New("the projection is ahead of its journal")

// ErrForked is returned for a journal that holds another record at the
// projection's position than the one that was applied.
var ErrForked = errors.New("the journal is not the one that was applied")
