package journal

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"bookledger/events"
	"bookledger/events/record"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

// A message without a body is a record like any other, and a malformed event.
// The server ends an answer of several messages at an empty one when it leads
// from account to account, so that each way of reading is tried with them.

// emptyFull returns n messages, of which empty says which have no body.
func emptyFull(n int, empty func(i int) bool) []*nats.Msg {
	list := make([]*nats.Msg, n)
	for i := range list {
		list[i] = &nats.Msg{Subject: consumerSubject}
		if !empty(i) {
			list[i].Data = fmt.Appendf(nil, `{"n":%d}`, i)
		}
	}
	return list
}

func emptyCases() map[string][]*nats.Msg {
	all := func(int) bool { return true }
	headed := emptyFull(30, func(i int) bool { return i%5 != 4 })
	for i, msg := range headed {
		switch i % 3 {
		case 0:
			msg.Header = nats.Header{"X": {"y"}}
		case 1:
			msg.Subject = events.HistorySubject("calheers")
			msg.Header = nats.Header{record.HeaderRecorded: {fmt.Sprint("2026-11-20T20:59:", 10+i, "-08:00")}}
		}
	}
	return map[string][]*nats.Msg{
		"one":            emptyFull(1, all),
		"nine":           emptyFull(9, all),
		"fifty":          emptyFull(50, all),
		"in turn":        emptyFull(61, func(i int) bool { return i%2 == 0 }), // the first and the last are empty
		"more than many": emptyFull(3*pullBatch, func(i int) bool { return i%7 < 2 }),
		"with headers":   headed,
	}
}

func publishAll(t *testing.T, nc *nats.Conn, msgs []*nats.Msg) {
	t.Helper()
	js, _ := jetstream.New(nc)
	for i, msg := range msgs {
		if ack, err := js.PublishMsg(testContext(t), msg); err != nil || ack.Sequence != uint64(i+2) {
			t.Fatal(ack, err)
		}
	}
}

// TestOpenClientReadsEmptyMessages reads journals with empty messages over the
// listener in every way.
func TestOpenClientReadsEmptyMessages(t *testing.T) {
	for name, msgs := range emptyCases() {
		t.Run(name, func(t *testing.T) {
			j, nc := openToAll(t)
			publishAll(t, nc, msgs)
			want := readAll(t, j)
			if len(want) != len(msgs)+1 {
				t.Fatalf("%d records, want %d", len(want), len(msgs)+1)
			}
			t.Run("journal", func(t *testing.T) { readByURL(t, j, want) })
			t.Run("fetch", func(t *testing.T) { fetchEmpty(t, nc, want) })
			t.Run("ordered", func(t *testing.T) { orderedEmpty(t, nc, want) })
			t.Run("pager", func(t *testing.T) { pageEmpty(t, nc, want) })
		})
	}
}

// readByURL reads from the beginning and from the first that was published.
func readByURL(t *testing.T, j *Journal, want []record.Record) {
	client := openTest(t, Options{URL: j.URL()})
	for _, after := range []int{0, 1} {
		next := after
		err := client.Read(testContext(t), uint64(after), uint64(len(want)), func(rs []record.Record) error {
			for _, r := range rs {
				if r.LeafHash() != want[next].LeafHash() {
					t.Fatalf("read %+v, want %+v", r, want[next])
				}
				next++
			}
			return nil
		})
		if err != nil || next != len(want) {
			t.Fatalf("after %d records of %d: %v", next, len(want), err)
		}
	}
}

// checkMsg holds that msg is the record want.
func checkMsg(t *testing.T, msg jetstream.Msg, want record.Record) {
	t.Helper()
	meta, err := msg.Metadata()
	if err != nil || meta.Sequence.Stream != want.Seq || !meta.Timestamp.Equal(want.Stamped) || msg.Subject() != want.Subject ||
		string(msg.Data()) != string(want.Body) || msg.Headers().Get(record.HeaderRecorded) != want.Header || want.Seq > 1 && len(msg.Headers()) > 1 {
		t.Fatalf("%s %v %q %+v (%v), want %+v", msg.Subject(), msg.Headers(), msg.Data(), meta, err, want)
	}
}

