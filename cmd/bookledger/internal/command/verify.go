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
		Short: "Compare the whole journal with what was applied",
		Long: `Compare every record of the journal with the Merkle tree that was made of it
when it was applied. The first record that was changed, is missing, was inserted
or swapped with the next one is named, and the exit code is 3. The folder keeps
that: until the whole is found to be as it was, by this command or by a daemon,
no book leaves it. Records that are not applied yet are only counted.

The command also compares every tree head that the ledger's key signed with a past
seal. A running daemon makes the same comparison at startup and once a day. Whoever
could change journal, tree and signatures alike is found out by auditors who have
kept a signed head or a bundle of evidence.`,
		Example: "  bookledger journal verify --data ./ledger",
		RunE:    func(cmd *cobra.Command, _ []string) error { return runJournalVerify(cmd.Context(), env, data, asJSON) },
	}
	verify.Flags().StringVar(&data, "data", "", "folder of the ledger of a stopped daemon (required)")
	cli.Require(verify.Flags(), "data")
	verify.Flags().BoolVar(&asJSON, "json", false, "write JSON")
	return verify
}

// journalResult is what a comparison of the journal has found.
type journalResult struct {
	Verified  bool                       `json:"verified"`
	Records   uint64                     `json:"records"`   // as they were applied
	TreeRoot  string                     `json:"tree_root"` // of those
	Unapplied uint64                     `json:"unapplied"` // records that are in no tree yet
	Seq       uint64                     `json:"seq,omitzero"`
	Kind      projections.DifferenceKind `json:"kind,omitzero"`
}

func runJournalVerify(ctx context.Context, env *cli.Environment, data string, asJSON bool) (err error) {
	l, err := openNode(ctx, env, node.Options{Dir: data})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, l.Close()) }()
	last, err := l.Journal.Last(ctx)
	if err != nil {
		return err
	}
	applied := l.Projection.Position()
	if applied == 0 {
		return fmt.Errorf("verifying the journal: nothing of it was applied, so that there is no tree to compare it with; run the daemon or any command with --data %s first", data)
	}
	bar := env.Progress("records compared", int64(min(last, applied)))
	found := journalResult{Unapplied: last - min(last, applied)}
	var wrong error
	found.Records, wrong = l.Compare(ctx, 0, func(_ context.Context, n int) error {
		bar.Add(n)
		return nil
	})
	bar.Done()
	switch {
	case wrong == nil:
		found.Verified = true
		if found.TreeRoot, err = treeRoot(l.Projection, found.Records); err == nil {
			err = l.SaveViolation("")
		}
	case node.IsViolation(wrong):
		if d, ok := errors.AsType[*projections.Difference](wrong); ok {
			found.Seq, found.Kind = d.Seq, d.Kind
		}
		err = l.SaveViolation(wrong.Error())
	default:
		err = wrong
	}
	if err == nil && asJSON {
		err = env.Encode(found)
	}
	switch {
	case err != nil:
		return err
	case wrong != nil:
		return fmt.Errorf("%w: the journal does not verify; as it was applied are its first %d records: %w", cli.ErrRefused, found.Records, wrong)
	case !asJSON:
		fmt.Fprintf(env.Out, "All %d records are as they were applied. Root of their tree: %s\n", found.Records, found.TreeRoot)
		if found.Unapplied > 0 {
			fmt.Fprintf(env.Out, "%d records after them were not applied yet, and so compared with nothing.\n", found.Unapplied)
		}
	}
	return nil
}

func treeRoot(p *projections.Projection, size uint64) (string, error) {
	v, err := p.View()
	if err != nil {
		return "", err
	}
	root, err := v.TreeRoot(size)
	return hex.EncodeToString(root[:]), errors.Join(err, v.Close())
}
