package projections

import (
	"context"
	"errors"
	"fmt"
	"sync"

	"github.com/cockroachdb/pebble/v2/vfs"
	"go.uber.org/zap"

	"bookledger/events/record"
)

// Version is the version of what the projection makes of records: it is
// raised when the same journal would come to another store, which is then
// built anew. 1: the first. 2: with the roles of a person, the agents of an
// agency, the index of a case and the trail of exports. 3: with the tree of the
// journal, and in the index what came again or was rejected unread, and
// recorded times.
const Version = 3

// Options are how a projection is opened.
type Options struct {
	Dir string      // its folder; made where it is missing
	FS  vfs.FS      // nil: the disk
	Log *zap.Logger // nil: no log
}

// Projection is an open projection.
type Projection struct {
	dir      string
	fs       vfs.FS
	log      *zap.Logger
	versions versions // by which new stores are made

	mu        sync.Mutex
	serving   *generation // what views read
	building  *generation // what is built anew beside it, else nil
	position  uint64      // of the serving generation, as committed
	changed   chan struct{}
	outcomes  [recentOutcomes]outcome // of the newest records, by sequence
	followErr error                   // why following ended, if it did
	following bool                    // followed, and the journal holds what was applied
}

// recentOutcomes is of how many records WaitFor remembers what became of them
// without asking the store.
const recentOutcomes = 1 << 16

// outcome is what became of the record seq.
type outcome struct {
	seq     uint64
	outcome record.Outcome
}

// Open opens the projection in a folder, which no other process may have open:
// that lock is the caller's.
func Open(o Options) (*Projection, error) {
	return open(o, currentVersions(Version))
}

func open(o Options, made versions) (*Projection, error) {
	if o.FS == nil {
		o.FS = vfs.Default
	}
	if o.Log == nil {
		o.Log = zap.NewNop()
	}
	p := &Projection{dir: o.Dir, fs: o.FS, log: o.Log, versions: made, changed: make(chan struct{})}
	if err := p.openGenerations(); err != nil {
		return nil, errors.Join(err, p.Close())
	}
	return p, nil
}

// Close closes the stores; following must have ended, and views be closed.
func (p *Projection) Close() error {
	var errs []error
	for _, g := range [...]*generation{p.serving, p.building} {
		if g != nil {
			errs = append(errs, g.store.Flush(), g.store.Close())
		}
	}
	return errors.Join(errs...)
}

// Follow applies the journal's records from the projection's position on, and
// goes on with each new one until ctx ends or the journal or the disk fails.
// It may be called again after it has ended: it begins by checking that the
// journal still holds what was applied, else it returns ErrAhead or ErrForked.
func (p *Projection) Follow(ctx context.Context, journal Journal) error {
	return p.run(ctx, journal, true)
}

// CatchUp applies what the journal holds when it begins, and returns.
func (p *Projection) CatchUp(ctx context.Context, journal Journal) error {
	return p.run(ctx, journal, false)
}

func (p *Projection) run(ctx context.Context, journal Journal, follow bool) (err error) {
	p.setFollowing(nil)
	defer func() { p.setFollowing(err) }()
	if p.building != nil {
		// What the old store has seen still holds: a journal that lost records
		// is not to be papered over by building from what is left.
		if err := p.Verify(ctx, journal); err != nil {
			return err
		}
		if err := p.rebuild(ctx, journal); err != nil {
			return err
		}
	}
	return p.advance(ctx, journal, p.serving, follow)
}

// Verify checks that the journal holds what was applied, as following does when
// it begins, and returns ErrAhead or ErrForked where it does not.
func (p *Projection) Verify(ctx context.Context, journal Journal) error {
	if p.serving == nil {
		return nil // of another form, which this release cannot read
	}
	processor, err := readProcessor(p.serving.store.Reader())
	if err != nil {
		return err
	}
	_, err = verify(ctx, journal, processor, p.serving.store.Reader())
	return err
}

// reach makes a committed position known to those who wait for it, and what
// became of the records up to it.
func (p *Projection) setPosition(g *generation, position uint64, outcomes []record.Outcome) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if g != p.serving {
		return
	}
	first := position + 1 - uint64(len(outcomes))
	for i, o := range outcomes {
		seq := first + uint64(i)
		p.outcomes[seq%recentOutcomes] = outcome{seq, o}
	}
	p.position, p.following = position, true
	close(p.changed)
	p.changed = make(chan struct{})
}

// turn notes that following begins, or why it has ended.
func (p *Projection) setFollowing(err error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.followErr, p.following = err, false
	close(p.changed)
	p.changed = make(chan struct{})
}

// Position returns the sequence of the newest record that views show.
func (p *Projection) Position() uint64 {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.position
}

// Rebuilding tells whether a store is being built anew beside the one that
// serves, which meanwhile stands still.
func (p *Projection) Rebuilding() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.building != nil
}

// Following tells whether the journal is being followed and was found to hold
// what was applied. Until then nothing may be appended to it because of what
// views show: it may be another journal.
func (p *Projection) Following() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.following
}

// WaitFollowing waits for Following. It returns ctx's error if that ends first.
func (p *Projection) WaitFollowing(ctx context.Context) error {
	for {
		p.mu.Lock()
		current, moved := p.following, p.changed
		p.mu.Unlock()
		if current {
			return nil
		}
		select {
		case <-moved:
		case <-ctx.Done():
			return fmt.Errorf("waiting until the journal is followed: %w", ctx.Err())
		}
	}
}

// WaitFor waits until views show the record, and returns what became of it. Of
// one that was applied before this process began, or many records ago, only a
// rejection is known: it says Applied of all others.
// Where following has ended it waits for it to be taken up again. It returns
// ctx's error if that ends first, joined with the one that ended following if
// that has ended.
func (p *Projection) WaitFor(ctx context.Context, seq uint64) (record.Outcome, *RejectedEvent, error) {
	for {
		p.mu.Lock()
		reached, moved, failed := p.position >= seq, p.changed, p.followErr
		o := p.outcomes[seq%recentOutcomes]
		p.mu.Unlock()
		if reached {
			if o.seq == seq && o.outcome != record.Rejected {
				return o.outcome, nil, nil
			}
			return p.outcome(seq)
		}
		select {
		case <-moved:
		case <-ctx.Done():
			if failed != nil {
				failed = fmt.Errorf("following has ended: %w", failed)
			}
			return 0, nil, fmt.Errorf("waiting for record %d: %w", seq, errors.Join(ctx.Err(), failed))
		}
	}
}

// outcome asks the store what became of a record that was applied long ago:
// only rejections are kept for good.
func (p *Projection) outcome(seq uint64) (record.Outcome, *RejectedEvent, error) {
	v, err := p.View()
	if err != nil {
		return 0, nil, err
	}
	defer v.Close()
	r, err := v.rejected(seq)
	if err != nil || r == nil {
		return record.Applied, nil, err
	}
	return record.Rejected, r, nil
}

// DiskUsage returns how many bytes the stores take on disk.
func (p *Projection) DiskUsage() uint64 {
	p.mu.Lock()
	defer p.mu.Unlock()
	var n uint64
	for _, g := range [...]*generation{p.serving, p.building} {
		if g != nil {
			n += g.store.DiskUsage()
		}
	}
	return n
}
