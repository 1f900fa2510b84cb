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
		Short:   "Load events from before the ledger went live",
		Example: "  bookledger history load past.ndjson --data ./ledger --close",
	}
	var o historyOptions
	load := &cobra.Command{
		Use:   "load FILE|-",
		Short: "Load history before going live",
		Long: `Load past events from an NDJSON file, or from standard input. Each line has an
"event" and a "recorded" time: the time at which the event counts as recorded.
Lines must be ordered by that time.

With --close, the command closes history afterwards, unless a line was not sent or
was rejected; then upstream systems can connect. Without --close, their first live
event closes history. Loading the same file again after an interruption is safe.

With --nats, the events go to a running ledger. The command needs the readers' key
(--nats-nkey, the file ` + node.ReaderFile + ` in the ledger's data folder) to find out whether
history is open. The embedded server does not permit closing history over NATS:
omit --close, so that the first live event closes history, or stop the daemon and
use --data.

The exit code is 3 if history is closed already.`,
		Example: `  bookledger history load past.ndjson --data ./ledger --close
  bookdemo generate --agents 9 --consumers 900 --weeks 4 --seed 1 | bookledger history load - --data ./ledger --close`,
		RunE: func(cmd *cobra.Command, args []string) error { return runHistoryLoad(cmd.Context(), env, args[0], o) },
	}
	load.Flags().StringVar(&o.data, "data", "", "data `folder` of a stopped ledger; created if necessary")
	load.Flags().StringVar(&o.nats.URL, "nats", "", "`URL` of the NATS server of a running ledger")
	signInFlags(load.Flags(), &o.nats, "NKEY seed `file` for reading; events are sent without it")
	load.Flags().StringVar(&o.cutoff, "cutoff", "", "cutoff of a new ledger: `weekday and time` in Pacific time (default \"Friday 21:00:00\")")
	load.Flags().BoolVar(&o.close, "close", false, "close history after loading")
	load.Flags().BoolVar(&o.json, "json", false, "print one JSON object per acknowledged batch")
	cli.MutuallyExclusive(load.Flags(), "cutoff", "nats")
	cli.OneOf(load.Flags(), "data", "nats")
	cli.SuggestFlag(load, "data")
	history.AddCommand(load)
	return history
}

func runHistoryLoad(ctx context.Context, env *cli.Environment, path string, o historyOptions) error {
	if o.cutoff != "" && o.nats.URL != "" {
		return cli.Usagef("use --cutoff with --data: a running ledger has a cutoff already")
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
	if o.nats.NKey != "" { // it permits only reading
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

// loadIntoFolder loads history into the data folder of a stopped ledger.
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

// historyState is the state of a ledger before or after a history load.
type historyState struct {
	projections.Status
	closed bool
}

var errHistoryClosed = errors.New("history is closed")

// replayHistoryState replays a journal up to the record that closes history, if any.
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

// loadHistory sends the events and shows their outcomes. With o.close it closes
// history, unless a line was not sent or was rejected. state returns the current state
// of the ledger.
func loadHistory(ctx context.Context, env *cli.Environment, j *journal.Client, now func(context.Context) (time.Time, error), in io.Reader, o historyOptions, state func(context.Context) (historyState, error)) error {
	before, err := state(ctx)
	if err != nil {
		return err
	}
	if before.closed {
		return fmt.Errorf("%w: history is closed, so nothing more can be loaded; publish new events live", cli.ErrRefused)
	}
	sendErr := newSender(env, o.json).send(ctx, j, in, &recordedTimes{clock: func() (time.Time, error) { return now(ctx) }})
	after, err := state(ctx)
	if err != nil {
		return errors.Join(sendErr, err)
	}
	rejected := after.Rejected - before.Rejected
	env.Messagef("%d events applied, %d duplicates, %d rejected", after.Applied-before.Applied,
		after.Duplicates-before.Duplicates, rejected)
	if rejected > 0 {
		env.Messagef("\"bookledger rejected\" shows the reasons; a corrected event needs a new id")
	}
	if sendErr != nil && o.close && !after.closed {
		return fmt.Errorf("%w; history is still open, because nothing can be loaded once it is closed: remove these lines and load again with --close, or correct them and load the file into a new ledger", sendErr)
	}
	if sendErr != nil || !o.close {
		return sendErr
	}
	if rejected > 0 {
		return fmt.Errorf("%d events were rejected, so history is still open: nothing can be loaded once it is closed", rejected)
	}
	if _, err := node.CloseHistory(ctx, j, env.Now()); errors.Is(err, journal.ErrForbidden) {
		return fmt.Errorf("%w: the events are loaded, but this server does not permit closing history over NATS: the first live event closes it, or stop the daemon and use --data (%v)", cli.ErrRefused, err)
	} else if err != nil {
		return err
	}
	env.Messagef("history is closed")
	return nil
}

// earliestRecorded is the earliest plausible recorded time. Every week from the first
// record on has a checkpoint, so a wrong early time would create many.
var earliestRecorded = time.Date(2000, 1, 1, 0, 0, 0, 0, time.UTC)

// recordedTimes checks the recorded times of the lines of a history load in order.
type recordedTimes struct {
	clock    func() (time.Time, error) // the clock with which the journal stamps records
	previous time.Time                 // of the line before
	now      time.Time                 // when the clock was read last
}

// check returns the reason why the ledger would reject a record with a recorded time,
// or nil.
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
		return &events.Rejection{Code: events.BadRecorded, Reason: `the line's "recorded" time is in the future`}, nil
	case recorded.Before(r.previous):
		return &events.Rejection{Code: events.TimeStepBack, Reason: `the line's "recorded" time is earlier than that of a previous line: order the file by time`}, nil
	}
	r.previous = recorded
	return nil, nil
}

// checkCutoff checks the value of the flag --cutoff.
func checkCutoff(cutoff string) error {
	if cutoff == "" {
		return nil
	}
	if _, err := events.NewCalendarSpec(cutoff); err != nil {
		return cli.Usagef("--cutoff: %v", err)
	}
	return nil
}
