package projections

import (
	"context"
	"fmt"
	"iter"

	"bookledger/events/record"
	"bookledger/events/record/merkle"
	"bookledger/projections/internal/admission"
	"bookledger/projections/internal/pipeline"
	"bookledger/projections/internal/store"
)

// advance applies the journal's records to g, starting at its position. Without
// follow, it stops at the journal's last record; with follow, it continues with
// each new one. When reading ends, advance commits all records that were read and
// returns the error of reading. If applying fails or ctx ends before that, it
// returns that error.
func (p *Projection) advance(ctx context.Context, journal Journal, g *generation, follow bool) error {
	a, err := newApplier(g)
	if err != nil {
		return err
	}
	defer a.discard()
	last, err := verify(ctx, journal, a.processor, a.reader)
	if err != nil {
		return err
	}
	after := a.processor.Position
	p.setPosition(g, after, nil)
	return pipeline.Run(ctx, func(ctx context.Context, yield func([]record.Record) error) error {
		receive := func(records []record.Record) error { return yieldChunks(records, yield) }
		if follow {
			return journal.Follow(ctx, after, receive)
		}
		return journal.Read(ctx, after, last, receive)
	}, newDecoder, func(chunks iter.Seq[[]record.Decoded], more func() bool) error {
		for records := range chunks {
			for i := range records {
				if err := a.apply(&records[i]); err != nil {
					return err
				}
				if a.records == batchRecords {
					if err := p.commit(a, g); err != nil {
						return err
					}
				}
			}
			// At the end of the journal, commit at once instead of waiting for a full batch.
			if a.records > 0 && a.processor.Position >= last && !more() {
				if err := p.commit(a, g); err != nil {
					return err
				}
			}
		}
		if a.records > 0 {
			return p.commit(a, g)
		}
		return nil
	})
}

// Chunks are small, so that all cores share the decoding and large records do not
// accumulate in memory.
const (
	chunkRecords = 128
	chunkBytes   = 256 << 10
)

func yieldChunks(records []record.Record, yield func([]record.Record) error) error {
	for len(records) > 0 {
		n, bytes := 0, 0
		for n < len(records) && n < chunkRecords && bytes < chunkBytes {
			bytes += len(records[n].Body)
			n++
		}
		if err := yield(records[:n]); err != nil {
			return err
		}
		records = records[n:]
	}
	return nil
}

func newDecoder() func([]record.Record) []record.Decoded {
	var decoder record.Decoder
	return func(records []record.Record) []record.Decoded {
		decoded := make([]record.Decoded, len(records))
		for i := range records {
			decoded[i] = decoder.Decode(records[i])
		}
		return decoded
	}
}

// commit commits the batch, publishes the new position, and begins the next batch.
func (p *Projection) commit(a *applier, g *generation) error {
	if err := a.commit(); err != nil {
		return err
	}
	p.setPosition(g, a.processor.Position, a.outcomes)
	a.begin()
	return nil
}

// verify checks that the journal's first record, and its record at the
// projection's position, are the ones that were applied. It returns the journal's
// last sequence. It is called each time following begins.
func verify(ctx context.Context, journal Journal, applied *admission.Processor, r store.Reader) (last uint64, err error) {
	position := applied.Position
	if last, err = journal.Last(ctx); err != nil || position == 0 {
		return last, err
	}
	if last < position {
		return 0, fmt.Errorf("%w: the projection has applied record %d, but the journal ends at record %d", ErrAhead, position, last)
	}
	first, err := merkle.NewTree(tiles{r, position}).LeafHash(1)
	if err != nil {
		return 0, err
	}
	if err := verifyRecord(ctx, journal, 1, first); err != nil {
		return 0, err
	}
	return last, verifyRecord(ctx, journal, position, applied.Leaf)
}

// verifyRecord checks that a record of the journal has the given leaf hash.
func verifyRecord(ctx context.Context, journal Journal, seq uint64, leaf [32]byte) error {
	r, err := journal.At(ctx, seq)
	if err != nil {
		return fmt.Errorf("reading record %d to compare it with what was applied: %w", seq, err)
	}
	if r.LeafHash() != leaf {
		return fmt.Errorf("%w: record %d differs", ErrForked, seq)
	}
	return nil
}
