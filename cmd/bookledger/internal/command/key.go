package command

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/spf13/cobra"

	"bookledger/cmd/internal/cli"
	"bookledger/cmd/internal/node"
	"bookledger/projections/checkpoint"
)

func newChangeKey(env *cli.Environment) *cobra.Command {
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
				return cli.Usagef("--data is required")
			}
			return runChangeKey(cmd.Context(), env, data)
		},
	}
	change.Flags().StringVar(&data, "data", "", "folder of the ledger of a stopped daemon (required)")
	return change
}

func runChangeKey(ctx context.Context, env *cli.Environment, data string) (err error) {
	l, v, err := openData(ctx, env, node.Options{Dir: data})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, l.Close()) }()
	keys, err := v.Keys()
	if err = errors.Join(err, v.Close()); err != nil {
		return err
	}
	if err := errors.Join(cli.RefuseViolated(l), refuseDiffering(l)); err != nil {
		return err
	}
	vkey, seq, err := l.ChangeKey(ctx, keys)
	if errors.Is(err, node.ErrNoKey) {
		err = fmt.Errorf("%w: %w", cli.ErrRefused, err)
	}
	if err != nil {
		return err
	}
	fmt.Fprintln(env.Out, vkey)
	fmt.Fprintf(env.Err, "record %d hands over to it\n", seq)
	return nil
}

func newHeads(env *cli.Environment) *cobra.Command {
	var data, friday, add string
	heads := &cobra.Command{
		Use:   "heads",
		Short: "Show the signed heads over a Friday's seal, or add a witness's",
		Long: `Write the signed heads of the journal's tree that hold the seal of a Friday, as
C2SP checkpoints: what a witness signs. With --add the head that a witness or
another node has signed is recorded beside them; it must be a head of this very
ledger. Whose signature it is, is for those to check who know the key.`,
		Example: `  bookledger journal heads --data ./ledger > head.txt
  bookledger journal heads --data ./ledger --friday 2026-11-20 --add witnessed.txt`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if data == "" {
				return cli.Usagef("--data is required")
			}
			return runHeads(cmd.Context(), env, data, friday, add)
		},
	}
	heads.Flags().StringVar(&data, "data", "", "folder of the ledger of a stopped daemon (required)")
	heads.Flags().StringVar(&friday, "friday", "latest", "whose seal: a date like 2026-11-20, or latest")
	heads.Flags().StringVar(&add, "add", "", "file of a signed head to record, - for standard input")
	return heads
}

func runHeads(ctx context.Context, env *cli.Environment, data, friday, add string) (err error) {
	f, err := parseFriday(friday)
	if err != nil {
		return err
	}
	l, v, err := openData(ctx, env, node.Options{Dir: data})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, v.Close(), l.Close()) }()
	s, err := (&dataReading{l, v}).asOf(ctx, f)
	if err != nil {
		return err
	}
	f = s.friday.Friday
	if err := errors.Join(cli.RefuseViolated(l), refuseDiffering(l)); err != nil {
		return err
	}
	if add != "" {
		signed, err := readAll(env, add)
		if err != nil {
			return err
		}
		err = l.SealerOfStopped().Witness(ctx, f, signed)
		if errors.Is(err, checkpoint.ErrOtherHead) {
			err = fmt.Errorf("%w: %w", cli.ErrRefused, err)
		}
		if err != nil {
			return err
		}
		fmt.Fprintf(env.Err, "recorded beside the seal of Friday %s\n", f)
		return nil
	}
	_, signatures, sealed, err := v.Seal(f)
	if err == nil && !sealed {
		err = fmt.Errorf("reading the signatures of Friday %s: it is not sealed", f)
	}
	if err != nil {
		return err
	}
	if len(signatures) == 0 {
		env.Sayf("Friday %s is sealed, and nobody has signed: the ledger's key is not in this folder", f)
	}
	for i, one := range signatures {
		if i > 0 {
			fmt.Fprintln(env.Out) // each ends in a newline
		}
		fmt.Fprint(env.Out, one.Note)
	}
	return nil
}

// refuseDiffering refuses to go on with a journal that is not the one that was
// sealed and signed.
func refuseDiffering(l *node.Node) error {
	err := l.CompareSeals()
	if errors.Is(err, checkpoint.ErrDiffers) {
		err = fmt.Errorf("%w: %w", cli.ErrRefused, err)
	}
	return err
}

// maxHead bounds a file that is to hold a signed head.
const maxHead = 1 << 20

func readAll(env *cli.Environment, path string) ([]byte, error) {
	if path == "-" {
		return io.ReadAll(io.LimitReader(env.In, maxHead))
	}
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return io.ReadAll(io.LimitReader(f, maxHead))
}
