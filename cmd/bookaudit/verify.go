package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"runtime/debug"
	"strings"

	"github.com/spf13/cobra"
	"golang.org/x/mod/sumdb/note"

	"bookledger/exporter/proof"
)

// The exit codes.
const (
	exitVerified = 0
	exitFailed   = 1
	exitUsage    = 2
	exitDiffers  = 3
)

// errUsage is returned when the program was not called as its help says.
var errUsage = errors.New("wrong usage")

// run runs the program and returns its exit code.
func run(ctx context.Context, args []string, out, errs io.Writer) int {
	root := newRoot(out)
	root.SetArgs(args)
	root.SetOut(out)
	root.SetErr(errs)
	err := root.ExecuteContext(ctx)
	if err != nil {
		fmt.Fprintf(errs, "bookaudit: %v\n", err)
	}
	switch {
	case err == nil:
		return exitVerified
	case errors.Is(err, errUsage):
		return exitUsage
	case errors.Is(err, proof.ErrMismatch):
		return exitDiffers
	}
	return exitFailed
}

func newRoot(out io.Writer) *cobra.Command {
	root := &cobra.Command{
		Use:   "bookaudit",
		Short: "Check evidence about Books of Business, offline",
		Long: `bookaudit checks the folders that "bookledger evidence" writes. It needs no
ledger, no server and no network, and trusts nothing in such a folder but what
it has checked.

Exit codes: 0 verified, 1 could not be read, 2 wrong usage, 3 does not verify:
whatever is wrong with the contents of a folder, down to a missing bundle.json.`,
		Example:       "  bookaudit verify ./evidence --key 'bookledger/…+…+…'",
		Version:       version(),
		SilenceUsage:  true,
		SilenceErrors: true,
		Args:          usage(cobra.NoArgs),
		RunE:          func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	root.SetFlagErrorFunc(func(_ *cobra.Command, err error) error { return fmt.Errorf("%w: %w", errUsage, err) })
	root.AddCommand(newVerify(out))
	return root
}

func usage(check cobra.PositionalArgs) cobra.PositionalArgs {
	return func(cmd *cobra.Command, args []string) error {
		if err := check(cmd, args); err != nil {
			return fmt.Errorf("%w: %w; see %s --help", errUsage, err, cmd.CommandPath())
		}
		return nil
	}
}

func version() string {
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return "unknown"
	}
	v := info.Main.Version
	for _, s := range info.Settings {
		if s.Key == "vcs.revision" {
			v += " (revision " + s.Value + ")"
		}
	}
	return v
}

func newVerify(out io.Writer) *cobra.Command {
	var key, head string
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "verify BUNDLE",
		Short: "Check a bundle of evidence",
		Long: `Check a bundle of evidence, and say in plain words what was checked and what is
not proven by it. A bundle with the whole record has its book derived from the
record anew and compared with the workbook cell by cell, and the seal computed
anew; in every bundle the signatures, the proofs and the hash of each file are
checked. The first difference is named; it may hold personal data, as the bundle
does.

Whoever made up a ledger could have made up its key too, so get the key in
another way than the bundle, and give it with --key. A head of the ledger that
you kept from an earlier bundle, or have from a witness, shows with --head that
you are not told another history than others were: you vouch for it, and it need
not carry a signature of the ledger's key. A bundle with the whole record compares
any, others those of two sizes; one that cannot be compared does not verify.`,
		Example: `  bookaudit verify ./evidence --key key.txt
  bookaudit verify ./evidence --key 'bookledger/…+…+…' --head kept/head.txt --json`,
		Args: usage(cobra.ExactArgs(1)),
		RunE: func(cmd *cobra.Command, args []string) error {
			for _, name := range [...]string{"key", "head"} { // an unset variable must not pass for a check
				if f := cmd.Flags().Lookup(name); f.Changed && f.Value.String() == "" {
					return fmt.Errorf("%w: --%s was given without a value", errUsage, name)
				}
			}
			return verify(cmd.Context(), out, args[0], key, head, asJSON)
		},
	}
	cmd.Flags().StringVar(&key, "key", "", "the ledger's public key, or a file that holds it")
	cmd.Flags().StringVar(&head, "head", "", "a file with a head of the ledger that you trust, kept from an earlier bundle or signed by a witness")
	cmd.Flags().BoolVar(&asJSON, "json", false, "print one JSON object")
	return cmd
}

// finding is what is printed with --json.
type finding struct {
	Verified bool `json:"verified"`
	*proof.Report
	Difference string `json:"difference,omitempty"`
}

func verify(ctx context.Context, out io.Writer, bundle, key, head string, asJSON bool) error {
	o := proof.Options{}
	var err error
	if o.Key, err = keyOf(key); err != nil {
		return err
	}
	if head != "" {
		if o.Head, err = proof.ReadFile(head, proof.MaxSmallFile); err != nil {
			return fmt.Errorf("reading the head that was kept: %w", err)
		}
	}
	report, err := proof.Verify(ctx, bundle, o)
	if err != nil && !errors.Is(err, proof.ErrMismatch) {
		return err
	}
	if asJSON {
		f := finding{Verified: err == nil, Report: report}
		if err != nil {
			f.Difference = err.Error()
		}
		return errors.Join(err, json.NewEncoder(out).Encode(f))
	}
	told := bufio.NewWriter(out)
	tell(told, report, err)
	return errors.Join(err, told.Flush())
}

// keyOf returns the key that was given, as a text or as a file of it.
func keyOf(given string) (string, error) {
	if given == "" {
		return "", nil
	}
	key := given
	switch text, err := proof.ReadFile(given, proof.MaxSmallFile); {
	case err == nil:
		key = string(text)
	case errors.Is(err, proof.ErrMismatch): // too large for a key
		return "", err
	}
	key = strings.TrimSpace(key)
	if _, err := note.NewVerifier(key); err != nil {
		return "", fmt.Errorf("%w: --key: %q is neither a key nor a file that holds one: %w", errUsage, given, err)
	}
	return key, nil
}

func tell(out io.Writer, r *proof.Report, err error) {
	list := func(title string, all []string) {
		if len(all) == 0 {
			return
		}
		fmt.Fprintf(out, "%s\n", title)
		for _, s := range all {
			fmt.Fprintf(out, "  - %s\n", s)
		}
		fmt.Fprintln(out)
	}
	if err != nil {
		list("Checked before the difference was found:", r.Checked)
		fmt.Fprintln(out, "DOES NOT VERIFY.")
		return
	}
	list("Checked:", r.Checked)
	list("Not proven by this:", r.NotProven)
	fmt.Fprintf(out, "VERIFIED: the evidence about the book of agent %s as of Friday %s.\n", r.Agent, r.Friday)
}
