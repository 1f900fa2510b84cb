package replay

import (
	"crypto/sha256"
	"maps"
	"slices"
	"strings"

	"bookledger/events"
	"bookledger/projections/book"
	"bookledger/projections/checkpoint"
	"bookledger/projections/fold"
	"bookledger/projections/internal/admission"
)

// Result is what processing a record gave: its outcome, rejection and recorded time.
type Result = admission.Result

// Status is the status of a ledger.
type Status = admission.Status

// state is the ledger after the newest record, in plain maps.
type state struct {
	cases       map[string]*fold.Case
	emptyCase   fold.Case                      // returned for a case without events
	held        map[string]map[string]struct{} // case ids by the agent who holds them
	agents      map[string]fold.Agent
	agencies    map[string]fold.Agency
	staff       map[string]fold.Staff // by agency id, a zero byte, and person id
	seen        map[[32]byte]struct{} // hash of each (source, id); hashes leave the garbage collector no pointers to follow
	rejected    []admission.RejectedEvent
	exports     []admission.ExportStep
	checkpoints []checkpoint.Checkpoint
	seals       map[events.Date]checkpoint.Seal
	signatures  []checkpoint.Signature
}

var (
	_ book.State      = (*state)(nil)
	_ book.FullState  = (*state)(nil)
	_ admission.State = (*state)(nil)
)

func newState() *state {
	return &state{
		cases: map[string]*fold.Case{}, held: map[string]map[string]struct{}{},
		agents: map[string]fold.Agent{}, agencies: map[string]fold.Agency{},
		staff: map[string]fold.Staff{}, seen: map[[32]byte]struct{}{}, seals: map[events.Date]checkpoint.Seal{},
	}
}

// Methods of admission.State.

func (s *state) MarkSeen(source, id string) (bool, error) {
	var buf [256]byte // a source and an id are shorter, and neither contains a zero byte
	k := sha256.Sum256(append(append(append(buf[:0], source...), 0), id...))
	_, seen := s.seen[k]
	s.seen[k] = struct{}{}
	return seen, nil
}

func (s *state) Case(id string) (*fold.Case, error) {
	if c, ok := s.cases[id]; ok {
		return c, nil
	}
	return &s.emptyCase, nil
}

func (s *state) PutCase(id string, before, after *fold.Case) error {
	if before.AgentID != after.AgentID {
		delete(s.held[before.AgentID], id)
		if after.AgentID != "" {
			if s.held[after.AgentID] == nil {
				s.held[after.AgentID] = map[string]struct{}{}
			}
			s.held[after.AgentID][id] = struct{}{}
		}
	}
	s.cases[id] = after
	return nil
}

func (s *state) Agent(id string) (fold.Agent, bool, error) {
	a, known := s.agents[id]
	return a, known, nil
}

func (s *state) PutAgent(id string, after fold.Agent) error {
	s.agents[id] = after
	return nil
}

func (s *state) Agency(id string) (fold.Agency, bool, error) {
	a, known := s.agencies[id]
	return a, known, nil
}

func (s *state) PutAgency(id string, after fold.Agency) error {
	s.agencies[id] = after
	return nil
}

func (s *state) Staff(agencyID, personID string) (fold.Staff, error) {
	return s.staff[agencyID+"\x00"+personID], nil
}

func (s *state) PutStaff(agencyID, personID string, after fold.Staff) error {
	if after == (fold.Staff{}) {
		delete(s.staff, agencyID+"\x00"+personID)
		return nil
	}
	s.staff[agencyID+"\x00"+personID] = after
	return nil
}

func (s *state) AddRejection(r admission.RejectedEvent) error {
	s.rejected = append(s.rejected, r)
	return nil
}

func (s *state) AddExportStep(e admission.ExportStep) error {
	s.exports = append(s.exports, e)
	return nil
}

func (s *state) HasSeal(f events.Date) (bool, error) {
	_, sealed := s.seals[f]
	return sealed, nil
}

func (s *state) PutSeal(seal checkpoint.Seal) error {
	s.seals[seal.Friday] = seal
	return nil
}

func (s *state) AddSignature(signature checkpoint.Signature) error {
	s.signatures = append(s.signatures, signature)
	return nil
}

// Methods of book.State and book.FullState.

func (s *state) EachHeld(agent string, yield func(id string, c *fold.Case) error) error {
	for _, id := range slices.Sorted(maps.Keys(s.held[agent])) {
		if err := yield(id, s.cases[id]); err != nil {
			return err
		}
	}
	return nil
}

func (s *state) EachCase(yield func(id string, c *fold.Case) error) error {
	for _, id := range slices.Sorted(maps.Keys(s.cases)) {
		if err := yield(id, s.cases[id]); err != nil {
			return err
		}
	}
	return nil
}

func (s *state) EachAgent(yield func(id string, agent *fold.Agent) error) error {
	return eachSorted(s.agents, yield)
}

func (s *state) EachAgentOf(agency string, yield func(id string, agent *fold.Agent) error) error {
	return s.EachAgent(func(id string, agent *fold.Agent) error {
		if agent.AgencyID != agency {
			return nil
		}
		return yield(id, agent)
	})
}

func (s *state) EachAgency(yield func(id string, agency *fold.Agency) error) error {
	return eachSorted(s.agencies, yield)
}

func (s *state) EachStaff(yield func(agency, person string, staff *fold.Staff) error) error {
	return eachSorted(s.staff, func(id string, staff *fold.Staff) error {
		agency, person, _ := strings.Cut(id, "\x00")
		return yield(agency, person, staff)
	})
}

func eachSorted[T any](m map[string]T, yield func(string, *T) error) error {
	for _, id := range slices.Sorted(maps.Keys(m)) {
		v := m[id]
		if err := yield(id, &v); err != nil {
			return err
		}
	}
	return nil
}
