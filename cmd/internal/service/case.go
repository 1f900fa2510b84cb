package service

import (
	"context"
	"errors"
	"slices"
	"time"

	"bookledger/cmd/internal/problem"
	"bookledger/events"
	"bookledger/events/record"
	"bookledger/projections"
	"bookledger/projections/access"
	"bookledger/projections/book"
	"bookledger/projections/fold"
)

// CaseDetails describes one case as its agent sees it.
type CaseDetails struct {
	Freshness
	CaseID      string           `json:"case_id" format:"Identifier" doc:"The case ID."`
	Household   Household        `json:"household" doc:"The people in the household and how to reach them."`
	Years       []Year           `json:"applications" doc:"The application years of the case, earliest first. A year is included if any application, eligibility or enrollment is for it."`
	Eligibility []Eligibility    `json:"eligibility" doc:"The eligibility of each member in each year."`
	Enrollment  []Enrollment     `json:"enrollment" doc:"The enrollments, most recently recorded last."`
	Delegation  Delegation       `json:"delegation" doc:"The agent of the case and the state of the delegation."`
	History     []DelegationStep `json:"history" doc:"The newest 100 delegation events, newest first."`
	NoHistory   bool             `json:"no_history,omitzero" enum:"true" doc:"True if the history could not be read. Absent otherwise."`
	MayAct      bool             `json:"-"` // reports whether the caller may act on the case
}

// Household contains the people in a household and how to reach them.
type Household struct {
	PrimaryContact Contact        `json:"primary_contact" doc:"The household's primary contact."`
	Address        events.Address `json:"address" doc:"The household's address. Unknown parts are absent."`
	Members        []Member       `json:"members" doc:"The members of the household, sorted by member ID."`
}

// Contact is the primary contact of a household.
type Contact struct {
	FirstName       string      `json:"first_name" doc:"First name."`
	LastName        string      `json:"last_name" doc:"Last name."`
	Phone           string      `json:"phone" doc:"Phone number, as the source sent it."`
	Email           string      `json:"email" doc:"Email address."`
	DateOfBirth     events.Date `json:"date_of_birth" format:"DateOrBlank" doc:"Date of birth."`
	SSN             string      `json:"ssn" format:"MaskedSSN" doc:"Social Security number, masked except for the last four digits."`
	SpokenLanguage  string      `json:"spoken_language" doc:"Preferred spoken language."`
	WrittenLanguage string      `json:"written_language" doc:"Preferred written language."`
}

// Member is a member of a case who was recorded and not removed.
type Member struct {
	MemberID     string      `json:"member_id" format:"Identifier" doc:"The member's ID within the case."`
	FirstName    string      `json:"first_name" doc:"First name."`
	LastName     string      `json:"last_name" doc:"Last name."`
	DateOfBirth  events.Date `json:"date_of_birth" format:"DateOrBlank" doc:"Date of birth."`
	Gender       string      `json:"gender" doc:"Gender, as the source sent it."`
	SSN          string      `json:"ssn" format:"MaskedSSN" doc:"Social Security number, masked except for the last four digits."`
	Relationship string      `json:"relationship" doc:"Relationship to the primary contact."`
	Applying     events.Flag `json:"applying,omitzero" doc:"Whether the member is applying for coverage. Absent if unknown."`
}

// Name returns the member's full name.
func (m Member) Name() string { return book.FullName(m.FirstName, m.LastName) }

// Name returns the contact's full name.
func (c Contact) Name() string { return book.FullName(c.FirstName, c.LastName) }

// Year describes the application for one coverage year.
type Year struct {
	ApplicationYear int         `json:"application_year" format:"Year" doc:"The coverage year."`
	CurrentStatus   string      `json:"current_status" doc:"The current status of the application."`
	NextSteps       string      `json:"next_steps" doc:"The next steps of the application."`
	SubmittedOn     events.Date `json:"submitted_on" format:"DateOrBlank" doc:"The date on which the application was submitted."`
	HouseholdType   string      `json:"household_type" format:"HouseholdType" doc:"The kind of coverage that the household is eligible for in this year."`
}

