package book_test

import (
	"context"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"bookledger/events"
	"bookledger/projections/book"
	"bookledger/projections/fold"
)

// memoryState is a book.State and a book.FullState in maps.
type memoryState struct {
	cases    map[string]*fold.Case
	agents   map[string]fold.Agent
	agencies map[string]fold.Agency
	staff    map[[2]string]fold.Staff
	err      error // if set, returned by every read
}

var (
	_ book.State     = (*memoryState)(nil)
	_ book.FullState = (*memoryState)(nil)
)

func newState() *memoryState {
	return &memoryState{cases: map[string]*fold.Case{}, agents: map[string]fold.Agent{}, agencies: map[string]fold.Agency{}, staff: map[[2]string]fold.Staff{}}
}

func (l *memoryState) Agent(id string) (fold.Agent, bool, error) {
	a, ok := l.agents[id]
	return a, ok, l.err
}

func (l *memoryState) Agency(id string) (fold.Agency, bool, error) {
	a, ok := l.agencies[id]
	return a, ok, l.err
}

func (l *memoryState) EachHeld(agent string, yield func(string, *fold.Case) error) error {
	return l.EachCase(func(id string, c *fold.Case) error {
		if c.AgentID != agent {
			return nil
		}
		return yield(id, c)
	})
}

func (l *memoryState) EachCase(yield func(string, *fold.Case) error) error {
	return each(l.cases, yield)
}

func (l *memoryState) EachAgent(yield func(string, *fold.Agent) error) error {
	return each(l.agents, func(id string, a fold.Agent) error { return yield(id, &a) })
}

func (l *memoryState) EachAgentOf(agency string, yield func(string, *fold.Agent) error) error {
	return l.EachAgent(func(id string, a *fold.Agent) error {
		if a.AgencyID != agency {
			return nil
		}
		return yield(id, a)
	})
}

func (l *memoryState) EachAgency(yield func(string, *fold.Agency) error) error {
	return each(l.agencies, func(id string, a fold.Agency) error { return yield(id, &a) })
}

func (l *memoryState) EachStaff(yield func(agency, person string, staff *fold.Staff) error) error {
	keys := slices.SortedFunc(maps.Keys(l.staff), func(a, b [2]string) int { return slices.Compare(a[:], b[:]) })
	for _, k := range keys {
		s := l.staff[k]
		if err := yield(k[0], k[1], &s); err != nil {
			return err
		}
	}
	return l.err
}

func each[T any](m map[string]T, yield func(string, T) error) error {
	for _, id := range slices.Sorted(maps.Keys(m)) {
		if err := yield(id, m[id]); err != nil {
			return err
		}
	}
	return nil
}

// since is November 20, 2026, 23:30 Pacific time, which is the next day in UTC.
var since = time.Date(2026, 11, 21, 7, 30, 0, 0, time.UTC)

// hold adds a case that the agent holds.
func (l *memoryState) hold(id, agent string, c *fold.Case) *fold.Case {
	c.AgentID, c.Since = agent, since
	if _, known := l.agents[agent]; !known {
		l.agents[agent] = fold.Agent{}
	}
	l.cases[id] = c
	return c
}

func named(firstName, lastName string) *fold.Case {
	c := &fold.Case{}
	c.Household.PrimaryContact.FirstName, c.Household.PrimaryContact.LastName = firstName, lastName
	return c
}

func withMembers(c *fold.Case, ids ...string) *fold.Case {
	for _, id := range ids {
		c.Members = append(c.Members, events.Member{MemberID: id})
	}
	return c
}

func withYears(c *fold.Case, years ...int) *fold.Case {
	for _, y := range years {
		c.Applications = append(c.Applications, events.ApplicationRecorded{ApplicationYear: y})
	}
	return c
}

func weekOf(f events.Date) book.Week {
	return book.Week{Friday: f, Cutoff: events.DefaultCalendar().Cutoff(f), Boundary: 42}
}

// agentBook returns the book of a known agent.
func agentBook(t rapid.TB, s book.State, f events.Date, agent string) *book.Book {
	t.Helper()
	b, err := book.ForAgent(context.Background(), s, events.DefaultCalendar(), weekOf(f), agent)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// shown formats fields of a book row by row.
func shown(t testing.TB, b *book.Book, names ...string) string {
	t.Helper()
	var rows []string
	for i := range b.Rows {
		var values []string
		for _, name := range names {
			values = append(values, value(t, &b.Rows[i], name).String())
		}
		rows = append(rows, strings.Join(values, "|"))
	}
	return strings.Join(rows, " ")
}

func value(t testing.TB, r *book.Row, name string) book.Value {
	t.Helper()
	field, ok := book.FieldByName(name)
	if !ok {
		t.Fatalf("unknown field %s", name)
	}
	return field(r)
}
