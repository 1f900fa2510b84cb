package command

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"bookledger/cmd/internal/cli"
	"bookledger/events"
	"bookledger/projections/audit"
)

type explainOptions struct {
	ledgerFlags
	agent, friday string
	json          bool
}

func newExplain(env *cli.Environment) *cobra.Command {
	var o explainOptions
	cmd := &cobra.Command{
		Use:   "explain",
		Short: "Show the events of a case, what each did, and in which book it first showed",
		Long: `Show every event about a case in its order: its sequence, when it was recorded and
when it happened at its source, its source, type and actor, and what became of
it: applied, unchanged (it said what was so already), duplicate, or rejected with
code, field and reason. An event that was rejected unread belongs to the case
that it names.

For each applied event it names the Friday whose book first showed it: the first
book that would differ without the event, if all later events were judged again
(except those that were unchanged). So a request first shows with its acceptance,
which would have been rejected without it, and an event that takes the case out
of a book first shows in the first book without the case. "live list" means that
the event shows in the live list, and so in the coming book, but in no book so
far. "no book yet" means that it shows nowhere, like the household of a consumer
who is delegated to nobody. "none" means that later events replaced it before it
showed.

With --agent it shows the events alone that put the case into that agent's lists
and books or took it out, and those that were rejected. With --friday it shows
the events up to that Friday's cutoff, and in which rows the case stands in the
book of its holder or of --agent, with the sequences of the events that decided
each row, or why it does not.

Nothing is shown of what the events say of the consumer.`,
		Example: `  bookledger explain --data ./ledger --case 5000032500
  bookledger explain --journal dump.ndjson --case 5000032500 --agent A100001
  bookledger explain --journal dump.ndjson --case 5000032500 --friday 2026-11-20 --json`,
		RunE: func(cmd *cobra.Command, _ []string) error { return runExplain(cmd.Context(), env, o) },
	}
	o.register(cmd.Flags())
	cmd.Flags().StringVar(&o.caseID, "case", "", "the case's id (required)")
	cmd.Flags().StringVar(&o.agent, "agent", "", "only what concerns this agent's lists and books")
	cmd.Flags().StringVar(&o.friday, "friday", "", "as of this Friday's cutoff: a date, or latest")
	cmd.Flags().BoolVar(&o.json, "json", false, "print JSON, one object a line: the events, and with --friday the rows at the end")
	return cmd
}

func runExplain(ctx context.Context, env *cli.Environment, o explainOptions) error {
	if !events.IsIdentifier(o.caseID) {
		return cli.Usagef("--case is required, and is a case's id like 5000032500")
	}
	var f events.Date
	if o.friday != "" {
		var err error
		if f, err = parseFriday(o.friday); err != nil {
			return err
		}
	}
	r, err := o.open(ctx, env)
	if err != nil {
		return err
	}
	defer r.close()
	a, err := r.CaseHistory(ctx, o.caseID)
	if err != nil {
		return err
	}
	if len(a.Entries) == 0 {
		return fmt.Errorf("case %q: no record is about it", o.caseID)
	}
	x, err := a.Explain(ctx, audit.ExplainRequest{Agent: o.agent, AsOf: o.friday != "", Friday: f})
	if err != nil {
		return err
	}
	if o.agent != "" && len(x.Events) == 0 { // what is no agent has held nothing either
		if err := checkAgent(r.Now(), o.agent); err != nil {
			return err
		}
	}
	if o.json {
		err := encodeAll(env, x.Events)
		if err == nil && x.Standing != nil {
			err = env.Encode(x.Standing)
		}
		return err
	}
	if len(x.Events) == 0 {
		env.Messagef("no such event is about case %s", o.caseID)
	}
	return printExplanation(env.Out, x)
}

func printExplanation(to io.Writer, e *audit.Explanation) error {
	out := tabwriter.NewWriter(to, 0, 0, 2, ' ', 0)
	if len(e.Events) > 0 {
		agent := ""
		if e.AgentID != "" {
			agent = "FOR " + e.AgentID + "\t"
		}
		fmt.Fprintf(out, "SEQ\tRECORDED\tAT THE SOURCE\tSOURCE\tTYPE\tACTOR\t%sFIRST SHOWN\tEFFECT\n", agent)
	}
	for i := range e.Events {
		x := &e.Events[i]
		agent := ""
		if e.AgentID != "" {
			agent = formatRelation(x.Before) + " → " + formatRelation(x.After) + "\t"
		}
		fmt.Fprintf(out, "%d\t%s\t%s\t%s\t%s\t%s\t%s%s\t%s\n", x.Seq, formatTime(x.Recorded), formatTime(x.Time), orDash(x.Source),
			orDash(x.Type), orDash(strings.Join(nonBlank(x.ActorID, x.ActorRole), ", ")), agent, formatFirstBook(x), formatEffect(x))
	}
	if err := out.Flush(); err != nil || e.Standing == nil {
		return err
	}
	if len(e.Events) > 0 {
		fmt.Fprintln(to)
	}
	return printStanding(to, e.Standing)
}

// formatRelation is what a case was to the agent, if that changed.
func formatRelation(r *string) string {
	if r == nil {
		return "-"
	}
	return orDash(*r)
}

func formatTime(t time.Time) string {
	if t.IsZero() {
		return "-"
	}
	return cli.FormatPacific(t)
}

func orDash(s string) string { return cmp.Or(s, "-") }

func formatFirstBook(x *audit.Event) string {
	switch {
	case !x.Applied():
		return "-"
	case x.FirstBook != 0:
		return x.FirstBook.String()
	case x.LiveOnly:
		return "live list"
	case x.ReplacedBy != 0:
		return fmt.Sprintf("none: replaced by %d", x.ReplacedBy)
	}
	return "no book yet"
}

func formatEffect(x *audit.Event) string {
	return strings.Join(nonBlank(x.Effect, string(x.Code), x.Field, x.Reason), ": ")
}

func printStanding(to io.Writer, s *audit.CaseInBook) error {
	whose := cmp.Or(formatOwner(s.AgentID, ""), "any agent")
	fmt.Fprintf(to, "In the book of %s of Friday %s (up to record %d, %s) the case stands in ", whose, s.Friday, s.Boundary, cli.FormatPacific(s.Cutoff))
	if len(s.Rows) == 0 {
		by := ""
		if len(s.KeptOutBy) > 0 {
			by = " (by " + audit.FormatSequences(s.KeptOutBy) + ")"
		}
		_, err := fmt.Fprintf(to, "no row: %s%s\n", s.Absence.Text(), by)
		return err
	}
	if len(s.Rows) == 1 {
		fmt.Fprintln(to, "1 row:")
	} else {
		fmt.Fprintf(to, "%d rows:\n", len(s.Rows))
	}
	out := tabwriter.NewWriter(to, 0, 0, 2, ' ', 0)
	fmt.Fprintln(out, "YEAR\tMEMBER\tDECIDED BY")
	for _, r := range s.Rows {
		fmt.Fprintf(out, "%s\t%s\t%s\n", formatYear(r.ApplicationYear), orDash(r.MemberID), audit.FormatSequences(r.DecidedBy))
	}
	return out.Flush()
}

func formatYear(y int) string {
	if y == 0 {
		return "-"
	}
	return fmt.Sprint(y)
}
