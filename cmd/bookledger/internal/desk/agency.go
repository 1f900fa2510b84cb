package desk

import (
	"context"
	"iter"
	"slices"
	"strings"
	"time"

	"github.com/google/uuid"

	"bookledger/cmd/bookledger/internal/access"
	"bookledger/cmd/bookledger/internal/problem"
	"bookledger/events"
	"bookledger/events/record"
	"bookledger/projections/book"
	"bookledger/projections/fold"
)

// Agency is an agency with its agents.
type Agency struct {
	AsOf       time.Time     `json:"as_of"`
	AgeSeconds int           `json:"age_seconds,omitzero"`
	AgencyID   string        `json:"agency_id"`
	Name       string        `json:"name"`
	Agents     []AgencyAgent `json:"agents"` // by name
	Grant      access.Grant  `json:"-"`
}

// AgencyAgent is an agent of an agency, and how many consumers stand in the
// agent's lists.
type AgencyAgent struct {
	AgentID   string `json:"agent_id"`
	Name      string `json:"name"`
	License   string `json:"license_number"`
	Certified bool   `json:"certified"`
	Active    int    `json:"active"`
	Inactive  int    `json:"inactive"`
	Pending   int    `json:"pending"`
}

// Agents returns an agency's agents, those whom the caller may see.
func (d *Desk) Agents(c Caller, agency string) (*Agency, error) {
	r, err := d.read()
	if err != nil {
		return nil, err
	}
	defer d.close(r)
	o := Owner{Agency: agency}
	g, err := r.grant(c, o)
	if err != nil {
		return nil, err
	}
	known, _, err := r.state.Agency(agency)
	if err != nil {
		return nil, err
	}
	a := &Agency{AsOf: r.Recorded(), AgeSeconds: int(r.age / time.Second), AgencyID: agency, Name: known.Name, Agents: []AgencyAgent{}, Grant: g}
	ids, err := r.agents(c, o)
	if err != nil {
		return nil, err
	}
	for _, id := range ids {
		agent, _, err := r.state.Agent(id)
		if err != nil {
			return nil, err
		}
		lists, err := r.Lists(id)
		if err != nil {
			return nil, err
		}
		a.Agents = append(a.Agents, AgencyAgent{
			id, agent.Name(), agent.LicenseNumber, agent.Certified, lists.Active.Len(), lists.Inactive.Len(), lists.Pending.Len(),
		})
	}
	slices.SortStableFunc(a.Agents, func(x, y AgencyAgent) int {
		return strings.Compare(book.SortKey(x.Name), book.SortKey(y.Name))
	})
	return a, d.noteLook(c, g.Role, "agents", o, "")
}

// Transfer is the wish to move consumers from one agent of an agency to
// another: the named ones, or all that the agent holds.
type Transfer struct {
	From  string   `json:"from_agent_id"`
	To    string   `json:"to_agent_id"`
	Cases []string `json:"case_ids"`
	All   bool     `json:"all"`
}

// Transferred is what became of a transfer, for each of its cases.
type Transferred struct {
	BatchID  string            `json:"batch_id"`
	From     string            `json:"from_agent_id"`
	To       string            `json:"to_agent_id"`
	Outcomes []TransferOutcome `json:"outcomes"`
}

// TransferOutcome is what became of one case: it was transferred, or refused
// with a reason, or is not held by the agent and was not attempted.
type TransferOutcome struct {
	CaseID  string `json:"case_id"`
	Outcome string `json:"outcome"` // transferred, refused, not_delegated, unknown
	Code    string `json:"code,omitzero"`
	Reason  string `json:"reason,omitzero"`
	Seq     uint64 `json:"seq,omitzero"`
	Name    string `json:"-"` // of the primary contact, where the agent holds the case
}

const (
	// maxTransfer is how many cases one request may name.
	maxTransfer = 20_000
	// transferBatch is how many of them share an atomic batch of the journal.
	transferBatch = 1000
)

// Transfer moves consumers and returns when the lists show it. Each case is
// judged alone, so some may be transferred and others not.
func (d *Desk) Transfer(ctx context.Context, c Caller, agency string, t Transfer) (*Transferred, error) {
	if err := t.check(); err != nil {
		return nil, err
	}
	g, held, err := d.mayTransfer(c, agency, t)
	if err != nil {
		return nil, err
	}
	batch, err := uuid.NewV7()
	if err != nil {
		return nil, err
	}
	done := &Transferred{BatchID: batch.String(), From: t.From, To: t.To, Outcomes: []TransferOutcome{}}
	var todo []string
	for _, id := range t.wanted(held) {
		if _, ok := held[id]; ok {
			todo = append(todo, id)
			continue
		}
		done.Outcomes = append(done.Outcomes, TransferOutcome{
			CaseID: id, Outcome: "not_delegated", Reason: "the case is not delegated to the agent from whom it was to be transferred",
		})
	}
	for begun, part := range chunks(todo) {
		outcomes, err := d.transferPart(ctx, c, g.Role, t, done.BatchID, part)
		if err != nil && begun == 0 {
			return nil, err // nothing was transferred
		}
		done.Outcomes = append(done.Outcomes, outcomes...)
		if err != nil {
			for _, id := range todo[begun+len(part):] {
				done.Outcomes = append(done.Outcomes, TransferOutcome{CaseID: id, Outcome: "refused", Reason: "the journal failed before its turn came"})
			}
			break
		}
	}
	for i := range done.Outcomes {
		done.Outcomes[i].Name = held[done.Outcomes[i].CaseID]
	}
	return done, nil
}

