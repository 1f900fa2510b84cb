package projections

import (
	"context"
	"fmt"
	"runtime"
	"sync"

	"bookledger/events"
	"bookledger/events/record"
	"bookledger/projections/internal/admission"
	"bookledger/projections/internal/store"
)

// chunk is some records on their way through decoding to application.
type chunk struct {
	records []record.Record
	checked []events.Checked
	leaves  [][32]byte
	ready   chan struct{} // closed when checked and leaves are filled in
}

// What the source hands over is cut so small that decoding is spread over the
// cores and that large records do not add up.
const (
	chunkRecords = 128
	chunkBytes   = 256 << 10
)

// pipeline decodes on all cores and applies in order.
type pipeline struct {
	ctx    context.Context
	known  uint64      // the source's last record when this began
	work   chan *chunk // to be decoded, by anybody
	order  chan *chunk // to be applied, in order
	done   sync.WaitGroup
	decode sync.WaitGroup
}

// stream runs read, which hands records over, and applies them. It ends when
// read has ended, with its error, and everything that it has handed over is
// committed; or with the error of applying, or of ctx, that prevented that.
func (p *Projection) stream(ctx context.Context, a *applier, g *generation, known uint64, read func(context.Context, func([]record.Record) error) error) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	workers := runtime.GOMAXPROCS(0)
	l := &pipeline{
		ctx: ctx, known: known,
		work: make(chan *chunk, 8*workers), order: make(chan *chunk, 8*workers),
	}
	for range workers {
		l.decode.Go(l.decodeAll)
	}
	var applyErr error
	l.done.Go(func() {
		if applyErr = p.applyAll(l, a, g); applyErr != nil {
			cancel(applyErr)
		}
	})
	err := read(ctx, l.accept)
	close(l.work)
	l.decode.Wait()
	close(l.order)
	l.done.Wait()
	if applyErr != nil {
		return applyErr
	}
	return err
}

// accept takes records from the source, as fast as they are applied.
func (l *pipeline) accept(records []record.Record) error {
	for len(records) > 0 {
		n, bytes := 0, 0
		for n < len(records) && n < chunkRecords && bytes < chunkBytes {
			bytes += len(records[n].Body)
			n++
		}
		c := &chunk{records: records[:n], ready: make(chan struct{})}
		records = records[n:]
		for _, to := range [...]chan *chunk{l.order, l.work} {
			select {
			case to <- c:
			case <-l.ctx.Done():
				return context.Cause(l.ctx)
			}
		}
	}
	return nil
}

func (l *pipeline) decodeAll() {
	var checker events.Checker
	for c := range l.work {
		c.checked = make([]events.Checked, len(c.records))
		c.leaves = make([][32]byte, len(c.records))
		for i := range c.records {
			r := &c.records[i]
			c.checked[i] = checker.Check(r.Subject, r.Body)
			c.leaves[i] = r.LeafHash()
		}
		close(c.ready)
	}
}

// applyAll applies chunks in order, and commits whenever a batch is full or,
// once it has caught up, nothing more is waiting.
func (p *Projection) applyAll(l *pipeline, a *applier, g *generation) error {
	for c := range l.order {
		select {
		case <-c.ready:
		case <-l.ctx.Done():
			return context.Cause(l.ctx)
		}
		for i := range c.records {
			if err := a.apply(&c.records[i], c.leaves[i], &c.checked[i]); err != nil {
				return err
			}
			if a.records == batchRecords {
				if err := p.commit(a, g); err != nil {
					return err
				}
			}
		}
		if len(l.order) == 0 && a.records > 0 && a.processor.Position >= l.known {
			if err := p.commit(a, g); err != nil {
				return err
			}
		}
	}
	if a.records > 0 {
		return p.commit(a, g)
	}
	return nil
}

// commit makes what was applied part of the store, and known.
func (p *Projection) commit(a *applier, g *generation) error {
	if err := a.commit(); err != nil {
		return err
	}
	p.reach(g, a.processor.Position, a.outcomes)
	a.begin()
	return nil
}

// verify checks that the source holds the first record that was applied and, at
// the projection's position, the last, and returns the source's last sequence;
// it is called whenever following begins.
func verify(ctx context.Context, journal Journal, applied *admission.Processor, r store.Reader) (last uint64, err error) {
	position := applied.Position
	if last, err = journal.Last(ctx); err != nil || position == 0 {
		return last, err
	}
	if last < position {
		return 0, fmt.Errorf("%w: it has applied record %d, the journal ends at %d", ErrAhead, position, last)
	}
	first, err := leafOf(r, 1)
	if err != nil {
		return 0, err
	}
	if err := is(ctx, journal, 1, first); err != nil {
		return 0, err
	}
	return last, is(ctx, journal, position, applied.Leaf)
}

// is checks that a record of the source is the one with that leaf hash.
func is(ctx context.Context, journal Journal, seq uint64, leaf [32]byte) error {
	r, err := journal.At(ctx, seq)
	if err != nil {
		return fmt.Errorf("reading record %d, to see whether it is the one that was applied: %w", seq, err)
	}
	if r.LeafHash() != leaf {
		return fmt.Errorf("%w: record %d differs", ErrForked, seq)
	}
	return nil
}
