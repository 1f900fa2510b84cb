package service

import (
	"context"
	"errors"
	"fmt"
	"time"

	"bookledger/cmd/internal/problem"
	"bookledger/events"
	"bookledger/events/record"
	"bookledger/projections/access"
	"bookledger/projections/book"
	"bookledger/projections/fold"
)

// CaseFile is one case as its agent sees it.
type CaseFile struct {
	AsOf        time.Time     `json:"as_of"`
	AgeSeconds  int           `json:"age_seconds,omitzero"` // how long the journal has not answered
	CaseID      string        `json:"case_id"`
	Household   Household     `json:"household"`
	Years       []Year        `json:"applications"`
	Eligibility []Eligibility `json:"eligibility"`
	Enrollment  []Enrollment  `json:"enrollment"`
	Delegation  Delegation    `json:"delegation"`
	History     []Step        `json:"history"`             // of the delegation
	NoHistory   bool          `json:"no_history,omitzero"` // it could not be read
	MayAct      bool          `json:"-"`                   // the caller may act on it
}

// Household is who lives there and how to reach them.
type Household struct {
	PrimaryContact Contact        `json:"primary_contact"`
	Address        events.Address `json:"address"`
	Members        []Member       `json:"members"`
}

// Contact is the primary contact.
type Contact struct {
	FirstName       string      `json:"first_name"`
	LastName        string      `json:"last_name"`
	Phone           string      `json:"phone"`
	Email           string      `json:"email"`
	DateOfBirth     events.Date `json:"date_of_birth"`
	SSN             string      `json:"ssn"` // XXX-XX-1234
	SpokenLanguage  string      `json:"spoken_language"`
	WrittenLanguage string      `json:"written_language"`
}

// Member is a listed member of the case.
type Member struct {
	MemberID     string      `json:"member_id"`
	FirstName    string      `json:"first_name"`
	LastName     string      `json:"last_name"`
	DateOfBirth  events.Date `json:"date_of_birth"`
	Gender       string      `json:"gender"`
	SSN          string      `json:"ssn"` // XXX-XX-1234
	Relationship string      `json:"relationship"`
	Applying     events.Flag `json:"applying,omitzero"`
}

// Name is the member's name as people write it.
func (m Member) Name() string { return fullName(m.FirstName, m.LastName) }

// Name is the contact's name as people write it.
func (c Contact) Name() string { return fullName(c.FirstName, c.LastName) }

func fullName(first, last string) string {
	if first == "" || last == "" {
		return first + last
	}
	return first + " " + last
}

// Year is the application of a year.
type Year struct {
	ApplicationYear int         `json:"application_year"`
	CurrentStatus   string      `json:"current_status"`
	NextSteps       string      `json:"next_steps"`
	SubmittedOn     events.Date `json:"submitted_on"`
	HouseholdType   string      `json:"household_type"`
}

// Eligibility is a member's determination in a year.
type Eligibility struct {
	MemberID          string       `json:"member_id"`
	MemberName        string       `json:"-"`
	ApplicationYear   int          `json:"application_year"`
	Program           string       `json:"program"`
	Status            string       `json:"status"`
	APTCMonthly       events.Money `json:"aptc_monthly,omitzero"`
	CSRLevel          string       `json:"csr_level"`
	VerificationDueOn events.Date  `json:"verification_due_on"`
}

// Enrollment is the coverage of members in a plan and year.
type Enrollment struct {
	EnrollmentID    string       `json:"enrollment_id"`
	ApplicationYear int          `json:"application_year"`
	CoverageKind    string       `json:"coverage_kind"`
	MemberIDs       []string     `json:"member_ids"`
	MemberNames     []string     `json:"-"`
	Carrier         string       `json:"carrier"`
	PlanName        string       `json:"plan_name"`
	HIOSPlanID      string       `json:"hios_plan_id"`
	MetalTier       string       `json:"metal_tier"`
	CoverageStart   events.Date  `json:"coverage_start"`
	CoverageEnd     events.Date  `json:"coverage_end"`
	Status          string       `json:"status"`
	GrossPremium    events.Money `json:"gross_premium,omitzero"`
	APTCApplied     events.Money `json:"aptc_applied,omitzero"`
	StateSubsidy    events.Money `json:"state_subsidy,omitzero"`
	NetPremium      events.Money `json:"net_premium,omitzero"`
	BinderStatus    string       `json:"binder_status"`
	SubscriberID    string       `json:"subscriber_id"`
}

