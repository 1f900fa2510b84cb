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
		Short: "Write Books of Business",
		Long: `Write the Book of Business of an agent or of an agency into a file, or those of
all agents into a folder: every consumer delegated to the agent at the Friday's
cutoff. The same book has the same bytes whenever and wherever it is made. Books
hold personal data.`,
		Example: `  bookledger export --data ./ledger --agent A100001 --out book.xlsx
  bookledger export --data ./ledger --all --friday 2026-11-20 --out ./books
  bookledger export --journal dump.ndjson --agency G200001 --out agency.xlsx`,
		RunE: func(cmd *cobra.Command, _ []string) error { return runExport(cmd.Context(), env, o) },
	}
	o.register(cmd.Flags())
	cmd.Flags().StringVar(&o.agent, "agent", "", "the book of this agent")
	cmd.Flags().StringVar(&o.agency, "agency", "", "the book that unites those of this agency's agents")
	cmd.Flags().BoolVar(&o.all, "all", false, "the books of all agents")
	cmd.Flags().StringVar(&o.friday, "friday", "latest", "as of this Friday's cutoff: a date, or latest")
	cmd.Flags().StringVar(&o.out, "out", "", "file to write, or with --all the folder (required)")
	cli.Require(cmd.Flags(), "out")
	cmd.Flags().BoolVar(&o.json, "json", false, "print one line of JSON for each book")
	return cmd
}

func runExport(ctx context.Context, env *cli.Environment, o exportOptions) error {
	chosen := 0
	for _, given := range [...]bool{o.agent != "", o.agency != "", o.all} {
		if given {
			chosen++
		}
	}
	if chosen != 1 {
		return cli.Usagef("give one of --agent, --agency and --all")
	}
	f, err := parseFriday(o.friday)
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
	say := func(w bookfiles.File) error {
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
			if err := say(w); err != nil {
				return err
			}
		}
		env.Messagef("%d books as of Friday %s written into %s", len(all), s.Week.Friday, o.out)
		return nil
	}
	made, err := s.Book(ctx, audit.Owner{Agent: o.agent, Agency: o.agency})
	if err != nil {
		return err
	}
	w, err := books.Write(ctx, made, o.out)
	if err != nil {
		return err
	}
	return say(w)
}
