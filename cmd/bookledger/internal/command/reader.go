package command

import (
	"context"
	"errors"
	"fmt"
	"os"
	"sync"
	"time"

	"github.com/spf13/pflag"

	"bookledger/cmd/internal/bookfiles"
	"bookledger/cmd/internal/cli"
	"bookledger/cmd/internal/node"
	"bookledger/cmd/internal/progress"
	"bookledger/events"
	"bookledger/events/journal"
	"bookledger/events/record"
	"bookledger/projections"
	"bookledger/projections/audit"
	"bookledger/projections/book"
	"bookledger/projections/checkpoint"
	"bookledger/projections/replay"
)

// snapshot is the ledger as of a moment.
type snapshot struct {
	book.State
	calendar *events.Calendar
	asOf     time.Time
	list     events.Date           // the Friday for which lists are shown
	friday   checkpoint.Checkpoint // of a snapshot of a Friday
}

// books returns what writes the books of a snapshot of a Friday.
func (s *snapshot) books() *bookfiles.Writer {
	return bookfiles.New(s.State, s.calendar, s.friday)
}

// ledgerReader reads a ledger: the folder of a stopped daemon, or a dump that is
// replayed in memory.
type ledgerReader interface {
	live(ctx context.Context) (*snapshot, error)
	asOf(ctx context.Context, f events.Date) (*snapshot, error) // 0: the latest Friday
	at(ctx context.Context, t time.Time) (*snapshot, error)
	fridays(ctx context.Context) ([]checkpoint.Checkpoint, error)
	rejected(ctx context.Context, yield func(projections.Rejected) error) error
	status(ctx context.Context) (projections.Status, error)
	account(ctx context.Context, caseID string) (*audit.Account, error)
	compare(ctx context.Context, o audit.Owner, from, to events.Date) (*audit.Comparison, error) // to 0: the latest Friday
	exports(ctx context.Context, fridays int) ([]audit.Export, error)                            // the newest first, checked where agents may take those of so many fridays
	sound() error                                                                                // refuses where the record was found to have been changed
	close() error
}

// ledgerFlags say which ledger is read.
type ledgerFlags struct{ data, journal string }

func (l *ledgerFlags) register(f *pflag.FlagSet) {
	f.StringVar(&l.data, "data", "", "folder of the ledger of a stopped daemon")
	f.StringVar(&l.journal, "journal", "", "dump or history file, replayed in memory; a dump that does not verify is refused")
	cli.OneOf(f, "data", "journal")
}

func (l *ledgerFlags) open(ctx context.Context, env *cli.Environment) (ledgerReader, error) {
	if l.data != "" {
		return openData(ctx, env, node.Options{Dir: l.data})
	}
	if info, err := os.Stat(l.journal); err != nil || info.IsDir() {
		return nil, errors.Join(fmt.Errorf("%s is no file that can be read", l.journal), err)
	}
	return &dumpReader{env: env, path: l.journal}, nil
}

// dataReader reads a data folder.
type dataReader struct {
	*node.Node
	view *projections.View
}

