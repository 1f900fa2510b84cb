package fold

import (
	"cmp"
	"slices"
	"strings"
	"time"

	"bookledger/events"
)

// RulesNumber is the number of the rules that this package implements.
const RulesNumber = 1

// Position identifies the record that contains an event.
type Position struct {
	Seq      uint64
	Recorded time.Time
	Seed     [32]byte // seed of the record; it salts the rows that the record changes
}

// Case is the state of one case. The CaseID of its sections is blank because the
// case's key contains it.
type Case struct {
	Household    events.HouseholdRecorded
	Applications []events.ApplicationRecorded   // by year
	Members      []events.Member                // the listed members, by member id
	Eligibility  []events.EligibilityDetermined // one per member and year, in that order
	Enrollments  []events.EnrollmentRecorded    // one per enrollment id, in the order recorded
	Closed       bool
	AgentID      string    // the agent who holds the case, or ""
	Inactive     bool      // whether the holder marked the case inactive
	Since        time.Time // when the holder's delegation began
	Pending      []Request // by agent id
	Changed      Position  // the last event that changed the state
}

// Request is a consumer's pending request to an agent.
type Request struct {
	AgentID   string
	Requested time.Time
}

// NextCase returns the case after an event and reports whether its state changed.
// The zero Case is a case without events. If the event is rejected, NextCase
// returns c unchanged.
func NextCase(c Case, data events.Data, at Position) (next Case, changed bool, rejection *events.Rejection) {
	changed, rejection = c.apply(data, at.Recorded)
	if changed {
		c.Changed = at
	}
	return c, changed, rejection
}

// apply changes c, which is a copy of the caller's case. It replaces slices and
// never writes into them.
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

// set sets a field and reports whether its value changed.
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
	changed := upsert(&c.Applications, a, func(x, y events.ApplicationRecorded) int {
		return cmp.Compare(x.ApplicationYear, y.ApplicationYear)
	})
	return c.reopen() || changed
}

func (c *Case) recordMember(m events.Member) bool {
	m.CaseID = ""
	changed := upsert(&c.Members, m, compareMembers)
	return c.reopen() || changed
}

func compareMembers(a, b events.Member) int { return strings.Compare(a.MemberID, b.MemberID) }

func (c *Case) removeMember(id string) (bool, *events.Rejection) {
	i, found := slices.BinarySearchFunc(c.Members, events.Member{MemberID: id}, compareMembers)
	if !found {
		return false, reject(events.UnknownMember, "data.member_id", "the case lists no such member")
	}
	c.Members = slices.Delete(slices.Clone(c.Members), i, i+1)
	return true, nil
}

// determineEligibility does not reopen a closed case: its type does not end
// in _recorded.
func (c *Case) determineEligibility(e events.EligibilityDetermined) bool {
	e.CaseID = ""
	return upsert(&c.Eligibility, e, func(x, y events.EligibilityDetermined) int {
		return cmp.Or(strings.Compare(x.MemberID, y.MemberID), cmp.Compare(x.ApplicationYear, y.ApplicationYear))
	})
}

// recordEnrollment puts the enrollment at the end, because it counts as recorded
// last even if its id is known.
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

// reopen reopens a closed case. Every event that ends in _recorded does this, even
// if it repeats what is known.
func (c *Case) reopen() bool { return set(&c.Closed, false) }

// upsert inserts v into a sorted list, or replaces the item that compares equal. It
// copies the list and reports whether the contents changed.
func upsert[T comparable](list *[]T, v T, compare func(T, T) int) bool {
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

func reject(code events.Code, field, reason string) *events.Rejection {
	return &events.Rejection{Code: code, Field: field, Reason: reason}
}
