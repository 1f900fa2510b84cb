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
		Short: "Change the key that signs seals",
		Long: `Create a new seal key and record it in the journal. The current key signs that
record, so anyone who knows the key in genesis can verify the new one. Earlier
seals keep their signatures. The command prints the new public key for auditors.
The private key stays in the data folder, in the file seal.key.`,
		Example: "  bookledger journal change-key --data ./ledger",
		RunE:    func(cmd *cobra.Command, _ []string) error { return runChangeKey(cmd.Context(), env, data) },
	}
	change.Flags().StringVar(&data, "data", "", "data `folder` of a stopped ledger (required)")
	cli.Require(change.Flags(), "data")
	cli.SuggestFlag(change, "data")
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
	env.Messagef("recorded as the new seal key in record %d", seq)
	return nil
}

func newHeads(env *cli.Environment) *cobra.Command {
	var data, friday, add string
	heads := &cobra.Command{
		Use:   "heads",
		Short: "Show the signed tree heads of a Friday, or add one from a witness",
		Long: `Write the signed tree heads that include the seal of a Friday, as C2SP checkpoints
that a witness can sign.

With --add, record a tree head that a witness or another node has signed. It must
be a tree head of this ledger. The command does not check the signature: only
those who know the witness's key can.`,
		Example: `  bookledger journal heads --data ./ledger > head.txt
  bookledger journal heads --data ./ledger --friday 2026-11-20 --add witnessed.txt`,
		RunE: func(cmd *cobra.Command, _ []string) error { return runHeads(cmd.Context(), env, data, friday, add) },
	}
	heads.Flags().StringVar(&data, "data", "", "data `folder` of a stopped ledger (required)")
	heads.Flags().StringVar(&friday, "friday", "latest", "the Friday of the seal: a `date` or latest")
	heads.Flags().StringVar(&add, "add", "", "record the signed tree head in this `file`, or - for standard input")
	cli.Require(heads.Flags(), "data")
	cli.SuggestFlag(heads, "data")
	return heads
}

// maxHead is the maximum size of a signed tree head in bytes.
const maxHead = 1 << 20

func runHeads(ctx context.Context, env *cli.Environment, data, friday, add string) (err error) {
	f, err := parseFriday("friday", friday)
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
		env.Messagef("added to the seal of Friday %s", f)
		return nil
	}
	_, signatures, sealed, err := d.Seal(f)
	if err == nil && !sealed {
		err = fmt.Errorf("reading the tree heads of Friday %s: the Friday is not sealed", f)
	}
	if err != nil {
		return err
	}
	if len(signatures) == 0 {
		env.Messagef("Friday %s is sealed but not signed: run the daemon on the node that has seal.key", f)
	}
	for i, signature := range signatures {
		if i > 0 {
			fmt.Fprintln(env.Out) // a blank line, since each ends in a newline
		}
		fmt.Fprint(env.Out, signature.Note)
	}
	return nil
}

// checkSeals returns cli.ErrRefused if the folder records an integrity violation or a
// seal or signature does not match the journal.
func (d *dataReader) checkSeals() error {
	return errors.Join(d.checkIntegrity(), cli.RefuseIf(d.node.CompareSeals(), checkpoint.ErrSealMismatch))
}
