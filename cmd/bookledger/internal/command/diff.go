package command

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"strings"

	"github.com/spf13/cobra"

	"bookledger/events"
	"bookledger/projections/book"
	"bookledger/projections/provenance"
)

type diffOptions struct {
	where
	agent, agency, from, to string
	json                    bool
}

func newDiff(env *environment) *cobra.Command {
	var o diffOptions
	cmd := &cobra.Command{
		Use:   "diff",
		Short: "Compare an agent's or agency's books of two Fridays, with the events that made the difference",
		Long: `Show which rows of a book were added, removed and changed between two Fridays, by
case, application year and member; of changed rows the columns with the old value
and the new; and of each the sequences of the events about its case, recorded
between the two cutoffs, that caused it: a row would be otherwise had one of them
not been. A change that no event about the case has caused comes of the agent's
own (name, license, agency) or of the new year. What it shows is personal data;
with --json also all that stands in added and removed rows.`,
		Example: `  bookledger diff --data ./ledger --agent A1001 --from 2026-11-13 --to 2026-11-20
  bookledger diff --journal dump.ndjson --agency G100 --from 2026-11-13 --to latest --json`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return runDiff(cmd.Context(), env, o) },
	}
	o.register(cmd)
	cmd.Flags().StringVar(&o.agent, "agent", "", "the books of this agent")
	cmd.Flags().StringVar(&o.agency, "agency", "", "the books that unite those of this agency's agents")
	cmd.Flags().StringVar(&o.from, "from", "", "the earlier Friday (required)")
	cmd.Flags().StringVar(&o.to, "to", "latest", "the later Friday: a date, or latest")
	cmd.Flags().BoolVar(&o.json, "json", false, "print JSON, one object a line for each row")
	return cmd
}

func runDiff(ctx context.Context, env *environment, o diffOptions) error {
	if (o.agent == "") == (o.agency == "") {
		return usagef("give either --agent or --agency")
	}
	from, err := events.ParseDate(o.from)
	if err != nil {
		return usagef("--from is required, and is a date like 2026-11-13")
	}
	to, err := parseFriday(o.to)
	if err != nil {
		return usagef("--to: %q is neither a date like 2026-11-20 nor latest", o.to)
	}
	if to != 0 && to <= from {
		return usagef("--from must be earlier than --to")
	}
	r, err := o.open(ctx, env)
	if err != nil {
		return err
	}
	defer r.close()
	d, err := difference(ctx, r, ownerOfBook{o.agent, o.agency}, from, to)
	if err != nil {
		return err
	}
	if o.json {
		return d.encode(json.NewEncoder(env.out))
	}
	return d.print(env.out, strings.Join(nonBlank(named("agent", o.agent), named("agency", o.agency)), ""))
}

// differences are the changes between two books, and what caused each.
type differences struct {
	from, to book.Friday
	changes  []book.Change
	causes   []provenance.Cause
}

func difference(ctx context.Context, r reading, o ownerOfBook, from, to events.Date) (*differences, error) {
	c, err := r.compare(ctx, o, from, to)
	if err != nil {
		return nil, err
	}
	columns, err := bookColumns()
	if err != nil {
		return nil, err
	}
	d := &differences{from: c.from.Friday, to: c.to.Friday, changes: book.Difference(c.from, c.to, columns)}
	ledger := provenance.Ledger{Calendar: c.calendar, Columns: columns}
	for rest := d.changes; len(rest) > 0; {
		n := 1 // the changes of a case stand together
		for n < len(rest) && rest[n].CaseID == rest[0].CaseID {
			n++
		}
		in := provenance.Interval{CaseID: rest[0].CaseID, From: d.from, To: d.to, Owns: c.owns}
		if in.Start, in.Entries, err = c.between(in.CaseID); err != nil {
			return nil, err
		}
		causes, err := ledger.Causes(ctx, in, rest[:n])
		if err != nil {
			return nil, err
		}
		d.causes, rest = append(d.causes, causes...), rest[n:]
	}
	return d, nil
}

// changeJSON is a row that differs, as diff --json shows it.
type changeJSON struct {
	Change          book.ChangeKind  `json:"change"`
	CaseID          string           `json:"case_id"`
	ApplicationYear int              `json:"application_year,omitzero"`
	MemberID        string           `json:"member_id,omitempty"`
	Columns         []cellJSON       `json:"columns"`
	CausedBy        []uint64         `json:"caused_by"`
	OtherCause      provenance.Other `json:"other_cause,omitempty"`
}

type cellJSON struct {
	Header string `json:"header"`
	Old    string `json:"old"`
	New    string `json:"new"`
}

func (d *differences) encode(out *json.Encoder) error {
	for i, ch := range d.changes {
		j := changeJSON{ch.Kind, ch.CaseID, ch.Year, ch.MemberID, []cellJSON{}, d.causes[i].Seqs, d.causes[i].Other}
		if j.CausedBy == nil {
			j.CausedBy = []uint64{}
		}
		for _, c := range ch.Cells {
			j.Columns = append(j.Columns, cellJSON{c.Header, c.Old.String(), c.New.String()})
		}
		if err := out.Encode(j); err != nil {
			return err
		}
	}
	return nil
}

// otherCauses are those that are no events about the case, in words.
var otherCauses = map[provenance.Other]string{
	provenance.NewYear: "by the new year",
	provenance.OfAgent: "by a change of the agent's own",
}

func (d *differences) print(to io.Writer, owner string) error {
	count := map[book.ChangeKind]int{}
	var text strings.Builder
	for i, ch := range d.changes {
		count[ch.Kind]++
		by := otherCauses[d.causes[i].Other]
		if by == "" {
			by = "by " + sequences(d.causes[i].Seqs)
		}
		fmt.Fprintf(&text, "\n%-7s  case %s, year %s, member %s  %s\n", ch.Kind, ch.CaseID, year(ch.Year), orDash(ch.MemberID), by)
		if ch.Kind != book.Changed {
			continue
		}
		for _, c := range ch.Cells {
			fmt.Fprintf(&text, "         %s: %q → %q\n", c.Header, c.Old.String(), c.New.String())
		}
	}
	_, err := fmt.Fprintf(to, "The books of %s of Friday %s (up to record %d) and Friday %s (up to record %d): %d rows added, %d removed, %d changed\n%s",
		owner, d.from.Friday, d.from.Boundary, d.to.Friday, d.to.Boundary, count[book.Added], count[book.Removed], count[book.Changed], text.String())
	return err
}
