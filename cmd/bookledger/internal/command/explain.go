package command

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"bookledger/events"
	"bookledger/events/record"
	"bookledger/projections/book"
	"bookledger/projections/checkpoint"
	"bookledger/projections/provenance"
)

type explainOptions struct {
	where
	caseID, agent, friday string
	json                  bool
}

func newExplain(env *environment) *cobra.Command {
	var o explainOptions
	cmd := &cobra.Command{
		Use:   "explain",
		Short: "Show the events of a case, what each did, and in which book it first showed",
		Long: `Show every event about a case in its order: its sequence, when it was recorded and
when it happened at its source, its source, type and actor, and what became of
it: applied, unchanged (it said what was so already), duplicate, or rejected with
code, field and reason. An event that was rejected unread belongs to the case
that it names.

Of each applied event it says in the book of which Friday it first showed: the
first that would be otherwise without this event, or from which it took the case.
"live list" is of what shows there, or in the coming book, and in no book so far;
"no book yet" of what shows nowhere, like the household of a consumer who is
delegated to nobody; and "none" of what others replaced before it showed.

With --agent it shows the events alone that put the case into that agent's lists
and books or took it out, and those that were rejected. With --friday it shows
the events up to that Friday's cutoff, and in which rows the case stands in the
book of its holder or of --agent, with the sequences of the events that decided
each row, or why it does not.

Nothing is shown of what the events say of the consumer.`,
		Example: `  bookledger explain --data ./ledger --case 5000032500
  bookledger explain --journal dump.ndjson --case 5000032500 --agent A1001
  bookledger explain --journal dump.ndjson --case 5000032500 --friday 2026-11-20 --json`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return runExplain(cmd.Context(), env, o) },
	}
	o.register(cmd)
	cmd.Flags().StringVar(&o.caseID, "case", "", "the case's id (required)")
	cmd.Flags().StringVar(&o.agent, "agent", "", "only what concerns this agent's lists and books")
	cmd.Flags().StringVar(&o.friday, "friday", "", "as of this Friday's cutoff: a date, or latest")
	cmd.Flags().BoolVar(&o.json, "json", false, "print JSON, one object a line: the events, and with --friday the rows at the end")
	return cmd
}

func runExplain(ctx context.Context, env *environment, o explainOptions) error {
	if !events.IsIdentifier(o.caseID) {
		return usagef("--case is required, and is a case's id like 5000032500")
	}
	var f events.Date
	if o.friday != "" {
		var err error
		if f, err = parseFriday(o.friday); err != nil {
			return err
		}
	}
	r, err := o.open(ctx, env)
	if err != nil {
		return err
	}
	defer r.close()
	a, err := r.account(ctx, o.caseID)
	if err != nil {
		return err
	}
	if len(a.entries) == 0 {
		return fmt.Errorf("case %q: no record is about it", o.caseID)
	}
	e := explanation{o: o, calendar: a.ledger.Calendar}
	if e.events, err = a.ledger.Explain(ctx, o.caseID, a.entries, o.agent); err != nil {
		return err
	}
	if o.friday != "" {
		if err := e.asOf(ctx, a, f); err != nil {
			return err
		}
	}
	if o.json {
		return e.encode(json.NewEncoder(env.out))
	}
	if len(e.events) == 0 {
		env.sayf("no such event is about case %s", o.caseID)
	}
	return e.print(env.out)
}

// explanation is what the command shows.
type explanation struct {
	o        explainOptions
	calendar *events.Calendar
	events   []provenance.Explained
	standing *provenance.Standing // with --friday
}

// asOf ends the explanation with a Friday's boundary, and says how the case
// stood there.
func (e *explanation) asOf(ctx context.Context, a *account, f events.Date) error {
	friday, err := a.friday(f)
	if err != nil {
		return err
	}
	for len(e.events) > 0 && e.events[len(e.events)-1].Seq > friday.Boundary {
		e.events = e.events[:len(e.events)-1]
	}
	s, err := a.ledger.Standing(ctx, e.o.caseID, a.entries, friday, e.o.agent)
	e.standing = &s
	return err
}

