package fold_test

import (
	"testing"

	"bookledger/events"
	"bookledger/projections/fold"
)

// TestNextAgent checks that moving or decertifying an agent who was never
// certified is rejected with unknown_agent, that a certification replaces
// everything known about the agent, and that a decertified agent stays in the
// agency.
func TestNextAgent(t *testing.T) {
	certified := fold.Agent{AgencyID: "y1", FirstName: "Pat", LastName: "Lee", LicenseNumber: "0A1", Email: "p@example.com", EverCertified: true, Certified: true}
	decertified, moved := certified, certified
	decertified.Certified, moved.AgencyID = false, "y2"
	bare := fold.Agent{AgencyID: "y1", EverCertified: true, Certified: true}
	for name, c := range map[string]struct {
		from     fold.Agent
		data     events.Data
		to       fold.Agent
		changed  bool
		rejected bool
	}{
		"certified":                        {fold.Agent{}, &events.AgentCertified{AgentID: "a1", AgencyID: "y1", FirstName: "Pat", LastName: "Lee", LicenseNumber: "0A1", Email: "p@example.com"}, certified, true, false},
		"certified without other fields":   {certified, &events.AgentCertified{AgentID: "a1", AgencyID: "y1"}, bare, true, false},
		"certified after decertification":  {fold.Agent{AgencyID: "y1", EverCertified: true}, &events.AgentCertified{AgentID: "a1", AgencyID: "y1"}, bare, true, false},
		"certified again with same values": {bare, &events.AgentCertified{AgentID: "a1", AgencyID: "y1"}, bare, false, false},
		"moved":                            {certified, &events.AgentMoved{AgentID: "a1", AgencyID: "y2"}, moved, true, false},
		"moved to the same agency":         {certified, &events.AgentMoved{AgentID: "a1", AgencyID: "y1"}, certified, false, false},
		"moved, never certified":           {fold.Agent{}, &events.AgentMoved{AgentID: "a1", AgencyID: "y1"}, fold.Agent{}, false, true},
		"decertified":                      {certified, &events.AgentDecertified{AgentID: "a1"}, decertified, true, false},
		"decertified again":                {decertified, &events.AgentDecertified{AgentID: "a1"}, decertified, false, false},
		"decertified, never certified":     {fold.Agent{}, &events.AgentDecertified{AgentID: "a1"}, fold.Agent{}, false, true},
	} {
		next, changed, rejection := fold.NextAgent(c.from, c.data)
		if next != c.to || changed != c.changed || (rejection != nil) != c.rejected {
			t.Errorf("%s: got %+v, changed %t, %v; want %+v, changed %t", name, next, changed, rejection, c.to, c.changed)
		}
		if rejection != nil && (rejection.Code != events.UnknownAgent || rejection.Field != "data.agent_id") {
			t.Errorf("%s: got rejection %v, want unknown_agent at data.agent_id", name, rejection)
		}
	}
}

// TestRegistrationAndStaffReplaceEarlierValues checks that a registration
// replaces the name, that an assignment replaces any other role of the person in
// the agency, and that a removal ends the role, whichever role it names.
func TestRegistrationAndStaffReplaceEarlierValues(t *testing.T) {
	agency, changed := fold.NextAgency(fold.Agency{}, &events.AgencyRegistered{AgencyID: "y1"})
	if want := (fold.Agency{Registered: true}); agency != want || !changed {
		t.Errorf("registered: got %+v, changed %t", agency, changed)
	}
	if _, changed = fold.NextAgency(agency, &events.AgencyRegistered{AgencyID: "y1"}); changed {
		t.Error("registered again: got changed true, want false")
	}
	if agency, changed = fold.NextAgency(agency, &events.AgencyRegistered{AgencyID: "y1", Name: "Bay"}); agency.Name != "Bay" || !changed {
		t.Errorf("renamed: got %+v, changed %t", agency, changed)
	}
	manager := fold.Staff{Role: "manager", Name: "Kim", Email: "k@example.com"}
	staff, changed := fold.NextStaff(fold.Staff{}, &events.StaffAssigned{Staff: events.Staff{PersonID: "p1", AgencyID: "y1", Role: "manager", Name: "Kim", Email: "k@example.com"}})
	if staff != manager || !changed {
		t.Errorf("assigned: got %+v, changed %t", staff, changed)
	}
	levelTwo := &events.StaffAssigned{Staff: events.Staff{PersonID: "p1", AgencyID: "y1", Role: "admin_l2"}}
	if staff, changed = fold.NextStaff(manager, levelTwo); staff != (fold.Staff{Role: "admin_l2"}) || !changed {
		t.Errorf("assigned another role: got %+v, changed %t", staff, changed)
	}
	if staff, changed = fold.NextStaff(staff, levelTwo); staff.Role != "admin_l2" || changed {
		t.Errorf("assigned again: got %+v, changed %t", staff, changed)
	}
	removed := &events.StaffRemoved{Staff: events.Staff{PersonID: "p1", AgencyID: "y1", Role: "admin_l1"}}
	if staff, changed = fold.NextStaff(manager, removed); staff != (fold.Staff{}) || !changed {
		t.Errorf("removed: got %+v, changed %t", staff, changed)
	}
	if staff, changed = fold.NextStaff(fold.Staff{}, removed); staff != (fold.Staff{}) || changed {
		t.Errorf("removed without a role: got %+v, changed %t", staff, changed)
	}
}

func TestAgentName(t *testing.T) {
	for want, a := range map[string]fold.Agent{
		"": {}, "Pat": {FirstName: "Pat"}, "Lee": {LastName: "Lee"}, "Pat Lee": {FirstName: "Pat", LastName: "Lee"},
	} {
		if got := a.Name(); got != want {
			t.Errorf("%+v: got %q, want %q", a, got, want)
		}
	}
}
