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

// openNext opens the projection as the next version of the projector would.
func openNextVersion(tb rapid.TB, fs vfs.FS) *projections.Projection {
	tb.Helper()
	p, err := projections.OpenVersion(projections.Options{Dir: "p", FS: fs}, projections.Version+1)
	if err != nil {
		tb.Fatal(err)
	}
	return p
}

// applied makes a file system on which this version has applied the records.
func storeOf(tb testing.TB, records []record.Record) *vfs.MemFS {
	tb.Helper()
	fs := vfs.NewCrashableMem()
	p := openOn(tb, fs)
	catchUp(tb, p, records, 50)
	closeOrFail(tb, p)
	root, err := fs.OpenDir("") // so that a crash does not take the folder itself
	if err != nil {
		tb.Fatal(err)
	}
	if err := root.Sync(); err != nil {
		tb.Fatal(err)
	}
	closeOrFail(tb, root)
	return fs
}

// halting is a journal that stops in the middle of a read until it is let go.
type pausingJournal struct {
	memoryJournal
	halfway, proceed chan struct{}
}

func (h pausingJournal) Read(ctx context.Context, after, upTo uint64, yield func([]record.Record) error) error {
	if after == upTo {
		return nil // of the new store, which has come to the end
	}
	half := (after + upTo) / 2
	if err := h.memoryJournal.Read(ctx, after, half, yield); err != nil {
		return err
	}
	close(h.halfway)
	<-h.proceed
	return h.memoryJournal.Read(ctx, half, upTo, yield)
}

// TestRebuild builds a new version's store beside the old one, which serves
// meanwhile.
func TestRebuild(t *testing.T) {
	records := smallLedger(t, "test", 500)
	fs := storeOf(t, records[:400])
	p := openNextVersion(t, fs)
	v := viewOf(t, p)
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
		t.Fatalf("the view shows %d", v.Position())
	}
	if _, err := v.Status(); err != nil {
		t.Fatal(err) // the old store is there as long as it is looked at
	}
	closeOrFail(t, v)
	checkOnlyStore(t, fs, "store-2")
	closeOrFail(t, p)

	p = openNextVersion(t, fs)
	if p.Rebuilding() {
		t.Fatal("it is built anew again")
	}
	replaySummary(t, records).check(t, p)
	closeOrFail(t, p)
}

// TestRebuildOtherFormat begins with a store whose keys this release cannot
// read: nothing is served until a new one is built.
func TestRebuildOtherFormat(t *testing.T) {
	records := smallLedger(t, "test", 500)
	fs := vfs.NewMem()
	p, err := projections.OpenFormat(projections.Options{Dir: "p", FS: fs}, store.Format-1)
	if err != nil {
		t.Fatal(err)
	}
	catchUp(t, p, records[:400], 50)
	closeOrFail(t, p)

	p = openOn(t, fs)
	if _, err := p.View(); err == nil || !p.Rebuilding() {
		t.Fatalf("rebuilding %v, and a view gives %v", p.Rebuilding(), err)
	}
	catchUp(t, p, records, 50)
	replaySummary(t, records).check(t, p)
	checkOnlyStore(t, fs, "store-2")
	closeOrFail(t, p)
}

// TestRebuildGoesOn crashes in the middle of a rebuild.
func TestRebuildAfterCrash(t *testing.T) {
	records := smallLedger(t, "test", 500)
	fault := errors.New("the power is out")
	for kept := 0; kept <= 100; kept += 50 {
		fs := storeOf(t, records[:400])
		p := openNextVersion(t, fs)
		if err := p.CatchUp(t.Context(), failingJournal{memoryJournal: memoryJournal{records, 20}, after: 300, err: fault}); !errors.Is(err, fault) {
			t.Fatal(err)
		}
		crashed := fs.CrashClone(vfs.CrashCloneCfg{UnsyncedDataPercent: kept, RNG: rand.New(rand.NewPCG(uint64(kept), 0))})
		closeOrFail(t, p)

		p = openNextVersion(t, crashed)
		if !p.Rebuilding() {
			t.Fatal("the rebuild is forgotten")
		}
		replaySummary(t, records[:400]).check(t, p)
		catchUp(t, p, records, 20)
		replaySummary(t, records).check(t, p)
		closeOrFail(t, p)
		checkOnlyStore(t, crashed, "store-2")
	}
}

// TestJournalPutBack builds a store anew from a journal that was changed, which
// is refused, and then from the one that it was.
func TestRebuildAfterJournalIsRestored(t *testing.T) {
	records := smallLedger(t, "test", 500)
	fs := storeOf(t, records[:400])
	other := slices.Clone(records)
	other[200].Stamped = other[200].Stamped.Add(1)
	for range 2 { // in another run, and then in the same
		p := openNextVersion(t, fs)
		if err := p.CatchUp(t.Context(), memoryJournal{other, 50}); !errors.Is(err, projections.ErrForked) {
			t.Fatal(err)
		}
		if !p.Rebuilding() {
			t.Fatal("what was built from another journal serves")
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
