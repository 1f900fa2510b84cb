package command

import (
	"fmt"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"bookledger/cmd/internal/cli"
	"bookledger/projections"
)

// newInspection returns a command that reads a ledger and shows one aspect of it, as
// text or as JSON.
func newInspection(env *cli.Environment, use, short, long string, run func(r ledgerReader, asJSON bool) error) *cobra.Command {
	var from ledgerFlags
	asJSON := false
	cmd := &cobra.Command{
		Use:   use,
		Short: short,
		Long:  long,
		Example: fmt.Sprintf(`  bookledger %s --data ./ledger
  bookledger %s --journal dump.ndjson --json`, use, use),
		RunE: func(cmd *cobra.Command, _ []string) error {
			r, err := from.open(cmd.Context(), env)
			if err != nil {
				return err
			}
			defer r.close()
			return run(r, asJSON)
		},
	}
	from.register(cmd.Flags())
	cmd.Flags().BoolVar(&asJSON, "json", false, "print one JSON object per line")
	cli.SuggestFlag(cmd, "data")
	return cmd
}

func newFridays(env *cli.Environment) *cobra.Command {
	return newInspection(env, "fridays", "Show every past Friday: cutoff, boundary and counts",
		`Show the checkpoint of every past Friday: its cutoff, its boundary (the last
record at or before the cutoff), the number of cases and rows in all its books, and
whether it is sealed. A Friday is past once a record follows its cutoff.`,
		func(r ledgerReader, asJSON bool) error {
			fridays, err := r.Checkpoints()
			if err != nil {
				return err
			}
			if asJSON {
				return encodeAll(env, fridays)
			}
			if len(fridays) == 0 {
				env.Messagef("no cutoff has passed yet, so there are no books")
				return nil
			}
			out := tabwriter.NewWriter(env.Out, 0, 0, 2, ' ', 0)
			fmt.Fprintln(out, "FRIDAY\tCUTOFF\tBOUNDARY\tCASES\tROWS\tSEALED")
			for _, f := range fridays {
				sealed := "no"
				if f.Sealed {
					sealed = "yes"
				}
				fmt.Fprintf(out, "%s\t%s\t%d\t%d\t%d\t%s\n", f.Friday, cli.FormatPacific(f.Cutoff), f.Boundary, f.Cases, f.Rows, sealed)
			}
			return out.Flush()
		})
}

func newRejected(env *cli.Environment) *cobra.Command {
	return newInspection(env, "rejected", "Show the rejected events",
		`Show every rejected event: its sequence, rejection code, field and reason. Values
of the event are never shown. A corrected event needs a new id.`,
		func(r ledgerReader, asJSON bool) error {
			if asJSON {
				return r.EachRejected(func(e projections.RejectedEvent) error { return env.Encode(e) })
			}
			out := tabwriter.NewWriter(env.Out, 0, 0, 2, ' ', 0)
			n := 0
			err := r.EachRejected(func(e projections.RejectedEvent) error {
				if n++; n == 1 {
					fmt.Fprintln(out, "SEQ\tRECORDED\tSUBJECT\tID\tCODE\tFIELD\tREASON")
				}
				_, err := fmt.Fprintf(out, "%d\t%s\t%q\t%q\t%s\t%s\t%s\n", e.Seq, formatTime(e.Recorded), e.Subject, e.ID, e.Code, e.Field, e.Reason)
				return err
			})
			if err != nil {
				return err
			}
			if n == 0 {
				env.Messagef("no event was rejected")
			}
			return out.Flush()
		})
}

func newStatus(env *cli.Environment) *cobra.Command {
	return newInspection(env, "status", "Show the ledger status: position, counts, state hash and public key",
		`Show the ledger status: the position, the numbers of applied, duplicate and
rejected records, the numbers of known cases and agents, the Friday of the open
week, and the state hash. Everyone who has applied the same records has the same
state hash.

The text also shows the ledger's first public key, from genesis. Auditors need it
for "bookaudit verify --key".`,
		func(r ledgerReader, asJSON bool) error {
			s, err := r.Status()
			if err != nil {
				return err
			}
			if asJSON {
				return env.Encode(s)
			}
			out := tabwriter.NewWriter(env.Out, 0, 0, 2, ' ', 0)
			fmt.Fprintf(out, "Position\t%d\nApplied\t%d\nDuplicates\t%d\nRejected\t%d\nCases\t%d\nAgents\t%d\nOpen Friday\t%s\nState hash\t%s\n",
				s.Position, s.Applied, s.Duplicates, s.Rejected, s.Cases, s.Agents, s.OpenFriday, s.StateHash)
			if r.LedgerID() != "" { // a history file has no genesis
				keys, err := r.Keys()
				if err != nil {
					return err
				}
				fmt.Fprintf(out, "Public key\t%s\n", keys.TextsUntil(1)[0])
			}
			return out.Flush()
		})
}

// encodeAll writes each item as one line of JSON.
func encodeAll[T any](env *cli.Environment, items []T) error {
	for _, item := range items {
		if err := env.Encode(item); err != nil {
			return err
		}
	}
	return nil
}
