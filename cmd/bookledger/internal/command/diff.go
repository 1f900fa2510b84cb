package command

import (
	"context"
	"fmt"
	"io"
	"strings"

	"github.com/spf13/cobra"

	"bookledger/cmd/internal/cli"
	"bookledger/projections/audit"
	"bookledger/projections/book"
	"bookledger/projections/provenance"
)

type diffOptions struct {
	ledgerFlags
	agent, agency, from, to string
	json                    bool
}

func newDiff(env *cli.Environment) *cobra.Command {
	var o diffOptions
	cmd := &cobra.Command{
		Use:   "diff",
		Short: "Compare an agent's or agency's books of two Fridays and show what caused each change",
		Long: `Show which rows of a book were added, removed or changed between two Fridays. A
row is identified by its case, application year and member. For a changed row, the
command shows the columns with their old and new values.

For each row it also shows the sequences of the events that caused the change:
events about the row's case, recorded between the two cutoffs, without any of
which the row would be different. If no such event caused the change, it was a
change of the agent's data (name, license, agency) or the new year.

The output contains personal data. With --json it includes all columns of added
and removed rows.`,
		Example: `  bookledger diff --data ./ledger --agent A100001 --from 2026-11-13 --to 2026-11-20
  bookledger diff --journal dump.ndjson --agency G200001 --from 2026-11-13 --to latest --json`,
		RunE: func(cmd *cobra.Command, _ []string) error { return runDiff(cmd.Context(), env, o) },
	}
	o.register(cmd.Flags())
	cmd.Flags().StringVar(&o.agent, "agent", "", "compare the books of this agent (`id`)")
	cmd.Flags().StringVar(&o.agency, "agency", "", "compare the books of this agency (`id`)")
	cli.OneOf(cmd.Flags(), "agent", "agency")
	cmd.Flags().StringVar(&o.from, "from", "", "`date` of the earlier Friday (required)")
	cli.Require(cmd.Flags(), "from")
	cli.SuggestFlag(cmd, "agent")
	cmd.Flags().StringVar(&o.to, "to", "latest", "the later Friday: a `date` or latest")
	cmd.Flags().BoolVar(&o.json, "json", false, "print one JSON object per row")
	return cmd
}

// errNotEarlier is returned when --from is not before --to.
var errNotEarlier = cli.Usagef("--from must be earlier than --to")

func runDiff(ctx context.Context, env *cli.Environment, o diffOptions) error {
	from, err := parseDate("from", o.from)
	if err != nil {
		return err
	}
	to, err := parseFriday("to", o.to)
	if err != nil {
		return err
	}
	if to != 0 && to <= from {
		return errNotEarlier
	}
	r, err := o.open(ctx, env)
	if err != nil {
		return err
	}
	defer r.close()
	last, err := r.Checkpoint(to)
	if err != nil {
		return err
	}
	if last.Friday <= from {
		return errNotEarlier
	}
	first, err := r.Checkpoint(from)
	if err != nil {
		return err
	}
	c, err := r.Compare(ctx, audit.Owner{Agent: o.agent, Agency: o.agency}, first.Week, last.Week)
	if err != nil {
		return err
	}
	changes := c.Changes()
	d, err := c.Differences(ctx, changes)
	if err != nil {
		return err
	}
	if o.json {
		return encodeAll(env, d)
	}
	return printDifferences(env.Out, c, book.CountChanges(changes), d, formatOwner(o.agent, o.agency))
}

func printDifferences(out io.Writer, c *audit.Comparison, count map[book.ChangeKind]int, all []audit.Difference, owner string) error {
	var text strings.Builder
	for _, d := range all {
		by := audit.FormatSequences(d.CausedBy)
		switch d.OtherCause {
		case provenance.NewYear:
			by = "the new year"
		case provenance.AgentChanged:
			by = "a change of the agent's data"
		}
		fmt.Fprintf(&text, "\n%-7s  case %s, year %s, member %s  caused by %s\n", d.Change, d.CaseID, formatYear(d.ApplicationYear), orDash(d.MemberID), by)
		if d.Change != book.Changed {
			continue
		}
		for _, c := range d.Columns {
			fmt.Fprintf(&text, "         %s: %q → %q\n", c.Header, c.Old, c.New)
		}
	}
	_, err := fmt.Fprintf(out, "Books of %s as of Friday %s (up to record %d) and Friday %s (up to record %d): %d rows added, %d removed, %d changed\n%s",
		owner, c.First.Friday, c.First.Boundary, c.Last.Friday, c.Last.Boundary, count[book.Added], count[book.Removed], count[book.Changed], text.String())
	return err
}
