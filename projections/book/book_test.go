package book_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"bookledger/events"
	"bookledger/projections/book"
	"bookledger/projections/fold"
)

// TestOneRowPerMemberAndShownYear also checks that a case without listed members
// has one row per shown year, and a case without years has a blank year.
func TestOneRowPerMemberAndShownYear(t *testing.T) {
	l := newState()
	l.hold("1", "a1", withMembers(withYears(named("", ""), 2026, 2027), "m1", "m2"))
	bare := l.hold("2", "a1", withYears(named("", ""), 2026, 2027))
	bare.Eligibility = []events.EligibilityDetermined{{MemberID: "m1", ApplicationYear: 2026, Program: "mcap", Status: "eligible"}}
	bare.Enrollments = []events.EnrollmentRecorded{{EnrollmentID: "n1", ApplicationYear: 2026, CoverageKind: "health", MemberIDs: []string{"m1"}, Carrier: "Kaiser", Status: "enrolled"}}
	l.hold("3", "a1", withMembers(named("", ""), "m1"))
	l.hold("4", "a1", named("", ""))
	l.hold("5", "a1", withMembers(withYears(named("", ""), 2026), "m1")).Closed = true
	l.hold("6", "a1", withYears(named("", ""), 2026)).Inactive = true
	l.hold("7", "a2", withYears(named("", ""), 2026))
	got := shown(t, agentBook(t, l, 20260703, "a1"), "case.id", "application.year", "member.id", "eligibility.program", "health.carrier", "delegation.status")
	want := "1|2026|m1|||Active 1|2026|m2|||Active 1|2027|m1|||Active 1|2027|m2|||Active " +
		"2|2026||||Active 2|2027||||Active 3||m1|||Active 4|||||Active 6|2026||||Inactive"
	if got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
}

// TestRowOrder checks the order of rows: primary last name, primary first name,
// case id, year, member id. Names are compared by sort key, then by their own
// bytes, blank first; identifiers by bytes.
func TestRowOrder(t *testing.T) {
	var cases []func(*memoryState)
	add := func(id, last, firstName string) {
		cases = append(cases, func(l *memoryState) {
			l.hold(id, "a1", withMembers(withYears(named(firstName, last), 2026, 2027), "M", "m", "10", "9"))
		})
	}
	inOrder := [][3]string{
		{"50", "", ""}, // blank first
		{"51", "", "Zoë"},
		{"40", "alvarez", "Bo"}, // one key, so the name's own bytes
		{"30", "Álvarez", "Ana"},
		{"20", "d'Arc", "Ana"},
		{"90", "NUNEZ", "Ana"},
		{"10", "Nunez", "Zoe"},
		{"70", "Nuñez", "Ana"},
		{"11", "Nuñez", "JOSE"},
		{"12", "Nuñez", "Jose"},
		{"100", "Nuñez", "José"},
		{"13", "Nuñez", "José"}, // ids by bytes
		{"9", "Nuñez", "José"},
		{"1", "Zuñiga", ""},
	}
	want := []string{}
	for _, c := range inOrder {
		add(c[0], c[1], c[2])
		for _, year := range []string{"2026", "2027"} {
			for _, m := range []string{"10", "9", "M", "m"} {
				want = append(want, c[0]+"|"+year+"|"+m)
			}
		}
	}
	for seed := range uint64(20) {
		rand.New(rand.NewPCG(seed, 0)).Shuffle(len(cases), func(i, j int) { cases[i], cases[j] = cases[j], cases[i] })
		l := newState()
		for _, hold := range cases {
			hold(l)
		}
		if got := shown(t, agentBook(t, l, 20260703, "a1"), "case.id", "application.year", "member.id"); got != strings.Join(want, " ") {
			t.Fatalf("seed %d:\ngot  %s\nwant %s", seed, got, strings.Join(want, " "))
		}
	}
}

// TestForAgent checks that an agent is known once an applied event names the
// agent, that the book of an agent without consumers has no rows, and which
// owner and week a book names.
func TestForAgent(t *testing.T) {
	l := newState()
	l.agents["a1"] = fold.Agent{AgencyID: "y1", FirstName: "Pat", LastName: "Lee", LicenseNumber: "0A1", EverCertified: true, Certified: true}
	l.agents["not certified"] = fold.Agent{}
	l.agencies["y1"] = fold.Agency{Name: "Bay", Registered: true}
	b := agentBook(t, l, 20260703, "a1")
	if len(b.Rows) != 0 || b.AgentID != "a1" || b.Agent.Name() != "Pat Lee" || b.AgencyID != "y1" || b.Agency.Name != "Bay" || b.Agents != 1 ||
		b.Week != weekOf(20260703) || b.Zone != nil && b.Zone.String() != "America/Los_Angeles" {
		t.Errorf("got %+v", b)
	}
	if b := agentBook(t, l, 20260703, "not certified"); len(b.Rows) != 0 || b.AgencyID != "" {
		t.Errorf("got %+v", b)
	}
	l.hold("1", "a1", withYears(named("Ana", "Ruiz"), 2026))
	if got, want := shown(t, agentBook(t, l, 20260703, "a1"), "agent.name", "agent.license", "delegation.since"), "Pat Lee|0A1|2026-11-20"; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
	_, ofAgent := book.ForAgent(t.Context(), l, events.DefaultCalendar(), weekOf(20260703), "nobody")
	_, ofAgency := book.ForAgency(t.Context(), l, events.DefaultCalendar(), weekOf(20260703), "nowhere")
	if !errors.Is(ofAgent, book.ErrUnknownOwner) || !errors.Is(ofAgency, book.ErrUnknownOwner) {
		t.Errorf("got %v and %v, want ErrUnknownOwner", ofAgent, ofAgency)
	}
}

