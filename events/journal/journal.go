package journal

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"strings"
	"sync"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"go.uber.org/zap"
)

// Stream is the name of the JetStream stream that holds the ledger.
const Stream = "LEDGER"

// requestTimeout bounds one request where the caller's context does not.
const requestTimeout = 30 * time.Second

// connectTimeout bounds one try to connect to a server elsewhere. The client
// library's two seconds are short for a busy one.
const connectTimeout = 10 * time.Second

// Options says which journal to open. Exactly one of Dir and URL is set.
type Options struct {
	// Dir is the folder in which the embedded server keeps its store. It is
	// made when a new ledger is. Two processes must never open the same folder
	// at once; that lock is the caller's.
	Dir string

	// URL names an external NATS server, or several, separated by commas, with
	// JetStream enabled and nats-server 2.15 or later.
	URL string

	// Creds is the path of the credentials file for URL; empty connects without.
	// The user must be of the account that has the stream: where the API of
	// JetStream is a service that another account imports, the server ends an
	// answer at an empty message, and what follows it does not come.
	Creds string

	// Listen is the host:port on which the embedded server accepts clients, once
	// Accept is called; an empty string accepts none, port 0 or -1 takes any free port. The host
	// must be a loopback address, since clients are not authenticated: anyone
	// who can connect may publish on the upstream and history subjects and read
	// the ledger. Other addresses need an external server with accounts.
	Listen string

	// Replicas is how many copies a stream made on an external cluster has;
	// 0 means 1. It has no effect on a stream that exists.
	Replicas int

	// Genesis is the body of the first record, used only if the ledger is new
	// (or its making was cut short). Nil never changes the server: the ledger
	// must exist, or Open returns ErrNoLedger.
	Genesis []byte

	// MaxBytes bounds the stream of an embedded server; 0 bounds it by the disk
	// alone. It never lifts the bound that ReserveBytes sets.
	MaxBytes int64

	// ReserveBytes stays free on the disk of an embedded server: the stream is
	// bounded so that appends end with ErrFull before the disk is full, which
	// JetStream would not survive without a restart. 0 means 2 GiB.
	ReserveBytes int64

	// Log gets what the operator should know; nil logs nothing. Bodies of
	// messages are never logged.
	Log *zap.Logger
}

func (o *Options) check() error {
	switch {
	case (o.Dir == "") == (o.URL == ""):
		return errors.New("open journal: set either Dir (embedded) or URL (external)")
	case o.Listen != "" && o.URL != "":
		return errors.New("open journal: Listen is for an embedded server, and URL names an external one")
	case o.Creds != "" && o.URL == "":
		return errors.New("open journal: Creds are for an external server, and there is no URL")
	case o.Replicas < 0 || o.MaxBytes < 0 || o.ReserveBytes < 0:
		return errors.New("open journal: Replicas, MaxBytes and ReserveBytes cannot be negative")
	}
	if o.Replicas == 0 {
		o.Replicas = 1
	}
	if o.ReserveBytes == 0 {
		o.ReserveBytes = 2 << 30
	}
	if o.Log == nil {
		o.Log = zap.NewNop()
	}
	return nil
}

// A Journal is an open ledger. Its methods may be called from several
// goroutines at once.
type Journal struct {
	opts Options
	log  *zap.Logger
	srv  *server.Server // nil for an external server
	nc   *nats.Conn
	js   jetstream.JetStream

	fatal chan string // why the embedded server could not start or listen

	gate  *nats.Conn // over which clients' requests come; nil for an external server
	pulls *pullGate  // likewise

	ctx  context.Context // ends when Close begins
	stop context.CancelCauseFunc
	wg   sync.WaitGroup

	mu       sync.Mutex
	pending  map[*pendingAppend]struct{}
	breaks   chan struct{} // closed and replaced when the connection is lost
	maxBytes int64         // the stream's bound; embedded only
	closing  sync.Once
}

// Open opens the journal and, where Options.Genesis is given and there is none
// yet, makes it. It returns ErrNoLedger where there is none to open.
func Open(ctx context.Context, opts Options) (*Journal, error) {
	if err := opts.check(); err != nil {
		return nil, err
	}
	j := &Journal{opts: opts, log: opts.Log, breaks: make(chan struct{}), fatal: make(chan string, 1)}
	j.ctx, j.stop = context.WithCancelCause(context.Background())
	if err := j.open(ctx); err != nil {
		j.Close()
		return nil, fmt.Errorf("open journal %s: %w", j.where(), err)
	}
	return j, nil
}

