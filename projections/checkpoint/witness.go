package checkpoint

import (
	"context"
	"errors"
	"fmt"

	"golang.org/x/mod/sumdb/note"

	"bookledger/events"
	"bookledger/events/record/treehead"
)

// ErrForeignHead is returned for a head that is not one of this ledger's tree over
// the seal.
var ErrForeignHead = errors.New("it is not a head of this ledger that holds the seal")

// AddSignature has a head recorded that another node or a witness has signed. Whose
// signature that is does not matter, and is not checked: that is for whoever
// knows the key. It returns ErrOtherHead where the head is another.
func (s *Sealer) AddSignature(ctx context.Context, f events.Date, signed []byte) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	var event []byte
	err := s.read(func(v View) error {
		err := holds(v, f, signed)
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
		return fmt.Errorf("taking in a signature of the seal of Friday %s: %w", f, err)
	}
	return s.Record(ctx, event)
}

// holds checks that the head is one of the ledger's tree over the seal.
func holds(v View, f events.Date, signed []byte) error {
	h, err := treehead.OpenUnverified(signed)
	if err != nil {
		return fmt.Errorf("%w: %w", ErrForeignHead, err)
	}
	_, err = note.Open(signed, note.VerifierList())
	if _, form := errors.AsType[*note.UnverifiedNoteError](err); !form { // as of a note of which no key was given
		return fmt.Errorf("%w: it is no signed note: %w", ErrForeignHead, err)
	}
	seal, _, sealed, err := v.Seal(f)
	switch {
	case err != nil:
		return err
	case !sealed:
		return fmt.Errorf("%w: the Friday is not sealed", ErrForeignHead)
	case h.Origin != treehead.Origin(v.LedgerID()):
		return fmt.Errorf("%w: it is of %q", ErrForeignHead, h.Origin)
	case h.Size < seal.Seq || h.Size > v.Position():
		return fmt.Errorf("%w: it is of %d records, the seal is record %d of %d", ErrForeignHead, h.Size, seal.Seq, v.Position())
	}
	root, err := v.TreeRoot(h.Size)
	if err == nil && root != h.Root {
		err = fmt.Errorf("%w: its root is another", ErrForeignHead)
	}
	return err
}
