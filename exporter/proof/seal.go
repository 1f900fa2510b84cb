package proof

import (
	"bytes"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"golang.org/x/mod/sumdb/tlog"

	"bookledger/events"
	"bookledger/events/record"
	"bookledger/events/record/merkle"
	"bookledger/events/record/treehead"
	"bookledger/projections/checkpoint"
)

// statement is what is proven of a Friday under a head that the ledger's key
// has signed: its seal, and where an agent's book stands in it.
type statement struct {
	head   signedHead
	before signedHead // its size is 0 where there is none
	seal   events.Sealed
	sealed record.Record // the record of the seal
	place  placed
}

// placed is an agent's book in the tree over agents, as it stands in a bundle.
type placed struct {
	Agent  string        `json:"agent"`
	Cases  uint64        `json:"cases"`
	Rows   uint64        `json:"rows"`
	Root   merkle.Hash   `json:"root"`  // of the rows
	Index  uint64        `json:"index"` // among the agents, from 0 on
	Agents uint64        `json:"agents"`
	Path   []merkle.Hash `json:"path"` // to the book root of the seal
}

func (p placed) check(bookRoot merkle.Hash) error {
	place := checkpoint.AgentPlace{
		Index: p.Index, Path: p.Path,
		Agent: checkpoint.AgentRoot{Agent: p.Agent, Cases: p.Cases, Rows: p.Rows, Root: p.Root},
	}
	if err := place.Check(p.Agents, bookRoot); err != nil {
		return differs("%s: the agent's book is not under the book root of the seal: %v", placeFile, err)
	}
	return nil
}

// writeStatement writes the seal of the Friday and what proves it.
func (d *derivation) writeStatement(to *folder, f events.Date, agent string) error {
	of, before, err := d.chosen(f)
	if errors.Is(err, ErrNotSealed) {
		return fmt.Errorf("%w. The daemon seals a Friday soon after its cutoff, and signs that; let it run with its key, and dump the journal again once `bookledger fridays` says sealed", err)
	}
	if err != nil {
		return err
	}
	if err := d.recomputed(); err != nil {
		return err
	}
	place, ok := d.agents.Place(agent)
	if !ok {
		return fmt.Errorf("proving the book of agent %q: it is not among the agents of that Friday", agent)
	}
	keys := d.keys.Until(of.Size)
	texts := map[string][]byte{
		keyFile:  []byte(keys[len(keys)-1] + "\n"),
		headFile: of.text,
		sealFile: d.sealRecord.AppendLine(nil, time.Time{}),
		placeFile: encode(placed{
			agent, place.Agent.Cases, place.Agent.Rows, place.Agent.Root, place.Index, d.agents.Size(), append([]merkle.Hash{}, place.Path...),
		}),
	}
	path, err := d.Inclusion(d.sealRecord.Seq, of.Size)
	if err != nil {
		return err
	}
	texts[sealedFile] = treehead.Proof{Seq: d.sealRecord.Seq, Path: path, Signed: of.text}.Text()
	if texts[boundaryFile], err = d.growth(d.friday.Boundary, of); err != nil {
		return err
	}
	if before.Size > 0 {
		texts[beforeFile] = before.text
		if texts[growthFile], err = d.growth(before.Size, of); err != nil {
			return err
		}
	}
	for name, text := range texts { // the manifest sorts them
		if err := to.writeText(name, text); err != nil {
			return err
		}
	}
	return nil
}

func (d *derivation) growth(from uint64, to signedHead) ([]byte, error) {
	path, err := d.Consistency(from, to.Size)
	return treehead.ConsistencyProof{From: from, Path: path, Signed: to.text}.Text(), err
}

// recomputed checks that the seal says what follows from the record.
func (d *derivation) recomputed() error {
	seal, _, _ := d.Seal(d.friday.Friday)
	want, err := d.friday.SealOf(d.agents, d.treeRoot, d.rules)
	if err != nil {
		return err
	}
	if seal.Sealed != want {
		return differs("the seal of Friday %s, record %d: %s", want.Friday, seal.Seq, checkpoint.Differing(seal.Sealed, want))
	}
	return nil
}

