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
// agency. Who has a Grant may see.
type Grant struct {
	Role     Role
	Act      bool // mark inactive, reactivate, accept, decline
	Transfer bool // between the agents of the agency
	Export   bool // take books
	AnyBook  bool // of any Friday, not the last few alone
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
	string(Manager): {Role: Manager, Act: true, Transfer: true, Export: true, AnyBook: true},
	string(AdminL2): {Role: AdminL2, Transfer: true, Export: true, AnyBook: true},
	string(AdminL1): {Role: AdminL1, Export: true, AnyBook: true},
}

// OfAgent returns what the person may do with an agent's consumers; ErrNone
// where nothing. An agent who is not certified has no access, and of its
// consumers the agency's managers and level-2 staff take care, and operators.
func OfAgent(s State, p Person, id string) (Grant, error) {
	agent, known, err := s.Agent(id)
	if err != nil {
		return Grant{}, err
	}
	if !known {
		return Grant{}, fmt.Errorf("agent %q: %w", id, ErrNone)
	}
	if p.AgentID == id && agent.Certified {
		return Grant{Role: Agent, Act: true, Export: true}, nil
	}
	if agent.AgencyID != "" {
		g, err := OfStaff(s, p, agent.AgencyID)
		if err == nil && (agent.Certified || g.Role != AdminL1) {
			return g, nil
		}
		if err != nil && !errors.Is(err, ErrNone) {
			return Grant{}, err
		}
	}
	switch {
	case p.Auditor:
		return Grant{Role: Auditor, Export: true, AnyBook: true}, nil
	case p.Operator && !agent.Certified:
		return Grant{Role: Operator, Export: true, AnyBook: true}, nil
	}
	return Grant{}, fmt.Errorf("agent %q: %w", id, ErrNone)
}

// OfStaff returns what the person may do as a member of an agency's staff.
func OfStaff(s State, p Person, agency string) (Grant, error) {
	staff, known, err := s.Staff(agency, p.ID)
	if err != nil {
		return Grant{}, err
	}
	if g, ok := staffGrants[staff.Role]; known && ok {
		return g, nil
	}
	return Grant{}, fmt.Errorf("agency %q: %w", agency, ErrNone)
}

// OfAgency returns what the person may do with an agency as a whole.
func OfAgency(s State, p Person, id string) (Grant, error) {
	g, err := OfStaff(s, p, id)
	if !errors.Is(err, ErrNone) || !p.Auditor {
		return g, err
	}
	_, known, err := s.Agency(id)
	if err != nil {
		return Grant{}, err
	}
	if !known {
		return Grant{}, fmt.Errorf("agency %q: %w", id, ErrNone)
	}
	return Grant{Role: Auditor, Export: true, AnyBook: true}, nil
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
