package treehead

import (
	"bytes"
	"fmt"

	"github.com/transparency-dev/formats/proof"
	"golang.org/x/mod/sumdb/tlog"

	"bookledger/events/record/merkle"
)

// InclusionProof proves that a record is under a signed head.
type InclusionProof struct {
	Seq    uint64
	Path   tlog.RecordProof
	Signed []byte // the head
}

// Text returns the proof as it stands in a file.
func (p InclusionProof) Text() []byte {
	t := proof.TLogProof{Index: p.Seq - 1, Checkpoint: p.Signed}
	for _, h := range p.Path {
		t.Hashes = append(t.Hashes, h)
	}
	return t.Marshal()
}

// ParseInclusionProof reads a proof, and checks nothing but its form.
func ParseInclusionProof(text []byte) (InclusionProof, error) {
	var t proof.TLogProof
	if err := t.Unmarshal(text); err != nil {
		return InclusionProof{}, fmt.Errorf("%w: %w", ErrMalformed, err)
	}
	p := InclusionProof{Seq: t.Index + 1, Signed: t.Checkpoint}
	for _, h := range t.Hashes {
		p.Path = append(p.Path, merkle.Hash(h))
	}
	if p.Seq == 0 || !bytes.Equal(p.Text(), text) { // extra data, for which nothing vouches, has no place here
		return InclusionProof{}, fmt.Errorf("%w: the proof is written otherwise than it must be", ErrMalformed)
	}
	return p, nil
}
