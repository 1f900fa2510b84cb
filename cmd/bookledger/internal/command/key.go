package command

import (
	"context"
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"bookledger/cmd/bookledger/internal/ledger"
)

func newChangeKey(env *environment) *cobra.Command {
	var data string
	change := &cobra.Command{
		Use:   "change-key",
		Short: "Hand the signing of seals over to a new key",
		Long: `Make a new key of the seals. The present key hands over to it in the journal, in
a note that it signs, so that whoever knows the key of genesis can follow. Seals
that were signed before stay as they are. The new key is written to stdout as
auditors want it; the private half stays in the folder, as seal.key.`,
		Example: "  bookledger journal change-key --data ./ledger",
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if data == "" {
				return usagef("--data is required")
			}
			return runChangeKey(cmd.Context(), env, data)
		},
	}
	change.Flags().StringVar(&data, "data", "", "folder of the ledger of a stopped daemon (required)")
	return change
}

func runChangeKey(ctx context.Context, env *environment, data string) (err error) {
	l, v, err := openData(ctx, env, ledger.Options{Dir: data})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, l.Close()) }()
	keys, err := v.Keys()
	if err = errors.Join(err, v.Close()); err != nil {
		return err
	}
	vkey, seq, err := l.ChangeKey(ctx, keys)
	if errors.Is(err, ledger.ErrNoKey) {
		err = fmt.Errorf("%w: %w", errRefused, err)
	}
	if err != nil {
		return err
	}
	fmt.Fprintln(env.out, vkey)
	fmt.Fprintf(env.err, "record %d hands over to it\n", seq)
	return nil
}
