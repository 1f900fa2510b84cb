package proof

import (
	"encoding/hex"
	"errors"
	"fmt"

	"golang.org/x/mod/sumdb/note"

	"bookledger/events"
	"bookledger/events/record/merkle"
	"bookledger/events/record/treehead"
	"bookledger/projections/replay"
)

// ErrNotSealed is of a Friday whose seal, or its signature, does not stand in
// the record.
var ErrNotSealed = errors.New("it is not sealed")

// signedHead is a head that the ledger's key has signed.
type signedHead struct {
	treehead.Head
	text []byte
}

// openHead opens a head that the ledger's key of that time must have signed.
func openHead(text []byte, keys *treehead.Keys) (signedHead, error) {
	h, _, err := keys.Open(text)
	return signedHead{h, text}, err
}

// heads returns the heads that the ledger's key has signed and that stand in
// the record, in its order. Each must be of this record, as compared holds.
// Notes of others are passed over.
func (d *derivation) heads() (all []fridayHead, err error) {
	for _, s := range d.signed {
		h, err := openHead([]byte(s.Note), d.keys)
		if err != nil {
			continue
		}
		if h.Size >= s.Seq {
			return nil, differs("record %d holds a signed head of %d records, which there were not yet: %w", s.Seq, h.Size, errFork)
		}
		all = append(all, fridayHead{h, s.Friday, s.Seq})
	}
	return all, nil
}

type fridayHead struct {
	signedHead
	friday events.Date
	seq    uint64
}

// compared compares the record with all seals and signed heads that stand in
// it, and with what else is claimed of it. The narrowest range in which they
// differ is named.
func (d *derivation) compared(more ...replay.Claim) error {
	claims, err := d.Claims()
	if err != nil {
		return err
	}
	difference, err := d.Compare(append(claims, more...))
	if err == nil && difference != nil {
		err = differs("%v", difference)
	}
	return err
}

// claimOf is what a head that stands beside the record says of it.
func claimOf(name string, h treehead.Head) replay.Claim {
	return replay.Claim{Size: h.Size, Root: h.Root, By: name}
}

func hexOf(h merkle.Hash) string { return hex.EncodeToString(h[:]) }

// chosen returns the head under which the Friday's seal is proven, which is
// the first that holds its record, and the newest head of an earlier Friday
// that is not larger; its size is 0 where there is none.
func (d *derivation) chosen(f events.Date) (of, before signedHead, err error) {
	seal, _, sealed := d.Seal(f)
	if !sealed {
		return of, before, fmt.Errorf("the book of Friday %s: %w in this record", f, ErrNotSealed)
	}
	if err := d.compared(); err != nil {
		return of, before, err
	}
	all, err := d.heads()
	if err != nil {
		return of, before, err
	}
	for _, h := range all {
		if h.friday == f && h.Size >= seal.Seq {
			of = h.signedHead
			break
		}
	}
	if of.Size == 0 {
		return of, before, fmt.Errorf("the book of Friday %s: %w as it must be, for record %d has its seal, but no later record a signature of it by the ledger's key", f, ErrNotSealed, seal.Seq)
	}
	for _, h := range all {
		if h.friday < f && h.Size <= of.Size && h.Size > before.Size {
			before = h.signedHead
		}
	}
	return of, before, nil
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

// base64Of turns a hash in hex into the form that tlog reads; what is no hex
// into what is no hash.
func base64Of(s string) string {
	raw, err := hex.DecodeString(s)
	if err != nil || len(raw) != len(merkle.Hash{}) {
		return ""
	}
	return merkle.Hash(raw).String()
}

// CheckKey checks that a text is a public key in the form of key.txt.
func CheckKey(text string) error {
	_, err := note.NewVerifier(text)
	return err
}