// Eligibility is a member's eligibility determination for a year.
type Eligibility struct {
	MemberID          string       `json:"member_id" format:"Identifier" doc:"The ID of the member."`
	MemberName        string       `json:"-"`
	ApplicationYear   int          `json:"application_year" format:"Year" doc:"The coverage year."`
	Program           string       `json:"program" enum:"covered_california,medi_cal,mcap,cchip,none" doc:"The program."`
	Status            string       `json:"status" enum:"eligible,conditionally_eligible,ineligible,pending" doc:"The result of the determination."`
	APTCMonthly       events.Money `json:"aptc_monthly,omitzero" format:"Amount" doc:"Monthly advance premium tax credit. Absent if unknown."`
	CSRLevel          string       `json:"csr_level" doc:"Cost-sharing reduction level."`
	VerificationDueOn events.Date  `json:"verification_due_on" format:"DateOrBlank" doc:"The date by which documents must be verified."`
}

// Enrollment describes the coverage of members in a plan for a year.
type Enrollment struct {
	EnrollmentID    string       `json:"enrollment_id" format:"Identifier" doc:"The enrollment's ID within the case."`
	ApplicationYear int          `json:"application_year" format:"Year" doc:"The coverage year."`
	CoverageKind    string       `json:"coverage_kind" enum:"health,dental" doc:"The kind of coverage."`
	MemberIDs       []string     `json:"member_ids" format:"Identifier" doc:"The IDs of the covered members."`
	MemberNames     []string     `json:"-"`
	Carrier         string       `json:"carrier" doc:"The name of the carrier."`
	PlanName        string       `json:"plan_name" doc:"The name of the plan."`
	HIOSPlanID      string       `json:"hios_plan_id" doc:"The HIOS ID of the plan."`
	MetalTier       string       `json:"metal_tier" doc:"The metal tier of the plan."`
	CoverageStart   events.Date  `json:"coverage_start" format:"DateOrBlank" doc:"The first day of coverage."`
	CoverageEnd     events.Date  `json:"coverage_end" format:"DateOrBlank" doc:"The last day of coverage."`
	Status          string       `json:"status" enum:"pending,enrolled,cancelled,terminated" doc:"The status of the enrollment."`
	GrossPremium    events.Money `json:"gross_premium,omitzero" format:"Amount" doc:"Monthly premium before subsidies. Absent if unknown."`
	APTCApplied     events.Money `json:"aptc_applied,omitzero" format:"Amount" doc:"Advance premium tax credit applied per month. Absent if unknown."`
	StateSubsidy    events.Money `json:"state_subsidy,omitzero" format:"Amount" doc:"Monthly state subsidy. Absent if unknown."`
	NetPremium      events.Money `json:"net_premium,omitzero" format:"Amount" doc:"Monthly premium after subsidies. Absent if unknown."`
	BinderStatus    string       `json:"binder_status" doc:"The status of the binder (first) payment."`
	SubscriberID    string       `json:"subscriber_id" doc:"The carrier's ID for the subscriber."`
}

// Delegation describes the relation of an agent and a case. Status is active or
// inactive if the agent holds the case, and pending if the consumer has sent the
// agent a request. A case with any status may be closed.
type Delegation struct {
	Status      string      `json:"status" enum:"active,inactive,pending" doc:"Active or inactive if the case is delegated to the agent. Pending if the agent has a request to answer."`
	Closed      bool        `json:"closed" doc:"Whether the case is closed. Closed cases are in no list."`
	AgentID     string      `json:"agent_id" format:"Identifier" doc:"The ID of the agent."`
	AgentName   string      `json:"agent_name" doc:"The agent's name."`
	License     string      `json:"agent_license" doc:"The agent's license number."`
	AgencyID    string      `json:"agency_id" format:"IdentifierOrBlank" doc:"The ID of the agent's agency. Blank if there is none."`
	AgencyName  string      `json:"agency_name" doc:"The name of the agent's agency."`
	Since       events.Date `json:"delegated_since" format:"DateOrBlank" doc:"The date, in Pacific time, on which the delegation began. Blank for a request."`
	RequestedOn events.Date `json:"requested_on,omitzero" format:"Date" doc:"The date, in Pacific time, of a pending request to the agent."`
}

