package command

import (
	"context"
	"fmt"
	"io"
	"strings"

	"github.com/spf13/cobra"

	"bookledger/cmd/internal/cli"
	"bookledger/events"
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
		Short: "Compare an agent's or agency's books of two Fridays, with the events that made the difference",
		Long: `Show which rows of a book were added, removed and changed between two Fridays, by
case, application year and member; of changed rows the columns with the old value
and the new; and of each the sequences of the events about its case, recorded
between the two cutoffs, that caused it: a row would be otherwise had one of them
not been. A change that no event about the case has caused comes of the agent's
own (name, license, agency) or of the new year. What it shows is personal data;
with --json also all that stands in added and removed rows.`,
		Example: `  bookledger diff --data ./ledger --agent A100001 --from 2026-11-13 --to 2026-11-20
  bookledger diff --journal dump.ndjson --agency G200001 --from 2026-11-13 --to latest --json`,
		RunE: func(cmd *cobra.Command, _ []string) error { return runDiff(cmd.Context(), env, o) },
	}
	o.register(cmd.Flags())
	cmd.Flags().StringVar(&o.agent, "agent", "", "the books of this agent")
	cmd.Flags().StringVar(&o.agency, "agency", "", "the books that unite those of this agency's agents")
	cli.OneOf(cmd.Flags(), "agent", "agency")
	cmd.Flags().StringVar(&o.from, "from", "", "the earlier Friday (required)")
	cli.Require(cmd.Flags(), "from")
	cmd.Flags().StringVar(&o.to, "to", "latest", "the later Friday: a date, or latest")
	cmd.Flags().BoolVar(&o.json, "json", false, "print JSON, one object a line for each row")
	return cmd
}

// errNotEarlier is returned for two Fridays that cannot be compared.
var errNotEarlier = cli.Usagef("--from must be earlier than --to")

func runDiff(ctx context.Context, env *cli.Environment, o diffOptions) error {
	from, err := events.ParseDate(o.from)
	if err != nil {
		return cli.Usagef("--from: %q is not a date: use YYYY-MM-DD, for example 2026-11-13", o.from)
	}
	to, err := parseFriday(o.to)
	if err != nil {
		return cli.Usagef("--to: %q is neither a date like 2026-11-20 nor latest", o.to)
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

func printDifferences(to io.Writer, c *audit.Comparison, count map[book.ChangeKind]int, all []audit.Difference, owner string) error {
	var text strings.Builder
	for _, d := range all {
		by := audit.FormatSequences(d.CausedBy)
		switch d.OtherCause {
		case provenance.NewYear:
			by = "the new year"
		case provenance.AgentChanged:
			by = "a change of the agent's own"
		}
		fmt.Fprintf(&text, "\n%-7s  case %s, year %s, member %s  by %s\n", d.Change, d.CaseID, formatYear(d.ApplicationYear), orDash(d.MemberID), by)
		if d.Change != book.Changed {
			continue
		}
		for _, c := range d.Columns {
			fmt.Fprintf(&text, "         %s: %q → %q\n", c.Header, c.Old, c.New)
		}
	}
	_, err := fmt.Fprintf(to, "The books of %s of Friday %s (up to record %d) and Friday %s (up to record %d): %d rows added, %d removed, %d changed\n%s",
		owner, c.First.Friday, c.First.Boundary, c.Last.Friday, c.Last.Boundary, count[book.Added], count[book.Removed], count[book.Changed], text.String())
	return err
}
