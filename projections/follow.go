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

// advance applies records to one generation, from its position on: those that are
// there, or with follow each that comes, too. It ends when reading has ended, with
// its error, and everything that was handed over is committed; or with the error
// of applying, or of ctx, that prevented that.
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
		take := func(records []record.Record) error { return yieldChunks(records, yield) }
		if follow {
			return journal.Follow(ctx, after, take)
		}
		return journal.Read(ctx, after, last, take)
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
			// Once the journal's last record is reached, no batch waits for others.
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

// What the journal hands over is cut so small that decoding is spread over the
// cores and that large records do not add up.
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

// commit makes what was applied part of the store, and known.
func (p *Projection) commit(a *applier, g *generation) error {
	if err := a.commit(); err != nil {
		return err
	}
	p.setPosition(g, a.processor.Position, a.outcomes)
	a.begin()
	return nil
}

// verify checks that the journal holds the first record that was applied and, at
// the projection's position, the last, and returns the journal's last sequence;
// it is called whenever following begins.
func verify(ctx context.Context, journal Journal, applied *admission.Processor, r store.Reader) (last uint64, err error) {
	position := applied.Position
	if last, err = journal.Last(ctx); err != nil || position == 0 {
		return last, err
	}
	if last < position {
		return 0, fmt.Errorf("%w: it has applied record %d, the journal ends at %d", ErrAhead, position, last)
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

// is checks that a record of the journal is the one with that leaf hash.
func verifyRecord(ctx context.Context, journal Journal, seq uint64, leaf [32]byte) error {
	r, err := journal.At(ctx, seq)
	if err != nil {
		return fmt.Errorf("reading record %d, to see whether it is the one that was applied: %w", seq, err)
	}
	if r.LeafHash() != leaf {
		return fmt.Errorf("%w: record %d differs", ErrForked, seq)
	}
	return nil
}
