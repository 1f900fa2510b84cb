package sealer

import (
	"context"
	"errors"
	"fmt"

	"golang.org/x/mod/sumdb/note"

	"bookledger/events"
	"bookledger/events/record/treehead"
	"bookledger/projections/checkpoint"
)

// ErrOtherHead is of a head that is not one of this ledger's tree over the seal.
var ErrOtherHead = errors.New("it is not a head of this ledger that holds the seal")

// Heads returns the signed heads over a Friday's seal, the ledger's own and
// those of others, in the order in which they were recorded.
func (s *Sealer) Heads(f events.Date) ([]string, error) {
	_, signatures, sealed, err := s.stands(f)
	if err == nil && !sealed {
		err = fmt.Errorf("reading the signatures of Friday %s: it is not sealed", f)
	}
	var heads []string
	for _, one := range signatures {
		heads = append(heads, one.Note)
	}
	return heads, err
}

// Witness has a head recorded that another node or a witness has signed. Whose
// signature that is does not matter, and is not checked: that is for whoever
// knows the key. It returns ErrOtherHead where the head is another.
func (s *Sealer) Witness(ctx context.Context, f events.Date, signed []byte) error {
	s.working.Lock()
	defer s.working.Unlock()
	calendar, err := s.holds(f, signed)
	if err != nil {
		return fmt.Errorf("taking in a signature of the seal of Friday %s: %w", f, err)
	}
	body, err := checkpoint.EncodeSignature(f, signed, calendar)
	if err != nil {
		return err
	}
	var checker events.Checker
	checked := checker.Check(events.SubjectSeal, body)
	if why := checked.Rejection(); why != nil {
		return fmt.Errorf("taking in a signature of the seal of Friday %s: %w: the ledger would reject it: %s", f, ErrOtherHead, why.Reason)
	}
	return s.append(ctx, body)
}

// isUnverified tells that a note has the form of one, and that no key was given.
func isUnverified(err error) bool {
	_, ok := errors.AsType[*note.UnverifiedNoteError](err)
	return ok
}

// Compare compares every seal that stands, and every head that the ledger's key
// has signed, with the tree of what was applied. It returns
// checkpoint.ErrDiffers where one is another.
func (s *Sealer) Compare() (err error) {
	v, err := s.o.Node.Projection.View()
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, v.Close()) }()
	fridays, err := v.Checkpoints()
	if err != nil {
		return err
	}
	for _, c := range fridays {
		seal, signatures, sealed, err := v.Seal(c.Friday)
		if err == nil && sealed {
			_, err = c.Compare(seal, signatures, v.Position(), v)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// holds checks that the head is one of this ledger's tree over the seal.
func (s *Sealer) holds(f events.Date, signed []byte) (_ *events.Calendar, err error) {
	h, err := treehead.Unverified(signed)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrOtherHead, err)
	}
	if _, err := note.Open(signed, note.VerifierList()); !isUnverified(err) {
		return nil, fmt.Errorf("%w: it is no signed note: %w", ErrOtherHead, err)
	}
	v, err := s.o.Node.Projection.View()
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, v.Close()) }()
	seal, _, sealed, err := v.Seal(f)
	switch {
	case err != nil:
		return nil, err
	case !sealed:
		return nil, fmt.Errorf("%w: the Friday is not sealed", ErrOtherHead)
	case h.Origin != treehead.Origin(v.LedgerID()):
		return nil, fmt.Errorf("%w: it is of %q", ErrOtherHead, h.Origin)
	case h.Size < seal.Seq || h.Size > v.Position():
		return nil, fmt.Errorf("%w: it is of %d records, the seal is record %d of %d", ErrOtherHead, h.Size, seal.Seq, v.Position())
	}
	root, err := v.TreeRoot(h.Size)
	if err == nil && root != h.Root {
		err = fmt.Errorf("%w: its root is another", ErrOtherHead)
	}
	return v.Calendar(), err
}
