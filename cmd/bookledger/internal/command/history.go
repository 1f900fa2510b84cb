package command

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/spf13/cobra"

	"bookledger/cmd/bookledger/internal/ledger"
	"bookledger/events"
	"bookledger/events/journal"
	"bookledger/events/record"
	"bookledger/projections/replay"
)

type historyOptions struct {
	data, nats, creds, cutoff string
	close, json               bool
}

func newHistory(env *environment) *cobra.Command {
	history := &cobra.Command{
		Use:     "history",
		Short:   "Load what happened before the ledger went live",
		Example: "  bookledger history load past.ndjson --data ./ledger --close",
		Args:    cobra.NoArgs,
		RunE:    func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	var o historyOptions
	load := &cobra.Command{
		Use:   "load FILE|-",
		Short: "Load history before going live",
		Long: `Load the events of an NDJSON file, or of standard input, as history: each line
has a "recorded" time, which is when the event counts as recorded, and an
"event". Lines stand in the order of time. With --close history is closed
afterwards, and upstream systems can be connected; without it the first event
that they publish closes it. Loading again after a break is safe.

With --nats the events go to a running ledger. An embedded server lets nobody
close history over NATS: leave --close away, and the first live event closes it,
or stop the daemon and use --data.

Loading is refused, with exit code 3, when history is closed already.`,
		Example: `  bookledger history load past.ndjson --data ./ledger --close
  bookledger generate --agents 9 --consumers 900 --weeks 4 --seed 1 | bookledger history load - --data ./ledger --close`,
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			return runHistoryLoad(cmd.Context(), env, args[0], o)
		},
	}
	load.Flags().StringVar(&o.data, "data", "", "folder of the ledger; made where it is missing")
	load.Flags().StringVar(&o.nats, "nats", "", "URL of the NATS server of a running ledger")
	load.Flags().StringVar(&o.creds, "nats-creds", "", "credentials file for the NATS server")
	load.Flags().StringVar(&o.cutoff, "cutoff", "", `weekday and Pacific time of the cutoff of a new ledger (default "Friday 21:00:00")`)
	load.Flags().BoolVar(&o.close, "close", false, "close history afterwards")
	load.Flags().BoolVar(&o.json, "json", false, "print one line of JSON for each acknowledged batch")
	alternatives(load.Flags(), "data", "nats")
	history.AddCommand(load)
	return history
}

func runHistoryLoad(ctx context.Context, env *environment, path string, o historyOptions) error {
	if (o.data == "") == (o.nats == "") {
		return usagef("give either --data or --nats")
	}
	if o.cutoff != "" {
		if _, err := events.NewCalendarSpec(o.cutoff); err != nil {
			return usagef("--cutoff: %v", err)
		}
	}
	in, _, err := env.openInput(path)
	if err != nil {
		return err
	}
	defer in.Close()
	if o.data != "" {
		return loadIntoFolder(ctx, env, in, o)
	}
	j, err := journal.Open(ctx, journal.Options{URL: o.nats, Creds: o.creds})
	if err != nil {
		return err
	}
	defer j.Close()
	last, err := j.Last(ctx)
	if err != nil {
		return err
	}
	closed, err := closedBy(ctx, j, last)
	if err != nil {
		return err
	}
	return loadHistory(ctx, env, j, in, o, closed)
}

// loadIntoFolder loads into the folder of a stopped daemon, and tells what
// became of the events.
func loadIntoFolder(ctx context.Context, env *environment, in io.Reader, o historyOptions) (err error) {
	l, v, err := openData(ctx, env, ledger.Options{Dir: o.data, Create: true, Cutoff: o.cutoff})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, l.Close()) }()
	closed, before := v.HistoryClosed(), v.Summary()
	if err := v.Close(); err != nil {
		return err
	}
	loadErr := loadHistory(ctx, env, l.Journal, in, o, closed)
	if errors.Is(loadErr, errRefused) {
		return loadErr
	}
	if err := l.CatchUp(ctx); err != nil {
		return errors.Join(loadErr, err)
	}
	if v, err = l.Projection.View(); err != nil {
		return errors.Join(loadErr, err)
	}
	after := v.Summary()
	env.sayf("the ledger has applied %d of them, seen %d before, and rejected %d", after.Applied-before.Applied,
		after.Duplicates-before.Duplicates, after.Rejected-before.Rejected)
	if after.Rejected > before.Rejected {
		env.sayf("bookledger rejected --data %s tells why", o.data)
	}
	return errors.Join(loadErr, v.Close())
}

var errClosed = errors.New("history is closed")

// closedBy derives from the journal whether history was closed by its record
// last.
func closedBy(ctx context.Context, j *journal.Journal, last uint64) (bool, error) {
	r := replay.New()
	var checker events.Checker
	err := j.Read(ctx, 0, last, func(records []record.Record) error {
		for i := range records {
			checked := checker.Check(records[i].Subject, records[i].Body)
			if _, err := r.Apply(&records[i], [32]byte{}, &checked); err != nil {
				return err
			}
			if r.HistoryClosed() {
				return errClosed
			}
		}
		return nil
	})
	if errors.Is(err, errClosed) {
		return true, nil
	}
	return false, err
}

func loadHistory(ctx context.Context, env *environment, j *journal.Journal, in io.Reader, o historyOptions, closed bool) error {
	if closed {
		return fmt.Errorf("%w: history is closed, so nothing more can be loaded; what happens now is published live", errRefused)
	}
	now, err := j.Now(ctx)
	if err != nil {
		return err
	}
	s := newSender(env, j, o.json)
	var before time.Time
	err = s.send(ctx, in, &lines{history: true}, func(line record.Line) (journal.Message, error) {
		switch {
		case line.Recorded.IsZero():
			return journal.Message{}, &refusal{events.BadRecorded, `the line has no "recorded" time`}
		case line.Recorded.After(now):
			return journal.Message{}, &refusal{events.BadRecorded, `the line's "recorded" time has not come`}
		case line.Recorded.Before(before):
			return journal.Message{}, &refusal{events.TimeStepBack, `the line's "recorded" time is earlier than that of a line before: order the file by time`}
		}
		before = line.Recorded
		return journal.Message{Recorded: line.Recorded.UTC().Format(time.RFC3339Nano)}, nil
	})
	if err := s.end(err); err != nil || !o.close {
		return err
	}
	if _, err := closeHistory(ctx, j); errors.Is(err, journal.ErrForbidden) {
		return fmt.Errorf("%w: the events are loaded, but this server lets nobody close history over NATS: the first live event closes it, or stop the daemon and close with --data (%v)", errRefused, err)
	} else if err != nil {
		return err
	}
	env.sayf("history is closed")
	return nil
}

// closeHistory appends the ledger's own word that history is closed.
func closeHistory(ctx context.Context, j *journal.Journal) (journal.Ack, error) {
	body, err := events.Event{
		ID: "history-closed", Source: events.SourceLedger, Type: events.TypeHistoryClosed, Time: time.Now().UTC(),
		Data: &events.HistoryClosed{},
	}.Encode()
	if err != nil {
		return journal.Ack{}, err
	}
	ack, err := j.Append(ctx, []journal.Message{{Subject: events.SubjectControl, Body: body}})
	if err != nil {
		return ack, fmt.Errorf("closing history: %w", err)
	}
	return ack, nil
}
