package fold

import (
	"cmp"
	"slices"
	"strings"
	"time"

	"bookledger/events"
)

// RulesNumber is the number of the rules that this package holds.
const RulesNumber = 1

// Position is the place of an event in the ledger.
type Position struct {
	Seq      uint64
	Recorded time.Time
	Seed     [32]byte // of its record, which salts the rows that it changes
}

// Case is everything that is known of one case. The CaseID of its sections is
// blank, since the case's own key says it.
type Case struct {
	Household    events.HouseholdRecorded
	Applications []events.ApplicationRecorded   // by year
	Members      []events.Member                // the listed ones, by member id
	Eligibility  []events.EligibilityDetermined // one a member and year, in that order
	Enrollments  []events.EnrollmentRecorded    // one an enrollment id, the one recorded last at the end
	Closed       bool
	AgentID      string    // who holds the case; "" where nobody does
	Inactive     bool      // the holder has marked it inactive
	Since        time.Time // when the holder's delegation began
	Pending      []Request // by agent id
	Changed      Position  // the last event that changed anything
}

// Request is a consumer's pending request to an agent.
type Request struct {
	AgentID   string
	Requested time.Time
}

// NextCase returns the case as it is after the event, and whether that differs
// from what it was. The zero Case is one of which nothing is known yet. On a
// refusal the case stays as it is.
func NextCase(c Case, data events.Data, at Position) (next Case, changed bool, refusal *events.Rejection) {
	changed, refusal = c.apply(data, at.Recorded)
	if changed {
		c.Changed = at
	}
	return c, changed, refusal
}

// apply works on the caller's copy of a case; slices are replaced, never
// written into.
func (c *Case) apply(data events.Data, at time.Time) (bool, *events.Rejection) {
	switch d := data.(type) {
	case *events.HouseholdRecorded:
		return c.recordHousehold(*d), nil
	case *events.ApplicationRecorded:
		return c.recordApplication(*d), nil
	case *events.MemberRecorded:
		return c.recordMember(d.Member), nil
	case *events.MemberRemoved:
		return c.removeMember(d.MemberID)
	case *events.EligibilityDetermined:
		return c.determineEligibility(*d), nil
	case *events.EnrollmentRecorded:
		return c.recordEnrollment(*d), nil
	case *events.CaseClosed:
		return set(&c.Closed, true), nil
	}
	return c.applyDelegation(data, at)
}

// set gives a field a value and tells whether that changed it.
func set[T comparable](field *T, value T) bool {
	changed := *field != value
	*field = value
	return changed
}

func (c *Case) recordHousehold(h events.HouseholdRecorded) bool {
	h.CaseID = ""
	changed := set(&c.Household, h)
	return c.reopen() || changed
}

func (c *Case) recordApplication(a events.ApplicationRecorded) bool {
	a.CaseID = ""
	changed := put(&c.Applications, a, func(x, y events.ApplicationRecorded) int {
		return cmp.Compare(x.ApplicationYear, y.ApplicationYear)
	})
	return c.reopen() || changed
}

func (c *Case) recordMember(m events.Member) bool {
	m.CaseID = ""
	changed := put(&c.Members, m, compareMembers)
	return c.reopen() || changed
}

func compareMembers(a, b events.Member) int { return strings.Compare(a.MemberID, b.MemberID) }

func (c *Case) removeMember(id string) (bool, *events.Rejection) {
	i, found := slices.BinarySearchFunc(c.Members, events.Member{MemberID: id}, compareMembers)
	if !found {
		return false, refuse(events.UnknownMember, "data.member_id", "the case lists no such member")
	}
	c.Members = slices.Delete(slices.Clone(c.Members), i, i+1)
	return true, nil
}

// determineEligibility does not reopen a closed case: its type does not end
// in _recorded.
func (c *Case) determineEligibility(e events.EligibilityDetermined) bool {
	e.CaseID = ""
	return put(&c.Eligibility, e, func(x, y events.EligibilityDetermined) int {
		return cmp.Or(strings.Compare(x.MemberID, y.MemberID), cmp.Compare(x.ApplicationYear, y.ApplicationYear))
	})
}

func (c *Case) recordEnrollment(e events.EnrollmentRecorded) bool {
	e.CaseID = ""
	changed := true
	next := make([]events.EnrollmentRecorded, 0, len(c.Enrollments)+1)
	for i, old := range c.Enrollments {
		if old.EnrollmentID != e.EnrollmentID {
			next = append(next, old)
		} else if i == len(c.Enrollments)-1 {
			changed = !sameEnrollment(old, e)
		}
	}
	c.Enrollments = append(next, e)
	return c.reopen() || changed
}

func sameEnrollment(a, b events.EnrollmentRecorded) bool {
	if !slices.Equal(a.MemberIDs, b.MemberIDs) {
		return false
	}
	return a.EnrollmentID == b.EnrollmentID && a.ApplicationYear == b.ApplicationYear && a.CoverageKind == b.CoverageKind &&
		a.Carrier == b.Carrier && a.PlanName == b.PlanName && a.HIOSPlanID == b.HIOSPlanID && a.MetalTier == b.MetalTier &&
		a.CoverageStart == b.CoverageStart && a.CoverageEnd == b.CoverageEnd && a.Status == b.Status &&
		a.GrossPremium == b.GrossPremium && a.APTCApplied == b.APTCApplied && a.StateSubsidy == b.StateSubsidy &&
		a.NetPremium == b.NetPremium && a.BinderStatus == b.BinderStatus && a.SubscriberID == b.SubscriberID
}

// reopen takes the closing of a case back: a section that is recorded anew
// means that the case goes on.
func (c *Case) reopen() bool { return set(&c.Closed, false) }

// put places v into a copy of the ordered list, in place of its equal, and
// tells whether the list changed.
func put[T comparable](list *[]T, v T, compare func(T, T) int) bool {
	i, found := slices.BinarySearchFunc(*list, v, compare)
	if found && (*list)[i] == v {
		return false
	}
	next := make([]T, 0, len(*list)+1)
	next = append(append(next, (*list)[:i]...), v)
	if found {
		i++
	}
	*list = append(next, (*list)[i:]...)
	return true
}

func refuse(code events.Code, field, reason string) *events.Rejection {
	return &events.Rejection{Code: code, Field: field, Reason: reason}
}
