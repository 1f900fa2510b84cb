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

// ErrNotSealed is returned for a Friday whose seal, or the seal's signature, is not
// in the journal.
var ErrNotSealed = errors.New("not sealed")

// statement is what a bundle proves about a Friday under a signed tree head: its
// seal, and the agent's book under the seal's book root.
type statement struct {
	head        signedHead
	earlier     signedHead // of an earlier Friday; size 0 if there is none
	seal        events.Sealed
	sealRecord  record.Record // contains seal
	agentProof  checkpoint.AgentProof
	signedHeads int // in the journal, signed by the ledger's key; set by makeStatement only
}

// signedHead is a tree head signed by the ledger's key.
type signedHead struct {
	treehead.Head
	text []byte
}

// makeStatement makes the statement of the Friday from the journal.
func (d *derivation) makeStatement() (*statement, error) {
	seal, _, sealed, err := d.Seal(d.request.Friday)
	if err != nil {
		return nil, err
	}
	if !sealed {
		return nil, fmt.Errorf("the book of Friday %s: %w in this journal", d.request.Friday, ErrNotSealed)
	}
	if err := d.checkClaims(); err != nil {
		return nil, err
	}
	s := &statement{seal: seal.Sealed, sealRecord: d.sealRecord}
	if err := d.chooseHeads(s); err != nil {
		return nil, err
	}
	want, err := d.friday.SealOf(d.agents, d.treeRoot, d.rules)
	if err != nil {
		return nil, err
	}
	if seal.Sealed != want {
		return nil, mismatchf("the seal of Friday %s, record %d: %s", want.Friday, seal.Seq, checkpoint.FirstDifference(seal.Sealed, want))
	}
	var ok bool
	if s.agentProof, ok = d.agents.Prove(d.request.Agent); !ok {
		return nil, fmt.Errorf("proving the book of agent %q: no such agent as of that Friday", d.request.Agent)
	}
	return s, nil
}

// chooseHeads chooses the two heads of the statement: the first head of the Friday
// that covers its seal, and the largest head of an earlier Friday that is not larger
// than that. It ignores heads that the ledger's key has not signed.
func (d *derivation) chooseHeads(s *statement) error {
	var earlier []signedHead
	for _, n := range d.signatures {
		h, err := d.keys.Open([]byte(n.Note))
		if err != nil {
			continue
		}
		if h.Size >= n.Seq {
			return mismatchf("record %d contains a signed tree head of %d records, more than there were at that point: %w", n.Seq, h.Size, errFork)
		}
		s.signedHeads++
		head := signedHead{h, []byte(n.Note)}
		switch {
		case n.Friday < d.request.Friday:
			earlier = append(earlier, head)
		case n.Friday == d.request.Friday && h.Size >= s.sealRecord.Seq && s.head.Size == 0:
			s.head = head
		}
	}
	if s.head.Size == 0 {
		return fmt.Errorf("the book of Friday %s: %w: record %d contains the seal, but no later record contains a signature of it by the ledger's key", d.request.Friday, ErrNotSealed, s.sealRecord.Seq)
	}
	for _, h := range earlier {
		if h.Size <= s.head.Size && h.Size > s.earlier.Size {
			s.earlier = h
		}
	}
	return nil
}

