package provenance

import (
	"cmp"
	"slices"
	"sort"
	"strings"

	"bookledger/events"
	"bookledger/projections/fold"
)

// section is a part of a case: the delegation, or one that an event writes
// whole, whatever stood there: the household, or what is known of one year,
// member or enrollment.
type section struct {
	kind sectionKind
	id   string // of the member or enrollment
	year int
}

type sectionKind uint8

const (
	ofDelegation sectionKind = iota // and of closings
	ofHousehold
	ofApplication
	ofMember
	ofEligibility
	ofEnrollment
)

func sectionOf(data events.Data) section {
	switch d := data.(type) {
	case *events.HouseholdRecorded:
		return section{kind: ofHousehold}
	case *events.ApplicationRecorded:
		return section{kind: ofApplication, year: d.ApplicationYear}
	case *events.MemberRecorded:
		return section{kind: ofMember, id: d.MemberID}
	case *events.MemberRemoved:
		return section{kind: ofMember, id: d.MemberID}
	case *events.EligibilityDetermined:
		return section{kind: ofEligibility, id: d.MemberID, year: d.ApplicationYear}
	case *events.EnrollmentRecorded:
		return enrollmentOf(d.EnrollmentID)
	}
	return section{}
}

// into returns the case c with this section as it is in from. Where it is an
// enrollment, written tells of the others whether they have been written since
// from, and so stand behind it.
func (s section) into(c, from *fold.Case, written func(section) bool) fold.Case {
	out := *c
	switch s.kind {
	case ofDelegation:
		out.AgentID, out.Since, out.Inactive = from.AgentID, from.Since, from.Inactive
	case ofHousehold:
		out.Household = from.Household
	case ofApplication:
		out.Applications = placed(c.Applications, from.Applications, func(a *events.ApplicationRecorded) int { return cmp.Compare(a.ApplicationYear, s.year) })
	case ofMember:
		out.Members = placed(c.Members, from.Members, func(m *events.Member) int { return strings.Compare(m.MemberID, s.id) })
	case ofEligibility:
		out.Eligibility = placed(c.Eligibility, from.Eligibility, func(e *events.EligibilityDetermined) int {
			return cmp.Or(strings.Compare(e.MemberID, s.id), cmp.Compare(e.ApplicationYear, s.year))
		})
	case ofEnrollment:
		out.Enrollments = s.enrollments(c.Enrollments, from.Enrollments, written)
	}
	return out
}

// placed puts what compares as 0 in from, or nothing, in its place in list.
// Both are in order.
func placed[T any](list, from []T, compare func(*T) int) []T {
	find := func(in []T) (first, next int) {
		first = sort.Search(len(in), func(i int) bool { return compare(&in[i]) >= 0 })
		if next = first; next < len(in) && compare(&in[next]) == 0 {
			next++
		}
		return first, next
	}
	was, behind := find(list)
	is, end := find(from)
	return slices.Concat(list[:was], from[is:end], list[behind:])
}

// enrollments puts the enrollment as it is in from, or nothing, in its place in
// list. They stand in the order in which they were written last.
func (s section) enrollments(list, from []events.EnrollmentRecorded, written func(section) bool) []events.EnrollmentRecorded {
	out := make([]events.EnrollmentRecorded, 0, len(list)+1)
	for i := range list {
		if list[i].EnrollmentID != s.id {
			out = append(out, list[i])
		}
	}
	was := enrollmentIndex(from, s.id)
	if was < 0 {
		return out
	}
	ahead := 0
	for i := range was {
		if !written(enrollmentOf(from[i].EnrollmentID)) {
			ahead++
		}
	}
	return slices.Insert(out, ahead, from[was])
}

func enrollmentOf(id string) section { return section{kind: ofEnrollment, id: id} }

func enrollmentIndex(list []events.EnrollmentRecorded, id string) int {
	return slices.IndexFunc(list, func(e events.EnrollmentRecorded) bool { return e.EnrollmentID == id })
}
