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
// roles together; ErrNone where nothing.
func OfAgent(s State, p Person, id string) (Grant, error) {
	return together(RolesOfAgent(s, p, id))
}

// OfAgency returns what the person may do with an agency as a whole, in all
// roles together; ErrNone where nothing.
func OfAgency(s State, p Person, id string) (Grant, error) {
	return together(RolesOfAgency(s, p, id))
}

func together(roles []Grant, err error) (g Grant, _ error) {
	if err != nil {
		return g, err
	}
	for _, one := range roles {
		g = g.with(one)
	}
	if g.Role == "" {
		return g, ErrNone
	}
	return g, nil
}

// RolesOfAgent returns what each of the person's roles grants with an agent's
// consumers. An agent who is not certified has no access, and of its consumers
// the agency's managers and level-2 staff take care, and operators, but nobody
// acts in such an agent's place.
func RolesOfAgent(s State, p Person, id string) (roles []Grant, err error) {
	agent, known, err := s.Agent(id)
	if err != nil || !known {
		return nil, err
	}
	if p.AgentID == id && agent.Certified {
		roles = append(roles, Grant{Role: Agent, Act: true})
	}
	if agent.AgencyID != "" {
		staff, is, err := ofStaff(s, p, agent.AgencyID)
		if err != nil {
			return nil, err
		}
		if is && (agent.Certified || staff.Role != AdminL1) {
			staff.Act = staff.Act && agent.Certified
			roles = append(roles, staff)
		}
	}
	if p.Auditor {
		roles = append(roles, Grant{Role: Auditor, AnyBook: true})
	}
	if p.Operator && !agent.Certified {
		roles = append(roles, Grant{Role: Operator, AnyBook: true})
	}
	return roles, nil
}

// RolesOfAgency returns what each of the person's roles grants with an agency.
func RolesOfAgency(s State, p Person, id string) (roles []Grant, err error) {
	staff, is, err := ofStaff(s, p, id)
	if err != nil {
		return nil, err
	}
	if is {
		roles = append(roles, staff)
	}
	if !p.Auditor {
		return roles, nil
	}
	_, known, err := s.Agency(id)
	if known {
		roles = append(roles, Grant{Role: Auditor, AnyBook: true})
	}
	return roles, err
}

// ofStaff returns what the person may do as a member of an agency's staff, if
// they are one.
func ofStaff(s State, p Person, agency string) (Grant, bool, error) {
	staff, known, err := s.Staff(agency, p.ID)
	if err != nil || !known {
		return Grant{}, false, err
	}
	g, is := staffGrants[staff.Role]
	return g, is, nil
}

// OfStaff tells whether a role is one of an agency's staff.
func (r Role) OfStaff() bool {
	_, is := staffGrants[string(r)]
	return is
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

// OfAudit returns the role in which the person may see how the ledger came to
// what it shows: what decided a case, what made a book differ from another, and
// who took which.
func OfAudit(p Person) (Role, error) {
	if p.Auditor {
		return Auditor, nil
	}
	return "", fmt.Errorf("an audit: %w", ErrNone)
}
