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
	"bookledger/exporter/proof"
	"bookledger/projections/checkpoint"
)

type evidenceOptions struct {
	ledgerFlags
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
		Example: `  bookledger evidence --data ./ledger --agent A100001 --friday 2026-11-20 --out ./evidence
  bookledger evidence --journal dump.ndjson --agent A100001 --friday 2026-11-20 --only records --out ./evidence
  bookledger evidence --journal dump.ndjson --agent A100001 --friday 2026-11-20 --case 5000032500 --member 1 --year 2027 --out ./row`,
		RunE: func(cmd *cobra.Command, _ []string) error { return runEvidence(cmd.Context(), env, o) },
	}
	o.register(cmd.Flags())
	cmd.Flags().StringVar(&o.agent, "agent", "", "whose book (required)")
	cmd.Flags().StringVar(&o.friday, "friday", "latest", "as of this Friday's cutoff: a date, or latest")
	cmd.Flags().StringVar(&o.out, "out", "", "folder to write, which is not there yet or empty (required)")
	cli.Require(cmd.Flags(), "agent", "out")
	cmd.Flags().StringVar(&o.only, "only", "", `"records": those about the book's cases, in place of the whole record`)
	cmd.Flags().StringVar(&o.caseID, "case", "", "one row alone: of this case")
	cmd.Flags().StringVar(&o.member, "member", "", "with --case: of this member")
	cmd.Flags().IntVar(&o.year, "year", 0, "with --case: of this application year")
	return cmd
}

func runEvidence(ctx context.Context, env *cli.Environment, o evidenceOptions) (err error) {
	switch {
	case o.only != "" && o.only != "records":
		return cli.Usagef("--only: %q is not records", o.only)
	case o.only != "" && o.caseID != "":
		return cli.Usagef("give --only records or --case, not both")
	case o.caseID == "" && (o.member != "" || o.year != 0):
		return cli.Usagef("--member and --year need --case")
	case o.year < 0:
		return cli.Usagef("--year: %d is no year", o.year)
	}
	q := proof.Request{Kind: proof.Whole, Agent: o.agent, Case: o.caseID, Member: o.member, Year: o.year, Out: o.out}
	if o.only != "" {
		q.Kind = proof.Records
	} else if o.caseID != "" {
		q.Kind = proof.Row
	}
	if q.Friday, err = parseFriday(o.friday); err != nil {
		return err
	}
	if o.data != "" {
		defer func() {
			if q.Journal != "" {
				err = errors.Join(err, os.Remove(q.Journal))
			}
		}()
		if err := dumpForEvidence(ctx, env, o.data, &q); err != nil {
			return err
		}
	} else {
		q.Journal = o.journal // which is not for this command to remove
	}
	if q.Friday == 0 {
		d, err := openDump(ctx, env, q.Journal, "")
		if err != nil {
			return err
		}
		latest, err := d.Checkpoint(0)
		if err != nil {
			return err
		}
		q.Friday = latest.Friday
	}
	bar := env.Progress("records replayed", 0)
	q.Progress = bar.Add
	err = proof.Make(ctx, q)
	bar.Done()
	switch {
	case errors.Is(err, proof.ErrNotSealed), errors.Is(err, proof.ErrMismatch):
		return fmt.Errorf("%w: making the evidence: %w", cli.ErrRefused, err)
	case errors.Is(err, proof.ErrAmbiguousRow):
		return cli.Usagef("%v; see --case, --member and --year", err)
	case err != nil:
		return err
	}
	_, err = fmt.Fprintf(env.Out, "%s: evidence about the book of agent %s as of Friday %s; check it with: bookaudit verify %s --key KEY\n", q.Out, q.Agent, q.Friday, q.Out)
	return err
}

// dumpForEvidence seals the Friday of the request, and writes a dump of the
// journal in a data folder beside the bundle that is to be made of it. The
// request names both from then on. Only the folder's owner can read the dump.
func dumpForEvidence(ctx context.Context, env *cli.Environment, data string, q *proof.Request) (err error) {
	d, err := openData(ctx, env, node.Options{Dir: data})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, d.close()) }()
	if err := d.checkIntegrity(); err != nil {
		return err
	}
	if _, err := d.node.Compare(ctx, 0, nil); err != nil { // a bundle of what was changed would not verify
		return d.node.Diagnose(ctx, err)
	}
	c, err := d.Checkpoint(q.Friday)
	if err != nil {
		return err
	}
	q.Friday = c.Friday
	if err := d.node.OfflineSealer().Seal(ctx, q.Friday); err != nil {
		return cli.RefuseIf(err, checkpoint.ErrHistoryOpen, checkpoint.ErrSealMismatch)
	}
	parent := filepath.Dir(filepath.Clean(q.Out))
	if err := os.MkdirAll(parent, 0o700); err != nil {
		return fmt.Errorf("making the folder of the evidence: %w", err)
	}
	f, err := os.CreateTemp(parent, ".dump-*") // 0600
	if err != nil {
		return fmt.Errorf("dumping the journal for the evidence: %w", err)
	}
	q.Journal = f.Name()
	to := bufio.NewWriterSize(f, 1<<20)
	err = d.node.Diagnose(ctx, writeDump(ctx, env, d.node.Journal, to))
	if err = errors.Join(err, to.Flush(), f.Close()); err != nil {
		err = fmt.Errorf("dumping the journal for the evidence: %w", err)
	}
	return err
}
