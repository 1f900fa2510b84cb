package access

import (
	"errors"
	"slices"

	"bookledger/events"
	"bookledger/projections/book"
	"bookledger/projections/fold"
)

// PastState is the state of the ledger that the book of a Friday shows.
type PastState interface {
	Agent(id string) (agent fold.Agent, known bool, err error)
	Agency(id string) (agency fold.Agency, known bool, err error)
	// EachAgentOf calls yield for every agent who belonged to the agency.
	EachAgentOf(agency string, yield func(id string, agent *fold.Agent) error) error
	// EachHeld calls yield for every case that the agent held, including closed
	// cases.
	EachHeld(agent string, yield func(id string, c *fold.Case) error) error
}

// DefaultRecentFridays is the default number of past Fridays whose books agents
// may download. Operators can set another number.
const DefaultRecentFridays = 5

// FirstRecentFriday returns the earliest of the last n past Fridays. The open
// week ends on the Friday open.
func FirstRecentFriday(c *events.Calendar, open events.Date, n int) events.Date {
	for range n {
		open = c.Previous(open)
	}
	return open
}

// MayDownload returns the role in which a person may download an owner's book of
// a Friday. One of the person's roles must permit it by itself; roles are not
// combined. The argument recent reports whether agents may still download the
// books of that Friday.
func MayDownload(now State, then PastState, p Person, o Owner, recent bool) (Role, error) {
	permits, err := permitsOf(now, p, o)
	if err != nil {
		return "", err
	}
	return decideDownload(permits, now, then, o, recent)
}

// CouldDownload checks again whether a person was allowed to download a book in
// the role that the export trail names. It trusts the trail for what only the
// sign-in knows: who is an auditor, an operator or a certain agent.
func CouldDownload(now State, then PastState, person string, role Role, o Owner, recent bool) error {
	p := Person{ID: person, Auditor: role == Auditor, Operator: role == Operator}
	if role == Agent {
		p.AgentID = o.Agent
	}
	permits, err := permitsOf(now, p, o)
	if err != nil {
		return err
	}
	permits = slices.DeleteFunc(permits, func(rp rolePermit) bool { return rp.role != role })
	_, err = decideDownload(permits, now, then, o, recent)
	return err
}

func decideDownload(permits []rolePermit, now State, then PastState, o Owner, recent bool) (Role, error) {
	if len(permits) == 0 {
		return "", NotVisible
	}
	if err := requireOwner(then, o); err != nil {
		return "", err
	}
	var err error
	for _, rp := range permits {
		if err = rp.books.permits(now, then, o, recent); err == nil {
			return rp.role, nil
		}
		if _, refused := errors.AsType[Refusal](err); !refused {
			break
		}
	}
	return "", err
}

// requireOwner returns a refusal if the owner was not known at the Friday and
// therefore has no book.
func requireOwner(then PastState, o Owner) error {
	if o.Agent != "" {
		_, known, err := then.Agent(o.Agent)
		if err == nil && !known {
			err = AgentUnknown
		}
		return err
	}
	_, known, err := then.Agency(o.Agency)
	if err != nil || known {
		return err
	}
	err = then.EachAgentOf(o.Agency, func(string, *fold.Agent) error {
		known = true
		return nil
	})
	if err == nil && !known {
		err = AgencyUnknown
	}
	return err
}

// permits returns nil if the scope includes the Friday, otherwise a refusal.
func (b BookScope) permits(now State, then PastState, o Owner, recent bool) error {
	switch b {
	case AnyFriday:
		return nil
	case RecentFridays:
		if !recent {
			return NotRecentFriday
		}
		return nil
	case SameAgency: // a new agency gets no access to an agent's earlier books
		past, _, err := then.Agent(o.Agent)
		if err != nil {
			return err
		}
		present, _, err := now.Agent(o.Agent)
		if err == nil && present.AgencyID != past.AgencyID {
			err = AgentInOtherAgency
		}
		return err
	case CertifiedOnly: // a book is the same for everybody, so no rows can be left out
		return then.EachAgentOf(o.Agency, func(id string, _ *fold.Agent) error {
			agent, _, err := now.Agent(id)
			if err != nil || agent.Certified {
				return err
			}
			return then.EachHeld(id, func(_ string, c *fold.Case) error {
				if book.InBook(c) {
					return HasUncertifiedConsumers
				}
				return nil
			})
		})
	}
	return NotVisible
}
