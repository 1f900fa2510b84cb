package access

import "bookledger/projections/fold"

// Person is a signed-in person. All fields come from the sign-in.
type Person struct {
	ID       string // the person_id of events
	AgentID  string // "" if the person is not an agent
	Name     string // for display only
	Auditor  bool
	Operator bool
}

// Owner is the owner of lists and books: an agent, or an agency with all its
// agents. Exactly one field is set.
type Owner struct{ Agent, Agency string }

// Role is the capacity in which a person acts. It is recorded in the export
// trail.
type Role string

// The roles. The sign-in identifies agents, auditors and operators. The ledger
// identifies an agency's staff.
const (
	Agent    Role = "agent"
	Manager  Role = "manager"
	AdminL2  Role = "admin_l2"
	AdminL1  Role = "admin_l1"
	Auditor  Role = "auditor"
	Operator Role = "operator"
)

// roles lists all roles in order of precedence.
var roles = [...]Role{Agent, Manager, AdminL2, AdminL1, Auditor, Operator}

// Right is a right or a set of rights.
type Right uint8

// The rights.
const (
	See        Right = 1 << iota // lists, cases, and which books exist
	Act                          // mark inactive, reactivate, accept, decline
	Transfer                     // move consumers between the agents of an agency
	ViewLedger                   // Fridays, rejected events, the export trail and ledger status
	Audit                        // which records decided a case, and how two books differ
)

// BookScope is the set of Fridays whose books a role may download.
type BookScope uint8

// The scopes.
const (
	NoFriday      BookScope = iota
	AnyFriday               // every past Friday
	RecentFridays           // the last few Fridays; the operator sets how many
	SameAgency              // Fridays at which the agent was already in their present agency
	CertifiedOnly           // Fridays whose book contains only consumers of agents certified now
)

// resource is the kind of thing to which rights apply.
type resource uint8

const (
	certifiedAgent   resource = iota
	uncertifiedAgent          // decertified or never certified
	wholeAgency
	wholeLedger
)

// permit describes what a role may do with a resource.
type permit struct {
	rights Right
	books  BookScope
}

// table lists what each role may do. Nobody acts for an agent who is not
// certified: managers and level-2 staff of the agency can transfer the
// consumers, and operators can view and export them.
var table = map[Role]map[resource]permit{
	Agent: {
		certifiedAgent: {See | Act, RecentFridays}, // only themselves
	},
	Manager: { // of the agency, or of the agent's present agency
		certifiedAgent:   {See | Act | Transfer, SameAgency},
		uncertifiedAgent: {See | Transfer, SameAgency},
		wholeAgency:      {See | Act | Transfer, AnyFriday},
	},
	AdminL2: {
		certifiedAgent:   {See | Transfer, SameAgency},
		uncertifiedAgent: {See | Transfer, SameAgency},
		wholeAgency:      {See | Transfer, AnyFriday},
	},
	AdminL1: {
		certifiedAgent: {See, SameAgency},
		wholeAgency:    {See, CertifiedOnly},
	},
	Auditor: {
		certifiedAgent:   {See, AnyFriday},
		uncertifiedAgent: {See, AnyFriday},
		wholeAgency:      {See, AnyFriday},
		wholeLedger:      {ViewLedger | Audit, NoFriday},
	},
	Operator: {
		uncertifiedAgent: {See, AnyFriday},
		wholeLedger:      {ViewLedger, NoFriday},
	},
}

// Refusal is an error that explains why access is refused.
type Refusal string

// The refusals. NotVisible is returned when the person may not know whether the
// thing exists.
const (
	NotVisible              Refusal = "the person has no access"
	MayNotAct               Refusal = "the person may not act for the agent"
	MayNotTransfer          Refusal = "the person may not transfer the agency's consumers"
	FromOtherAgency         Refusal = "the agent who holds the consumers is not in the agency"
	ToOtherAgency           Refusal = "the receiving agent is not in the agency"
	ToUncertified           Refusal = "the receiving agent is not certified"
	AgentUnknown            Refusal = "the agent was not known as of that Friday"
	AgencyUnknown           Refusal = "the agency was not known as of that Friday"
	NotRecentFriday         Refusal = "the Friday was not recent enough for an agent to download"
	AgentInOtherAgency      Refusal = "the agent was not in the agency as of that Friday"
	HasUncertifiedConsumers Refusal = "the book contains consumers of an agent who was no longer certified"
)