// openNode opens a data folder, and logs only what is wrong with it.
func openNode(ctx context.Context, env *cli.Environment, o node.Options) (_ *node.Node, err error) {
	if o.Log, err = env.QuietLogger(); err != nil {
		return nil, err
	}
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
	d := &dataReader{Node: n}
	if err == nil {
		d.view, err = n.Projection.View()
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
	bar := progress.New(env.Err, "records applied", int64(last-min(shown, last)))
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

func (d *dataReader) live(context.Context) (*snapshot, error) {
	return &snapshot{State: d.view.Live(), calendar: d.view.Calendar(), asOf: d.view.Recorded(), list: d.view.OpenFriday()}, nil
}

func (d *dataReader) asOf(_ context.Context, f events.Date) (*snapshot, error) {
	var c checkpoint.Checkpoint
	var err error
	if f == 0 {
		c, err = d.view.Latest()
	} else {
		c, err = d.view.Checkpoint(f)
	}
	return asOfFriday(d.view.AsOf(c.Friday), d.view.Calendar(), c), err
}

func (d *dataReader) at(context.Context, time.Time) (*snapshot, error) {
	return nil, cli.Usagef("--at needs --journal: a folder keeps each Friday and now, a dump every moment (journal dump makes one)")
}

func (d *dataReader) fridays(context.Context) ([]checkpoint.Checkpoint, error) {
	return d.view.Checkpoints()
}

func (d *dataReader) rejected(_ context.Context, yield func(projections.Rejected) error) error {
	return d.view.EachRejected(yield)
}

func (d *dataReader) status(context.Context) (projections.Status, error) { return d.view.Status() }

func (d *dataReader) sound() error { return cli.RefuseViolated(d.Node) }

func (d *dataReader) close() error { return errors.Join(d.view.Close(), d.Node.Close()) }

// dumpReader replays a dump, as far as each question needs.
type dumpReader struct {
	env  *cli.Environment
	path string
	all  *replay.Replay // the whole dump, once it was needed
}

// replay replays the dump as far as r wants, and compares it with the seals
// that stand there. A dump that does not verify is refused.
func (d *dumpReader) replay(ctx context.Context, r *replay.Replay) (*replay.Replay, error) {
	f, err := os.Open(d.path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	bar := progress.New(d.env.Err, "records replayed", 0)
	defer bar.Done()
	err = r.Dump(ctx, f, bar.Add)
	if errors.Is(err, replay.ErrBroken) && (r.LedgerID() != "" || numbered(d.path)) {
		return nil, fmt.Errorf("%w: %s does not verify: %w", cli.ErrRefused, d.path, err)
	}
	if err != nil {
		return nil, fmt.Errorf("%s: %w", d.path, err)
	}
	if r.LedgerID() == "" { // a history file has no genesis and so no seals; a dump whose genesis was changed has some
		if claims, err := r.Claims(); len(claims) > 0 || err != nil {
			return nil, fmt.Errorf("%w: %s does not verify: it holds seals, and record 1 is not the genesis of their ledger", cli.ErrRefused, d.path)
		}
		return r, nil
	}
	if err := r.CompareSeals(); err != nil {
		return nil, fmt.Errorf("%w: %s does not verify: %w", cli.ErrRefused, d.path, err)
	}
	return r, nil
}

// numbered tells whether a file is a dump, of which each record has its
// sequence, or a history file, from the first line that can be read.
func numbered(path string) bool {
	f, err := os.Open(path)
	if err != nil {
		return false
	}
	defer f.Close()
	lines := record.NewReader(f)
	for {
		l, _, err := lines.Next()
		if _, ofLine := errors.AsType[*record.LineError](err); ofLine {
			continue
		}
		return err == nil && l.Seq > 0
	}
}

func (d *dumpReader) whole(ctx context.Context) (_ *replay.Replay, err error) {
	if d.all == nil {
		d.all, err = d.replay(ctx, replay.New())
	}
	return d.all, err
}

func (d *dumpReader) live(ctx context.Context) (*snapshot, error) {
	r, err := d.whole(ctx)
	if err != nil {
		return nil, err
	}
	return &snapshot{State: r.State(), calendar: r.Calendar(), asOf: r.Recorded(), list: r.OpenFriday()}, nil
}

func (d *dumpReader) asOf(ctx context.Context, f events.Date) (*snapshot, error) {
	f, err := d.friday(ctx, f)
	if err != nil {
		return nil, err
	}
	r := replay.New()
	r.StopAfter(f)
	if _, err := d.replay(ctx, r); err != nil {
		return nil, err
	}
	c, err := r.Checkpoint(f)
	return asOfFriday(r.State(), r.Calendar(), c), err
}

// friday is f or, where that is 0, the latest Friday. The whole dump is read
// for either: the seal that a Friday is compared with stands after it.
func (d *dumpReader) friday(ctx context.Context, f events.Date) (events.Date, error) {
	all, err := d.whole(ctx)
	if err != nil || f != 0 {
		return f, err
	}
	passed := all.Checkpoints()
	if len(passed) == 0 {
		return 0, checkpoint.Missing(all.Calendar(), 0, 0)
	}
	return passed[len(passed)-1].Friday, nil
}

// asOfFriday returns the snapshot of a Friday, given the state at its boundary.
func asOfFriday(s book.State, calendar *events.Calendar, c checkpoint.Checkpoint) *snapshot {
	return &snapshot{State: s, calendar: calendar, asOf: c.Cutoff, list: c.Friday, friday: c}
}

func (d *dumpReader) at(ctx context.Context, t time.Time) (*snapshot, error) {
	if _, err := d.whole(ctx); err != nil { // what came after t too shows whether the dump is sound
		return nil, err
	}
	r := replay.New()
	r.StopAt(t)
	if _, err := d.replay(ctx, r); err != nil {
		return nil, err
	}
	if last := r.Recorded(); !r.Ended() && t.After(last) {
		d.env.Sayf("note: the file ends with what was recorded by %s; what came later is not in it", cli.Pacific(r.Calendar(), last))
	}
	return &snapshot{State: r.State(), calendar: r.Calendar(), asOf: t, list: r.Calendar().FridayOf(t)}, nil
}

func (d *dumpReader) fridays(ctx context.Context) ([]checkpoint.Checkpoint, error) {
	r, err := d.whole(ctx)
	if err != nil {
		return nil, err
	}
	return r.Checkpoints(), nil
}

func (d *dumpReader) rejected(ctx context.Context, yield func(projections.Rejected) error) error {
	r, err := d.whole(ctx)
	if err != nil {
		return err
	}
	for _, rejected := range r.Rejected() {
		if err := yield(rejected); err != nil {
			return err
		}
	}
	return nil
}

func (d *dumpReader) status(ctx context.Context) (projections.Status, error) {
	r, err := d.whole(ctx)
	if err != nil {
		return projections.Status{}, err
	}
	return r.Status()
}

// sound says nothing: a dump is compared with its seals as it is replayed.
func (d *dumpReader) sound() error { return nil }

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
