package projections_test

import (
	"bufio"
	"context"
	"crypto/sha256"
	"io"
	"os"
	"path/filepath"
	"testing"
	"time"

	"bookledger/events"
	"bookledger/events/record"
	"bookledger/projections/replay"
)

// BenchmarkDump replays a dump with the same events as in BenchmarkRebuild, from a file,
// including the journal's tree. It alternates with the baseline, which does what any
// reader of the journal must do: read the lines and hash each. An iteration consists of
// several such rounds.
func BenchmarkDump(b *testing.B) {
	path := filepath.Join(b.TempDir(), "dump.ndjson")
	writeDump(b, path, rebuildEvents)
	bareDump(b, path, rebuildEvents) // warm the cache for all later reads
	b.ReportAllocs()
	var ours, bare time.Duration
	for b.Loop() {
		for range rebuildRounds {
			bare += elapsed(func() { bareDump(b, path, rebuildEvents) })
			ours += elapsed(func() { readDump(b, path, rebuildEvents) })
		}
	}
	all := float64(b.N * rebuildRounds * rebuildEvents)
	b.ReportMetric(bare.Seconds()/ours.Seconds(), "x-bare")
	b.ReportMetric(all/ours.Seconds(), "events/s")
	b.ReportMetric(all/bare.Seconds(), "bare-events/s")
}

// writeDump writes a dump of n records, including genesis.
func writeDump(tb testing.TB, path string, n int) {
	tb.Helper()
	f, err := os.Create(path)
	if err != nil {
		tb.Fatal(err)
	}
	s, w, size := newEventGenerator(rebuildAgents), bufio.NewWriter(f), 0
	r := record.Record{Seq: 1, Stamped: s.time, Subject: events.SubjectGenesis, Body: genesisBody(tb, "test")}
	line := r.AppendLine(nil, time.Time{})
	for m := range s.events(n - 1) {
		_, _ = w.Write(line)
		r = record.Record{Seq: r.Seq + 1, Stamped: s.time, Subject: m.subject, Body: m.body}
		line = r.AppendLine(line[:0], s.time)
		size += len(line)
	}
	_, _ = w.Write(line)
	if err := w.Flush(); err != nil {
		tb.Fatal(err)
	}
	if err := f.Close(); err != nil {
		tb.Fatal(err)
	}
	tb.Logf("%d bytes per line on average", size/n)
}

func readDump(tb testing.TB, path string, n uint64) {
	f := openDump(tb, path)
	defer func() { _ = f.Close() }()
	r := replay.New()
	if err := replay.RunAll(r.Dump(context.Background(), f, nil)); err != nil {
		tb.Fatal(err)
	}
	if s := r.Summary(); s.Position != n || s.Applied < n*9/10 {
		tb.Fatalf("got status %+v after %d records", s, n)
	}
}

func bareDump(tb testing.TB, path string, n int) {
	f := openDump(tb, path)
	defer func() { _ = f.Close() }()
	lines, sum := record.NewReader(f), [32]byte{}
	for ; ; n-- {
		line, _, err := lines.NextRaw()
		if err == io.EOF {
			break
		}
		if err != nil {
			tb.Fatal(err)
		}
		sum = sha256.Sum256(line)
	}
	if n != 0 || sum == [32]byte{} {
		tb.Fatalf("%d lines are missing", n)
	}
}

func openDump(tb testing.TB, path string) *os.File {
	tb.Helper()
	f, err := os.Open(path)
	if err != nil {
		tb.Fatal(err)
	}
	return f
}
