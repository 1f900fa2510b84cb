package command

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/spf13/cobra"

	"bookledger/cmd/internal/cli"
	"bookledger/events"
	"bookledger/exporter"
	"bookledger/exporter/proof"
	"bookledger/projections/audit"
	"bookledger/projections/book"
	"bookledger/projections/checkpoint"
	"bookledger/projections/replay"
)

type verifyBookOptions struct {
	journal, agent, agency, friday string
	json                           bool
}

func newVerifyBook(env *cli.Environment) *cobra.Command {
	var o verifyBookOptions
	cmd := &cobra.Command{
		Use:   "verify BOOK.xlsx",
		Short: "Compare a workbook with the journal",
		Long: `Derive a Book of Business from a dump and compare a workbook with it: every cell
and the bytes. The workbook's About sheet names the agent or agency and the Friday;
flags can override them. If a cell differs, the command shows the first one, and
the exit code is 3. A workbook of another exporter version is refused even if its
cells are correct: use a release with that version.

The command also checks the whole dump against the seals and signed tree heads in
it. If the dump does not verify, the exit code is 3. It does not check that the key
is the ledger's own: for that, use a bundle ("bookledger evidence" and "bookaudit
verify"). A history file contains no seals, so only the workbook is compared.`,
		Example: `  bookledger verify book.xlsx --journal dump.ndjson
  bookledger verify book.xlsx --journal dump.ndjson --agent A100001 --friday 2026-11-20`,
		RunE: func(cmd *cobra.Command, args []string) error { return runVerifyBook(cmd.Context(), env, args[0], o) },
	}
	cmd.Flags().StringVar(&o.journal, "journal", "", "dump or history `file`, replayed in memory (required)")
	cli.Require(cmd.Flags(), "journal")
	cli.SuggestFlag(cmd, "journal")
	cmd.Flags().StringVar(&o.agent, "agent", "", "`id` of the agent (default: from the workbook)")
	cmd.Flags().StringVar(&o.agency, "agency", "", "`id` of the agency (default: from the workbook)")
	cmd.Flags().StringVar(&o.friday, "friday", "", "`date` of the Friday (default: from the workbook)")
	cmd.Flags().BoolVar(&o.json, "json", false, "print one JSON object")
	return cmd
}

// bookToCompare identifies the book to compare with a workbook.
type bookToCompare struct {
	proof.WorkbookTitle
	friday events.Date // 0 if only the cutoff is known
}

// bookToCompare takes the owner and the Friday from the flags or from the workbook.
func (o *verifyBookOptions) bookToCompare(workbook []byte) (b bookToCompare, err error) {
	if o.agent != "" && o.agency != "" {
		return b, cli.Usagef("use --agent or --agency, not both")
	}
	if o.friday != "" {
		if b.friday, err = parseDate("friday", o.friday); err != nil {
			return b, err
		}
	}
	owner := o.agent != "" || o.agency != ""
	if !owner || b.friday == 0 {
		if b.WorkbookTitle, err = proof.ReadTitle(workbook); err != nil {
			return b, fmt.Errorf("%w; use --friday with --agent or --agency", err)
		}
	}
	switch {
	case owner:
		b.AgentID, b.AgencyID = o.agent, o.agency
	case b.AgentID != "":
		b.AgencyID = "" // an agent's workbook also names the agency
	}
	return b, nil
}

// verifyResult is the result of a comparison. If the workbook could not be compared,
// its JSON has only the members verified and difference.
type verifyResult struct {
	Verified bool `json:"verified"`
	*comparedBook
	Difference string `json:"difference,omitempty"`
}

type comparedBook struct {
	AgentID    string      `json:"agent_id,omitempty"`
	AgencyID   string      `json:"agency_id,omitempty"`
	Friday     events.Date `json:"friday"`
	Boundary   uint64      `json:"boundary"`
	Rows       int         `json:"rows"`
	SameBytes  bool        `json:"same_bytes"`
	SealedUpTo uint64      `json:"sealed_up_to"` // 0 if the dump contains no seal
}

func runVerifyBook(ctx context.Context, env *cli.Environment, path string, o verifyBookOptions) error {
	workbook, err := proof.ReadFile(path, proof.MaxWorkbook)
	if err != nil {
		return cli.RefuseIf(err, proof.ErrMismatch)
	}
	compared, err := o.compare(ctx, env, path, workbook)
	if err != nil && !errors.Is(err, cli.ErrRefused) {
		return err
	}
	if o.json {
		found := verifyResult{Verified: err == nil, comparedBook: compared}
		if err != nil {
			found.Difference = err.Error()
		}
		return errors.Join(err, env.Encode(found))
	}
	if err == nil {
		compared.print(env.Out)
	}
	return err
}

// compare derives the book from the dump and compares the workbook with it. It returns
// cli.ErrRefused if they differ, if the dump has no such book, or if the dump does not
// verify.
func (o *verifyBookOptions) compare(ctx context.Context, env *cli.Environment, path string, workbook []byte) (*comparedBook, error) {
	want, err := o.bookToCompare(workbook)
	if errors.Is(err, proof.ErrMismatch) {
		err = fmt.Errorf("%w: verifying %s: %w", cli.ErrRefused, path, err)
	}
	if err != nil {
		return nil, err
	}
	b, sealed, err := audit.DeriveBook(ctx, dumpFile(env, o.journal), audit.Owner{Agent: want.AgentID, Agency: want.AgencyID}, want.friday, want.Cutoff)
	if err != nil {
		return nil, cli.RefuseIf(err, replay.ErrUnverified, book.ErrUnknownOwner, checkpoint.ErrNoCheckpoint, audit.ErrNoCutoff)
	}
	c, err := proof.CompareBook(ctx, workbook, b)
	if errors.Is(err, proof.ErrMismatch) {
		err = fmt.Errorf("%w: verifying %s: %w", cli.ErrRefused, path, err)
	}
	return &comparedBook{b.AgentID, b.AgencyID, b.Friday, b.Boundary, c.Rows, c.SameBytes, sealed}, err
}

func (b *comparedBook) print(out io.Writer) {
	owner := cmp.Or(formatOwner(b.AgentID, ""), formatOwner("", b.AgencyID)) // an agent's book also names the agency
	fmt.Fprintf(out, "VERIFIED: the workbook is the book of %s as of Friday %s; all %d rows match the journal.\n", owner, b.Friday, b.Rows)
	fmt.Fprintf(out, "The workbook is byte for byte the one that exporter version %s writes.\n", exporter.Version)
	if b.SealedUpTo == 0 {
		fmt.Fprintln(out, "The dump contains no seal, so changes to the journal cannot be detected.")
	} else {
		fmt.Fprintf(out, "The journal matches its seals up to record %d; changes to later records cannot be detected.\n", b.SealedUpTo)
	}
}
