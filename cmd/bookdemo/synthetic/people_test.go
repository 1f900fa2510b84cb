package synthetic

import (
	"slices"
	"strings"
	"testing"
	"unicode"

	"bookledger/events"
)

func TestFirstAgentHasTheLargestBook(t *testing.T) {
	for _, c := range []Config{
		{Agents: 12, Consumers: 6000, Weeks: 6, Seed: 1},
		{Agents: 12, Consumers: 6000, Weeks: 6, Seed: 2},
		{Agents: 12, Consumers: 6000, Weeks: 60, Seed: 3},
		{Agents: 2, Consumers: 3000, Weeks: 1, Seed: 4},
		{Agents: 1, Consumers: 3000, Weeks: 3, Seed: 5},
		{Agents: 300, Consumers: 20_000, Weeks: 3, Seed: 6},
	} {
		c.Until = small().Until
		l := skim(t, c)
		if n := l.active(agentID(0)); n <= 2000 || n > 2500 && c.Agents > 2 && c.Weeks < 10 {
			t.Errorf("%s: the first agent has %d active consumers", name(c), n)
		}
		for id, state := range l.cases {
			if c.Agents >= 4 && state.AgentID == agentID(c.Agents-1) {
				t.Errorf("%s: the last agent has the case %s", name(c), id)
			}
		}
	}
}

func TestMedianBook(t *testing.T) {
	c := Config{Agents: 600, Consumers: 45_000, Weeks: 1, Seed: 1, Until: until("2026-06-10T12:00:00Z")}
	rows := make(map[string]int)
	for _, state := range skim(t, c).cases {
		if state.AgentID != "" && !state.Closed {
			rows[state.AgentID] += max(1, len(state.Members))
		}
	}
	var sizes []int
	for _, n := range rows {
		sizes = append(sizes, n)
	}
	slices.Sort(sizes)
	if median := sizes[len(sizes)/2]; median < 25 || median > 60 {
		t.Errorf("the median book has %d rows", median)
	}
}

// identities checks that those who would sign in have something to do.
func (l *ledger) identities(c Config) {
	l.t.Helper()
	roles, agencies := make(map[string]int), make(map[string]bool)
	for _, id := range c.Identities() {
		roles[id.Role]++
		switch id.Role {
		case "agent":
			a := l.agents[id.AgentID]
			if !a.Certified || a.AgencyID != id.AgencyID || a.Name() != id.Name || agencies[id.AgencyID] {
				l.t.Errorf("%+v is %+v", id, a)
			}
			agencies[id.AgencyID] = true
			if c.Consumers >= 2 && l.active(id.AgentID) == 0 {
				l.t.Errorf("%+v has nobody to look after", id)
			}
		case "manager", "admin_l1", "admin_l2":
			if l.staff[id.PersonID+id.AgencyID] != id.Role {
				l.t.Errorf("%+v is %q", id, l.staff[id.PersonID+id.AgencyID])
			}
		}
	}
	if roles["agent"] != min(2, c.Agents) || len(roles) != 6 {
		l.t.Errorf("the identities are %v", roles)
	}
}

// TestCalTraining holds the job aid's consumer against its picture.
func TestCalTraining(t *testing.T) {
	c := play(t, small()).cases["5000032500"]
	p, a := c.Household.PrimaryContact, c.Household.Address
	if p.FirstName+" "+p.LastName != "CAL TRAINING" || p.Phone != "5555555555" || p.Email != "ca@coveredca.com" ||
		p.SSNLast4 != "7880" || p.DateOfBirth.Month() != 1 || p.DateOfBirth.Day() != 1 ||
		a.Line1 != "12345 Main St" || a.City != "Sacramento" || a.State != "CA" || a.ZIP != "95838" {
		t.Errorf("%+v", c.Household)
	}
	if len(c.Applications) != 1 || c.Applications[0].CurrentStatus != "Application Not Started" || c.Applications[0].NextSteps != "" {
		t.Errorf("%+v", c.Applications)
	}
	if c.AgentID != agentID(0) || c.Inactive || c.Closed || len(c.Members)+len(c.Eligibility)+len(c.Enrollments)+len(c.Pending) > 0 {
		t.Errorf("%+v", c)
	}
}

