package projections_test

import (
	"context"
	"errors"
	"flag"
	"runtime"
	"testing"
	"time"

	"bookledger/events"
	"bookledger/events/record"
	"bookledger/projections"
	"bookledger/projections/checkpoint"
	"bookledger/projections/fold"
)

var sealCases = flag.Int("seal.cases", 50_000, "delegated cases of BenchmarkSeal; a state has 900,000")

// BenchmarkSeal computes the roots of all of a Friday's books, from the view of that
// Friday. It alternates with the baseline, which reads every case once.
func BenchmarkSeal(b *testing.B) {
	p, err := projections.Open(projections.Options{Dir: b.TempDir()})
	if err != nil {
		b.Fatal(err)
	}
	defer func() {
		if err := p.Close(); err != nil {
			b.Error(err)
		}
	}()
	if err := p.CatchUp(context.Background(), caseJournal(*sealCases)); err != nil {
		b.Fatal(err)
	}
	v, err := p.View()
	if err != nil {
		b.Fatal(err)
	}
	defer closeOrFail(b, v)
	f, err := v.Checkpoint(0)
	if err != nil {
		b.Fatal(err)
	}
	var ours, bare time.Duration
	for b.Loop() {
		ours += elapsed(func() {
			books, err := checkpoint.NewAgentTree(context.Background(), v.AsOf(f.Friday), v.Calendar(), f.Week, runtime.GOMAXPROCS(0))
			if err != nil {
				b.Fatal(err)
			}
			if cases, rows := books.Counts(); cases != uint64(*sealCases) || rows != uint64(f.Rows) {
				b.Fatalf("%d cases in %d rows, want %d in %d", cases, rows, *sealCases, f.Rows)
			}
		})
		bare += elapsed(func() {
			if err := v.AsOf(f.Friday).EachCase(func(string, *fold.Case) error { return nil }); err != nil {
				b.Fatal(err)
			}
		})
	}
	b.ReportMetric(float64(b.N)*float64(f.Rows)/ours.Seconds(), "rows/s")
	b.ReportMetric(float64(b.N)*float64(*sealCases)/ours.Seconds(), "cases/s")
	b.ReportMetric(bare.Seconds()/ours.Seconds(), "x-bare")
}

// caseJournal is a journal with the given number of cases, followed by the Friday's cutoff.
// Each case has members and coverage and is delegated to one of many agents.
type caseJournal int

const perCase = 7

func (n caseJournal) Last(context.Context) (uint64, error) { return uint64(n)*perCase + 1, nil }

func (n caseJournal) At(context.Context, uint64) (record.Record, error) {
	return record.Record{}, errors.New("not supported: a caseJournal can only be read once, from the beginning")
}

func (n caseJournal) Follow(ctx context.Context, after uint64, yield func([]record.Record) error) error {
	return n.Read(ctx, after, 0, yield)
}

func (n caseJournal) Read(_ context.Context, _, _ uint64, yield func([]record.Record) error) error {
	s := newEventGenerator(1 + int(n)/60)
	begin := time.Date(2026, 11, 16, 9, 0, 0, 0, time.UTC)
	seq := uint64(0)
	for c := range int(n) {
		var batch []record.Record
		for _, data := range [perCase]events.Data{
			s.household(c), s.member(c), s.member(c), s.application(c), s.eligibility(c), s.enrollment(c), s.delegation(c),
		} {
			seq++
			s.time = begin.Add(time.Duration(seq) * time.Microsecond)
			r := s.record(data)
			r.Seq = seq
			batch = append(batch, r)
		}
		if err := yield(batch); err != nil {
			return err
		}
	}
	s.time = time.Date(2026, 11, 21, 6, 0, 0, 0, time.UTC)
	r := s.clock(20261120)
	r.Seq = seq + 1
	return yield([]record.Record{r})
}
