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

// Acted is an action that was done, and that the lists show.
type Acted struct {
	CaseID  string `json:"case_id" format:"Identifier" doc:"The case."`
	AgentID string `json:"agent_id" format:"Identifier" doc:"The agent for whom it was done."`
	Action  Action `json:"action" format:"Action" doc:"What was done."`
	Seq     uint64 `json:"seq" format:"Sequence" doc:"The sequence of its record."`
	Name    string `json:"-"` // of the primary contact
}

// Known tells whether there is such an action.
func (a Action) Known() bool { return a.event(events.Delegation{}) != nil }

// event is the event that says that the action was done.
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
func (d *Service) Act(ctx context.Context, c Caller, o Owner, id string, a Action) (*Acted, error) {
	if !a.Known() {
		return nil, problem.NotFound.Because(errors.New("no such action"))
	}
	if err := d.mayWrite(c, 1); err != nil {
		return nil, err
	}
	role, agent, name, err := d.mayAct(c, o, id, a)
	if err != nil {
		return nil, err
	}
	seq, err := d.say(ctx, c, role, []events.Data{a.event(events.Delegation{CaseID: id, AgentID: agent})})
	if err != nil {
		return nil, err
	}
	outcome, why, err := d.waitFor(ctx, seq)
	if err != nil {
		return nil, err
	}
	if outcome == record.Rejected {
		return nil, refused(why)
	}
	if outcome == record.Unchanged {
		return nil, problem.Conflict.With("It was so already when it was to be done; the list shows it.")
	}
	return &Acted{CaseID: id, AgentID: agent, Action: a, Seq: seq, Name: name}, nil
}

// mayAct tells in which role the caller acts, for which agent, and the name of
// the primary contact, or why the action cannot be done.
func (d *Service) mayAct(c Caller, o Owner, id string, a Action) (role access.Role, agent, name string, err error) {
	r, err := d.readNow()
	if err != nil {
		return "", "", "", err
	}
	defer d.close(r)
	g, err := r.grant(c, o)
	if err != nil {
		return "", "", "", err
	}
	state, agent, err := r.ownCase(c, o, id)
	if err == nil && g.Act() && (a == Accept || a == Decline) {
		agent, err = r.askedAgent(c, o, state)
	}
	if err != nil {
		return "", "", "", err
	}
	if role, err = access.MayAct(r.state, c.Person, o, agent); err != nil {
		return "", "", "", told(err, 0, 0)
	}
	return role, agent, nameOf(state), conflict(state, agent, a)
}

// nameOf is the name of a case's primary contact.
func nameOf(c *fold.Case) string {
	p := &c.Household.PrimaryContact
	return fullName(p.FirstName, p.LastName)
}

// askedAgent is the one agent of the owner's whom the consumer has asked.
func (r *reading) askedAgent(c Caller, o Owner, state *fold.Case) (string, error) {
	if o.Agent != "" {
		return o.Agent, nil
	}
	var asked []string
	for _, p := range state.Pending {
		ok, err := access.InLists(r.state, c.Person, o, p.AgentID)
		if err != nil {
			return "", err
		}
		if ok {
			asked = append(asked, p.AgentID)
		}
	}
	if len(asked) > 1 {
		return "", problem.Conflict.With("Several agents of the agency have a request of this consumer; answer it for one of them.")
	}
	return append(asked, "")[0], nil
}

// conflict tells why an action cannot be done with the case as it is.
func conflict(c *fold.Case, agent string, a Action) error {
	if a == Accept || a == Decline {
		for _, p := range c.Pending {
			if p.AgentID == agent {
				return nil
			}
		}
		p := problem.Conflict.With("No request of this consumer is pending any more: it was withdrawn or has been answered.")
		p.Code = string(events.NoPendingRequest)
		return p
	}
	switch {
	case c.AgentID != agent:
		p := problem.Conflict.With("The consumer is delegated to another agent, or to nobody.")
		p.Code = string(events.WrongAgent)
		return p
	case a == MarkInactive && c.Inactive:
		return problem.Conflict.With("The consumer is inactive already.")
	case a == Reactivate && !c.Inactive:
		return problem.Conflict.With("The consumer is active already.")
	}
	return nil
}

// refused is the conflict that the ledger's own judgement found.
func refused(why *projections.Rejected) error {
	p := problem.Conflict.With("The ledger refused it: %s.", why.Reason)
	p.Code = string(why.Code)
	return p
}

// say appends delegation events of the portal, all or none, and returns the
// sequence of the last.
func (d *Service) say(ctx context.Context, c Caller, role access.Role, all []events.Data) (last uint64, err error) {
	messages := make([]journal.Message, len(all))
	for i, data := range all {
		id, err := uuid.NewV7()
		if err != nil {
			return 0, fmt.Errorf("making the id of an event: %w", err)
		}
		e := events.Event{
			ID: id.String(), Source: events.SourcePortal, Type: events.TypeOf(data), Time: d.Now().UTC(),
			ActorID: c.ID, ActorRole: string(role), Data: data,
		}
		body, err := e.Encode()
		if err != nil {
			return 0, err
		}
		messages[i] = journal.Message{Subject: e.Subject(), Body: body}
	}
	return d.append(ctx, messages)
}

// append appends messages and tells its failures as problems.
func (d *Service) append(ctx context.Context, messages []journal.Message) (last uint64, err error) {
	// Who has gone does not make it half done.
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), actTime)
	defer cancel()
	ack, err := d.Node.Journal.Append(ctx, messages)
	switch {
	case err == nil:
		return ack.Last, nil
	case errors.Is(err, journal.ErrUnsure):
		d.Log.Error("the journal did not say whether an event was stored", zap.Error(err))
		return 0, problem.Unsure.Because(err)
	}
	d.Log.Error("the journal did not take an event", zap.Error(err))
	return 0, problem.Unavailable.Because(err)
}

// waitFor waits until the lists show a record.
func (d *Service) waitFor(ctx context.Context, seq uint64) (record.Outcome, *projections.Rejected, error) {
	// It is on record: who has gone, or seems to, changes nothing in that.
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), actTime)
	defer cancel()
	outcome, why, err := d.Node.Projection.WaitFor(ctx, seq)
	if err != nil {
		return 0, nil, problem.Unsure.With("It is on record, but the lists do not show it yet. Look at them again in a little while.").Because(err)
	}
	return outcome, why, nil
}
