package node

import (
	"context"
	"errors"
	"fmt"

	"go.uber.org/zap"
	"golang.org/x/mod/sumdb/note"

	"bookledger/events"
	"bookledger/events/journal"
	"bookledger/events/record/treehead"
	"bookledger/projections/checkpoint"
)

// Sealer returns what seals the ledger's Fridays while something else keeps the
// projection up with the journal, as Follow does.
func (n *Node) Sealer() *checkpoint.Sealer {
	return n.sealer(func(ctx context.Context, seq uint64) error {
		_, _, err := n.Projection.WaitFor(ctx, seq)
		return err
	})
}

// OfflineSealer returns what seals the Fridays of a ledger that nobody follows:
// it brings the projection up to the journal by itself.
func (n *Node) OfflineSealer() *checkpoint.Sealer {
	return n.sealer(func(ctx context.Context, _ uint64) error { return n.CatchUp(ctx) })
}

// sealer returns a sealer; reach returns when the projection shows a record.
func (n *Node) sealer(reach func(ctx context.Context, seq uint64) error) *checkpoint.Sealer {
	return &checkpoint.Sealer{
		View: func() (checkpoint.View, error) { return n.Projection.View() },
		Record: func(ctx context.Context, event []byte) error {
			ack, err := n.Journal.Append(ctx, []journal.Message{{Subject: events.SubjectSeal, Body: event}})
			if err != nil {
				return fmt.Errorf("recording a seal: %w", err)
			}
			return reach(ctx, ack.Last)
		},
		Signer: func(keys *treehead.Keys) (note.Signer, error) {
			signer, _, err := n.signer(keys)
			if err == nil && signer == nil {
				n.log.Warn("a seal is not signed: the ledger's key is not in this folder", zap.String("folder", n.Dir))
			}
			return signer, err
		},
	}
}

// CompareSeals compares every seal that stands, and every head that the ledger's
// key has signed, with what was applied. It returns checkpoint.ErrDiffers where
// one is another.
func (n *Node) CompareSeals() error {
	v, err := n.Projection.View()
	if err != nil {
		return err
	}
	return errors.Join(checkpoint.CompareSeals(v), v.Close())
}
