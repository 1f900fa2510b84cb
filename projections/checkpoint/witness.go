package checkpoint

import (
	"context"
	"errors"
	"fmt"

	"golang.org/x/mod/sumdb/note"

	"bookledger/events"
	"bookledger/events/record/treehead"
)

// ErrForeignHead is returned for a head that is not of this ledger's tree, or
// whose tree does not include the seal.
var ErrForeignHead = errors.New("not a tree head of this ledger that covers the seal")

// AddSignature records a head that another node or a witness signed for the
// seal of Friday f. It does not verify the signature, since it does not know
// the signer's key. It returns ErrForeignHead if the head does not match the
// ledger.
func (s *Sealer) AddSignature(ctx context.Context, f events.Date, signed []byte) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	var event []byte
	err := s.read(func(v View) error {
		err := checkHead(v, f, signed)
		if err == nil {
			event, err = EncodeSignature(f, signed, v.Calendar())
		}
		return err
	})
	if err == nil {
		var checker events.Checker
		checked := checker.Check(events.SubjectSeal, event)
		if why := checked.Rejection(); why != nil {
			err = fmt.Errorf("%w: the ledger would reject it: %s", ErrForeignHead, why.Reason)
		}
	}
	if err != nil {
		return fmt.Errorf("adding a signature of the seal of Friday %s: %w", f, err)
	}
	return s.Record(ctx, event)
}

// checkHead checks that a head is of this ledger's tree and that its tree
// includes the seal of Friday f.
func checkHead(v View, f events.Date, signed []byte) error {
	h, err := treehead.OpenUnverified(signed)
	if err != nil {
		return fmt.Errorf("%w: %w", ErrForeignHead, err)
	}
	_, err = note.Open(signed, note.VerifierList())
	if _, form := errors.AsType[*note.UnverifiedNoteError](err); !form { // expected, since no verifier was given
		return fmt.Errorf("%w: not a signed note: %w", ErrForeignHead, err)
	}
	seal, _, sealed, err := v.Seal(f)
	switch {
	case err != nil:
		return err
	case !sealed:
		return fmt.Errorf("%w: Friday %s is not sealed", ErrForeignHead, f)
	case h.Origin != treehead.Origin(v.LedgerID()):
		return fmt.Errorf("%w: it names the ledger %q", ErrForeignHead, h.Origin)
	case h.Size < seal.Seq || h.Size > v.Position():
		return fmt.Errorf("%w: it covers %d records, but the seal is record %d of %d", ErrForeignHead, h.Size, seal.Seq, v.Position())
	}
	root, err := v.TreeRoot(h.Size)
	if err == nil && root != h.Root {
		err = fmt.Errorf("%w: its root differs", ErrForeignHead)
	}
	return err
}
