package projections_test

import (
	"context"
	"errors"
	"math/rand/v2"
	"runtime"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/cockroachdb/pebble/v2/vfs/errorfs"
	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"

	"bookledger/events/record"
	"bookledger/projections"
)

// fatalHook simulates the end of the program after a fatal error: it ends the goroutine
// that logged the error.
type fatalHook struct{ called chan struct{} }

func (d fatalHook) OnWrite(*zapcore.CheckedEntry, []zapcore.Field) {
	select {
	case d.called <- struct{}{}:
	default:
	}
	runtime.Goexit()
}

// TestDiskErrors lets one disk operation after the other fail while a new version's
// store is built and followed. Whatever happens, a restart with what is then on the disk
// must produce the right state.
func TestDiskErrors(t *testing.T) {
	t.Parallel()
	records := smallLedger(t, "test", 300)
	want := replaySummary(t, records)
	failed := 0
	for n := int32(0); ; n += 1 + n/40 {
		disk := appliedFS(t, records[:100])
		failing := errorfs.OnIndex(n)
		var armed atomic.Bool
		fault := rebuildOn(&armed, errorfs.Wrap(disk, errorfs.InjectorFunc(func(op errorfs.Op) error {
			if !armed.Load() {
				return nil
			}
			if name := disk.PathBase(op.Path); strings.HasSuffix(name, ".log") || strings.HasPrefix(name, "store-") && op.Kind == errorfs.OpFileSync {
				return nil // Pebble panics, which amounts to a crash; other tests cover crashes
			}
			return failing.MaybeError(op)
		})), records)
		if failing.Load() >= 0 {
			break // no operation with this index
		}
		if fault != nil {
			failed++
		}
		after := disk.CrashClone(vfs.CrashCloneCfg{UnsyncedDataPercent: int(n) % 101, RNG: rand.New(rand.NewPCG(uint64(n), 0))})
		p := openNextVersion(t, after)
		if err := p.CatchUp(t.Context(), memoryJournal{records, 50}); err != nil {
			t.Fatalf("after the failure of operation %d (%v): %v", n, fault, err)
		}
		want.check(t, p)
		closeOrFail(t, p)
	}
	if failed < 10 {
		t.Fatalf("only %d operations failed", failed)
	}
}

var errFatal = errors.New("the program has ended")

// rebuildOn rebuilds, follows in parts and closes, until an error occurs. Errors are
// injected only after the stores are open: Pebble has a data race if Open fails during a
// compaction.
func rebuildOn(armed *atomic.Bool, fs vfs.FS, records []record.Record) error {
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	end := fatalHook{make(chan struct{}, 1)}
	ended := make(chan error, 1)
	go func() {
		log := zap.New(zapcore.NewNopCore(), zap.WithFatalHook(end))
		ended <- func() error {
			p, err := projections.OpenVersion(projections.Options{Dir: "p", FS: fs, Log: log}, projections.Version+1)
			if err != nil {
				return err
			}
			armed.Store(true)
			for at := 150; at <= len(records) && err == nil; at += 75 {
				err = p.CatchUp(ctx, memoryJournal{records[:at], 50})
			}
			return errors.Join(err, p.Close())
		}()
	}()
	select {
	case err := <-ended:
		return err
	case <-end.called:
		return errFatal
	}
}
