package command

import (
	"context"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"bookledger/cmd/bookledger/internal/ledger"
	"bookledger/cmd/bookledger/internal/progress"
	"bookledger/projections"
)

func newVerify(env *environment) *cobra.Command {
	var data string
	var asJSON bool
	verify := &cobra.Command{
		Use:   "verify",
		Short: "Compare the whole journal with what was applied",
		Long: `Compare every record of the journal with the Merkle tree that was made of it
when it was applied. The first record that was changed, is missing, was inserted
or swapped with the next one is named, and the exit code is 3. The folder keeps
that: until the whole is found to be as it was, by this command or by a daemon,
no book leaves it. Records that no daemon has applied yet are in no tree; they
are counted.

So are the heads of the tree that the ledger's key has signed with past seals.

A running daemon does the same at its start and the comparison once a day. Whoever
could change journal, tree and signatures alike is found out by auditors who have
kept a signed head or a bundle of evidence.`,
		Example: "  bookledger journal verify --data ./ledger",
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if data == "" {
				return usagef("--data is required")
			}
			return runVerify(cmd.Context(), env, data, asJSON)
		},
	}
	verify.Flags().StringVar(&data, "data", "", "folder of the ledger of a stopped daemon (required)")
	verify.Flags().BoolVar(&asJSON, "json", false, "write JSON")
	return verify
}

// verified is what a comparison of the journal has found.
type verified struct {
	Verified  bool             `json:"verified"`
	Records   uint64           `json:"records"`   // as they were applied
	TreeRoot  string           `json:"tree_root"` // of those
	Unapplied uint64           `json:"unapplied"` // records that are in no tree yet
	Seq       uint64           `json:"seq,omitzero"`
	Kind      projections.Kind `json:"kind,omitzero"`
}

func runVerify(ctx context.Context, env *environment, data string, asJSON bool) (err error) {
	log, err := env.quietLogger()
	if err != nil {
		return err
	}
	l, err := ledger.Open(ctx, ledger.Options{Dir: data, Log: log})
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
	bar := progress.New(env.err, "records compared", int64(min(last, applied)))
	found := verified{Unapplied: last - min(last, applied)}
	var wrong error
	found.Records, wrong = l.Compare(ctx, 0, func(_ context.Context, n int) error {
		bar.Add(n)
		return nil
	})
	bar.Done()
	if wrong == nil {
		wrong = stillSealer(l).Compare()
	}
	d, differs := errors.AsType[*projections.Difference](wrong)
	if wrong != nil && !ledger.IsUnsound(wrong) {
		return wrong
	}
	if err := keepFinding(l, wrong); err != nil {
		return err
	}
	if found.Verified = wrong == nil; differs {
		found.Seq, found.Kind = d.Seq, d.Kind
	}
	if wrong == nil {
		if found.TreeRoot, err = rootOf(l.Projection, found.Records); err != nil {
			return err
		}
	}
	return env.tellVerified(found, wrong, asJSON)
}

// keepFinding has the folder keep how its journal differs, or that it does not.
func keepFinding(l *ledger.Ledger, wrong error) error {
	if wrong == nil {
		return l.KeepFinding("")
	}
	return l.KeepFinding(wrong.Error())
}

// refuseUnsound refuses to let a book leave a folder whose journal was found to
// differ from what was applied, or to have a key handed over or a head recorded
// there.
func refuseUnsound(l *ledger.Ledger) error {
	found, err := l.Finding()
	if err == nil && found != "" {
		err = fmt.Errorf("%w: no book leaves this folder, and nothing is signed there, while its journal is not what was applied: %s; keep it as it is, compare it with a backup and with other nodes, and run journal verify once it is mended", errRefused, found)
	}
	return err
}

func rootOf(p *projections.Projection, size uint64) (string, error) {
	v, err := p.View()
	if err != nil {
		return "", err
	}
	root, err := v.TreeRoot(size)
	return hex.EncodeToString(root[:]), errors.Join(err, v.Close())
}

// tellVerified writes what was found, and returns a refusal where it does not
// verify.
func (env *environment) tellVerified(found verified, wrong error, asJSON bool) error {
	if asJSON {
		if err := json.NewEncoder(env.out).Encode(found); err != nil {
			return err
		}
	} else if wrong == nil {
		fmt.Fprintf(env.out, "All %d records are as they were applied. Root of their tree: %s\n", found.Records, found.TreeRoot)
		if found.Unapplied > 0 {
			fmt.Fprintf(env.out, "%d records after them were not applied yet, and so compared with nothing.\n", found.Unapplied)
		}
	}
	if wrong != nil {
		return fmt.Errorf("%w: the journal does not verify; as it was applied are its first %d records: %w", errRefused, found.Records, wrong)
	}
	return nil
}
