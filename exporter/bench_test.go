package exporter_test

import (
	"context"
	"fmt"
	"io"
	"io/fs"
	"runtime"
	"runtime/metrics"
	"testing"
	"time"

	"github.com/klauspost/compress/flate"
	"github.com/klauspost/compress/zip"
	"github.com/xuri/excelize/v2"

	"bookledger/exporter"
	"bookledger/projections/book"
)

// mostMB is how much memory writing a book may take beside the book itself.
const mostMB = 300

// BenchmarkWrite sets Write beside excelize's own StreamWriter, which writes
// the same cells in the same styles through the same compressor. An iteration
// holds several rounds of both in turn; x-bare is the ratio of the total
// times. What the StreamWriter is given is made outside of its time.
func BenchmarkWrite(b *testing.B) {
	for _, size := range []struct{ rows, rounds int }{{2000, 20}, {50000, 2}} {
		b.Run(fmt.Sprintf("rows=%d", size.rows), func(b *testing.B) {
			bk := newLedger().with(size.rows/2).book(b, agentID)
			bk.Rows = bk.Rows[:size.rows]
			e := newExporter(b)
			highest := peak(b, e, bk)
			if highest > mostMB {
				b.Errorf("writing takes %.0f MB, more than %d", highest, mostMB)
			}
			var ours, bare time.Duration
			for b.Loop() {
				for range size.rounds {
					ours += timeWrite(b, e, bk)
					bare += timeBare(b, bk)
				}
			}
			b.ReportMetric(highest, "peak-MB")
			n := float64(size.rows * size.rounds * b.N)
			b.ReportMetric(ours.Seconds()/bare.Seconds(), "x-bare")
			b.ReportMetric(n/ours.Seconds(), "rows/s")
			b.ReportMetric(n/bare.Seconds(), "bare-rows/s")
		})
	}
}

func timeWrite(b *testing.B, e *exporter.Exporter, bk *book.Book) time.Duration {
	runtime.GC()
	start := time.Now()
	if _, err := e.Write(context.Background(), io.Discard, bk); err != nil {
		b.Fatal(err)
	}
	return time.Since(start)
}

// bareZip is the zip writer of the bare run.
type bareZip struct{ *zip.Writer }

func (bareZip) AddFS(fs.FS) error { return nil }

func newBareZip(w io.Writer) excelize.ZipWriter {
	z := zip.NewWriter(w)
	deflater, _ := flate.NewWriter(io.Discard, exporter.Level)
	z.RegisterCompressor(zip.Deflate, func(w io.Writer) (io.WriteCloser, error) {
		deflater.Reset(w)
		return deflater, nil
	})
	return bareZip{z}
}

func timeBare(b *testing.B, bk *book.Book) (took time.Duration) {
	set := columnSet(b)
	runtime.GC()
	start := time.Now()
	f := excelize.NewFile(excelize.Options{TmpDir: b.TempDir()})
	defer func() { _ = f.Close() }()
	f.SetZipWriter(newBareZip)
	styles := bareStyles(b, f)
	sw, err := f.NewStreamWriter("Sheet1")
	if err != nil {
		b.Fatal(err)
	}
	header := make([]any, len(set.Columns))
	for i, c := range set.Columns {
		header[i] = c.Header
	}
	if err := sw.SetRow("A1", header); err != nil {
		b.Fatal(err)
	}
	took += time.Since(start)
	const window = 500
	names, rows := make([]string, window), make([][]any, window)
	for first := 0; first < len(bk.Rows); first += window {
		n := min(window, len(bk.Rows)-first)
		for i := range n {
			names[i], rows[i] = fmt.Sprintf("A%d", first+i+2), bareRow(set, &bk.Rows[first+i], styles)
		}
		start := time.Now()
		for i := range n {
			if err := sw.SetRow(names[i], rows[i]); err != nil {
				b.Fatal(err)
			}
		}
		took += time.Since(start)
	}
	start = time.Now()
	if err := sw.Flush(); err != nil {
		b.Fatal(err)
	}
	if err := f.Write(io.Discard); err != nil {
		b.Fatal(err)
	}
	return took + time.Since(start)
}

// peak returns by how many MB the heap in use, garbage included, stood at most
// above what it was before, while a book was written.
func peak(b *testing.B, e *exporter.Exporter, bk *book.Book) float64 {
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
	timeWrite(b, e, bk)
	close(stop)
	<-stopped
	b.Logf("book of %d rows: heap in use %.1f MB before, at most %.1f MB while writing", len(bk.Rows), before, highest)
	return max(0, highest-before)
}
