package node_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"bookledger/cmd/internal/fixture"
	"bookledger/cmd/internal/node"
	"bookledger/events"
	"bookledger/events/journal"
)

// startServer runs an external NATS server with JetStream on a free port.
func startServer(t *testing.T, store string) *server.Server {
	t.Helper()
	s, err := server.NewServer(&server.Options{
		Host: "127.0.0.1", Port: server.RANDOM_PORT, JetStream: true, StoreDir: store, SyncAlways: true, MaxPayload: events.MaxMessage, NoSigs: true, NoLog: true,
	})
	fixture.Must(t, err)
	s.Start()
	if !s.ReadyForConnections(2 * time.Minute) {
		t.Fatal("the server is not ready")
	}
	t.Cleanup(func() { s.Shutdown(); s.WaitForShutdown() })
	return s
}

// relay is a TCP proxy with a fixed address. A server that is restarted may find its
// own port taken, so the tests connect through a relay.
type relay struct {
	net.Listener
	mu     sync.Mutex
	target string
}

func newRelay(t *testing.T) *relay {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	fixture.Must(t, err)
	r := &relay{Listener: listener}
	var open sync.WaitGroup
	open.Go(func() {
		for {
			client, err := r.Accept()
			if err != nil {
				return // closed
			}
			open.Go(func() { r.forward(client) })
		}
	})
	t.Cleanup(func() {
		if err := r.Close(); err != nil {
			t.Error(err)
		}
		open.Wait()
	})
	return r
}

func (r *relay) setTarget(address string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.target = address
}

// forward copies data in both directions until one side closes.
func (r *relay) forward(client net.Conn) {
	defer client.Close()
	r.mu.Lock()
	target := r.target
	r.mu.Unlock()
	server, err := net.Dial("tcp", target)
	if err != nil {
		return
	}
	go func() {
		_, _ = io.Copy(server, client)
		_ = server.Close()
	}()
	_, _ = io.Copy(client, server)
	_ = server.Close()
}

func open(t *testing.T, dir, url string) *node.Node {
	t.Helper()
	l, err := node.Open(t.Context(), node.Options{Dir: dir, Create: true, Now: time.Now, Server: journal.Server{URL: url}})
	fixture.Must(t, err)
	return l
}

// message returns an event with the id n as a batch of one.
func message(t *testing.T, n int) []journal.Message {
	t.Helper()
	body, err := events.Event{
		ID: fmt.Sprint(n), Source: "calheers", Type: events.TypeDelegationCreated, Time: time.Unix(0, 0),
		Data: &events.DelegationCreated{Delegation: events.Delegation{CaseID: fmt.Sprint(n), AgentID: "A1"}},
	}.Encode()
	fixture.Must(t, err)
	return []journal.Message{{Subject: "ledger.delegation.calheers", Body: body}}
}

// appendWithRetry appends an event and retries until the server responds.
func appendWithRetry(t *testing.T, l *node.Node, n int) journal.Ack {
	t.Helper()
	for {
		ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
		ack, err := l.Journal.Append(ctx, message(t, n))
		cancel()
		if err == nil {
			return ack
		}
		if t.Context().Err() != nil {
			t.Fatal(err)
		}
	}
}

// waitFor waits until the projection has applied a record, across interruptions.
func waitFor(t *testing.T, l *node.Node, seq uint64) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 3*time.Minute)
	defer cancel()
	for {
		_, _, err := l.Projection.WaitFor(ctx, seq)
		if err == nil {
			return
		}
		if !errors.Is(err, journal.ErrReconnected) {
			t.Fatal(err)
		}
	}
}

// TestFollowSurvivesOutage checks that Follow continues after an outage of the
// journal's server.
func TestFollowSurvivesOutage(t *testing.T) {
	t.Parallel()
	store := t.TempDir()
	first := startServer(t, store)
	r := newRelay(t)
	r.setTarget(first.Addr().String())
	l := open(t, t.TempDir(), "nats://"+r.Addr().String())
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- l.Follow(ctx) }()
	waitFor(t, l, appendWithRetry(t, l, 1).Last)

	first.Shutdown()
	first.WaitForShutdown()
	if _, err := l.Journal.Last(t.Context()); !errors.Is(err, journal.ErrReconnected) {
		t.Errorf("without a server: got %v, want ErrReconnected", err)
	}
	r.setTarget(startServer(t, store).Addr().String())
	waitFor(t, l, appendWithRetry(t, l, 2).Last)

	stop()
	if err := <-ended; !errors.Is(err, context.Canceled) {
		t.Errorf("Follow: got %v, want context.Canceled", err)
	}
	if err := l.Close(); err != nil {
		t.Error(err)
	}
}

