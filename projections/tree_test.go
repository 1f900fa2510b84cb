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

// prover computes roots and proofs of a journal's tree.
type prover interface {
	TreeRoot(size uint64) ([32]byte, error)
	InclusionProof(seq, size uint64) (tlog.RecordProof, error)
	ConsistencyProof(from, to uint64) (tlog.TreeProof, error)
}

// referenceTree is a tree in memory. The tests of package merkle compare it with tlog.
type referenceTree struct{ *merkle.Memory }

func newReferenceTree(records []record.Record) referenceTree {
	m := merkle.NewMemory()
	for i := range records {
		m.Append(records[i].LeafHash())
	}
	return referenceTree{m}
}

// check compares a root and proofs of another tree with the reference.
func (r referenceTree) check(tb testing.TB, what string, a prover, seq, from, size uint64) {
	tb.Helper()
	want, err := r.TreeRoot(size)
	if got, gotErr := a.TreeRoot(size); errors.Join(err, gotErr) != nil || got != want {
		tb.Fatalf("%s: got root %x at size %d, want %x (%v, %v)", what, got, size, want, gotErr, err)
	}
	if size == 0 {
		return
	}
	path, err := r.InclusionProof(seq, size)
	if got, gotErr := a.InclusionProof(seq, size); errors.Join(err, gotErr) != nil || !slices.Equal(got, path) {
		tb.Fatalf("%s: inclusion of %d in %d: got %v, want %v (%v, %v)", what, seq, size, got, path, gotErr, err)
	}
	proof, err := r.ConsistencyProof(from, size)
	if got, gotErr := a.ConsistencyProof(from, size); errors.Join(err, gotErr) != nil || !slices.Equal(got, proof) {
		tb.Fatalf("%s: consistency of %d with %d: got %v, want %v (%v, %v)", what, from, size, got, proof, gotErr, err)
	}
}

// checkView checks the tree of a projection's view.
func (r referenceTree) checkView(tb testing.TB, what string, p *projections.Projection, seq, from, size uint64) {
	tb.Helper()
	v := openView(tb, p)
	defer closeOrFail(tb, v)
	r.check(tb, what, v, seq, from, size)
}

// treeRecords returns records whose tree has several tiles.
var treeRecords = sync.OnceValue(func() []record.Record {
	s := newEventGenerator(7)
	records := []record.Record{}
	for i := range 1100 {
		m := s.next(i)
		s.time = s.time.Add(time.Hour)
		records = append(records, record.Record{Seq: uint64(i + 1), Stamped: s.time, Subject: m.subject, Body: m.body})
	}
	return records
})

// TestTree compares trees with those that tlog computes from the records' leaf hashes: the
// tree of a projection with random interruptions and crashes, the tree of a store rebuilt
// by another version or for another format, and the tree of a replayed dump.
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
		all.checkView(t, "rebuilt", p, seq, from, size)
		closeOrFail(rt, p)

		all.check(t, "replayed", replayDump(t, records), seq, from, size)
	})
}

// replayDump replays the dump of records, including the tree.
func replayDump(tb testing.TB, records []record.Record) *replay.Replay {
	tb.Helper()
	r := replay.New()
	if err := replay.RunAll(r.Dump(context.Background(), dumpReader(records), nil)); err != nil {
		tb.Fatal(err)
	}
	return r
}

// minimalRecords returns n records without meaning, from which a large tree is built
// quickly.
func minimalRecords(n int) []record.Record {
	records := make([]record.Record, n)
	for i := range records {
		records[i] = record.Record{Seq: uint64(i + 1), Stamped: time.Unix(int64(i), 0).UTC(), Subject: "ledger.consumer.calheers", Body: fmt.Appendf(nil, "noise %d", i)}
	}
	return records
}

// TestTreeWithThreeLevels checks the tree around the size at which a third level of tiles
// begins, record by record and across restarts.
func TestTreeWithThreeLevels(t *testing.T) {
	t.Parallel()
	const edge = 1 << 16
	records := minimalRecords(edge + 300)
	all := newReferenceTree(records)
	fs := vfs.NewMem()
	for _, until := range []int{edge - 2, edge - 1, edge, edge + 1, edge + 255, edge + 256, edge + 300} {
		p := openProjection(t, fs)
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

// TestTreeSize checks that the trees of a view and a replay end at the last record.
func TestTreeSize(t *testing.T) {
	records := smallLedger(t, "test", 300)
	p := openProjection(t, appliedFS(t, records))
	defer closeOrFail(t, p)
	v := openView(t, p)
	defer closeOrFail(t, v)
	for what, tree := range map[string]merkle.Tree{"view": v.Tree, "replay": replayDump(t, records).Tree} {
		if leaf, err := tree.LeafHash(300); err != nil || leaf != records[299].LeafHash() {
			t.Errorf("%s: got last leaf %x (%v)", what, leaf, err)
		}
		if _, err := tree.LeafHash(301); err == nil {
			t.Errorf("%s: got a leaf after the last record, want an error", what)
		}
	}
}
