package access

import (
	"errors"
	"slices"

	"bookledger/events"
	"bookledger/projections/book"
	"bookledger/projections/fold"
)

// PastState is the ledger as of the book of a Friday.
type PastState interface {
	Agent(id string) (agent fold.Agent, known bool, err error)
	Agency(id string) (agency fold.Agency, known bool, err error)
	// EachAgentOf calls yield with every agent who was the agency's own.
	EachAgentOf(agency string, yield func(id string, agent *fold.Agent) error) error
	// EachHeld calls yield with every case that the agent held, the closed ones
	// too.
	EachHeld(agent string, yield func(id string, c *fold.Case) error) error
}

// DefaultRecentFridays is of how many of the last Fridays agents may take the books
// where the operator has set no other number.
const DefaultRecentFridays = 5

// FirstRecentFriday returns the first of the last n Fridays, whose books agents may
// take, while the week of Friday open is open.
func FirstRecentFriday(c *events.Calendar, open events.Date, n int) events.Date {
	for range n {
		open = c.Previous(open)
	}
	return open
}

// MayDownload returns the role in which a person may take an owner's book of a
// Friday; one role alone must be enough. Last tells that the Friday is one
// of the last ones.
func MayDownload(now State, then PastState, p Person, o Owner, last bool) (Role, error) {
	all, err := heldOf(now, p, o)
	if err != nil {
		return "", err
	}
	return take(all, now, then, o, last)
}

// CouldDownload decides again whether a person might take a book in the role that
// the trail of exports names. It believes the trail in what only the sign-in
// can say: who is an auditor, an operator or which agent.
func CouldDownload(now State, then PastState, person string, role Role, o Owner, last bool) error {
	p := Person{ID: person, Auditor: role == Auditor, Operator: role == Operator}
	if role == Agent {
		p.AgentID = o.Agent
	}
	all, err := heldOf(now, p, o)
	if err != nil {
		return err
	}
	_, err = take(slices.DeleteFunc(all, func(h held) bool { return h.role != role }), now, then, o, last)
	return err
}

func take(all []held, now State, then PastState, o Owner, last bool) (Role, error) {
	if len(all) == 0 {
		return "", NotVisible
	}
	if err := exists(then, o); err != nil {
		return "", err
	}
	var why error
	for _, h := range all {
		if why = h.books.cover(now, then, o, last); why == nil {
			return h.role, nil
		}
		if _, refused := errors.AsType[Refusal](why); !refused {
			break
		}
	}
	return "", why
}

// exists refuses a book of which there is none: nobody knew its owner then.
func exists(then PastState, o Owner) error {
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

// cover tells why the book of a Friday is not among these, nil if it is.
func (b Books) cover(now State, then PastState, o Owner, last bool) error {
	switch b {
	case AnyFriday:
		return nil
	case RecentFridays:
		if !last {
			return NotRecentFriday
		}
		return nil
	case SameAgency: // who came later brings no past into an agency
		was, _, err := then.Agent(o.Agent)
		if err != nil {
			return err
		}
		is, _, err := now.Agent(o.Agent)
		if err == nil && is.AgencyID != was.AgencyID {
			err = AgentInOtherAgency
		}
		return err
	case CertifiedOnly: // the book is the same whoever takes it
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
