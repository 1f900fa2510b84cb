package journal

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

// TestOpenClientHearsNothingOfOurs listens to all inboxes that a client may
// listen to while the journal's own connection asks and is answered.
func TestOpenClientHearsNothingOfOurs(t *testing.T) {
	j, nc := openToAll(t)
	all, err := nc.SubscribeSync("_INBOX.>")
	if err != nil {
		t.Fatal(err)
	}
	if err := nc.Flush(); err != nil {
		t.Fatal(err)
	}
	mustAppend(t, j, messages(1, 0)...)
	mustAppend(t, j, messages(20, 1)...)
	checkWhole(t, j, 22)
	if _, err := j.Now(testContext(t)); err != nil {
		t.Fatal(err)
	}
	// What was led to this client's account came before this answer.
	if _, err := nc.Request("$JS.API.INFO", nil, 5*time.Second); err != nil {
		t.Fatal(err)
	}
	if msg, err := all.NextMsg(5 * time.Second); err != nil || len(msg.Data) == 0 || msg.Subject == "" {
		t.Fatal("the client's own answer did not come:", err)
	}
	if n, _, _ := all.Pending(); n != 0 {
		t.Fatalf("%d answers to others came", n)
	}
	// The other way round, the server does not let our connection listen there.
	if _, err := j.nc.SubscribeSync("_INBOX.x"); err != nil {
		t.Fatal(err)
	}
	if err := j.nc.Flush(); err != nil || !errors.Is(j.nc.LastError(), nats.ErrPermissionViolation) {
		t.Fatalf("LEDGER listens to clients' inboxes: %v %v", err, j.nc.LastError())
	}
}

// TestOpenClientListensIn holds that a client which listens to the inboxes of
// others does not change what they get.
func TestOpenClientListensIn(t *testing.T) {
	j, nc := openToAll(t)
	for _, subject := range []string{"_INBOX.>", "_INBOX.*", "_INBOX.>"} {
		if _, err := nc.Subscribe(subject, func(*nats.Msg) {}); err != nil {
			t.Fatal(err)
		}
	}
	if err := nc.Flush(); err != nil {
		t.Fatal(err)
	}
	publishAll(t, nc, emptyFull(50, func(i int) bool { return i%2 == 0 }))
	want := readAll(t, j)
	readByURL(t, j, want)
	orderedEmpty(t, nc, want)
	pageEmpty(t, nc, want)
}

// TestOpenClientLeaves holds that the request of a client that is gone takes no
// records: who comes next gets them, at once.
func TestOpenClientLeaves(t *testing.T) {
	j, nc := openToAll(t)
	js, _ := jetstream.New(nc)
	ctx := testContext(t)
	c, err := js.CreateConsumer(ctx, Stream, jetstream.ConsumerConfig{Durable: "c", AckPolicy: jetstream.AckNonePolicy, DeliverPolicy: jetstream.DeliverNewPolicy})
	if err != nil {
		t.Fatal(err)
	}
	gone, err := nats.Connect(j.URL())
	if err != nil {
		t.Fatal(err)
	}
	sub, err := gone.SubscribeSync(gone.NewInbox())
	if err != nil {
		t.Fatal(err)
	}
	if err := gone.PublishRequest("$JS.API.CONSUMER.MSG.NEXT.LEDGER.c", sub.Subject, []byte("100")); err != nil {
		t.Fatal(err)
	}
	waiting := func(want int) {
		t.Helper()
		for {
			info, err := c.Info(ctx)
			if err != nil {
				t.Fatalf("while %d requests should wait: %v", want, err)
			}
			if info.NumWaiting == want {
				return
			}
		}
	}
	waiting(1)
	gone.Close()
	waiting(0)
	mustAppend(t, j, messages(10, 0)...)
	batch, err := c.Fetch(10, jetstream.FetchMaxWait(10*time.Second))
	if err != nil {
		t.Fatal(err)
	}
	seq := uint64(1)
	for msg := range batch.Messages() {
		seq++
		if meta, err := msg.Metadata(); err != nil || meta.Sequence.Stream != seq {
			t.Fatal(meta, err)
		}
	}
	if seq != 11 {
		t.Fatalf("got up to record %d of 11: %v", seq, batch.Error())
	}
}

