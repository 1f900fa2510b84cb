package replay

import (
	"cmp"
	"encoding/hex"
	"fmt"
	"slices"

	"bookledger/events/record/merkle"
	"bookledger/projections/checkpoint"
)

// Claim is what somebody says of the record: the root of its first Size
// records.
type Claim struct {
	Size uint64
	Root merkle.Hash
	By   string // who says so, as a message names it
	Seal uint64 // the record of the seal that says so, which is under no signature of its own; 0: a signed head does
}

// Claims returns what the seals say that stand in the record, and the heads
// that the ledger's key has signed.
func (r *Replay) Claims() (all []Claim, err error) {
	for _, s := range r.state.seals {
		c := Claim{Size: uint64(s.TreeSize), By: fmt.Sprintf("the seal of Friday %s, record %d,", s.Friday, s.Seq), Seal: s.Seq}
		_, _ = hex.Decode(c.Root[:], []byte(s.TreeRoot)) // what is no hash is none of this record
		all = append(all, c)
	}
	if len(r.state.signed) == 0 {
		return all, nil
	}
	keys, err := r.Keys()
	if err != nil {
		return nil, err
	}
	for _, s := range r.state.signed {
		if h, err := keys.Open([]byte(s.Note)); err == nil { // else it is somebody else's
			all = append(all, Claim{Size: h.Size, Root: h.Root, By: fmt.Sprintf("the head in record %d, which the ledger's key has signed,", s.Seq)})
		}
	}
	return all, nil
}

// Difference is that the record is not the one of which a claim is.
type Difference struct {
	Claim
	Have  merkle.Hash // the root of as many records
	After uint64      // the last record up to which another claim fits
	Under uint64      // the record of the seal that is that claim; 0: a signed head is, or none
}

// String names the claim, and the fewest records among which one differs.
func (d *Difference) String() string {
	says := fmt.Sprintf("%s says that the first %d records have the root %x, but these have %x: ", d.By, d.Size, d.Root[:], d.Have[:])
	switch {
	case d.After >= d.Size && d.Seal != 0:
		return says + fmt.Sprintf("a signed head of %d records has these, so the seal has been wrong since it was made", d.After)
	case d.After >= d.Size:
		return says + fmt.Sprintf("history was forked or rewritten, and the key has signed both, for its head of %d records has these", d.After)
	case d.After+1 == d.Size:
		says += fmt.Sprintf("history was forked or rewritten at record %d", d.Size)
	default:
		says += fmt.Sprintf("history was forked or rewritten between record %d and %d", d.After+1, d.Size)
	}
	if d.Seal != 0 {
		says += fmt.Sprintf(", or at record %d itself", d.Seal)
	}
	if d.Under != 0 { // whoever rewrites a record can write a seal that fits
		says += fmt.Sprintf(", or earlier where the seal in record %d was rewritten too", d.Under)
	}
	return says
}

// Compare compares claims with the record that was replayed, in the order of
// their sizes, and returns the first that differs; nil where none does. Those of
// more records than there are cannot be compared, and are passed over.
func (r *Replay) Compare(claims []Claim) (*Difference, error) {
	claims = slices.Clone(claims)
	slices.SortStableFunc(claims, func(a, b Claim) int { return cmp.Or(cmp.Compare(a.Size, b.Size), cmp.Compare(a.Seal, b.Seal)) })
	var fitting []Claim
	var differing []Difference
	signed := uint64(0) // the largest head that fits
	for _, c := range claims {
		if c.Size > r.tree.Size() {
			break
		}
		root, err := r.TreeRoot(c.Size)
		if err != nil {
			return nil, err
		}
		if root != c.Root {
			differing = append(differing, Difference{Claim: c, Have: root})
			continue
		}
		if fitting = append(fitting, c); c.Seal == 0 {
			signed = c.Size
		}
	}
	if len(differing) == 0 {
		return nil, nil
	}
	first := &differing[max(0, slices.IndexFunc(differing, func(d Difference) bool { return d.Size > signed }))]
	first.After = signed
	for _, c := range fitting {
		if c.Size > first.After && c.Size < first.Size {
			first.After, first.Under = c.Size, c.Seal
		}
	}
	return first, nil
}

// CompareSeals compares every seal that stands in the record, and every head
// that the ledger's key has signed, with the record that was replayed. It
// returns checkpoint.ErrDiffers where one is another.
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
