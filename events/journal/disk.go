package journal

import (
	"context"
	"fmt"
	"time"

	"github.com/nats-io/nats.go/jetstream"
	"go.uber.org/zap"
	"golang.org/x/sys/unix"
)

// watchInterval is the interval between checks of the free disk space.
const watchInterval = 10 * time.Second

// adjustMaxBytes limits the size of the stream so that the disk keeps its reserve.
// At the limit of a stream, JetStream refuses messages with an error. On a full
// disk, it stops responding until the server is restarted.
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
	// The limit is at least the stored size, and at least 1, because JetStream
	// takes 0 or less as no limit.
	limit := max(used+free-j.opts.ReserveBytes, used, 1)
	// Ignore small changes, which other files on the disk cause.
	if slack := j.opts.ReserveBytes / 8; j.maxBytes != 0 && limit >= j.maxBytes-slack && limit <= j.maxBytes+slack {
		return nil
	}
	if limit == used {
		j.log.Warn("journal: only the disk's reserve is left: appends are refused until space is freed, reading continues",
			zap.String("dir", j.opts.Dir), zap.Int64("free", free), zap.Int64("reserve", j.opts.ReserveBytes))
	}
	if err := j.setMaxBytes(ctx, info.Config, limit); err != nil {
		return err
	}
	j.maxBytes = limit
	return nil
}

func (j *Journal) setMaxBytes(ctx context.Context, config jetstream.StreamConfig, limit int64) error {
	if config.MaxBytes == limit && config.AllowDirect {
		return nil
	}
	config.MaxBytes, config.AllowDirect = limit, true
	ctx, cancel := j.withTimeout(ctx)
	defer cancel()
	if _, err := j.js.UpdateStream(ctx, config); err != nil {
		return fmt.Errorf("limit stream %s to %d bytes: %w", Stream, limit, j.requestError(ctx, err))
	}
	return nil
}

// watchDisk adjusts the stream's limit as other files fill or free the disk.
func (j *Journal) watchDisk() {
	tick := time.NewTicker(watchInterval)
	defer tick.Stop()
	for {
		select {
		case <-j.ctx.Done():
			return
		case <-tick.C:
			if err := j.adjustMaxBytes(j.ctx); err != nil && j.ctx.Err() == nil {
				j.log.Error("journal: adjusting the stream's size limit failed", zap.Error(err))
			}
		}
	}
}

// diskFree returns the number of bytes that an unprivileged user can still write.
func diskFree(dir string) (int64, error) {
	var fs unix.Statfs_t
	if err := unix.Statfs(dir, &fs); err != nil {
		return 0, fmt.Errorf("free space of %s: %w", dir, err)
	}
	return int64(fs.Bavail) * int64(fs.Bsize), nil
}
