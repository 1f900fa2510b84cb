package journal

import (
	"bytes"
	"context"
	"errors"
	"iter"
	"slices"
	"testing"

	"bookledger/events"

	"github.com/nats-io/nats.go"
	"github.com/synadia-io/orbit.go/jetstreamext"
)

func TestAppend(t *testing.T) {
	j := openTest(t, Options{})
	want := 1
	for _, n := range []int{1, 2, 999, 1000, 1} {
		ack := mustAppend(t, j, messages(n, want)...)
		if ack.First != uint64(want+1) || ack.Last != uint64(want+n) {
			t.Fatalf("%d messages after %d: %+v", n, want, ack)
		}
		want += n
	}
	checkRecords(t, j, want)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := j.Append(ctx, messages(1, 0)); !errors.Is(err, ErrOutcomeUnknown) || !errors.Is(err, context.Canceled) {
		t.Fatal("canceled:", err)
	}
}

func TestAppendRefusesBeforeSending(t *testing.T) {
	j := openTest(t, Options{})
	big := Message{Subject: consumerSubject, Body: bytes.Repeat([]byte("x"), MaxBody)}
	history := Message{Subject: events.HistorySubject("calheers"), Recorded: "2026-11-20T20:59:58-08:00", Body: big.Body}
	over := Message{Subject: consumerSubject, Body: append(big.Body, 'x')}
	for name, msgs := range map[string][]Message{
		"none": nil, "1001": messages(1001, 0), "one": {over}, "last of two": {big, over},
		"too many bytes": slices.Repeat([]Message{big}, MaxBatchBytes/MaxBody+1),
	} {
		if _, err := j.Append(testContext(t), msgs); !errors.Is(err, ErrTooLarge) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := j.Append(testContext(t), []Message{{Subject: consumerSubject, Recorded: "x"}}); err == nil {
		t.Error("a recorded time on a live subject is accepted")
	}
	// The server accepts the largest batch that Append allows.
	mustAppend(t, j, history)
	mustAppend(t, j, slices.Repeat([]Message{history}, MaxBatchBytes/(MaxBody+len(history.Subject)+len(history.Recorded)))...)
	checkRecords(t, j, 2+MaxBatchBytes/MaxBody)
}

// TestBatchIsAtomic sends batches in which the server refuses a message, and one that
// is never committed. None of them is stored.
func TestBatchIsAtomic(t *testing.T) {
	j := openTest(t, Options{})
	ctx := testContext(t)
	for _, bad := range []string{"Nats-Rollup", "Nats-TTL", "Nats-Expected-Last-Msg-Id"} {
		batch, err := jetstreamext.NewBatchPublisher(j.js)
		if err != nil {
			t.Fatal(err)
		}
		for i := range 10 {
			msg := &nats.Msg{Subject: consumerSubject, Header: nats.Header{}}
			if i == 5 {
				msg.Header.Set(bad, "1s")
			}
			if err := batch.AddMsg(msg); err != nil {
				t.Fatal(err)
			}
		}
		if _, err := batch.Commit(ctx, consumerSubject, nil); err == nil {
			t.Fatal("the server stored a batch with", bad)
		}
	}
	open, _ := jetstreamext.NewBatchPublisher(j.js)
	open.Add(consumerSubject, nil)
	mustAppend(t, j, messages(3, 0)...)
	checkRecords(t, j, 4)
}

func TestAppendFull(t *testing.T) {
	j := openTest(t, Options{})
	if err := j.setMaxBytes(testContext(t), configOf(t, j), 1<<20); err != nil {
		t.Fatal(err)
	}
	large := Message{Subject: consumerSubject, Body: bytes.Repeat([]byte("x"), 10_000)}
	for _, n := range []int{50, 1} {
		var err error
		for err == nil {
			_, err = j.Append(testContext(t), slices.Repeat([]Message{large}, n))
		}
		if !errors.Is(err, ErrFull) {
			t.Fatalf("%d messages: %v", n, err)
		}
	}
	last, err := j.Last(testContext(t))
	if err != nil || last < 100 {
		t.Fatal(last, err)
	}
	checkRecords(t, j, int(last))
	// With a higher limit, appends succeed again without a restart.
	if err := j.setMaxBytes(testContext(t), configOf(t, j), 1<<30); err != nil {
		t.Fatal(err)
	}
	mustAppend(t, j, messages(5, 0)...)
	checkRecords(t, j, int(last)+5)
}

func TestReserveBoundsTheStream(t *testing.T) {
	dir := t.TempDir()
	free, err := diskFree(dir)
	if err != nil {
		t.Fatal(err)
	}
	j := openTest(t, Options{Dir: dir, ReserveBytes: 2 * free})
	if _, err := j.Append(testContext(t), messages(1, 0)); !errors.Is(err, ErrFull) {
		t.Fatal(err)
	}
	checkRecords(t, j, 1)
}

func yieldThen(msgs []Message, last error) iter.Seq2[Message, error] {
	return func(yield func(Message, error) bool) {
		for _, m := range msgs {
			if !yield(m, nil) {
				return
			}
		}
		if last != nil {
			yield(Message{}, last)
		}
	}
}

func TestAppendAll(t *testing.T) {
	j := openTest(t, Options{})
	var acks []Ack
	collect := func(a Ack) error { acks = append(acks, a); return nil }
	if err := j.AppendAll(testContext(t), yieldThen(messages(2500, 0), nil), collect); err != nil {
		t.Fatal(err)
	}
	// The batch sizes depend on how fast the messages arrive.
	next := uint64(2)
	for _, a := range acks {
		if a.First != next || a.Last < a.First || a.Last-a.First >= MaxBatch {
			t.Fatal(acks)
		}
		next = a.Last + 1
	}
	if next != 2502 {
		t.Fatal(acks)
	}
	broken := errors.New("broken input")
	if err := j.AppendAll(testContext(t), yieldThen(messages(1500, 2500), broken), collect); !errors.Is(err, broken) {
		t.Fatal(err)
	}
	checkRecords(t, j, 4001) // the messages before the error are stored
	stored := make(chan struct{})
	waits := func(yield func(Message, error) bool) {
		yield(messages(1, 0)[0], nil)
		<-stored // the first message is stored while the input waits
	}
	if err := j.AppendAll(testContext(t), waits, func(Ack) error { close(stored); return nil }); err != nil {
		t.Fatal(err)
	}
	big := Message{Subject: consumerSubject, Body: make([]byte, MaxBody)}
	if err := j.AppendAll(testContext(t), yieldThen(slices.Repeat([]Message{big}, 20), nil), collect); err != nil {
		t.Fatal("messages larger than one batch:", err)
	}
	refused := errors.New("enough")
	err := j.AppendAll(testContext(t), yieldThen(messages(5000, 4000), nil), func(Ack) error { return refused })
	if !errors.Is(err, refused) {
		t.Fatal(err)
	}
	// One batch was written, and nothing after it.
	last, err := j.Last(testContext(t))
	if err != nil || last <= 4022 || last > 5022 {
		t.Fatal(last, err)
	}
	checkRecords(t, j, int(last))
}

// TestAppendAllInterrupted checks that collect never succeeds after an interruption
// that dropped messages.
func TestAppendAllInterrupted(t *testing.T) {
	for range 2000 { // the scheduler decides where the interruption happens
		ctx, cancel := context.WithCancel(t.Context())
		given := messages(3, 0)
		interrupted := func(yield func(Message, error) bool) {
			for i := 0; i < len(given) && yield(given[i], nil); i++ {
				cancel()
			}
		}
		batches, taken := make(chan []Message), 0
		done := make(chan struct{})
		go func() {
			defer close(done)
			for batch := range batches {
				taken += len(batch)
			}
		}()
		err := collect(ctx, interrupted, batches)
		close(batches)
		<-done
		if taken < len(given) && !errors.Is(err, context.Canceled) {
			t.Fatalf("%d of %d messages were collected: %v", taken, len(given), err)
		}
	}
}