// TestForAgency checks that an agency's book unites the books of its agents at
// the Friday, including decertified agents, in one order.
func TestForAgency(t *testing.T) {
	l := newState()
	l.agencies["y1"], l.agencies["empty"] = fold.Agency{Name: "Bay", Registered: true}, fold.Agency{Registered: true}
	l.agents["a1"] = fold.Agent{AgencyID: "y1", FirstName: "One", EverCertified: true, Certified: true}
	l.agents["a2"] = fold.Agent{AgencyID: "y1", FirstName: "Two", EverCertified: true} // decertified
	l.agents["a3"] = fold.Agent{AgencyID: "y2", FirstName: "Three", EverCertified: true, Certified: true}
	l.hold("1", "a2", named("", "Alvarez"))
	l.hold("2", "a1", named("", "Baker"))
	l.hold("3", "a3", named("", "Aaron"))
	l.hold("4", "a2", named("", "Chen"))
	l.hold("5", "a4", named("", "Aaron"))
	of := func(agency string) *book.Book {
		b, err := book.ForAgency(context.Background(), l, events.DefaultCalendar(), weekOf(20260703), agency)
		if err != nil {
			t.Fatal(err)
		}
		return b
	}
	b := of("y1")
	if got, want := shown(t, b, "case.id", "agent.name"), "1|Two 2|One 4|Two"; got != want || b.Agents != 2 || b.AgentID != "" || b.Agency.Name != "Bay" {
		t.Errorf("got %s of %+v, want %s", got, b, want)
	}
	if b := of("y2"); b.AgencyID != "y2" || shown(t, b, "case.id") != "3" {
		t.Errorf("agency known only by its agent: got %+v", b)
	}
	if b := of("empty"); len(b.Rows) != 0 || b.Agents != 0 {
		t.Errorf("agency without agents: got %+v", b)
	}
}

func TestBookReturnsCancellationAndReadErrors(t *testing.T) {
	l := newState()
	l.hold("1", "a1", named("Ana", "Ruiz"))
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if _, err := book.ForAgent(ctx, l, events.DefaultCalendar(), weekOf(20260703), "a1"); !errors.Is(err, context.Canceled) {
		t.Errorf("got error %v", err)
	}
	l.err = errors.New("broken")
	if _, err := book.ForAgent(context.Background(), l, events.DefaultCalendar(), weekOf(20260703), "a1"); !errors.Is(err, l.err) {
		t.Errorf("got error %v", err)
	}
}

// TestCountsByHouseholdType checks that a case with two types in two years
// counts once under each type.
func TestCountsByHouseholdType(t *testing.T) {
	l := newState()
	eligible := func(c *fold.Case, member string, year int, program string) *fold.Case {
		c.Eligibility = append(c.Eligibility, events.EligibilityDetermined{MemberID: member, ApplicationYear: year, Program: program, Status: "eligible"})
		return c
	}
	l.hold("1", "a1", eligible(eligible(withMembers(named("", ""), "m1", "m2"), "m1", 2026, "covered_california"), "m1", 2027, "medi_cal"))
	l.hold("2", "a1", eligible(withMembers(named("", ""), "m1"), "m1", 2026, "covered_california"))
	l.hold("3", "a1", eligible(eligible(withMembers(named("", ""), "m1", "m2"), "m1", 2026, "mcap"), "m2", 2026, "covered_california"))
	l.hold("4", "a1", named("", ""))
	counts, cases := agentBook(t, l, 20260703, "a1").Counts()
	want := []book.TypeCount{{"Covered California", 3, 2}, {"Mixed Household", 2, 1}, {"Medi-Cal", 2, 1}, {"", 1, 1}}
	if !slices.Equal(counts, want) || cases != 4 {
		t.Errorf("got %v and %d cases, want %v and 4", counts, cases, want)
	}
}

// drawState draws a random state. Two drawn states have many cases in common.
func drawState(t *rapid.T) *memoryState {
	l := newState()
	l.agents["a1"] = fold.Agent{}
	for i := range rapid.IntRange(0, 12).Draw(t, "cases") {
		c := l.hold(fmt.Sprint(i), rapid.SampledFrom([]string{"a1", "a2"}).Draw(t, "agent"), named(rapid.SampledFrom([]string{"", "Ana"}).Draw(t, "name"), ""))
		c.Inactive, c.Closed = rapid.Bool().Draw(t, "inactive"), rapid.Bool().Draw(t, "closed")
		withMembers(c, []string{"m1", "m2"}[:rapid.IntRange(0, 2).Draw(t, "members")]...)
		withYears(c, []int{2025, 2026, 2027}[rapid.IntRange(0, 3).Draw(t, "from year"):]...)
	}
	return l
}

func TestCountMatchesBook(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		l := drawState(t)
		f := weekOf(rapid.SampledFrom([]events.Date{20250103, 20261120, 20280107}).Draw(t, "friday"))
		b := agentBook(t, l, f.Friday, "a1")
		_, want := b.Counts()
		rows, cases, err := book.Count(t.Context(), l, f, []string{"a1", "nobody"})
		if err != nil || rows != len(b.Rows) || cases != want {
			t.Fatalf("got %d rows and %d cases (%v), want %d and %d", rows, cases, err, len(b.Rows), want)
		}
	})
}