// TestCompletesInterruptedCreation checks that the next start completes the creation
// of a ledger that was interrupted between genesis and opening the other subjects, and
// that readers see no ledger until then.
func TestCompletesInterruptedCreation(t *testing.T) {
	t.Parallel()
	s := startServer(t, t.TempDir())
	dir := t.TempDir()
	fixture.Must(t, open(t, dir, s.ClientURL()).Close())
	nc, err := nats.Connect(s.ClientURL(), nats.Timeout(time.Minute))
	fixture.Must(t, err)
	defer nc.Close()
	js, err := jetstream.New(nc)
	fixture.Must(t, err)
	stream, err := js.Stream(t.Context(), journal.Stream)
	fixture.Must(t, err)
	config := stream.CachedInfo().Config
	config.Subjects = []string{events.SubjectGenesis}
	if _, err := js.UpdateStream(t.Context(), config); err != nil {
		t.Fatal(err)
	}
	if _, err := journal.Open(t.Context(), journal.Options{Server: journal.Server{URL: s.ClientURL()}}); !errors.Is(err, journal.ErrNoLedger) {
		t.Errorf("reading an incomplete ledger: got %v, want ErrNoLedger", err)
	}
	if err := os.RemoveAll(filepath.Join(dir, "projection")); err != nil { // an interrupted creation leaves none
		t.Fatal(err)
	}
	l := open(t, dir, s.ClientURL())
	defer l.Close()
	if ack, err := l.Journal.Append(t.Context(), message(t, 1)); err != nil || ack.Last != 2 {
		t.Errorf("appending to the completed ledger: got %+v, %v; want sequence 2", ack, err)
	}
}

// TestLocksFolder checks that a folder can be open only once, and is free after Close.
func TestLocksFolder(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	l := open(t, dir, "")
	if _, err := node.Open(t.Context(), node.Options{Dir: dir, Now: time.Now}); !errors.Is(err, node.ErrInUse) {
		t.Errorf("second Open: got %v, want ErrInUse", err)
	}
	fixture.Must(t, l.Close())
	key, err := os.ReadFile(filepath.Join(dir, "seal.key"))
	fixture.Must(t, err)
	again := open(t, dir, "")
	defer again.Close()
	if same, err := os.ReadFile(filepath.Join(dir, "seal.key")); err != nil || string(same) != string(key) {
		t.Errorf("the seal key has changed (%v)", err)
	}
}

// TestRejectsPublishersIfJournalIsOlder opens a folder whose journal was replaced by an
// older copy. No publisher may connect, since its events could be lost with that
// journal.
func TestRejectsPublishersIfJournalIsOlder(t *testing.T) {
	t.Parallel()
	dir, older := t.TempDir(), t.TempDir()
	l := open(t, dir, "")
	fixture.Must(t, errors.Join(l.CatchUp(t.Context()), l.Close()))
	fixture.Must(t, os.CopyFS(older, os.DirFS(filepath.Join(dir, "journal"))))
	l = open(t, dir, "")
	_, err := l.Journal.Append(t.Context(), message(t, 1))
	fixture.Must(t, errors.Join(err, l.CatchUp(t.Context()), l.Close(), os.RemoveAll(filepath.Join(dir, "journal")),
		os.CopyFS(filepath.Join(dir, "journal"), os.DirFS(older))))
	free, err := net.Listen("tcp", "127.0.0.1:0")
	fixture.Must(t, err)
	address := free.Addr().String()
	fixture.Must(t, free.Close())
	connected := make(chan bool)
	trying, stop := context.WithCancel(t.Context())
	go func() {
		any := false
		for trying.Err() == nil {
			if c, err := net.Dial("tcp", address); err == nil {
				any = true
				_ = c.Close()
			}
		}
		connected <- any
	}()
	_, err = node.Open(t.Context(), node.Options{Dir: dir, Create: true, Now: time.Now, NATSListen: address})
	stop()
	if got := <-connected; got || !node.IsViolation(err) {
		t.Errorf("got publisher connected %t, error %v; want false and a violation", got, err)
	}
}

// TestMissingJournalIsNotReplaced opens folders whose journal is missing on the disk or
// on the server. No new ledger may take the place of the earlier one.
func TestMissingJournalIsNotReplaced(t *testing.T) {
	t.Parallel()
	for name, url := range map[string]string{"embedded": "", "external": startServer(t, t.TempDir()).ClientURL()} {
		dir := t.TempDir()
		l := open(t, dir, url)
		fixture.Must(t, errors.Join(l.CatchUp(t.Context()), l.Close()))
		if url == "" {
			fixture.Must(t, os.Rename(filepath.Join(dir, "journal"), filepath.Join(t.TempDir(), "journal")))
		} else {
			url = startServer(t, t.TempDir()).ClientURL()
		}
		for range 2 {
			l, err := node.Open(t.Context(), node.Options{Dir: dir, Create: true, Now: time.Now, Server: journal.Server{URL: url}})
			if !errors.Is(err, node.ErrJournalMissing) {
				t.Errorf("%s: got %v, want ErrJournalMissing", name, err)
			}
			if err == nil {
				l.Close()
			}
		}
		open(t, t.TempDir(), url).Close() // a new folder gets a new ledger
	}
}
