package access

import "bookledger/projections/fold"

// Person is somebody who has signed in. The sign-in says all of it.
type Person struct {
	ID       string // an identifier of the contracts
	AgentID  string // the agent that they are; "" where none
	Name     string // for display alone
	Auditor  bool
	Operator bool
}

// Owner is whose lists and books are asked for: those of an agent, or of all
// agents of an agency. One of the two is set.
type Owner struct{ Agent, Agency string }

// Role is the capacity in which a person acts. It is recorded in the export
// trail.
type Role string

// The roles. The sign-in says who is an agent, an auditor or an operator, the
// ledger who is staff of an agency.
const (
	Agent    Role = "agent"
	Manager  Role = "manager"
	AdminL2  Role = "admin_l2"
	AdminL1  Role = "admin_l1"
	Auditor  Role = "auditor"
	Operator Role = "operator"
)

// roles are the roles in the order in which a person's are considered.
var roles = [...]Role{Agent, Manager, AdminL2, AdminL1, Auditor, Operator}

// Right is what a role permits, or several such.
type Right uint8

// The rights.
const (
	See        Right = 1 << iota // lists, cases, and which books there are
	Act                          // mark inactive, reactivate, accept, decline
	Transfer                     // between the agents of an agency
	ViewLedger                   // the ledger's Fridays, rejections, exports and status
	Audit                        // what decided a case, and how two books differ
)

// Books says of which Fridays a role may take the books.
type Books uint8

// The Fridays.
const (
	NoFriday      Books = iota
	AnyFriday           // that has passed
	RecentFridays       // the last few, as many as the operator has set
	SameAgency          // those as of which the agent was in the agency that they are in now
	CertifiedOnly       // those whose book holds consumers of agents alone who are certified now
)

// thing is what a right is about.
type thing uint8

const (
	certifiedAgent thing = iota
	otherAgent           // decertified, or never certified
	anAgency
	theLedger
)

// permit is what a role permits with a thing.
type permit struct {
	rights Right
	books  Books
}

// table is who may see, do and take what. Nobody acts in the place of an agent
// who is not certified; the agency's managers and level-2 staff, and operators,
// take care of the consumers.
var table = map[Role]map[thing]permit{
	Agent: {
		certifiedAgent: {See | Act, RecentFridays}, // themselves
	},
	Manager: { // of the agency, or of the agency that the agent is in now
		certifiedAgent: {See | Act | Transfer, SameAgency},
		otherAgent:     {See | Transfer, SameAgency},
		anAgency:       {See | Act | Transfer, AnyFriday},
	},
	AdminL2: {
		certifiedAgent: {See | Transfer, SameAgency},
		otherAgent:     {See | Transfer, SameAgency},
		anAgency:       {See | Transfer, AnyFriday},
	},
	AdminL1: {
		certifiedAgent: {See, SameAgency},
		anAgency:       {See, CertifiedOnly},
	},
	Auditor: {
		certifiedAgent: {See, AnyFriday},
		otherAgent:     {See, AnyFriday},
		anAgency:       {See, AnyFriday},
		theLedger:      {ViewLedger | Audit, NoFriday},
	},
	Operator: {
		otherAgent: {See, AnyFriday},
		theLedger:  {ViewLedger, NoFriday},
	},
}

// Refusal is the reason why something is refused.
type Refusal string

// The refusals. NotVisible is returned when the person may not know that the
// thing exists.
const (
	NotVisible              Refusal = "nothing of it is open to the person"
	MayNotAct               Refusal = "the person does not act in the agent's place"
	MayNotTransfer          Refusal = "the person does not transfer the agency's consumers"
	FromOtherAgency         Refusal = "the agent who has the consumers is not in the agency"
	ToOtherAgency           Refusal = "the agent who would get the consumers is not in the agency"
	ToUncertified           Refusal = "the agent who would get the consumers is not certified"
	AgentUnknown            Refusal = "the agent was not known as of that Friday"
	AgencyUnknown           Refusal = "the agency was not known as of that Friday"
	NotRecentFriday         Refusal = "the Friday was not among the last ones, whose books an agent may take"
	AgentInOtherAgency      Refusal = "the agent was not in the agency as of that Friday"
	HasUncertifiedConsumers Refusal = "the book holds consumers of an agent who was not certified any more"
)

// Error returns the reason.
func (r Refusal) Error() string { return string(r) }

// State is the ledger now, as far as access depends on it.
type State interface {
	Agent(id string) (agent fold.Agent, known bool, err error)
	Agency(id string) (agency fold.Agency, known bool, err error)
	Staff(agency, person string) (fold.Staff, error) // zero where the person is none
}

