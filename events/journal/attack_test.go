package journal

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
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

// asking are subjects on which the server, or a client, would say something of
// what is in the journal, or begin to send it.
func asking() []string {
	list := []string{"INFO", "STREAM.NAMES", "STREAM.LIST", "STREAM.INFO.LEDGER", "STREAM.MSG.GET.LEDGER",
		"DIRECT.GET.LEDGER", "DIRECT.GET.LEDGER." + consumerSubject, "STREAM.CREATE.KV_x", "STREAM.RESTORE.LEDGER", "STREAM.PEER.REMOVE.LEDGER",
		"CONSUMER.NAMES.LEDGER", "CONSUMER.LIST.LEDGER", "CONSUMER.INFO.LEDGER.x", "CONSUMER.CREATE.LEDGER", "CONSUMER.CREATE.LEDGER.x",
		"CONSUMER.CREATE.LEDGER.x." + consumerSubject, "CONSUMER.DURABLE.CREATE.LEDGER.x", "CONSUMER.MSG.NEXT.LEDGER.x",
		"CONSUMER.DELETE.LEDGER.x", "CONSUMER.PAUSE.LEDGER.x", "CONSUMER.RESET.LEDGER.x"}
	for i := range list {
		list[i] = "$JS.API." + list[i]
	}
	return append(list, "$JS.ACK.LEDGER.x.1.1.1.1.0", "$JS.FC.LEDGER.x.y", "$KV.x.y", "$O.x.C.y", "$SYS.REQ.SERVER.PING", "$SYS.REQ.USER.INFO",
		"$SYS.REQ.ACCOUNT.LEDGER.JSZ", publishPrefix+consumerSubject, publishPrefix+"ledger.clock", "ledger.consumer.a.b", "other", "_INBOX.x.y", "_R_.x")
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
	if info.State.Consumers != 0 {
		t.Fatalf("%d consumers were made", info.State.Consumers)
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

// TestMayNot tries what permissions forbid outright, without a key and with the
// reader's: each attempt is refused, none is answered.
func TestMayNot(t *testing.T) {
	t.Parallel()
	j, _ := openToAll(t)
	before := configOf(t, j)
	_, key := nkey(t, 1)
	signIn, err := nats.NkeyOptionFromSeed(key)
	if err != nil {
		t.Fatal(err)
	}
	readable := func(subject string) bool { return slices.Contains(readSubjects, subject) }
	upstream := []string{consumerSubject, events.HistorySubject("calheers"), "ledger.agency.x", "ledger.delegation.x"}
	for name, c := range map[string]struct {
		option   nats.Option
		subjects []string
	}{
		"open":   {nats.Name("open"), append(forbidden(), asking()...)},
		"reader": {signIn, append(append(forbidden(), upstream...), slices.DeleteFunc(asking(), readable)...)},
	} {
		refused := make(chan error, 1000)
		nc := stranger(t, j, c.option, nats.ErrorHandler(func(_ *nats.Conn, _ *nats.Subscription, err error) { refused <- err }))
		answers, err := nc.SubscribeSync(nc.NewInbox())
		if err != nil {
			t.Fatal(err)
		}
		for _, subject := range c.subjects {
			for _, body := range []string{"", `{"seq":1}`, `{"name":"LEDGER","subjects":["x"],"stream_name":"LEDGER","config":{"durable_name":"x","deliver_subject":"_INBOX.x"}}`} {
				if err := nc.PublishRequest(subject, answers.Subject, []byte(body)); err != nil {
					t.Fatal(err)
				}
				if err := <-refused; !errors.Is(err, nats.ErrPermissionViolation) || !strings.Contains(err.Error(), fmt.Sprintf("%q", subject)) {
					t.Errorf("%s: %s was refused with %v", name, subject, err)
				}
			}
		}
		for _, subject := range []string{">", "*", "ledger.>", consumerSubject, "$JS.>", "$JS.ACK.>", "$JS.API.>", "_R_.>", "$SYS.>", "open.>", "$KV.>", "_INBOX"} {
			sub, err := nc.SubscribeSync(subject)
			if err != nil {
				t.Fatal(err)
			}
			if msg, err := sub.NextMsg(atMost); !errors.Is(err, nats.ErrPermissionViolation) {
				t.Errorf("%s: subscribed to %s: %v %v", name, subject, msg, err)
			}
		}
		if n, _, _ := answers.Pending(); n != 0 {
			t.Errorf("%s: %d answers came", name, n)
		}
	}
	checkUnharmed(t, j, before)
	if last, _ := j.Last(testContext(t)); last != 1 {
		t.Fatal("something was stored:", last)
	}
}

// TestCannotRedirect tries to have the server publish where the client may not:
// by the reply subject of all that a client may ask, and by the headers that
// name a place for traces and answers. The body that would arrive is the
// attacker's own.
func TestCannotRedirect(t *testing.T) {
	t.Parallel()
	j, nc := openToAll(t)
	before := configOf(t, j)
	mustAppend(t, j, Message{Subject: consumerSubject, Body: []byte("{}")})
	own, err := j.nc.SubscribeSync(j.nc.NewInbox())
	if err != nil {
		t.Fatal(err)
	}
	read := reader(t, j).nc
	for _, target := range append(forbidden(), own.Subject, "_R_.x", publishPrefix+"ledger.clock", "$JS.ACK.LEDGER.x.1.1.1.1.0", "$JS.FC.LEDGER.x.y") {
		redirect(t, nc, target,
			&nats.Msg{Subject: consumerSubject, Data: []byte("{}")},
			&nats.Msg{Subject: consumerSubject, Header: nats.Header{"Nats-Batch-Id": {nats.NewInbox()}, "Nats-Batch-Sequence": {"1"}, "Nats-Batch-Commit": {"1"}}},
			&nats.Msg{Subject: consumerSubject, Header: nats.Header{"Nats-Request-Info": {`{"acc":"LEDGER","svc":"LEDGER","reply":"` + target + `"}`}}},
			&nats.Msg{Subject: consumerSubject, Header: nats.Header{"Nats-Trace-Dest": {target}}})
		redirect(t, read, target,
			&nats.Msg{Subject: getSubject, Data: []byte(`{"seq":2}`)},
			&nats.Msg{Subject: infoSubject},
			&nats.Msg{Subject: "$JS.API.INFO"},
			&nats.Msg{Subject: infoSubject, Header: nats.Header{"Nats-Trace-Dest": {target}}})
	}
	checkUnharmed(t, j, before)
	if n, _, _ := own.Pending(); n != 0 {
		msg, _ := own.NextMsg(time.Second)
		t.Fatalf("%d messages came into our inbox: %+v", n, msg)
	}
}

// redirect names target as the place for answers, and then asks the same with
// the client's own inbox to see that there are answers, to all but the last. The
// server works through one client's messages in order.
func redirect(t *testing.T, nc *nats.Conn, target string, requests ...*nats.Msg) {
	t.Helper()
	own, err := nc.SubscribeSync(nc.NewInbox())
	if err != nil {
		t.Fatal(err)
	}
	defer own.Unsubscribe()
	for _, reply := range []string{target, own.Subject} {
		for _, msg := range requests {
			msg.Reply = reply
			if err := nc.PublishMsg(msg); err != nil {
				t.Fatal(err)
			}
		}
	}
	for i := range len(requests) - 1 {
		if _, err := own.NextMsg(atMost); err != nil {
			t.Fatalf("after %d answers: %v", i, err)
		}
	}
}

// TestCannotAmplify leads acknowledgements to an upstream subject: each is at
// most one record more, a malformed event like others that a client may send.
func TestCannotAmplify(t *testing.T) {
	t.Parallel()
	j, nc := openToAll(t)
	for range 3 {
		if err := nc.PublishRequest(consumerSubject, consumerSubject, []byte("{}")); err != nil {
			t.Fatal(err)
		}
	}
	if err := nc.Flush(); err != nil {
		t.Fatal(err)
	}
	last := mustAppend(t, j, messages(1, 0)...).Last
	if ack := mustAppend(t, j, messages(1, 0)...); ack.Last > 9 || last < 5 {
		t.Fatalf("three events became records up to %d, and then up to %d", last, ack.Last)
	}
}

// TestSeesOnlyAcknowledgements listens to all that a client may listen to while
// others publish, read and follow.
func TestSeesOnlyAcknowledgements(t *testing.T) {
	t.Parallel()
	j, nc := openToAll(t)
	spy, err := nc.SubscribeSync("_INBOX.>")
	if err != nil {
		t.Fatal(err)
	}
	if err := nc.Flush(); err != nil {
		t.Fatal(err)
	}
	const secret = `{"name":"secret"}`
	client := connect(t, j, "")
	for _, n := range []int{1, 20, 1} {
		if _, err := client.Append(testContext(t), slices.Repeat([]Message{{Subject: consumerSubject, Body: []byte(secret)}}, n)); err != nil {
			t.Fatal(err)
		}
	}
	mustAppend(t, j, messages(20, 1)...)
	checkWhole(t, j, 43) // follows and gets
	checkSame(t, readAll(t, reader(t, j)), readAll(t, j))
	if err := nc.PublishRequest(consumerSubject, "_INBOX.the.last", []byte(secret)); err != nil {
		t.Fatal(err)
	}
	for seen := 0; ; seen++ {
		msg, err := spy.NextMsg(atMost)
		if err != nil {
			t.Fatal(err)
		}
		var ack map[string]any
		if err := json.Unmarshal(msg.Data, &ack); err != nil || ack["stream"] != Stream || strings.Contains(string(msg.Data), "secret") || len(msg.Header) > 0 {
			t.Fatalf("a client hears %v %s", msg.Header, msg.Data)
		}
		if msg.Subject == "_INBOX.the.last" {
			if seen != 3 {
				t.Errorf("%d other acknowledgements came, want 3", seen)
			}
			return
		}
	}
}

// TestOpenClientHeaders publishes with headers that mean something to
// JetStream: none may remove or move a record, or make one vanish later.
func TestOpenClientHeaders(t *testing.T) {
	t.Parallel()
	j, nc := openToAll(t)
	before := configOf(t, j)
	mustAppend(t, j, messages(10, 0)...)
	for _, header := range []nats.Header{
		{"Nats-Rollup": {"all"}}, {"Nats-TTL": {"1s"}}, {"Nats-Schedule": {"@every 1s"}, "Nats-Schedule-Target": {"ledger.clock"}},
		{"Nats-Incr": {"1"}}, {"Nats-Expected-Stream": {"OTHER"}}, {"Nats-Expected-Last-Sequence": {"1"}}, {"Nats-Marker-Reason": {"Purge"}},
		{"Nats-Stream-Source": {"LEDGER 1 > >"}}, {"Nats-Expected-Last-Subject-Sequence": {"1"}}, {"Nats-Required-Api-Level": {"99"}},
	} {
		if _, err := nc.RequestMsg(&nats.Msg{Subject: consumerSubject, Header: header, Data: []byte("{}")}, atMost); err != nil {
			t.Errorf("%v: %v", header, err)
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

// TestOpenClientHoldsBatches opens as many batches as there are places for, and
// leaves them open until another waits for one.
func TestOpenClientHoldsBatches(t *testing.T) {
	t.Parallel()
	j, nc := openToAll(t)
	js, _ := jetstream.New(nc)
	var held []jetstreamext.BatchPublisher
	for {
		batch, err := jetstreamext.NewBatchPublisher(js)
		if err != nil {
			t.Fatal(err)
		}
		if err := batch.Add(consumerSubject, []byte("{}")); err != nil {
			break
		}
		held = append(held, batch)
	}
	mustAppend(t, j, messages(1, 0)...) // single ones need no place
	// The server keeps the places for ten seconds; the answer that there is none
	// may take long on a busy machine.
	for wait := 100 * time.Millisecond; ; wait *= 2 {
		ctx, cancel := context.WithTimeout(t.Context(), wait)
		_, err := j.Append(ctx, messages(10, 0))
		cancel()
		if errors.Is(err, ErrBusy) {
			break
		}
		if !errors.Is(err, ErrOutcomeUnknown) {
			t.Fatal("while all places are taken:", err)
		}
	}
	done := make(chan error, 1)
	go func() {
		_, err := j.Append(testContext(t), messages(10, 0))
		done <- err
	}()
	if _, err := held[0].Commit(testContext(t), consumerSubject, nil); err != nil {
		t.Fatal(err)
	}
	if err := <-done; err != nil {
		t.Fatal("when a place was free:", err)
	}
	checkWhole(t, j, 1+1+2+10)
}

// TestFollowIsLeftAlone follows while a client tries to end, replace or empty
// the follower's consumer, whose name it would have to guess.
func TestFollowIsLeftAlone(t *testing.T) {
	t.Parallel()
	j, nc := openToAll(t)
	got := make(chan uint64, 100)
	followed, end := followInto(t, j, 0, func(r record.Record) { got <- r.Seq })
	<-got
	names, err := j.js.Stream(testContext(t), Stream)
	if err != nil {
		t.Fatal(err)
	}
	for name := range names.ConsumerNames(testContext(t)).Name() {
		for _, verb := range []string{"DELETE", "CREATE", "DURABLE.CREATE", "MSG.NEXT", "PAUSE"} {
			nc.Publish("$JS.API.CONSUMER."+verb+".LEDGER."+name, []byte(`{"stream_name":"LEDGER","config":{"name":"`+name+`","deliver_policy":"new"}}`))
		}
		nc.PublishRequest(consumerSubject, "$JS.ACK.LEDGER."+name+".1.1.1.1.0", []byte("+TERM"))
	}
	if err := nc.Flush(); err != nil {
		t.Fatal(err)
	}
	ack := mustAppend(t, j, messages(20, 0)...)
	for want := uint64(2); want <= ack.Last; want++ {
		if seq := <-got; seq != want {
			t.Fatalf("record %d, want %d", seq, want)
		}
	}
	end()
	<-followed
}
