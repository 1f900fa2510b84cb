package replay

import (
	"cmp"
	"encoding/hex"
	"fmt"
	"slices"

	"bookledger/events/record/merkle"
	"bookledger/projections/checkpoint"
)

// Claim is a statement about the journal: that its first Size records have the
// root Root.
type Claim struct {
	Size uint64
	Root merkle.Hash
	By   string // who states it, as error messages name it
	Seal uint64 // record of the seal that states it; 0 if a signed head does. Seals are not signed themselves.
}

// Claims returns what the seals in the journal and the heads signed with the
// ledger's key state about the journal.
func (r *Replay) Claims() (all []Claim, err error) {
	for _, s := range r.state.seals {
		c := Claim{Size: uint64(s.TreeSize), By: fmt.Sprintf("the seal of Friday %s, record %d,", s.Friday, s.Seq), Seal: s.Seq}
		_, _ = hex.Decode(c.Root[:], []byte(s.TreeRoot)) // a root that is not a hash leaves zeros, which match no tree
		all = append(all, c)
	}
	if len(r.state.signatures) == 0 {
		return all, nil
	}
	keys, err := r.Keys()
	if err != nil {
		return nil, err
	}
	for _, s := range r.state.signatures {
		if h, err := keys.Open([]byte(s.Note)); err == nil { // otherwise another key signed it
			all = append(all, Claim{Size: h.Size, Root: h.Root, By: fmt.Sprintf("the head in record %d, signed with the ledger's key,", s.Seq)})
		}
	}
	return all, nil
}

// Difference is a claim that the replayed records contradict.
type Difference struct {
	Claim
	Got         merkle.Hash // root of the same number of records
	MatchedSize uint64      // largest number of records that another claim confirms
	MatchedSeal uint64      // record of the seal that is that claim; 0 if a signed head is, or if there is none
}

// String names the claim and the narrowest range of records that contains a
// difference.
func (d *Difference) String() string {
	text := fmt.Sprintf("%s says that the first %d records have the root %x, but their root is %x: ", d.By, d.Size, d.Root[:], d.Got[:])
	switch {
	case d.MatchedSize >= d.Size && d.Seal != 0:
		return text + fmt.Sprintf("a signed head confirms the first %d records, so the seal was wrong when it was made", d.MatchedSize)
	case d.MatchedSize >= d.Size:
		return text + fmt.Sprintf("history was forked or rewritten, and the key signed both versions: its head of %d records matches this one", d.MatchedSize)
	case d.MatchedSize+1 == d.Size:
		text += fmt.Sprintf("history was forked or rewritten at record %d", d.Size)
	default:
		text += fmt.Sprintf("history was forked or rewritten between record %d and %d", d.MatchedSize+1, d.Size)
	}
	if d.Seal != 0 {
		text += fmt.Sprintf(", or at record %d itself", d.Seal)
	}
	if d.MatchedSeal != 0 { // a seal is not signed, so it can be rewritten along with the records
		text += fmt.Sprintf(", or earlier, if the seal in record %d was rewritten too", d.MatchedSeal)
	}
	return text
}

// Compare compares claims with the replayed records in the order of their
// sizes. It returns the first difference, or nil if there is none. It skips
// claims about more records than were replayed.
func (r *Replay) Compare(claims []Claim) (*Difference, error) {
	claims = slices.Clone(claims)
	slices.SortStableFunc(claims, func(a, b Claim) int { return cmp.Or(cmp.Compare(a.Size, b.Size), cmp.Compare(a.Seal, b.Seal)) })
	var matching []Claim
	var differing []Difference
	signed := uint64(0) // size of the largest signed head that matches
	for _, c := range claims {
		if c.Size > r.tree.Size() {
			break
		}
		root, err := r.TreeRoot(c.Size)
		if err != nil {
			return nil, err
		}
		if root != c.Root {
			differing = append(differing, Difference{Claim: c, Got: root})
			continue
		}
		if matching = append(matching, c); c.Seal == 0 {
			signed = c.Size
		}
	}
	if len(differing) == 0 {
		return nil, nil
	}
	first := &differing[max(0, slices.IndexFunc(differing, func(d Difference) bool { return d.Size > signed }))]
	first.MatchedSize = signed
	for _, c := range matching {
		if c.Size > first.MatchedSize && c.Size < first.Size {
			first.MatchedSize, first.MatchedSeal = c.Size, c.Seal
		}
	}
	return first, nil
}

// CompareSeals compares every seal in the journal, and every head signed with
// the ledger's key, with the replayed records. It returns
// checkpoint.ErrSealMismatch if one differs.
func (r *Replay) CompareSeals() error {
	claims, err := r.Claims()
	if err != nil {
		return err
	}
	d, err := r.Compare(claims)
	if err != nil {
		return err
	}
	if d != nil {
		return fmt.Errorf("comparing the seals: %w: %v", checkpoint.ErrSealMismatch, d)
	}
	return checkpoint.CompareSeals(r)
}
