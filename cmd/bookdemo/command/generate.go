package command

import (
	"bufio"
	"time"

	"github.com/spf13/cobra"

	"bookledger/cmd/bookdemo/synthetic"
	"bookledger/cmd/internal/cli"
)

func newGenerate(env *cli.Environment) *cobra.Command {
	var c synthetic.Config
	var until string
	cmd := &cobra.Command{
		Use:   "generate",
		Short: "Generate a made-up but realistic history",
		Long: `Generate the history of made-up agents and consumers as NDJSON, in the order of
recorded time. You can load it as history, publish it, or replay it with
--journal. The same flags give the same history.`,
		Example: `  bookdemo generate --agents 10 --consumers 1000 --weeks 5 --seed 1 --until 2026-11-21 > past.ndjson
  bookledger history load past.ndjson --data ./ledger --close`,
		RunE: func(cmd *cobra.Command, _ []string) (err error) {
			if c.Until, err = parseUntil(env, until); err != nil {
				return err
			}
			if err := c.Check(); err != nil {
				return cli.Usagef("%v", err)
			}
			out := bufio.NewWriterSize(env.Out, 1<<20)
			bar := env.Progress("events written", 0)
			defer bar.Done()
			var line []byte
			for item := range c.Generate() {
				if err := cmd.Context().Err(); err != nil {
					return err
				}
				if line, err = item.AppendLine(line[:0]); err != nil {
					return err
				}
				if _, err := out.Write(line); err != nil {
					return err
				}
				bar.Add(1)
			}
			return out.Flush()
		},
	}
	cmd.Flags().IntVar(&c.Agents, "agents", 12, "number of agents")
	cmd.Flags().IntVar(&c.Consumers, "consumers", 6000, "number of cases")
	cmd.Flags().IntVar(&c.Weeks, "weeks", 6, "number of Fridays with books")
	cmd.Flags().Uint64Var(&c.Seed, "seed", 1, "seed of the made-up data")
	cmd.Flags().StringVar(&until, "until", "", "end of history: a time or a date (default now)")
	return cmd
}

// parseUntil parses --until. If it is blank, history ends now.
func parseUntil(env *cli.Environment, s string) (time.Time, error) {
	if s == "" {
		return env.Now().UTC().Truncate(time.Second), nil
	}
	return cli.ParseTime("until", s)
}
