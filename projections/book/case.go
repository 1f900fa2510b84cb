package book

import (
	"slices"

	"bookledger/events"
	"bookledger/projections/fold"
)

// The household types of a case in a year. A type of "" means not determined.
const (
	CoveredCalifornia = "Covered California"
	MediCal           = "Medi-Cal"
	MixedHousehold    = "Mixed Household"
)

// HouseholdTypes returns the household types in display order. The last one is ""
// for not determined.
func HouseholdTypes() []string { return []string{CoveredCalifornia, MixedHousehold, MediCal, ""} }

// Years returns the years of a case in ascending order: every year that its
// applications, eligibility and enrollments name, whatever their status.
func Years(c *fold.Case) []int {
	var years []int
	add := func(y int) {
		if i, found := slices.BinarySearch(years, y); !found {
			years = slices.Insert(years, i, y)
		}
	}
	for i := range c.Applications {
		add(c.Applications[i].ApplicationYear)
	}
	for i := range c.Eligibility {
		add(c.Eligibility[i].ApplicationYear)
	}
	for i := range c.Enrollments {
		add(c.Enrollments[i].ApplicationYear)
	}
	return years
}

// ShownYears returns the years that a list or a book shows at a Friday in the
// calendar year current: the years from current on or, if there are none, the last
// year. The argument years must be in ascending order.
func ShownYears(years []int, current int) []int {
	if len(years) == 0 {
		return nil
	}
	i, _ := slices.BinarySearch(years, current)
	return years[min(i, len(years)-1):]
}

// HouseholdType returns the household type of a case in a year. It follows from the
// programs of the listed members who are eligible or conditionally eligible.
func HouseholdType(c *fold.Case, year int) string {
	covered, medical := false, false
	for i := range c.Eligibility {
		e := &c.Eligibility[i]
		if e.ApplicationYear != year || e.Status != "eligible" && e.Status != "conditionally_eligible" || !listed(c, e.MemberID) {
			continue
		}
		switch e.Program {
		case events.ProgramCoveredCalifornia:
			covered = true
		case events.ProgramMediCal, events.ProgramMCAP, events.ProgramCCHIP:
			medical = true
		}
	}
	switch {
	case covered && medical:
		return MixedHousehold
	case covered:
		return CoveredCalifornia
	case medical:
		return MediCal
	}
	return ""
}

func listed(c *fold.Case, member string) bool {
	for i := range c.Members {
		if c.Members[i].MemberID == member {
			return true
		}
	}
	return false
}

// Application returns the application for a year, or nil.
func Application(c *fold.Case, year int) *events.ApplicationRecorded {
	for i := range c.Applications {
		if c.Applications[i].ApplicationYear == year {
			return &c.Applications[i]
		}
	}
	return nil
}

// Eligibility returns a member's eligibility determination for a year, or nil.
func Eligibility(c *fold.Case, member string, year int) *events.EligibilityDetermined {
	for i := range c.Eligibility {
		if e := &c.Eligibility[i]; e.ApplicationYear == year && e.MemberID == member {
			return e
		}
	}
	return nil
}

// Enrollment returns a member's enrollment of a kind for a year: the one recorded
// last that is not cancelled or, if all are cancelled, the one recorded last. It
// returns nil if there is none.
func Enrollment(c *fold.Case, member string, year int, kind string) *events.EnrollmentRecorded {
	var cancelled *events.EnrollmentRecorded
	for i := len(c.Enrollments) - 1; i >= 0; i-- {
		e := &c.Enrollments[i]
		if e.ApplicationYear != year || e.CoverageKind != kind || !slices.Contains(e.MemberIDs, member) {
			continue
		}
		if e.Status != "cancelled" {
			return e
		}
		if cancelled == nil {
			cancelled = e
		}
	}
	return cancelled
}

// Extent describes how much of a book a case takes up: its years and the number of
// rows in each year.
type Extent struct {
	Years []int
	Rows  int
}

// ExtentOf returns the extent of a case, whether or not it is in a book.
func ExtentOf(c *fold.Case) Extent {
	return Extent{Years: Years(c), Rows: max(1, len(c.Members))}
}

// InBook reports whether a case appears in its holder's book.
func InBook(c *fold.Case) bool { return c.AgentID != "" && !c.Closed }
