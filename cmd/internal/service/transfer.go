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

// TransferRequest is the wish to move consumers from one agent of an agency to
// another: the named ones, or all that the agent holds.
type TransferRequest struct {
	From  string   `json:"from_agent_id" format:"Identifier" doc:"The agent who has the consumers."`
	To    string   `json:"to_agent_id" format:"Identifier" doc:"The agent who is to have them; another, and certified."`
	Cases []string `json:"case_ids,omitzero" format:"Identifier" minItems:"1" maxItems:"20000" doc:"The cases to move; leave it out where all are meant."`
	All   bool     `json:"all,omitzero" doc:"Move all that the agent holds, active and inactive; then without \x60case_ids\x60."`
}

// TransferResult is what became of a transfer, for each of its cases.
type TransferResult struct {
	BatchID  string            `json:"batch_id" doc:"Names this transfer in the record."`
	From     string            `json:"from_agent_id" format:"Identifier" doc:"The agent who had the consumers."`
	To       string            `json:"to_agent_id" format:"Identifier" doc:"The agent who has got them."`
	Outcomes []TransferOutcome `json:"outcomes" doc:"What became of each case."`
}

// TransferOutcome is what became of one case: it was transferred, or refused
// with a reason, or is not held by the agent and was not attempted.
type TransferOutcome struct {
	CaseID  string `json:"case_id" format:"Identifier" doc:"The case."`
	Outcome string `json:"outcome" enum:"transferred,refused,not_delegated,unknown" doc:"It was transferred; was refused; is not delegated to the agent, and was not attempted; or it is not known, since the journal did not answer in time."`
	Code    string `json:"code,omitzero" format:"RejectionCode" doc:"Why the ledger refused it."`
	Reason  string `json:"reason,omitzero" doc:"Why it was not transferred."`
	Seq     uint64 `json:"seq,omitzero" format:"Sequence" doc:"The sequence of its record, where it has one."`
	Name    string `json:"-"` // of the primary contact, where the agent holds the case
}

const (
	// maxTransfer is how many cases one request may name.
	maxTransfer = 20_000
	// casesPerCost is how many cases of a transfer count as much as one action.
	casesPerCost = 100
	// transferBatch is how many of them share an atomic batch of the journal.
	transferBatch = 1000
)

// Transfer moves consumers and returns when the lists show it. Each case is
// judged alone, so some may be transferred and others not.
func (s *Service) Transfer(ctx context.Context, c Caller, agency string, t TransferRequest) (*TransferResult, error) {
	if err := t.check(); err != nil {
		return nil, err
	}
	role, held, err := s.authorizeTransfer(c, agency, t)
	if err != nil {
		return nil, err
	}
	// The outcome names those who were to be transferred.
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
			CaseID: id, Outcome: "not_delegated", Reason: "the case is not delegated to the agent from whom it was to be transferred",
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

func (t *TransferRequest) check() error {
	switch {
	case t.From == "":
		return problem.Invalid.WithField("from_agent_id", "Name the agent whose consumers are to be transferred.")
	case t.To == "":
		return problem.Invalid.WithField("to_agent_id", "Name the agent who is to have the consumers.")
	case t.From == t.To:
		return problem.Invalid.WithField("to_agent_id", "It is the agent who has the consumers already.")
	case t.All == (len(t.Cases) > 0):
		return problem.Invalid.WithField("case_ids", "Name the cases, or say that it is all of them, not both.")
	case len(t.Cases) > maxTransfer:
		return problem.Invalid.WithField("case_ids", "One transfer has at most %d cases.", maxTransfer)
	case slices.ContainsFunc(t.Cases, func(id string) bool { return !events.IsIdentifier(id) }):
		return problem.Invalid.WithField("case_ids", "There is something among them that is no case id.")
	}
	return nil
}

// wanted are the cases of the transfer, each once.
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

// mayTransfer tells in which role the caller transfers, and which cases the
// agent holds, with the names of their primary contacts.
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

// transferAll appends the transfers of the cases, in atomic batches of the
// journal, and returns what became of each. It stops at a batch that the journal
// did not take, and returns its error only where it is certain that nothing was transferred.
func (s *Service) transferAll(ctx context.Context, c Caller, role access.Role, t TransferRequest, batch string, ids []string) ([]TransferOutcome, error) {
	outcomes := make([]TransferOutcome, len(ids))
	for i, id := range ids {
		outcomes[i] = TransferOutcome{CaseID: id, Outcome: "refused", Reason: "the journal failed before its turn came"}
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

// learn tells what became of each record, from the last one on: when the lists
// show that, they show all, and when they do not, waiting longer is of no use.
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
