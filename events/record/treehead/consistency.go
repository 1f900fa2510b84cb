package treehead

import (
	"bytes"
	"encoding/base64"
	"fmt"
	"strconv"

	"golang.org/x/mod/sumdb/tlog"
)

// ConsistencyProof proves that the records under a signed head begin with all
// those of an earlier head: nothing was changed between the two. It is written
// as C2SP tlog-witness has it, so that a witness can be sent the same text.
type ConsistencyProof struct {
	From   uint64 // the earlier head's size
	Path   tlog.TreeProof
	Signed []byte // the later head
}

// Text returns the proof as it stands in a file.
func (p ConsistencyProof) Text() []byte {
	b := fmt.Appendf(nil, "old %d\n", p.From)
	for _, h := range p.Path {
		b = append(base64.StdEncoding.AppendEncode(b, h[:]), '\n')
	}
	return append(append(b, '\n'), p.Signed...)
}

// ParseConsistencyProof reads a consistency proof, and checks nothing but its form.
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
			return ConsistencyProof{}, fmt.Errorf("%w: line %d is no hash", ErrMalformed, i+1)
		}
		p.Path = append(p.Path, h)
	}
	if !bytes.Equal(p.Text(), text) { // whatever else was wrong
		return ConsistencyProof{}, fmt.Errorf("%w: the proof is written otherwise than it must be", ErrMalformed)
	}
	return p, nil
}
