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

// maxMemoryMB is the memory that writing a book may use in addition to the book.
const maxMemoryMB = 300

// BenchmarkWrite compares writing books with excelize's StreamWriter, which writes the
// same cells and compresses them at its own level. It also limits the memory used.
func BenchmarkWrite(b *testing.B) {
	for _, rows := range []int{2000, 50000} {
		b.Run(fmt.Sprintf("rows=%d", rows), func(b *testing.B) {
			bk := sample(rows / 2).book()
			bk.Rows = bk.Rows[:rows]
			highest := measurePeak(b, bk)
			if highest > maxMemoryMB {
				b.Errorf("got %.0f MB in use while writing, want at most %d", highest, maxMemoryMB)
			}
			var ours, theirs time.Duration
			for b.Loop() {
				start := time.Now()
				hashOf(b, exporter.Current(), bk)
				ours += time.Since(start)
				start = time.Now()
				writeByExcelize(b, io.Discard, bk)
				theirs += time.Since(start)
			}
			b.ReportMetric(highest, "peak-MB")
			b.ReportMetric(float64(rows*b.N)/ours.Seconds(), "rows/s")
			b.ReportMetric(float64(rows*b.N)/theirs.Seconds(), "excelize-rows/s")
		})
	}
}

// measurePeak returns the increase in MB of the heap in use, including garbage, at its
// highest while a book is written.
func measurePeak(b *testing.B, bk *book.Book) float64 {
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