func (a *account) friday(f events.Date) (book.Friday, error) {
	for i := len(a.ledger.Fridays) - 1; i >= 0; i-- {
		if have := a.ledger.Fridays[i]; have.Friday == f || f == 0 {
			return have, nil
		}
	}
	return book.Friday{}, checkpoint.Missing(a.ledger.Calendar, f, a.ledger.Open)
}

// explainedJSON is an event as explain --json shows it.
type explainedJSON struct {
	Seq        uint64      `json:"seq"`
	Recorded   time.Time   `json:"recorded,omitzero"`
	Time       time.Time   `json:"time,omitzero"`
	Source     string      `json:"source"`
	Type       string      `json:"type"`
	ActorID    string      `json:"actor_id,omitempty"`
	ActorRole  string      `json:"actor_role,omitempty"`
	Effect     string      `json:"effect"`
	Code       events.Code `json:"code,omitempty"`
	Field      string      `json:"field,omitempty"`
	Reason     string      `json:"reason,omitempty"`
	FirstBook  events.Date `json:"first_book,omitzero"`
	LiveOnly   bool        `json:"live_only,omitzero"`
	ReplacedBy uint64      `json:"replaced_by,omitzero"`
	Before     *string     `json:"before,omitempty"` // with --agent
	After      *string     `json:"after,omitempty"`
}

// standingJSON is how a case stands in a book, as explain --json shows it.
type standingJSON struct {
	Friday    events.Date        `json:"friday"`
	Cutoff    time.Time          `json:"cutoff"`
	Boundary  uint64             `json:"boundary"`
	CaseID    string             `json:"case_id"`
	AgentID   string             `json:"agent_id"`
	Rows      []rowJSON          `json:"rows"`
	Absence   provenance.Absence `json:"absence,omitempty"`
	KeptOutBy []uint64           `json:"kept_out_by,omitempty"`
}

type rowJSON struct {
	ApplicationYear int      `json:"application_year,omitzero"`
	MemberID        string   `json:"member_id,omitempty"`
	DecidedBy       []uint64 `json:"decided_by"`
}

func (e *explanation) encode(out *json.Encoder) error {
	for i := range e.events {
		if err := out.Encode(e.eventJSON(&e.events[i])); err != nil {
			return err
		}
	}
	s := e.standing
	if s == nil {
		return nil
	}
	j := standingJSON{s.Friday.Friday, s.Cutoff.UTC(), s.Boundary, e.o.caseID, s.AgentID, []rowJSON{}, s.Absence, s.Seqs}
	for _, r := range s.Rows {
		j.Rows = append(j.Rows, rowJSON{r.Year, r.MemberID, r.Seqs})
	}
	return out.Encode(j)
}

func (e *explanation) eventJSON(x *provenance.Explained) explainedJSON {
	eventType, actor, role := said(x)
	j := explainedJSON{
		Seq: x.Seq, Recorded: x.Recorded, Time: x.Event.Time.UTC(), Source: x.Event.Source, Type: eventType,
		ActorID: actor, ActorRole: role, Effect: x.Outcome.String(),
		FirstBook: x.Shown.Friday, LiveOnly: x.Live, ReplacedBy: x.Replaced,
	}
	if x.Rejection != nil {
		j.Code, j.Field, j.Reason = x.Rejection.Code, x.Rejection.Field, x.Rejection.Reason
	}
	if e.o.agent != "" && x.Outcome == record.Applied {
		j.Before, j.After = &x.Before, &x.After
	}
	return j
}

// said is what may be shown of an event's texts: of one that was rejected they
// may hold anything.
func said(x *provenance.Explained) (eventType, actor, role string) {
	eventType, actor, role = x.Event.Type, x.Event.ActorID, x.Event.ActorRole
	if x.Outcome == record.Applied || x.Outcome == record.Unchanged {
		return eventType, actor, role
	}
	known := func(s string) string {
		if events.IsIdentifier(s) {
			return s
		}
		return ""
	}
	return known(eventType), known(actor), known(role)
}

