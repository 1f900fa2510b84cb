package command

import (
	"fmt"

	"github.com/spf13/cobra"

	"bookledger/cmd/internal/cli"
	"bookledger/events"
	"bookledger/events/record"
)

func newValidate(env *cli.Environment) *cobra.Command {
	asJSON := false
	cmd := &cobra.Command{
		Use:   "validate FILE|-",
		Short: "Check events without publishing them",
		Long: `Check each line of an NDJSON file, or of standard input, as the ledger would: the
envelope, the subject, the type and the schema. Rules that depend on the state of
the ledger, such as a pending request, are not checked.`,
		Example: `  bookledger validate events.ndjson
  bookledger validate --json - < events.ndjson`,
		RunE: func(_ *cobra.Command, args []string) error { return runValidate(env, args[0], asJSON) },
	}
	cmd.Flags().BoolVar(&asJSON, "json", false, "print one JSON object per refused line")
	return cmd
}

func runValidate(env *cli.Environment, path string, asJSON bool) error {
	in, err := openInput(env, path)
	if err != nil {
		return err
	}
	defer in.Close()
	refused, valid := 0, 0
	bar := env.Progress("events checked", 0)
	l := lineChecker{invalid: func(f invalidLine) error {
		refused++
		if asJSON {
			return env.Encode(f)
		}
		_, err := fmt.Fprintln(env.Out, f)
		return err
	}}
	err = l.each(in, func(record.Line, *events.Event) error {
		valid++
		bar.Add(1)
		return nil
	})
	bar.Done()
	if err != nil {
		return err
	}
	env.Messagef("%d events are valid, %d are not", valid, refused)
	if refused > 0 {
		return fmt.Errorf("%d of %d lines would be rejected", refused, valid+refused)
	}
	return nil
}