func (j *Journal) open(ctx context.Context) error {
	var account []nats.Option
	if j.opts.Dir != "" {
		var err error
		if account, err = j.startServer(); err != nil {
			return err
		}
	}
	if err := j.connect(account); err != nil {
		return err
	}
	if err := j.openStream(ctx); err != nil {
		return err
	}
	if j.srv == nil {
		return nil
	}
	if err := j.fitDisk(ctx); err != nil {
		return err
	}
	j.wg.Go(j.watchDisk)
	return j.openGate(ctx, account)
}

func (j *Journal) connect(account []nats.Option) error {
	options := append([]nats.Option{
		nats.Name("bookledger"),
		nats.Timeout(connectTimeout),
		nats.MaxReconnects(-1),
		nats.ReconnectWait(250 * time.Millisecond),
		// What is published while the connection is away fails at once: half a
		// batch sent later would be refused anyway.
		nats.ReconnectBufSize(-1),
		nats.DisconnectErrHandler(func(_ *nats.Conn, err error) { j.interrupted(err) }),
		nats.ReconnectHandler(func(*nats.Conn) { j.log.Info("journal: connected again") }),
		nats.ErrorHandler(func(_ *nats.Conn, _ *nats.Subscription, err error) {
			j.log.Warn("journal: connection reports an error", zap.Error(err))
			if errors.Is(err, nats.ErrPermissionViolation) {
				j.forbidden(err)
			}
		}),
	}, account...)
	if j.opts.Creds != "" {
		options = append(options, nats.UserCredentials(j.opts.Creds))
	}
	var err error
	if j.nc, err = nats.Connect(j.opts.URL, options...); err != nil {
		return fmt.Errorf("connecting: %w", err)
	}
	j.js, err = jetstream.New(j.nc, jetstream.WithDefaultTimeout(requestTimeout))
	return err
}

// interrupted wakes everyone who follows, so that nobody waits for records on
// a subscription whose consumer may be gone.
func (j *Journal) interrupted(err error) {
	j.mu.Lock()
	close(j.breaks)
	j.breaks = make(chan struct{})
	j.mu.Unlock()
	if j.ctx.Err() == nil {
		j.log.Warn("journal: connection lost", zap.Error(err))
	}
}

// nextBreak is closed when the present connection is lost.
func (j *Journal) nextBreak() <-chan struct{} {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.breaks
}

// Close ends every Follow, lets appends that were sent get their answer, and
// shuts an embedded server down, waiting until its files are closed.
func (j *Journal) Close() error {
	var err error
	j.closing.Do(func() { err = j.close() })
	return err
}

func (j *Journal) close() error {
	j.stop(ErrClosed)
	j.wg.Wait()
	var err error
	if j.gate != nil {
		j.gate.Close()
	}
	if j.nc != nil {
		if err = j.drain(); err != nil {
			err = fmt.Errorf("close journal %s: drain the connection: %w", j.where(), err)
		}
	}
	if j.srv != nil {
		// A crash before this point loses nothing: the server syncs each batch
		// before it acknowledges. An orderly end spares the next start a scan.
		j.srv.Shutdown()
		j.srv.WaitForShutdown()
	}
	return err
}

// drain waits until the connection has sent what it holds and is closed.
func (j *Journal) drain() error {
	if j.nc.IsClosed() {
		return nil
	}
	closed := make(chan struct{})
	j.nc.SetClosedHandler(func(*nats.Conn) { close(closed) })
	if err := j.nc.Drain(); err != nil {
		j.nc.Close() // while reconnecting there is nothing to drain
		return nil
	}
	select {
	case <-closed:
		return nil
	case <-time.After(requestTimeout):
		j.nc.Close()
		return errors.New("timed out")
	}
}

// URL returns where clients connect, without a user's name or secret, and ""
// where none can.
func (j *Journal) URL() string {
	switch {
	case j.srv == nil:
		return publicURL(j.opts.URL)
	case j.opts.Listen == "":
		return ""
	}
	return j.srv.ClientURL()
}

// where names the journal in messages.
func (j *Journal) where() string {
	if j.opts.Dir != "" {
		return "in " + j.opts.Dir
	}
	return "at " + publicURL(j.opts.URL)
}

// publicURL takes from the URLs of servers what is nobody's to see.
func publicURL(list string) string {
	var servers []string
	for server := range strings.SplitSeq(list, ",") {
		u, err := url.Parse(strings.TrimSpace(server))
		if err != nil {
			return "a URL that cannot be read"
		}
		u.User = nil
		servers = append(servers, u.String())
	}
	return strings.Join(servers, ", ")
}