func (e *explanation) print(to io.Writer) error {
	out := tabwriter.NewWriter(to, 0, 0, 2, ' ', 0)
	if len(e.events) > 0 {
		agent := ""
		if e.o.agent != "" {
			agent = "FOR " + e.o.agent + "\t"
		}
		fmt.Fprintf(out, "SEQ\tRECORDED\tAT THE SOURCE\tSOURCE\tTYPE\tACTOR\t%sFIRST SHOWN\tEFFECT\n", agent)
	}
	for i := range e.events {
		x := &e.events[i]
		eventType, actor, role := said(x)
		agent := ""
		if e.o.agent != "" {
			agent = orDash(x.Before) + " → " + orDash(x.After) + "\t"
		}
		fmt.Fprintf(out, "%d\t%s\t%s\t%s\t%s\t%s\t%s%s\t%s\n", x.Seq, e.moment(x.Recorded), e.moment(x.Event.Time), orDash(x.Event.Source),
			orDash(eventType), orDash(strings.Join(nonBlank(actor, role), ", ")), agent, firstShown(x), effect(x))
	}
	if err := out.Flush(); err != nil || e.standing == nil {
		return err
	}
	return e.printStanding(to)
}

func (e *explanation) moment(t time.Time) string {
	if t.IsZero() {
		return "-"
	}
	return pacific(e.calendar, t)
}

func orDash(s string) string {
	if s == "" {
		return "-"
	}
	return s
}

func firstShown(x *provenance.Explained) string {
	switch {
	case x.Outcome != record.Applied:
		return "-"
	case x.Shown.Friday != 0:
		return x.Shown.Friday.String()
	case x.Live:
		return "live list"
	case x.Replaced != 0:
		return fmt.Sprintf("none: replaced by %d", x.Replaced)
	}
	return "no book yet"
}

func effect(x *provenance.Explained) string {
	if x.Rejection == nil {
		return x.Outcome.String()
	}
	return strings.Join(nonBlank("rejected", string(x.Rejection.Code), x.Rejection.Field, x.Rejection.Reason), ": ")
}

// absences are the reasons in words; what follows them is the case's holder or
// the records.
var absences = map[provenance.Absence]string{
	provenance.CaseClosed:      "it is closed",
	provenance.HeldByAnother:   "another agent holds it",
	provenance.DelegationEnded: "its delegation has ended",
	provenance.RequestPending:  "the agent has not accepted it",
	provenance.NeverDelegated:  "it has been delegated to nobody",
}

func (e *explanation) printStanding(to io.Writer) error {
	s := e.standing
	whose := "any agent"
	if s.AgentID != "" {
		whose = "agent " + s.AgentID
	}
	if len(e.events) > 0 {
		fmt.Fprintln(to)
	}
	fmt.Fprintf(to, "In the book of %s of Friday %s (up to record %d, %s) the case stands in ", whose, s.Friday.Friday, s.Boundary, pacific(e.calendar, s.Cutoff))
	if len(s.Rows) == 0 {
		by := ""
		if len(s.Seqs) > 0 {
			by = " (by " + sequences(s.Seqs) + ")"
		}
		_, err := fmt.Fprintf(to, "no row: %s%s\n", absences[s.Absence], by)
		return err
	}
	if len(s.Rows) == 1 {
		fmt.Fprintln(to, "1 row:")
	} else {
		fmt.Fprintf(to, "%d rows:\n", len(s.Rows))
	}
	out := tabwriter.NewWriter(to, 0, 0, 2, ' ', 0)
	fmt.Fprintln(out, "YEAR\tMEMBER\tDECIDED BY")
	for _, r := range s.Rows {
		fmt.Fprintf(out, "%s\t%s\t%s\n", year(r.Year), orDash(r.MemberID), sequences(r.Seqs))
	}
	return out.Flush()
}

func year(y int) string {
	if y == 0 {
		return "-"
	}
	return fmt.Sprint(y)
}

// sequences are written as people read them.
func sequences(seqs []uint64) string {
	return strings.Trim(strings.Join(strings.Fields(fmt.Sprint(seqs)), ", "), "[]")
}