// Error returns the reason for the refusal.
func (r Refusal) Error() string { return string(r) }

// State is the part of the ledger's present state that access depends on.
type State interface {
	Agent(id string) (agent fold.Agent, known bool, err error)
	Agency(id string) (agency fold.Agency, known bool, err error)
	Staff(agency, person string) (fold.Staff, error) // zero if the person is not staff of the agency
}

// Grant combines what all roles of a person permit.
type Grant struct {
	Role   Role // the first role, in order of precedence, that permits anything
	Rights Right
}

// May reports whether g includes any of the rights in r.
func (g Grant) May(r Right) bool { return g.Rights&r != 0 }

// Act reports whether the person may act on consumers.
func (g Grant) Act() bool { return g.May(Act) }

// Transfer reports whether the person may transfer consumers.
func (g Grant) Transfer() bool { return g.May(Transfer) }

// rolePermit is one role of a person and what it permits.
type rolePermit struct {
	role Role
	permit
}

// grantOf combines permits, which are in order of precedence.
func grantOf(all []rolePermit) (g Grant, err error) {
	if len(all) == 0 {
		return g, NotVisible
	}
	for _, h := range all {
		g.Rights |= h.rights
	}
	g.Role = all[0].role
	return g, nil
}

// GrantFor returns what a person may do with an owner's consumers. It returns
// NotVisible if the person may do nothing.
func GrantFor(s State, p Person, o Owner) (Grant, error) {
	all, err := permitsOf(s, p, o)
	if err != nil {
		return Grant{}, err
	}
	return grantOf(all)
}

// LedgerGrantFor returns what a person may do with the ledger as a whole. It
// returns NotVisible if the person may do nothing.
func LedgerGrantFor(p Person) (Grant, error) {
	return grantOf(permitted(wholeLedger, map[Role]bool{Auditor: p.Auditor, Operator: p.Operator}))
}

// permitsOf returns what each of a person's roles permits with an owner's
// consumers.
func permitsOf(s State, p Person, o Owner) ([]rolePermit, error) {
	r, agency := wholeAgency, o.Agency
	var known bool
	var err error
	if o.Agent != "" {
		var agent fold.Agent
		if agent, known, err = s.Agent(o.Agent); err != nil || !known {
			return nil, err
		}
		r, agency = uncertifiedAgent, agent.AgencyID
		if agent.Certified {
			r = certifiedAgent
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
	return permitted(r, has), nil
}

// permitted returns what each role in has permits with a resource.
func permitted(r resource, has map[Role]bool) (all []rolePermit) {
	for _, role := range roles {
		if p, ok := table[role][r]; ok && has[role] {
			all = append(all, rolePermit{role, p})
		}
	}
	return all
}

// MayAct returns the role in which a person acts on an agent's consumers through
// the owner's lists. The agent is the owner or belongs to it; "" means no agent in
// particular.
func MayAct(s State, p Person, o Owner, agent string) (Role, error) {
	g, err := GrantFor(s, p, o)
	agentGrant := g
	if err == nil && agent != "" {
		agentGrant, err = GrantFor(s, p, Owner{Agent: agent})
	}
	if err == nil && !(g.Act() && agentGrant.Act()) {
		err = MayNotAct
	}
	return g.Role, err
}

// MayTransfer returns the role in which a person transfers consumers from one
// of an agency's agents to another. If from and to are both "", only the person's
// right in the agency is checked.
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
	sender, _, err := s.Agent(from)
	if err != nil {
		return "", err
	}
	receiver, _, err := s.Agent(to)
	switch {
	case err != nil:
		return "", err
	case sender.AgencyID != agency:
		return "", FromOtherAgency
	case receiver.AgencyID != agency:
		return "", ToOtherAgency
	case !receiver.Certified:
		return "", ToUncertified
	}
	return g.Role, nil
}

// InLists reports whether the owner's lists include an agent's consumers for this
// person. The person must have the right to see the owner's lists.
func InLists(s State, p Person, o Owner, agent string) (bool, error) {
	if o.Agent != "" {
		return agent == o.Agent, nil
	}
	a, known, err := s.Agent(agent)
	if err != nil || !known || a.AgencyID != o.Agency {
		return false, err
	}
	permits, err := permitsOf(s, p, Owner{Agent: agent})
	return len(permits) > 0, err
}
