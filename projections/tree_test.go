package projections_test

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"
	"golang.org/x/mod/sumdb/tlog"
	"pgregory.net/rapid"

	"bookledger/events/record"
	"bookledger/projections"
	"bookledger/projections/internal/store"
	"bookledger/projections/replay"
)

// asked is what can be asked of a journal's tree.
type asked interface {
	TreeRoot(size uint64) ([32]byte, error)
	Inclusion(seq, size uint64) (tlog.RecordProof, error)
	Consistency(from, to uint64) (tlog.TreeProof, error)
}

// reference is a tree in which tlog itself keeps every hash.
type reference []tlog.Hash

func (r reference) ReadHashes(indexes []int64) ([]tlog.Hash, error) {
	all := make([]tlog.Hash, len(indexes))
	for i, index := range indexes {
		all[i] = r[index]
	}
	return all, nil
}

func referenceOf(tb testing.TB, records []record.Record) (r reference) {
	tb.Helper()
	for i := range records {
		hashes, err := tlog.StoredHashesForRecordHash(int64(i), records[i].LeafHash(), r)
		if err != nil {
			tb.Fatal(err)
		}
		r = append(r, hashes...)
	}
	return r
}

// check asks a tree for the root at a size, and for proofs in it.
func (r reference) check(tb testing.TB, what string, a asked, seq, from, size uint64) {
	tb.Helper()
	want, err := tlog.TreeHash(int64(size), r)
	if err != nil {
		tb.Fatal(err)
	}
	if got, err := a.TreeRoot(size); err != nil || got != want {
		tb.Fatalf("%s: the root of %d is %x, want %x (%v)", what, size, got, want, err)
	}
	if size == 0 {
		return
	}
	path, err := tlog.ProveRecord(int64(size), int64(seq)-1, r)
	if err != nil {
		tb.Fatal(err)
	}
	if got, err := a.Inclusion(seq, size); err != nil || !slices.Equal(got, path) {
		tb.Fatalf("%s: record %d in %d: %v, want %v (%v)", what, seq, size, got, path, err)
	}
	growth, err := tlog.ProveTree(int64(size), int64(from), r)
	if err != nil {
		tb.Fatal(err)
	}
	if got, err := a.Consistency(from, size); err != nil || !slices.Equal(got, growth) {
		tb.Fatalf("%s: %d in %d: %v, want %v (%v)", what, from, size, got, growth, err)
	}
}

// checkView checks the tree of a projection.
func (r reference) checkView(tb testing.TB, what string, p *projections.Projection, seq, from, size uint64) {
	tb.Helper()
	v := viewOf(tb, p)
	defer closeAll(tb, v)
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
	all := referenceOf(t, treeRecords())
	rapid.Check(t, func(rt *rapid.T) {
		n := rapid.IntRange(1, len(treeRecords())).Draw(rt, "records")
		records := treeRecords()[:n]
		draw := func() (seq, from, size uint64) {
			size = rapid.Uint64Range(0, uint64(n)).Draw(rt, "size")
			return rapid.Uint64Range(1, max(1, size)).Draw(rt, "record"), rapid.Uint64Range(1, max(1, size)).Draw(rt, "from"), size
		}
		parts := rapid.OneOf(rapid.IntRange(1, 3), rapid.IntRange(1, 700), rapid.IntRange(100, 700))
		p, fs := crashing(rt, records, parts, 300, func(p *projections.Projection, at int) {
			seq := uint64(at)
			all.checkView(t, "live", p, seq, seq, seq)
		})
		for range 4 {
			seq, from, size := draw()
			all.checkView(t, "live", p, seq, from, size)
		}
		closeAll(rt, p)

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
		closeAll(rt, p)

		all.check(t, "replayed", replayDump(t, records), seq, from, size)
	})
}

// replayDump replays the dump of records, and keeps the tree.
func replayDump(tb testing.TB, records []record.Record) *replay.Replay {
	tb.Helper()
	r := replay.New()
	if err := replay.All(r.Dump(context.Background(), dumpOf(records), nil)); err != nil {
		tb.Fatal(err)
	}
	return r
}

// noise makes n records that say nothing, of which a large tree is made
// quickly.
func noise(n int) []record.Record {
	records := make([]record.Record, n)
	for i := range records {
		records[i] = record.Record{Seq: uint64(i + 1), Stamped: time.Unix(int64(i), 0).UTC(), Subject: "ledger.consumer.calheers", Body: fmt.Appendf(nil, "noise %d", i)}
	}
	return records
}

// TestTreeOfThreeLevels goes over the edge at which a third level of tiles
// begins, record by record and across a restart.
func TestTreeOfThreeLevels(t *testing.T) {
	t.Parallel()
	const edge = 1 << 16
	records := noise(edge + 300)
	all := referenceOf(t, records)
	fs := vfs.NewMem()
	for _, until := range []int{edge - 2, edge - 1, edge, edge + 1, edge + 255, edge + 256, edge + 300} {
		p := openOn(t, fs)
		catchUp(t, p, records[:until], 500)
		size := uint64(until)
		for _, seq := range []uint64{1, 256, 257, edge - 5, size} {
			all.checkView(t, "live", p, seq, seq, size)
			all.checkView(t, "live, an earlier size", p, min(seq, size-2), 256, size-2)
		}
		if n, err := p.Compare(t.Context(), slice{records, 500}, size-1000, nil); err != nil || n != size {
			t.Fatal(n, err)
		}
		closeAll(t, p)
	}
}

// TestTreeBeyond holds what is not in the tree.
func TestTreeBeyond(t *testing.T) {
	records := ledger(t, "test", 300)
	p := openOn(t, applied(t, records))
	defer closeAll(t, p)
	v := viewOf(t, p)
	defer closeAll(t, v)
	for what, tree := range map[string]asked{"view": v, "replay": replayDump(t, records)} {
		if _, err := tree.TreeRoot(301); err == nil {
			t.Errorf("%s: a root of more records than there are", what)
		}
		if _, err := tree.Inclusion(1, 301); err == nil {
			t.Errorf("%s: a proof of more records than there are", what)
		}
		if _, err := tree.Inclusion(0, 300); err == nil {
			t.Errorf("%s: a proof of record 0", what)
		}
		if _, err := tree.Consistency(300, 301); err == nil {
			t.Errorf("%s: a proof from more records than there are", what)
		}
	}
	if leaf, err := v.LeafHash(300); err != nil || leaf != records[299].LeafHash() {
		t.Error(leaf, err)
	}
	if _, err := v.LeafHash(301); err == nil {
		t.Error("the leaf of a record that is not there")
	}
}
