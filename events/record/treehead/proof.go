package treehead

import (
	"bytes"
	"fmt"

	"github.com/transparency-dev/formats/proof"
	"golang.org/x/mod/sumdb/tlog"

	"bookledger/events/record/merkle"
)

// InclusionProof proves that the tree of a signed head includes a record.
type InclusionProof struct {
	Seq    uint64
	Path   tlog.RecordProof
	Signed []byte // the signed head
}

// Text returns the proof in its file format, a C2SP tlog-proof.
func (p InclusionProof) Text() []byte {
	t := proof.TLogProof{Index: p.Seq - 1, Checkpoint: p.Signed}
	for _, h := range p.Path {
		t.Hashes = append(t.Hashes, h)
	}
	return t.Marshal()
}

// ParseInclusionProof parses the output of Text. It returns ErrMalformed for
// other text. It verifies neither the proof nor the signature.
func ParseInclusionProof(text []byte) (InclusionProof, error) {
	var t proof.TLogProof
	if err := t.Unmarshal(text); err != nil {
		return InclusionProof{}, fmt.Errorf("%w: %w", ErrMalformed, err)
	}
	p := InclusionProof{Seq: t.Index + 1, Signed: t.Checkpoint}
	for _, h := range t.Hashes {
		p.Path = append(p.Path, merkle.Hash(h))
	}
	if p.Seq == 0 || !bytes.Equal(p.Text(), text) { // refuses extra data, which no signature covers
		return InclusionProof{}, fmt.Errorf("%w: the inclusion proof is not in its canonical form", ErrMalformed)
	}
	return p, nil
}
