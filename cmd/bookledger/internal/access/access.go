package access

import (
	"errors"
	"fmt"

	"bookledger/projections/fold"
)

// Role is in which quality somebody sees or does something; it stands in the
// trail.
type Role string

// The roles. All but the last two follow from the ledger.
const (
	Agent    Role = "agent"
	Manager  Role = "manager"
	AdminL2  Role = "admin_l2"
	AdminL1  Role = "admin_l1"
	Auditor  Role = "auditor"
	Operator Role = "operator"
)

// Grant is what somebody may do with the consumers of one agent, or with an
// agency. Who has a Grant may see, and take books of the last few Fridays.
type Grant struct {
	Role     Role // the first of theirs, in the order above, that grants anything
	Act      bool // mark inactive, reactivate, accept, decline
	Transfer bool // between the agents of the agency
	AnyBook  bool // of any Friday, not the last few alone
}

// with adds what another role grants to the same person.
func (g Grant) with(other Grant) Grant {
	if g.Role == "" {
		g.Role = other.Role
	}
	g.Act, g.Transfer, g.AnyBook = g.Act || other.Act, g.Transfer || other.Transfer, g.AnyBook || other.AnyBook
	return g
}

// ErrNone is of what somebody may not even know to be there.
var ErrNone = errors.New("no such thing is open to this person")

// State is the ledger as far as access depends on it.
type State interface {
	Agent(id string) (agent fold.Agent, known bool, err error)
	Agency(id string) (agency fold.Agency, known bool, err error)
	Staff(agency, person string) (staff fold.Staff, known bool, err error)
}

// staffGrants are what the staff of an agency may do with its agents'
// consumers.
var staffGrants = map[string]Grant{
	string(Manager): {Role: Manager, Act: true, Transfer: true, AnyBook: true},
	string(AdminL2): {Role: AdminL2, Transfer: true, AnyBook: true},
	string(AdminL1): {Role: AdminL1, AnyBook: true},
}

// OfAgent returns what the person may do with an agent's consumers, in all
// roles together; ErrNone where nothing. An agent who is not certified has no
// access, and of its consumers the agency's managers and level-2 staff take
// care, and operators, but nobody acts in such an agent's place.
func OfAgent(s State, p Person, id string) (Grant, error) {
	agent, known, err := s.Agent(id)
	if err != nil {
		return Grant{}, err
	}
	var g Grant
	if !known {
		return g, fmt.Errorf("agent %q: %w", id, ErrNone)
	}
	if p.AgentID == id && agent.Certified {
		g = Grant{Role: Agent, Act: true}
	}
	if agent.AgencyID != "" {
		staff, err := ofStaff(s, p, agent.AgencyID)
		if err != nil {
			return Grant{}, err
		}
		if agent.Certified || staff.Role != AdminL1 {
			staff.Act = staff.Act && agent.Certified
			g = g.with(staff)
		}
	}
	if p.Auditor {
		g = g.with(Grant{Role: Auditor, AnyBook: true})
	}
	if p.Operator && !agent.Certified {
		g = g.with(Grant{Role: Operator, AnyBook: true})
	}
	if g.Role == "" {
		return g, fmt.Errorf("agent %q: %w", id, ErrNone)
	}
	return g, nil
}

// ofStaff returns what the person may do as a member of an agency's staff, if
// they are one.
func ofStaff(s State, p Person, agency string) (Grant, error) {
	staff, known, err := s.Staff(agency, p.ID)
	if err != nil || !known {
		return Grant{}, err
	}
	return staffGrants[staff.Role], nil
}

// OfAgency returns what the person may do with an agency as a whole, in all
// roles together; ErrNone where nothing.
func OfAgency(s State, p Person, id string) (Grant, error) {
	g, err := ofStaff(s, p, id)
	if err != nil {
		return Grant{}, err
	}
	if p.Auditor {
		_, known, err := s.Agency(id)
		if err != nil {
			return Grant{}, err
		}
		if known {
			g = g.with(Grant{Role: Auditor, AnyBook: true})
		}
	}
	if g.Role == "" {
		return g, fmt.Errorf("agency %q: %w", id, ErrNone)
	}
	return g, nil
}

// OfLedger returns the role in which the person may see the figures of the
// ledger as a whole: its Fridays, rejections and exports.
func OfLedger(p Person) (Role, error) {
	switch {
	case p.Auditor:
		return Auditor, nil
	case p.Operator:
		return Operator, nil
	}
	return "", fmt.Errorf("the ledger's figures: %w", ErrNone)
}
