package book

import (
	"crypto/sha256"
	"encoding/binary"
	"hash"

	"bookledger/projections/fold"
)

// FullState is a state of the ledger that can be read completely. Each method calls
// yield in order of id; EachStaff in order of agency and person.
type FullState interface {
	EachCase(yield func(id string, c *fold.Case) error) error
	EachAgent(yield func(id string, agent *fold.Agent) error) error
	EachAgency(yield func(id string, agency *fold.Agency) error) error
	EachStaff(yield func(agency, person string, staff *fold.Staff) error) error
}

// StateHash returns the SHA-256 of the canonical form of a state. The form consists
// of all cases, agents, agencies and staff, in that order, each sorted by id. Every
// item is a letter for its kind, its id and its encoding by package fold; id and
// encoding are preceded by their length as a varint.
func StateHash(s FullState) (sum [32]byte, err error) {
	h := stateHasher{Hash: sha256.New()}
	err = s.EachCase(func(id string, c *fold.Case) error {
		h.add('c', id, fold.AppendCase(h.state[:0], c))
		return nil
	})
	if err == nil {
		err = s.EachAgent(func(id string, a *fold.Agent) error {
			h.add('a', id, fold.AppendAgent(h.state[:0], a))
			return nil
		})
	}
	if err == nil {
		err = s.EachAgency(func(id string, a *fold.Agency) error {
			h.add('y', id, fold.AppendAgency(h.state[:0], a))
			return nil
		})
	}
	if err == nil {
		err = s.EachStaff(func(agency, person string, staff *fold.Staff) error {
			h.add('s', agency+"\x00"+person, fold.AppendStaff(h.state[:0], staff))
			return nil
		})
	}
	h.Sum(sum[:0])
	return sum, err
}

// stateHasher hashes encoded states. It reuses its buffers.
type stateHasher struct {
	hash.Hash
	state, head []byte
}

func (h *stateHasher) add(kind byte, id string, state []byte) {
	h.state = state
	h.head = binary.AppendUvarint(append(h.head[:0], kind), uint64(len(id)))
	h.head = append(h.head, id...)
	h.head = binary.AppendUvarint(h.head, uint64(len(state)))
	h.Write(h.head)
	h.Write(state)
}
