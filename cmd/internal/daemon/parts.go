package daemon

import (
	"context"

	"go.uber.org/zap"

	"bookledger/cmd/internal/integrity"
	"bookledger/cmd/internal/node"
	"bookledger/cmd/internal/sealer"
)

// NewMonitor returns the alarm of a ledger that is followed. It compares the
// journal, and then what was sealed and signed.
func NewMonitor(l *node.Node, log *zap.Logger) (*integrity.Monitor, error) {
	found, err := l.Finding()
	return integrity.New(integrity.Options{
		Compare: func(ctx context.Context, after uint64, pace func(context.Context, int) error) (uint64, error) {
			compared, err := l.Compare(ctx, after, pace)
			if err == nil {
				err = sealer.ForStopped(l).Compare()
			}
			return compared, err
		},
		Found: found, Keep: l.KeepFinding, Log: log,
	}), err
}

// NewSealer returns the sealer of a ledger that is followed.
func NewSealer(l *node.Node, watch *integrity.Monitor, log *zap.Logger) *sealer.Sealer {
	return sealer.New(sealer.Options{Node: l, Sound: watch.Sound, Log: log, Reach: func(ctx context.Context, seq uint64) error {
		_, _, err := l.Projection.WaitFor(ctx, seq)
		return err
	}})
}
