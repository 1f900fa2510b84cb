package journal

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"

	"bookledger/events"
	"bookledger/events/record"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"github.com/synadia-io/orbit.go/jetstreamext"
)

// openToAll is a journal with a listener and a client without credentials.
func openToAll(t *testing.T) (*Journal, *nats.Conn) {
	t.Helper()
	j := openTest(t, Options{Listen: "127.0.0.1:0"})
	nc, err := nats.Connect(j.URL(), nats.Timeout(atMost), nats.PermissionErrOnSubscribe(true), nats.ErrorHandler(func(*nats.Conn, *nats.Subscription, error) {}))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(nc.Close)
	return j, nc
}

// TestOpenClientPublishes does what upstream systems and stock tools do.
func TestOpenClientPublishes(t *testing.T) {
	j, nc := openToAll(t)
	js, _ := jetstream.New(nc)
	ctx := testContext(t)
	n := 1
	for _, subject := range events.UpstreamSubjects() {
		subject = strings.ReplaceAll(subject, "*", "calheers")
		ack, err := js.Publish(ctx, subject, []byte("{}"))
		if err != nil || ack.Stream != Stream {
			t.Fatal(subject, ack, err)
		}
		if n++; ack.Sequence != uint64(n) {
			t.Fatal(subject, ack.Sequence)
		}
		reply, err := nc.Request(subject, []byte("{}"), atMost)
		if n++; err != nil || !strings.Contains(string(reply.Data), fmt.Sprintf(`"seq":%d`, n)) {
			t.Fatal(reply, err)
		}
	}
	batch, err := jetstreamext.NewBatchPublisher(js)
	if err != nil {
		t.Fatal(err)
	}
	for range 99 {
		if err := batch.Add(consumerSubject, []byte("{}")); err != nil {
			t.Fatal(err)
		}
	}
	if ack, err := batch.Commit(ctx, consumerSubject, []byte("{}")); err != nil || ack.Sequence != uint64(n+100) {
		t.Fatal(ack, err)
	}
	header := nats.Header{record.HeaderRecorded: {"2026-11-20T20:59:58-08:00"}}
	ack, err := js.PublishMsg(ctx, &nats.Msg{Subject: events.HistorySubject("calheers"), Header: header, Data: []byte("{}")})
	if err != nil {
		t.Fatal(err)
	}
	r, err := j.At(ctx, ack.Sequence)
	if err != nil || r.Header != header.Get(record.HeaderRecorded) || r.Subject != events.HistorySubject("calheers") {
		t.Fatal(r, err)
	}
	checkWhole(t, j, n+101)
}

// TestOpenClientReads reads in every way that stock tools do.
func TestOpenClientReads(t *testing.T) {
	j, nc := openToAll(t)
	mustAppend(t, j, messages(500, 0)...)
	js, _ := jetstream.New(nc)
	ctx := testContext(t)
	if _, err := js.AccountInfo(ctx); err != nil {
		t.Fatal("account info:", err)
	}
	stream, err := js.Stream(ctx, Stream)
	if err != nil || stream.CachedInfo().State.LastSeq != 501 {
		t.Fatal("stream info:", err)
	}
	if name, err := js.StreamNameBySubject(ctx, consumerSubject); err != nil || name != Stream {
		t.Fatal("stream names:", name, err)
	}
	list := js.ListStreams(ctx)
	for info := range list.Info() {
		if info.Config.Name != Stream {
			t.Fatal(info.Config.Name)
		}
	}
	if list.Err() != nil {
		t.Fatal("stream list:", list.Err())
	}
	if msg, err := stream.GetMsg(ctx, 7); err != nil || msg.Sequence != 7 {
		t.Fatal("get:", err)
	}
	if msg, err := stream.GetLastMsgForSubject(ctx, consumerSubject); err != nil || msg.Sequence != 501 {
		t.Fatal("get, last:", err)
	}
	if reply, err := nc.Request("$JS.API.STREAM.MSG.GET.LEDGER", []byte(`{"seq":7}`), atMost); err != nil || !strings.Contains(string(reply.Data), `"seq":7`) {
		t.Fatal("message get:", err)
	}
	readOrdered(t, ctx, js)
	readDurable(t, ctx, stream)
	readAsPager(t, ctx, nc)
}

