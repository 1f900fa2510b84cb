package journal

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"slices"
	"strings"
	"testing"
	"time"

	"bookledger/events"
	"bookledger/events/record"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"github.com/synadia-io/orbit.go/jetstreamext"
)

// forbidden are subjects on which no client may bring the server to publish.
func forbidden() []string {
	return append(append(events.OwnSubjects(), reservedSubjects()...),
		"$JS.API.STREAM.DELETE.LEDGER", "$JS.API.STREAM.PURGE.LEDGER", "$JS.API.STREAM.UPDATE.LEDGER",
		"$JS.API.STREAM.CREATE.OTHER", "$JS.API.STREAM.MSG.DELETE.LEDGER", "$JS.API.STREAM.SNAPSHOT.LEDGER")
}

// checkUnharmed is what holds after every attack: the stream as it was, and
// nothing in it that only bookledger may write.
func checkUnharmed(t *testing.T, j *Journal, before jetstream.StreamConfig) {
	t.Helper()
	info, err := j.info(testContext(t))
	if err != nil {
		t.Fatal("the stream is gone:", err)
	}
	info.Config.MaxBytes = before.MaxBytes // moves with the disk
	if got, want := fmt.Sprintf("%+v", info.Config), fmt.Sprintf("%+v", before); got != want {
		t.Fatalf("the stream was changed:\n%s\n%s", got, want)
	}
	names := j.js.StreamNames(testContext(t))
	for name := range names.Name() {
		if name != Stream {
			t.Fatal("a stream was made:", name)
		}
	}
	for i, r := range readAll(t, j) {
		if i > 0 && slices.Contains(forbidden(), r.Subject) {
			t.Fatalf("record %d was written on %s: %s", r.Seq, r.Subject, r.Body)
		}
	}
}

func configOf(t *testing.T, j *Journal) jetstream.StreamConfig {
	t.Helper()
	info, err := j.info(testContext(t))
	if err != nil {
		t.Fatal(err)
	}
	return info.Config
}

// TestOpenClientMayNot tries what permissions forbid outright.
func TestOpenClientMayNot(t *testing.T) {
	j, nc := openToAll(t)
	before := configOf(t, j)
	for _, subject := range append(forbidden(), "ledger.consumer.a.b", "other", "_INBOX.x.y", ownInbox+".x", "_R_.x", "$SYS.REQ.SERVER.PING",
		publishPrefix+"ledger.clock", publishPrefix+consumerSubject, gatePrefix+"DELETE.LEDGER.x", pullPrefix+"x",
		"$JS.API.CONSUMER.PAUSE.LEDGER.x", "$JS.API.STREAM.PEER.REMOVE.LEDGER", "$JS.API.STREAM.RESTORE.LEDGER", "$JS.FC.LEDGER.x.y") {
		for _, body := range []string{"", "{}", `{"name":"LEDGER","subjects":["x"]}`} {
			if reply, err := nc.Request(subject, []byte(body), 20*time.Millisecond); err == nil {
				t.Errorf("%s answered %s", subject, reply.Data)
			}
		}
	}
	for _, subject := range []string{">", "*", "ledger.>", "$JS.>", "_R_.>", "$SYS.>", "open.>", "$JS.API.>", "_INBOX", ownInbox + ".>"} {
		sub, err := nc.SubscribeSync(subject)
		if err != nil {
			continue
		}
		if msg, err := sub.NextMsg(atMost); !errors.Is(err, nats.ErrPermissionViolation) {
			t.Errorf("subscribed to %s: %v %v", subject, msg, err)
		}
	}
	if err := nc.Flush(); err != nil {
		t.Fatal(err)
	}
	checkUnharmed(t, j, before)
	if last, _ := j.Last(testContext(t)); last != 1 {
		t.Fatal("something was stored:", last)
	}
	if _, err := nats.Connect(j.URL(), nats.UserInfo("bookledger", "guess")); err == nil {
		t.Fatal("connected as the owner")
	}
}

