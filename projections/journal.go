package projections

import (
	"context"
	"errors"

	"bookledger/events/record"
)

// Journal supplies records to the projection, in order.
type Journal interface {
	// Follow calls yield with the records after sequence after, in order and
	// without gaps: first the existing ones, then each new one. It returns when
	// ctx ends or yield returns an error. The callee may retain the records.
	Follow(ctx context.Context, after uint64, yield func([]record.Record) error) error
	// Read is like Follow, but returns after record upTo. It returns at once if
	// after equals upTo.
	Read(ctx context.Context, after, upTo uint64, yield func([]record.Record) error) error
	// At returns the record with sequence seq.
	At(ctx context.Context, seq uint64) (record.Record, error)
	// Last returns the sequence of the newest record, or 0 if there is none.
	Last(ctx context.Context) (uint64, error)
}

// ErrAhead is returned when the projection has applied more records than the
// journal contains: the journal was restored from an older copy, or it is another
// journal.
var ErrAhead = errors.New("the projection is ahead of the journal")

// ErrForked is returned when a record of the journal is not the one that was
// applied.
var ErrForked = errors.New("the journal differs from what was applied")
