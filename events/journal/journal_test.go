package journal

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"bookledger/events"
	"bookledger/events/record"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"golang.org/x/sync/errgroup"
)

var testGenesis = []byte(`{"type":"ledger.genesis.v1"}`)

const consumerSubject = "ledger.consumer.calheers"

// testTimeout ends a test that hangs. It is long because machines may be busy.
const testTimeout = 2 * time.Minute

func testContext(t testing.TB) context.Context {
	ctx, cancel := context.WithTimeout(t.Context(), testTimeout)
	t.Cleanup(cancel)
	return ctx
}

func openTest(t testing.TB, opts Options) *Journal {
	t.Helper()
	if opts.Dir == "" && opts.Server.URL == "" {
		opts.Dir = t.TempDir()
	}
	if opts.Genesis == nil {
		opts.Genesis = testGenesis
	}
	j, err := Open(testContext(t), opts)
	if err != nil {
		t.Fatal(err)
	}
	if err := j.Accept(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := j.Close(); err != nil {
			t.Error(err)
		}
	})
	return j
}

// externalServer starts a server with JetStream and without accounts, and returns
// its URL.
func externalServer(t testing.TB) string {
	t.Helper()
	s, err := server.NewServer(&server.Options{
		Host: "127.0.0.1", Port: server.RANDOM_PORT, JetStream: true, StoreDir: t.TempDir(), NoSigs: true, NoLog: true,
	})
	if err != nil {
		t.Fatal(err)
	}
	s.Start()
	t.Cleanup(func() { s.Shutdown(); s.WaitForShutdown() })
	if !s.ReadyForConnections(testTimeout) {
		t.Fatal("the server is not ready")
	}
	return s.ClientURL()
}

func messages(n int, from int) []Message {
	msgs := make([]Message, n)
	for i := range msgs {
		msgs[i] = Message{Subject: consumerSubject, Body: fmt.Appendf(nil, `{"n":%d}`, from+i)}
	}
	return msgs
}

func mustAppend(t testing.TB, j *Journal, msgs ...Message) Ack {
	t.Helper()
	ack, err := j.Append(testContext(t), msgs)
	if err != nil {
		t.Fatal(err)
	}
	return ack
}

// recordReader is implemented by Journal and Client.
type recordReader interface {
	Last(context.Context) (uint64, error)
	Read(ctx context.Context, after, upTo uint64, yield func([]record.Record) error) error
}

func readAll(t testing.TB, j recordReader) []record.Record {
	t.Helper()
	ctx := testContext(t)
	last, err := j.Last(ctx)
	if err != nil {
		t.Fatal(err)
	}
	var all []record.Record
	err = j.Read(ctx, 0, last, func(rs []record.Record) error { all = append(all, rs...); return nil })
	if err != nil {
		t.Fatal(err)
	}
	return all
}

// checkRecords reads all records with Read and some with At, and checks their number,
// the sequences and the genesis record.
func checkRecords(t testing.TB, j *Journal, want int) {
	t.Helper()
	all := readAll(t, j)
	if len(all) != want {
		t.Fatalf("got %d records, want %d", len(all), want)
	}
	for i, r := range all {
		if r.Seq != uint64(i+1) {
			t.Fatalf("record %d has sequence %d", i+1, r.Seq)
		}
		if i == 0 && (r.Subject != events.SubjectGenesis || string(r.Body) != string(testGenesis)) {
			t.Fatalf("the first record is %s %s", r.Subject, r.Body)
		}
		if i%97 != 0 {
			continue
		}
		at, err := j.At(testContext(t), r.Seq)
		if err != nil {
			t.Fatal(err)
		}
		if at.LeafHash() != r.LeafHash() || at.Stamped.Location() != time.UTC {
			t.Fatalf("At(%d) = %+v, want %+v", r.Seq, at, r)
		}
	}
}

func TestOpenRejectsInvalidOptions(t *testing.T) {
	dir, external := t.TempDir(), Server{URL: "nats://127.0.0.1:1"}
	for _, opts := range []Options{
		{}, {Dir: dir, Server: external}, {Dir: dir, Server: Server{Creds: "x"}}, {Dir: dir, Server: Server{NKey: "x"}},
		{Server: external, Listen: "127.0.0.1:0"}, {Server: external, ReaderKey: "x"}, {Dir: dir, Replicas: -1},
		{Dir: dir, Listen: "0.0.0.0:0"}, {Dir: dir, Listen: ":4222"}, {Dir: dir, Listen: "10.0.0.1:0"},
		{Dir: dir, Listen: "[::]:0"}, {Dir: dir, Listen: "example.org:0"}, {Dir: dir, Listen: "127.0.0.1"},
		{Dir: dir, Listen: "127.0.0.1:99999"},
	} {
		opts.Genesis = testGenesis
		j, err := Open(testContext(t), opts)
		if err == nil {
			j.Close()
			t.Errorf("%+v: opened", opts)
		}
	}
}

func TestOpenWithoutLedger(t *testing.T) {
	for name, opts := range map[string]Options{
		"embedded": {Dir: filepath.Join(t.TempDir(), "none")},
		"external": {Server: Server{URL: externalServer(t)}},
	} {
		t.Run(name, func(t *testing.T) {
			if _, err := Open(testContext(t), opts); !errors.Is(err, ErrNoLedger) {
				t.Fatal(err)
			}
		})
	}
}

