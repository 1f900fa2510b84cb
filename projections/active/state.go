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

// Relation describes how a case relates to an agent.
type Relation byte

// The relations. A case can have both.
const (
	Holds   Relation = 1 << iota // the agent holds the case, whether active or inactive, open or closed
	Pending                      // a request to the agent is pending
)

// State is the state of the ledger that the books of one Friday show, or the live
// state. It implements book.State and book.FullState.
type State struct {
	reader store.Reader
	week   events.Date
}

var (
	_ book.State     = State{}
	_ book.FullState = State{}
)

// AsOf returns the state that the books of Friday week show.
func AsOf(r store.Reader, week events.Date) State { return State{r, week} }

// Live returns the newest state.
func Live(r store.Reader) State { return State{r, store.Newest} }

// Agent returns an agent and reports whether the agent is known.
func (s State) Agent(id string) (fold.Agent, bool, error) {
	return read(s, store.Agent(id), fold.DecodeAgent)
}

// Agency returns an agency and reports whether it is registered.
func (s State) Agency(id string) (fold.Agency, bool, error) {
	return read(s, store.Agency(id), fold.DecodeAgency)
}

// Staff returns a person's role in an agency, or the zero Staff if there is none.
func (s State) Staff(agency, person string) (fold.Staff, error) {
	staff, _, err := read(s, store.Staff(agency, person), fold.DecodeStaff)
	return staff, err
}

// Case returns a case and reports whether it is known.
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

// EachAgent calls yield with every known agent, ordered by ID.
func (s State) EachAgent(yield func(id string, agent *fold.Agent) error) error {
	return each(s, store.Agent(""), fold.DecodeAgent, yield)
}

// EachAgency calls yield with every registered agency, ordered by ID.
func (s State) EachAgency(yield func(id string, agency *fold.Agency) error) error {
	return each(s, store.Agency(""), fold.DecodeAgency, yield)
}

// EachStaff calls yield with every role of a person in an agency, ordered by the
// agency's ID and the person's ID.
func (s State) EachStaff(yield func(agency, person string, staff *fold.Staff) error) error {
	return each(s, store.AllStaff(), fold.DecodeStaff, func(name string, staff *fold.Staff) error {
		agency, person, _ := strings.Cut(name, "\x00")
		return yield(agency, person, staff)
	})
}

// EachRoleOf calls yield with every role of the person, ordered by the agency's ID.
func (s State) EachRoleOf(person string, yield func(agency string, staff *fold.Staff) error) error {
	return eachIndexed(s, store.PersonRole(person, ""), func(agency string) store.Key { return store.Staff(agency, person) }, fold.DecodeStaff, yield)
}

// EachAgentOf calls yield with every agent of the agency, ordered by ID.
func (s State) EachAgentOf(agency string, yield func(id string, agent *fold.Agent) error) error {
	return eachIndexed(s, store.AgencyAgent(agency, ""), store.Agent, fold.DecodeAgent, yield)
}

// eachIndexed calls yield with the value of every entity that an index names.
func eachIndexed[T any](s State, index store.Key, of func(name string) store.Key, decode func([]byte) (T, error), yield func(string, *T) error) error {
	return s.reader.Each(index, s.week, func(name, _ []byte) error {
		v, known, err := read(s, of(string(name)), decode)
		if err == nil && !known {
			err = errors.New("the index names it, but the store does not contain it")
		}
		if err != nil {
			return fmt.Errorf("reading %q from the projection: %w", name, err)
		}
		return yield(string(name), &v)
	})
}

// EachCase calls yield with every known case, ordered by ID.
func (s State) EachCase(yield func(id string, c *fold.Case) error) error {
	return each(s, store.Case(""), fold.DecodeCase, yield)
}

func each[T any](s State, prefix store.Key, decode func([]byte) (T, error), yield func(string, *T) error) error {
	return s.reader.Each(prefix, s.week, func(name, value []byte) error {
		v, err := decode(value)
		if err != nil {
			return fmt.Errorf("reading %q from the projection: %w", name, err)
		}
		return yield(string(name), &v)
	})
}

// EachHeld calls yield with every case that the agent holds, ordered by case ID.
func (s State) EachHeld(agent string, yield func(id string, c *fold.Case) error) error {
	return s.EachRelated(agent, Holds, yield)
}

// EachRelated calls yield with every case that has one of the relations to the agent,
// ordered by case ID.
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
			return fmt.Errorf("reading case %s from the projection: the index names it, but the store does not contain it", id)
		}
		return yield(string(id), &c)
	})
}

// decodeAt returns a case as of a week and reports whether it was known then.
func decodeAt(cursor *store.Cursor, id string, week events.Date) (c fold.Case, known bool, err error) {
	b, known, err := cursor.At(store.Case(id), week)
	if err != nil || !known {
		return fold.Case{}, false, err
	}
	if c, err = fold.DecodeCase(b); err != nil {
		return fold.Case{}, false, fmt.Errorf("reading case %s from the projection: %w", id, err)
	}
	return c, true, nil
}

// changed returns the sequence of the last change in an agent's lists, or 0 if there is none.
func (s State) changed(agent string) (seq uint64, err error) {
	b, ok, err := s.reader.Get(store.LastChange(agent))
	if err != nil || !ok {
		return 0, err
	}
	seq, _ = binary.Uvarint(b)
	return seq, nil
}
