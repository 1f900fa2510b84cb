package book

import (
	"strconv"

	"bookledger/events"
	"bookledger/projections/fold"
)

// Kind is the kind of a value. It determines how the value is displayed.
type Kind uint8

// The kinds of values. A value of kind Empty is blank.
const (
	Empty Kind = iota
	Text
	Date
	Money
	Year
)

// Value is the value of a field in a row. Only the member for its kind is set.
type Value struct {
	Kind  Kind
	Text  string
	Date  events.Date
	Cents int64
	Year  int
}

// String returns the value in canonical form: dates as YYYY-MM-DD, money with two
// decimal places, a blank value as "".
func (v Value) String() string {
	switch v.Kind {
	case Date:
		return v.Date.String()
	case Money:
		return events.Cents(v.Cents).String()
	case Year:
		return strconv.Itoa(v.Year)
	}
	return v.Text
}

// Field is a function that returns one field of a row.
type Field func(*Row) Value

// FieldByName returns a field by the name that column sets use, such as
// "eligibility.program", and reports whether it exists.
func FieldByName(name string) (Field, bool) {
	f, ok := fields[name]
	return f, ok
}

func text(s string) Value {
	if s == "" {
		return Value{}
	}
	return Value{Kind: Text, Text: s}
}

func date(d events.Date) Value {
	if d.IsZero() {
		return Value{}
	}
	return Value{Kind: Date, Date: d}
}

func money(m events.Money) Value {
	cents, known := m.Cents()
	if !known {
		return Value{}
	}
	return Value{Kind: Money, Cents: cents}
}

func yesNo(f events.Flag) Value {
	switch f {
	case events.Yes:
		return text("Yes")
	case events.No:
		return text("No")
	}
	return Value{}
}

// optional returns a field of a part of the row. The field is blank if part returns
// nil.
func optional[T any](part func(*Row) *T, value func(*T) Value) Field {
	return func(r *Row) Value {
		p := part(r)
		if p == nil {
			return Value{}
		}
		return value(p)
	}
}

func contact(value func(*events.Contact) string) Field {
	return func(r *Row) Value { return text(value(&r.Case.Household.PrimaryContact)) }
}

func address(value func(*events.Address) string) Field {
	return func(r *Row) Value { return text(value(&r.Case.Household.Address)) }
}

func application(value func(*events.ApplicationRecorded) Value) Field {
	return optional(func(r *Row) *events.ApplicationRecorded { return r.Application }, value)
}

func member(value func(*events.Member) Value) Field {
	return optional(func(r *Row) *events.Member { return r.Member }, value)
}

func eligibility(value func(*events.EligibilityDetermined) Value) Field {
	return optional(func(r *Row) *events.EligibilityDetermined { return r.Eligibility }, value)
}

func health(value func(*events.EnrollmentRecorded) Value) Field {
	return optional(func(r *Row) *events.EnrollmentRecorded { return r.Health }, value)
}

func dental(value func(*events.EnrollmentRecorded) Value) Field {
	return optional(func(r *Row) *events.EnrollmentRecorded { return r.Dental }, value)
}

func year(r *Row) Value {
	if r.Year == 0 {
		return Value{}
	}
	return Value{Kind: Year, Year: r.Year}
}

func delegationStatus(r *Row) Value {
	if r.Case.Inactive {
		return text("Inactive")
	}
	return text("Active")
}

