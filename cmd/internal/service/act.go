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

// Action is what an agent does with a consumer.
type Action string

// The actions.
const (
	MarkInactive Action = "mark-inactive"
	Reactivate   Action = "reactivate"
	Accept       Action = "accept"
	Decline      Action = "decline"
)

// ActionResult is an action that was done, and that the lists show.
type ActionResult struct {
	CaseID  string `json:"case_id" format:"Identifier" doc:"The case."`
	AgentID string `json:"agent_id" format:"Identifier" doc:"The agent for whom it was done."`
	Action  Action `json:"action" format:"Action" doc:"What was done."`
	Seq     uint64 `json:"seq" format:"Sequence" doc:"The sequence of its record."`
	Name    string `json:"-"` // of the primary contact
}

// event is the event that says that the action was done, nil if there is no such
// action.
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

// Act does an action and returns when the lists show it. It returns
// problem.Conflict where the case is not as the action needs it, now or by the
// time when the ledger judges.
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
		return nil, withCode(problem.Conflict.WithDetail("The ledger refused it: %s.", why.Reason), why.Code)
	case outcome == record.Unchanged:
		return nil, problem.Conflict.WithDetail("It was so already when it was to be done; the list shows it.")
	}
	return &ActionResult{CaseID: id, AgentID: agent, Action: a, Seq: seq, Name: name}, nil
}

// mayAct tells in which role the caller acts, for which agent, and the name of
// the primary contact, or why the action cannot be done.
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

// nameOf is the name of a case's primary contact.
func contactName(c *fold.Case) string {
	return book.FullName(c.Household.PrimaryContact.FirstName, c.Household.PrimaryContact.LastName)
}

// askedAgent is the one agent of the owner's whom the consumer has asked.
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
		return "", problem.Conflict.WithDetail("Several agents of the agency have a request of this consumer; answer it for one of them.")
	}
	return append(candidates, "")[0], nil
}

// conflict returns why the ledger would not do what an event says to the case
// as it is, nil if it would.
func conflict(c *fold.Case, event events.Data) error {
	_, changed, refusal := fold.NextCase(*c, event, fold.Position{})
	switch {
	case refusal != nil && refusal.Code == events.NoPendingRequest:
		return withCode(problem.Conflict.WithDetail("No request of this consumer is pending any more: it was withdrawn or has been answered."), refusal.Code)
	case refusal != nil:
		return withCode(problem.Conflict.WithDetail("The consumer is delegated to another agent, or to nobody."), events.WrongAgent)
	case !changed && c.Inactive:
		return problem.Conflict.WithDetail("The consumer is inactive already.")
	case !changed:
		return problem.Conflict.WithDetail("The consumer is active already.")
	}
	return nil
}

func withCode(p *problem.Problem, code events.Code) error {
	p.Code = string(code)
	return p
}

// append appends events of which the caller is the actor, all or none, and
// returns the sequence of the last. Where the journal fails, the error is
// problem.Unsure or problem.Unavailable.
func (s *Service) append(ctx context.Context, c Caller, source string, role access.Role, all []events.Data) (last uint64, err error) {
	messages := make([]journal.Message, len(all))
	for i, data := range all {
		id, err := uuid.NewV7()
		if err != nil {
			return 0, fmt.Errorf("making the id of an event: %w", err)
		}
		e := events.Event{
			ID: id.String(), Source: source, Type: events.TypeOf(data), Time: s.Now().UTC(),
			ActorID: c.ID, ActorRole: string(role), Data: data,
		}
		if messages[i], err = journal.MessageOf(e); err != nil {
			return 0, err
		}
	}
	// Who has gone does not make it half done.
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), actionTimeout)
	defer cancel()
	ack, err := s.Node.Journal.Append(ctx, messages)
	switch {
	case err == nil:
		return ack.Last, nil
	case errors.Is(err, journal.ErrOutcomeUnknown):
		s.Log.Error("the journal did not say whether an event was stored", zap.Error(err))
		return 0, problem.OutcomeUnknown.WithCause(err)
	}
	s.Log.Error("the journal did not take an event", zap.Error(err))
	return 0, problem.Unavailable.WithCause(err)
}

// waitFor waits until the lists show a record.
func (s *Service) waitFor(ctx context.Context, seq uint64) (record.Outcome, *projections.RejectedEvent, error) {
	// It is on record: who has gone, or seems to, changes nothing in that.
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), actionTimeout)
	defer cancel()
	outcome, why, err := s.Node.Projection.WaitFor(ctx, seq)
	if err != nil {
		return 0, nil, problem.OutcomeUnknown.WithDetail("Your request was recorded, but its result is not known yet. Check the list in a few minutes before you repeat it.").WithCause(err)
	}
	return outcome, why, nil
}
