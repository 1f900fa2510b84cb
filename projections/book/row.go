package book

import (
	"cmp"
	"strings"

	"bookledger/events"
	"bookledger/projections/fold"
)

// Row is one row of a book: a listed member of a delegated case in a shown year. A
// nil or zero field is blank.
type Row struct {
	CaseID        string
	Case          *fold.Case
	Year          int
	HouseholdType string
	Application   *events.ApplicationRecorded
	Member        *events.Member
	Eligibility   *events.EligibilityDetermined
	Health        *events.EnrollmentRecorded
	Dental        *events.EnrollmentRecorded
	Since         events.Date // the Pacific date on which the delegation began
	Agent         *fold.Agent

	lastKey, firstKey string
}

// appendRows appends the rows of a case at a Friday in the calendar year current.
func appendRows(rows []Row, id string, c *fold.Case, agent *fold.Agent, since events.Date, current int) []Row {
	years := ShownYears(Years(c), current)
	if len(years) == 0 {
		years = []int{0}
	}
	contact := &c.Household.PrimaryContact
	base := Row{
		CaseID: id, Case: c, Since: since, Agent: agent,
		lastKey: SortKey(contact.LastName), firstKey: SortKey(contact.FirstName),
	}
	for _, year := range years {
		row := base
		if year != 0 {
			row.Year, row.HouseholdType, row.Application = year, HouseholdType(c, year), Application(c, year)
		}
		if len(c.Members) == 0 {
			rows = append(rows, row)
		}
		for i := range c.Members {
			m := &c.Members[i]
			row.Member = m
			row.Eligibility = Eligibility(c, m.MemberID, year)
			row.Health = Enrollment(c, m.MemberID, year, "health")
			row.Dental = Enrollment(c, m.MemberID, year, "dental")
			rows = append(rows, row)
		}
	}
	return rows
}

// compareRows compares rows in the order of a book: primary last name, primary
// first name, case id, year, member id.
func compareRows(a, b *Row) int {
	if a.Case != b.Case {
		pa, pb := &a.Case.Household.PrimaryContact, &b.Case.Household.PrimaryContact
		if c := cmp.Or(
			strings.Compare(a.lastKey, b.lastKey), strings.Compare(pa.LastName, pb.LastName),
			strings.Compare(a.firstKey, b.firstKey), strings.Compare(pa.FirstName, pb.FirstName),
			strings.Compare(a.CaseID, b.CaseID)); c != 0 {
			return c
		}
	}
	return cmp.Or(cmp.Compare(a.Year, b.Year), strings.Compare(a.memberID(), b.memberID()))
}

func (r *Row) memberID() string {
	if r.Member == nil {
		return ""
	}
	return r.Member.MemberID
}
