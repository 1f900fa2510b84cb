package proof

import (
	"bytes"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"time"

	"bookledger/events"
	"bookledger/events/record"
	"bookledger/events/record/merkle"
	"bookledger/events/record/treehead"
	"bookledger/projections/checkpoint"
)

// ErrNotSealed is returned for a Friday whose seal, or its signature, does not
// stand in the record.
var ErrNotSealed = errors.New("it is not sealed")

// statement is what is proven of a Friday under a head that the ledger's key
// has signed: its seal, and where an agent's book stands in it.
type statement struct {
	head   signedHead
	before signedHead // of an earlier Friday; its size is 0 where there is none
	seal   events.Sealed
	sealed record.Record // the record of the seal
	place  checkpoint.AgentProof
	heads  int // made from the record: how many in it the ledger's key has signed
}

// signedHead is a head that the ledger's key has signed.
type signedHead struct {
	treehead.Head
	text []byte
}

// statement makes the statement of the Friday from the record.
func (d *derivation) statement() (*statement, error) {
	seal, _, sealed, err := d.Seal(d.q.Friday)
	if err != nil {
		return nil, err
	}
	if !sealed {
		return nil, fmt.Errorf("the book of Friday %s: %w in this record", d.q.Friday, ErrNotSealed)
	}
	if err := d.compared(); err != nil {
		return nil, err
	}
	s := &statement{seal: seal.Sealed, sealed: d.seal}
	if err := d.chooseHeads(s); err != nil {
		return nil, err
	}
	want, err := d.friday.SealOf(d.agents, d.treeRoot, d.rules)
	if err != nil {
		return nil, err
	}
	if seal.Sealed != want {
		return nil, differs("the seal of Friday %s, record %d: %s", want.Friday, seal.Seq, checkpoint.FirstDifference(seal.Sealed, want))
	}
	var ok bool
	if s.place, ok = d.agents.Prove(d.q.Agent); !ok {
		return nil, fmt.Errorf("proving the book of agent %q: it is not among the agents of that Friday", d.q.Agent)
	}
	return s, nil
}

// chooseHeads chooses the head under which the seal is proven, which is the
// first that holds its record, and the newest head of an earlier Friday that is
// not larger. Notes that the ledger's key has not signed are passed over.
func (d *derivation) chooseHeads(s *statement) error {
	var earlier []signedHead
	for _, n := range d.notes {
		h, err := d.keys.Open([]byte(n.Note))
		if err != nil {
			continue
		}
		if h.Size >= n.Seq {
			return differs("record %d holds a signed head of %d records, which there were not yet: %w", n.Seq, h.Size, errFork)
		}
		s.heads++
		head := signedHead{h, []byte(n.Note)}
		switch {
		case n.Friday < d.q.Friday:
			earlier = append(earlier, head)
		case n.Friday == d.q.Friday && h.Size >= s.sealed.Seq && s.head.Size == 0:
			s.head = head
		}
	}
	if s.head.Size == 0 {
		return fmt.Errorf("the book of Friday %s: %w as it must be, for record %d has its seal, but no later record a signature of it by the ledger's key", d.q.Friday, ErrNotSealed, s.sealed.Seq)
	}
	for _, h := range earlier {
		if h.Size <= s.head.Size && h.Size > s.before.Size {
			s.before = h
		}
	}
	return nil
}

// files returns the files of a statement that was made from the record.
func (s *statement) files(d *derivation) (map[string][]byte, error) {
	keys := d.keys.TextsUntil(s.head.Size)
	files := map[string][]byte{
		keyFile:   []byte(keys[len(keys)-1] + "\n"),
		headFile:  s.head.text,
		sealFile:  s.sealed.AppendLine(nil, time.Time{}),
		placeFile: encode(s.place),
	}
	path, err := d.InclusionProof(s.sealed.Seq, s.head.Size)
	if err != nil {
		return nil, err
	}
	files[sealedFile] = treehead.InclusionProof{Seq: s.sealed.Seq, Path: path, Signed: s.head.text}.Text()
	from := map[string]uint64{boundaryFile: d.friday.Boundary}
	if s.before.Size > 0 {
		files[beforeFile], from[sinceFile] = s.before.text, s.before.Size
	}
	for name, size := range from {
		path, err := d.ConsistencyProof(size, s.head.Size)
		if err != nil {
			return nil, err
		}
		files[name] = treehead.ConsistencyProof{From: size, Path: path, Signed: s.head.text}.Text()
	}
	return files, nil
}

// statement checks what a bundle says of the seal, under the ledger's keys.
func (b *bundle) statement(keys *treehead.Keys) (s *statement, err error) {
	s = &statement{}
	if s.head, err = b.head(headFile, keys); err != nil {
		return nil, err
	}
	stood := keys.TextsUntil(s.head.Size)
	if text, err := b.read(keyFile); err != nil {
		return nil, err
	} else if string(text) != stood[len(stood)-1]+"\n" {
		return nil, differs("%s is not the key that the record names", keyFile)
	}
	if err := b.checkSeal(s); err != nil {
		return nil, err
	}
	if err := b.checkConsistency(s, keys); err != nil {
		return nil, err
	}
	if s.place, err = readAs[checkpoint.AgentProof](b, placeFile); err != nil {
		return nil, err
	}
	if s.place.Agent != b.Agent {
		return nil, differs("%s is of agent %q, and the bundle of %q", placeFile, s.place.Agent, b.Agent)
	}
	if err := s.place.Check(hashOf(s.seal.BookRoot)); err != nil {
		return nil, differs("%s: the agent's book is not under the book root of the seal: %v", placeFile, err)
	}
	return s, nil
}

