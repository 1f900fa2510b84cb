package service

import (
	"context"
	"errors"
	"fmt"

	"github.com/google/uuid"
	"go.uber.org/zap"

	"bookledger/cmd/internal/problem"
	"bookledger/events"
	"bookledger/events/journal"
	"bookledger/events/record"
	"bookledger/projections"
	"bookledger/projections/access"
	"bookledger/projections/book"
	"bookledger/projections/fold"
)

// Action is something that an agent can do with a consumer's case.
type Action string

// The actions.
const (
	MarkInactive Action = "mark-inactive"
	Reactivate   Action = "reactivate"
	Accept       Action = "accept"
	Decline      Action = "decline"
)

// ActionResult describes an action that was applied and that the lists show.
type ActionResult struct {
	CaseID  string `json:"case_id" format:"Identifier" doc:"The ID of the case."`
	AgentID string `json:"agent_id" format:"Identifier" doc:"The agent on whose behalf the action was taken."`
	Action  Action `json:"action" format:"Action" doc:"The action that was taken."`
	Seq     uint64 `json:"seq" format:"Sequence" doc:"The sequence of the action's record."`
	Name    string `json:"-"` // the name of the primary contact
}

// event returns the event that records the action, or nil for an unknown action.
func (a Action) event(d events.Delegation) events.Data {
	switch a {
	case MarkInactive:
		return &events.DelegationMarkedInactive{Delegation: d}
	case Reactivate:
		return &events.DelegationReactivated{Delegation: d}
	case Accept:
		return &events.DelegationAccepted{Delegation: d}
	case Decline:
		return &events.DelegationDeclined{Delegation: d}
	}
	return nil
}

// Act takes an action and returns once the lists show it. It returns
// problem.Conflict if the state of the case does not allow the action, either now
// or when the ledger processes the record.
func (s *Service) Act(ctx context.Context, c Caller, o Owner, id string, a Action) (*ActionResult, error) {
	if a.event(events.Delegation{}) == nil {
		return nil, problem.NotFound.WithCause(errors.New("no such action"))
	}
	if err := s.limitWrites(c, 1); err != nil {
		return nil, err
	}
	role, agent, name, err := s.authorizeAction(c, o, id, a)
	if err != nil {
		return nil, err
	}
	seq, err := s.append(ctx, c, events.SourcePortal, role, []events.Data{a.event(events.Delegation{CaseID: id, AgentID: agent})})
	if err != nil {
		return nil, err
	}
	outcome, why, err := s.waitFor(ctx, seq)
	switch {
	case err != nil:
		return nil, err
	case outcome == record.Rejected:
		return nil, withCode(problem.Conflict.WithDetail("The ledger rejected the action: %s.", why.Reason), why.Code)
	case outcome == record.Unchanged:
		return nil, problem.Conflict.WithDetail("Nothing to do: the list already shows this change.")
	}
	return &ActionResult{CaseID: id, AgentID: agent, Action: a, Seq: seq, Name: name}, nil
}

// authorizeAction returns the role in which the caller acts, the agent on whose
// behalf, and the name of the primary contact. Its error says why the action is
// not possible.
func (s *Service) authorizeAction(c Caller, o Owner, id string, a Action) (role access.Role, agent, name string, err error) {
	r, err := s.currentSnapshot()
	if err != nil {
		return "", "", "", err
	}
	defer s.closeSnapshot(r)
	g, err := r.grant(c, o)
	if err != nil {
		return "", "", "", err
	}
	state, agent, err := r.ownCase(c, o, id)
	if err == nil && g.Act() && (a == Accept || a == Decline) {
		agent, err = r.requestedAgent(c, o, state)
	}
	if err != nil {
		return "", "", "", err
	}
	if role, err = access.MayAct(r.state, c.Person, o, agent); err != nil {
		return "", "", "", refusalProblem(err, 0, 0)
	}
	return role, agent, contactName(state), conflict(state, a.event(events.Delegation{CaseID: id, AgentID: agent}))
}

