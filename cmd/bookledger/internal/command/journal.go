package command

import (
	"bufio"
	"context"
	"io"
	"time"

	"github.com/spf13/cobra"

	"bookledger/cmd/internal/cli"
	"bookledger/cmd/internal/node"
	"bookledger/cmd/internal/progress"
	"bookledger/events"
	"bookledger/events/journal"
	"bookledger/events/record"
	"bookledger/projections/replay"
)

func newJournal(env *cli.Environment) *cobra.Command {
	parent := &cobra.Command{
		Use:     "journal",
		Short:   "Read and verify the record itself",
		Example: "  bookledger journal dump --data ./ledger > dump.ndjson\n  bookledger journal verify --data ./ledger",
		Args:    cobra.NoArgs,
		RunE:    func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	var data, nats, creds string
	dump := &cobra.Command{
		Use:   "dump",
		Short: "Write the record as NDJSON",
		Long: `Write every record of the journal as a line of NDJSON: its sequence, stamp,
recorded time, subject and event, verbatim. The dump holds personal data. It is
what --journal of other commands reads; as a backup use JetStream's own
snapshots.`,
		Example: `  bookledger journal dump --data ./ledger > dump.ndjson
  bookledger journal dump --nats nats://127.0.0.1:4222 | gzip > dump.ndjson.gz`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if (data == "") == (nats == "") {
				return cli.Usagef("give either --data or --nats")
			}
			return runDump(cmd.Context(), env, data, nats, creds)
		},
	}
	dump.Flags().StringVar(&data, "data", "", "folder of the ledger of a stopped daemon")
	dump.Flags().StringVar(&nats, "nats", "", "URL of the NATS server of a running ledger")
	dump.Flags().StringVar(&creds, "nats-creds", "", "credentials file for the NATS server")
	cli.Alternatives(dump.Flags(), "data", "nats")
	parent.AddCommand(dump, newVerify(env), newChangeKey(env), newHeads(env))
	return parent
}

func runDump(ctx context.Context, env *cli.Environment, data, nats, creds string) error {
	var j *journal.Journal
	if data != "" {
		log, err := env.QuietLogger()
		if err != nil {
			return err
		}
		l, err := node.Open(ctx, node.Options{Dir: data, NoState: true, Log: log})
		if err != nil {
			return err
		}
		defer l.Close()
		j = l.Journal
	} else {
		var err error
		if j, err = journal.Open(ctx, journal.Options{URL: nats, Creds: creds}); err != nil {
			return err
		}
		defer j.Close()
	}
	out := bufio.NewWriterSize(env.Out, 1<<20)
	if err := writeDump(ctx, env, j, out); err != nil {
		return err
	}
	return out.Flush()
}

// writeDump writes every record of a journal as a line.
func writeDump(ctx context.Context, env *cli.Environment, j *journal.Journal, out io.Writer) error {
	last, err := j.Last(ctx)
	if err != nil {
		return err
	}
	bar := progress.New(env.Err, "records written", int64(last))
	defer bar.Done()
	d := dumper{replay: replay.New()}
	var buffer []byte
	return j.Read(ctx, 0, last, func(records []record.Record) error {
		buffer = buffer[:0]
		for i := range records {
			recorded, err := d.recorded(&records[i])
			if err != nil {
				return err
			}
			buffer = records[i].AppendLine(buffer, recorded)
		}
		bar.Add(len(records))
		_, err := out.Write(buffer)
		return err
	})
}

// dumper finds the recorded time of each record. That takes the whole fold
// while history is open, since only accepted history has one; afterwards the
// timeline is enough.
type dumper struct {
	replay   *replay.Replay // nil once history is closed
	checker  events.Checker
	timeline record.Timeline
}

func (d *dumper) recorded(r *record.Record) (time.Time, error) {
	if d.replay == nil {
		d.timeline.Advance(r, "", record.Rejected) // whatever became of it
		return d.timeline.Last, nil
	}
	checked := d.checker.Check(r.Subject, r.Body)
	if _, err := d.replay.Apply(r, r.LeafHash(), &checked); err != nil {
		return time.Time{}, err
	}
	d.timeline = d.replay.Timeline()
	if d.timeline.Closed {
		d.replay = nil
	}
	if d.timeline.Boundary != r.Seq {
		return time.Time{}, nil
	}
	return d.timeline.Last, nil
}
