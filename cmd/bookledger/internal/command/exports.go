package command

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"os"
	"strings"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"bookledger/cmd/internal/cli"
	"bookledger/events"
	"bookledger/projections/access"
	"bookledger/projections/audit"
)

type exportsOptions struct {
	ledgerFlags
	agent, agency, person, sha256, file string
	check, json                         bool
	fridays                             int
}

func newExports(env *cli.Environment) *cobra.Command {
	var o exportsOptions
	cmd := &cobra.Command{
		Use:   "exports",
		Short: "Show the trail of downloads, or whose download a file is",
		Long: `Show every step of an export from the portal or the API, the newest first:
when, who, in which role, of which agent or agency, the book of which Friday, the
version of the disclaimer and the answer to it, and of a book that was made its
rows, the exporter's version and the file's SHA-256.

With --sha256, or --file to have a file hashed, it shows the downloads of that
file; the same book has the same hash, whoever takes it. The exit code is 3 where
the trail does not know it. Books that the command export has written leave no
trail.

With --check and --journal it decides again whether each book might be requested and made, in
the role that the trail names, by what the ledger knew at that record:
  allowed           the ledger says so: who is staff of an agency, which agents
                    are certified and whose, and which Friday it was
  allowed if …      the same of an agent, but which person is which agent was said
                    by the token of the sign-in, and is not on record
  not allowed: …    with the reason; the exit code is then 3
  not decidable: …  nothing on record speaks against it, but auditors and operators
                    have their role from the token
The portal decides by what it has read at most seconds before its record is
written, so a role that ended in those seconds shows as not allowed. How many of
the last Fridays agents might take is not on record either: give --agent-fridays
as serve had it.`,
		Example: `  bookledger exports --data ./ledger --agent A100001
  bookledger exports --journal dump.ndjson --person p-204 --json
  bookledger exports --journal dump.ndjson --file found.xlsx
  bookledger exports --journal dump.ndjson --check`,
		RunE: func(cmd *cobra.Command, _ []string) error { return runExports(cmd.Context(), env, o) },
	}
	o.register(cmd.Flags())
	cmd.Flags().StringVar(&o.agent, "agent", "", "only of this agent's books")
	cmd.Flags().StringVar(&o.agency, "agency", "", "only of this agency's books")
	cmd.Flags().StringVar(&o.person, "person", "", "only by this person")
	cmd.Flags().StringVar(&o.sha256, "sha256", "", "only of the file with this hash")
	cmd.Flags().StringVar(&o.file, "file", "", "only of this file")
	cmd.Flags().BoolVar(&o.check, "check", false, "decide again whether each export was allowed (with --journal)")
	cmd.Flags().IntVar(&o.fridays, "agent-fridays", access.DefaultRecentFridays, "of how many of the last Fridays agents might take the books, for --check")
	cmd.Flags().BoolVar(&o.json, "json", false, "print JSON, one object a line")
	return cmd
}

func runExports(ctx context.Context, env *cli.Environment, o exportsOptions) error {
	hash, err := o.hash()
	if err != nil {
		return err
	}
	check := 0
	if o.check {
		if check = o.fridays; check < 1 {
			return cli.Usagef("--agent-fridays is at least 1")
		}
	}
	r, err := o.open(ctx, env)
	if err != nil {
		return err
	}
	defer r.close()
	all, err := r.Trail(ctx, check)
	if err != nil {
		return err
	}
	found, onRecord, refused := []audit.Export{}, false, 0
	for _, e := range all {
		if hash != "" && e.SHA256 != hash {
			continue
		}
		onRecord = true
		if matches(o.agent, e.AgentID) && matches(o.agency, e.AgencyID) && matches(o.person, e.PersonID) {
			found = append(found, e)
			if e.Refused() {
				refused++
			}
		}
	}
	if hash != "" && !onRecord {
		return fmt.Errorf("%w: the trail of downloads does not know the SHA-256 %s", cli.ErrUnknownFile, hash)
	}
	switch {
	case o.json:
		err = encodeAll(env, found)
	case len(all) == 0:
		env.Messagef("no export is on record")
	case len(found) == 0:
		env.Messagef("no export matches")
	default:
		err = printExports(env.Out, found, o.check)
	}
	if err == nil && refused > 0 {
		err = fmt.Errorf("%w: %d of the requests and downloads shown were not allowed", cli.ErrRefused, refused)
	}
	return err
}

func matches(want, have string) bool { return want == "" || want == have }

// hash is the one that is looked for; "" for none.
func (o *exportsOptions) hash() (string, error) {
	if o.sha256 != "" && o.file != "" {
		return "", cli.Usagef("give --sha256 or --file, not both")
	}
	if o.file == "" {
		hash := strings.ToLower(o.sha256)
		if hash != "" && !events.IsSHA256(hash) {
			return "", cli.Usagef("--sha256: a hash has 64 digits of 0-9 and a-f")
		}
		return hash, nil
	}
	f, err := os.Open(o.file)
	if err != nil {
		return "", err
	}
	defer f.Close()
	sum := sha256.New()
	if _, err := io.Copy(sum, f); err != nil {
		return "", fmt.Errorf("hashing %s: %w", o.file, err)
	}
	return hex.EncodeToString(sum.Sum(nil)), nil
}

func printExports(to io.Writer, all []audit.Export, check bool) error {
	out := tabwriter.NewWriter(to, 0, 0, 2, ' ', 0)
	head, checked := "SEQ\tRECORDED\tSTEP\tPERSON\tROLE\tOF\tFRIDAY\tDISCLAIMER\tROWS\tEXPORTER\tSHA-256", ""
	if check {
		head += "\tCHECK"
	}
	fmt.Fprintln(out, head)
	for _, e := range all {
		rows := "-"
		if e.Step == "made" {
			rows = fmt.Sprint(e.Rows)
		}
		if check {
			checked = "\t" + orDash(e.Check)
		}
		fmt.Fprintf(out, "%d\t%s\t%s\t%s\t%s\t%s\t%s\t%s\t%s\t%s\t%s%s\n", e.Seq, cli.FormatPacific(e.Recorded), e.Step, orDash(e.PersonID), e.Role,
			orDash(formatOwner(e.AgentID, e.AgencyID)), e.Friday, formatAnswer(e), rows, orDash(e.ExporterVersion), orDash(e.SHA256), checked)
	}
	return out.Flush()
}

// formatOwner names an agent, an agency, or both.
func formatOwner(agentID, agencyID string) string {
	var all []string
	if agentID != "" {
		all = append(all, "agent "+agentID)
	}
	if agencyID != "" {
		all = append(all, "agency "+agencyID)
	}
	return strings.Join(all, ", ")
}

// formatAnswer is the disclaimer's version and the answer to it.
func formatAnswer(e audit.Export) string {
	answer := "no answer"
	switch e.Accepted {
	case events.Yes:
		answer = "yes"
	case events.No:
		answer = "no"
	}
	return strings.Join(nonBlank(e.Disclaimer, answer), ": ")
}
