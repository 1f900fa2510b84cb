package command

import (
	"context"
	"errors"
	"fmt"
	"io"

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
		RunE:    func(cmd *cobra.Command, _ []string) error { return runChangeKey(cmd.Context(), env, data) },
	}
	change.Flags().StringVar(&data, "data", "", "folder of the ledger of a stopped daemon (required)")
	cli.Require(change.Flags(), "data")
	return change
}

func runChangeKey(ctx context.Context, env *cli.Environment, data string) (err error) {
	d, err := openData(ctx, env, node.Options{Dir: data})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, d.close()) }()
	keys, err := d.Keys()
	if err != nil {
		return err
	}
	if err := d.checkSeals(); err != nil {
		return err
	}
	vkey, seq, err := d.node.ChangeKey(ctx, keys)
	if err != nil {
		return cli.RefuseIf(err, node.ErrNoKey)
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
		RunE: func(cmd *cobra.Command, _ []string) error { return runHeads(cmd.Context(), env, data, friday, add) },
	}
	heads.Flags().StringVar(&data, "data", "", "folder of the ledger of a stopped daemon (required)")
	heads.Flags().StringVar(&friday, "friday", "latest", "whose seal: a date like 2026-11-20, or latest")
	heads.Flags().StringVar(&add, "add", "", "file of a signed head to record, - for standard input")
	cli.Require(heads.Flags(), "data")
	return heads
}

// maxHead bounds a file that is to hold a signed head.
const maxHead = 1 << 20

func runHeads(ctx context.Context, env *cli.Environment, data, friday, add string) (err error) {
	f, err := parseFriday(friday)
	if err != nil {
		return err
	}
	d, err := openData(ctx, env, node.Options{Dir: data})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, d.close()) }()
	c, err := d.Checkpoint(f)
	if err != nil {
		return err
	}
	f = c.Friday
	if err := d.checkSeals(); err != nil {
		return err
	}
	if add != "" {
		in, err := openInput(env, add)
		if err != nil {
			return err
		}
		signed, err := io.ReadAll(io.LimitReader(in, maxHead))
		if err = errors.Join(err, in.Close()); err != nil {
			return err
		}
		if err := d.node.OfflineSealer().AddSignature(ctx, f, signed); err != nil {
			return cli.RefuseIf(err, checkpoint.ErrForeignHead)
		}
		fmt.Fprintf(env.Err, "recorded beside the seal of Friday %s\n", f)
		return nil
	}
	_, signatures, sealed, err := d.Seal(f)
	if err == nil && !sealed {
		err = fmt.Errorf("reading the signatures of Friday %s: it is not sealed", f)
	}
	if err != nil {
		return err
	}
	if len(signatures) == 0 {
		env.Messagef("Friday %s is sealed but not signed; run the daemon on the node that has seal.key", f)
	}
	for i, one := range signatures {
		if i > 0 {
			fmt.Fprintln(env.Out) // each ends in a newline
		}
		fmt.Fprint(env.Out, one.Note)
	}
	return nil
}

// checkSeals returns cli.ErrRefused where the journal was found not to be the
// one that was applied, sealed and signed.
func (d *dataReader) checkSeals() error {
	return errors.Join(d.checkIntegrity(), cli.RefuseIf(d.node.CompareSeals(), checkpoint.ErrSealMismatch))
}
