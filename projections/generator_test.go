package projections_test

import (
	"fmt"
	"iter"
	"math/rand/v2"
	"time"

	"bookledger/events"
	"bookledger/events/record"
)

// eventGenerator generates the synthetic events of a large ledger: households, members,
// applications, eligibility, enrollments and delegations, about 750 bytes each on average.
// The same number of agents always produces the same events.
//
// Of six events, two open a case with its household, one is about a case that was just
// opened, and three are about any case. One event in two hundred is sent twice.
type eventGenerator struct {
	rng      *rand.Rand
	calendar *events.Calendar
	ids      int
	cases    int
	agents   int
	time     time.Time
	last     message // repeated now and then
}

func newEventGenerator(agents int) *eventGenerator {
	return &eventGenerator{
		rng: rand.New(rand.NewPCG(1, 2)), calendar: events.DefaultCalendar(), agents: agents,
		time: time.Date(2026, 11, 16, 9, 0, 0, 0, time.UTC),
	}
}

// message is an event and its subject.
type message struct {
	subject string
	body    []byte
}

// events yields n events about n/3 cases.
func (s *eventGenerator) events(n int) iter.Seq[message] {
	return func(yield func(message) bool) {
		for i := range n {
			if !yield(s.next(i)) {
				return
			}
		}
	}
}

func (s *eventGenerator) next(i int) message {
	if i%200 == 199 {
		return s.last
	}
	switch i % 6 {
	case 0, 3:
		s.cases++
		return s.encode(s.household(s.cases))
	case 1:
		return s.encode(s.anyEvent(s.cases))
	}
	return s.encode(s.anyEvent(1 + s.rng.IntN(s.cases)))
}

func (s *eventGenerator) anyEvent(n int) events.Data {
	switch s.rng.IntN(20) {
	case 0, 1:
		return s.household(n)
	case 2, 3, 4, 5:
		return s.member(n)
	case 6, 7, 8:
		return s.application(n)
	case 9, 10, 11:
		return s.eligibility(n)
	case 12, 13, 14:
		return s.enrollment(n)
	}
	return s.delegation(n)
}

// encode encodes an event, with extensions as an upstream system's tracing adds them. The
// ledger keeps them and does not read them.
func (s *eventGenerator) encode(data events.Data) message {
	s.ids++
	s.time = s.time.Add(time.Second)
	event := events.Event{
		ID: fmt.Sprintf("0193%04x-7b2d-7c31-9f0a-%012x", s.ids>>16, s.ids), Source: "calheers",
		Type: events.TypeOf(data), Time: s.time, Data: data,
	}
	body, err := event.Encode()
	if err != nil {
		panic(err) // all generated events can be encoded
	}
	body = fmt.Appendf(body[:len(body)-1], `,"traceparent":"00-%016x%016x-%016x-01","tracestate":"calheers=%016x","sequence":"%020d","dataschema":"https://schemas.calheers.example/%s.json","correlationid":"batch/%08d"}`,
		s.rng.Uint64(), s.rng.Uint64(), s.rng.Uint64(), s.rng.Uint64(), s.ids, event.Type, s.ids/500)
	s.last = message{event.Subject(), body}
	return s.last
}

// record returns the event as a record, stamped with the time of the event.
func (s *eventGenerator) record(data events.Data) record.Record {
	m := s.encode(data)
	return record.Record{Stamped: s.time, Subject: m.subject, Body: m.body}
}

// clock returns the clock event after the cutoff of a Friday.
func (s *eventGenerator) clock(f events.Date) record.Record {
	event := events.Event{
		ID: "clock/" + f.String(), Source: events.SourceLedger, Type: events.TypeClock, Time: s.time, Data: &events.Clock{Friday: f},
	}
	body, err := event.Encode()
	if err != nil {
		panic(err) // as above
	}
	return record.Record{Stamped: s.time, Subject: event.Subject(), Body: body}
}

func (s *eventGenerator) choose(of ...string) string { return of[s.rng.IntN(len(of))] }

func (s *eventGenerator) firstName() string {
	return s.choose("José", "Maria", "Linh", "Wei", "Anahit", "Zoë", "Robert", "Guadalupe", "Min-jun", "Olena", "DeShawn", "Priya")
}

func (s *eventGenerator) lastName() string {
	return s.choose("García", "Nguyen", "Smith", "O'Hara", "Hovhannisyan", "Lee", "Martínez", "Johnson", "Tran", "Petrosyan", "Kim") + s.choose("", "", "-Lopez", " Jr.", "-Baker")
}

func (s *eventGenerator) date(from, years int) events.Date {
	return events.Date((from+s.rng.IntN(years))*10000 + (1+s.rng.IntN(12))*100 + 1 + s.rng.IntN(28))
}

func (s *eventGenerator) digits(n int) string {
	text := fmt.Sprintf("%09d", s.rng.IntN(1_000_000_000))
	return text[:n]
}

