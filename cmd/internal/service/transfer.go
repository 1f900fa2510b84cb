package service

import (
	"context"
	"slices"

	"github.com/google/uuid"

	"bookledger/cmd/internal/problem"
	"bookledger/events"
	"bookledger/events/record"
	"bookledger/projections"
	"bookledger/projections/access"
	"bookledger/projections/fold"
)

// TransferRequest asks to move cases from one agent of an agency to another: either
// the named cases, or all that the agent holds.
type TransferRequest struct {
	From  string   `json:"from_agent_id" format:"Identifier" doc:"The agent who holds the cases."`
	To    string   `json:"to_agent_id" format:"Identifier" doc:"The agent who receives the cases. Must be another, certified agent of the agency."`
	Cases []string `json:"case_ids,omitzero" format:"Identifier" minItems:"1" maxItems:"20000" doc:"The IDs of the cases to transfer. Omit it if \x60all\x60 is true."`
	All   bool     `json:"all,omitzero" doc:"Transfer all cases that the agent holds, active and inactive. Omit \x60case_ids\x60 then."`
}

// TransferResult contains the outcome of a transfer for each of its cases.
type TransferResult struct {
	BatchID  string            `json:"batch_id" doc:"The ID of this transfer. All its events in the journal carry it."`
	From     string            `json:"from_agent_id" format:"Identifier" doc:"The agent who held the cases."`
	To       string            `json:"to_agent_id" format:"Identifier" doc:"The agent who receives the cases."`
	Outcomes []TransferOutcome `json:"outcomes" doc:"The outcome for each case."`
}

// TransferOutcome is the outcome of a transfer for one case.
type TransferOutcome struct {
	CaseID  string `json:"case_id" format:"Identifier" doc:"The ID of the case."`
	Outcome string `json:"outcome" enum:"transferred,refused,not_delegated,unknown" doc:"\x60transferred\x60; \x60refused\x60: the ledger rejected the transfer, or it was not sent; \x60not_delegated\x60: the agent does not hold the case, and nothing was attempted; \x60unknown\x60: the journal did not answer in time."`
	Code    string `json:"code,omitzero" format:"RejectionCode" doc:"The rejection code, if the ledger rejected the transfer."`
	Reason  string `json:"reason,omitzero" doc:"The reason why the case was not transferred."`
	Seq     uint64 `json:"seq,omitzero" format:"Sequence" doc:"The sequence of the transfer's record, if there is one."`
	Name    string `json:"-"` // the name of the primary contact, if the agent holds the case
}

const (
	// maxTransfer is the most cases in one request.
	maxTransfer = 20_000
	// casesPerCost is the number of transferred cases that cost as much as one action.
	casesPerCost = 100
	// transferBatch is the number of events in one atomic batch of the journal.
	transferBatch = 1000
)

// Transfer transfers cases and returns once the lists show it. The ledger processes
// each case independently, so some may be transferred and others rejected.
func (s *Service) Transfer(ctx context.Context, c Caller, agency string, t TransferRequest) (*TransferResult, error) {
	if err := t.check(); err != nil {
		return nil, err
	}
	role, held, err := s.authorizeTransfer(c, agency, t)
	if err != nil {
		return nil, err
	}
	// The result contains the names of consumers, so this is logged as an access.
	if err := s.logAccess(c, role, "transfer", Owner{Agent: t.From, Agency: agency}, ""); err != nil {
		return nil, err
	}
	batch, err := uuid.NewV7()
	if err != nil {
		return nil, err
	}
	done := &TransferResult{BatchID: batch.String(), From: t.From, To: t.To, Outcomes: []TransferOutcome{}}
	var todo []string
	for _, id := range t.caseIDs(held) {
		if _, ok := held[id]; ok {
			todo = append(todo, id)
			continue
		}
		done.Outcomes = append(done.Outcomes, TransferOutcome{
			CaseID: id, Outcome: "not_delegated", Reason: "the case is not delegated to the agent you are transferring from",
		})
	}
	if err := s.limitWrites(c, 1+len(todo)/casesPerCost); err != nil {
		return nil, err
	}
	moved, err := s.transferAll(ctx, c, role, t, done.BatchID, todo)
	if err != nil {
		return nil, err
	}
	done.Outcomes = append(done.Outcomes, moved...)
	for i := range done.Outcomes {
		done.Outcomes[i].Name = held[done.Outcomes[i].CaseID]
	}
	return done, nil
}