// TestOpenClientPullsIntoInboxesOnly names for the records every kind of subject
// that is no inbox, and listens in LEDGER for them.
func TestOpenClientPullsIntoInboxesOnly(t *testing.T) {
	j, nc := openToAll(t)
	before := configOf(t, j)
	js, _ := jetstream.New(nc)
	ctx := testContext(t)
	c, err := js.CreateConsumer(ctx, Stream, jetstream.ConsumerConfig{Durable: "c", AckPolicy: jetstream.AckNonePolicy})
	if err != nil {
		t.Fatal(err)
	}
	mustAppend(t, j, messages(10, 0)...)
	own := watchOwnInbox(t, j)
	for _, reply := range append(forbidden(), own.Subject, consumerSubject, "_INBOX", "_INBOX.>", "_INBOX.*", "_INBOXES.x", "$JS.ACK.LEDGER.c.1.1.1.1.1",
		gatePrefix+"DELETE.LEDGER.x", publishPrefix+consumerSubject, pullPrefix+"c", "_R_.x", "$SYS.REQ.SERVER.PING") {
		for _, body := range []string{"1", "", `{"batch":1,"no_wait":true}`, "rubbish"} {
			if err := nc.PublishRequest("$JS.API.CONSUMER.MSG.NEXT.LEDGER.c", reply, []byte(body)); err != nil {
				t.Fatal(fmt.Errorf("%s: %w", reply, err))
			}
		}
	}
	fetchCtx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	msg, err := c.Next(jetstream.FetchContext(fetchCtx))
	if err != nil {
		t.Fatal(err)
	}
	// It came after the others: none of them was let pass.
	if meta, err := msg.Metadata(); err != nil || meta.Sequence.Consumer != 1 {
		t.Fatalf("the first record that an inbox got is %+v (%v)", meta, err)
	}
	checkUnharmed(t, j, before)
	checkWhole(t, j, 11)
	if n, _, _ := own.Pending(); n != 0 {
		t.Fatalf("%d messages came into our inbox", n)
	}
}

// TestOpenClientAsksConsumerThatIsGone holds that whoever asks a consumer that
// was deleted, or that the server has forgotten, is told that there is none, and
// that one of the same name works.
func TestOpenClientAsksConsumerThatIsGone(t *testing.T) {
	j, nc := openToAll(t)
	js, _ := jetstream.New(nc)
	ctx := testContext(t)
	mustAppend(t, j, messages(3, 0)...)
	ends := map[string]func(){
		"deleted": func() {
			if err := js.DeleteConsumer(ctx, Stream, "c"); err != nil {
				t.Fatal(err)
			}
		},
		"idle": func() {
			for {
				if _, err := js.Consumer(ctx, Stream, "c"); errors.Is(err, jetstream.ErrConsumerNotFound) {
					return
				} else if err != nil {
					t.Fatal(err)
				}
			}
		},
	}
	for _, name := range []string{"deleted", "idle", "deleted"} {
		c, err := js.CreateConsumer(ctx, Stream, jetstream.ConsumerConfig{Durable: "c", AckPolicy: jetstream.AckNonePolicy, InactiveThreshold: time.Second})
		if err != nil {
			t.Fatal(err)
		}
		for want := range 4 {
			msg, err := c.Next(jetstream.FetchMaxWait(10 * time.Second))
			if err != nil {
				t.Fatalf("%s: %v", name, err)
			}
			if meta, err := msg.Metadata(); err != nil || meta.Sequence.Stream != uint64(want+1) {
				t.Fatal(meta, err)
			}
		}
		ends[name]()
		told := false
		for !told {
			// The server tells of an idle one by itself, and may do so later.
			_, err := c.Next(jetstream.FetchMaxWait(time.Second))
			if told = errors.Is(err, nats.ErrNoResponders); !told && (name == "deleted" || ctx.Err() != nil) {
				t.Fatalf("%s: asking a consumer that is gone: %v", name, err)
			}
		}
	}
	// The names are forgotten too.
	j.pulls.mu.Lock()
	defer j.pulls.mu.Unlock()
	if n := len(j.pulls.subs); n != 0 {
		t.Fatalf("%d ways to consumers that are gone", n)
	}
}

