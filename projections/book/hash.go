package book

import (
	"crypto/sha256"
	"encoding/binary"
	"hash"

	"bookledger/projections/fold"
)

// FullState is a state of the ledger of which everything can be read, each in the
// order of ids.
type FullState interface {
	EachCase(yield func(id string, c *fold.Case) error) error
	EachAgent(yield func(id string, agent *fold.Agent) error) error
	EachAgency(yield func(id string, agency *fold.Agency) error) error
	EachStaff(yield func(agency, person string, staff *fold.Staff) error) error
}

// StateHash returns the SHA-256 of a state in its canonical form: every case,
// agent, agency and role, in that order and each by id, as fold encodes it,
// preceded by a letter for its kind and its id, each with its length.
func StateHash(s FullState) (sum [32]byte, err error) {
	h := stateHash{Hash: sha256.New()}
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

type stateHash struct {
	hash.Hash
	state, head []byte
}

func (h *stateHash) add(kind byte, id string, state []byte) {
	h.state = state
	h.head = binary.AppendUvarint(append(h.head[:0], kind), uint64(len(id)))
	h.head = append(h.head, id...)
	h.head = binary.AppendUvarint(h.head, uint64(len(state)))
	h.Write(h.head)
	h.Write(state)
}
