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

// external runs a NATS server with JetStream, on any free port.
func external(t *testing.T, store string) *server.Server {
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

// relay is an address that leads to the server behind it, if there is one. A
// server that comes back could find its own port taken.
type relay struct {
	net.Listener
	mu sync.Mutex
	to string
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
				return // it was closed
			}
			open.Go(func() { r.pass(client) })
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

func (r *relay) lead(to string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.to = to
}

// pass passes on what both sides say, until one has gone.
func (r *relay) pass(client net.Conn) {
	defer client.Close()
	r.mu.Lock()
	to := r.to
	r.mu.Unlock()
	server, err := net.Dial("tcp", to)
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

func message(t *testing.T, n int) []journal.Message {
	t.Helper()
	body, err := events.Event{
		ID: fmt.Sprint(n), Source: "calheers", Type: events.TypeDelegationCreated, Time: time.Unix(0, 0),
		Data: &events.DelegationCreated{Delegation: events.Delegation{CaseID: fmt.Sprint(n), AgentID: "A1"}},
	}.Encode()
	fixture.Must(t, err)
	return []journal.Message{{Subject: "ledger.delegation.calheers", Body: body}}
}

// appendWhenThere appends when the server is there.
func appendWhenThere(t *testing.T, l *node.Node, n int) journal.Ack {
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

// waitFor waits until the projection has come to a record, over interruptions.
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

// TestOutage holds that following goes on by itself when the journal's server
// was gone for a while.
func TestOutage(t *testing.T) {
	t.Parallel()
	store := t.TempDir()
	first := external(t, store)
	r := newRelay(t)
	r.lead(first.Addr().String())
	l := open(t, t.TempDir(), "nats://"+r.Addr().String())
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- l.Follow(ctx) }()
	waitFor(t, l, appendWhenThere(t, l, 1).Last)

	first.Shutdown()
	first.WaitForShutdown()
	if _, err := l.Journal.Last(t.Context()); !errors.Is(err, journal.ErrReconnected) {
		t.Errorf("without a server: %v", err)
	}
	r.lead(external(t, store).Addr().String())
	waitFor(t, l, appendWhenThere(t, l, 2).Last)

	stop()
	if err := <-ended; !errors.Is(err, context.Canceled) {
		t.Errorf("following ended with %v", err)
	}
	if err := l.Close(); err != nil {
		t.Error(err)
	}
}

// TestCutShort holds that a ledger whose making was cut short between genesis
// and the opening to publishers is finished at the next start, and says so to
// those who only read.
func TestCutShort(t *testing.T) {
	t.Parallel()
	s := external(t, t.TempDir())
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
		t.Errorf("reading a ledger that is not finished: %v", err)
	}
	if err := os.RemoveAll(filepath.Join(dir, "projection")); err != nil { // which is begun after it
		t.Fatal(err)
	}
	l := open(t, dir, s.ClientURL())
	defer l.Close()
	if ack, err := l.Journal.Append(t.Context(), message(t, 1)); err != nil || ack.Last != 2 {
		t.Errorf("the finished ledger takes %+v, %v", ack, err)
	}
}

// TestOneProcess holds that a folder is one process's, and free again when that
// has closed it.
func TestOneProcess(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	l := open(t, dir, "")
	if _, err := node.Open(t.Context(), node.Options{Dir: dir, Now: time.Now}); !errors.Is(err, node.ErrInUse) {
		t.Errorf("opened twice: %v", err)
	}
	fixture.Must(t, l.Close())
	key, err := os.ReadFile(filepath.Join(dir, "seal.key"))
	fixture.Must(t, err)
	again := open(t, dir, "")
	defer again.Close()
	if same, err := os.ReadFile(filepath.Join(dir, "seal.key")); err != nil || string(same) != string(key) {
		t.Errorf("the key of the seals has changed: %v", err)
	}
}

// TestAcceptsNobody opens a folder whose journal was put back to an older copy:
// no publisher is let in, whose events would be lost with it.
func TestAcceptsNobody(t *testing.T) {
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
	knocked := make(chan bool)
	trying, end := context.WithCancel(t.Context())
	go func() {
		in := false
		for trying.Err() == nil {
			if c, err := net.Dial("tcp", address); err == nil {
				in = true
				_ = c.Close()
			}
		}
		knocked <- in
	}()
	_, err = node.Open(t.Context(), node.Options{Dir: dir, Create: true, Now: time.Now, NATSListen: address})
	end()
	if in := <-knocked; in || !node.IsViolation(err) {
		t.Errorf("a publisher came in: %v; %v", in, err)
	}
}

// TestLost opens folders whose journal is gone, on the disk or on the server:
// no new ledger takes the place of the one that was.
func TestLost(t *testing.T) {
	t.Parallel()
	for what, url := range map[string]string{"embedded": "", "external": external(t, t.TempDir()).ClientURL()} {
		dir := t.TempDir()
		l := open(t, dir, url)
		fixture.Must(t, errors.Join(l.CatchUp(t.Context()), l.Close()))
		if url == "" {
			fixture.Must(t, os.Rename(filepath.Join(dir, "journal"), filepath.Join(t.TempDir(), "journal")))
		} else {
			url = external(t, t.TempDir()).ClientURL()
		}
		for range 2 {
			l, err := node.Open(t.Context(), node.Options{Dir: dir, Create: true, Now: time.Now, Server: journal.Server{URL: url}})
			if !errors.Is(err, node.ErrJournalMissing) {
				t.Errorf("%s: %v", what, err)
			}
			if err == nil {
				l.Close()
			}
		}
		open(t, t.TempDir(), url).Close() // where none was, one begins
	}
}
