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
		Short: "Make a made-up but realistic history",
		Long: `Write the history of a made-up world of agents and consumers as NDJSON, in the
order of recorded time: to be loaded as history, published, or replayed as it
is. The same flags give the same world.`,
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
	cmd.Flags().IntVar(&c.Consumers, "consumers", 6000, "number of consumers' cases")
	cmd.Flags().IntVar(&c.Weeks, "weeks", 6, "number of Fridays that have books")
	cmd.Flags().Uint64Var(&c.Seed, "seed", 1, "which of the worlds of this size")
	cmd.Flags().StringVar(&until, "until", "", "when history ends: a time or a date (default now)")
	return cmd
}

// parseUntil reads --until; history ends now where it is not given.
func parseUntil(env *cli.Environment, s string) (time.Time, error) {
	if s == "" {
		return env.Now().UTC().Truncate(time.Second), nil
	}
	return cli.ParseTime("until", s)
}
