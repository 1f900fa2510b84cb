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

// CaseDetails is one case as its agent sees it.
type CaseDetails struct {
	Freshness
	CaseID      string           `json:"case_id" format:"Identifier" doc:"The case id."`
	Household   Household        `json:"household" doc:"Who lives there and how to reach them."`
	Years       []Year           `json:"applications" doc:"Every year that an application, eligibility or enrollment names, ascending."`
	Eligibility []Eligibility    `json:"eligibility" doc:"The members' eligibility, one for each member and year."`
	Enrollment  []Enrollment     `json:"enrollment" doc:"The enrollments, the one recorded last at the end."`
	Delegation  Delegation       `json:"delegation" doc:"Who looks after the case."`
	History     []DelegationStep `json:"history" doc:"The newest hundred events of the delegation, the newest first."`
	NoHistory   bool             `json:"no_history,omitzero" enum:"true" doc:"The history could not be read just now; absent otherwise."`
	MayAct      bool             `json:"-"` // the caller may act on it
}

// Household is who lives there and how to reach them.
type Household struct {
	PrimaryContact Contact        `json:"primary_contact" doc:"The person whom the household names as its contact."`
	Address        events.Address `json:"address" doc:"Where the household lives; a part that is not known is absent."`
	Members        []Member       `json:"members" doc:"The members of the household, by member id."`
}

// Contact is the primary contact.
type Contact struct {
	FirstName       string      `json:"first_name" doc:"First name."`
	LastName        string      `json:"last_name" doc:"Last name."`
	Phone           string      `json:"phone" doc:"Phone number, as the source writes it."`
	Email           string      `json:"email" doc:"E-mail address."`
	DateOfBirth     events.Date `json:"date_of_birth" format:"DateOrBlank" doc:"Date of birth."`
	SSN             string      `json:"ssn" format:"MaskedSSN" doc:"Social Security number."`
	SpokenLanguage  string      `json:"spoken_language" doc:"The language to speak with the household."`
	WrittenLanguage string      `json:"written_language" doc:"The language to write to the household."`
}

// Member is a listed member of the case.
type Member struct {
	MemberID     string      `json:"member_id" format:"Identifier" doc:"The member's id within the case."`
	FirstName    string      `json:"first_name" doc:"First name."`
	LastName     string      `json:"last_name" doc:"Last name."`
	DateOfBirth  events.Date `json:"date_of_birth" format:"DateOrBlank" doc:"Date of birth."`
	Gender       string      `json:"gender" doc:"Gender, as the source writes it."`
	SSN          string      `json:"ssn" format:"MaskedSSN" doc:"Social Security number."`
	Relationship string      `json:"relationship" doc:"Relationship to the primary contact."`
	Applying     events.Flag `json:"applying,omitzero" doc:"Whether the member applies for coverage; absent where it is not known."`
}

// Name is the member's name as people write it.
func (m Member) Name() string { return book.FullName(m.FirstName, m.LastName) }

// Name is the contact's name as people write it.
func (c Contact) Name() string { return book.FullName(c.FirstName, c.LastName) }

// Year is the application of a year.
type Year struct {
	ApplicationYear int         `json:"application_year" format:"Year" doc:"The year that coverage is for."`
	CurrentStatus   string      `json:"current_status" doc:"Current status of the application."`
	NextSteps       string      `json:"next_steps" doc:"What is to be done next."`
	SubmittedOn     events.Date `json:"submitted_on" format:"DateOrBlank" doc:"When the application was submitted."`
	HouseholdType   string      `json:"household_type" format:"HouseholdType" doc:"What the household is eligible for in this year."`
}

// Eligibility is a member's determination in a year.
type Eligibility struct {
	MemberID          string       `json:"member_id" format:"Identifier" doc:"The member."`
	MemberName        string       `json:"-"`
	ApplicationYear   int          `json:"application_year" format:"Year" doc:"The year that coverage is for."`
	Program           string       `json:"program" enum:"covered_california,medi_cal,mcap,cchip,none" doc:"The program."`
	Status            string       `json:"status" enum:"eligible,conditionally_eligible,ineligible,pending" doc:"What was determined."`
	APTCMonthly       events.Money `json:"aptc_monthly,omitzero" format:"Amount" doc:"Advance premium tax credit a month; absent where it is not known."`
	CSRLevel          string       `json:"csr_level" doc:"Level of the cost-sharing reduction."`
	VerificationDueOn events.Date  `json:"verification_due_on" format:"DateOrBlank" doc:"Until when something is to be verified."`
}

