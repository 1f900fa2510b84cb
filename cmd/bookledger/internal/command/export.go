package command

import (
	"context"
	"fmt"

	"github.com/spf13/cobra"

	"bookledger/cmd/internal/bookfiles"
	"bookledger/cmd/internal/cli"
	"bookledger/projections/audit"
)

type exportOptions struct {
	ledgerFlags
	agent, agency, friday, out string
	all, json                  bool
}

func newExport(env *cli.Environment) *cobra.Command {
	var o exportOptions
	cmd := &cobra.Command{
		Use:   "export",
		Short: "Export Books of Business as Excel workbooks",
		Long: `Export the Book of Business of an agent or an agency to a file, or the books of
all agents to a folder. A book contains every consumer delegated to the agent at
the Friday's cutoff. The same book always has the same bytes. Books contain
personal data.`,
		Example: `  bookledger export --data ./ledger --agent A100001 --out book.xlsx
  bookledger export --data ./ledger --all --friday 2026-11-20 --out ./books
  bookledger export --journal dump.ndjson --agency G200001 --out agency.xlsx`,
		RunE: func(cmd *cobra.Command, _ []string) error { return runExport(cmd.Context(), env, o) },
	}
	o.register(cmd.Flags())
	cmd.Flags().StringVar(&o.agent, "agent", "", "export the book of this agent (`id`)")
	cmd.Flags().StringVar(&o.agency, "agency", "", "export the book of this agency (`id`): the books of its agents as one")
	cmd.Flags().BoolVar(&o.all, "all", false, "export the books of all agents")
	cmd.Flags().StringVar(&o.friday, "friday", "latest", "export as of this Friday's cutoff: a `date` or latest")
	cmd.Flags().StringVar(&o.out, "out", "", "`path` of the file, or with --all of the folder (required)")
	cli.Require(cmd.Flags(), "out")
	cli.SuggestFlag(cmd, "agent")
	cmd.Flags().BoolVar(&o.json, "json", false, "print one JSON object per book")
	return cmd
}

func runExport(ctx context.Context, env *cli.Environment, o exportOptions) error {
	chosen := 0
	for _, set := range [...]bool{o.agent != "", o.agency != "", o.all} {
		if set {
			chosen++
		}
	}
	if chosen != 1 {
		return cli.Usagef("use exactly one of --agent, --agency and --all")
	}
	f, err := parseFriday("friday", o.friday)
	if err != nil {
		return err
	}
	r, err := o.open(ctx, env)
	if err != nil {
		return err
	}
	defer r.close()
	if err := r.checkIntegrity(); err != nil {
		return err
	}
	s, err := snapshotOf(ctx, r, f)
	if err != nil {
		return err
	}
	books := bookfiles.New(s.State, s.Calendar, s.Week)
	show := func(w bookfiles.File) error {
		if o.json {
			return env.Encode(w)
		}
		_, err := fmt.Fprintf(env.Out, "%s  %d rows as of Friday %s  sha256 %s\n", w.Path, w.Rows, w.Friday, w.SHA256)
		return err
	}
	if o.all {
		all, err := books.All(ctx, o.out, env.Progress)
		if err != nil {
			return err
		}
		for _, w := range all {
			if err := show(w); err != nil {
				return err
			}
		}
		env.Messagef("%d books as of Friday %s written to %s", len(all), s.Week.Friday, o.out)
		return nil
	}
	b, err := s.Book(ctx, audit.Owner{Agent: o.agent, Agency: o.agency})
	if err != nil {
		return err
	}
	w, err := books.Write(ctx, b, o.out)
	if err != nil {
		return err
	}
	return show(w)
}
