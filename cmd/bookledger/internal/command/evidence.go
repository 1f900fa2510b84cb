package command

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/spf13/cobra"

	"bookledger/cmd/internal/cli"
	"bookledger/cmd/internal/node"
	"bookledger/cmd/internal/progress"
	"bookledger/events"
	"bookledger/exporter/proof"
	"bookledger/projections"
	"bookledger/projections/checkpoint"
)

type evidenceOptions struct {
	where
	agent, friday, out, only string
	caseID, member           string
	year                     int
}

func newEvidence(env *cli.Environment) *cobra.Command {
	var o evidenceOptions
	cmd := &cobra.Command{
		Use:   "evidence",
		Short: "Write a bundle that proves a book, or one row of it, to an auditor",
		Long: `Write a folder that proves the Book of Business of an agent as of a sealed Friday,
to somebody who trusts neither this system nor whoever runs it. "bookaudit verify"
checks it, offline. The same record gives the same bytes. With --data the Friday
is sealed first where it is not yet; a dump must hold the seal and its signature.

Without further flags it holds the workbook and the whole record, from which the
book can be derived again; it then holds personal data of everybody in the ledger.
With --only records it holds the records about the book's cases in place of the
whole record: they are proven to be recorded, and the rows to be the sealed ones,
but not that the one follows from the other. With --case it is about one row and
shows nothing of other consumers; where the book has no such row, it proves that.

The Friday's seal and its signature must stand in the record: else the exit code
is 3.`,
		Example: `  bookledger evidence --data ./ledger --agent A1001 --friday 2026-11-20 --out ./evidence
  bookledger evidence --journal dump.ndjson --agent A1001 --friday 2026-11-20 --only records --out ./evidence
  bookledger evidence --journal dump.ndjson --agent A1001 --friday 2026-11-20 --case 5000032500 --member 1 --year 2027 --out ./row`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return runEvidence(cmd.Context(), env, o) },
	}
	o.register(cmd)
	cmd.Flags().StringVar(&o.agent, "agent", "", "whose book (required)")
	cmd.Flags().StringVar(&o.friday, "friday", "latest", "as of this Friday's cutoff: a date, or latest")
	cmd.Flags().StringVar(&o.out, "out", "", "folder to write, which is not there yet or empty (required)")
	cmd.Flags().StringVar(&o.only, "only", "", `"records": those about the book's cases, in place of the whole record`)
	cmd.Flags().StringVar(&o.caseID, "case", "", "one row alone: of this case")
	cmd.Flags().StringVar(&o.member, "member", "", "with --case: of this member")
	cmd.Flags().IntVar(&o.year, "year", 0, "with --case: of this application year")
	return cmd
}

func (o *evidenceOptions) request() (proof.Request, error) {
	q := proof.Request{Kind: proof.Whole, Agent: o.agent, Case: o.caseID, Member: o.member, Year: o.year, Out: o.out}
	switch {
	case o.agent == "" || o.out == "":
		return q, cli.Usagef("--agent and --out are required")
	case o.only != "" && o.only != "records":
		return q, cli.Usagef("--only: %q is not records", o.only)
	case o.only != "" && o.caseID != "":
		return q, cli.Usagef("give --only records or --case, not both")
	case o.caseID == "" && (o.member != "" || o.year != 0):
		return q, cli.Usagef("--member and --year need --case")
	case o.year < 0:
		return q, cli.Usagef("--year: %d is no year", o.year)
	}
	if o.only != "" {
		q.Kind = proof.Records
	} else if o.caseID != "" {
		q.Kind = proof.Row
	}
	var err error
	q.Friday, err = parseFriday(o.friday)
	return q, err
}

func runEvidence(ctx context.Context, env *cli.Environment, o evidenceOptions) (err error) {
	q, err := o.request()
	if err != nil {
		return err
	}
	if (o.data == "") == (o.journal == "") {
		return cli.Usagef("give either --data or --journal")
	}
	q.Journal = o.journal
	if o.data != "" {
		var discard func() error
		if q.Journal, discard, err = dumpForEvidence(ctx, env, o.data, o.out, &q); err != nil {
			return err
		}
		defer func() { err = errors.Join(err, discard()) }()
	}
	if q.Friday == 0 {
		d := &dumpReading{env: env, path: q.Journal}
		if q.Friday, err = d.friday(ctx, 0); err != nil {
			return err
		}
	}
	bar := progress.New(env.Err, "records replayed", 0)
	q.Progress = bar.Add
	err = proof.Make(ctx, q)
	bar.Done()
	switch {
	case errors.Is(err, proof.ErrNotSealed), errors.Is(err, proof.ErrDiffers):
		return fmt.Errorf("%w: making the evidence: %w", cli.ErrRefused, err)
	case errors.Is(err, proof.ErrWhich):
		return cli.Usagef("%v; see --case, --member and --year", err)
	case err != nil:
		return err
	}
	_, err = fmt.Fprintf(env.Out, "%s: evidence about the book of agent %s as of Friday %s; check it with: bookaudit verify %s --key KEY\n", q.Out, q.Agent, q.Friday, q.Out)
	return err
}

// sealFirst has the Friday sealed that is asked for, and returns it: 0 is the
// latest.
func sealFirst(ctx context.Context, l *node.Node, v *projections.View, f events.Date) (events.Date, error) {
	s, err := (&dataReading{l, v}).asOf(ctx, f)
	if err != nil {
		return 0, err
	}
	f = s.friday.Friday
	err = l.SealerOfStopped().Seal(ctx, f)
	if errors.Is(err, checkpoint.ErrHistoryOpen) || errors.Is(err, checkpoint.ErrDiffers) {
		err = fmt.Errorf("%w: %w", cli.ErrRefused, err)
	}
	return f, err
}

// dumpForEvidence writes a dump of the journal in a data folder beside the
// bundle that is to be made of it, for its owner's eyes alone.
func dumpForEvidence(ctx context.Context, env *cli.Environment, data, out string, q *proof.Request) (path string, discard func() error, err error) {
	l, v, err := openData(ctx, env, node.Options{Dir: data})
	if err != nil {
		return "", nil, err
	}
	defer func() {
		if err = errors.Join(err, v.Close(), l.Close()); err != nil && discard != nil {
			err = errors.Join(err, discard())
		}
	}()
	if err := cli.RefuseViolated(l); err != nil {
		return "", nil, err
	}
	if _, err := l.Compare(ctx, 0, nil); err != nil { // a bundle of what was changed would not verify
		return "", nil, l.Diagnose(ctx, err)
	}
	if q.Friday, err = sealFirst(ctx, l, v, q.Friday); err != nil {
		return "", nil, err
	}
	parent := filepath.Dir(filepath.Clean(out))
	if err := os.MkdirAll(parent, 0o700); err != nil {
		return "", nil, fmt.Errorf("making the folder of the evidence: %w", err)
	}
	f, err := os.CreateTemp(parent, ".dump-*") // 0600
	if err != nil {
		return "", nil, fmt.Errorf("dumping the journal for the evidence: %w", err)
	}
	discard = func() error { return os.Remove(f.Name()) }
	to := bufio.NewWriterSize(f, 1<<20)
	err = l.Diagnose(ctx, writeDump(ctx, env, l.Journal, to))
	if err = errors.Join(err, to.Flush(), f.Close()); err != nil {
		return "", discard, fmt.Errorf("dumping the journal for the evidence: %w", err)
	}
	return f.Name(), discard, nil
}
