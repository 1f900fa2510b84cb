package treehead

import (
	"bytes"
	"encoding/base64"
	"fmt"
	"strconv"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"

	"bookledger/events/record/merkle"
)

// ConsistencyProof is that the records under a signed head begin with all those of an
// earlier head: nothing was changed between the two. It is written as C2SP
// tlog-witness has it, so that a witness can be sent the same text.
type ConsistencyProof struct {
	From   uint64 // the earlier head's size
	Path   tlog.TreeProof
	Signed []byte // the later head
}

// Text returns the growth as it stands in a file.
func (g ConsistencyProof) Text() []byte {
	b := fmt.Appendf(nil, "old %d\n", g.From)
	for _, h := range g.Path {
		b = append(base64.StdEncoding.AppendEncode(b, h[:]), '\n')
	}
	return append(append(b, '\n'), g.Signed...)
}

// ParseConsistencyProof reads a growth, and checks nothing but its form.
func ParseConsistencyProof(text []byte) (ConsistencyProof, error) {
	lines, signed, _ := bytes.Cut(text, []byte("\n\n"))
	g := ConsistencyProof{Signed: signed}
	for i, line := range bytes.Split(lines, []byte("\n")) {
		if i == 0 {
			size, _ := bytes.CutPrefix(line, []byte("old "))
			g.From, _ = strconv.ParseUint(string(size), 10, 64)
			continue
		}
		h, err := tlog.ParseHash(string(line))
		if err != nil {
			return ConsistencyProof{}, fmt.Errorf("%w: line %d is no hash", ErrForm, i+1)
		}
		g.Path = append(g.Path, h)
	}
	if !bytes.Equal(g.Text(), text) { // whatever else was wrong
		return ConsistencyProof{}, fmt.Errorf("%w: the growth is written otherwise than it must be", ErrForm)
	}
	return g, nil
}

// Check checks that the later head, which key has signed, has grown from the
// earlier one, and returns it. Both are of one ledger.
func (g ConsistencyProof) Check(earlier Head, key note.Verifier, others ...note.Verifier) (Head, error) {
	h, _, err := Open(g.Signed, key, others...)
	if err != nil {
		return Head{}, err
	}
	if earlier.Origin != h.Origin {
		return h, fmt.Errorf("the earlier head is %w: %q, and not %q", ErrOrigin, earlier.Origin, h.Origin)
	}
	if earlier.Size != g.From {
		return h, fmt.Errorf("checking the growth to %d records: it is from a head of %d, and not of %d", h.Size, g.From, earlier.Size)
	}
	return h, merkle.CheckConsistency(g.Path, g.From, earlier.Root, h.Size, h.Root)
}