// fields maps the names of column sets to fields.
var fields = map[string]Field{
	"case.id":        func(r *Row) Value { return text(r.CaseID) },
	"household.type": func(r *Row) Value { return text(r.HouseholdType) },

	"application.year":           year,
	"application.current_status": application(func(a *events.ApplicationRecorded) Value { return text(a.CurrentStatus) }),
	"application.next_steps":     application(func(a *events.ApplicationRecorded) Value { return text(a.NextSteps) }),
	"application.submitted_on":   application(func(a *events.ApplicationRecorded) Value { return date(a.SubmittedOn) }),

	"primary.first_name":       contact(func(p *events.Contact) string { return p.FirstName }),
	"primary.last_name":        contact(func(p *events.Contact) string { return p.LastName }),
	"primary.phone":            contact(func(p *events.Contact) string { return p.Phone }),
	"primary.email":            contact(func(p *events.Contact) string { return p.Email }),
	"primary.spoken_language":  contact(func(p *events.Contact) string { return p.SpokenLanguage }),
	"primary.written_language": contact(func(p *events.Contact) string { return p.WrittenLanguage }),
	"address.line1":            address(func(a *events.Address) string { return a.Line1 }),
	"address.line2":            address(func(a *events.Address) string { return a.Line2 }),
	"address.city":             address(func(a *events.Address) string { return a.City }),
	"address.state":            address(func(a *events.Address) string { return a.State }),
	"address.zip":              address(func(a *events.Address) string { return a.ZIP }),
	"address.county":           address(func(a *events.Address) string { return a.County }),

	"member.id":            member(func(m *events.Member) Value { return text(m.MemberID) }),
	"member.first_name":    member(func(m *events.Member) Value { return text(m.FirstName) }),
	"member.last_name":     member(func(m *events.Member) Value { return text(m.LastName) }),
	"member.relationship":  member(func(m *events.Member) Value { return text(m.Relationship) }),
	"member.date_of_birth": member(func(m *events.Member) Value { return date(m.DateOfBirth) }),
	"member.gender":        member(func(m *events.Member) Value { return text(m.Gender) }),
	"member.ssn":           member(func(m *events.Member) Value { return text(MaskSSN(m.SSNLast4)) }),
	"member.applying":      member(func(m *events.Member) Value { return yesNo(m.Applying) }),

	"eligibility.program":             eligibility(func(e *events.EligibilityDetermined) Value { return text(Label(e.Program)) }),
	"eligibility.status":              eligibility(func(e *events.EligibilityDetermined) Value { return text(Label(e.Status)) }),
	"eligibility.csr_level":           eligibility(func(e *events.EligibilityDetermined) Value { return text(e.CSRLevel) }),
	"eligibility.aptc_monthly":        eligibility(func(e *events.EligibilityDetermined) Value { return money(e.APTCMonthly) }),
	"eligibility.verification_due_on": eligibility(func(e *events.EligibilityDetermined) Value { return date(e.VerificationDueOn) }),

	"health.carrier":        health(func(e *events.EnrollmentRecorded) Value { return text(e.Carrier) }),
	"health.plan_name":      health(func(e *events.EnrollmentRecorded) Value { return text(e.PlanName) }),
	"health.hios_plan_id":   health(func(e *events.EnrollmentRecorded) Value { return text(e.HIOSPlanID) }),
	"health.metal_tier":     health(func(e *events.EnrollmentRecorded) Value { return text(e.MetalTier) }),
	"health.coverage_start": health(func(e *events.EnrollmentRecorded) Value { return date(e.CoverageStart) }),
	"health.coverage_end":   health(func(e *events.EnrollmentRecorded) Value { return date(e.CoverageEnd) }),
	"health.status":         health(func(e *events.EnrollmentRecorded) Value { return text(Label(e.Status)) }),
	"health.gross_premium":  health(func(e *events.EnrollmentRecorded) Value { return money(e.GrossPremium) }),
	"health.aptc_applied":   health(func(e *events.EnrollmentRecorded) Value { return money(e.APTCApplied) }),
	"health.state_subsidy":  health(func(e *events.EnrollmentRecorded) Value { return money(e.StateSubsidy) }),
	"health.net_premium":    health(func(e *events.EnrollmentRecorded) Value { return money(e.NetPremium) }),
	"health.binder_status":  health(func(e *events.EnrollmentRecorded) Value { return text(e.BinderStatus) }),
	"health.subscriber_id":  health(func(e *events.EnrollmentRecorded) Value { return text(e.SubscriberID) }),

	"dental.carrier":     dental(func(e *events.EnrollmentRecorded) Value { return text(e.Carrier) }),
	"dental.plan_name":   dental(func(e *events.EnrollmentRecorded) Value { return text(e.PlanName) }),
	"dental.status":      dental(func(e *events.EnrollmentRecorded) Value { return text(Label(e.Status)) }),
	"dental.net_premium": dental(func(e *events.EnrollmentRecorded) Value { return money(e.NetPremium) }),

	"delegation.status": delegationStatus,
	"delegation.since":  func(r *Row) Value { return date(r.Since) },
	"agent.name":        optional(rowAgent, func(a *fold.Agent) Value { return text(a.Name()) }),
	"agent.license":     optional(rowAgent, func(a *fold.Agent) Value { return text(a.LicenseNumber) }),
}

func rowAgent(r *Row) *fold.Agent { return r.Agent }
