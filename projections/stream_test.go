package projections_test

import (
	"fmt"
	"iter"
	"math/rand/v2"
	"time"

	"bookledger/events"
	"bookledger/events/record"
)

// stream makes up the events of a big ledger, the same for the same size:
// households, members, applications, eligibility, enrollments and delegations
// of cases that belong to agents, about 750 bytes each on average.
//
// Of six events two open a case with its household, one tells more of a case
// that was just opened, and three are of cases from all over the run. One in
// two hundred is sent twice.
type stream struct {
	dice     *rand.Rand
	calendar *events.Calendar
	ids      int
	cases    int
	agents   int
	time     time.Time
	last     message // to be sent again
}

func newStream(agents int) *stream {
	return &stream{
		dice: rand.New(rand.NewPCG(1, 2)), calendar: events.DefaultCalendar(), agents: agents,
		time: time.Date(2026, 11, 16, 9, 0, 0, 0, time.UTC),
	}
}

// message is an event and its subject.
type message struct {
	subject string
	body    []byte
}

// events yields n events of n/3 cases.
func (s *stream) events(n int) iter.Seq[message] {
	return func(yield func(message) bool) {
		for i := range n {
			if !yield(s.next(i)) {
				return
			}
		}
	}
}

func (s *stream) next(i int) message {
	if i%200 == 199 {
		return s.last
	}
	switch i % 6 {
	case 0, 3:
		s.cases++
		return s.encode(s.household(s.cases))
	case 1:
		return s.encode(s.any(s.cases))
	}
	return s.encode(s.any(1 + s.dice.IntN(s.cases)))
}

