package command

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/spf13/cobra"

	"bookledger/cmd/internal/cli"
	"bookledger/cmd/internal/node"
	"bookledger/events"
	"bookledger/events/journal"
	"bookledger/events/record"
	"bookledger/projections"
	"bookledger/projections/replay"
)

type historyOptions struct {
	data, cutoff string
	nats         journal.Server
	close, json  bool
}

func newHistory(env *cli.Environment) *cobra.Command {
	history := &cobra.Command{
		Use:     "history",
		Short:   "Load what happened before the ledger went live",
		Example: "  bookledger history load past.ndjson --data ./ledger --close",
	}
	var o historyOptions
	load := &cobra.Command{
		Use:   "load FILE|-",
		Short: "Load history before going live",
		Long: `Load the events of an NDJSON file, or of standard input, as history: each line
has a "recorded" time, which is when the event counts as recorded, and an
"event". Lines stand in the order of time. With --close history is closed
afterwards, and upstream systems can be connected, unless a line was not sent or
was rejected; without it the first event that they publish closes it. Loading
again after a break is safe.

With --nats the events go to a running ledger, of which is read with the readers'
key (--nats-nkey, ` + node.ReaderFile + ` in the ledger's data folder) whether its history is
open. An embedded server lets nobody close history over NATS: leave --close away,
and the first live event closes it, or stop the daemon and use --data.

Loading is refused, with exit code 3, when history is closed already.`,
		Example: `  bookledger history load past.ndjson --data ./ledger --close
  bookdemo generate --agents 9 --consumers 900 --weeks 4 --seed 1 | bookledger history load - --data ./ledger --close`,
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error { return runHistoryLoad(cmd.Context(), env, args[0], o) },
	}
	load.Flags().StringVar(&o.data, "data", "", "folder of the ledger; made where it is missing")
	load.Flags().StringVar(&o.nats.URL, "nats", "", "URL of the NATS server of a running ledger")
	signInFlags(load.Flags(), &o.nats, "NKEY seed file of who may read; events are sent without it")
	load.Flags().StringVar(&o.cutoff, "cutoff", "", `weekday and Pacific time of the cutoff of a new ledger (default "Friday 21:00:00")`)
	load.Flags().BoolVar(&o.close, "close", false, "close history afterwards")
	load.Flags().BoolVar(&o.json, "json", false, "print one line of JSON for each acknowledged batch")
	cli.MutuallyExclusive(load.Flags(), "cutoff", "nats")
	cli.OneOf(load.Flags(), "data", "nats")
	history.AddCommand(load)
	return history
}

func runHistoryLoad(ctx context.Context, env *cli.Environment, path string, o historyOptions) error {
	if o.cutoff != "" && o.nats.URL != "" {
		return cli.Usagef("give --cutoff with --data: a ledger that is running has its cutoff")
	}
	if err := checkCutoff(o.cutoff); err != nil {
		return err
	}
	in, err := openInput(env, path)
	if err != nil {
		return err
	}
	defer in.Close()
	if o.data != "" {
		return loadIntoFolder(ctx, env, in, o)
	}
	reader, err := journal.Connect(o.nats)
	if err != nil {
		return err
	}
	defer reader.Close()
	j := reader
	if o.nats.NKey != "" { // whose bearer may read and nothing else
		if j, err = journal.Connect(journal.Server{URL: o.nats.URL}); err != nil {
			return err
		}
		defer j.Close()
	}
	return loadHistory(ctx, env, j, reader.Now, in, o, func(ctx context.Context) (historyState, error) {
		s, err := replayHistoryState(ctx, reader)
		return s, explainForbidden(err, o.nats)
	})
}

// loadIntoFolder loads into the folder of a stopped daemon.
func loadIntoFolder(ctx context.Context, env *cli.Environment, in io.Reader, o historyOptions) (err error) {
	d, err := openData(ctx, env, node.Options{Dir: o.data, Create: true, Cutoff: o.cutoff})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, d.node.Close()) }()
	if err := d.View.Close(); err != nil {
		return err
	}
	return loadHistory(ctx, env, d.node.Journal.Client, d.node.Journal.Now, in, o, func(ctx context.Context) (historyState, error) {
		if err := d.node.CatchUp(ctx); err != nil {
			return historyState{}, err
		}
		v, err := d.node.Projection.View()
		if err != nil {
			return historyState{}, err
		}
		return historyState{v.Summary(), v.HistoryClosed()}, v.Close()
	})
}