func (b *bundle) head(name string, keys *treehead.Keys) (signedHead, error) {
	text, err := b.read(name)
	if err != nil {
		return signedHead{}, err
	}
	h, err := keys.Open(text)
	if err != nil {
		return signedHead{}, differs("%s: %v", name, err)
	}
	return signedHead{h, text}, nil
}

// checkSeal checks that the seal is of the bundle's Friday and that its record
// is under the signed head.
func (b *bundle) checkSeal(s *statement) error {
	lines, err := b.lines(sealFile)
	if err != nil {
		return err
	}
	defer lines.Close()
	if s.sealed, err = lines.nextRecord(); err != nil && err != io.EOF {
		return err
	}
	if _, err := lines.next(); err != io.EOF || lines.n != 1 {
		return differs("%s does not hold one record as the ledger writes it", sealFile)
	}
	var checker events.Checker
	checked := checker.Check(s.sealed.Subject, s.sealed.Body)
	seal, ok := checked.Event.Data.(*events.Sealed)
	if checked.Rejection() != nil || !ok {
		return differs("record %d in %s is no seal", s.sealed.Seq, sealFile)
	}
	if s.seal = *seal; seal.Friday != b.Friday {
		return differs("%s is the seal of Friday %s, and the bundle is of %s", sealFile, seal.Friday, b.Friday)
	}
	text, err := b.read(sealedFile)
	if err != nil {
		return err
	}
	p, err := treehead.ParseInclusionProof(text)
	if err != nil {
		return differs("%s: %v", sealedFile, err)
	}
	if p.Seq != s.sealed.Seq || !bytes.Equal(p.Signed, s.head.text) {
		return differs("%s is not of record %d under the head in %s", sealedFile, s.sealed.Seq, headFile)
	}
	if err := merkle.CheckInclusion(p.Path, p.Seq, s.sealed.LeafHash(), s.head.Size, s.head.Root); err != nil {
		return differs("%s: the seal is not under the signed head: %v", sealedFile, err)
	}
	return nil
}

// checkConsistency checks that the records up to the boundary, and those under
// the head of the Friday before, are the first under the signed head.
func (b *bundle) checkConsistency(s *statement, keys *treehead.Keys) (err error) {
	if s.seal.TreeSize != s.seal.Boundary || s.seal.Boundary < 1 || uint64(s.seal.Boundary) >= s.sealed.Seq {
		return differs("the seal's boundary, tree size and tree root cannot be of a Friday before it")
	}
	if err := b.checkPrefix(boundaryFile, treehead.Head{Size: uint64(s.seal.TreeSize), Root: hashOf(s.seal.TreeRoot)}, s.head); err != nil {
		return err
	}
	if !b.has(beforeFile) {
		return nil
	}
	if s.before, err = b.head(beforeFile, keys); err != nil {
		return err
	}
	if s.before.Size >= s.head.Size {
		return differs("%s is of %d records, and %s of no more than %d", beforeFile, s.before.Size, headFile, s.head.Size)
	}
	return b.checkPrefix(sinceFile, s.before.Head, s.head)
}

func (b *bundle) checkPrefix(name string, from treehead.Head, to signedHead) error {
	text, err := b.read(name)
	if err != nil {
		return err
	}
	p, err := treehead.ParseConsistencyProof(text)
	if err != nil {
		return differs("%s: %v", name, err)
	}
	if !bytes.Equal(p.Signed, to.text) || p.From != from.Size {
		return differs("%s is not from %d records to the head in %s", name, from.Size, headFile)
	}
	if err := merkle.CheckConsistency(p.Path, from.Size, from.Root, to.Size, to.Root); err != nil {
		return differs("%s: the %d records under the signed head do not begin with those %d: %w: %v", name, to.Size, from.Size, errFork, err)
	}
	return nil
}

// compare compares a head that was kept with those of a bundle that has not the
// whole record.
func (s *statement) compare(h treehead.Head) error {
	sizes := fmt.Sprint(s.head.Size)
	if s.before.Size > 0 {
		sizes = fmt.Sprint(s.before.Size, " and ", s.head.Size)
	}
	for _, have := range [...]treehead.Head{s.head.Head, s.before.Head} {
		switch {
		case h == have:
			return nil
		case h.Size == have.Size && have.Size > 0:
			return differs("the head that was kept and the one in the bundle are both of %d records, and have different roots: %w", h.Size, errFork)
		}
	}
	return differs("the head that was kept cannot be compared, so that what you asked for was not checked: it is of %d records, and without the whole record a bundle has heads of %s records alone. Nothing was found to differ; ask for a bundle with the whole record, or leave the head away", h.Size, sizes)
}

// hashOf reads a hash in hex, as the schema of the seal wants it.
func hashOf(text string) (h merkle.Hash) {
	_, _ = hex.Decode(h[:], []byte(text))
	return h
}
