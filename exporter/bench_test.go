package exporter_test

import (
	"fmt"
	"io"
	"runtime"
	"runtime/metrics"
	"testing"
	"time"

	"bookledger/exporter"
	"bookledger/projections/book"
)

// mostMB is how much memory writing a book may take beside the book itself.
const mostMB = 300

// BenchmarkWrite writes books beside excelize's own StreamWriter, which writes
// the same cells and compresses them at its own level, and holds the memory that
// writing takes.
func BenchmarkWrite(b *testing.B) {
	for _, rows := range []int{2000, 50000} {
		b.Run(fmt.Sprintf("rows=%d", rows), func(b *testing.B) {
			bk := sample(rows / 2).book()
			bk.Rows = bk.Rows[:rows]
			highest := peak(b, bk)
			if highest > mostMB {
				b.Errorf("writing takes %.0f MB, more than %d", highest, mostMB)
			}
			var ours, bare time.Duration
			for b.Loop() {
				begin := time.Now()
				hashOf(b, exporter.Current(), bk)
				ours += time.Since(begin)
				begin = time.Now()
				writeByExcelize(b, io.Discard, bk)
				bare += time.Since(begin)
			}
			b.ReportMetric(highest, "peak-MB")
			b.ReportMetric(float64(rows*b.N)/ours.Seconds(), "rows/s")
			b.ReportMetric(float64(rows*b.N)/bare.Seconds(), "bare-rows/s")
		})
	}
}

// peak returns by how many MB the heap in use, garbage included, stood at most
// above what it was before, while a book was written.
func peak(b *testing.B, bk *book.Book) float64 {
	runtime.GC()
	sample := []metrics.Sample{{Name: "/memory/classes/heap/objects:bytes"}, {Name: "/memory/classes/heap/unused:bytes"}}
	inUse := func() float64 {
		metrics.Read(sample)
		return float64(sample[0].Value.Uint64()+sample[1].Value.Uint64()) / 1e6
	}
	before, highest := inUse(), 0.0
	stop, stopped := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(stopped)
		for {
			select {
			case <-stop:
				return
			case <-time.After(time.Millisecond):
				highest = max(highest, inUse())
			}
		}
	}()
	hashOf(b, exporter.Current(), bk)
	close(stop)
	<-stopped
	b.Logf("book of %d rows: heap in use %.1f MB before, at most %.1f MB while writing", len(bk.Rows), before, highest)
	return max(0, highest-before)
}