// TestOpenClientCannotRedirect tries to have the server publish where the
// client may not: by the reply subject of every request, by the subject that a
// message's trace goes to, and by a consumer's deliver subject. The body that
// would arrive is the attacker's own.
func TestOpenClientCannotRedirect(t *testing.T) {
	j, nc := openToAll(t)
	before := configOf(t, j)
	js, _ := jetstream.New(nc)
	ctx := testContext(t)
	if _, err := js.Publish(ctx, consumerSubject, []byte("{}")); err != nil {
		t.Fatal(err)
	}
	own := watchOwnInbox(t, j)
	victim := own.Subject
	if _, err := js.CreateConsumer(ctx, Stream, jetstream.ConsumerConfig{Durable: "c", AckPolicy: jetstream.AckNonePolicy}); err != nil {
		t.Fatal(err)
	}
	for _, target := range append(forbidden(), victim, "_R_.x") {
		redirect(t, nc, target)
		for _, create := range pushRequests(target) {
			reply, err := nc.Request(create.subject, []byte(create.body), atMost)
			if err != nil {
				t.Fatalf("%s: %v", create.subject, err)
			}
			if !strings.Contains(string(reply.Data), `"error"`) {
				t.Errorf("push consumer to %s by %s %s: %s", target, create.subject, create.body, reply.Data)
			}
		}
	}
	// What was asked for has been answered once this has: the server works
	// through one client's messages in order.
	if _, err := js.Publish(ctx, consumerSubject, []byte("{}")); err != nil {
		t.Fatal(err)
	}
	checkUnharmed(t, j, before)
	if n, _, _ := own.Pending(); n != 0 {
		msg, _ := own.NextMsg(time.Second)
		t.Fatalf("%d messages came into our inbox: %+v", n, msg)
	}
}

func watchOwnInbox(t *testing.T, j *Journal) *nats.Subscription {
	sub, err := j.nc.SubscribeSync(j.nc.NewInbox())
	if err != nil {
		t.Fatal(err)
	}
	return sub
}

// redirect names target as the place for answers, and then asks the same with
// the client's own inbox to see that there are answers.
func redirect(t *testing.T, nc *nats.Conn, target string) {
	t.Helper()
	own, err := nc.SubscribeSync(nc.NewInbox())
	if err != nil {
		t.Fatal(err)
	}
	defer own.Unsubscribe()
	for _, reply := range []string{target, own.Subject} {
		for _, msg := range []*nats.Msg{
			{Subject: consumerSubject, Data: []byte("{}")},
			{Subject: "$JS.API.STREAM.MSG.GET.LEDGER", Data: []byte(`{"seq":2}`)},
			{Subject: "$JS.API.CONSUMER.MSG.NEXT.LEDGER.c", Data: []byte("1")},
			{Subject: "$JS.API.STREAM.INFO.LEDGER"},
			{Subject: consumerSubject, Header: nats.Header{"Nats-Batch-Id": {nats.NewInbox()}, "Nats-Batch-Sequence": {"1"}, "Nats-Batch-Commit": {"1"}}},
			{Subject: consumerSubject, Header: nats.Header{"Nats-Trace-Dest": {target}}},
			{Subject: "$JS.API.CONSUMER.MSG.NEXT.LEDGER.c", Header: nats.Header{"Nats-Trace-Dest": {target}}, Data: []byte("1")},
			{Subject: consumerSubject, Header: nats.Header{"Nats-Request-Info": {`{"acc":"LEDGER","svc":"LEDGER","reply":"` + target + `"}`}}},
		} {
			msg.Reply = reply
			if err := nc.PublishMsg(msg); err != nil && !errors.Is(err, nats.ErrInvalidMsg) {
				t.Fatal(err)
			}
		}
	}
	// All but the traced messages, which the server refuses for their target.
	for i := range 6 {
		if _, err := own.NextMsg(atMost); err != nil {
			t.Fatalf("after %d answers: %v", i, err)
		}
	}
}