func readOrdered(t *testing.T, ctx context.Context, js jetstream.JetStream) {
	c, err := js.OrderedConsumer(ctx, Stream, jetstream.OrderedConsumerConfig{FilterSubjects: []string{"ledger.consumer.*"}})
	if err != nil {
		t.Fatal("ordered consumer:", err)
	}
	msgs, err := c.Messages()
	if err != nil {
		t.Fatal(err)
	}
	defer msgs.Stop()
	for i := range 500 {
		msg, err := msgs.Next()
		if err != nil {
			t.Fatal(err)
		}
		if meta, err := msg.Metadata(); err != nil || meta.Sequence.Stream != uint64(i+2) || msg.Subject() != consumerSubject {
			t.Fatal(msg.Subject(), meta, err)
		}
	}
}

func readDurable(t *testing.T, ctx context.Context, stream jetstream.Stream) {
	c, err := stream.CreateOrUpdateConsumer(ctx, jetstream.ConsumerConfig{Durable: "mine", AckPolicy: jetstream.AckExplicitPolicy})
	if err != nil {
		t.Fatal("durable:", err)
	}
	if got := c.CachedInfo().Config; got.InactiveThreshold != openIdle || !got.MemoryStorage {
		t.Fatalf("a client's consumer stays for ever: %+v", got)
	}
	batch, err := c.Fetch(20)
	if err != nil {
		t.Fatal(err)
	}
	for msg := range batch.Messages() {
		if err := msg.DoubleAck(ctx); err != nil {
			t.Fatal("ack:", err)
		}
	}
	info, err := c.Info(ctx)
	if err != nil || info.AckFloor.Stream != 20 {
		t.Fatal(info, err)
	}
	if err := stream.DeleteConsumer(ctx, "mine"); err != nil {
		t.Fatal("delete consumer:", err)
	}
	// A filter stands in the request's subject, in the newer form of it.
	if _, err := stream.CreateConsumer(ctx, jetstream.ConsumerConfig{FilterSubject: "ledger.agency.*"}); err != nil {
		t.Fatal("ephemeral:", err)
	}
}

// readAsPager pages as "nats stream view" does: a durable pull consumer, one
// plain inbox for all messages of a page, acknowledged one by one.
func readAsPager(t *testing.T, ctx context.Context, nc *nats.Conn) {
	inbox := nats.NewInbox()
	sub, err := nc.SubscribeSync(inbox)
	if err != nil {
		t.Fatal(err)
	}
	body := `{"stream_name":"LEDGER","config":{"durable_name":"jsm_stream_pager_1","deliver_policy":"all","ack_policy":"explicit","replay_policy":"instant","max_deliver":-1,"num_replicas":0}}`
	reply, err := nc.Request("$JS.API.CONSUMER.DURABLE.CREATE.LEDGER.jsm_stream_pager_1", []byte(body), atMost)
	if err != nil || strings.Contains(string(reply.Data), "error") {
		t.Fatalf("pager: %s %v", reply.Data, err)
	}
	for page := range 3 {
		nc.PublishRequest("$JS.API.CONSUMER.MSG.NEXT.LEDGER.jsm_stream_pager_1", inbox, []byte("25"))
		for i := range 25 {
			msg, err := sub.NextMsgWithContext(ctx)
			if err != nil {
				t.Fatal(err)
			}
			if meta, err := msg.Metadata(); err != nil || meta.Sequence.Stream != uint64(page*25+i+1) {
				t.Fatal(meta, err)
			}
			msg.Ack()
		}
	}
}

// TestOpenJournalByURL opens the listener of an embedded server as a journal,
// as the commands that take --nats do.
func TestOpenJournalByURL(t *testing.T) {
	j, _ := openToAll(t)
	client, err := Open(testContext(t), Options{URL: j.URL()})
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	for i := range 50 {
		mustAppend(t, client, messages(1000, i)...)
	}
	checkWhole(t, client, 50_001)
	checkWhole(t, j, 50_001)
	// The server gives no answer to what is forbidden, alone or in a batch.
	own := Message{Subject: events.SubjectClock, Body: []byte("{}")}
	for _, batch := range [][]Message{{own}, append(messages(2, 99), own), append([]Message{own}, messages(2, 99)...)} {
		if _, err := client.Append(testContext(t), batch); !errors.Is(err, ErrForbidden) {
			t.Fatalf("writing the ledger's own subject: %v", err)
		}
	}
	checkWhole(t, j, 50_001)
}