// Grant is what all roles of a person permit together.
type Grant struct {
	Role   Role // the first of those that permit anything
	Rights Right
}

// May reports whether a right is granted.
func (g Grant) May(r Right) bool { return g.Rights&r != 0 }

// Act reports whether the person may act on consumers.
func (g Grant) Act() bool { return g.May(Act) }

// Transfer reports whether the person may transfer consumers.
func (g Grant) Transfer() bool { return g.May(Transfer) }

// held is a role of a person's and what it permits.
type held struct {
	role Role
	permit
}

func together(all []held) (g Grant, err error) {
	if len(all) == 0 {
		return g, NotVisible
	}
	for _, h := range all {
		g.Rights |= h.rights
	}
	g.Role = all[0].role
	return g, nil
}

// GrantFor returns what a person may do with an owner's consumers; NotVisible where
// nothing.
func GrantFor(s State, p Person, o Owner) (Grant, error) {
	all, err := heldOf(s, p, o)
	if err != nil {
		return Grant{}, err
	}
	return together(all)
}

// LedgerGrantFor returns what a person may do with the ledger as a whole; NotVisible
// where nothing.
func LedgerGrantFor(p Person) (Grant, error) {
	return together(permitted(theLedger, map[Role]bool{Auditor: p.Auditor, Operator: p.Operator}))
}

// heldOf returns what each of a person's roles permits with an owner's
// consumers.
func heldOf(s State, p Person, o Owner) ([]held, error) {
	what, agency := anAgency, o.Agency
	var known bool
	var err error
	if o.Agent != "" {
		var agent fold.Agent
		if agent, known, err = s.Agent(o.Agent); err != nil || !known {
			return nil, err
		}
		what, agency = otherAgent, agent.AgencyID
		if agent.Certified {
			what = certifiedAgent
		}
	} else if _, known, err = s.Agency(agency); err != nil {
		return nil, err
	}
	has := map[Role]bool{Agent: o.Agent != "" && p.AgentID == o.Agent, Auditor: p.Auditor && known, Operator: p.Operator && known}
	if agency != "" {
		staff, err := s.Staff(agency, p.ID)
		if err != nil {
			return nil, err
		}
		switch role := Role(staff.Role); role {
		case Manager, AdminL2, AdminL1:
			has[role] = true
		}
	}
	return permitted(what, has), nil
}

// permitted returns what the roles that a person has permit with a thing.
func permitted(what thing, has map[Role]bool) (all []held) {
	for _, role := range roles {
		if p, ok := table[role][what]; ok && has[role] {
			all = append(all, held{role, p})
		}
	}
	return all
}

// MayAct returns the role in which a person acts on the consumers of an agent,
// one of the owner's; "" is none in particular.
func MayAct(s State, p Person, o Owner, agent string) (Role, error) {
	g, err := GrantFor(s, p, o)
	of := g
	if err == nil && agent != "" {
		of, err = GrantFor(s, p, Owner{Agent: agent})
	}
	if err == nil && !(g.Act() && of.Act()) {
		err = MayNotAct
	}
	return g.Role, err
}

// MayTransfer returns the role in which a person transfers consumers from one
// of an agency's agents to another. Where both are "" it is decided for the
// agency alone.
func MayTransfer(s State, p Person, agency, from, to string) (Role, error) {
	g, err := GrantFor(s, p, Owner{Agency: agency})
	switch {
	case err != nil:
		return "", err
	case !g.Transfer():
		return "", MayNotTransfer
	case from == "" && to == "":
		return g.Role, nil
	}
	giver, _, err := s.Agent(from)
	if err != nil {
		return "", err
	}
	taker, _, err := s.Agent(to)
	switch {
	case err != nil:
		return "", err
	case giver.AgencyID != agency:
		return "", FromOtherAgency
	case taker.AgencyID != agency:
		return "", ToOtherAgency
	case !taker.Certified:
		return "", ToUncertified
	}
	return g.Role, nil
}

// InLists reports whether an agent's consumers are in the owner's lists as the
// person sees them, who may see the owner's.
func InLists(s State, p Person, o Owner, agent string) (bool, error) {
	if o.Agent != "" {
		return agent == o.Agent, nil
	}
	a, known, err := s.Agent(agent)
	if err != nil || !known || a.AgencyID != o.Agency {
		return false, err
	}
	of, err := heldOf(s, p, Owner{Agent: agent})
	return len(of) > 0, err
}
