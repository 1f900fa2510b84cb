package journal

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"bookledger/events/record"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"github.com/synadia-io/orbit.go/jetstreamext"
)

const (
	benchRounds  = 6
	benchBatches = 20
	benchBatch   = 1000
)

func benchMessages() []Message {
	msgs := make([]Message, benchBatch)
	for i := range msgs {
		msgs[i] = Message{Subject: consumerSubject, Body: fmt.Appendf(nil, `{"id":"%08d","data":"%s"}`, i, bytes.Repeat([]byte("x"), 720))}
	}
	return msgs
}

// bareAppend is the baseline: one atomic batch that waits only for the commit.
func bareAppend(b *testing.B, j *Journal, msgs []Message) {
	batch, err := jetstreamext.NewBatchPublisher(j.js, jetstreamext.BatchFlowControl{})
	if err != nil {
		b.Fatal(err)
	}
	for i, m := range msgs {
		msg := &nats.Msg{Subject: m.Subject, Data: m.Body}
		if i < len(msgs)-1 {
			err = batch.AddMsg(msg)
		} else {
			_, err = batch.CommitMsg(context.Background(), msg)
		}
		if err != nil {
			b.Fatal(err)
		}
	}
}

// alternate runs two functions alternately and returns their total times. Other load
// on the machine then affects both.
func alternate(rounds int, ours, bare func()) (oursTime, bareTime time.Duration) {
	timed := func(run func()) time.Duration {
		start := time.Now()
		run()
		return time.Since(start)
	}
	for i := range rounds {
		if i%2 == 0 {
			oursTime += timed(ours)
		}
		bareTime += timed(bare)
		if i%2 == 1 {
			oursTime += timed(ours)
		}
	}
	return oursTime, bareTime
}

func ourAppend(b *testing.B, j *Journal, msgs []Message) {
	if _, err := j.Append(context.Background(), msgs); err != nil {
		b.Fatal(err)
	}
}

// BenchmarkAppend compares Append with bare atomic batches of the same messages,
// alternately, each on its own new journal that syncs every write.
func BenchmarkAppend(b *testing.B) {
	msgs := benchMessages()
	var ours, bare time.Duration
	for range b.N * benchRounds {
		left, right := openTest(b, Options{}), openTest(b, Options{})
		bareAppend(b, left, msgs) // warm up
		bareAppend(b, right, msgs)
		our, its := alternate(benchBatches, func() { ourAppend(b, left, msgs) }, func() { bareAppend(b, right, msgs) })
		ours, bare = ours+our, bare+its
		if err := errors.Join(left.Close(), right.Close()); err != nil {
			b.Fatal(err)
		}
	}
	events := float64(b.N * benchRounds * benchBatches * benchBatch)
	b.ReportMetric(bare.Seconds()/ours.Seconds(), "x-bare")
	b.ReportMetric(events/ours.Seconds(), "events/s")
}

// bareFollow reads with the client library's ordered consumer and does nothing.
func bareFollow(b *testing.B, j *Journal, n int) {
	ctx := context.Background()
	c, err := j.js.OrderedConsumer(ctx, Stream, jetstream.OrderedConsumerConfig{})
	if err != nil {
		b.Fatal(err)
	}
	done, seen := make(chan struct{}), 0
	cc, err := c.Consume(func(jetstream.Msg) {
		if seen++; seen == n {
			close(done)
		}
	}, jetstream.PullMaxMessages(10_000))
	if err != nil {
		b.Fatal(err)
	}
	<-done
	cc.Stop()
	<-cc.Closed()
}

func ourFollow(b *testing.B, j *Journal, n int) {
	seen := 0
	err := j.Read(context.Background(), 0, uint64(n), func(rs []record.Record) error {
		seen += len(rs)
		return nil
	})
	if err != nil || seen != n {
		b.Fatal(seen, err)
	}
}

// BenchmarkFollow compares Read with a bare ordered consumer on a stream of 200,000
// events, alternately.
func BenchmarkFollow(b *testing.B) {
	j := openTest(b, Options{})
	msgs := benchMessages()
	for range 200 {
		ourAppend(b, j, msgs)
	}
	last, err := j.Last(context.Background())
	if err != nil {
		b.Fatal(err)
	}
	follow, itsFollow := func() { ourFollow(b, j, int(last)) }, func() { bareFollow(b, j, int(last)) }
	alternate(1, follow, itsFollow) // warms the store's cache for both
	b.ReportAllocs()
	b.ResetTimer()
	ours, bare := alternate(b.N*benchRounds, follow, itsFollow)
	b.ReportMetric(bare.Seconds()/ours.Seconds(), "x-bare")
	b.ReportMetric(float64(b.N*benchRounds)*float64(last)/ours.Seconds(), "events/s")
}

// BenchmarkReader reads 50,000 events over the listener, as a dump does.
func BenchmarkReader(b *testing.B) {
	j, _ := openListening(b)
	msgs := benchMessages()
	for range 50 {
		ourAppend(b, j, msgs)
	}
	client := connectReader(b, j)
	b.ReportAllocs()
	for b.Loop() {
		if n := len(readAll(b, client)); n != 50_001 {
			b.Fatal(n)
		}
	}
	b.ReportMetric(float64(b.N)*50_001/b.Elapsed().Seconds(), "events/s")
}
