package service

import (
	"errors"

	"bookledger/cmd/internal/problem"
	"bookledger/events"
	"bookledger/projections/access"
	"bookledger/projections/checkpoint"
	"bookledger/projections/fold"
)

// told returns what people are told of a refusal by access; any other error
// stays as it is. Day is the Friday of the book that was asked for, and fridays
// how many of the last an agent may take.
func refusalProblem(err error, day events.Date, fridays int) error {
	why, refused := errors.AsType[access.Refusal](err)
	if !refused {
		return err
	}
	switch why {
	case access.MayNotAct:
		return problem.Forbidden.WithDetail("Only the agent and the agency's manager may do this.")
	case access.MayNotTransfer:
		return problem.Forbidden.WithDetail("Only managers and level-2 staff transfer consumers.")
	case access.FromOtherAgency:
		return problem.NotFound.WithField("from_agent_id", "The agency has no such agent.")
	case access.ToOtherAgency:
		return problem.NotFound.WithField("to_agent_id", "The agency has no such agent.")
	case access.ToUncertified:
		return problem.Conflict.WithField("to_agent_id", "The agent is not certified, and cannot be given consumers.")
	case access.AgentUnknown:
		return problem.NoBook.WithDetail("As of Friday %s the agent was not known.", day)
	case access.AgencyUnknown:
		return problem.NoBook.WithDetail("As of Friday %s the agency was not known.", day)
	case access.NotRecentFriday:
		return problem.NoBook.WithDetail("%s is not among the last %d Fridays, whose books an agent may take.", day, fridays)
	case access.AgentInOtherAgency:
		return problem.NoBook.WithDetail("As of Friday %s the agent was not of the agency.", day)
	case access.HasUncertifiedConsumers:
		return problem.NoBook.WithDetail("You cannot take the agency's book of %s: it holds consumers of an agent who is no longer certified. Ask a manager for it.", day)
	}
	return problem.NotFound.WithCause(err)
}

// grant returns what the caller may do with an owner's consumers.
func (r *snapshot) grant(c Caller, o Owner) (access.Grant, error) {
	g, err := access.GrantFor(r.state, c.Person, o)
	return g, refusalProblem(err, 0, 0)
}

// agents returns the agents whose consumers an owner's lists hold for the
// caller: of an agency those that the caller may see.
func (r *snapshot) agents(c Caller, o Owner) (ids []string, err error) {
	if o.Agent != "" {
		return []string{o.Agent}, nil
	}
	err = r.state.EachAgentOf(o.Agency, func(id string, _ *fold.Agent) error {
		in, err := access.InLists(r.state, c.Person, o, id)
		if in {
			ids = append(ids, id)
		}
		return err
	})
	return ids, err
}

// MaySeeLedger reports, as nil or problem.NotFound, whether the caller may see
// the ledger's figures. It is asked before anything of a request is looked at,
// so that nothing tells the others what there is.
func (c Caller) MaySeeLedger() error { return c.mayLedger(access.ViewLedger) }

// MayAudit is SeesFigures for how the ledger came to what it shows.
func (c Caller) MayAudit() error { return c.mayLedger(access.Audit) }

func (c Caller) mayLedger(right access.Right) error {
	if g, err := access.LedgerGrantFor(c.Person); err != nil || !g.May(right) {
		return problem.NotFound.WithCause(access.NotVisible)
	}
	return nil
}

// MayTransfer reports, as nil or a problem, whether the caller transfers
// consumers of the agency: problem.Forbidden where they only see it.
func (s *Service) MayTransfer(c Caller, agency string) error {
	r, done, err := s.snapshot(c)
	if err != nil {
		return err
	}
	defer done()
	_, err = access.MayTransfer(r.state, c.Person, agency, "", "")
	return refusalProblem(err, 0, 0)
}

// mayHave returns the role in which the caller may have the owner's book of a
// Friday. problem.NoBook says why there is none, or none for them;
// problem.NotFound that nothing of the owner's is open to them.
func (s *Service) mayDownload(r *snapshot, c Caller, o Owner, f checkpoint.Checkpoint) (access.Role, error) {
	day := f.Friday
	last := day >= access.FirstRecentFriday(r.Calendar(), r.OpenFriday(), s.RecentFridays)
	role, err := access.MayDownload(r.state, r.AsOf(day), c.Person, o, last)
	return role, refusalProblem(err, day, s.RecentFridays)
}

// friday finds the checkpoint of a Friday, or of the latest, whose book of the
// owner's is open to the caller, and in which role.
func (s *Service) authorizeBook(r *snapshot, c Caller, o Owner, text string) (checkpoint.Checkpoint, access.Role, error) {
	f, err := r.checkpoint(text)
	if err != nil {
		return f, "", err
	}
	role, err := s.mayDownload(r, c, o, f)
	return f, role, err
}

// checkpoint finds the checkpoint of a Friday or of the latest; problem.NoBook
// gives the reason why there is none, which names days alone.
func (r *snapshot) checkpoint(text string) (f checkpoint.Checkpoint, err error) {
	day, err := events.ParseDate(text)
	switch {
	case text == "latest":
		f, err = r.Checkpoint(0)
	case err != nil || day == 0:
		return f, problem.NoBook.WithDetail("Name the book by its Friday (YYYY-MM-DD) or by latest.")
	default:
		f, err = r.Checkpoint(day)
	}
	if errors.Is(err, checkpoint.ErrNoCheckpoint) {
		err = problem.NoBook.WithDetail("%s", problem.Sentence(err.Error()))
	}
	return f, err
}
