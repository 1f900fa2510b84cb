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
		Short:   "Dump and verify the journal, show tree heads, and change the seal key",
		Example: "  bookledger journal dump --data ./ledger > dump.ndjson\n  bookledger journal verify --data ./ledger",
	}
	var data string
	var nats journal.Server
	dump := &cobra.Command{
		Use:   "dump",
		Short: "Write the journal as NDJSON",
		Long: `Write every record of the journal as a line of NDJSON: its sequence, stamp,
recorded time, subject and event, verbatim. Other commands read such a dump with
--journal. A dump contains personal data. It is not a backup: use JetStream
snapshots for backups.

Reading a running ledger over NATS needs the readers' key: the file ` + node.ReaderFile + ` in
the ledger's data folder, or the credentials of an external server.`,
		Example: `  bookledger journal dump --data ./ledger > dump.ndjson
  bookledger journal dump --nats nats://127.0.0.1:4222 --nats-nkey ./ledger/` + node.ReaderFile + ` | gzip > dump.ndjson.gz`,
		RunE: func(cmd *cobra.Command, _ []string) error { return runDump(cmd.Context(), env, data, nats) },
	}
	dump.Flags().StringVar(&data, "data", "", "data `folder` of a stopped ledger")
	dump.Flags().StringVar(&nats.URL, "nats", "", "`URL` of the NATS server of a running ledger")
	signInFlags(dump.Flags(), &nats, "NKEY seed `file` for reading")
	cli.OneOf(dump.Flags(), "data", "nats")
	cli.SuggestFlag(dump, "data")
	parent.AddCommand(dump, newJournalVerify(env), newChangeKey(env), newHeads(env))
	return parent
}

func runDump(ctx context.Context, env *cli.Environment, data string, nats journal.Server) error {
	var j journalReader
	if data != "" {
		n, err := openNode(ctx, env, node.Options{Dir: data, JournalOnly: true})
		if err != nil {
			return err
		}
		defer n.Close()
		j = n.Journal
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

// journalReader reads the journal of an open data folder or of a running ledger.
type journalReader interface {
	Last(context.Context) (uint64, error)
	Read(ctx context.Context, after, upTo uint64, yield func([]record.Record) error) error
}

// signInFlags registers the flags for signing in to a NATS server.
func signInFlags(f *pflag.FlagSet, s *journal.Server, nkeyUsage string) {
	f.StringVar(&s.Creds, "nats-creds", "", "credentials `file` for the NATS server")
	f.StringVar(&s.NKey, "nats-nkey", "", nkeyUsage)
	cli.MutuallyExclusive(f, "nats-creds", "nats-nkey")
}

// explainForbidden adds what to do to an error of a server that does not permit
// reading.
func explainForbidden(err error, s journal.Server) error {
	if errors.Is(err, journal.ErrForbidden) && s.NKey == "" {
		return cli.Usagef("%v: use --nats-nkey with the readers' key; for the embedded server it is the file %s in the ledger's data folder", err, node.ReaderFile)
	}
	return err
}

// writeDump writes every record of a journal as a line of NDJSON.
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