// historyState is where the ledger stands before and after the load.
type historyState struct {
	projections.Status
	closed bool
}

var errHistoryClosed = errors.New("history is closed")

// replayHistoryState derives from a journal where its ledger stands, as far as history
// goes.
func replayHistoryState(ctx context.Context, j journalReader) (historyState, error) {
	last, err := j.Last(ctx)
	if err != nil {
		return historyState{}, err
	}
	r := replay.New()
	err = j.Read(ctx, 0, last, func(records []record.Record) error {
		for _, err := range r.Steps(records...) {
			if err != nil {
				return err
			}
			if r.HistoryClosed() {
				return errHistoryClosed
			}
		}
		return nil
	})
	if err != nil && !errors.Is(err, errHistoryClosed) {
		return historyState{}, err
	}
	return historyState{r.Summary(), r.HistoryClosed()}, nil
}

// loadHistory sends the events, tells what became of them, and closes history
// if that is wanted and none was rejected.
func loadHistory(ctx context.Context, env *cli.Environment, j *journal.Client, now func(context.Context) (time.Time, error), in io.Reader, o historyOptions, look func(context.Context) (historyState, error)) error {
	before, err := look(ctx)
	if err != nil {
		return err
	}
	if before.closed {
		return fmt.Errorf("%w: history is closed, so nothing more can be loaded; what happens now is published live", cli.ErrRefused)
	}
	sendErr := newSender(env, o.json).send(ctx, j, in, &recordedTimes{clock: func() (time.Time, error) { return now(ctx) }})
	after, err := look(ctx)
	if err != nil {
		return errors.Join(sendErr, err)
	}
	rejected := after.Rejected - before.Rejected
	env.Messagef("the ledger has applied %d of them, seen %d before, and rejected %d", after.Applied-before.Applied,
		after.Duplicates-before.Duplicates, rejected)
	if rejected > 0 {
		env.Messagef("bookledger rejected tells why; a corrected event needs a new id")
	}
	if sendErr != nil && o.close && !after.closed {
		return fmt.Errorf("%w; history is still open, for once it is closed nothing can be loaded: load again with --close, without these lines or, into a new ledger where others after them are loaded, with these lines mended", sendErr)
	}
	if sendErr != nil || !o.close {
		return sendErr
	}
	if rejected > 0 {
		return fmt.Errorf("%d events were rejected, so history was left open: once it is closed, nothing can be loaded", rejected)
	}
	if _, err := node.CloseHistory(ctx, j, env.Now()); errors.Is(err, journal.ErrForbidden) {
		return fmt.Errorf("%w: the events are loaded, but this server lets nobody close history over NATS: the first live event closes it, or stop the daemon and close with --data (%v)", cli.ErrRefused, err)
	} else if err != nil {
		return err
	}
	env.Messagef("history is closed")
	return nil
}

// earliestRecorded is before anything that such a ledger could hold: each week from
// the first record on has a checkpoint.
var earliestRecorded = time.Date(2000, 1, 1, 0, 0, 0, 0, time.UTC)

// recordedTimes checks the recorded times of lines of history, one after the
// other.
type recordedTimes struct {
	clock       func() (time.Time, error) // by which the journal stamps records
	before, now time.Time
}

// check returns why the ledger would reject a record with that time; nil where
// it would not.
func (r *recordedTimes) check(recorded time.Time) (_ *events.Rejection, err error) {
	if recorded.After(r.now) {
		if r.now, err = r.clock(); err != nil {
			return nil, err
		}
	}
	switch {
	case recorded.IsZero():
		return &events.Rejection{Code: events.BadRecorded, Reason: `the line has no "recorded" time`}, nil
	case recorded.Before(earliestRecorded):
		return &events.Rejection{Code: events.BadRecorded, Reason: `the line's "recorded" time is before the year 2000`}, nil
	case recorded.After(r.now):
		return &events.Rejection{Code: events.BadRecorded, Reason: `the line's "recorded" time has not come`}, nil
	case recorded.Before(r.before):
		return &events.Rejection{Code: events.TimeStepBack, Reason: `the line's "recorded" time is earlier than that of a line before: order the file by time`}, nil
	}
	r.before = recorded
	return nil, nil
}

// checkCutoff checks the flag --cutoff.
func checkCutoff(cutoff string) error {
	if cutoff == "" {
		return nil
	}
	if _, err := events.NewCalendarSpec(cutoff); err != nil {
		return cli.Usagef("--cutoff: %v", err)
	}
	return nil
}
