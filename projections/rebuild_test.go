package projections_test

import (
	"context"
	"errors"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"
	"pgregory.net/rapid"

	"bookledger/events/record"
	"bookledger/projections"
	"bookledger/projections/internal/store"
)

// openNextVersion opens the projection as the next version of the projector would.
func openNextVersion(tb rapid.TB, fs vfs.FS) *projections.Projection {
	tb.Helper()
	p, err := projections.OpenVersion(projections.Options{Dir: "p", FS: fs}, projections.Version+1)
	if err != nil {
		tb.Fatal(err)
	}
	return p
}

// appliedFS returns a file system on which this version has applied the records.
func appliedFS(tb testing.TB, records []record.Record) *vfs.MemFS {
	tb.Helper()
	fs := vfs.NewCrashableMem()
	p := openProjection(tb, fs)
	catchUp(tb, p, records, 50)
	closeOrFail(tb, p)
	root, err := fs.OpenDir("") // sync it, so that the folder survives a crash
	if err != nil {
		tb.Fatal(err)
	}
	if err := root.Sync(); err != nil {
		tb.Fatal(err)
	}
	closeOrFail(tb, root)
	return fs
}

// pausingJournal is a journal whose Read pauses halfway until proceed is closed.
type pausingJournal struct {
	memoryJournal
	halfway, proceed chan struct{}
}

func (h pausingJournal) Read(ctx context.Context, after, upTo uint64, yield func([]record.Record) error) error {
	if after == upTo {
		return nil // following the new store, which is up to date
	}
	half := (after + upTo) / 2
	if err := h.memoryJournal.Read(ctx, after, half, yield); err != nil {
		return err
	}
	close(h.halfway)
	<-h.proceed
	return h.memoryJournal.Read(ctx, half, upTo, yield)
}

// TestRebuild builds a new version's store while the old one serves.
func TestRebuild(t *testing.T) {
	records := smallLedger(t, "test", 500)
	fs := appliedFS(t, records[:400])
	p := openNextVersion(t, fs)
	v := openView(t, p)
	src := pausingJournal{memoryJournal{records, 50}, make(chan struct{}), make(chan struct{})}
	ended := make(chan error, 1)
	go func() { ended <- p.CatchUp(context.Background(), src) }()
	<-src.halfway
	if !p.Rebuilding() || p.Position() != 400 {
		t.Fatalf("rebuilding %v at %d", p.Rebuilding(), p.Position())
	}
	replaySummary(t, records[:400]).check(t, p)
	close(src.proceed)
	if err := <-ended; err != nil {
		t.Fatal(err)
	}
	if p.Rebuilding() || p.Position() != 500 {
		t.Fatalf("rebuilding %v at %d", p.Rebuilding(), p.Position())
	}
	replaySummary(t, records).check(t, p)
	if v.Position() != 400 {
		t.Fatalf("got position %d, want 400", v.Position())
	}
	if _, err := v.Status(); err != nil {
		t.Fatal(err) // the old store exists while a view uses it
	}
	closeOrFail(t, v)
	checkOnlyStore(t, fs, "store-2")
	closeOrFail(t, p)

	p = openNextVersion(t, fs)
	if p.Rebuilding() {
		t.Fatal("the store is rebuilt again")
	}
	replaySummary(t, records).check(t, p)
	closeOrFail(t, p)
}

// TestRebuildOtherFormat starts with a store whose keys this release cannot read. There is
// no view until the new store is built.
func TestRebuildOtherFormat(t *testing.T) {
	records := smallLedger(t, "test", 500)
	fs := vfs.NewMem()
	p, err := projections.OpenFormat(projections.Options{Dir: "p", FS: fs}, store.Format-1)
	if err != nil {
		t.Fatal(err)
	}
	catchUp(t, p, records[:400], 50)
	closeOrFail(t, p)

	p = openProjection(t, fs)
	if _, err := p.View(); err == nil || !p.Rebuilding() {
		t.Fatalf("got rebuilding %v and View error %v", p.Rebuilding(), err)
	}
	catchUp(t, p, records, 50)
	replaySummary(t, records).check(t, p)
	checkOnlyStore(t, fs, "store-2")
	closeOrFail(t, p)
}

// TestRebuildAfterCrash crashes during a rebuild.
func TestRebuildAfterCrash(t *testing.T) {
	records := smallLedger(t, "test", 500)
	fault := errors.New("power failure")
	for percent := 0; percent <= 100; percent += 50 {
		fs := appliedFS(t, records[:400])
		p := openNextVersion(t, fs)
		if err := p.CatchUp(t.Context(), failingJournal{memoryJournal: memoryJournal{records, 20}, after: 300, err: fault}); !errors.Is(err, fault) {
			t.Fatal(err)
		}
		crashed := fs.CrashClone(vfs.CrashCloneCfg{UnsyncedDataPercent: percent, RNG: rand.New(rand.NewPCG(uint64(percent), 0))})
		closeOrFail(t, p)

		p = openNextVersion(t, crashed)
		if !p.Rebuilding() {
			t.Fatal("the rebuild is not resumed")
		}
		replaySummary(t, records[:400]).check(t, p)
		catchUp(t, p, records, 20)
		replaySummary(t, records).check(t, p)
		closeOrFail(t, p)
		checkOnlyStore(t, crashed, "store-2")
	}
}

// TestRebuildAfterJournalIsRestored rebuilds from a journal that was changed, which fails,
// and then from the original one.
func TestRebuildAfterJournalIsRestored(t *testing.T) {
	records := smallLedger(t, "test", 500)
	fs := appliedFS(t, records[:400])
	other := slices.Clone(records)
	other[200].Stamped = other[200].Stamped.Add(1)
	for range 2 { // in two runs, and then in the same run
		p := openNextVersion(t, fs)
		if err := p.CatchUp(t.Context(), memoryJournal{other, 50}); !errors.Is(err, projections.ErrForked) {
			t.Fatal(err)
		}
		if !p.Rebuilding() {
			t.Fatal("a store that was built from another journal serves")
		}
		closeOrFail(t, p)
	}
	p := openNextVersion(t, fs)
	if err := p.CatchUp(t.Context(), memoryJournal{other, 50}); !errors.Is(err, projections.ErrForked) {
		t.Fatal(err)
	}
	catchUp(t, p, records, 50)
	replaySummary(t, records).check(t, p)
	closeOrFail(t, p)
}
