package fold

import "bookledger/events"

// Agent is the state of an agent. If only delegation events have named the agent,
// it is the zero value.
type Agent struct {
	AgencyID      string
	FirstName     string
	LastName      string
	LicenseNumber string
	Email         string
	EverCertified bool // whether an agency.agent_certified was ever applied
	Certified     bool // whether the agent has not been decertified since
}

// Name returns the agent's first and last name; either may be blank.
func (a Agent) Name() string {
	if a.FirstName == "" || a.LastName == "" {
		return a.FirstName + a.LastName
	}
	return a.FirstName + " " + a.LastName
}

// NextAgent returns the agent after an event that certifies, moves or decertifies
// the agent, and reports whether the state changed. It rejects moving or
// decertifying an agent who was never certified.
func NextAgent(a Agent, data events.Data) (next Agent, changed bool, rejection *events.Rejection) {
	switch d := data.(type) {
	case *events.AgentCertified:
		next = Agent{
			AgencyID: d.AgencyID, FirstName: d.FirstName, LastName: d.LastName,
			LicenseNumber: d.LicenseNumber, Email: d.Email, EverCertified: true, Certified: true,
		}
		return next, next != a, nil
	case *events.AgentMoved:
		if !a.EverCertified {
			return a, false, unknownAgent()
		}
		changed = set(&a.AgencyID, d.AgencyID)
		return a, changed, nil
	case *events.AgentDecertified:
		if !a.EverCertified {
			return a, false, unknownAgent()
		}
		changed = set(&a.Certified, false)
		return a, changed, nil
	}
	return a, false, nil
}

func unknownAgent() *events.Rejection {
	return reject(events.UnknownAgent, "data.agent_id", "no such agent has been certified")
}

// Agency is the state of an agency.
type Agency struct {
	Name       string
	Registered bool
}

// NextAgency returns the agency after its registration, and reports whether the
// state changed.
func NextAgency(a Agency, d *events.AgencyRegistered) (next Agency, changed bool) {
	next = Agency{Name: d.Name, Registered: true}
	return next, next != a
}

// Staff is a person's role in one agency. It is the zero value if the person has no
// role there.
type Staff struct {
	Role  string // manager, admin_l1 or admin_l2
	Name  string
	Email string
}

// NextStaff returns the role after an assignment or a removal, and reports whether
// it changed. An assignment replaces the person's role in the agency; a removal
// ends it, whichever role the event names.
func NextStaff(s Staff, data events.Data) (next Staff, changed bool) {
	if d, ok := data.(*events.StaffAssigned); ok {
		next = Staff{Role: d.Role, Name: d.Name, Email: d.Email}
	}
	return next, next != s
}
