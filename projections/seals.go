package projections

import (
	"context"

	"bookledger/events"
	"bookledger/projections/book"
	"bookledger/projections/checkpoint"
	"bookledger/projections/internal/store"
)

var _ checkpoint.View = (*View)(nil)

// Seal returns the seal of a Friday and its signatures, which are not verified.
// Sealed reports whether the Friday has a seal.
func (v *View) Seal(f events.Date) (seal checkpoint.Seal, signatures []checkpoint.Signature, sealed bool, err error) {
	b, sealed, err := v.reader.Get(store.Seal(f))
	if err != nil || !sealed {
		return checkpoint.Seal{}, nil, false, err
	}
	if seal, err = decode[checkpoint.Seal](b, "a seal"); err != nil {
		return checkpoint.Seal{}, nil, false, err
	}
	err = v.reader.EachUnversionedWithPrefix(store.Signature(f, 0), func(_, value []byte) error {
		s, err := decode[checkpoint.Signature](value, "the signature of a seal")
		signatures = append(signatures, s)
		return err
	})
	return seal, signatures, true, err
}

// Agents builds the tree over the books of all agents as of the week's cutoff.
func (v *View) Agents(ctx context.Context, w book.Week, workers int) (*checkpoint.AgentTree, error) {
	return checkpoint.NewAgentTree(ctx, v.AsOf(w.Friday), v.Calendar(), w, workers)
}
