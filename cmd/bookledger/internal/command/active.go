package command

import (
	"context"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"bookledger/cmd/internal/cli"
	"bookledger/events"
	"bookledger/projections/audit"
	"bookledger/projections/book"
	"bookledger/projections/fold"
	"bookledger/projections/list"
)

type activeOptions struct {
	ledgerFlags
	agent, friday, at string
	json              bool
}

func newActive(env *cli.Environment) *cobra.Command {
	var o activeOptions
	cmd := &cobra.Command{
		Use:   "active",
		Short: "Show an agent's Active Consumers list",
		Long: `Show an agent's whole Active Consumers list, ordered by first name. The list is
shown as of now, as of a Friday's cutoff or, from a dump, as of any time. It
contains personal data.`,
		Example: `  bookledger active --data ./ledger --agent A100001
  bookledger active --journal dump.ndjson --agent A100001 --friday latest --json
  bookledger active --journal dump.ndjson --agent A100001 --at 2026-11-18T12:00:00-08:00`,
		RunE: func(cmd *cobra.Command, _ []string) error { return runActive(cmd.Context(), env, o) },
	}
	o.register(cmd.Flags())
	cmd.Flags().StringVar(&o.agent, "agent", "", "agent `id` (required)")
	cmd.Flags().StringVar(&o.friday, "friday", "", "show the list as of this Friday's cutoff: a `date` or latest")
	cmd.Flags().StringVar(&o.at, "at", "", "show the list as of this `time`; needs --journal")
	cli.Require(cmd.Flags(), "agent")
	cli.SuggestFlag(cmd, "agent")
	cmd.Flags().BoolVar(&o.json, "json", false, "print one JSON object")
	return cmd
}

func runActive(ctx context.Context, env *cli.Environment, o activeOptions) error {
	var friday events.Date
	var at time.Time
	var err error
	switch {
	case o.friday != "" && o.at != "":
		err = cli.Usagef("use --friday or --at, not both")
	case o.friday != "":
		friday, err = parseFriday("friday", o.friday)
	case o.at != "":
		at, err = cli.ParseTime("at", o.at)
	}
	if err != nil {
		return err
	}
	r, err := o.open(ctx, env)
	if err != nil {
		return err
	}
	defer r.close()
	s := r.Now()
	switch {
	case o.friday != "":
		s, err = snapshotOf(ctx, r, friday)
	case o.at != "":
		s, err = r.At(ctx, at)
	}
	if err != nil {
		return err
	}
	if err := checkAgent(s, o.agent); err != nil {
		return err
	}
	lists, err := list.New(s.Calendar, o.agent, func(yield func(string, *fold.Case) error) error {
		return s.EachHeld(o.agent, yield)
	})
	if err != nil {
		return err
	}
	consumers, total := lists.Active.Page(list.Query{}, s.ListFriday.Year())
	if o.json {
		return env.Encode(struct {
			AsOf      time.Time    `json:"as_of"`
			Total     int          `json:"total"`
			Consumers []list.Entry `json:"consumers"`
		}{s.AsOf.UTC(), total, consumers})
	}
	return printActive(env.Out, s, consumers)
}

// checkAgent returns book.ErrUnknownOwner if an agent is unknown as of a snapshot.
func checkAgent(s *audit.Snapshot, id string) error {
	_, known, err := s.Agent(id)
	if err == nil && !known {
		err = fmt.Errorf("agent %q as of %s: %w", id, cli.FormatPacific(s.AsOf), book.ErrUnknownOwner)
	}
	return err
}

func printActive(out io.Writer, s *audit.Snapshot, consumers []list.Entry) error {
	var text strings.Builder
	fmt.Fprintf(&text, "Active Consumers as of %s: %d\n", cli.FormatPacific(s.AsOf), len(consumers))
	for i, e := range consumers {
		fmt.Fprintf(&text, "\n%4d  %s\n", i+1, book.FullName(e.FirstName, e.LastName))
		fields := [...][2]string{{"Phone", e.Phone}, {"Email", e.Email}, {"Address", e.Address}, {"DOB", e.DOB}, {"SSN", e.SSN},
			{"Case ID", e.CaseID}, {"Delegated since", e.Since.String()}}
		for _, f := range fields {
			if f[1] != "" {
				fmt.Fprintf(&text, "      %s: %s\n", f[0], f[1])
			}
		}
		for _, y := range e.Years {
			fmt.Fprintf(&text, "      %d: %s\n", y.ApplicationYear, strings.Join(nonBlank(y.CurrentStatus, y.NextSteps, y.HouseholdType), "; "))
			for _, c := range y.Coverage {
				fmt.Fprintf(&text, "            %s\n", strings.Join(nonBlank(c.Carrier, c.PlanName, c.MetalTier, book.Label(c.Status)), ", "))
			}
		}
	}
	_, err := io.WriteString(out, text.String())
	return err
}

// nonBlank returns the texts that are not blank.
func nonBlank(texts ...string) []string {
	return slices.DeleteFunc(texts, func(t string) bool { return t == "" })
}