// TestOpenClientCannotAmplify holds that one small request cannot have the
// journal write its own records again without end, by leading the answers to an
// upstream subject.
func TestOpenClientCannotAmplify(t *testing.T) {
	j, nc := openToAll(t)
	js, _ := jetstream.New(nc)
	ctx := testContext(t)
	for range 3 {
		if _, err := js.Publish(ctx, consumerSubject, []byte("{}")); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := js.CreateConsumer(ctx, Stream, jetstream.ConsumerConfig{Durable: "c", AckPolicy: jetstream.AckNonePolicy}); err != nil {
		t.Fatal(err)
	}
	own, err := nc.SubscribeSync(nc.NewInbox())
	if err != nil {
		t.Fatal(err)
	}
	greedy := fmt.Appendf(nil, `{"batch":%d}`, pullBatch+1)
	for _, reply := range []string{consumerSubject, own.Subject} {
		if err := nc.PublishRequest("$JS.API.CONSUMER.MSG.NEXT.LEDGER.c", reply, greedy); err != nil {
			t.Fatal(err)
		}
		if err := nc.PublishRequest("$JS.API.DIRECT.GET.LEDGER", reply, []byte(`{"seq":1,"batch":1000000}`)); err != nil {
			t.Fatal(err)
		}
	}
	refused, err := own.NextMsg(atMost)
	if err != nil || refused.Header.Get("Status") != "409" {
		t.Fatalf("the greedy request was answered %+v (%v)", refused, err)
	}
	// Not even the refusal was led to the upstream subject.
	if last, err := j.Last(ctx); err != nil || last != 4 {
		t.Errorf("the journal has %d records, want 4 (%v)", last, err)
	}
}

type createRequest struct{ subject, body string }

// pushRequests asks for a push consumer in every form that the server knows,
// and in spellings that two readers of JSON may take differently.
func pushRequests(target string) []createRequest {
	var list []createRequest
	config := func(name, field string) string {
		return fmt.Sprintf(`{"stream_name":"LEDGER","config":{"durable_name":%q,"ack_policy":"none","deliver_policy":"all",%s}}`, name, field)
	}
	for _, field := range []string{
		fmt.Sprintf(`"deliver_subject":%q`, target),
		fmt.Sprintf(`"Deliver_Subject":%q`, target),
		fmt.Sprintf(`"deliver_subject":"","DELIVER_SUBJECT":%q`, target),
	} {
		list = append(list,
			createRequest{"$JS.API.CONSUMER.CREATE.LEDGER", strings.Replace(config("x", field), `"durable_name":"x",`, "", 1)},
			createRequest{"$JS.API.CONSUMER.CREATE.LEDGER.x", config("x", field)},
			createRequest{"$JS.API.CONSUMER.CREATE.LEDGER.x.ledger.consumer.*", config("x", field+`,"filter_subject":"ledger.consumer.*"`)},
			createRequest{"$JS.API.CONSUMER.DURABLE.CREATE.LEDGER.x", config("x", field)},
			// an existing pull consumer, to be turned into a push consumer
			createRequest{"$JS.API.CONSUMER.DURABLE.CREATE.LEDGER.c", config("c", field)})
	}
	return list
}

// TestOpenClientCannotTouchOurConsumer tries to end, replace and empty the
// consumer of a Follow while it runs.
func TestOpenClientCannotTouchOurConsumer(t *testing.T) {
	j, nc := openToAll(t)
	ctx, cancel := context.WithCancel(testContext(t))
	got := make(chan uint64, 100)
	done := make(chan error, 1)
	go func() {
		done <- j.Follow(ctx, 0, func(rs []record.Record) error {
			for _, r := range rs {
				got <- r.Seq
			}
			return nil
		})
	}()
	<-got
	var names struct{ Consumers []string }
	reply, err := nc.Request("$JS.API.CONSUMER.NAMES.LEDGER", nil, atMost)
	if err != nil || json.Unmarshal(reply.Data, &names) != nil || len(names.Consumers) != 1 {
		t.Fatal(reply, err)
	}
	name := names.Consumers[0]
	config := fmt.Sprintf(`{"stream_name":"LEDGER","config":{"name":%q,"ack_policy":"none","deliver_policy":"new"}}`, name)
	for subject, body := range map[string]string{
		"$JS.API.CONSUMER.DELETE.LEDGER." + name:         "",
		"$JS.API.CONSUMER.CREATE.LEDGER." + name:         config,
		"$JS.API.CONSUMER.CREATE.LEDGER":                 config,
		"$JS.API.CONSUMER.DURABLE.CREATE.LEDGER." + name: strings.Replace(config, `"name"`, `"durable_name"`, 1),
		"$JS.API.CONSUMER.MSG.NEXT.LEDGER." + name:       "10",
	} {
		reply, err := nc.Request(subject, []byte(body), 300*time.Millisecond)
		if err == nil && !strings.Contains(string(reply.Data), `"error"`) && reply.Header.Get("Status") == "" {
			t.Errorf("%s: %s", subject, reply.Data)
		}
	}
	nc.PublishRequest("$JS.ACK.LEDGER."+name+".1.1.1.1.0", nc.NewInbox(), []byte("+TERM"))
	ack := mustAppend(t, j, messages(20, 0)...)
	for want := ack.First; want <= ack.Last; want++ {
		if seq := <-got; seq != want {
			t.Fatalf("record %d, want %d", seq, want)
		}
	}
	cancel()
	if err := <-done; !errors.Is(err, context.Canceled) {
		t.Fatal(err)
	}
}

// TestOpenClientHeaders publishes with headers that mean something to
// JetStream: none may remove or move a record, or make one vanish later.
func TestOpenClientHeaders(t *testing.T) {
	j, nc := openToAll(t)
	before := configOf(t, j)
	mustAppend(t, j, messages(10, 0)...)
	for name, value := range map[string]string{
		"Nats-Rollup": "all", "Nats-TTL": "1s", "Nats-Schedule": "@every 1s", "Nats-Schedule-Target": "ledger.clock",
		"Nats-Incr": "1", "Nats-Expected-Stream": "OTHER", "Nats-Expected-Last-Sequence": "1", "Nats-Marker-Reason": "Purge",
		"Nats-Stream-Source": "LEDGER 1 > >", "Nats-Expected-Last-Subject-Sequence": "1", "Nats-Required-Api-Level": "99",
	} {
		msg := &nats.Msg{Subject: consumerSubject, Header: nats.Header{name: {value}}, Data: []byte("{}")}
		if strings.HasPrefix(name, "Nats-Schedule") {
			msg.Header = nats.Header{"Nats-Schedule": {"@every 1s"}, "Nats-Schedule-Target": {"ledger.clock"}}
		}
		if _, err := nc.RequestMsg(msg, atMost); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
	// A client's id is no obstacle to ours.
	for range 2 {
		nc.RequestMsg(&nats.Msg{Subject: consumerSubject, Header: nats.Header{"Nats-Msg-Id": {"1"}}}, atMost)
	}
	mustAppend(t, j, messages(10, 0)...)
	checkUnharmed(t, j, before)
	all := readAll(t, j)
	checkWhole(t, j, len(all))
	if len(all) < 21 {
		t.Fatal(len(all))
	}
}

// TestOpenClientOddHeaders publishes headers that look like words of the
// server, and some that cannot be read: each is a record like any other.
func TestOpenClientOddHeaders(t *testing.T) {
	j, nc := openToAll(t)
	for _, header := range []nats.Header{
		{"Status": {"100"}}, {"Status": {"100"}, "Nats-Last-Stream": {"99"}},
		{"Status": {"100"}, "Nats-Consumer-Stalled": {"ledger.clock"}}, {"Status": {"408"}}, {"Status": {"409"}}, {"Status": {"503"}},
	} {
		if err := nc.PublishMsg(&nats.Msg{Subject: consumerSubject, Header: header}); err != nil {
			t.Fatal(err)
		}
	}
	if err := nc.Flush(); err != nil {
		t.Fatal(err)
	}
	raw, err := net.Dial("tcp", strings.TrimPrefix(j.URL(), "nats://"))
	if err != nil {
		t.Fatal(err)
	}
	defer raw.Close()
	fmt.Fprintf(raw, "CONNECT {\"headers\":true,\"verbose\":false}\r\n")
	for _, header := range []string{"NATS/1.0\r\nno colon\r\n\r\n", "NATS/1.0 100 Idle Heartbeat\r\n\r\n", "rubbish", "NATS/1.0\r\nLedger-Recorded: x"} {
		fmt.Fprintf(raw, "HPUB %s %d %d\r\n%s\r\n", events.HistorySubject("calheers"), len(header), len(header), header)
	}
	fmt.Fprintf(raw, "PING\r\n")
	answer, reader := "", bufio.NewReader(raw)
	for !strings.HasPrefix(answer, "PONG") {
		if answer, err = reader.ReadString('\n'); err != nil || strings.HasPrefix(answer, "-ERR") {
			t.Fatal(answer, err)
		}
	}
	ack := mustAppend(t, j, messages(1, 0)...)
	all := readAll(t, j)
	if uint64(len(all)) != ack.Last || ack.Last < 8 {
		t.Fatal(len(all), ack)
	}
	for _, r := range all {
		at, err := j.At(testContext(t), r.Seq)
		if err != nil || at.LeafHash() != r.LeafHash() {
			t.Fatalf("At(%d) = %+v, %v; followed as %+v", r.Seq, at, err, r)
		}
	}
	t.Logf("%d records", ack.Last)
}

// TestOpenClientHoldsBatches opens as many batches as there are places for and
// leaves them open.
func TestOpenClientHoldsBatches(t *testing.T) {
	j, nc := openToAll(t)
	js, _ := jetstream.New(nc)
	for {
		batch, err := jetstreamext.NewBatchPublisher(js)
		if err != nil {
			t.Fatal(err)
		}
		if err := batch.Add(consumerSubject, []byte("{}")); err != nil {
			break
		}
	}
	mustAppend(t, j, messages(1, 0)...) // single ones need no place
	// Long enough for an answer from a busy machine, and shorter than the server
	// keeps the places.
	ctx, cancel := context.WithTimeout(t.Context(), 3*time.Second)
	defer cancel()
	if _, err := j.Append(ctx, messages(10, 0)); !errors.Is(err, ErrBusy) {
		t.Fatal(err)
	}
	if testing.Short() {
		return
	}
	// The server forgets them after ten seconds, and Append waits for that.
	mustAppend(t, j, messages(10, 0)...)
	checkWhole(t, j, 12)
}
