package projections_test

import (
	"context"
	"sync"

	"bookledger/events/record"
	"bookledger/projections"
)

// feed is a journal that grows while it is followed.
type feed struct {
	mu      sync.Mutex
	records []record.Record
	added   chan struct{} // closed and replaced with each addition
}

func newFeed(records ...record.Record) *feed {
	return &feed{records: records, added: make(chan struct{})}
}

// add appends a record and returns its sequence.
func (f *feed) add(r record.Record) uint64 {
	f.mu.Lock()
	defer f.mu.Unlock()
	r.Seq = uint64(len(f.records) + 1)
	f.records = append(f.records, r)
	close(f.added)
	f.added = make(chan struct{})
	return r.Seq
}

func (f *feed) snapshot() ([]record.Record, <-chan struct{}) {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.records, f.added
}

func (f *feed) Follow(ctx context.Context, after uint64, yield func([]record.Record) error) error {
	for {
		records, added := f.snapshot()
		if after < uint64(len(records)) {
			if err := yield(records[after:]); err != nil {
				return err
			}
			after = uint64(len(records))
		}
		select {
		case <-added:
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
}

func (f *feed) Read(ctx context.Context, after, upTo uint64, yield func([]record.Record) error) error {
	records, _ := f.snapshot()
	return memoryJournal{records, 512}.Read(ctx, after, upTo, yield)
}

func (f *feed) At(ctx context.Context, seq uint64) (record.Record, error) {
	records, _ := f.snapshot()
	return memoryJournal{records, 1}.At(ctx, seq)
}

func (f *feed) Last(ctx context.Context) (uint64, error) {
	records, _ := f.snapshot()
	return uint64(len(records)), nil
}

// follow starts to follow src. The function stop ends it and returns the error of Follow.
func follow(p *projections.Projection, src projections.Journal) (stop func() error) {
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- p.Follow(ctx, src) }()
	return func() error {
		cancel()
		return <-ended
	}
}
