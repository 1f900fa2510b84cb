package fold_test

import (
	"testing"

	"bookledger/events"
	"bookledger/projections/fold"
)

// TestNextAgent holds that unknown_agent is for moves and decertifications of
// an agent whom no agency.agent_certified has named, that a certification
// replaces what was known, and that a decertified agent stays in the agency.
func TestNextAgent(t *testing.T) {
	certified := fold.Agent{AgencyID: "y1", FirstName: "Pat", LastName: "Lee", LicenseNumber: "0A1", Email: "p@example.com", EverCertified: true, Certified: true}
	decertified, moved := certified, certified
	decertified.Certified, moved.AgencyID = false, "y2"
	bare := fold.Agent{AgencyID: "y1", EverCertified: true, Certified: true}
	for name, c := range map[string]struct {
		from    fold.Agent
		data    events.Data
		to      fold.Agent
		changed bool
		refused bool
	}{
		"certified":                       {fold.Agent{}, &events.AgentCertified{AgentID: "a1", AgencyID: "y1", FirstName: "Pat", LastName: "Lee", LicenseNumber: "0A1", Email: "p@example.com"}, certified, true, false},
		"certified anew, all else blank":  {certified, &events.AgentCertified{AgentID: "a1", AgencyID: "y1"}, bare, true, false},
		"certified again after the end":   {fold.Agent{AgencyID: "y1", EverCertified: true}, &events.AgentCertified{AgentID: "a1", AgencyID: "y1"}, bare, true, false},
		"certified as before":             {bare, &events.AgentCertified{AgentID: "a1", AgencyID: "y1"}, bare, false, false},
		"moved":                           {certified, &events.AgentMoved{AgentID: "a1", AgencyID: "y2"}, moved, true, false},
		"moved to where it is":            {certified, &events.AgentMoved{AgentID: "a1", AgencyID: "y1"}, certified, false, false},
		"moved, known by delegation only": {fold.Agent{}, &events.AgentMoved{AgentID: "a1", AgencyID: "y1"}, fold.Agent{}, false, true},
		"decertified":                     {certified, &events.AgentDecertified{AgentID: "a1"}, decertified, true, false},
		"decertified again":               {decertified, &events.AgentDecertified{AgentID: "a1"}, decertified, false, false},
		"decertified without being named": {fold.Agent{}, &events.AgentDecertified{AgentID: "a1"}, fold.Agent{}, false, true},
	} {
		next, changed, refusal := fold.NextAgent(c.from, c.data)
		if next != c.to || changed != c.changed || (refusal != nil) != c.refused {
			t.Errorf("%s: got %+v, changed %t, %v", name, next, changed, refusal)
		}
		if refusal != nil && (refusal.Code != events.UnknownAgent || refusal.Field != "data.agent_id") {
			t.Errorf("%s: refused with %v", name, refusal)
		}
	}
}

// TestRegistrationAndStaffReplaceEarlierValues holds that a registration replaces the name, that an
// assignment replaces any other role of the person in the agency, and that a
// removal ends the role, whichever it names.
func TestRegistrationAndStaffReplaceEarlierValues(t *testing.T) {
	agency, changed := fold.NextAgency(fold.Agency{}, &events.AgencyRegistered{AgencyID: "y1"})
	if want := (fold.Agency{Registered: true}); agency != want || !changed {
		t.Errorf("registered: %+v, changed %t", agency, changed)
	}
	if _, changed = fold.NextAgency(agency, &events.AgencyRegistered{AgencyID: "y1"}); changed {
		t.Error("registered again changes something")
	}
	if agency, changed = fold.NextAgency(agency, &events.AgencyRegistered{AgencyID: "y1", Name: "Bay"}); agency.Name != "Bay" || !changed {
		t.Errorf("renamed: %+v, changed %t", agency, changed)
	}
	manager := fold.Staff{Role: "manager", Name: "Kim", Email: "k@example.com"}
	staff, changed := fold.NextStaff(fold.Staff{}, &events.StaffAssigned{Staff: events.Staff{PersonID: "p1", AgencyID: "y1", Role: "manager", Name: "Kim", Email: "k@example.com"}})
	if staff != manager || !changed {
		t.Errorf("assigned: %+v, changed %t", staff, changed)
	}
	level := &events.StaffAssigned{Staff: events.Staff{PersonID: "p1", AgencyID: "y1", Role: "admin_l2"}}
	if staff, changed = fold.NextStaff(manager, level); staff != (fold.Staff{Role: "admin_l2"}) || !changed {
		t.Errorf("assigned otherwise: %+v, changed %t", staff, changed)
	}
	if staff, changed = fold.NextStaff(staff, level); staff.Role != "admin_l2" || changed {
		t.Errorf("assigned again: %+v, changed %t", staff, changed)
	}
	gone := &events.StaffRemoved{Staff: events.Staff{PersonID: "p1", AgencyID: "y1", Role: "admin_l1"}}
	if staff, changed = fold.NextStaff(manager, gone); staff != (fold.Staff{}) || !changed {
		t.Errorf("removed: %+v, changed %t", staff, changed)
	}
	if staff, changed = fold.NextStaff(fold.Staff{}, gone); staff != (fold.Staff{}) || changed {
		t.Errorf("removed without a role: %+v, changed %t", staff, changed)
	}
}

// TestAgentName holds an agent's name as people write it.
func TestAgentName(t *testing.T) {
	for want, a := range map[string]fold.Agent{
		"": {}, "Pat": {FirstName: "Pat"}, "Lee": {LastName: "Lee"}, "Pat Lee": {FirstName: "Pat", LastName: "Lee"},
	} {
		if got := a.Name(); got != want {
			t.Errorf("%+v is called %q", a, got)
		}
	}
}