func fetchEmpty(t *testing.T, nc *nats.Conn, want []record.Record) {
	js, _ := jetstream.New(nc)
	ctx := testContext(t)
	c, err := js.CreateConsumer(ctx, Stream, jetstream.ConsumerConfig{Durable: "fetch", AckPolicy: jetstream.AckExplicitPolicy})
	if err != nil {
		t.Fatal(err)
	}
	for done := 0; done < len(want); {
		batch, err := c.Fetch(min(pullBatch, len(want)-done), jetstream.FetchMaxWait(10*time.Second))
		if err != nil {
			t.Fatal(err)
		}
		before := done
		for msg := range batch.Messages() {
			checkMsg(t, msg, want[done])
			done++
			if err := msg.Ack(); err != nil {
				t.Fatal(err)
			}
		}
		if batch.Error() != nil || done == before {
			t.Fatalf("after %d messages of %d: %v", done, len(want), batch.Error())
		}
	}
}

func orderedEmpty(t *testing.T, nc *nats.Conn, want []record.Record) {
	js, _ := jetstream.New(nc)
	c, err := js.OrderedConsumer(testContext(t), Stream, jetstream.OrderedConsumerConfig{})
	if err != nil {
		t.Fatal(err)
	}
	msgs, err := c.Messages()
	if err != nil {
		t.Fatal(err)
	}
	defer msgs.Stop()
	for _, r := range want {
		msg, err := msgs.Next(jetstream.NextContext(testContext(t)))
		if err != nil {
			t.Fatalf("before message %d of %d: %v", r.Seq, len(want), err)
		}
		checkMsg(t, msg, r)
	}
	// An ordered consumer that lost something begins anew, under a new name.
	if info, err := c.Info(testContext(t)); err != nil || info.Delivered.Consumer != uint64(len(want)) {
		t.Fatal(info, err)
	}
}

// pageEmpty asks in the oldest form, a number as the body, into a plain inbox.
func pageEmpty(t *testing.T, nc *nats.Conn, want []record.Record) {
	sub, err := nc.SubscribeSync(nats.NewInbox())
	if err != nil {
		t.Fatal(err)
	}
	js, _ := jetstream.New(nc)
	if _, err := js.CreateConsumer(testContext(t), Stream, jetstream.ConsumerConfig{Durable: "pager", AckPolicy: jetstream.AckNonePolicy}); err != nil {
		t.Fatal(err)
	}
	for i, r := range want {
		if i%25 == 0 {
			nc.PublishRequest("$JS.API.CONSUMER.MSG.NEXT.LEDGER.pager", sub.Subject, []byte("25"))
		}
		msg, err := sub.NextMsg(10 * time.Second)
		if err != nil {
			t.Fatalf("before message %d of %d: %v", r.Seq, len(want), err)
		}
		if seq, _, err := position(msg.Reply); err != nil || seq != r.Seq || msg.Subject != r.Subject || string(msg.Data) != string(r.Body) {
			t.Fatalf("%+v (%v), want %+v", msg, err, r)
		}
	}
}

// TestFollowEmptyMessages follows a journal in which empty messages arrive, as
// the daemon does on its own server and on an external one, and as whoever has
// the address of another daemon's listener does.
func TestFollowEmptyMessages(t *testing.T) {
	listener, open := openToAll(t)
	embedded := openTest(t, Options{})
	external := openTest(t, Options{URL: externalServer(t)})
	for name, c := range map[string]struct {
		j  *Journal
		nc *nats.Conn
	}{
		"embedded": {embedded, embedded.nc}, "external": {external, external.nc}, "listener": {openTest(t, Options{URL: listener.URL()}), open},
	} {
		t.Run(name, func(t *testing.T) {
			ctx, cancel := context.WithCancel(testContext(t))
			got, done := make(chan record.Record, 100), make(chan error, 1)
			go func() {
				done <- c.j.Follow(ctx, 1, func(rs []record.Record) error {
					for _, r := range rs {
						got <- r
					}
					return nil
				})
			}()
			for i, msg := range emptyFull(20, func(i int) bool { return i%3 != 1 }) {
				if err := c.nc.PublishMsg(msg); err != nil {
					t.Fatal(err)
				}
				select {
				case r := <-got:
					if r.Seq != uint64(i+2) || string(r.Body) != string(msg.Data) {
						t.Fatalf("followed %+v, want record %d %q", r, i+2, msg.Data)
					}
				case err := <-done:
					t.Fatalf("before record %d: %v", i+2, err)
				}
			}
			cancel()
			if err := <-done; !errors.Is(err, context.Canceled) {
				t.Fatal(err)
			}
		})
	}
}
