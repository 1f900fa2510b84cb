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
func openNext(tb rapid.TB, fs vfs.FS) *projections.Projection {
	tb.Helper()
	p, err := projections.OpenVersion(projections.Options{Dir: "p", FS: fs}, projections.Version+1)
	if err != nil {
		tb.Fatal(err)
	}
	return p
}

// applied makes a file system on which this version has applied the records.
func applied(tb testing.TB, records []record.Record) *vfs.MemFS {
	tb.Helper()
	fs := vfs.NewCrashableMem()
	p := openOn(tb, fs)
	catchUp(tb, p, records, 50)
	closeAll(tb, p)
	root, err := fs.OpenDir("") // so that a crash does not take the folder itself
	if err != nil {
		tb.Fatal(err)
	}
	if err := root.Sync(); err != nil {
		tb.Fatal(err)
	}
	closeAll(tb, root)
	return fs
}

// halting is a journal that stops in the middle of a read until it is let go.
type halting struct {
	slice
	halfway, proceed chan struct{}
}

func (h halting) Read(ctx context.Context, after, upTo uint64, yield func([]record.Record) error) error {
	if after == upTo {
		return nil // of the new store, which has come to the end
	}
	half := (after + upTo) / 2
	if err := h.slice.Read(ctx, after, half, yield); err != nil {
		return err
	}
	close(h.halfway)
	<-h.proceed
	return h.slice.Read(ctx, half, upTo, yield)
}

// TestRebuild builds a new version's store beside the old one, which serves
// meanwhile.
func TestRebuild(t *testing.T) {
	records := ledger(t, "test", 500)
	fs := applied(t, records[:400])
	p := openNext(t, fs)
	v := viewOf(t, p)
	src := halting{slice{records, 50}, make(chan struct{}), make(chan struct{})}
	ended := make(chan error, 1)
	go func() { ended <- p.CatchUp(context.Background(), src) }()
	<-src.halfway
	if !p.Rebuilding() || p.Position() != 400 {
		t.Fatalf("rebuilding %v at %d", p.Rebuilding(), p.Position())
	}
	retold(t, records[:400]).check(t, p)
	close(src.proceed)
	if err := <-ended; err != nil {
		t.Fatal(err)
	}
	if p.Rebuilding() || p.Position() != 500 {
		t.Fatalf("rebuilding %v at %d", p.Rebuilding(), p.Position())
	}
	retold(t, records).check(t, p)
	if v.Position() != 400 {
		t.Fatalf("the view shows %d", v.Position())
	}
	if _, err := v.Status(); err != nil {
		t.Fatal(err) // the old store is there as long as it is looked at
	}
	closeAll(t, v)
	onlyStore(t, fs, "store-2")
	closeAll(t, p)

	p = openNext(t, fs)
	if p.Rebuilding() {
		t.Fatal("it is built anew again")
	}
	retold(t, records).check(t, p)
	closeAll(t, p)
}

// TestRebuildOtherFormat begins with a store whose keys this release cannot
// read: nothing is served until a new one is built.
func TestRebuildOtherFormat(t *testing.T) {
	records := ledger(t, "test", 500)
	fs := vfs.NewMem()
	p, err := projections.OpenFormat(projections.Options{Dir: "p", FS: fs}, store.Format-1)
	if err != nil {
		t.Fatal(err)
	}
	catchUp(t, p, records[:400], 50)
	closeAll(t, p)

	p = openOn(t, fs)
	if _, err := p.View(); err == nil || !p.Rebuilding() {
		t.Fatalf("rebuilding %v, and a view gives %v", p.Rebuilding(), err)
	}
	catchUp(t, p, records, 50)
	retold(t, records).check(t, p)
	onlyStore(t, fs, "store-2")
	closeAll(t, p)
}

// TestRebuildGoesOn crashes in the middle of a rebuild.
func TestRebuildGoesOn(t *testing.T) {
	records := ledger(t, "test", 500)
	fault := errors.New("the power is out")
	for kept := 0; kept <= 100; kept += 50 {
		fs := applied(t, records[:400])
		p := openNext(t, fs)
		if err := p.CatchUp(t.Context(), broken{slice: slice{records, 20}, after: 300, err: fault}); !errors.Is(err, fault) {
			t.Fatal(err)
		}
		crashed := fs.CrashClone(vfs.CrashCloneCfg{UnsyncedDataPercent: kept, RNG: rand.New(rand.NewPCG(uint64(kept), 0))})
		closeAll(t, p)

		p = openNext(t, crashed)
		if !p.Rebuilding() {
			t.Fatal("the rebuild is forgotten")
		}
		retold(t, records[:400]).check(t, p)
		catchUp(t, p, records, 20)
		retold(t, records).check(t, p)
		closeAll(t, p)
		onlyStore(t, crashed, "store-2")
	}
}

// TestJournalPutBack builds a store anew from a journal that was changed, which
// is refused, and then from the one that it was.
func TestJournalPutBack(t *testing.T) {
	records := ledger(t, "test", 500)
	fs := applied(t, records[:400])
	other := slices.Clone(records)
	other[200].Stamped = other[200].Stamped.Add(1)
	for range 2 { // in another run, and then in the same
		p := openNext(t, fs)
		if err := p.CatchUp(t.Context(), slice{other, 50}); !errors.Is(err, projections.ErrForked) {
			t.Fatal(err)
		}
		if !p.Rebuilding() {
			t.Fatal("what was built from another journal serves")
		}
		closeAll(t, p)
	}
	p := openNext(t, fs)
	if err := p.CatchUp(t.Context(), slice{other, 50}); !errors.Is(err, projections.ErrForked) {
		t.Fatal(err)
	}
	catchUp(t, p, records, 50)
	retold(t, records).check(t, p)
	closeAll(t, p)
}