// statement checks what a bundle says of the seal, under the ledger's keys.
func (b *bundle) statement(keys *treehead.Keys) (*statement, error) {
	s := &statement{}
	var err error
	if s.head, err = b.head(headFile, keys); err != nil {
		return nil, err
	}
	stood := keys.Until(s.head.Size)
	if text, err := b.read(keyFile, maxSmall); err != nil {
		return nil, err
	} else if string(text) != stood[len(stood)-1]+"\n" {
		return nil, differs("%s is not the key that the record names", keyFile)
	}
	if err := b.checkSeal(s); err != nil {
		return nil, err
	}
	if err := b.checkGrowth(s, keys); err != nil {
		return nil, err
	}
	text, err := b.read(placeFile, maxSmall)
	if err != nil {
		return nil, err
	}
	if s.place, err = decode[placed](placeFile, text); err != nil {
		return nil, err
	}
	if s.place.Agent != b.Agent {
		return nil, differs("%s is of agent %q, and the bundle of %q", placeFile, s.place.Agent, b.Agent)
	}
	root, err := tlog.ParseHash(base64Of(s.seal.BookRoot))
	if err != nil {
		return nil, differs("the book root of the seal is no hash")
	}
	return s, s.place.check(root)
}

func (b *bundle) head(name string, keys *treehead.Keys) (signedHead, error) {
	text, err := b.read(name, maxSmall)
	if err != nil {
		return signedHead{}, err
	}
	h, err := openHead(text, keys)
	if err != nil {
		return h, differs("%s: %v", name, err)
	}
	return h, nil
}

// checkSeal checks that the seal is of the bundle's Friday and that its record
// is under the signed head.
func (b *bundle) checkSeal(s *statement) error {
	text, err := b.read(sealFile, record.MaxLine)
	if err != nil {
		return err
	}
	line, err := record.ParseLine(text)
	if err != nil || !bytes.Equal(line.AppendLine(nil, time.Time{}), text) {
		return differs("%s does not hold a record as the ledger writes it", sealFile)
	}
	s.sealed = line.Record
	var checker events.Checker
	checked := checker.Check(line.Subject, line.Body)
	seal, ok := checked.Event.Data.(*events.Sealed)
	if rejection := checked.Rejection(); rejection != nil || !ok {
		return differs("record %d in %s is no seal", line.Seq, sealFile)
	}
	if s.seal = *seal; seal.Friday != b.Friday {
		return differs("%s is the seal of Friday %s, and the bundle is of %s", sealFile, seal.Friday, b.Friday)
	}
	if text, err = b.read(sealedFile, maxSmall); err != nil {
		return err
	}
	p, err := treehead.ParseProof(text)
	if err != nil {
		return differs("%s: %v", sealedFile, err)
	}
	if p.Seq != line.Seq || !bytes.Equal(p.Signed, s.head.text) || len(p.Extra) > 0 {
		return differs("%s is not of record %d under the head in %s", sealedFile, line.Seq, headFile)
	}
	if err := merkle.CheckInclusion(p.Path, p.Seq, line.LeafHash(), s.head.Size, s.head.Root); err != nil {
		return differs("%s: the seal is not under the signed head: %v", sealedFile, err)
	}
	return nil
}

// checkGrowth checks that the tree at the boundary, and that of the head of
// the Friday before, have grown into the signed head.
func (b *bundle) checkGrowth(s *statement, keys *treehead.Keys) error {
	root, err := tlog.ParseHash(base64Of(s.seal.TreeRoot))
	if err != nil || s.seal.TreeSize != s.seal.Boundary || s.seal.Boundary < 1 || uint64(s.seal.Boundary) >= s.sealed.Seq {
		return differs("the seal's boundary, tree size and tree root cannot be of a Friday before it")
	}
	boundary := treehead.Head{Origin: s.head.Origin, Size: uint64(s.seal.TreeSize), Root: root}
	if err := b.growth(boundaryFile, boundary, s.head); err != nil {
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
	return b.growth(growthFile, s.before.Head, s.head)
}

func (b *bundle) growth(name string, from treehead.Head, to signedHead) error {
	text, err := b.read(name, maxSmall)
	if err != nil {
		return err
	}
	g, err := treehead.ParseConsistencyProof(text)
	if err != nil {
		return differs("%s: %v", name, err)
	}
	if !bytes.Equal(g.Signed, to.text) || g.From != from.Size {
		return differs("%s is not from %d records to the head in %s", name, from.Size, headFile)
	}
	if err := merkle.CheckConsistency(g.Path, from.Size, from.Root, to.Size, to.Root); err != nil {
		return differs("%s: the %d records under the signed head do not begin with those %d: %w: %v", name, to.Size, from.Size, errFork, err)
	}
	return nil
}

// vouched checks that a key the auditor has stands behind the head: it signed
// it, or it handed over to the key that did.
func vouched(key string, keys *treehead.Keys, s *statement) error {
	if key == "" {
		return nil
	}
	stood := keys.Until(s.head.Size)
	if !slices.Contains(stood, strings.TrimSpace(key)) {
		return differs("the key that was given is not that of the ledger which signed: the head of %d records is signed by %s", s.head.Size, stood[len(stood)-1])
	}
	return nil
}
