package fold

import "bookledger/events"

// Agent is what is known of an agent. An agent whom only delegations have
// named has no certification, and everything else blank.
type Agent struct {
	AgencyID      string
	FirstName     string
	LastName      string
	LicenseNumber string
	Email         string
	Named         bool // an agency.agent_certified has named the agent
	Certified     bool // and no decertification since
}

// Name is the agent's name as people write it.
func (a Agent) Name() string {
	if a.FirstName == "" || a.LastName == "" {
		return a.FirstName + a.LastName
	}
	return a.FirstName + " " + a.LastName
}

// NextAgent returns the agent after an event that certifies, moves or
// decertifies it; the latter two need an agent who was certified once.
func NextAgent(a Agent, data events.Data) (next Agent, changed bool, refusal *events.Rejection) {
	switch d := data.(type) {
	case *events.AgentCertified:
		next = Agent{
			AgencyID: d.AgencyID, FirstName: d.FirstName, LastName: d.LastName,
			LicenseNumber: d.LicenseNumber, Email: d.Email, Named: true, Certified: true,
		}
		return next, next != a, nil
	case *events.AgentMoved:
		if !a.Named {
			return a, false, unknownAgent()
		}
		changed = set(&a.AgencyID, d.AgencyID)
		return a, changed, nil
	case *events.AgentDecertified:
		if !a.Named {
			return a, false, unknownAgent()
		}
		changed = set(&a.Certified, false)
		return a, changed, nil
	}
	return a, false, nil
}

func unknownAgent() *events.Rejection {
	return refuse(events.UnknownAgent, "data.agent_id", "no such agent has been certified")
}

// Agency is what is known of an agency.
type Agency struct {
	Name       string
	Registered bool
}

// NextAgency returns the agency after its registration.
func NextAgency(a Agency, d *events.AgencyRegistered) (next Agency, changed bool) {
	next = Agency{Name: d.Name, Registered: true}
	return next, next != a
}

// Staff is a person's role in one agency; without one it is zero.
type Staff struct {
	Role  string // manager, admin_l1 or admin_l2
	Name  string
	Email string
}

// NextStaff returns the role after an assignment, which replaces any other
// that the person has in the agency, or a removal, which ends it.
func NextStaff(s Staff, data events.Data) (next Staff, changed bool) {
	if d, ok := data.(*events.StaffAssigned); ok {
		next = Staff{Role: d.Role, Name: d.Name, Email: d.Email}
	}
	return next, next != s
}