// check returns problem.Invalid if the request is incomplete or contradictory.
func (t *TransferRequest) check() error {
	switch {
	case t.From == "":
		return problem.Invalid.WithField("from_agent_id", "Name the agent to transfer from.")
	case t.To == "":
		return problem.Invalid.WithField("to_agent_id", "Name the agent to transfer to.")
	case t.From == t.To:
		return problem.Invalid.WithField("to_agent_id", "The agent to transfer to must be a different agent.")
	case t.All == (len(t.Cases) > 0):
		return problem.Invalid.WithField("case_ids", "Send either case_ids or all, not both.")
	case len(t.Cases) > maxTransfer:
		return problem.Invalid.WithField("case_ids", "A transfer can have at most %d cases.", maxTransfer)
	case slices.ContainsFunc(t.Cases, func(id string) bool { return !events.IsIdentifier(id) }):
		return problem.Invalid.WithField("case_ids", "case_ids contains an invalid case ID.")
	}
	return nil
}

// caseIDs returns the IDs of the requested cases, sorted and without duplicates.
func (t *TransferRequest) caseIDs(held map[string]string) []string {
	ids := slices.Clone(t.Cases)
	if t.All {
		for id := range held {
			ids = append(ids, id)
		}
	}
	slices.Sort(ids)
	return slices.Compact(ids)
}

// authorizeTransfer returns the role in which the caller transfers, and the IDs of
// the cases that the agent holds, with the names of their primary contacts.
func (s *Service) authorizeTransfer(c Caller, agency string, t TransferRequest) (role access.Role, held map[string]string, err error) {
	r, err := s.currentSnapshot()
	if err != nil {
		return "", nil, err
	}
	defer s.closeSnapshot(r)
	if role, err = access.MayTransfer(r.state, c.Person, agency, t.From, t.To); err != nil {
		return "", nil, refusalProblem(err, 0, 0)
	}
	held = map[string]string{}
	return role, held, r.state.EachHeld(t.From, func(id string, c *fold.Case) error {
		held[id] = contactName(c)
		return nil
	})
}

// transferAll appends the transfer events in atomic batches and returns the outcome
// for each case. It stops at the first batch that fails. It returns an error only
// if nothing was transferred for certain.
func (s *Service) transferAll(ctx context.Context, c Caller, role access.Role, t TransferRequest, batch string, ids []string) ([]TransferOutcome, error) {
	outcomes := make([]TransferOutcome, len(ids))
	for i, id := range ids {
		outcomes[i] = TransferOutcome{CaseID: id, Outcome: "refused", Reason: "the journal failed before this case was sent"}
	}
	sent := 0
	for sent < len(ids) {
		part := outcomes[sent:min(sent+transferBatch, len(ids))]
		all := make([]events.Data, len(part))
		for i := range part {
			all[i] = &events.DelegationTransferred{CaseID: part[i].CaseID, FromAgentID: t.From, ToAgentID: t.To, BatchID: batch}
		}
		last, err := s.append(ctx, c, events.SourcePortal, role, all)
		if err != nil {
			why := problem.From(err)
			if sent == 0 && why.Type != problem.OutcomeUnknown.Type {
				return nil, err
			}
			for i := range part {
				if part[i].Reason = why.Detail; why.Type == problem.OutcomeUnknown.Type {
					part[i].Outcome = "unknown"
				}
			}
			break
		}
		for i := range part {
			part[i].Seq = last - uint64(len(part)-1-i)
		}
		sent += len(part)
	}
	s.awaitOutcomes(ctx, outcomes[:sent])
	return outcomes, nil
}

// awaitOutcomes sets the outcome of each record. It starts with the last record:
// once the lists show it, they show all records. If the wait for one fails, it
// does not wait for the others.
func (s *Service) awaitOutcomes(ctx context.Context, outcomes []TransferOutcome) {
	var outcome record.Outcome
	var why *projections.RejectedEvent
	var err error
	for i := range slices.Backward(outcomes) {
		o := &outcomes[i]
		if err == nil {
			outcome, why, err = s.waitFor(ctx, o.Seq)
		}
		switch {
		case err != nil:
			o.Outcome, o.Reason = "unknown", problem.From(err).Detail
		case outcome == record.Rejected:
			o.Outcome, o.Code, o.Reason = "refused", string(why.Code), why.Reason
		default:
			o.Outcome, o.Reason = "transferred", ""
		}
	}
}