// TestOpenClientUsesRestoredConsumer asks a consumer that the stream had before
// the gate was opened, as one that was restored from another server has.
func TestOpenClientUsesRestoredConsumer(t *testing.T) {
	dir := t.TempDir()
	j := openTest(t, Options{Dir: dir})
	if _, err := j.js.CreateConsumer(testContext(t), Stream, jetstream.ConsumerConfig{Durable: "old", AckPolicy: jetstream.AckExplicitPolicy}); err != nil {
		t.Fatal(err)
	}
	if err := j.Close(); err != nil {
		t.Fatal(err)
	}
	j = openTest(t, Options{Dir: dir, Listen: "127.0.0.1:0"})
	nc, err := nats.Connect(j.URL())
	if err != nil {
		t.Fatal(err)
	}
	defer nc.Close()
	js, _ := jetstream.New(nc)
	c, err := js.Consumer(testContext(t), Stream, "old")
	if err != nil {
		t.Fatal(err)
	}
	if msg, err := c.Next(jetstream.FetchMaxWait(10 * time.Second)); err != nil || msg.Subject() != "ledger.genesis" {
		t.Fatal(msg, err)
	}
}

// TestOpenClientFloods holds that clients who ask for more than the server can
// hand to the gate cut off nobody but the gate, and that for a moment.
func TestOpenClientFloods(t *testing.T) {
	j, nc := openToAll(t)
	mustAppend(t, j, messages(3, 0)...)
	js, _ := jetstream.New(nc, jetstream.WithDefaultTimeout(atMost))
	consumer := jetstream.ConsumerConfig{Durable: "c", AckPolicy: jetstream.AckNonePolicy}
	if _, err := js.CreateConsumer(testContext(t), Stream, consumer); err != nil {
		t.Fatal(err)
	}
	body := make([]byte, 1<<20-100)
	copy(body, "1")
	var flood sync.WaitGroup
	for range 3 {
		client, err := nats.Connect(j.URL(), nats.Timeout(atMost))
		if err != nil {
			t.Fatal(err)
		}
		flood.Go(func() {
			defer client.Close()
			for i := range 1000 {
				request := [...]string{"MSG.NEXT." + Stream + ".c", "CREATE." + Stream}[i%2]
				if client.PublishRequest(apiPrefix+request, client.NewInbox(), body) != nil {
					return // it was cut off
				}
			}
		})
	}
	for range 50 {
		if _, err := j.Last(testContext(t)); err != nil {
			t.Error(err)
			break
		}
	}
	flood.Wait()
	if n := j.nc.Stats().Reconnects; n > 0 {
		t.Errorf("the journal's own connection was cut off %d times", n)
	}
	var c jetstream.Consumer
	eventually(t, "a client is answered", func() (err error) {
		c, err = js.CreateConsumer(testContext(t), Stream, consumer)
		return err
	})
	if msg, err := c.Next(jetstream.FetchMaxWait(atMost)); err != nil || msg.Subject() != "ledger.genesis" {
		t.Fatal(msg, err)
	}
}

// TestGateCutOff deletes a consumer while the gate's connection is away, which
// so does not hear of it.
func TestGateCutOff(t *testing.T) {
	j, nc := openToAll(t)
	js, _ := jetstream.New(nc)
	for _, name := range []string{"stays", "goes"} {
		if _, err := js.CreateConsumer(testContext(t), Stream, jetstream.ConsumerConfig{Durable: name, AckPolicy: jetstream.AckNonePolicy}); err != nil {
			t.Fatal(err)
		}
	}
	id, err := j.gate.GetClientID()
	if err != nil {
		t.Fatal(err)
	}
	if err := j.srv.DisconnectClientByID(id); err != nil {
		t.Fatal(err)
	}
	if err := j.js.DeleteConsumer(testContext(t), Stream, "goes"); err != nil {
		t.Fatal(err)
	}
	eventually(t, "the gate is back", func() error {
		if n := j.gate.Stats().Reconnects; n == 0 {
			return errors.New("not yet")
		}
		return nil
	})
	ask := func(name string) (*nats.Msg, error) { return nc.Request(nextPrefix+name, []byte("1"), time.Second) }
	eventually(t, "the way to the one is closed", func() error {
		if _, err := ask("goes"); !errors.Is(err, nats.ErrNoResponders) {
			return fmt.Errorf("asking it: %w", err)
		}
		return nil
	})
	if msg, err := ask("stays"); err != nil || msg.Subject == "" || len(msg.Data) == 0 {
		t.Fatal(msg, err)
	}
}

// eventually waits until what is asked for fails no more.
func eventually(t *testing.T, what string, fails func() error) {
	t.Helper()
	deadline := time.Now().Add(atMost)
	for err := fails(); err != nil; err = fails() {
		if time.Now().After(deadline) {
			t.Fatalf("waiting in vain until %s: %v", what, err)
		}
		time.Sleep(20 * time.Millisecond)
	}
}