// contactName returns the name of a case's primary contact.
func contactName(c *fold.Case) string {
	return book.FullName(c.Household.PrimaryContact.FirstName, c.Household.PrimaryContact.LastName)
}

// requestedAgent returns the one agent of the owner's who has a pending request
// for the case, or "".
func (r *snapshot) requestedAgent(c Caller, o Owner, state *fold.Case) (string, error) {
	if o.Agent != "" {
		return o.Agent, nil
	}
	var candidates []string
	for _, p := range state.Pending {
		ok, err := access.InLists(r.state, c.Person, o, p.AgentID)
		if err != nil {
			return "", err
		}
		if ok {
			candidates = append(candidates, p.AgentID)
		}
	}
	if len(candidates) > 1 {
		return "", problem.Conflict.WithDetail("This consumer has pending requests to several agents of the agency. Answer the request of one agent.")
	}
	return append(candidates, "")[0], nil
}

// conflict returns a problem if the ledger would reject the event, or if the event
// would not change the case as it is now. Otherwise it returns nil.
func conflict(c *fold.Case, event events.Data) error {
	_, changed, refusal := fold.NextCase(*c, event, fold.Position{})
	switch {
	case refusal != nil && refusal.Code == events.NoPendingRequest:
		return withCode(problem.Conflict.WithDetail("This consumer's request is no longer pending. It was withdrawn or already answered."), refusal.Code)
	case refusal != nil:
		return withCode(problem.Conflict.WithDetail("The consumer is delegated to another agent or to none."), events.WrongAgent)
	case !changed && c.Inactive:
		return problem.Conflict.WithDetail("The consumer is already inactive.")
	case !changed:
		return problem.Conflict.WithDetail("The consumer is already active.")
	}
	return nil
}

func withCode(p *problem.Problem, code events.Code) error {
	p.Code = string(code)
	return p
}

// append appends events with the caller as the actor, all or none, and returns
// the sequence of the last one. If the journal fails, the error is
// problem.OutcomeUnknown or problem.Unavailable.
func (s *Service) append(ctx context.Context, c Caller, source string, role access.Role, all []events.Data) (last uint64, err error) {
	messages := make([]journal.Message, len(all))
	for i, data := range all {
		id, err := uuid.NewV7()
		if err != nil {
			return 0, fmt.Errorf("creating an event id: %w", err)
		}
		e := events.Event{
			ID: id.String(), Source: source, Type: events.TypeOf(data), Time: s.Now().UTC(),
			ActorID: c.ID, ActorRole: string(role), Data: data,
		}
		if messages[i], err = journal.MessageOf(e); err != nil {
			return 0, err
		}
	}
	// A client that disconnects must not interrupt the append.
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), actionTimeout)
	defer cancel()
	ack, err := s.Node.Journal.Append(ctx, messages)
	switch {
	case err == nil:
		return ack.Last, nil
	case errors.Is(err, journal.ErrOutcomeUnknown):
		s.Log.Error("appending events: outcome unknown", zap.Error(err))
		return 0, problem.OutcomeUnknown.WithCause(err)
	}
	s.Log.Error("appending events failed", zap.Error(err))
	return 0, problem.Unavailable.WithCause(err)
}

// waitFor waits until the lists show a record, and returns its outcome.
func (s *Service) waitFor(ctx context.Context, seq uint64) (record.Outcome, *projections.RejectedEvent, error) {
	// The event is in the journal, so wait even if the client has disconnected.
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), actionTimeout)
	defer cancel()
	outcome, why, err := s.Node.Projection.WaitFor(ctx, seq)
	if err != nil {
		return 0, nil, problem.OutcomeUnknown.WithDetail("Your request was recorded, but its result isn't known yet. Check the list in a few minutes before you repeat the action.").WithCause(err)
	}
	return outcome, why, nil
}