func (s *stream) any(n int) events.Data {
	switch s.dice.IntN(20) {
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
	return s.delegated(n)
}

// encode writes the event with the extensions that an upstream system's
// tracing adds, which the ledger keeps and does not read.
func (s *stream) encode(data events.Data) message {
	s.ids++
	s.time = s.time.Add(time.Second)
	event := events.Event{
		ID: fmt.Sprintf("0193%04x-7b2d-7c31-9f0a-%012x", s.ids>>16, s.ids), Source: "calheers",
		Type: events.TypeOf(data), Time: s.time, Data: data,
	}
	body, err := event.Encode()
	if err != nil {
		panic(err) // the stream makes up only what can be encoded
	}
	body = fmt.Appendf(body[:len(body)-1], `,"traceparent":"00-%016x%016x-%016x-01","tracestate":"calheers=%016x","sequence":"%020d","dataschema":"https://schemas.calheers.example/%s.json","correlationid":"batch/%08d"}`,
		s.dice.Uint64(), s.dice.Uint64(), s.dice.Uint64(), s.dice.Uint64(), s.ids, event.Type, s.ids/500)
	s.last = message{event.Subject(), body}
	return s.last
}

// record is the event as a record, stamped when it happened.
func (s *stream) record(data events.Data) record.Record {
	m := s.encode(data)
	return record.Record{Stamped: s.time, Subject: m.subject, Body: m.body}
}

// clock is the ledger's own record after the cutoff of a Friday.
func (s *stream) clock(f events.Date) record.Record {
	event := events.Event{
		ID: "clock/" + f.String(), Source: events.SourceLedger, Type: events.TypeClock, Time: s.time, Data: &events.Clock{Friday: f},
	}
	body, err := event.Encode()
	if err != nil {
		panic(err) // as above
	}
	return record.Record{Stamped: s.time, Subject: event.Subject(), Body: body}
}

func (s *stream) one(of ...string) string { return of[s.dice.IntN(len(of))] }

func (s *stream) first() string {
	return s.one("José", "Maria", "Linh", "Wei", "Anahit", "Zoë", "Robert", "Guadalupe", "Min-jun", "Olena", "DeShawn", "Priya")
}

func (s *stream) family() string {
	return s.one("García", "Nguyen", "Smith", "O'Hara", "Hovhannisyan", "Lee", "Martínez", "Johnson", "Tran", "Petrosyan", "Kim") + s.one("", "", "-Lopez", " Jr.", "-Baker")
}

func (s *stream) date(from, years int) events.Date {
	return events.Date((from+s.dice.IntN(years))*10000 + (1+s.dice.IntN(12))*100 + 1 + s.dice.IntN(28))
}

func (s *stream) digits(n int) string {
	text := fmt.Sprintf("%09d", s.dice.IntN(1_000_000_000))
	return text[:n]
}

func (s *stream) year() int { return 2026 + s.dice.IntN(2) }

func caseID(n int) string { return fmt.Sprint(5_000_000_000 + n) }

func (s *stream) memberID(n int) string { return fmt.Sprintf("%d-%d", 70_000_000+n, 1+s.dice.IntN(3)) }

func (s *stream) household(n int) events.Data {
	h := &events.HouseholdRecorded{CaseID: caseID(n), PrimaryContact: events.Contact{
		FirstName: s.first(), LastName: s.family(), Phone: "(916) 555-" + s.digits(4),
		DateOfBirth: s.date(1950, 50), SSNLast4: s.digits(4), SpokenLanguage: s.one("English", "Spanish", "Vietnamese", "Armenian"),
		WrittenLanguage: s.one("English", "Spanish", "Chinese"),
	}, Address: events.Address{
		Line1: s.digits(4) + " " + s.one("Arden Way", "El Camino Real", "Sunset Boulevard", "Peralta Street"), Line2: s.one("", "", "Apt 4"),
		City: s.one("Sacramento", "San José", "Los Angeles", "Fresno"), State: "CA", ZIP: "9" + s.digits(4), County: s.one("Sacramento", "Santa Clara", "Los Angeles", "Fresno"),
	}}
	h.PrimaryContact.Email = fmt.Sprintf("consumer.%d@mail.example", n)
	return h
}

func (s *stream) member(n int) events.Data {
	return &events.MemberRecorded{Member: events.Member{
		CaseID: caseID(n), MemberID: s.memberID(n), FirstName: s.first(), LastName: s.family(), DateOfBirth: s.date(1950, 75),
		Gender: s.one("Female", "Male", "Nonbinary"), SSNLast4: s.digits(4), Relationship: s.one("Self", "Spouse", "Child"),
		Applying: events.FlagOf(s.dice.IntN(5) > 0),
	}}
}

func (s *stream) application(n int) events.Data {
	return &events.ApplicationRecorded{
		CaseID: caseID(n), ApplicationYear: s.year(), CurrentStatus: s.one("Submitted", "Enrolled", "Plan selected", "In progress"),
		NextSteps:   s.one("", "Send proof of income before the date that stands in the notice", "Choose a plan for every member who is eligible", "Pay the first premium to the carrier so that coverage begins"),
		SubmittedOn: s.date(2025, 2),
	}
}

func (s *stream) eligibility(n int) events.Data {
	return &events.EligibilityDetermined{
		CaseID: caseID(n), MemberID: s.memberID(n), ApplicationYear: s.year(),
		Program: s.one("covered_california", "covered_california", "medi_cal", "mcap", "none"), Status: s.one("eligible", "eligible", "conditionally_eligible", "pending"),
		APTCMonthly: events.Cents(s.dice.Int64N(90_000)), CSRLevel: s.one("", "Silver 87", "Silver 94"), VerificationDueOn: s.date(2026, 2),
	}
}

func (s *stream) enrollment(n int) events.Data {
	year, members := s.year(), []string{s.memberID(n)}
	if other := s.memberID(n); other != members[0] {
		members = append(members, other)
	}
	return &events.EnrollmentRecorded{
		CaseID: caseID(n), EnrollmentID: fmt.Sprintf("E-%d-%d", n, s.dice.IntN(3)), ApplicationYear: year, CoverageKind: s.one("health", "health", "dental"), MemberIDs: members,
		Carrier: s.one("Kaiser Permanente", "Blue Shield", "Anthem Blue Cross", "L.A. Care"), PlanName: s.one("Silver 70 HMO", "Bronze 60 HDHP PPO", "Gold 80 Trio HMO"),
		HIOSPlanID: "40513CA0" + s.digits(6), MetalTier: s.one("Silver", "Bronze HDHP", "Gold"),
		CoverageStart: events.Date(year*10000 + 101), CoverageEnd: events.Date(year*10000 + 1231), Status: s.one("enrolled", "enrolled", "pending", "cancelled"),
		GrossPremium: events.Cents(40_000 + s.dice.Int64N(90_000)), APTCApplied: events.Cents(s.dice.Int64N(40_000)), StateSubsidy: events.Cents(0), NetPremium: events.Cents(s.dice.Int64N(60_000)),
		BinderStatus: s.one("Paid", "Due"), SubscriberID: "S" + s.digits(9),
	}
}

// delegated delegates a case, whoever holds it.
func (s *stream) delegated(n int) events.Data {
	return &events.DelegationCreated{
		Delegation: events.Delegation{CaseID: caseID(n), AgentID: s.agent()}, Via: s.one("service_center", "agent_application", "conversion"),
	}
}

func (s *stream) agent() string { return fmt.Sprintf("A-%05d", s.dice.IntN(s.agents)) }
