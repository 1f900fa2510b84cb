package list_test

import (
	"fmt"
	"testing"

	"bookledger/events"
	"bookledger/projections/fold"
	"bookledger/projections/list"
)

// generateList returns the active list of an agent with n consumers, who have
// two members and two years each.
func generateList(b *testing.B, n int) *list.List {
	pick := func(i int, of ...string) string { return of[i%len(of)] }
	l := cases{}
	for i := range n {
		c := &fold.Case{Members: []events.Member{{MemberID: "m1"}, {MemberID: "m2"}}}
		c.Household = events.HouseholdRecorded{
			PrimaryContact: events.Contact{
				FirstName: pick(i, "José", "Maria", "Linh", "Wei", "Anahit", "Zoë", "Robert"), LastName: pick(i/7, "García", "Nguyen", "Smith", "O'Hara", "Lee"),
				Phone: fmt.Sprintf("(916) 555-%04d", i), Email: fmt.Sprintf("consumer.%d@mail.example", i), SSNLast4: "7880", DateOfBirth: 19800102,
			},
			Address: events.Address{Line1: "12345 Main St", City: "Sacramento", State: "CA", ZIP: "95838", County: "Sacramento"},
		}
		for year := 2026; year <= 2027; year++ {
			c.Applications = append(c.Applications, events.ApplicationRecorded{ApplicationYear: year, CurrentStatus: pick(i/3, "Enrolled", "Submitted"), NextSteps: pick(i/5, "", "Pay the first premium")})
			for _, m := range []string{"m1", "m2"} {
				c.Eligibility = append(c.Eligibility, events.EligibilityDetermined{MemberID: m, ApplicationYear: year, Program: pick(i/5, "covered_california", "medi_cal"), Status: "eligible"})
			}
			c.Enrollments = append(c.Enrollments, events.EnrollmentRecorded{EnrollmentID: fmt.Sprint("e", year), ApplicationYear: year, CoverageKind: "health", MemberIDs: []string{"m1", "m2"},
				Carrier: pick(i/2, "Kaiser Permanente", "Blue Shield"), PlanName: "Silver 70 HMO", Status: "enrolled"})
		}
		l.hold(fmt.Sprint(5_000_000_000+i), "a1", c)
	}
	return l.lists(b, "a1").Active
}

// BenchmarkSearch searches 10,000 consumers.
func BenchmarkSearch(b *testing.B) {
	many := generateList(b, 10_000)
	for name, q := range map[string]list.Query{
		"none": {Limit: 50}, "name": {Name: "jose garcia", Limit: 50}, "words": {Q: "jose 555-12", Limit: 50}, "nothing": {Q: "nobody at all", Limit: 50},
		"filtered": {Q: "sacramento", Year: 2027, Status: "submitted", Carrier: "Blue Shield", Sort: "-updated", Limit: 50},
	} {
		b.Run(name, func(b *testing.B) {
			for b.Loop() {
				many.Page(q, 2026)
			}
		})
	}
}

// BenchmarkPageJSON encodes the largest page, of 2,000 consumers.
func BenchmarkPageJSON(b *testing.B) {
	many := generateList(b, 10_000)
	q := list.Query{Carrier: "Blue Shield", Limit: 2000}
	many.PageJSON(q, 2026)
	for b.Loop() {
		page, _, _ := many.PageJSON(q, 2026)
		b.SetBytes(int64(len(page)))
	}
}

// BenchmarkChoices collects the choices of 10,000 consumers without the cache.
func BenchmarkChoices(b *testing.B) {
	many := generateList(b, 10_000)
	current := 2026
	for b.Loop() {
		current ^= 1 // bypasses the cache
		many.Choices(current)
	}
}
