package provenance

import (
	"cmp"
	"slices"
	"sort"
	"strings"

	"bookledger/events"
	"bookledger/projections/fold"
)

// section is a part of a case: the delegation, the household, or the data of
// one year, member or enrollment. An event that writes a section other than the
// delegation replaces all of it.
type section struct {
	kind sectionKind
	id   string // of the member or enrollment
	year int
}

type sectionKind uint8

const (
	delegationSection sectionKind = iota // includes whether the case is closed
	householdSection
	applicationSection
	memberSection
	eligibilitySection
	enrollmentSection
)

func sectionOf(data events.Data) section {
	switch d := data.(type) {
	case *events.HouseholdRecorded:
		return section{kind: householdSection}
	case *events.ApplicationRecorded:
		return section{kind: applicationSection, year: d.ApplicationYear}
	case *events.MemberRecorded:
		return section{kind: memberSection, id: d.MemberID}
	case *events.MemberRemoved:
		return section{kind: memberSection, id: d.MemberID}
	case *events.EligibilityDetermined:
		return section{kind: eligibilitySection, id: d.MemberID, year: d.ApplicationYear}
	case *events.EnrollmentRecorded:
		return sectionOfEnrollment(d.EnrollmentID)
	}
	return section{}
}

// replaceIn returns case c with this section as it is in from. For an
// enrollment, written reports whether another enrollment was written after
// from, and so follows this one.
func (s section) replaceIn(c, from *fold.Case, written func(section) bool) fold.Case {
	out := *c
	switch s.kind {
	case delegationSection:
		out.AgentID, out.Since, out.Inactive = from.AgentID, from.Since, from.Inactive
	case householdSection:
		out.Household = from.Household
	case applicationSection:
		out.Applications = copyElement(c.Applications, from.Applications, func(a *events.ApplicationRecorded) int { return cmp.Compare(a.ApplicationYear, s.year) })
	case memberSection:
		out.Members = copyElement(c.Members, from.Members, func(m *events.Member) int { return strings.Compare(m.MemberID, s.id) })
	case eligibilitySection:
		out.Eligibility = copyElement(c.Eligibility, from.Eligibility, func(e *events.EligibilityDetermined) int {
			return cmp.Or(strings.Compare(e.MemberID, s.id), cmp.Compare(e.ApplicationYear, s.year))
		})
	case enrollmentSection:
		out.Enrollments = s.replaceEnrollment(c.Enrollments, from.Enrollments, written)
	}
	return out
}

// copyElement returns list with the element for which compare returns 0 as it
// is in from, or without it if from has none. Both lists are sorted.
func copyElement[T any](list, from []T, compare func(*T) int) []T {
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

// replaceEnrollment returns list with the enrollment as it is in from, or
// without it if from has none. Enrollments are ordered by when they were last
// written.
func (s section) replaceEnrollment(list, from []events.EnrollmentRecorded, written func(section) bool) []events.EnrollmentRecorded {
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
		if !written(sectionOfEnrollment(from[i].EnrollmentID)) {
			ahead++
		}
	}
	return slices.Insert(out, ahead, from[was])
}

func sectionOfEnrollment(id string) section { return section{kind: enrollmentSection, id: id} }

func enrollmentIndex(list []events.EnrollmentRecorded, id string) int {
	return slices.IndexFunc(list, func(e events.EnrollmentRecorded) bool { return e.EnrollmentID == id })
}
