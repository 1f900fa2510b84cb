package command

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/spf13/pflag"

	"bookledger/cmd/internal/cli"
	"bookledger/cmd/internal/node"
	"bookledger/events"
	"bookledger/events/journal"
	"bookledger/projections"
	"bookledger/projections/audit"
	"bookledger/projections/book"
	"bookledger/projections/checkpoint"
	"bookledger/projections/replay"
)

// ledgerReader reads a ledger: the folder of a stopped daemon, or a dump that is
// replayed in memory.
type ledgerReader interface {
	Checkpoint(f events.Date) (checkpoint.Checkpoint, error)
	Checkpoints() ([]checkpoint.Checkpoint, error)
	EachRejected(yield func(projections.RejectedEvent) error) error
	Status() (projections.Status, error)
	Now() *audit.Snapshot
	AtFriday(context.Context, book.Week) (*audit.Snapshot, error)
	At(context.Context, time.Time) (*audit.Snapshot, error)
	CaseHistory(ctx context.Context, caseID string) (*audit.CaseHistory, error)
	Compare(ctx context.Context, o audit.Owner, from, to book.Week) (*audit.Comparison, error)
	Trail(ctx context.Context, fridays int) ([]audit.Export, error)

	checkIntegrity() error // refuses where the record was found to have been changed
	close() error
}

// snapshotOf returns the snapshot of a Friday; 0 is the latest.
func snapshotOf(ctx context.Context, r ledgerReader, f events.Date) (*audit.Snapshot, error) {
	c, err := r.Checkpoint(f)
	if err != nil {
		return nil, err
	}
	return r.AtFriday(ctx, c.Week)
}

// ledgerFlags say which ledger is read, and of which case account is to tell.
type ledgerFlags struct{ data, journal, caseID string }

func (l *ledgerFlags) register(f *pflag.FlagSet) {
	f.StringVar(&l.data, "data", "", "folder of the ledger of a stopped daemon")
	f.StringVar(&l.journal, "journal", "", "dump or history file, replayed in memory; a dump that does not verify is refused")
	cli.OneOf(f, "data", "journal")
}

func (l *ledgerFlags) open(ctx context.Context, env *cli.Environment) (ledgerReader, error) {
	if l.data != "" {
		return openData(ctx, env, node.Options{Dir: l.data})
	}
	if info, err := checkFile(l.journal); err != nil {
		return nil, err
	} else if !info.Mode().IsRegular() {
		return nil, fmt.Errorf("reading %s: it is not a plain file, and a dump is read more than once", l.journal)
	}
	return openDump(ctx, env, l.journal, l.caseID)
}

// dataReader reads a data folder.
type dataReader struct {
	audit.LiveLedger
	node *node.Node
}

// openNode opens a data folder, and logs only what is wrong with it.
func openNode(ctx context.Context, env *cli.Environment, o node.Options) (_ *node.Node, err error) {
	if o.Log, err = env.QuietLogger(); err != nil {
		return nil, err
	}
	o.Now = env.Now
	return node.Open(ctx, o)
}

// openData opens a data folder and brings its projection up with its journal.
func openData(ctx context.Context, env *cli.Environment, o node.Options) (*dataReader, error) {
	n, err := openNode(ctx, env, o)
	if errors.Is(err, journal.ErrNoLedger) {
		err = fmt.Errorf("%w; where the journal is on an external server, read a dump of it (journal dump --nats)", err)
	}
	if err != nil {
		return nil, err
	}
	stop := showCatchUp(ctx, env, n)
	err = n.CatchUp(ctx)
	stop()
	d := &dataReader{audit.LiveLedger{Journal: n.Journal}, n}
	if err == nil {
		d.View, err = n.Projection.View()
	}
	if err != nil {
		return nil, errors.Join(err, n.Close())
	}
	return d, nil
}

// showCatchUp shows how far the projection is until stop is called.
func showCatchUp(ctx context.Context, env *cli.Environment, n *node.Node) (stop func()) {
	last, err := n.Journal.Last(ctx)
	if err != nil {
		return func() {} // CatchUp fails with the same error
	}
	shown := n.Projection.Position()
	bar := env.Progress("records applied", int64(last-min(shown, last)))
	show := func() {
		now := n.Projection.Position()
		bar.Add(int(now - shown))
		shown = now
	}
	ctx, cancel := context.WithCancel(ctx)
	var showing sync.WaitGroup
	showing.Go(func() {
		for ticks := time.Tick(200 * time.Millisecond); ; show() {
			select {
			case <-ticks:
			case <-ctx.Done():
				return
			}
		}
	})
	return func() {
		cancel()
		showing.Wait()
		show()
		bar.Done()
	}
}

func (d *dataReader) At(context.Context, time.Time) (*audit.Snapshot, error) {
	return nil, cli.Usagef("--at needs --journal: a folder keeps each Friday and now, a dump every moment (journal dump makes one)")
}

func (d *dataReader) Trail(_ context.Context, fridays int) ([]audit.Export, error) {
	if fridays > 0 {
		return nil, cli.Usagef("--check needs --journal: it decides by what the ledger knew at each record (journal dump makes a dump)")
	}
	return d.LiveLedger.Trail()
}

func (d *dataReader) checkIntegrity() error { return cli.RefuseOnViolation(d.node) }

func (d *dataReader) close() error { return errors.Join(d.View.Close(), d.node.Close()) }

// dumpReader reads a dump.
type dumpReader struct {
	*audit.Dump
	env *cli.Environment
}

func openDump(ctx context.Context, env *cli.Environment, path, caseID string) (*dumpReader, error) {
	d, err := audit.OpenDump(ctx, dumpFile(env, path), caseID)
	if err != nil {
		return nil, err
	}
	claims, err := d.Claims()
	if len(claims) == 0 && err == nil {
		env.Messagef("note: no seal stands in %s, so it does not show whether it was changed", path)
	}
	return &dumpReader{d, env}, err
}

// dumpFile is a dump whose replays show how far they are.
func dumpFile(env *cli.Environment, path string) replay.File {
	return replay.File{Path: path, Watch: func() (func(int), func()) {
		bar := env.Progress("records replayed", 0)
		return bar.Add, bar.Done
	}}
}

func (d *dumpReader) At(ctx context.Context, t time.Time) (*audit.Snapshot, error) {
	if last := d.Recorded(); t.After(last) {
		d.env.Messagef("note: the file ends with what was recorded by %s; what came later is not in it", cli.FormatPacific(last))
	}
	return d.Dump.At(ctx, t)
}

// checkIntegrity returns nil: a dump is compared with its seals as it is replayed.
func (d *dumpReader) checkIntegrity() error { return nil }

func (d *dumpReader) close() error { return nil }

// parseFriday reads what --friday says; 0 is the latest.
func parseFriday(s string) (events.Date, error) {
	if s == "latest" {
		return 0, nil
	}
	f, err := events.ParseDate(s)
	if err != nil {
		return 0, cli.Usagef("--friday: %q is neither a date like 2026-11-20 nor latest", s)
	}
	return f, nil
}
