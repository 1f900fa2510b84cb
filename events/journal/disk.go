package journal

import (
	"context"
	"fmt"
	"time"

	"github.com/nats-io/nats.go/jetstream"
	"go.uber.org/zap"
	"golang.org/x/sys/unix"
)

// watchInterval is how often the free space of the disk is looked at.
const watchInterval = 10 * time.Second

// adjustMaxBytes bounds the stream so that the disk keeps its reserve: JetStream
// refuses cleanly at a stream's bound, while at a full disk publishes get no
// answer until the server is restarted.
func (j *Journal) adjustMaxBytes(ctx context.Context) error {
	free, err := diskFree(j.opts.Dir)
	if err != nil {
		return err
	}
	info, err := j.info(ctx)
	if err != nil {
		return err
	}
	used := int64(info.State.Bytes)
	// Never under what is stored, and never 0 or less, which means no bound.
	bound := max(used+free-j.opts.ReserveBytes, used, 1)
	// A bound that others' files move by little is left alone.
	if slack := j.opts.ReserveBytes / 8; j.maxBytes != 0 && bound >= j.maxBytes-slack && bound <= j.maxBytes+slack {
		return nil
	}
	if bound == used {
		j.log.Warn("journal: the disk's reserve is reached: reading goes on, appends are refused",
			zap.String("dir", j.opts.Dir), zap.Int64("free", free), zap.Int64("reserve", j.opts.ReserveBytes))
	}
	if err := j.setMaxBytes(ctx, info.Config, bound); err != nil {
		return err
	}
	j.maxBytes = bound
	return nil
}

func (j *Journal) setMaxBytes(ctx context.Context, config jetstream.StreamConfig, bound int64) error {
	if config.MaxBytes == bound && config.AllowDirect {
		return nil
	}
	config.MaxBytes, config.AllowDirect = bound, true
	ctx, cancel := j.withTimeout(ctx)
	defer cancel()
	if _, err := j.js.UpdateStream(ctx, config); err != nil {
		return fmt.Errorf("bound stream %s to %d bytes: %w", Stream, bound, j.requestError(ctx, err))
	}
	return nil
}

// watchDisk moves the stream's bound as other files fill or free the disk.
func (j *Journal) watchDisk() {
	tick := time.NewTicker(watchInterval)
	defer tick.Stop()
	for {
		select {
		case <-j.ctx.Done():
			return
		case <-tick.C:
			if err := j.adjustMaxBytes(j.ctx); err != nil && j.ctx.Err() == nil {
				j.log.Error("journal: look after the disk's reserve", zap.Error(err))
			}
		}
	}
}

// diskFree returns the bytes that an unprivileged writer may still use.
func diskFree(dir string) (int64, error) {
	var fs unix.Statfs_t
	if err := unix.Statfs(dir, &fs); err != nil {
		return 0, fmt.Errorf("free space of %s: %w", dir, err)
	}
	return int64(fs.Bavail) * int64(fs.Bsize), nil
}
