package sealer

import (
	"context"
	"errors"
	"fmt"

	"go.uber.org/zap"

	"bookledger/events"
	"bookledger/events/record/treehead"
	"bookledger/projections/checkpoint"
)

// sign signs the head of the tree that ends with the seal of a Friday, where
// one stands, this node has the ledger's key and nobody has signed with it.
func (s *Sealer) sign(ctx context.Context, f events.Date) error {
	if s.signed[f] {
		return nil
	}
	signed, calendar, err := s.signature(f)
	if err != nil {
		return fmt.Errorf("signing the seal of Friday %s: %w", f, err)
	}
	if signed != nil {
		body, err := checkpoint.EncodeSignature(f, signed, calendar)
		if err != nil {
			return err
		}
		if err := s.append(ctx, body); err != nil {
			return err
		}
	}
	s.signed[f] = true
	return nil
}

// signature returns the signed head that is missing, nothing where none is or
// this node has no key.
func (s *Sealer) signature(f events.Date) (_ []byte, _ *events.Calendar, err error) {
	v, err := s.o.Node.Projection.View()
	if err != nil {
		return nil, nil, err
	}
	defer func() { err = errors.Join(err, v.Close()) }()
	seal, signatures, sealed, err := v.Seal(f)
	if err != nil || !sealed {
		return nil, nil, err
	}
	c, err := v.Checkpoint(f)
	if err != nil {
		return nil, nil, err
	}
	signed, err := c.Compare(seal, signatures, v.Position(), v)
	if err != nil || signed {
		return nil, nil, err
	}
	keys, err := v.Keys()
	if err != nil {
		return nil, nil, err
	}
	signer, err := s.o.Node.Signer(keys)
	if err != nil {
		return nil, nil, err
	}
	if signer == nil {
		s.o.Log.Warn("a seal is not signed: the ledger's key is not in this folder", zap.Stringer("friday", f))
		return nil, nil, nil
	}
	h := treehead.Head{Origin: keys.Origin(), Size: seal.Seq}
	if keys.At(h.Size).KeyHash() != keys.Current().KeyHash() {
		h.Size = v.Position() // the key has changed since, and signs what it has seen
	}
	if h.Root, err = v.TreeRoot(h.Size); err != nil {
		return nil, nil, err
	}
	text, err := h.Sign(signer)
	return text, v.Calendar(), err
}
