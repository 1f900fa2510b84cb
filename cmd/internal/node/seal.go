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

// Sealer returns a sealer for use while Follow keeps the projection up to date.
func (n *Node) Sealer() *checkpoint.Sealer {
	return n.sealer(func(ctx context.Context, seq uint64) error {
		_, _, err := n.Projection.WaitFor(ctx, seq)
		return err
	})
}

// OfflineSealer returns a sealer for use without Follow. It catches up with the
// journal itself.
func (n *Node) OfflineSealer() *checkpoint.Sealer {
	return n.sealer(func(ctx context.Context, _ uint64) error { return n.CatchUp(ctx) })
}

// sealer returns a sealer. waitFor waits until the projection has applied a record.
func (n *Node) sealer(waitFor func(ctx context.Context, seq uint64) error) *checkpoint.Sealer {
	return &checkpoint.Sealer{
		View: func() (checkpoint.View, error) { return n.Projection.View() },
		Record: func(ctx context.Context, event []byte) error {
			ack, err := n.Journal.Append(ctx, []journal.Message{{Subject: events.SubjectSeal, Body: event}})
			if err != nil {
				return fmt.Errorf("recording a seal: %w", err)
			}
			return waitFor(ctx, ack.Last)
		},
		Signer: func(keys *treehead.Keys) (note.Signer, error) {
			signer, _, err := n.signer(keys)
			if err == nil && signer == nil {
				n.log.Warn("the seal was not signed: the seal key is not in this folder", zap.String("folder", n.Dir))
			}
			return signer, err
		},
	}
}

// CompareSeals compares every seal that counts, and every tree head that a key of the
// ledger signed, with what was applied. It returns checkpoint.ErrSealMismatch if one
// differs.
func (n *Node) CompareSeals() error {
	v, err := n.Projection.View()
	if err != nil {
		return err
	}
	return errors.Join(checkpoint.CompareSeals(v), v.Close())
}
