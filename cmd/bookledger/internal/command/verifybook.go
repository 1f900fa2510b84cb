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
		Short: "Compare a workbook with what the record says",
		Long: `Derive a Book of Business anew from a dump, and compare a workbook with it: every
cell, and the bytes. Whose book it is, and of which Friday, is read from its About
sheet, or given. The first cell that differs is named, with what it holds, and the
exit code is 3. A workbook of another exporter version is refused, even where its
cells are right: use the release that has that version.

All of the dump is read, and compared with the seals and the heads signed by the
ledger's key that stand in it; where it does not verify the exit code is 3 too.
That the key is the ledger's own, and that each record is written as the ledger
writes it, is shown by a bundle (bookledger evidence, bookaudit verify). A history
file has no seals: with one, the workbook alone is compared.`,
		Example: `  bookledger verify book.xlsx --journal dump.ndjson
  bookledger verify book.xlsx --journal dump.ndjson --agent A100001 --friday 2026-11-20`,
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error { return runVerifyBook(cmd.Context(), env, args[0], o) },
	}
	cmd.Flags().StringVar(&o.journal, "journal", "", "dump or history file, replayed in memory (required)")
	cli.Require(cmd.Flags(), "journal")
	cmd.Flags().StringVar(&o.agent, "agent", "", "the book is this agent's (default: as the workbook says)")
	cmd.Flags().StringVar(&o.agency, "agency", "", "the book is this agency's (default: as the workbook says)")
	cmd.Flags().StringVar(&o.friday, "friday", "", "the book is of this Friday (default: as the workbook says)")
	cmd.Flags().BoolVar(&o.json, "json", false, "print one JSON object")
	return cmd
}

// bookToCompare names the book with which a workbook is compared.
type bookToCompare struct {
	proof.WorkbookTitle
	friday events.Date // 0: that with the cutoff
}

func (o *verifyBookOptions) bookToCompare(workbook []byte) (b bookToCompare, err error) {
	if o.agent != "" && o.agency != "" {
		return b, cli.Usagef("give --agent or --agency, not both")
	}
	if o.friday != "" {
		if b.friday, err = events.ParseDate(o.friday); err != nil {
			return b, cli.Usagef("--friday: %q is not a date: use YYYY-MM-DD, for example 2026-11-20", o.friday)
		}
	}
	owner := o.agent != "" || o.agency != ""
	if !owner || b.friday == 0 {
		if b.WorkbookTitle, err = proof.ReadTitle(workbook); err != nil {
			return b, fmt.Errorf("%w; name agent and Friday by flags", err)
		}
	}
	switch {
	case owner:
		b.AgentID, b.AgencyID = o.agent, o.agency
	case b.AgentID != "":
		b.AgencyID = "" // an agent's book names an agency too
	}
	return b, nil
}

// verifyResult is what the comparison of a workbook has found. As JSON a
// workbook that could not be compared has only the first and the last member.
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
	SealedUpTo uint64      `json:"sealed_up_to"` // 0: no seal stands in the dump
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

// compare compares a workbook with the book that it says it is, derived from
// the dump. It returns cli.ErrRefused where they differ, or where the dump has
// no such book or does not verify.
func (o *verifyBookOptions) compare(ctx context.Context, env *cli.Environment, path string, workbook []byte) (*comparedBook, error) {
	of, err := o.bookToCompare(workbook)
	if errors.Is(err, proof.ErrMismatch) {
		err = fmt.Errorf("%w: verifying %s: %w", cli.ErrRefused, path, err)
	}
	if err != nil {
		return nil, err
	}
	made, sealed, err := audit.DeriveBook(ctx, dumpFile(env, o.journal), audit.Owner{Agent: of.AgentID, Agency: of.AgencyID}, of.friday, of.Cutoff)
	if err != nil {
		return nil, cli.RefuseIf(err, replay.ErrUnverified, book.ErrUnknownOwner, checkpoint.ErrNoCheckpoint, audit.ErrNoCutoff)
	}
	c, err := proof.CompareBook(ctx, workbook, made)
	if errors.Is(err, proof.ErrMismatch) {
		err = fmt.Errorf("%w: verifying %s: %w", cli.ErrRefused, path, err)
	}
	return &comparedBook{made.AgentID, made.AgencyID, made.Friday, made.Boundary, c.Rows, c.SameBytes, sealed}, err
}

func (b *comparedBook) print(out io.Writer) {
	whose := cmp.Or(formatOwner(b.AgentID, ""), formatOwner("", b.AgencyID)) // an agent's book names an agency too
	fmt.Fprintf(out, "VERIFIED: the workbook is what the record says of %s as of Friday %s, in each of its %d rows.\n", whose, b.Friday, b.Rows)
	fmt.Fprintf(out, "It is byte for byte the one that exporter %s makes.\n", exporter.Version)
	if b.SealedUpTo == 0 {
		fmt.Fprintln(out, "No seal stands in the dump, so that nothing in it shows whether the record itself was changed.")
	} else {
		fmt.Fprintf(out, "The record is as it was sealed up to record %d; of later ones nothing in the dump shows whether they were changed.\n", b.SealedUpTo)
	}
}
