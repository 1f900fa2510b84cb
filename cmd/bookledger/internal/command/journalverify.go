package command

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"bookledger/cmd/internal/cli"
	"bookledger/cmd/internal/node"
	"bookledger/projections"
)

func newJournalVerify(env *cli.Environment) *cobra.Command {
	var data string
	var asJSON bool
	verify := &cobra.Command{
		Use:   "verify",
		Short: "Check the journal for integrity violations",
		Long: `Compare every record of the journal with the Merkle tree that the ledger built when
it applied the records. If a record was changed, removed, inserted or swapped, the
command names the first one, and the exit code is 3. The data folder then records
the integrity violation: no book can be exported until this command or a daemon
finds the whole journal intact. Records that are not applied yet are only counted.

The command also compares the seals and the tree heads that the ledger's keys
signed. A running daemon does the same at startup and once a day. A change of
journal, tree and signatures together is detected only by auditors who have kept a
signed tree head or an evidence bundle.`,
		Example: "  bookledger journal verify --data ./ledger",
		RunE:    func(cmd *cobra.Command, _ []string) error { return runJournalVerify(cmd.Context(), env, data, asJSON) },
	}
	verify.Flags().StringVar(&data, "data", "", "data `folder` of a stopped ledger (required)")
	cli.Require(verify.Flags(), "data")
	cli.SuggestFlag(verify, "data")
	verify.Flags().BoolVar(&asJSON, "json", false, "print one JSON object")
	return verify
}

// journalResult is the result of a comparison of the journal with what was applied.
type journalResult struct {
	Verified  bool                       `json:"verified"`
	Records   uint64                     `json:"records"`   // that match, from the first on
	TreeRoot  string                     `json:"tree_root"` // of these records
	Unapplied uint64                     `json:"unapplied"` // records that are not in the tree yet
	Seq       uint64                     `json:"seq,omitzero"`
	Kind      projections.DifferenceKind `json:"kind,omitzero"`
}

func runJournalVerify(ctx context.Context, env *cli.Environment, data string, asJSON bool) (err error) {
	n, err := openNode(ctx, env, node.Options{Dir: data})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, n.Close()) }()
	last, err := n.Journal.Last(ctx)
	if err != nil {
		return err
	}
	applied := n.Projection.Position()
	if applied == 0 {
		return fmt.Errorf("verifying the journal: no record is applied yet, so there is no tree to compare it with; run \"bookledger status --data %s\" first", data)
	}
	bar := env.Progress("records compared", int64(min(last, applied)))
	result := journalResult{Unapplied: last - min(last, applied)}
	var violation error
	result.Records, violation = n.Compare(ctx, 0, func(_ context.Context, count int) error {
		bar.Add(count)
		return nil
	})
	bar.Done()
	switch {
	case violation == nil:
		result.Verified = true
		if result.TreeRoot, err = treeRoot(n.Projection, result.Records); err == nil {
			err = n.SaveViolation("")
		}
	case node.IsViolation(violation):
		if d, ok := errors.AsType[*projections.Difference](violation); ok {
			result.Seq, result.Kind = d.Seq, d.Kind
		}
		err = n.SaveViolation(violation.Error())
	default:
		err = violation
	}
	if err == nil && asJSON {
		err = env.Encode(result)
	}
	switch {
	case err != nil:
		return err
	case violation != nil:
		return fmt.Errorf("%w: the journal does not verify; its first %d records match what was applied: %w", cli.ErrRefused, result.Records, violation)
	case !asJSON:
		fmt.Fprintf(env.Out, "All %d records match what was applied. Tree root: %s\n", result.Records, result.TreeRoot)
		if result.Unapplied > 0 {
			fmt.Fprintf(env.Out, "%d later records are not applied yet and were not compared.\n", result.Unapplied)
		}
	}
	return nil
}

// treeRoot returns the root of the tree of the first size records, in hex.
func treeRoot(p *projections.Projection, size uint64) (string, error) {
	v, err := p.View()
	if err != nil {
		return "", err
	}
	root, err := v.TreeRoot(size)
	return hex.EncodeToString(root[:]), errors.Join(err, v.Close())
}
