package command

import (
	"bufio"
	"context"
	"errors"
	"io"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"bookledger/cmd/internal/cli"
	"bookledger/cmd/internal/node"
	"bookledger/events/journal"
	"bookledger/events/record"
	"bookledger/projections/replay"
)

func newJournal(env *cli.Environment) *cobra.Command {
	parent := &cobra.Command{
		Use:     "journal",
		Short:   "Read and verify the record itself",
		Example: "  bookledger journal dump --data ./ledger > dump.ndjson\n  bookledger journal verify --data ./ledger",
	}
	var data string
	var nats journal.Server
	dump := &cobra.Command{
		Use:   "dump",
		Short: "Write the record as NDJSON",
		Long: `Write every record of the journal as a line of NDJSON: its sequence, stamp,
recorded time, subject and event, verbatim. The dump holds personal data. It is
what --journal of other commands reads; as a backup use JetStream's own
snapshots.

A running ledger is read over NATS with the readers' key: the file ` + node.ReaderFile + ` in
its data folder, or what an external server has for one.`,
		Example: `  bookledger journal dump --data ./ledger > dump.ndjson
  bookledger journal dump --nats nats://127.0.0.1:4222 --nats-nkey ./ledger/` + node.ReaderFile + ` | gzip > dump.ndjson.gz`,
		RunE: func(cmd *cobra.Command, _ []string) error { return runDump(cmd.Context(), env, data, nats) },
	}
	dump.Flags().StringVar(&data, "data", "", "folder of the ledger of a stopped daemon")
	dump.Flags().StringVar(&nats.URL, "nats", "", "URL of the NATS server of a running ledger")
	signInFlags(dump.Flags(), &nats, "NKEY seed file of who may read")
	cli.OneOf(dump.Flags(), "data", "nats")
	parent.AddCommand(dump, newJournalVerify(env), newChangeKey(env), newHeads(env))
	return parent
}

func runDump(ctx context.Context, env *cli.Environment, data string, nats journal.Server) error {
	var j journalReader
	if data != "" {
		l, err := openNode(ctx, env, node.Options{Dir: data, JournalOnly: true})
		if err != nil {
			return err
		}
		defer l.Close()
		j = l.Journal
	} else {
		c, err := journal.Connect(nats)
		if err != nil {
			return err
		}
		defer c.Close()
		j = c
	}
	out := bufio.NewWriterSize(env.Out, 1<<20)
	if err := writeDump(ctx, env, j, out); err != nil {
		return explainForbidden(err, nats)
	}
	return out.Flush()
}

// journalReader are a journal to read: that of an open folder or of a running ledger.
type journalReader interface {
	Last(context.Context) (uint64, error)
	Read(ctx context.Context, after, upTo uint64, yield func([]record.Record) error) error
}

// signInFlags registers as whom to connect to a NATS server.
func signInFlags(f *pflag.FlagSet, s *journal.Server, nkey string) {
	f.StringVar(&s.Creds, "nats-creds", "", "credentials file for the NATS server")
	f.StringVar(&s.NKey, "nats-nkey", "", nkey)
	cli.MutuallyExclusive(f, "nats-creds", "nats-nkey")
}

// explainForbidden says what to do where a server does not let anybody read.
func explainForbidden(err error, s journal.Server) error {
	if errors.Is(err, journal.ErrForbidden) && s.NKey == "" {
		return cli.Usagef("%v: give the readers' key by --nats-nkey; an embedded server's is %s in the ledger's data folder", err, node.ReaderFile)
	}
	return err
}

// writeDump writes every record of a journal as a line.
func writeDump(ctx context.Context, env *cli.Environment, j journalReader, out io.Writer) error {
	last, err := j.Last(ctx)
	if err != nil {
		return err
	}
	bar := env.Progress("records written", int64(last))
	defer bar.Done()
	var lines replay.LineWriter
	var buffer []byte
	return j.Read(ctx, 0, last, func(records []record.Record) error {
		if buffer, err = lines.Append(buffer[:0], records); err != nil {
			return err
		}
		bar.Add(len(records))
		_, err := out.Write(buffer)
		return err
	})
}