// DelegationStep is a delegation event in the history of a case.
type DelegationStep struct {
	Seq       uint64    `json:"seq" format:"Sequence" doc:"The sequence of the event's record."`
	Recorded  time.Time `json:"recorded" doc:"The time at which the event was recorded."`
	Type      string    `json:"type" doc:"The type of the event, such as \x60delegation.accepted.v1\x60."`
	AgentID   string    `json:"agent_id" format:"Identifier" doc:"The ID of the agent. For a transfer, the agent who received the case."`
	FromAgent string    `json:"from_agent_id,omitzero" format:"Identifier" doc:"For a transfer, the ID of the agent who held the case before."`
	ActorID   string    `json:"actor_id,omitzero" doc:"The ID of the person who acted, if known."`
	ActorRole string    `json:"actor_role,omitzero" doc:"The role in which the person acted."`
}

// Case returns a case from one of the owner's lists, or a closed case that would
// otherwise be in one.
func (s *Service) Case(ctx context.Context, c Caller, o Owner, id string) (*CaseDetails, error) {
	r, g, done, err := s.ownerSnapshot(c, o)
	if err != nil {
		return nil, err
	}
	defer done()
	state, agent, err := r.ownCase(c, o, id)
	if err != nil {
		return nil, err
	}
	if err := s.logAccess(c, g.Role, "case", o, id); err != nil {
		return nil, err
	}
	f := &CaseDetails{Freshness: r.freshness(), CaseID: id}
	_, err = access.MayAct(r.state, c.Person, o, agent)
	if f.MayAct = err == nil; err != nil && !errors.Is(err, access.MayNotAct) {
		return nil, err
	}
	f.fill(state)
	if f.Delegation, err = r.delegation(state, agent); err != nil {
		return nil, err
	}
	if f.History, err = s.history(ctx, r, id); err != nil {
		f.History, f.NoHistory = []DelegationStep{}, true
	}
	return f, nil
}

// ownCase returns a case and the agent of the owner's who holds it. If none of
// them holds it, the agent is one with a pending request. Without either, the
// error is problem.NotFound.
func (r *snapshot) ownCase(c Caller, o Owner, id string) (*fold.Case, string, error) {
	state, known, err := r.state.Case(id)
	if err != nil {
		return nil, "", err
	}
	if !known {
		return nil, "", problem.NotFound.WithCause(errors.New("no such case"))
	}
	candidates := []string{state.AgentID}
	for _, p := range state.Pending {
		candidates = append(candidates, p.AgentID)
	}
	for _, agent := range candidates {
		ok, err := access.InLists(r.state, c.Person, o, agent)
		if err != nil {
			return nil, "", err
		}
		if ok {
			return &state, agent, nil
		}
	}
	return nil, "", problem.NotFound.WithCause(errors.New("the case belongs to another agent or agency"))
}

