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
		Short: "Show the export trail, or who downloaded a file",
		Long: `Show the export trail, newest first: every step of an export from the portal or
the API. It shows the time, the person and the role, the agent or agency, the
Friday, the version of the disclaimer and the answer to it. For a book that was
written, it also shows the rows, the exporter version and the file's SHA-256.

With --sha256 or --file, it shows who downloaded a file. The same book has the
same hash for everyone. The exit code is 3 if the file is not in the trail. Books
that "bookledger export" has written are not in the trail.

With --check and --journal, it checks again whether each export was allowed, in
the role that the trail names and by the state of the ledger at that record:
  allowed           allowed by the ledger: its staff, its certified agents and
                    their agencies, and the Friday
  allowed if …      allowed if the person was the agent; only the sign-in token
                    identified the agent, and the journal does not contain it
  not allowed: …    with the reason; the exit code is then 3
  not decidable: …  nothing in the journal forbids it, but the role of an auditor
                    or operator comes from the sign-in token
The portal decides a few seconds before it writes the record, so a role that ended
in those seconds shows as not allowed. The journal does not contain how many past
Fridays agents could export: set --agent-fridays to the value that serve had.`,
		Example: `  bookledger exports --data ./ledger --agent A100001
  bookledger exports --journal dump.ndjson --person P100001 --json
  bookledger exports --journal dump.ndjson --file found.xlsx
  bookledger exports --journal dump.ndjson --check`,
		RunE: func(cmd *cobra.Command, _ []string) error { return runExports(cmd.Context(), env, o) },
	}
	o.register(cmd.Flags())
	cmd.Flags().StringVar(&o.agent, "agent", "", "show only exports of this agent's books (`id`)")
	cmd.Flags().StringVar(&o.agency, "agency", "", "show only exports of this agency's books (`id`)")
	cmd.Flags().StringVar(&o.person, "person", "", "show only exports by this person (`id`)")
	cmd.Flags().StringVar(&o.sha256, "sha256", "", "show only exports of the file with this `hash`")
	cmd.Flags().StringVar(&o.file, "file", "", "show only exports of this `file`")
	cmd.Flags().BoolVar(&o.check, "check", false, "check whether each export was allowed; needs --journal")
	cmd.Flags().IntVar(&o.fridays, "agent-fridays", access.DefaultRecentFridays, "with --check: how many past Fridays agents could export")
	cmd.Flags().BoolVar(&o.json, "json", false, "print one JSON object per line")
	cli.SuggestFlag(cmd, "agent")
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
			return cli.Usagef("--agent-fridays must be at least 1")
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
	found, inTrail, refused := []audit.Export{}, false, 0
	for _, e := range all {
		if hash != "" && e.SHA256 != hash {
			continue
		}
		inTrail = true
		if matches(o.agent, e.AgentID) && matches(o.agency, e.AgencyID) && matches(o.person, e.PersonID) {
			found = append(found, e)
			if e.Refused() {
				refused++
			}
		}
	}
	if hash != "" && !inTrail {
		return fmt.Errorf("%w: SHA-256 %s", cli.ErrUnknownFile, hash)
	}
	switch {
	case o.json:
		err = encodeAll(env, found)
	case len(all) == 0:
		env.Messagef("the export trail is empty")
	case len(found) == 0:
		env.Messagef("no export matches")
	default:
		err = printExports(env.Out, found, o.check)
	}
	if err == nil && refused > 0 {
		err = fmt.Errorf("%w: %d of the exports shown were not allowed", cli.ErrRefused, refused)
	}
	return err
}

// matches reports whether a value passes a filter; a blank filter matches all.
func matches(filter, value string) bool { return filter == "" || filter == value }

// hash returns the SHA-256 to look for, or "".
func (o *exportsOptions) hash() (string, error) {
	if o.sha256 != "" && o.file != "" {
		return "", cli.Usagef("use --sha256 or --file, not both")
	}
	if o.file == "" {
		hash := strings.ToLower(o.sha256)
		if hash != "" && !events.IsSHA256(hash) {
			return "", cli.Usagef("--sha256: not a SHA-256 hash: use 64 digits of 0-9 and a-f")
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

func printExports(w io.Writer, all []audit.Export, check bool) error {
	out := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	head, checked := "SEQ\tRECORDED\tSTEP\tPERSON\tROLE\tBOOK OF\tFRIDAY\tDISCLAIMER\tROWS\tEXPORTER\tSHA-256", ""
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

// formatOwner names an agent, an agency or both.
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

// formatAnswer formats the version of the disclaimer and the answer to it.
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
