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

// reservedAndAdminSubjects returns subjects on which no client may publish or make
// the server publish.
func reservedAndAdminSubjects() []string {
	return append(append(events.OwnSubjects(), reservedSubjects()...),
		"$JS.API.STREAM.DELETE.LEDGER", "$JS.API.STREAM.PURGE.LEDGER", "$JS.API.STREAM.UPDATE.LEDGER",
		"$JS.API.STREAM.CREATE.OTHER", "$JS.API.STREAM.MSG.DELETE.LEDGER", "$JS.API.STREAM.SNAPSHOT.LEDGER")
}

// requestSubjects returns subjects on which the server or a client would reveal the
// content of the journal.
func requestSubjects() []string {
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

// checkStreamUnchanged checks after an attack that the stream's configuration is
// unchanged, and that it has no record that only bookledger may write.
func checkStreamUnchanged(t *testing.T, j *Journal, before jetstream.StreamConfig) {
	t.Helper()
	info, err := j.info(testContext(t))
	if err != nil {
		t.Fatal("read the stream:", err)
	}
	info.Config.MaxBytes = before.MaxBytes // changes with the free disk space
	if got, want := fmt.Sprintf("%+v", info.Config), fmt.Sprintf("%+v", before); got != want {
		t.Fatalf("stream configuration: got\n%s\nwant\n%s", got, want)
	}
	if info.State.Consumers != 0 {
		t.Fatalf("got %d consumers, want 0", info.State.Consumers)
	}
	names := j.js.StreamNames(testContext(t))
	for name := range names.Name() {
		if name != Stream {
			t.Fatal("another stream was created:", name)
		}
	}
	for i, r := range readAll(t, j) {
		if i > 0 && slices.Contains(reservedAndAdminSubjects(), r.Subject) {
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

// TestForbiddenSubjects uses subjects that the permissions forbid, without a key and
// with the reader's key. Each attempt is refused and gets no response.
func TestForbiddenSubjects(t *testing.T) {
	t.Parallel()
	j, _ := openListening(t)
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
		"open":   {nats.Name("open"), append(reservedAndAdminSubjects(), requestSubjects()...)},
		"reader": {signIn, append(append(reservedAndAdminSubjects(), upstream...), slices.DeleteFunc(requestSubjects(), readable)...)},
	} {
		refused := make(chan error, 1000)
		nc := connectAnonymous(t, j, c.option, nats.ErrorHandler(func(_ *nats.Conn, _ *nats.Subscription, err error) { refused <- err }))
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
					t.Errorf("%s: %s: got %v, want a permission violation", name, subject, err)
				}
			}
		}
		for _, subject := range []string{">", "*", "ledger.>", consumerSubject, "$JS.>", "$JS.ACK.>", "$JS.API.>", "_R_.>", "$SYS.>", "open.>", "$KV.>", "_INBOX"} {
			sub, err := nc.SubscribeSync(subject)
			if err != nil {
				t.Fatal(err)
			}
			if msg, err := sub.NextMsg(testTimeout); !errors.Is(err, nats.ErrPermissionViolation) {
				t.Errorf("%s: subscription to %s: got %v, %v, want a permission violation", name, subject, msg, err)
			}
		}
		if n, _, _ := answers.Pending(); n != 0 {
			t.Errorf("%s: got %d responses, want 0", name, n)
		}
	}
	checkStreamUnchanged(t, j, before)
	if last, _ := j.Last(testContext(t)); last != 1 {
		t.Fatal("records were stored; the last is", last)
	}
}

// TestCannotRedirect tries to make the server publish on subjects that the client
// may not use: with the reply subject of every permitted request, and with headers
// that name a subject for traces and responses. The attacker would control the
// body.
func TestCannotRedirect(t *testing.T) {
	t.Parallel()
	j, nc := openListening(t)
	before := configOf(t, j)
	mustAppend(t, j, Message{Subject: consumerSubject, Body: []byte("{}")})
	own, err := j.nc.SubscribeSync(j.nc.NewInbox())
	if err != nil {
		t.Fatal(err)
	}
	read := connectReader(t, j).nc
	for _, target := range append(reservedAndAdminSubjects(), own.Subject, "_R_.x", publishPrefix+"ledger.clock", "$JS.ACK.LEDGER.x.1.1.1.1.0", "$JS.FC.LEDGER.x.y") {
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
	checkStreamUnchanged(t, j, before)
	if n, _, _ := own.Pending(); n != 0 {
		msg, _ := own.NextMsg(time.Second)
		t.Fatalf("got %d messages in the inbox of LEDGER: %+v", n, msg)
	}
}

// redirect sends requests with target as the reply subject, and then with the
// client's own inbox, to check that all but the last get a response. The server
// processes the messages of one client in order.
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
		if _, err := own.NextMsg(testTimeout); err != nil {
			t.Fatalf("after %d responses: %v", i, err)
		}
	}
}