func TestRestartKeepsEverything(t *testing.T) {
	dir := t.TempDir()
	history := Message{Subject: events.HistorySubject("calheers"), Recorded: "2026-11-20T20:59:58-08:00", Body: []byte("{}")}
	var before []record.Record
	for round := range 3 {
		genesis := testGenesis
		if round > 0 {
			genesis = nil // not needed for an existing ledger
		}
		j, err := Open(testContext(t), Options{Dir: dir, Genesis: genesis})
		if err != nil {
			t.Fatal(err)
		}
		if !configOf(t, j).AllowDirect {
			t.Fatal("direct gets are not enabled")
		}
		disableDirectGets(t, j) // as in a ledger created by an older release
		checkSame(t, readAll(t, j)[:len(before)], before)
		mustAppend(t, j, messages(300, 0)...)
		ack := mustAppend(t, j, history)
		checkRecords(t, j, 1+(round+1)*301)
		if r, err := j.At(testContext(t), ack.Last); err != nil || r.Header != history.Recorded {
			t.Fatalf("history record: %+v, %v", r, err)
		}
		before = readAll(t, j)
		if err := j.Close(); err != nil {
			t.Fatal(err)
		}
		if err := j.Close(); err != nil {
			t.Fatal("second Close:", err)
		}
		if _, err := j.Append(testContext(t), messages(1, 0)); !errors.Is(err, ErrClosed) {
			t.Fatal("append after Close:", err)
		}
	}
}

// TestGenesisCrashPoints opens a stream in the state that a crash leaves after each
// durable step of its creation.
func TestGenesisCrashPoints(t *testing.T) {
	for steps, name := range []string{"nothing", "created", "genesis", "open to publishers"} {
		t.Run(name, func(t *testing.T) {
			url, ctx := externalServer(t), testContext(t)
			half := &Journal{Client: connectTo(t, Server{URL: url}), opts: Options{Genesis: testGenesis}}
			if steps > 0 {
				if _, err := half.createStream(ctx); err != nil {
					t.Fatal(err)
				}
				if _, err := half.nc.Request(consumerSubject, nil, testTimeout); !errors.Is(err, nats.ErrNoResponders) {
					t.Fatal("publishing before genesis:", err)
				}
			}
			if steps > 1 {
				info, _ := half.info(ctx)
				if err := half.appendGenesis(ctx, info); err != nil {
					t.Fatal(err)
				}
				info, _ = half.info(ctx)
				if steps > 2 {
					if err := half.openToPublishers(ctx, info); err != nil {
						t.Fatal(err)
					}
				}
			}
			if steps < 2 {
				if _, err := Open(ctx, Options{Server: Server{URL: url}}); !errors.Is(err, ErrNoLedger) {
					t.Fatal("open without a genesis:", err)
				}
			}
			j := openTest(t, Options{Server: Server{URL: url}})
			mustAppend(t, j, messages(2, 0)...)
			checkRecords(t, j, 3)
		})
	}
}

func TestGenesisRace(t *testing.T) {
	url := externalServer(t)
	nodes := make([]*Journal, 8)
	var opened errgroup.Group
	for i := range nodes {
		opened.Go(func() (err error) {
			nodes[i], err = Open(t.Context(), Options{Server: Server{URL: url}, Genesis: fmt.Appendf(nil, `{"node":%d}`, i)})
			return err
		})
	}
	if err := opened.Wait(); err != nil {
		t.Fatal(err)
	}
	for _, j := range nodes {
		defer j.Close()
		mustAppend(t, j, messages(2, 0)...)
	}
	want := readAll(t, nodes[0])
	for i, r := range want {
		if (r.Subject == events.SubjectGenesis) != (i == 0) {
			t.Fatalf("record %d is on %s", r.Seq, r.Subject)
		}
	}
	for _, j := range nodes[1:] {
		checkSame(t, readAll(t, j), want)
	}
}

func TestForeignStreamIsRefused(t *testing.T) {
	url, ctx := externalServer(t), testContext(t)
	if _, err := connectTo(t, Server{URL: url}).js.CreateStream(ctx, jetstream.StreamConfig{Name: Stream, Subjects: []string{"ledger.>"}}); err != nil {
		t.Fatal(err)
	}
	_, err := Open(ctx, Options{Server: Server{URL: url}, Genesis: testGenesis})
	if err == nil || !strings.Contains(err.Error(), "deny_delete is off") {
		t.Fatal(err)
	}
}

func TestNowAndAt(t *testing.T) {
	j := openTest(t, Options{})
	now, err := j.Now(testContext(t))
	if err != nil || time.Since(now).Abs() > time.Minute {
		t.Fatal(now, err)
	}
	if j.URL() != "" {
		t.Fatalf("got URL %q without a listener, want none", j.URL())
	}
	for _, seq := range []uint64{0, 2} {
		if _, err := j.At(testContext(t), seq); !errors.Is(err, ErrNotFound) {
			t.Fatal(seq, err)
		}
	}
}
