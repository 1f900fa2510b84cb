package list

import (
	"fmt"
	"slices"
	"strings"

	"bookledger/events"
	"bookledger/projections/book"
	"bookledger/projections/fold"
)

// Entry is a case in an agent's list. Its JSON form is that of the API.
type Entry struct {
	CaseID    string        `json:"case_id" format:"Identifier" doc:"ID of the case, usually ten digits."`
	FirstName string        `json:"first_name" doc:"First name of the primary contact."`
	LastName  string        `json:"last_name" doc:"Last name of the primary contact."`
	Phone     string        `json:"phone" doc:"Phone number, as the source writes it."`
	Email     string        `json:"email" doc:"Email address."`
	Address   string        `json:"address" doc:"Home address in one line."`
	DOB       string        `json:"dob" pattern:"^(?:[0-9]{2}/[0-9]{2})?$" doc:"Birthday of the primary contact as MM/DD; blank if not known."`
	SSN       string        `json:"ssn" format:"MaskedSSN" doc:"Social Security number of the primary contact."`
	Years     []EntryYear   `json:"years" doc:"Application years in ascending order: the current and later years or, if there are none, the last year."`
	Since     events.Date   `json:"delegated_since" format:"DateOrBlank" doc:"Pacific date on which the delegation to the agent began; blank if the case is not delegated to the agent."`
	Requested events.Date   `json:"requested_on,omitzero" format:"Date" doc:"Pacific date of the request; only in lists of pending requests."`
	AgentID   string        `json:"agent_id,omitempty" format:"Identifier" doc:"ID of the agent who holds the case or received the request; only in an agency's lists."` // must stay the last JSON member; see PageJSON
	Changed   fold.Position `json:"-"`

	keys searchKeys
}

// EntryYear is what a list shows of one year of a case.
type EntryYear struct {
	ApplicationYear int        `json:"application_year" format:"Year" doc:"Coverage year."`
	CurrentStatus   string     `json:"current_status" doc:"Current status of the application."`
	NextSteps       string     `json:"next_steps" doc:"What the household must do next."`
	HouseholdType   string     `json:"household_type" format:"HouseholdType" doc:"Household type in this year."`
	Programs        []string   `json:"-"`
	Coverage        []Coverage `json:"coverage" doc:"Coverage of the listed members."`
}

// Coverage is an enrollment that is shown for at least one listed member.
type Coverage struct {
	CoverageKind string      `json:"coverage_kind" enum:"health,dental" doc:"Kind of coverage."`
	Carrier      string      `json:"carrier" doc:"Name of the insurance company."`
	PlanName     string      `json:"plan_name" doc:"Name of the plan."`
	MetalTier    string      `json:"metal_tier" doc:"Metal tier of the plan."`
	Status       string      `json:"status" enum:"pending,enrolled,cancelled,terminated" doc:"Status of the enrollment."`
	Start        events.Date `json:"coverage_start" format:"DateOrBlank" doc:"First day of the coverage."`
	End          events.Date `json:"coverage_end" format:"DateOrBlank" doc:"Last day of the coverage."`
}

// NewEntry returns the entry of a case with all its years.
func NewEntry(id string, c *fold.Case, calendar *events.Calendar) Entry {
	p := &c.Household.PrimaryContact
	e := Entry{
		CaseID: id, FirstName: p.FirstName, LastName: p.LastName, Phone: p.Phone, Email: p.Email,
		Address: addressLine(&c.Household.Address), SSN: book.MaskSSN(p.SSNLast4), Changed: c.Changed,
		keys: newKeys(p.FirstName, p.LastName, c.Household.Address.County, p.Email, c.Household.Address.ZIP, p.Phone),
	}
	if d := p.DateOfBirth; !d.IsZero() {
		e.DOB = fmt.Sprintf("%02d/%02d", d.Month(), d.Day())
	}
	if c.AgentID != "" {
		e.Since = calendar.Day(c.Since)
	}
	years := book.Years(c)
	e.Years = make([]EntryYear, len(years))
	for i, year := range years {
		e.Years[i] = newEntryYear(c, year)
	}
	return e
}

func newEntryYear(c *fold.Case, year int) EntryYear {
	y := EntryYear{ApplicationYear: year, HouseholdType: book.HouseholdType(c, year), Coverage: []Coverage{}}
	if a := book.Application(c, year); a != nil {
		y.CurrentStatus, y.NextSteps = a.CurrentStatus, a.NextSteps
	}
	var shown []*events.EnrollmentRecorded
	for i := range c.Members {
		id := c.Members[i].MemberID
		if e := book.Eligibility(c, id, year); e != nil && !slices.Contains(y.Programs, e.Program) {
			y.Programs = append(y.Programs, e.Program)
		}
		for _, kind := range [...]string{"health", "dental"} {
			if e := book.Enrollment(c, id, year, kind); e != nil && !slices.Contains(shown, e) {
				shown = append(shown, e)
			}
		}
	}
	for _, e := range shown {
		y.Coverage = append(y.Coverage, Coverage{
			CoverageKind: e.CoverageKind, Carrier: e.Carrier, PlanName: e.PlanName, MetalTier: e.MetalTier,
			Status: e.Status, Start: e.CoverageStart, End: e.CoverageEnd,
		})
	}
	return y
}

// addressLine returns an address in one line: 12345 Main St, Sacramento CA 95838.
func addressLine(a *events.Address) string {
	place := strings.Join(slices.DeleteFunc([]string{a.City, a.State, a.ZIP}, isBlank), " ")
	return strings.Join(slices.DeleteFunc([]string{a.Line1, a.Line2, place}, isBlank), ", ")
}

func isBlank(s string) bool { return s == "" }

// Shown returns the entry with only the years that a list shows at a Friday in the
// calendar year current; see book.ShownYears.
func (e Entry) Shown(current int) Entry {
	e.Years = e.shownYears(current)
	return e
}

func (e *Entry) shownYears(current int) []EntryYear {
	for i := range e.Years {
		if e.Years[i].ApplicationYear >= current || i == len(e.Years)-1 {
			return e.Years[i:]
		}
	}
	return e.Years
}
