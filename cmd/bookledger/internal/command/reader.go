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
	"bookledger/projections/provenance"
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
	live() *snapshot
	asOf(ctx context.Context, f events.Date) (*snapshot, error) // 0: the latest Friday
	at(ctx context.Context, t time.Time) (*snapshot, error)
	fridays() ([]checkpoint.Checkpoint, error)
	rejected(yield func(projections.Rejected) error) error
	status() (projections.Status, error)
	account(ctx context.Context, caseID string) (*audit.Account, error)
	compare(ctx context.Context, o audit.Owner, from, to events.Date) (*audit.Comparison, error) // to 0: the latest Friday
	exports(ctx context.Context, fridays int) ([]audit.Export, error)                            // the newest first, checked where agents may take those of so many fridays
	sound() error                                                                                // refuses where the record was found to have been changed
	close() error
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
	if info, err := os.Stat(l.journal); err != nil || info.IsDir() {
		return nil, errors.Join(fmt.Errorf("%s is no file that can be read", l.journal), err)
	}
	return openDump(ctx, env, l.journal, l.caseID)
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

func (d *dataReader) live() *snapshot {
	return &snapshot{State: d.view.Live(), calendar: d.view.Calendar(), asOf: d.view.Recorded(), list: d.view.OpenFriday()}
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

func (d *dataReader) fridays() ([]checkpoint.Checkpoint, error) { return d.view.Checkpoints() }

func (d *dataReader) rejected(yield func(projections.Rejected) error) error {
	return d.view.EachRejected(yield)
}

func (d *dataReader) status() (projections.Status, error) { return d.view.Status() }

func (d *dataReader) sound() error { return cli.RefuseViolated(d.Node) }

func (d *dataReader) close() error { return errors.Join(d.view.Close(), d.Node.Close()) }

// dumpReader reads a dump. The whole is replayed once, since the seals by which
// any part of it is checked stand after that part, and again as far as a
// question about the past needs.
type dumpReader struct {
	env     *cli.Environment
	path    string
	whole   *replay.Replay
	entries []provenance.Entry // of the case that account is to tell of
}

func openDump(ctx context.Context, env *cli.Environment, path, caseID string) (*dumpReader, error) {
	d := &dumpReader{env: env, path: path, whole: replay.New()}
	if caseID != "" {
		d.whole.OnJudged(func(rec *record.Decoded, v replay.Verdict) error {
			if rec.CaseID == caseID {
				d.entries = append(d.entries, replay.EntryOf(rec, v))
			}
			return nil
		})
	}
	return d, d.replay(ctx, d.whole)
}

// replay replays the dump as far as r wants, and compares it with the seals
// that stand there. It returns cli.ErrRefused where the dump does not verify.
func (d *dumpReader) replay(ctx context.Context, r *replay.Replay) error {
	f, err := os.Open(d.path)
	if err != nil {
		return err
	}
	defer f.Close()
	bar := progress.New(d.env.Err, "records replayed", 0)
	defer bar.Done()
	err = r.Dump(ctx, f, bar.Add)
	if errors.Is(err, replay.ErrBroken) && (r.LedgerID() != "" || numbered(d.path)) {
		return fmt.Errorf("%w: %s does not verify: %w", cli.ErrRefused, d.path, err)
	}
	if err != nil {
		return fmt.Errorf("%s: %w", d.path, err)
	}
	if r.LedgerID() == "" { // a history file has no genesis and so no seals; a dump whose genesis was changed has some
		if claims, err := r.Claims(); len(claims) > 0 || err != nil {
			return fmt.Errorf("%w: %s does not verify: it holds seals, and record 1 is not the genesis of their ledger", cli.ErrRefused, d.path)
		}
		return nil
	}
	if err := r.CompareSeals(); err != nil {
		return fmt.Errorf("%w: %s does not verify: %w", cli.ErrRefused, d.path, err)
	}
	return nil
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

func (d *dumpReader) live() *snapshot {
	return &snapshot{State: d.whole.State(), calendar: d.whole.Calendar(), asOf: d.whole.Recorded(), list: d.whole.OpenFriday()}
}

func (d *dumpReader) asOf(ctx context.Context, f events.Date) (*snapshot, error) {
	f, err := d.friday(f)
	if err != nil {
		return nil, err
	}
	r := replay.New()
	r.StopAfter(f)
	if err := d.replay(ctx, r); err != nil {
		return nil, err
	}
	c, err := r.Checkpoint(f)
	return asOfFriday(r.State(), r.Calendar(), c), err
}

// friday returns f or, where that is 0, the latest Friday.
func (d *dumpReader) friday(f events.Date) (events.Date, error) {
	if f != 0 {
		return f, nil
	}
	passed := d.whole.Checkpoints()
	if len(passed) == 0 {
		return 0, checkpoint.Missing(d.whole.Calendar(), 0, 0)
	}
	return passed[len(passed)-1].Friday, nil
}

// asOfFriday returns the snapshot of a Friday, given the state at its boundary.
func asOfFriday(s book.State, calendar *events.Calendar, c checkpoint.Checkpoint) *snapshot {
	return &snapshot{State: s, calendar: calendar, asOf: c.Cutoff, list: c.Friday, friday: c}
}

func (d *dumpReader) at(ctx context.Context, t time.Time) (*snapshot, error) {
	r := replay.New()
	r.StopAt(t)
	if err := d.replay(ctx, r); err != nil {
		return nil, err
	}
	if last := r.Recorded(); !r.Ended() && t.After(last) {
		d.env.Sayf("note: the file ends with what was recorded by %s; what came later is not in it", cli.Pacific(r.Calendar(), last))
	}
	return &snapshot{State: r.State(), calendar: r.Calendar(), asOf: t, list: r.Calendar().FridayOf(t)}, nil
}

func (d *dumpReader) fridays() ([]checkpoint.Checkpoint, error) { return d.whole.Checkpoints(), nil }

func (d *dumpReader) rejected(yield func(projections.Rejected) error) error {
	for _, rejected := range d.whole.Rejected() {
		if err := yield(rejected); err != nil {
			return err
		}
	}
	return nil
}

func (d *dumpReader) status() (projections.Status, error) { return d.whole.Status() }

// sound returns nil: a dump is compared with its seals as it is replayed.
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
