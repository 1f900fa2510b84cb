package journal

import (
	"context"
	"errors"
	"testing"
	"time"

	"bookledger/events/record"

	"github.com/nats-io/nats.go"
	"go.uber.org/zap"
)

// TestFollow follows from the middle of the journal, and gets new records as they
// arrive.
func TestFollow(t *testing.T) {
	for name, opts := range map[string]Options{"embedded": {}, "external": {Server: Server{URL: externalServer(t)}}} {
		t.Run(name, func(t *testing.T) { follow(t, openTest(t, opts)) })
	}
}

func follow(t *testing.T, j *Journal) {
	if err := j.Follow(testContext(t), 2, nil); !errors.Is(err, ErrBehind) {
		t.Fatal(err)
	}
	mustAppend(t, j, messages(1000, 0)...)
	got := make(chan record.Record, 1)
	done, end := followInto(t, j, 300, func(r record.Record) { got <- r })
	for want := uint64(301); want <= 1001; want++ {
		if r := <-got; r.Seq != want {
			t.Fatalf("got record %d, want %d", r.Seq, want)
		}
	}
	for i := range 20 {
		batch := messages(1+i%3, i)
		batch[0].Body = batch[0].Body[:i%2] // half of the first bodies are empty
		ack := mustAppend(t, j, batch...)
		for want := ack.First; want <= ack.Last; want++ {
			if r := <-got; r.Seq != want || string(r.Body) != string(batch[want-ack.First].Body) {
				t.Fatalf("got record %+v, want %d %q", r, want, batch[want-ack.First].Body)
			}
		}
	}
	end()
	if err := <-done; !errors.Is(err, context.Canceled) {
		t.Fatal(err)
	}
}

// followInto follows in a goroutine until end is called.
func followInto(t *testing.T, j *Journal, after uint64, take func(record.Record)) (done chan error, end context.CancelFunc) {
	ctx, end := context.WithCancel(testContext(t))
	done = make(chan error, 1)
	go func() {
		done <- j.Follow(ctx, after, func(rs []record.Record) error {
			if len(rs) == 0 || len(rs) > maxYield {
				t.Errorf("got %d records at once", len(rs))
			}
			for _, r := range rs {
				take(r)
			}
			return nil
		})
	}()
	return done, end
}

func TestFollowEndsWithTheJournal(t *testing.T) {
	j := openTest(t, Options{})
	began := make(chan struct{})
	done, _ := followInto(t, j, 0, func(record.Record) { close(began) })
	<-began
	if err := j.Close(); err != nil {
		t.Fatal(err)
	}
	if err := <-done; !errors.Is(err, ErrClosed) {
		t.Fatal(err)
	}
}

func TestFollowReportsReconnect(t *testing.T) {
	j := openTest(t, Options{})
	ctx := testContext(t)
	pos, reached := uint64(0), errors.New("reached")
	forced := false
	for pos < 21 {
		err := j.Follow(ctx, pos, func(rs []record.Record) error {
			pos += uint64(len(rs))
			if pos >= 21 { // each interruption adds 20 records
				return reached
			}
			if !forced {
				forced = true
				return j.nc.ForceReconnect()
			}
			return nil
		})
		if errors.Is(err, reached) {
			break
		}
		if !errors.Is(err, ErrReconnected) {
			t.Fatal(err)
		}
		// Recovery repeats the call that started to follow.
		connected := j.nc.StatusChanged(nats.CONNECTED)
		for !j.nc.IsConnected() {
			select {
			case <-connected:
			case <-ctx.Done():
				t.Fatal("did not reconnect")
			}
		}
		mustAppend(t, j, messages(20, 0)...)
	}
}

// TestFollowDetectsGaps sends the follower the messages of a server that lost a record.
func TestFollowDetectsGaps(t *testing.T) {
	deliver := func(seq string) *nats.Msg {
		return &nats.Msg{Subject: consumerSubject, Reply: "$JS.ACK.LEDGER.c.1." + seq + ".9.1700000000000000000.0", Data: []byte("{}")}
	}
	heartbeat := &nats.Msg{Header: nats.Header{"Status": {"100"}, "Nats-Last-Stream": {"4"}}}
	for name, msgs := range map[string][]*nats.Msg{
		"missing":   {deliver("2"), deliver("4")},
		"repeated":  {deliver("2"), deliver("2")},
		"tail lost": {deliver("2"), heartbeat},
	} {
		t.Run(name, func(t *testing.T) {
			in := &incoming{ready: make(chan struct{}, 1)}
			for _, m := range msgs {
				in.receive(m)
			}
			j := &Journal{Client: newClient(Server{}, zap.NewNop())}
			var seqs []uint64
			f := &follower{j: j, in: in, pos: 1, yield: func(rs []record.Record) error {
				for _, r := range rs {
					seqs = append(seqs, r.Seq)
				}
				return nil
			}}
			if err := f.run(testContext(t), j.connection()); !errors.Is(err, ErrGap) {
				t.Fatal(err)
			}
			if len(seqs) != 1 || seqs[0] != 2 {
				t.Fatalf("got records %v, want [2]", seqs)
			}
		})
	}
}

func TestParseReplySubject(t *testing.T) {
	want := time.Unix(0, 1700000000000000123).UTC()
	for _, reply := range []string{
		"$JS.ACK.LEDGER.c.1.77.78.1700000000000000123.0",
		"$JS.ACK._.hash.LEDGER.c.1.77.78.1700000000000000123.0",
		"$JS.ACK.dom.hash.LEDGER.c.1.77.78.1700000000000000123.0.token",
	} {
		if seq, at, err := parseReplySubject(reply); err != nil || seq != 77 || !at.Equal(want) {
			t.Errorf("%s: %d %v %v", reply, seq, at, err)
		}
	}
	for _, reply := range []string{"", "x", "$JS.ACK.LEDGER.c.1.x.78.1.0", "_INBOX.a.b.c.d.e.f.g.h", "$JS.ACK.a.b.c.d.e.f.g.h", "$JS.ACK.LEDGER.c.1.0.78.1.0"} {
		if _, _, err := parseReplySubject(reply); err == nil {
			t.Errorf("%q is accepted", reply)
		}
	}
}
