package proof

import (
	"encoding/hex"
	"errors"
	"fmt"

	"golang.org/x/mod/sumdb/note"

	"bookledger/events"
	"bookledger/events/record/head"
	"bookledger/events/record/tree"
)

// ErrNotSealed is of a Friday whose seal, or its signature, does not stand in
// the record.
var ErrNotSealed = errors.New("it is not sealed")

// signedHead is a head that the ledger's key has signed.
type signedHead struct {
	head.Head
	text []byte
}

// openHead opens a head that the ledger's key of that time must have signed.
func openHead(text []byte, keys *head.Keys) (signedHead, error) {
	h, _, err := keys.Open(text)
	return signedHead{h, text}, err
}

// heads returns the heads that the ledger's key has signed and that stand in
// the record, in its order. Each must be of this record: where it is not, the
// key's holder has signed two histories. Notes of others are passed over.
func (d *derivation) heads() (all []fridayHead, err error) {
	for _, s := range d.signed {
		h, err := openHead([]byte(s.Note), d.keys)
		if err != nil {
			continue
		}
		if h.Size >= s.Seq {
			return nil, differs("record %d holds a signed head of %d records, which there were not yet: %w", s.Seq, h.Size, errFork)
		}
		if err := d.fits(h.Head); err != nil {
			return nil, fmt.Errorf("%w, and record %d holds that head", err, s.Seq)
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

// fits checks that a signed head is of this record.
func (d *derivation) fits(h head.Head) error {
	root, err := d.TreeRoot(h.Size)
	if err != nil {
		return err
	}
	if root != h.Root {
		return differs("the ledger's key has signed that the first %d records have the root %s, but these have %s: %w, at record %d or before", h.Size, hexOf(h.Root), hexOf(root), errFork, h.Size)
	}
	return nil
}

func hexOf(h tree.Hash) string { return hex.EncodeToString(h[:]) }

// chosen returns the head under which the Friday's seal is proven, which is
// the first that holds its record, and the newest head of an earlier Friday
// that is not larger; its size is 0 where there is none.
func (d *derivation) chosen(f events.Date) (of, before signedHead, err error) {
	seal, _, sealed := d.Seal(f)
	if !sealed {
		return of, before, fmt.Errorf("the book of Friday %s: %w in this record. The daemon seals a Friday soon after its cutoff; let it run, and dump the journal again once `bookledger fridays` says sealed", f, ErrNotSealed)
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
		return of, before, fmt.Errorf("the book of Friday %s: %w as it must be, for record %d has its seal, but no later record a signature of it by the ledger's key. Let the daemon run with its key, and dump the journal again", f, ErrNotSealed, seal.Seq)
	}
	for _, h := range all {
		if h.friday < f && h.Size <= of.Size && h.Size > before.Size {
			before = h.signedHead
		}
	}
	return of, before, nil
}

// base64Of turns a hash in hex into the form that tlog reads; what is no hex
// into what is no hash.
func base64Of(s string) string {
	raw, err := hex.DecodeString(s)
	if err != nil || len(raw) != len(tree.Hash{}) {
		return ""
	}
	return tree.Hash(raw).String()
}

// CheckKey checks that a text is a public key in the form of key.txt.
func CheckKey(text string) error {
	_, err := note.NewVerifier(text)
	return err
}
