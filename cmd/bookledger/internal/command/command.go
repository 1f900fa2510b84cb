package command

import (
	"context"
	"io"

	"github.com/spf13/cobra"

	"bookledger/cmd/internal/cli"
	"bookledger/projections/replay"
)

// Run runs bookledger and returns its exit code.
func Run(ctx context.Context, args []string, in io.Reader, out, errs io.Writer) int {
	return cli.Run(ctx, newRoot, args, in, out, errs)
}

func newRoot(env *cli.Environment) *cobra.Command {
	env.Refusals = []error{replay.ErrUnverified}
	root := &cobra.Command{
		Use:   "bookledger",
		Short: "Keep an event-sourced ledger of consumers and export weekly Books of Business",
		Long: `bookledger keeps an event-sourced ledger of health-insurance consumers and their
delegation to agents. From the ledger it exports each agent's Book of Business: an
Excel workbook with all consumers delegated to the agent as of last Friday,
9 p.m. Pacific. The same book always has the same bytes.

Each flag can also be set by an environment variable (--nats-listen by
BOOKLEDGER_NATS_LISTEN) or in a YAML file (--config FILE, nats-listen: …). The
flag wins over the variable, and the variable over the file.

Exit codes: 0 done, 1 failed, 2 wrong usage, 3 refused or does not verify.`,
		Example: `  bookledger serve --data /var/lib/bookledger
  bookledger export --data ./ledger --agent A100001 --out book.xlsx`,
	}
	root.AddCommand(
		newServe(env), newPublish(env), newValidate(env), newHistory(env), newJournal(env),
		newActive(env), newExport(env), newFridays(env), newRejected(env), newStatus(env),
		newExplain(env), newDiff(env), newExports(env), newEvidence(env), newVerifyBook(env), newVersion(env),
		newMoved("demo", "go run ./cmd/bookdemo"), newMoved("generate", "go run ./cmd/bookdemo generate"),
	)
	return root
}

// newMoved returns a hidden command that names the program to which a command has
// moved.
func newMoved(name, to string) *cobra.Command {
	return &cobra.Command{
		Use:                name,
		Hidden:             true,
		DisableFlagParsing: true,
		Args:               cobra.ArbitraryArgs,
		RunE: func(*cobra.Command, []string) error {
			return cli.Usagef("the command %s has moved: use \"%s\" with the same flags", name, to)
		},
	}
}