// fill sets the parts of f that come from the state of the case.
func (f *CaseDetails) fill(c *fold.Case) {
	p := &c.Household.PrimaryContact
	f.Household = Household{
		PrimaryContact: Contact{
			p.FirstName, p.LastName, p.Phone, p.Email, p.DateOfBirth, book.MaskSSN(p.SSNLast4), p.SpokenLanguage, p.WrittenLanguage,
		},
		Address: c.Household.Address, Members: []Member{},
	}
	names := map[string]string{}
	for _, m := range c.Members {
		member := Member{
			m.MemberID, m.FirstName, m.LastName, m.DateOfBirth, m.Gender, book.MaskSSN(m.SSNLast4), m.Relationship, m.Applying,
		}
		f.Household.Members = append(f.Household.Members, member)
		names[m.MemberID] = member.Name()
	}
	f.Years = []Year{}
	for _, year := range book.Years(c) {
		y := Year{ApplicationYear: year, HouseholdType: book.HouseholdType(c, year)}
		for _, a := range c.Applications {
			if a.ApplicationYear == year {
				y.CurrentStatus, y.NextSteps, y.SubmittedOn = a.CurrentStatus, a.NextSteps, a.SubmittedOn
			}
		}
		f.Years = append(f.Years, y)
	}
	f.Eligibility = []Eligibility{}
	for _, e := range c.Eligibility {
		f.Eligibility = append(f.Eligibility, Eligibility{
			e.MemberID, names[e.MemberID], e.ApplicationYear, e.Program, e.Status, e.APTCMonthly, e.CSRLevel, e.VerificationDueOn,
		})
	}
	f.Enrollment = []Enrollment{}
	for _, e := range c.Enrollments {
		n := Enrollment{
			e.EnrollmentID, e.ApplicationYear, e.CoverageKind, e.MemberIDs, nil, e.Carrier, e.PlanName, e.HIOSPlanID, e.MetalTier,
			e.CoverageStart, e.CoverageEnd, e.Status, e.GrossPremium, e.APTCApplied, e.StateSubsidy, e.NetPremium, e.BinderStatus, e.SubscriberID,
		}
		for _, id := range e.MemberIDs {
			if name := names[id]; name != "" {
				n.MemberNames = append(n.MemberNames, name)
			}
		}
		f.Enrollment = append(f.Enrollment, n)
	}
}

// delegation describes the relation of the case and the agent.
func (r *snapshot) delegation(c *fold.Case, agent string) (Delegation, error) {
	d := Delegation{Status: string(Active), Closed: c.Closed, AgentID: agent}
	for _, p := range c.Pending {
		if p.AgentID == agent {
			d.RequestedOn = r.Calendar().Day(p.Requested)
		}
	}
	if c.AgentID != agent {
		d.Status = string(Pending)
	} else if d.Since = r.Calendar().Day(c.Since); c.Inactive {
		d.Status = string(Inactive)
	}
	a, _, err := r.state.Agent(agent)
	if err != nil {
		return d, err
	}
	d.AgentName, d.License, d.AgencyID = a.Name(), a.LicenseNumber, a.AgencyID
	if a.AgencyID != "" {
		agency, _, err := r.state.Agency(a.AgencyID)
		if err != nil {
			return d, err
		}
		d.AgencyName = agency.Name
	}
	return d, nil
}

const (
	// maxHistory is the most delegation events that a case shows.
	maxHistory = 100
	// historyTimeout limits the time to read them from the journal.
	historyTimeout = 2 * time.Second
)

// history reads the newest delegation events of a case from the journal, newest
// first.
func (s *Service) history(ctx context.Context, r *snapshot, id string) ([]DelegationStep, error) {
	ctx, cancel := context.WithTimeout(ctx, historyTimeout)
	defer cancel()
	steps, err := r.History(id)
	if err != nil {
		return nil, err
	}
	steps = slices.DeleteFunc(steps, func(e projections.CaseIndexEntry) bool { return !e.Delegation || e.Outcome != record.Applied })
	entries, err := r.CaseRecords(ctx, s.Node.Journal, id, steps[max(0, len(steps)-maxHistory):])
	history := make([]DelegationStep, 0, len(entries))
	for _, e := range slices.Backward(entries) {
		step := DelegationStep{Seq: e.Seq, Recorded: e.Recorded, Type: e.Event.Type, ActorID: e.Event.ActorID, ActorRole: e.Event.ActorRole}
		switch data := e.Event.Data.(type) {
		case *events.DelegationTransferred:
			step.AgentID, step.FromAgent = data.ToAgentID, data.FromAgentID
		case interface{ Agent() string }:
			step.AgentID = data.Agent()
		}
		history = append(history, step)
	}
	return history, err
}
