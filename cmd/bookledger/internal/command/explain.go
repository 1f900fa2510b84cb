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
		Short: "Show the events of a case, their outcomes, and the first book that each one changed",
		Long: `Show every event about a case in order: its sequence, the time at which it was
recorded, the time at its source, its source, type and actor, and its outcome. The
outcome is applied, unchanged (the state was the same already), duplicate, or
rejected with code, field and reason. Rejected events about the case are included.

FIRST SHOWN is the Friday of the first book that shows an applied event: the first
book that would be different without it. To find that book, the command processes
all later events again without the event, except unchanged ones. For example, a
request first shows in the book that shows its acceptance, because without the
request the acceptance would have been rejected. An event that removes the case
from a book first shows in the first book without the case. Other values are:
  live list         the live list shows the event, and so will the next book
  no book yet       nothing shows it, for example because the consumer is not
                    delegated to an agent
  none: replaced …  a later event replaced it before a book showed it

With --agent, only the events are shown that added the case to the lists and books
of that agent or removed it, and rejected events.

With --friday, only the events up to that Friday's cutoff are shown. Then follow
the rows of the case in the book of its agent, or of --agent, with the sequences of
the events that decided each row, or the reason why there is no row.

The output contains no data about the consumer.`,
		Example: `  bookledger explain --data ./ledger --case 5000032500
  bookledger explain --journal dump.ndjson --case 5000032500 --agent A100001
  bookledger explain --journal dump.ndjson --case 5000032500 --friday 2026-11-20 --json`,
		RunE: func(cmd *cobra.Command, _ []string) error { return runExplain(cmd.Context(), env, o) },
	}
	o.register(cmd.Flags())
	cmd.Flags().StringVar(&o.caseID, "case", "", "case `id` (required)")
	cmd.Flags().StringVar(&o.agent, "agent", "", "show only what concerns the lists and books of this agent (`id`)")
	cmd.Flags().StringVar(&o.friday, "friday", "", "show the case as of this Friday's cutoff: a `date` or latest")
	cmd.Flags().BoolVar(&o.json, "json", false, "print one JSON object per event, and with --friday one more with the rows")
	cli.SuggestFlag(cmd, "case")
	return cmd
}

func runExplain(ctx context.Context, env *cli.Environment, o explainOptions) error {
	if !events.IsIdentifier(o.caseID) {
		return cli.Usagef("--case is required: use the id of a case, for example 5000032500")
	}
	var f events.Date
	if o.friday != "" {
		var err error
		if f, err = parseFriday("friday", o.friday); err != nil {
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
		return fmt.Errorf("no record is about case %q", o.caseID)
	}
	x, err := a.Explain(ctx, audit.ExplainRequest{Agent: o.agent, AsOf: o.friday != "", Friday: f})
	if err != nil {
		return err
	}
	if o.agent != "" && len(x.Events) == 0 { // the agent may be unknown
		if err := checkAgent(r.Now(), o.agent); err != nil {
			return err
		}
	}
	if o.json {
		err := encodeAll(env, x.Events)
		if err == nil && x.InBook != nil {
			err = env.Encode(x.InBook)
		}
		return err
	}
	if len(x.Events) == 0 {
		env.Messagef("no event about case %s matches", o.caseID)
	}
	return printExplanation(env.Out, x)
}

func printExplanation(w io.Writer, e *audit.Explanation) error {
	out := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	if len(e.Events) > 0 {
		agent := ""
		if e.AgentID != "" {
			agent = "FOR " + e.AgentID + "\t"
		}
		fmt.Fprintf(out, "SEQ\tRECORDED\tTIME AT SOURCE\tSOURCE\tTYPE\tACTOR\t%sFIRST SHOWN\tOUTCOME\n", agent)
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
	if err := out.Flush(); err != nil || e.InBook == nil {
		return err
	}
	if len(e.Events) > 0 {
		fmt.Fprintln(w)
	}
	return printCaseInBook(w, e.InBook)
}

// formatRelation formats the relation of a case to the agent; nil means unchanged.
func formatRelation(r *string) string {
	if r == nil {
		return "-"
	}
	return orDash(*r)
}

// formatTime formats a time in Pacific time, or a dash for the zero time.
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

func printCaseInBook(w io.Writer, s *audit.CaseInBook) error {
	owner := cmp.Or(formatOwner(s.AgentID, ""), "any agent")
	fmt.Fprintf(w, "In the book of %s as of Friday %s (up to record %d, %s), the case has ", owner, s.Friday, s.Boundary, cli.FormatPacific(s.Cutoff))
	if len(s.Rows) == 0 {
		by := ""
		if len(s.KeptOutBy) > 0 {
			by = " (by " + audit.FormatSequences(s.KeptOutBy) + ")"
		}
		_, err := fmt.Fprintf(w, "no row: %s%s\n", s.Absence.Text(), by)
		return err
	}
	if len(s.Rows) == 1 {
		fmt.Fprintln(w, "1 row:")
	} else {
		fmt.Fprintf(w, "%d rows:\n", len(s.Rows))
	}
	out := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
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
