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
		Long: `Write a bundle (a folder) that proves an agent's Book of Business as of a sealed
Friday to an auditor who trusts neither this system nor its operator. The auditor
checks it offline with "bookaudit verify". The same journal always gives the same
bundle.

Without further flags, the bundle contains the workbook and the whole journal, from
which the auditor can derive the book again. It then contains personal data of all
consumers in the ledger.

With --only records, it contains the records about the book's cases instead of the
whole journal. It proves that these records were recorded and that the workbook's
rows are the sealed ones, but not that the rows follow from the records.

With --case, it is about one row and shows no data of other consumers. If the book
has no such row, the bundle proves that.

With --data, the Friday is sealed first if necessary. A dump must contain the seal
of the Friday and its signature; otherwise the exit code is 3.`,
		Example: `  bookledger evidence --data ./ledger --agent A100001 --friday 2026-11-20 --out ./evidence
  bookledger evidence --journal dump.ndjson --agent A100001 --friday 2026-11-20 --only records --out ./evidence
  bookledger evidence --journal dump.ndjson --agent A100001 --friday 2026-11-20 --case 5000032500 --member 1 --year 2027 --out ./row`,
		RunE: func(cmd *cobra.Command, _ []string) error { return runEvidence(cmd.Context(), env, o) },
	}
	o.register(cmd.Flags())
	cmd.Flags().StringVar(&o.agent, "agent", "", "agent `id` (required)")
	cmd.Flags().StringVar(&o.friday, "friday", "latest", "prove the book as of this Friday's cutoff: a `date` or latest")
	cmd.Flags().StringVar(&o.out, "out", "", "`folder` for the bundle; must be new or empty (required)")
	cli.Require(cmd.Flags(), "agent", "out")
	cli.SuggestFlag(cmd, "agent")
	cmd.Flags().StringVar(&o.only, "only", "", "\"records\" includes only the records about the book's cases, not the whole journal")
	cmd.Flags().StringVar(&o.caseID, "case", "", "prove only one row: of this case (`id`)")
	cmd.Flags().StringVar(&o.member, "member", "", "with --case: of this member (`id`)")
	cmd.Flags().IntVar(&o.year, "year", 0, "with --case: of this application `year`")
	return cmd
}

func runEvidence(ctx context.Context, env *cli.Environment, o evidenceOptions) (err error) {
	switch {
	case o.only != "" && o.only != "records":
		return cli.Usagef("--only: unknown value %q: the only one is records", o.only)
	case o.only != "" && o.caseID != "":
		return cli.Usagef("use --only records or --case, not both")
	case o.caseID == "" && (o.member != "" || o.year != 0):
		return cli.Usagef("--member and --year need --case")
	case o.year < 0:
		return cli.Usagef("--year: %d is not a year", o.year)
	}
	q := proof.Request{Kind: proof.Whole, Agent: o.agent, Case: o.caseID, Member: o.member, Year: o.year, Out: o.out}
	if o.only != "" {
		q.Kind = proof.Records
	} else if o.caseID != "" {
		q.Kind = proof.Row
	}
	if q.Friday, err = parseFriday("friday", o.friday); err != nil {
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
		q.Journal = o.journal // the person's own file, so it is not removed
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
		return fmt.Errorf("%w: writing the evidence: %w", cli.ErrRefused, err)
	case errors.Is(err, proof.ErrAmbiguousRow):
		return cli.Usagef("%v: use --case, --member and --year", err)
	case err != nil:
		return err
	}
	_, err = fmt.Fprintf(env.Out, "%s: evidence for the book of agent %s as of Friday %s; check it with: bookaudit verify %s --key KEY\n", q.Out, q.Agent, q.Friday, q.Out)
	return err
}

// dumpForEvidence seals the Friday of the request and writes a dump of the data
// folder's journal next to the future bundle. It sets both in the request. Only the
// user who runs the command can read the dump.
func dumpForEvidence(ctx context.Context, env *cli.Environment, data string, q *proof.Request) (err error) {
	d, err := openData(ctx, env, node.Options{Dir: data})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, d.close()) }()
	if err := d.checkIntegrity(); err != nil {
		return err
	}
	if _, err := d.node.Compare(ctx, 0, nil); err != nil { // a bundle of a changed journal would not verify
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
		return fmt.Errorf("creating the folder for the evidence: %w", err)
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
