package projections_test

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"iter"
	"path/filepath"
	"testing"
	"time"

	"bookledger/events"
	"bookledger/events/journal"
	"bookledger/events/record"
	"bookledger/projections"
)

const (
	rebuildEvents = 300_000
	rebuildAgents = 1000
	rebuildRounds = 3
)

// BenchmarkRebuild builds a projection from an embedded journal, starting with an empty
// folder, until everything is applied and flushed. It alternates with the baseline,
// which only reads the same stream with the journal's own Read. (Read is a little
// faster than the client library's ordered consumer; BenchmarkFollow of package journal
// compares them.) An iteration consists of several such rounds.
func BenchmarkRebuild(b *testing.B) {
	j := openJournal(b)
	fillJournal(b, j, rebuildEvents)
	bareRead(b, j, rebuildEvents) // warm the cache for all later reads
	b.ReportAllocs()
	var ours, bare time.Duration
	var size int64
	for b.Loop() {
		for range rebuildRounds {
			bare += elapsed(func() { bareRead(b, j, rebuildEvents) })
			dir := b.TempDir()
			ours += elapsed(func() { rebuild(b, j, dir, rebuildEvents) })
			size += sizeOf(b, dir)
		}
	}
	all := float64(b.N * rebuildRounds * rebuildEvents)
	b.ReportMetric(bare.Seconds()/ours.Seconds(), "x-bare")
	b.ReportMetric(all/ours.Seconds(), "events/s")
	b.ReportMetric(all/bare.Seconds(), "bare-events/s")
	b.ReportMetric(float64(size)/all, "B/event")
}

func elapsed(run func()) time.Duration {
	start := time.Now()
	run()
	return time.Since(start)
}

// genesisBody returns the body of a ledger's first record.
func genesisBody(tb testing.TB, ledger string) []byte {
	tb.Helper()
	spec, err := events.NewCalendarSpec(events.DefaultCutoff)
	if err != nil {
		tb.Fatal(err)
	}
	body, err := events.Event{
		ID: "genesis", Source: events.SourceLedger, Type: events.TypeGenesis, Time: time.Date(2026, 11, 16, 8, 0, 0, 0, time.UTC),
		Data: &events.Genesis{LedgerID: ledger, Calendar: spec, Rules: 1, SealKey: "none"},
	}.Encode()
	if err != nil {
		tb.Fatal(err)
	}
	return body
}

func openJournal(tb testing.TB) *journal.Journal {
	tb.Helper()
	j, err := journal.Open(context.Background(), journal.Options{Dir: tb.TempDir(), Genesis: genesisBody(tb, "test")})
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() {
		if err := j.Close(); err != nil {
			tb.Error(err)
		}
	})
	return j
}

// fillJournal fills the journal up to n records, including genesis.
func fillJournal(tb testing.TB, j *journal.Journal, n int) {
	tb.Helper()
	size := 0
	var msgs iter.Seq2[journal.Message, error] = func(yield func(journal.Message, error) bool) {
		for m := range newEventGenerator(rebuildAgents).events(n - 1) {
			size += len(m.body)
			if !yield(journal.Message{Subject: m.subject, Body: m.body}, nil) {
				return
			}
		}
	}
	if err := j.AppendAll(context.Background(), msgs, func(journal.Ack) error { return nil }); err != nil {
		tb.Fatal(err)
	}
	tb.Logf("%d bytes per event on average", size/n)
}

// rebuild builds a new projection in dir.
func rebuild(tb testing.TB, j *journal.Journal, dir string, n uint64) {
	p, err := projections.Open(projections.Options{Dir: dir})
	if err != nil {
		tb.Fatal(err)
	}
	if err := p.CatchUp(context.Background(), j); err != nil {
		tb.Fatal(err)
	}
	if p.Position() != n {
		tb.Fatalf("got position %d, want %d", p.Position(), n)
	}
	if err := p.Close(); err != nil {
		tb.Fatal(err)
	}
}

// sizeOf returns the total size of all files in a folder.
func sizeOf(tb testing.TB, dir string) (size int64) {
	err := filepath.WalkDir(dir, func(_ string, e fs.DirEntry, err error) error {
		if err != nil || e.IsDir() {
			return err
		}
		info, err := e.Info()
		size += info.Size()
		return err
	})
	if err != nil {
		tb.Fatal(err)
	}
	return size
}

func bareRead(tb testing.TB, j *journal.Journal, n uint64) {
	seen := 0
	if err := j.Read(context.Background(), 0, n, func(rs []record.Record) error {
		seen += len(rs)
		return nil
	}); err != nil || uint64(seen) != n {
		tb.Fatal(seen, err)
	}
}

// closedWeeks is the number of weeks that BenchmarkCloseWeek closes per iteration.
const closedWeeks = 4000

// BenchmarkCloseWeek measures passing a cutoff while the projection follows: from the
// record that passes the cutoff until a new view shows the checkpoint. It alternates
// with the baseline, a record that changes a case and passes no cutoff.
func BenchmarkCloseWeek(b *testing.B) {
	for _, cases := range []int{10_000, 100_000} {
		b.Run(fmt.Sprintf("cases=%d", cases), func(b *testing.B) {
			p, err := projections.Open(projections.Options{Dir: b.TempDir()})
			if err != nil {
				b.Fatal(err)
			}
			s := newEventGenerator(rebuildAgents)
			src := newFeed(delegatedCases(b, s, cases)...)
			if err := p.CatchUp(b.Context(), src); err != nil {
				b.Fatal(err)
			}
			stop := follow(p, src)
			friday := s.calendar.FridayOf(s.time)
			var closing, changing time.Duration
			for b.Loop() {
				for range closedWeeks {
					changing += elapsed(func() { openViewAt(b, p, src.add(s.record(s.member(1+s.rng.IntN(cases)))), 0) })
					s.time = s.calendar.Cutoff(friday).Add(time.Second)
					closing += elapsed(func() { openViewAt(b, p, src.add(s.clock(friday)), friday) })
					friday = s.calendar.Next(friday)
				}
			}
			n := float64(b.N * closedWeeks)
			b.ReportMetric(float64(closing)/n, "ns/cutoff")
			b.ReportMetric(float64(changing)/n, "bare-ns/record")
			if err := stop(); !errors.Is(err, context.Canceled) {
				b.Fatal(err)
			}
			if err := p.Close(); err != nil {
				b.Fatal(err)
			}
		})
	}
}

// openViewAt waits for record seq and then opens a view. If f is not 0, it also reads
// the checkpoint of f.
func openViewAt(b *testing.B, p *projections.Projection, seq uint64, f events.Date) {
	outcome, _, err := p.WaitFor(context.Background(), seq)
	if err != nil || outcome != record.Applied {
		b.Fatal(outcome, err)
	}
	v, err := p.View()
	if err != nil {
		b.Fatal(err)
	}
	if f != 0 {
		if _, err := v.Checkpoint(f); err != nil {
			b.Fatal(err)
		}
	}
	if err := v.Close(); err != nil {
		b.Fatal(err)
	}
}

// delegatedCases returns the records of n delegated cases, after genesis.
func delegatedCases(tb testing.TB, s *eventGenerator, n int) []record.Record {
	records := []record.Record{{Seq: 1, Stamped: s.time, Subject: events.SubjectGenesis, Body: genesisBody(tb, "test")}}
	for i := range n {
		for _, data := range [...]events.Data{s.household(i + 1), s.member(i + 1), s.delegation(i + 1)} {
			r := s.record(data)
			r.Seq = uint64(len(records) + 1)
			records = append(records, r)
		}
	}
	return records
}
