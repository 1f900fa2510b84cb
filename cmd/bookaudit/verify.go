package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"runtime/debug"
	"strings"

	"github.com/spf13/cobra"
	"golang.org/x/mod/sumdb/note"

	"bookledger/exporter/proof"
)

// Exit codes.
const (
	exitVerified = 0
	exitFailed   = 1
	exitUsage    = 2
	exitMismatch = 3
)

// errUsage is returned when the command line is wrong.
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
		return exitMismatch
	}
	return exitFailed
}

func newRoot(out io.Writer) *cobra.Command {
	root := &cobra.Command{
		Use:   "bookaudit",
		Short: "Check evidence about Books of Business, offline",
		Long: `bookaudit checks folders that "bookledger evidence" writes. It needs no ledger, no
server and no network, and trusts nothing in a folder that it has not checked.

Exit codes: 0 verified, 1 cannot be read, 2 wrong usage, 3 does not verify. The
last includes anything wrong with the contents of a folder, such as a missing
bundle.json.`,
		Example: `  bookaudit verify ./evidence --key key.txt
  bookaudit verify --help`,
		Version:                    version(),
		SilenceUsage:               true,
		SilenceErrors:              true,
		SuggestionsMinimumDistance: 2,
		Args:                       checkCommand,
		RunE:                       func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	root.SetFlagErrorFunc(func(cmd *cobra.Command, err error) error {
		return fmt.Errorf("%w: %w; see %s --help", errUsage, err, cmd.CommandPath())
	})
	root.AddCommand(newVerify(out))
	return root
}

// checkCommand returns an error for an argument that is not a command.
func checkCommand(root *cobra.Command, args []string) error {
	if len(args) == 0 {
		return nil
	}
	name := args[0]
	if similar := root.SuggestionsFor(name); len(similar) > 0 {
		return fmt.Errorf("%w: unknown command %q; did you mean %q?", errUsage, name, similar[0])
	}
	if info, err := os.Stat(name); err == nil && info.IsDir() {
		return fmt.Errorf("%w: unknown command %q; to check a bundle, type: bookaudit verify %s", errUsage, name, name)
	}
	return fmt.Errorf("%w: unknown command %q; see bookaudit --help", errUsage, name)
}

// checkBundle returns an error unless there is one argument, the bundle.
func checkBundle(_ *cobra.Command, args []string) error {
	switch {
	case len(args) == 0:
		return fmt.Errorf("%w: the folder of the bundle is missing; type, for example: bookaudit verify ./evidence --key key.txt", errUsage)
	case len(args) > 1:
		return fmt.Errorf("%w: unexpected argument %q; give one bundle, and the key with --key", errUsage, args[1])
	}
	return nil
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
		Long: `Check a bundle of evidence: a folder that "bookledger evidence" wrote. The report
says what was checked and what the bundle does not prove.

The signatures, the proofs and the hash of each file are always checked. If the
bundle contains the whole journal, the book is derived from it again and compared
with the workbook cell by cell, and the seal is computed again. If something does
not verify, the exit code is 3 and the first difference is named. A difference may
show personal data, as the bundle does.

Get the ledger's key from another source than the bundle, and give it with --key:
someone who forges a ledger can forge its key too.

Give with --head a tree head of the ledger that you trust, such as head.txt of an
earlier bundle or a head that a witness signed. It shows whether you were given the
same history as others. It need not be signed by the ledger's key. A bundle with the
whole journal can be compared with a head of any size, other bundles only with heads
of the one or two sizes that they contain. A head that cannot be compared does not
verify.`,
		Example: `  bookaudit verify ./evidence --key key.txt
  bookaudit verify ./evidence --key key.txt --head earlier/head.txt
  bookaudit verify ./evidence --key 'bookledger/…+…+…' --json`,
		Args: checkBundle,
		RunE: func(cmd *cobra.Command, args []string) error {
			for _, name := range [...]string{"key", "head"} { // an unset shell variable must not skip the check
				if f := cmd.Flags().Lookup(name); f.Changed && f.Value.String() == "" {
					return fmt.Errorf("%w: --%s has no value", errUsage, name)
				}
			}
			return verify(cmd.Context(), out, args[0], key, head, asJSON)
		},
	}
	cmd.Flags().StringVar(&key, "key", "", "the ledger's public key, or a file that contains it")
	cmd.Flags().StringVar(&head, "head", "", "file with a tree head of the ledger that you trust")
	cmd.Flags().BoolVar(&asJSON, "json", false, "print one JSON object")
	return cmd
}

// result is the JSON object that --json prints.
type result struct {
	Verified bool `json:"verified"`
	*proof.Report
	Difference string `json:"difference,omitempty"`
}

func verify(ctx context.Context, out io.Writer, bundle, key, head string, asJSON bool) error {
	o := proof.Options{}
	var err error
	if o.Key, err = readKey(key); err != nil {
		return err
	}
	if head != "" {
		if o.Head, err = proof.ReadFile(head, proof.MaxSmallFile); err != nil {
			return fmt.Errorf("reading the head given with --head: %w", err)
		}
	}
	report, err := proof.Verify(ctx, bundle, o)
	if err != nil && !errors.Is(err, proof.ErrMismatch) {
		return err
	}
	if asJSON {
		r := result{Verified: err == nil, Report: report}
		if err != nil {
			r.Difference = err.Error()
		}
		return errors.Join(err, json.NewEncoder(out).Encode(r))
	}
	w := bufio.NewWriter(out)
	printReport(w, report, err)
	return errors.Join(err, w.Flush())
}

// readKey returns the key in the value of --key: a key, or a file that contains one.
func readKey(value string) (string, error) {
	if value == "" {
		return "", nil
	}
	key := value
	switch text, err := proof.ReadFile(value, proof.MaxSmallFile); {
	case err == nil:
		key = string(text)
	case errors.Is(err, proof.ErrMismatch): // the file is too large for a key
		return "", err
	}
	key = strings.TrimSpace(key)
	if _, err := note.NewVerifier(key); err != nil {
		return "", fmt.Errorf("%w: --key: %q is neither a key nor a file that contains one: %w", errUsage, value, err)
	}
	return key, nil
}

// printReport prints the report for people. The error is that of proof.Verify.
func printReport(out io.Writer, r *proof.Report, err error) {
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
		list("Checked before the first difference:", r.Checked)
		fmt.Fprintln(out, "DOES NOT VERIFY.")
		return
	}
	list("Checked:", r.Checked)
	list("Not proven:", r.NotProven)
	fmt.Fprintf(out, "VERIFIED: the evidence about the book of agent %s as of Friday %s.\n", r.Agent, r.Friday)
}