// Delegation is who looks after the case. Status is active, inactive or, for
// an agent whom the consumer has asked, pending; Closed goes with each.
type Delegation struct {
	Status      string      `json:"status"`
	Closed      bool        `json:"closed"`
	AgentID     string      `json:"agent_id"`
	AgentName   string      `json:"agent_name"`
	License     string      `json:"agent_license"`
	AgencyID    string      `json:"agency_id"`
	AgencyName  string      `json:"agency_name"`
	Since       events.Date `json:"delegated_since"`
	RequestedOn events.Date `json:"requested_on,omitzero"`
}

// Step is an event of the delegation's history.
type Step struct {
	Seq       uint64    `json:"seq"`
	Recorded  time.Time `json:"recorded"`
	Type      string    `json:"type"`
	AgentID   string    `json:"agent_id"`
	FromAgent string    `json:"from_agent_id,omitzero"`
	ActorID   string    `json:"actor_id,omitzero"`
	ActorRole string    `json:"actor_role,omitzero"`
}

// Case returns a case that is in one of the owner's lists, or would be if it
// were not closed.
func (d *Service) Case(ctx context.Context, c Caller, o Owner, id string) (*CaseFile, error) {
	r, g, done, err := d.enter(c, o)
	if err != nil {
		return nil, err
	}
	defer done()
	state, agent, err := r.ownCase(c, o, id)
	if err != nil {
		return nil, err
	}
	if err := d.noteLook(c, g.Role, "case", o, id); err != nil {
		return nil, err
	}
	f := &CaseFile{AsOf: r.Recorded(), AgeSeconds: int(r.age / time.Second), CaseID: id}
	_, err = access.MayAct(r.state, c.Person, o, agent)
	if f.MayAct = err == nil; err != nil && !errors.Is(err, access.NotActing) {
		return nil, err
	}
	f.fill(state)
	if f.Delegation, err = r.delegation(state, agent); err != nil {
		return nil, err
	}
	if f.History, err = d.history(ctx, r, id); err != nil {
		f.History, f.NoHistory = []Step{}, true
	}
	return f, nil
}

// ownCase returns a case and the agent of the owner's who holds it or, where
// none does, is asked for it.
func (r *reading) ownCase(c Caller, o Owner, id string) (*fold.Case, string, error) {
	state, known, err := r.state.Case(id)
	if err != nil {
		return nil, "", err
	}
	if !known {
		return nil, "", problem.NotFound.Because(errors.New("no such case"))
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
	return nil, "", problem.NotFound.Because(errors.New("the case is another's"))
}

func (f *CaseFile) fill(c *fold.Case) {
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
func (r *reading) delegation(c *fold.Case, agent string) (Delegation, error) {
	d := Delegation{Status: string(Active), Closed: c.Closed, AgentID: agent}
	for _, p := range c.Pending {
		if p.AgentID == agent {
			d.RequestedOn = r.Calendar().Day(p.Requested)
		}
	}
	switch {
	case c.AgentID != agent:
		d.Status = string(Pending)
	case c.Inactive:
		d.Status = string(Inactive)
	}
	if c.AgentID == agent {
		d.Since = r.Calendar().Day(c.Since)
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
	maxSteps = 100
	// historyTime is how long the journal may take to give them.
	historyTime = 2 * time.Second
)

// history reads the events of a case's delegation from the journal, the newest
// first.
func (d *Service) history(ctx context.Context, r *reading, id string) ([]Step, error) {
	ctx, cancel := context.WithTimeout(ctx, historyTime)
	defer cancel()
	mentions, err := r.History(id)
	if err != nil {
		return nil, err
	}
	steps := []Step{}
	var checker events.Checker
	for i := len(mentions) - 1; i >= 0 && len(steps) < maxSteps; i-- {
		m := mentions[i]
		if !m.Delegation || m.Outcome != record.Applied {
			continue
		}
		rec, err := d.Node.Journal.At(ctx, m.Seq)
		if err != nil {
			return nil, fmt.Errorf("reading record %d for the history of a case: %w", m.Seq, err)
		}
		checked := checker.Check(rec.Subject, rec.Body)
		steps = append(steps, stepOf(&rec, checked.Event))
	}
	return steps, nil
}

func stepOf(rec *record.Record, e events.Event) Step {
	s := Step{Seq: rec.Seq, Recorded: rec.Stamped.UTC(), Type: e.Type, ActorID: e.ActorID, ActorRole: e.ActorRole}
	if rec.Header != "" { // a record of the history load was recorded at its own time
		if t, err := time.Parse(time.RFC3339Nano, rec.Header); err == nil {
			s.Recorded = t.UTC()
		}
	}
	switch data := e.Data.(type) {
	case *events.DelegationTransferred:
		s.AgentID, s.FromAgent = data.ToAgentID, data.FromAgentID
	case interface{ Agent() string }:
		s.AgentID = data.Agent()
	}
	return s
}
