package active

import (
	"encoding/binary"
	"errors"
	"fmt"
	"strings"

	"bookledger/events"
	"bookledger/projections/book"
	"bookledger/projections/fold"
	"bookledger/projections/internal/store"
)

// Relation is what a case is to an agent.
type Relation byte

// The relations; a case can be both.
const (
	Holds   Relation = 1 << iota // the agent holds it, active or inactive, open or closed
	Pending                      // a request to the agent is pending
)

// State is the ledger as of the books of one Friday, or live, as a reader of
// the store has it. It is a book.State and a book.Whole.
type State struct {
	reader store.Reader
	week   events.Date
}

var (
	_ book.State     = State{}
	_ book.FullState = State{}
)

// AsOf is the state as of the book of Friday week.
func AsOf(r store.Reader, week events.Date) State { return State{r, week} }

// Live is the newest state.
func Live(r store.Reader) State { return State{r, store.Newest} }

// Agent returns an agent and whether it is known.
func (s State) Agent(id string) (fold.Agent, bool, error) {
	return read(s, store.Agent(id), fold.DecodeAgent)
}

// Agency returns an agency and whether it is registered.
func (s State) Agency(id string) (fold.Agency, bool, error) {
	return read(s, store.Agency(id), fold.DecodeAgency)
}

// Staff returns a person's role in an agency, zero where there is none.
func (s State) Staff(agency, person string) (fold.Staff, error) {
	staff, _, err := read(s, store.Staff(agency, person), fold.DecodeStaff)
	return staff, err
}

// Case returns a case and whether it is known.
func (s State) Case(id string) (fold.Case, bool, error) {
	return read(s, store.Case(id), fold.DecodeCase)
}

func read[T any](s State, k store.Key, decode func([]byte) (T, error)) (v T, known bool, err error) {
	b, ok, err := s.reader.At(k, s.week)
	if err != nil || !ok {
		return v, false, err
	}
	v, err = decode(b)
	return v, err == nil, err
}

// EachAgent calls yield with every known agent, by id.
func (s State) EachAgent(yield func(id string, agent *fold.Agent) error) error {
	return each(s, store.Agent(""), fold.DecodeAgent, yield)
}

// EachAgency calls yield with every registered agency, by id.
func (s State) EachAgency(yield func(id string, agency *fold.Agency) error) error {
	return each(s, store.Agency(""), fold.DecodeAgency, yield)
}

// EachStaff calls yield with every role of a person in an agency, by the
// agency's id and the person's.
func (s State) EachStaff(yield func(agency, person string, staff *fold.Staff) error) error {
	return each(s, store.AllStaff(), fold.DecodeStaff, func(name string, staff *fold.Staff) error {
		agency, person, _ := strings.Cut(name, "\x00")
		return yield(agency, person, staff)
	})
}

// EachRoleOf calls yield with every role that the person has, by the agency's
// id.
func (s State) EachRoleOf(person string, yield func(agency string, staff *fold.Staff) error) error {
	return eachIndexed(s, store.PersonRole(person, ""), func(agency string) store.Key { return store.Staff(agency, person) }, fold.DecodeStaff, yield)
}

// EachAgentOf calls yield with every agent who is the agency's own, by id.
func (s State) EachAgentOf(agency string, yield func(id string, agent *fold.Agent) error) error {
	return eachIndexed(s, store.AgencyAgent(agency, ""), store.Agent, fold.DecodeAgent, yield)
}

// eachNamed calls yield with what the names in an index are of.
func eachIndexed[T any](s State, index store.Key, of func(name string) store.Key, decode func([]byte) (T, error), yield func(string, *T) error) error {
	return s.reader.Each(index, s.week, func(name, _ []byte) error {
		v, known, err := read(s, of(string(name)), decode)
		if err == nil && !known {
			err = errors.New("the index names it, but it is not there")
		}
		if err != nil {
			return fmt.Errorf("reading %q of the projection: %w", name, err)
		}
		return yield(string(name), &v)
	})
}

// EachCase calls yield with every known case, by id.
func (s State) EachCase(yield func(id string, c *fold.Case) error) error {
	return each(s, store.Case(""), fold.DecodeCase, yield)
}

func each[T any](s State, prefix store.Key, decode func([]byte) (T, error), yield func(string, *T) error) error {
	return s.reader.Each(prefix, s.week, func(name, value []byte) error {
		v, err := decode(value)
		if err != nil {
			return fmt.Errorf("reading %q of the projection: %w", name, err)
		}
		return yield(string(name), &v)
	})
}

// EachHeld calls yield with every case that the agent holds, by case id.
func (s State) EachHeld(agent string, yield func(id string, c *fold.Case) error) error {
	return s.EachRelated(agent, Holds, yield)
}

// EachRelated calls yield with every case that has the relation to the agent,
// by case id.
func (s State) EachRelated(agent string, relation Relation, yield func(id string, c *fold.Case) error) error {
	cursor, err := s.reader.Cursor(store.Case(""))
	if err != nil {
		return err
	}
	defer cursor.Close()
	return s.reader.Each(store.AgentCase(agent, ""), s.week, func(id, value []byte) error {
		if Relation(value[0])&relation == 0 {
			return nil
		}
		c, known, err := decodeAt(cursor, string(id), s.week)
		if err != nil {
			return err
		}
		if !known {
			return fmt.Errorf("reading case %s of the projection: the index names it, but it is not there", id)
		}
		return yield(string(id), &c)
	})
}

// decodeAt returns a case as of a week, and whether it was known then.
func decodeAt(cursor *store.Cursor, id string, week events.Date) (c fold.Case, known bool, err error) {
	b, known, err := cursor.At(store.Case(id), week)
	if err != nil || !known {
		return fold.Case{}, false, err
	}
	if c, err = fold.DecodeCase(b); err != nil {
		return fold.Case{}, false, fmt.Errorf("reading case %s of the projection: %w", id, err)
	}
	return c, true, nil
}

// changed returns the last change in an agent's lists: 0 where there was none.
func (s State) changed(agent string) (seq uint64, err error) {
	b, ok, err := s.reader.Get(store.LastChange(agent))
	if err != nil || !ok {
		return 0, err
	}
	seq, _ = binary.Uvarint(b)
	return seq, nil
}
