package projections_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"
	"golang.org/x/mod/sumdb/tlog"
	"pgregory.net/rapid"

	"bookledger/events/record"
	"bookledger/events/record/merkle"
	"bookledger/projections"
	"bookledger/projections/internal/store"
	"bookledger/projections/replay"
)

// asked is what can be asked of a journal's tree.
type prover interface {
	TreeRoot(size uint64) ([32]byte, error)
	InclusionProof(seq, size uint64) (tlog.RecordProof, error)
	ConsistencyProof(from, to uint64) (tlog.TreeProof, error)
}

// reference is the tree of records in memory, which the tests of package merkle
// hold against tlog.
type referenceTree struct{ *merkle.Memory }

func newReferenceTree(records []record.Record) referenceTree {
	m := merkle.NewMemory()
	for i := range records {
		m.Append(records[i].LeafHash())
	}
	return referenceTree{m}
}

// check asks a tree for the root at a size, and for proofs in it.
func (r referenceTree) check(tb testing.TB, what string, a prover, seq, from, size uint64) {
	tb.Helper()
	want, err := r.TreeRoot(size)
	if got, gotErr := a.TreeRoot(size); errors.Join(err, gotErr) != nil || got != want {
		tb.Fatalf("%s: the root of %d is %x, want %x (%v, %v)", what, size, got, want, gotErr, err)
	}
	if size == 0 {
		return
	}
	path, err := r.InclusionProof(seq, size)
	if got, gotErr := a.InclusionProof(seq, size); errors.Join(err, gotErr) != nil || !slices.Equal(got, path) {
		tb.Fatalf("%s: record %d in %d: %v, want %v (%v, %v)", what, seq, size, got, path, gotErr, err)
	}
	proof, err := r.ConsistencyProof(from, size)
	if got, gotErr := a.ConsistencyProof(from, size); errors.Join(err, gotErr) != nil || !slices.Equal(got, proof) {
		tb.Fatalf("%s: %d in %d: %v, want %v (%v, %v)", what, from, size, got, proof, gotErr, err)
	}
}

// checkView checks the tree of a projection.
func (r referenceTree) checkView(tb testing.TB, what string, p *projections.Projection, seq, from, size uint64) {
	tb.Helper()
	v := viewOf(tb, p)
	defer closeOrFail(tb, v)
	r.check(tb, what, v, seq, from, size)
}

// treeRecords are those of a ledger whose tree has several tiles.
var treeRecords = sync.OnceValue(func() []record.Record {
	s := newStream(7)
	records := []record.Record{}
	for i := range 1100 {
		m := s.next(i)
		s.time = s.time.Add(time.Hour)
		records = append(records, record.Record{Seq: uint64(i + 1), Stamped: s.time, Subject: m.subject, Body: m.body})
	}
	return records
})

// TestTree holds that the tree of a projection that is broken off, crashes and
// goes on at random, the tree of a store that is built anew, by another
// version or another format, and the tree of a replay of the dump are those
// that tlog makes of the records' leaf hashes.
func TestTree(t *testing.T) {
	t.Parallel()
	all := newReferenceTree(treeRecords())
	rapid.Check(t, func(rt *rapid.T) {
		n := rapid.IntRange(1, len(treeRecords())).Draw(rt, "records")
		records := treeRecords()[:n]
		draw := func() (seq, from, size uint64) {
			size = rapid.Uint64Range(0, uint64(n)).Draw(rt, "size")
			return rapid.Uint64Range(1, max(1, size)).Draw(rt, "record"), rapid.Uint64Range(1, max(1, size)).Draw(rt, "from"), size
		}
		parts := rapid.OneOf(rapid.IntRange(1, 3), rapid.IntRange(1, 700), rapid.IntRange(100, 700))
		p, fs := applyWithCrashes(rt, records, parts, 300, func(p *projections.Projection, at int) {
			seq := uint64(at)
			all.checkView(t, "live", p, seq, seq, seq)
		})
		for range 4 {
			seq, from, size := draw()
			all.checkView(t, "live", p, seq, from, size)
		}
		closeOrFail(rt, p)

		seq, from, size := draw()
		var err error
		if rapid.Bool().Draw(rt, "another format") {
			p, err = projections.OpenFormat(projections.Options{Dir: "p", FS: fs}, store.Format+1)
		} else {
			p, err = projections.OpenVersion(projections.Options{Dir: "p", FS: fs}, projections.Version+1)
		}
		if err != nil {
			rt.Fatal(err)
		}
		catchUp(rt, p, records, 100)
		all.checkView(t, "built anew", p, seq, from, size)
		closeOrFail(rt, p)

		all.check(t, "replayed", replayDump(t, records), seq, from, size)
	})
}

// replayDump replays the dump of records, and keeps the tree.
func replayDump(tb testing.TB, records []record.Record) *replay.Replay {
	tb.Helper()
	r := replay.New()
	if err := replay.RunAll(r.Dump(context.Background(), dumpOf(records), nil)); err != nil {
		tb.Fatal(err)
	}
	return r
}

// noise makes n records that say nothing, of which a large tree is made
// quickly.
func minimalRecords(n int) []record.Record {
	records := make([]record.Record, n)
	for i := range records {
		records[i] = record.Record{Seq: uint64(i + 1), Stamped: time.Unix(int64(i), 0).UTC(), Subject: "ledger.consumer.calheers", Body: fmt.Appendf(nil, "noise %d", i)}
	}
	return records
}

// TestTreeOfThreeLevels goes over the edge at which a third level of tiles
// begins, record by record and across a restart.
func TestTreeWithThreeLevels(t *testing.T) {
	t.Parallel()
	const edge = 1 << 16
	records := minimalRecords(edge + 300)
	all := newReferenceTree(records)
	fs := vfs.NewMem()
	for _, until := range []int{edge - 2, edge - 1, edge, edge + 1, edge + 255, edge + 256, edge + 300} {
		p := openOn(t, fs)
		catchUp(t, p, records[:until], 500)
		size := uint64(until)
		for _, seq := range []uint64{1, 256, 257, edge - 5, size} {
			all.checkView(t, "live", p, seq, seq, size)
			all.checkView(t, "live, an earlier size", p, min(seq, size-2), 256, size-2)
		}
		if n, err := p.Compare(t.Context(), memoryJournal{records, 500}, size-1000, nil); err != nil || n != size {
			t.Fatal(n, err)
		}
		closeOrFail(t, p)
	}
}

// TestTreeBeyond holds that a view and a replay know how many records their tree
// has.
func TestTreeSize(t *testing.T) {
	records := smallLedger(t, "test", 300)
	p := openOn(t, storeOf(t, records))
	defer closeOrFail(t, p)
	v := viewOf(t, p)
	defer closeOrFail(t, v)
	for what, tree := range map[string]merkle.Tree{"view": v.Tree, "replay": replayDump(t, records).Tree} {
		if leaf, err := tree.LeafHash(300); err != nil || leaf != records[299].LeafHash() {
			t.Errorf("%s: the last leaf is %x (%v)", what, leaf, err)
		}
		if _, err := tree.LeafHash(301); err == nil {
			t.Errorf("%s: there is a leaf of a record that is not there", what)
		}
	}
}