// TestCannotAmplify directs acknowledgements to an upstream subject. Each becomes at
// most one more record, a malformed event that the client could have sent itself.
func TestCannotAmplify(t *testing.T) {
	t.Parallel()
	j, nc := openListening(t)
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
		t.Fatalf("after three events, the next records are %d and %d", last, ack.Last)
	}
}

// TestSeesOnlyAcknowledgements subscribes to everything that a client may subscribe
// to, while others publish, read and follow.
func TestSeesOnlyAcknowledgements(t *testing.T) {
	t.Parallel()
	j, nc := openListening(t)
	spy, err := nc.SubscribeSync("_INBOX.>")
	if err != nil {
		t.Fatal(err)
	}
	if err := nc.Flush(); err != nil {
		t.Fatal(err)
	}
	const secret = `{"name":"secret"}`
	client := connectWithKey(t, j, "")
	for _, n := range []int{1, 20, 1} {
		if _, err := client.Append(testContext(t), slices.Repeat([]Message{{Subject: consumerSubject, Body: []byte(secret)}}, n)); err != nil {
			t.Fatal(err)
		}
	}
	mustAppend(t, j, messages(20, 1)...)
	checkRecords(t, j, 43) // follows and gets
	checkSame(t, readAll(t, connectReader(t, j)), readAll(t, j))
	if err := nc.PublishRequest(consumerSubject, "_INBOX.the.last", []byte(secret)); err != nil {
		t.Fatal(err)
	}
	for seen := 0; ; seen++ {
		msg, err := spy.NextMsg(testTimeout)
		if err != nil {
			t.Fatal(err)
		}
		var ack map[string]any
		if err := json.Unmarshal(msg.Data, &ack); err != nil || ack["stream"] != Stream || strings.Contains(string(msg.Data), "secret") || len(msg.Header) > 0 {
			t.Fatalf("a client received %v %s", msg.Header, msg.Data)
		}
		if msg.Subject == "_INBOX.the.last" {
			if seen != 3 {
				t.Errorf("got %d other acknowledgements, want 3", seen)
			}
			return
		}
	}
}

// TestOpenClientHeaders publishes with headers that JetStream interprets. None of
// them may remove, move or expire a record.
func TestOpenClientHeaders(t *testing.T) {
	t.Parallel()
	j, nc := openListening(t)
	before := configOf(t, j)
	mustAppend(t, j, messages(10, 0)...)
	for _, header := range []nats.Header{
		{"Nats-Rollup": {"all"}}, {"Nats-TTL": {"1s"}}, {"Nats-Schedule": {"@every 1s"}, "Nats-Schedule-Target": {"ledger.clock"}},
		{"Nats-Incr": {"1"}}, {"Nats-Expected-Stream": {"OTHER"}}, {"Nats-Expected-Last-Sequence": {"1"}}, {"Nats-Marker-Reason": {"Purge"}},
		{"Nats-Stream-Source": {"LEDGER 1 > >"}}, {"Nats-Expected-Last-Subject-Sequence": {"1"}}, {"Nats-Required-Api-Level": {"99"}},
	} {
		if _, err := nc.RequestMsg(&nats.Msg{Subject: consumerSubject, Header: header, Data: []byte("{}")}, testTimeout); err != nil {
			t.Errorf("%v: %v", header, err)
		}
	}
	// A Nats-Msg-Id of a client does not block later appends.
	for range 2 {
		nc.RequestMsg(&nats.Msg{Subject: consumerSubject, Header: nats.Header{"Nats-Msg-Id": {"1"}}}, testTimeout)
	}
	mustAppend(t, j, messages(10, 0)...)
	checkStreamUnchanged(t, j, before)
	all := readAll(t, j)
	checkRecords(t, j, len(all))
	if len(all) < 21 {
		t.Fatal(len(all))
	}
}

// TestBusyWhileBatchesAreOpen opens as many batches as the server allows, and closes
// one after another writer waits.
func TestBusyWhileBatchesAreOpen(t *testing.T) {
	t.Parallel()
	j, nc := openListening(t)
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
	mustAppend(t, j, messages(1, 0)...) // single messages need no batch
	// The server drops an open batch after ten seconds. On a busy machine, its error
	// may take long.
	for wait := 100 * time.Millisecond; ; wait *= 2 {
		ctx, cancel := context.WithTimeout(t.Context(), wait)
		_, err := j.Append(ctx, messages(10, 0))
		cancel()
		if errors.Is(err, ErrBusy) {
			break
		}
		if !errors.Is(err, ErrOutcomeUnknown) {
			t.Fatal("append while too many batches are open:", err)
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
		t.Fatal("append after a batch was committed:", err)
	}
	checkRecords(t, j, 1+1+2+10)
}

// TestCannotDisturbFollow follows while a client tries to delete, replace or drain the
// follower's consumer. The test gives the client the consumer's name, which an
// attacker would have to guess.
func TestCannotDisturbFollow(t *testing.T) {
	t.Parallel()
	j, nc := openListening(t)
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
			t.Fatalf("got record %d, want %d", seq, want)
		}
	}
	end()
	<-followed
}