// chunks are the atomic batches of a transfer, each with the place where it
// begins.
func chunks(ids []string) iter.Seq2[int, []string] {
	return func(yield func(int, []string) bool) {
		begun := 0
		for part := range slices.Chunk(ids, transferBatch) {
			if !yield(begun, part) {
				return
			}
			begun += len(part)
		}
	}
}

func (t *Transfer) check() error {
	switch {
	case t.From == "":
		return problem.Invalid.In("from_agent_id", "Name the agent whose consumers are to be transferred.")
	case t.To == "":
		return problem.Invalid.In("to_agent_id", "Name the agent who is to have the consumers.")
	case t.From == t.To:
		return problem.Invalid.In("to_agent_id", "It is the agent who has the consumers already.")
	case t.All == (len(t.Cases) > 0):
		return problem.Invalid.In("case_ids", "Name the cases, or say that it is all of them, not both.")
	case len(t.Cases) > maxTransfer:
		return problem.Invalid.In("case_ids", "One transfer has at most %d cases.", maxTransfer)
	}
	return nil
}

// wanted are the cases of the transfer, each once.
func (t *Transfer) wanted(held map[string]string) []string {
	ids := slices.Clone(t.Cases)
	if t.All {
		for id := range held {
			ids = append(ids, id)
		}
	}
	slices.Sort(ids)
	return slices.Compact(ids)
}

// mayTransfer tells in which role the caller transfers, and which cases the
// agent holds, with the names of their primary contacts.
func (d *Desk) mayTransfer(c Caller, agency string, t Transfer) (g access.Grant, held map[string]string, err error) {
	r, err := d.readNow()
	if err != nil {
		return g, nil, err
	}
	defer d.close(r)
	if g, err = r.grant(c, Owner{Agency: agency}); err != nil {
		return g, nil, err
	}
	if !g.Transfer {
		return g, nil, problem.Forbidden.With("Only managers and level-2 staff transfer consumers.")
	}
	from, known, err := r.state.Agent(t.From)
	if err != nil {
		return g, nil, err
	}
	if !known || from.AgencyID != agency {
		return g, nil, problem.NotFound.In("from_agent_id", "The agency has no such agent.")
	}
	to, known, err := r.state.Agent(t.To)
	if err != nil {
		return g, nil, err
	}
	if !known || to.AgencyID != agency {
		return g, nil, problem.NotFound.In("to_agent_id", "The agency has no such agent.")
	}
	if !to.Certified {
		return g, nil, problem.Conflict.In("to_agent_id", "The agent is not certified, and cannot be given consumers.")
	}
	held = map[string]string{}
	return g, held, r.state.EachHeld(t.From, func(id string, c *fold.Case) error {
		held[id] = nameOf(c)
		return nil
	})
}

// transferPart transfers up to a batch of cases. After an error the journal
// holds all of them or none, and every outcome says so.
func (d *Desk) transferPart(ctx context.Context, c Caller, role access.Role, t Transfer, batch string, ids []string) ([]TransferOutcome, error) {
	all := make([]events.Data, len(ids))
	for i, id := range ids {
		all[i] = &events.DelegationTransferred{CaseID: id, FromAgentID: t.From, ToAgentID: t.To, BatchID: batch}
	}
	outcomes := make([]TransferOutcome, len(ids))
	last, err := d.say(ctx, c, role, all)
	if err != nil {
		for i, id := range ids {
			outcomes[i] = TransferOutcome{CaseID: id, Outcome: "unknown", Reason: problem.Of(err).Detail}
			if problem.Of(err).Type != problem.Unsure.Type {
				outcomes[i].Outcome = "refused"
			}
		}
		return outcomes, err
	}
	for i, id := range ids {
		seq := last - uint64(len(ids)-1-i)
		outcomes[i] = TransferOutcome{CaseID: id, Outcome: "transferred", Seq: seq}
		outcome, why, err := d.waitFor(ctx, seq)
		switch {
		case err != nil:
			outcomes[i].Outcome, outcomes[i].Reason = "unknown", problem.Of(err).Detail
		case outcome == record.Rejected:
			outcomes[i].Outcome, outcomes[i].Code, outcomes[i].Reason = "refused", string(why.Code), why.Reason
		}
	}
	return outcomes, nil
}