// Enrollment is the coverage of members in a plan and year.
type Enrollment struct {
	EnrollmentID    string       `json:"enrollment_id" format:"Identifier" doc:"The enrollment's id within the case."`
	ApplicationYear int          `json:"application_year" format:"Year" doc:"The year that coverage is for."`
	CoverageKind    string       `json:"coverage_kind" enum:"health,dental" doc:"Health or dental."`
	MemberIDs       []string     `json:"member_ids" format:"Identifier" doc:"The members who are covered."`
	MemberNames     []string     `json:"-"`
	Carrier         string       `json:"carrier" doc:"The carrier."`
	PlanName        string       `json:"plan_name" doc:"The plan."`
	HIOSPlanID      string       `json:"hios_plan_id" doc:"The HIOS id of the plan."`
	MetalTier       string       `json:"metal_tier" doc:"The metal tier."`
	CoverageStart   events.Date  `json:"coverage_start" format:"DateOrBlank" doc:"First day of the coverage."`
	CoverageEnd     events.Date  `json:"coverage_end" format:"DateOrBlank" doc:"Last day of the coverage."`
	Status          string       `json:"status" enum:"pending,enrolled,cancelled,terminated" doc:"Status of the enrollment."`
	GrossPremium    events.Money `json:"gross_premium,omitzero" format:"Amount" doc:"Premium a month before subsidies; absent where it is not known."`
	APTCApplied     events.Money `json:"aptc_applied,omitzero" format:"Amount" doc:"Advance premium tax credit applied a month; absent where it is not known."`
	StateSubsidy    events.Money `json:"state_subsidy,omitzero" format:"Amount" doc:"State subsidy a month; absent where it is not known."`
	NetPremium      events.Money `json:"net_premium,omitzero" format:"Amount" doc:"Premium a month after subsidies; absent where it is not known."`
	BinderStatus    string       `json:"binder_status" doc:"What became of the first payment."`
	SubscriberID    string       `json:"subscriber_id" doc:"The carrier's id of the subscriber."`
}

// Delegation is who looks after the case. Status is active, inactive or, for
// an agent whom the consumer has asked, pending; Closed goes with each.
type Delegation struct {
	Status      string      `json:"status" enum:"active,inactive,pending" doc:"Active or inactive with the agent, or pending: the agent is asked."`
	Closed      bool        `json:"closed" doc:"Whether the case is closed; it then stands in no list."`
	AgentID     string      `json:"agent_id" format:"Identifier" doc:"The agent."`
	AgentName   string      `json:"agent_name" doc:"The agent's name."`
	License     string      `json:"agent_license" doc:"The agent's license number."`
	AgencyID    string      `json:"agency_id" format:"IdentifierOrBlank" doc:"The agent's agency; blank where there is none."`
	AgencyName  string      `json:"agency_name" doc:"The agency's name."`
	Since       events.Date `json:"delegated_since" format:"DateOrBlank" doc:"The Pacific date on which the delegation began; blank for a request."`
	RequestedOn events.Date `json:"requested_on,omitzero" format:"Date" doc:"The Pacific date of a pending request to the agent."`
}

// DelegationStep is an event of the delegation's history.
type DelegationStep struct {
	Seq       uint64    `json:"seq" format:"Sequence" doc:"The sequence of its record."`
	Recorded  time.Time `json:"recorded" doc:"When it was recorded."`
	Type      string    `json:"type" doc:"The type of the event, such as \x60delegation.accepted.v1\x60."`
	AgentID   string    `json:"agent_id" format:"Identifier" doc:"The agent whose delegation it is; in a transfer the one who got it."`
	FromAgent string    `json:"from_agent_id,omitzero" format:"Identifier" doc:"In a transfer, the agent who had it."`
	ActorID   string    `json:"actor_id,omitzero" doc:"The person who did it, where one did."`
	ActorRole string    `json:"actor_role,omitzero" doc:"The role in which it was done."`
}

// Case returns a case that is in one of the owner's lists, or would be if it
// were not closed.
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

// ownCase returns a case and the agent of the owner's who holds it or, where
// none does, is asked for it.
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
	return nil, "", problem.NotFound.WithCause(errors.New("the case is another's"))
}

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

// delegation tells what the case is to the agent.
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
	// maxSteps is how many of the newest steps of a delegation are shown.
	maxHistory = 100
	// historyTime is how long the journal may take to give them.
	historyTimeout = 2 * time.Second
)

// history reads the events of a case's delegation from the journal, the newest
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