func (s *eventGenerator) year() int { return 2026 + s.rng.IntN(2) }

func caseID(n int) string { return fmt.Sprint(5_000_000_000 + n) }

func (s *eventGenerator) memberID(n int) string {
	return fmt.Sprintf("%d-%d", 70_000_000+n, 1+s.rng.IntN(3))
}

func (s *eventGenerator) household(n int) events.Data {
	h := &events.HouseholdRecorded{CaseID: caseID(n), PrimaryContact: events.Contact{
		FirstName: s.firstName(), LastName: s.lastName(), Phone: "(916) 555-" + s.digits(4),
		DateOfBirth: s.date(1950, 50), SSNLast4: s.digits(4), SpokenLanguage: s.choose("English", "Spanish", "Vietnamese", "Armenian"),
		WrittenLanguage: s.choose("English", "Spanish", "Chinese"),
	}, Address: events.Address{
		Line1: s.digits(4) + " " + s.choose("Arden Way", "El Camino Real", "Sunset Boulevard", "Peralta Street"), Line2: s.choose("", "", "Apt 4"),
		City: s.choose("Sacramento", "San José", "Los Angeles", "Fresno"), State: "CA", ZIP: "9" + s.digits(4), County: s.choose("Sacramento", "Santa Clara", "Los Angeles", "Fresno"),
	}}
	h.PrimaryContact.Email = fmt.Sprintf("consumer.%d@mail.example", n)
	return h
}

func (s *eventGenerator) member(n int) events.Data {
	return &events.MemberRecorded{Member: events.Member{
		CaseID: caseID(n), MemberID: s.memberID(n), FirstName: s.firstName(), LastName: s.lastName(), DateOfBirth: s.date(1950, 75),
		Gender: s.choose("Female", "Male", "Nonbinary"), SSNLast4: s.digits(4), Relationship: s.choose("Self", "Spouse", "Child"),
		Applying: events.FlagOf(s.rng.IntN(5) > 0),
	}}
}

func (s *eventGenerator) application(n int) events.Data {
	return &events.ApplicationRecorded{
		CaseID: caseID(n), ApplicationYear: s.year(), CurrentStatus: s.choose("Submitted", "Enrolled", "Plan selected", "In progress"),
		NextSteps:   s.choose("", "Send proof of income by the date in the notice", "Choose a plan for every member who is eligible", "Pay the first premium to the carrier so that coverage begins"),
		SubmittedOn: s.date(2025, 2),
	}
}

func (s *eventGenerator) eligibility(n int) events.Data {
	return &events.EligibilityDetermined{
		CaseID: caseID(n), MemberID: s.memberID(n), ApplicationYear: s.year(),
		Program: s.choose("covered_california", "covered_california", "medi_cal", "mcap", "none"), Status: s.choose("eligible", "eligible", "conditionally_eligible", "pending"),
		APTCMonthly: events.Cents(s.rng.Int64N(90_000)), CSRLevel: s.choose("", "Silver 87", "Silver 94"), VerificationDueOn: s.date(2026, 2),
	}
}

func (s *eventGenerator) enrollment(n int) events.Data {
	year, members := s.year(), []string{s.memberID(n)}
	if other := s.memberID(n); other != members[0] {
		members = append(members, other)
	}
	return &events.EnrollmentRecorded{
		CaseID: caseID(n), EnrollmentID: fmt.Sprintf("E-%d-%d", n, s.rng.IntN(3)), ApplicationYear: year, CoverageKind: s.choose("health", "health", "dental"), MemberIDs: members,
		Carrier: s.choose("Kaiser Permanente", "Blue Shield", "Anthem Blue Cross", "L.A. Care"), PlanName: s.choose("Silver 70 HMO", "Bronze 60 HDHP PPO", "Gold 80 Trio HMO"),
		HIOSPlanID: "40513CA0" + s.digits(6), MetalTier: s.choose("Silver", "Bronze HDHP", "Gold"),
		CoverageStart: events.Date(year*10000 + 101), CoverageEnd: events.Date(year*10000 + 1231), Status: s.choose("enrolled", "enrolled", "pending", "cancelled"),
		GrossPremium: events.Cents(40_000 + s.rng.Int64N(90_000)), APTCApplied: events.Cents(s.rng.Int64N(40_000)), StateSubsidy: events.Cents(0), NetPremium: events.Cents(s.rng.Int64N(60_000)),
		BinderStatus: s.choose("Paid", "Due"), SubscriberID: "S" + s.digits(9),
	}
}

// delegation delegates a case to any agent, no matter which agent holds it.
func (s *eventGenerator) delegation(n int) events.Data {
	return &events.DelegationCreated{
		Delegation: events.Delegation{CaseID: caseID(n), AgentID: s.agent()}, Via: s.choose("service_center", "agent_application", "conversion"),
	}
}

func (s *eventGenerator) agent() string { return fmt.Sprintf("A-%05d", s.rng.IntN(s.agents)) }