// files returns the files of a statement that makeStatement returned.
func (s *statement) files(d *derivation) (map[string][]byte, error) {
	keys := d.keys.TextsUntil(s.head.Size)
	files := map[string][]byte{
		keyFile:        []byte(keys[len(keys)-1] + "\n"),
		headFile:       s.head.text,
		sealFile:       s.sealRecord.AppendLine(nil, time.Time{}),
		agentProofFile: encode(s.agentProof),
	}
	path, err := d.InclusionProof(s.sealRecord.Seq, s.head.Size)
	if err != nil {
		return nil, err
	}
	files[sealProofFile] = treehead.InclusionProof{Seq: s.sealRecord.Seq, Path: path, Signed: s.head.text}.Text()
	from := map[string]uint64{boundaryProofFile: d.friday.Boundary}
	if s.earlier.Size > 0 {
		files[earlierHeadFile], from[earlierProofFile] = s.earlier.text, s.earlier.Size
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

// checkStatement checks the files of the statement under the ledger's keys.
func (b *bundle) checkStatement(keys *treehead.Keys) (s *statement, err error) {
	s = &statement{}
	if s.head, err = b.head(headFile, keys); err != nil {
		return nil, err
	}
	signers := keys.TextsUntil(s.head.Size)
	if text, err := b.read(keyFile); err != nil {
		return nil, err
	} else if string(text) != signers[len(signers)-1]+"\n" {
		return nil, mismatchf("%s is not the key that the journal names", keyFile)
	}
	if err := b.checkSeal(s); err != nil {
		return nil, err
	}
	if err := b.checkConsistency(s, keys); err != nil {
		return nil, err
	}
	if s.agentProof, err = readAs[checkpoint.AgentProof](b, agentProofFile); err != nil {
		return nil, err
	}
	if s.agentProof.Agent != b.Agent {
		return nil, mismatchf("%s belongs to agent %q, and the bundle to agent %q", agentProofFile, s.agentProof.Agent, b.Agent)
	}
	if err := s.agentProof.Check(hashOf(s.seal.BookRoot)); err != nil {
		return nil, mismatchf("%s: the agent's book is not under the seal's book root: %v", agentProofFile, err)
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
		return signedHead{}, mismatchf("%s: %v", name, err)
	}
	return signedHead{h, text}, nil
}

// checkSeal checks that the seal names the bundle's Friday and that the signed tree
// head covers its record.
func (b *bundle) checkSeal(s *statement) error {
	lines, err := b.openLines(sealFile)
	if err != nil {
		return err
	}
	defer lines.Close()
	if s.sealRecord, err = lines.nextRecord(); err != nil && err != io.EOF {
		return err
	}
	if _, err := lines.next(); err != io.EOF || lines.n != 1 {
		return mismatchf("%s does not contain exactly one record as the ledger writes it", sealFile)
	}
	var checker events.Checker
	checked := checker.Check(s.sealRecord.Subject, s.sealRecord.Body)
	seal, ok := checked.Event.Data.(*events.Sealed)
	if checked.Rejection() != nil || !ok {
		return mismatchf("record %d in %s is not a seal", s.sealRecord.Seq, sealFile)
	}
	if s.seal = *seal; seal.Friday != b.Friday {
		return mismatchf("%s is the seal of Friday %s, and the bundle is of Friday %s", sealFile, seal.Friday, b.Friday)
	}
	text, err := b.read(sealProofFile)
	if err != nil {
		return err
	}
	p, err := treehead.ParseInclusionProof(text)
	if err != nil {
		return mismatchf("%s: %v", sealProofFile, err)
	}
	if p.Seq != s.sealRecord.Seq || !bytes.Equal(p.Signed, s.head.text) {
		return mismatchf("%s is not the proof of record %d under the head in %s", sealProofFile, s.sealRecord.Seq, headFile)
	}
	if err := merkle.CheckInclusion(p.Path, p.Seq, s.sealRecord.LeafHash(), s.head.Size, s.head.Root); err != nil {
		return mismatchf("%s: the seal is not under the signed tree head: %v", sealProofFile, err)
	}
	return nil
}

// checkConsistency checks that the journal under the signed head begins with the
// records up to the boundary, and with those under the earlier head.
func (b *bundle) checkConsistency(s *statement, keys *treehead.Keys) (err error) {
	if s.seal.TreeSize != s.seal.Boundary || s.seal.Boundary < 1 || uint64(s.seal.Boundary) >= s.sealRecord.Seq {
		return mismatchf("the seal has boundary %d and tree size %d: they must be equal, at least 1, and less than the seal's sequence %d", s.seal.Boundary, s.seal.TreeSize, s.sealRecord.Seq)
	}
	if err := b.checkPrefix(boundaryProofFile, treehead.Head{Size: uint64(s.seal.TreeSize), Root: hashOf(s.seal.TreeRoot)}, s.head); err != nil {
		return err
	}
	if !b.has(earlierHeadFile) {
		return nil
	}
	if s.earlier, err = b.head(earlierHeadFile, keys); err != nil {
		return err
	}
	if s.earlier.Size >= s.head.Size {
		return mismatchf("%s is a head of %d records, and %s of only %d", earlierHeadFile, s.earlier.Size, headFile, s.head.Size)
	}
	return b.checkPrefix(earlierProofFile, s.earlier.Head, s.head)
}

func (b *bundle) checkPrefix(name string, from treehead.Head, to signedHead) error {
	text, err := b.read(name)
	if err != nil {
		return err
	}
	p, err := treehead.ParseConsistencyProof(text)
	if err != nil {
		return mismatchf("%s: %v", name, err)
	}
	if !bytes.Equal(p.Signed, to.text) || p.From != from.Size {
		return mismatchf("%s is not the proof from %d records to the head in %s", name, from.Size, headFile)
	}
	if err := merkle.CheckConsistency(p.Path, from.Size, from.Root, to.Size, to.Root); err != nil {
		return mismatchf("%s: the %d records under the signed tree head do not begin with the %d records before: %w: %v", name, to.Size, from.Size, errFork, err)
	}
	return nil
}

// checkTrustedHead compares the auditor's trusted head with the heads of a bundle
// that does not contain the whole journal.
func (s *statement) checkTrustedHead(h treehead.Head) error {
	sizes := fmt.Sprint(s.head.Size)
	if s.earlier.Size > 0 {
		sizes = fmt.Sprint(s.earlier.Size, " and ", s.head.Size)
	}
	for _, have := range [...]treehead.Head{s.head.Head, s.earlier.Head} {
		switch {
		case h == have:
			return nil
		case h.Size == have.Size && have.Size > 0:
			return mismatchf("the head given with --head and the one in the bundle both cover %d records, and have different roots: %w", h.Size, errFork)
		}
	}
	return mismatchf("the head given with --head cannot be compared: it covers %d records, and this bundle has only heads of %s records; no difference was found; ask for a bundle with the whole journal, or omit --head", h.Size, sizes)
}

// hashOf decodes a hash from hex. The schema of seals ensures that it is one.
func hashOf(text string) (h merkle.Hash) {
	_, _ = hex.Decode(h[:], []byte(text))
	return h
}
