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
		Short: "Check events against the schemas without publishing them",
		Long: `Check each line of an NDJSON file, or of standard input, as the ledger would:
the envelope, the subject, the type and its schema. What depends on the ledger's
state, such as a request that must be pending, is not checked.`,
		Example: `  bookledger validate events.ndjson
  bookledger validate --json - < events.ndjson`,
		Args: cobra.ExactArgs(1),
		RunE: func(_ *cobra.Command, args []string) error { return runValidate(env, args[0], asJSON) },
	}
	cmd.Flags().BoolVar(&asJSON, "json", false, "print each refused line as JSON")
	return cmd
}

func runValidate(env *cli.Environment, path string, asJSON bool) error {
	in, err := openInput(env, path)
	if err != nil {
		return err
	}
	defer in.Close()
	refused, good := 0, 0
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
		good++
		bar.Add(1)
		return nil
	})
	bar.Done()
	if err != nil {
		return err
	}
	env.Messagef("%d events are valid, %d are not", good, refused)
	if refused > 0 {
		return fmt.Errorf("%d of %d lines would be rejected", refused, good+refused)
	}
	return nil
}
