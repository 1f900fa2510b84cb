package service

import (
	"errors"

	"bookledger/cmd/internal/problem"
	"bookledger/events"
	"bookledger/projections/access"
	"bookledger/projections/checkpoint"
	"bookledger/projections/fold"
)

// refusalProblem returns the problem that tells the caller about an
// [access.Refusal]. It returns any other error unchanged. The book's Friday is
// day. The number of recent Fridays open to an agent is fridays.
func refusalProblem(err error, day events.Date, fridays int) error {
	why, refused := errors.AsType[access.Refusal](err)
	if !refused {
		return err
	}
	switch why {
	case access.MayNotAct:
		return problem.Forbidden.WithDetail("Only the agent or the agency's manager may do this.")
	case access.MayNotTransfer:
		return problem.Forbidden.WithDetail("Only managers and level-2 staff may transfer consumers.")
	case access.FromOtherAgency:
		return problem.NotFound.WithField("from_agent_id", "The agent to transfer from is not in this agency.")
	case access.ToOtherAgency:
		return problem.NotFound.WithField("to_agent_id", "The agent to transfer to is not in this agency.")
	case access.ToUncertified:
		return problem.Conflict.WithField("to_agent_id", "The agent to transfer to is not certified.")
	case access.AgentUnknown:
		return problem.NoBook.WithDetail("The ledger had no such agent as of %s.", day)
	case access.AgencyUnknown:
		return problem.NoBook.WithDetail("The ledger had no such agency as of %s.", day)
	case access.NotRecentFriday:
		return problem.NoBook.WithDetail("%s is too long ago: agents can download the books of the last %d Fridays.", day, fridays)
	case access.AgentInOtherAgency:
		return problem.NoBook.WithDetail("The agent was not in this agency as of %s.", day)
	case access.HasUncertifiedConsumers:
		return problem.NoBook.WithDetail("The agency's book of %s contains consumers of an agent who is no longer certified, so your role may not download it. Ask a manager for the book.", day)
	}
	return problem.NotFound.WithCause(err)
}

// grant returns what the caller may do with an owner's consumers. It returns
// problem.NotFound if the caller may do nothing.
func (r *snapshot) grant(c Caller, o Owner) (access.Grant, error) {
	g, err := access.GrantFor(r.state, c.Person, o)
	return g, refusalProblem(err, 0, 0)
}

// agents returns the agents whose consumers the caller sees in an owner's lists:
// the agent itself, or the agents of an agency that the caller may see.
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

// MaySeeLedger returns nil if the caller may see the ledger status, the Fridays,
// the rejected events and the export trail, and problem.NotFound otherwise. Call
// it before reading the rest of a request, so that the answer reveals nothing to
// other callers.
func (c Caller) MaySeeLedger() error { return c.mayLedger(access.ViewLedger) }

// MayAudit returns nil if the caller may explain cases and compare books, and
// problem.NotFound otherwise.
func (c Caller) MayAudit() error { return c.mayLedger(access.Audit) }

func (c Caller) mayLedger(right access.Right) error {
	if g, err := access.LedgerGrantFor(c.Person); err != nil || !g.May(right) {
		return problem.NotFound.WithCause(access.NotVisible)
	}
	return nil
}

// MayTransfer returns nil if the caller may transfer consumers within the agency,
// problem.Forbidden if the caller may only see the agency, and problem.NotFound
// otherwise.
func (s *Service) MayTransfer(c Caller, agency string) error {
	r, done, err := s.snapshot(c)
	if err != nil {
		return err
	}
	defer done()
	_, err = access.MayTransfer(r.state, c.Person, agency, "", "")
	return refusalProblem(err, 0, 0)
}

// mayDownload returns the role in which the caller may download the owner's book
// of a Friday. It returns problem.NoBook with the reason if this book does not
// exist or is not open to the caller, and problem.NotFound if the caller may see
// nothing of the owner's.
func (s *Service) mayDownload(r *snapshot, c Caller, o Owner, f checkpoint.Checkpoint) (access.Role, error) {
	day := f.Friday
	last := day >= access.FirstRecentFriday(r.Calendar(), r.OpenFriday(), s.RecentFridays)
	role, err := access.MayDownload(r.state, r.AsOf(day), c.Person, o, last)
	return role, refusalProblem(err, day, s.RecentFridays)
}

// authorizeBook returns the checkpoint of a Friday ("2026-11-20" or "latest") and
// the role in which the caller may download the owner's book of that Friday.
func (s *Service) authorizeBook(r *snapshot, c Caller, o Owner, text string) (checkpoint.Checkpoint, access.Role, error) {
	f, err := r.checkpoint(text)
	if err != nil {
		return f, "", err
	}
	role, err := s.mayDownload(r, c, o, f)
	return f, role, err
}

// checkpoint returns the checkpoint of a Friday ("2026-11-20" or "latest"). If
// there is none, it returns problem.NoBook with the reason.
func (r *snapshot) checkpoint(text string) (f checkpoint.Checkpoint, err error) {
	day, err := events.ParseDate(text)
	switch {
	case text == "latest":
		f, err = r.Checkpoint(0)
	case err != nil || day == 0:
		return f, problem.NoBook.WithDetail("Not a Friday: use YYYY-MM-DD, for example 2026-11-20, or latest.")
	default:
		f, err = r.Checkpoint(day)
	}
	if errors.Is(err, checkpoint.ErrNoCheckpoint) {
		err = problem.NoBook.WithDetail("%s", problem.Sentence(err.Error()))
	}
	return f, err
}
