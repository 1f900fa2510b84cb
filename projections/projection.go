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

// Version is the version of the projector. It is raised when the same journal
// would produce a different store; existing stores are then rebuilt.
//
//	1: the first version
//	2: adds the roles of a person, the agents of an agency, the case index and the export trail
//	3: adds the journal's Merkle tree; the case index adds recorded times, and
//	   records that are duplicates or were rejected before their data was read
const Version = 3

// Options configure Open.
type Options struct {
	Dir string      // the projection's folder; created if missing
	FS  vfs.FS      // nil means the disk
	Log *zap.Logger // nil disables logging
}

// Projection is an open projection.
type Projection struct {
	dir      string
	fs       vfs.FS
	log      *zap.Logger
	versions versions // for new stores

	mu        sync.Mutex
	serving   *generation             // read by views; nil if this release cannot read the old store
	building  *generation             // being built to replace serving; usually nil
	position  uint64                  // committed position of serving
	changed   chan struct{}           // closed and replaced when the fields around it change
	outcomes  [recentOutcomes]outcome // of the newest records, by sequence
	followErr error                   // why following ended, if it did
	following bool                    // the journal is being followed and matches what was applied
}

// recentOutcomes is the number of records for which WaitFor knows the outcome
// without reading the store.
const recentOutcomes = 1 << 16

// outcome is the outcome of record seq.
type outcome struct {
	seq     uint64
	outcome record.Outcome
}

// Open opens the projection in o.Dir. The caller must ensure that no other process
// has it open.
func Open(o Options) (*Projection, error) {
	return open(o, currentVersions(Version))
}

func open(o Options, v versions) (*Projection, error) {
	if o.FS == nil {
		o.FS = vfs.Default
	}
	if o.Log == nil {
		o.Log = zap.NewNop()
	}
	p := &Projection{dir: o.Dir, fs: o.FS, log: o.Log, versions: v, changed: make(chan struct{})}
	if err := p.openGenerations(); err != nil {
		return nil, errors.Join(err, p.Close())
	}
	return p, nil
}

// Close flushes and closes the stores. Follow must have returned, and all views
// must be closed.
func (p *Projection) Close() error {
	var errs []error
	for _, g := range [...]*generation{p.serving, p.building} {
		if g != nil {
			errs = append(errs, g.store.Flush(), g.store.Close())
		}
	}
	return errors.Join(errs...)
}

// Follow applies the journal's records after the projection's position, and then
// each new one, until ctx ends or the journal or the disk fails. It first checks
// that the journal still contains what was applied, and otherwise returns ErrAhead
// or ErrForked. It may be called again after it has returned.
func (p *Projection) Follow(ctx context.Context, journal Journal) error {
	return p.run(ctx, journal, true)
}

// CatchUp applies the records that the journal contains at the time of the call,
// with the same checks as Follow.
func (p *Projection) CatchUp(ctx context.Context, journal Journal) error {
	return p.run(ctx, journal, false)
}

func (p *Projection) run(ctx context.Context, journal Journal, follow bool) (err error) {
	p.setFollowing(nil)
	defer func() { p.setFollowing(err) }()
	if p.building != nil {
		// The old store is evidence of what was applied: a rebuild from a journal
		// that has lost records must not hide the loss.
		if err := p.Verify(ctx, journal); err != nil {
			return err
		}
		if err := p.rebuild(ctx, journal); err != nil {
			return err
		}
	}
	return p.advance(ctx, journal, p.serving, follow)
}

// Verify checks that the journal contains what was applied, as Follow does. It
// returns ErrAhead or ErrForked if it does not.
func (p *Projection) Verify(ctx context.Context, journal Journal) error {
	if p.serving == nil {
		return nil // this release cannot read the old store
	}
	processor, err := readProcessor(p.serving.store.Reader())
	if err != nil {
		return err
	}
	_, err = verify(ctx, journal, processor, p.serving.store.Reader())
	return err
}

// setPosition publishes a committed position and the outcomes of the records that
// lead up to it.
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

// setFollowing records that following begins (nil), or the error that ended it.
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

// Rebuilding reports whether a new store is being built. Meanwhile the serving
// store does not advance.
func (p *Projection) Rebuilding() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.building != nil
}

// Following reports whether the journal is being followed and contains what was
// applied. While it returns false, nothing that depends on a view may be appended
// to the journal: it may be another journal.
func (p *Projection) Following() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.following
}

// WaitFollowing waits until Following is true. It returns ctx's error if ctx ends first.
func (p *Projection) WaitFollowing(ctx context.Context) error {
	for {
		p.mu.Lock()
		following, changed := p.following, p.changed
		p.mu.Unlock()
		if following {
			return nil
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return fmt.Errorf("waiting for the projection to follow the journal: %w", ctx.Err())
		}
	}
}

// WaitFor waits until views show record seq, and returns the record's outcome. If
// the record was applied before this process started, or many records ago, only a
// rejection is known: WaitFor then returns Applied for every other outcome. If
// Follow has returned, WaitFor waits until it is called again. If ctx ends first,
// WaitFor returns ctx's error, joined with the error of Follow, if any.
func (p *Projection) WaitFor(ctx context.Context, seq uint64) (record.Outcome, *RejectedEvent, error) {
	for {
		p.mu.Lock()
		reached, changed, failed := p.position >= seq, p.changed, p.followErr
		o := p.outcomes[seq%recentOutcomes]
		p.mu.Unlock()
		if reached {
			if o.seq == seq && o.outcome != record.Rejected {
				return o.outcome, nil, nil
			}
			return p.outcome(seq)
		}
		select {
		case <-changed:
		case <-ctx.Done():
			if failed != nil {
				failed = fmt.Errorf("the projection no longer follows the journal: %w", failed)
			}
			return 0, nil, fmt.Errorf("waiting for record %d: %w", seq, errors.Join(ctx.Err(), failed))
		}
	}
}

// outcome reads the outcome of a record from the store, which keeps only
// rejections.
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

// DiskUsage returns the number of bytes that the stores use on disk.
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
