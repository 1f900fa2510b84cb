package treehead

import (
	"bytes"
	"encoding/base64"
	"fmt"
	"strconv"

	"golang.org/x/mod/sumdb/tlog"
)

// ConsistencyProof proves that the tree of an earlier head is a prefix of the
// tree of a signed head: records were only added. Its text is a C2SP
// tlog-witness request, which can be sent to a witness as it is.
type ConsistencyProof struct {
	From   uint64 // size of the earlier head
	Path   tlog.TreeProof
	Signed []byte // the later signed head
}

// Text returns the proof in its file format.
func (p ConsistencyProof) Text() []byte {
	b := fmt.Appendf(nil, "old %d\n", p.From)
	for _, h := range p.Path {
		b = append(base64.StdEncoding.AppendEncode(b, h[:]), '\n')
	}
	return append(append(b, '\n'), p.Signed...)
}

// ParseConsistencyProof parses the output of Text. It returns ErrMalformed for
// other text. It verifies neither the proof nor the signature.
func ParseConsistencyProof(text []byte) (ConsistencyProof, error) {
	lines, signed, _ := bytes.Cut(text, []byte("\n\n"))
	p := ConsistencyProof{Signed: signed}
	for i, line := range bytes.Split(lines, []byte("\n")) {
		if i == 0 {
			size, _ := bytes.CutPrefix(line, []byte("old "))
			p.From, _ = strconv.ParseUint(string(size), 10, 64)
			continue
		}
		h, err := tlog.ParseHash(string(line))
		if err != nil {
			return ConsistencyProof{}, fmt.Errorf("%w: line %d of the consistency proof is not a hash", ErrMalformed, i+1)
		}
		p.Path = append(p.Path, h)
	}
	if !bytes.Equal(p.Text(), text) { // refuses whatever the steps above let through
		return ConsistencyProof{}, fmt.Errorf("%w: the consistency proof is not in its canonical form", ErrMalformed)
	}
	return p, nil
}
