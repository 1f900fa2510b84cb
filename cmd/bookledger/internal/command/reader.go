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
	"bookledger/events/record/treehead"
	"bookledger/projections"
	"bookledger/projections/audit"
	"bookledger/projections/book"
	"bookledger/projections/checkpoint"
	"bookledger/projections/replay"
)

// ledgerReader reads a ledger: the data folder of a stopped ledger, or a dump that is
// replayed in memory.
type ledgerReader interface {
	Checkpoint(f events.Date) (checkpoint.Checkpoint, error)
	Checkpoints() ([]checkpoint.Checkpoint, error)
	EachRejected(yield func(projections.RejectedEvent) error) error
	Status() (projections.Status, error)
	LedgerID() string // "" if there is no genesis
	Keys() (*treehead.Keys, error)
	Now() *audit.Snapshot
	AtFriday(context.Context, book.Week) (*audit.Snapshot, error)
	At(context.Context, time.Time) (*audit.Snapshot, error)
	CaseHistory(ctx context.Context, caseID string) (*audit.CaseHistory, error)
	Compare(ctx context.Context, o audit.Owner, from, to book.Week) (*audit.Comparison, error)
	Trail(ctx context.Context, fridays int) ([]audit.Export, error)

	checkIntegrity() error // cli.ErrRefused after an integrity violation
	close() error
}

// snapshotOf returns the snapshot of a Friday, or of the latest one if f is 0.
func snapshotOf(ctx context.Context, r ledgerReader, f events.Date) (*audit.Snapshot, error) {
	c, err := r.Checkpoint(f)
	if err != nil {
		return nil, err
	}
	return r.AtFriday(ctx, c.Week)
}

// ledgerFlags are the flags that choose the ledger to read. Commands set caseID to the
// case whose history they need.
type ledgerFlags struct{ data, journal, caseID string }

func (l *ledgerFlags) register(f *pflag.FlagSet) {
	f.StringVar(&l.data, "data", "", "data `folder` of a stopped ledger")
	f.StringVar(&l.journal, "journal", "", "dump or history `file`, replayed in memory; a dump that does not verify is refused")
	cli.OneOf(f, "data", "journal")
}

func (l *ledgerFlags) open(ctx context.Context, env *cli.Environment) (ledgerReader, error) {
	if l.data != "" {
		return openData(ctx, env, node.Options{Dir: l.data})
	}
	if info, err := checkFile(l.journal); err != nil {
		return nil, err
	} else if !info.Mode().IsRegular() {
		return nil, fmt.Errorf("reading %s: not a regular file, and a dump is read more than once", l.journal)
	}
	return openDump(ctx, env, l.journal, l.caseID)
}

// dataReader reads a data folder.
type dataReader struct {
	audit.LiveLedger
	node *node.Node
}

// openNode opens a data folder. It logs only errors.
func openNode(ctx context.Context, env *cli.Environment, o node.Options) (_ *node.Node, err error) {
	if o.Log, err = env.QuietLogger(); err != nil {
		return nil, err
	}
	o.Now = env.Now
	return node.Open(ctx, o)
}

// openData opens a data folder and applies all records of its journal.
func openData(ctx context.Context, env *cli.Environment, o node.Options) (*dataReader, error) {
	n, err := openNode(ctx, env, o)
	if errors.Is(err, journal.ErrNoLedger) {
		err = fmt.Errorf("%w; if the journal is on an external server, write a dump with \"bookledger journal dump --nats\" and read that", err)
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

// showCatchUp shows the progress of the projection until stop is called.
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
	return nil, cli.Usagef("--at needs --journal: a data folder has the state as of each Friday and now, and only a dump as of any time; write one with \"bookledger journal dump\"")
}

func (d *dataReader) Trail(_ context.Context, fridays int) ([]audit.Export, error) {
	if fridays > 0 {
		return nil, cli.Usagef("--check needs --journal: only a dump has the state at each record; write one with \"bookledger journal dump\"")
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
		env.Messagef("note: %s contains no seal, so changes to it cannot be detected", path)
	}
	return &dumpReader{d, env}, err
}

// dumpFile returns a dump file whose replays show their progress.
func dumpFile(env *cli.Environment, path string) replay.File {
	return replay.File{Path: path, Watch: func() (func(int), func()) {
		bar := env.Progress("records replayed", 0)
		return bar.Add, bar.Done
	}}
}

func (d *dumpReader) At(ctx context.Context, t time.Time) (*audit.Snapshot, error) {
	if last := d.Recorded(); t.After(last) {
		d.env.Messagef("note: the file ends at %s and contains no later records", cli.FormatPacific(last))
	}
	return d.Dump.At(ctx, t)
}

// checkIntegrity returns nil: a replay compares a dump with its seals.
func (d *dumpReader) checkIntegrity() error { return nil }

func (d *dumpReader) close() error { return nil }

// parseFriday parses the value of a flag that is a Friday. It returns 0 for latest.
// Whether the Friday has a book depends on the ledger.
func parseFriday(flag, s string) (events.Date, error) {
	if s == "latest" {
		return 0, nil
	}
	f, err := events.ParseDate(s)
	if err != nil {
		return 0, cli.Usagef("--%s: %q is not a date: use YYYY-MM-DD, for example 2026-11-20, or latest; \"bookledger fridays\" lists the Fridays that have books", flag, s)
	}
	return f, nil
}

// parseDate parses the value of a flag that is a Friday and cannot be latest.
func parseDate(flag, s string) (events.Date, error) {
	f, err := events.ParseDate(s)
	if err != nil {
		return 0, cli.Usagef("--%s: %q is not a date: use YYYY-MM-DD, for example 2026-11-20; \"bookledger fridays\" lists the Fridays that have books", flag, s)
	}
	return f, nil
}