// TestEverythingHappens looks for what a book and its readers must cope with.
func TestEverythingHappens(t *testing.T) {
	l := play(t, small())
	for _, want := range []string{
		events.TypeHouseholdRecorded, events.TypeApplicationRecorded, events.TypeMemberRecorded, events.TypeMemberRemoved,
		events.TypeEligibilityDetermined, events.TypeEnrollmentRecorded, events.TypeCaseClosed,
		events.TypeDelegationRequested, events.TypeDelegationAccepted, events.TypeDelegationDeclined,
		events.TypeDelegationWithdrawn, events.TypeDelegationCreated, events.TypeDelegationMarkedInactive,
		events.TypeDelegationReactivated, events.TypeDelegationTransferred, events.TypeDelegationEnded,
		events.TypeAgencyRegistered, events.TypeAgentCertified, events.TypeAgentMoved, events.TypeAgentDecertified,
		events.TypeStaffAssigned, events.TypeStaffRemoved,
	} {
		if l.types[want] == 0 {
			t.Errorf("there is no %s", want)
		}
	}
	seen := make(map[string]bool)
	for _, c := range l.cases {
		look(t, seen, c.Household)
		seen["two years"] = seen["two years"] || len(c.Applications) == 2
		seen["six members"] = seen["six members"] || len(c.Members) == 6
		seen["request while active"] = seen["request while active"] || c.AgentID != "" && len(c.Pending) > 0
		for _, e := range c.Eligibility {
			seen[e.Program], seen[e.Status] = true, true
		}
		for _, e := range c.Enrollments {
			seen[e.CoverageKind+" "+e.Status] = true
			adds(t, e)
		}
	}
	for _, want := range []string{
		"two years", "six members", "request while active", "no SSN", "leading zero", "accent", "apostrophe", "hyphen", "long name",
		"covered_california", "medi_cal", "mcap", "cchip", "none", "eligible", "conditionally_eligible", "ineligible", "pending",
		"health pending", "health enrolled", "health cancelled", "health terminated", "dental enrolled",
	} {
		if !seen[want] {
			t.Errorf("there is no case with %s", want)
		}
	}
}

// look notes what is particular about a household.
func look(t *testing.T, seen map[string]bool, h events.HouseholdRecorded) {
	p := h.PrimaryContact
	seen["no SSN"] = seen["no SSN"] || p.SSNLast4 == ""
	seen["leading zero"] = seen["leading zero"] || strings.HasPrefix(h.Address.ZIP, "0")
	seen["apostrophe"] = seen["apostrophe"] || strings.Contains(p.LastName, "'")
	seen["hyphen"] = seen["hyphen"] || strings.Contains(p.LastName, "-")
	seen["long name"] = seen["long name"] || len(p.LastName) > 25
	seen["accent"] = seen["accent"] || strings.IndexFunc(p.LastName, func(r rune) bool { return r > unicode.MaxASCII }) >= 0
	if strings.IndexFunc(p.Email, func(r rune) bool { return r > unicode.MaxASCII || r == ' ' }) >= 0 || strings.Contains(p.Email, "..") {
		t.Errorf("e-mail address %q", p.Email)
	}
	if n := len(p.Phone); n != 0 && (n != 10 || !strings.Contains(p.Phone, "555")) {
		t.Errorf("phone %q", p.Phone)
	}
}

// adds checks that what is paid is the premium less what others pay.
func adds(t *testing.T, e events.EnrollmentRecorded) {
	t.Helper()
	gross, _ := e.GrossPremium.Cents()
	credit, _ := e.APTCApplied.Cents()
	subsidy, _ := e.StateSubsidy.Cents()
	net, known := e.NetPremium.Cents()
	if !known || net != gross-credit-subsidy || net <= 0 {
		t.Errorf("%s: %d - %d - %d = %d", e.EnrollmentID, gross, credit, subsidy, net)
	}
	if e.CoverageEnd < e.CoverageStart || e.CoverageStart.Year() != e.ApplicationYear && e.Status != "pending" {
		t.Errorf("%s: %v to %v in %d", e.EnrollmentID, e.CoverageStart, e.CoverageEnd, e.ApplicationYear)
	}
}

// TestMailboxes checks that every letter of the names has a plain form.
func TestMailboxes(t *testing.T) {
	for _, h := range words().Heritages {
		for _, s := range slices.Concat(h.Women, h.Men, h.Families) {
			folded := plain.Replace(strings.ToLower(s))
			if strings.Trim(folded, "abcdefghijklmnopqrstuvwxyz") != "" {
				t.Errorf("%s becomes %s", s, folded)
			}
		}
	}
}
