package journal

import (
	"context"
	"errors"
	"fmt"
	"sync"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"
	"go.uber.org/zap"
)

// Stream is the name of the JetStream stream that contains the journal.
const Stream = "LEDGER"

// Options configures Open. Exactly one of Dir and Server.URL must be set.
type Options struct {
	// Dir is the folder of the embedded server's store. Open creates it for a
	// new ledger. Callers must lock the folder: two processes must never open it
	// at the same time.
	Dir string

	// Server is an external server, nats-server 2.15 or later with JetStream
	// enabled. Its user must belong to the account that owns the stream, and
	// must be allowed to create consumers. An account that imports the JetStream
	// API from another account does not work: the server then ends a response at
	// the first empty message and drops the rest.
	Server Server

	// Listen is the host:port on which the embedded server accepts clients after
	// Accept is called. Empty accepts no clients. Port 0 or -1 selects a free
	// port. The host must be a loopback address, because clients do not sign in:
	// anyone who can connect may publish on the upstream and history subjects.
	// For other addresses, use an external server with accounts.
	Listen string

	// ReaderKey is the public NKEY of clients at Listen that may also read the
	// journal. If it is empty, no client may read.
	ReaderKey string

	// Replicas is the number of copies of a stream that is created on an
	// external cluster. 0 means 1. It has no effect on an existing stream.
	Replicas int

	// Genesis is the body of the first record. It is used only for a new ledger,
	// or for one whose creation was interrupted. If it is nil, Open never
	// changes the server, and returns ErrNoLedger if there is no ledger.
	Genesis []byte

	// ReserveBytes is the space to keep free on the disk of an embedded server.
	// The stream's size is limited so that Append returns ErrFull before the
	// disk is full, because JetStream needs a restart after a full disk. 0 means
	// 2 GiB.
	ReserveBytes int64

	// Log receives messages for the operator. If it is nil, nothing is logged.
	// Bodies of messages are never logged.
	Log *zap.Logger
}

func (o *Options) check() error {
	switch {
	case (o.Dir == "") == (o.Server.URL == ""):
		return errors.New("open journal: set either Dir (embedded) or Server.URL (external)")
	case o.Dir == "" && o.Listen+o.ReaderKey != "":
		return errors.New("open journal: Listen and ReaderKey need an embedded server, but Server.URL names an external one")
	case o.Dir != "" && o.Server != Server{}:
		return errors.New("open journal: Creds and NKey need an external server, but Server.URL is not set")
	case o.Replicas < 0 || o.ReserveBytes < 0:
		return errors.New("open journal: Replicas and ReserveBytes must not be negative")
	}
	if o.ReserveBytes == 0 {
		o.ReserveBytes = 2 << 30
	}
	if o.Log == nil {
		o.Log = zap.NewNop()
	}
	return nil
}

// A Journal is an open journal: a Client with all permissions, and the embedded
// server if there is one.
type Journal struct {
	*Client
	opts Options
	srv  *server.Server // nil for an external server

	fatal chan string // reason why the embedded server could not start or listen

	wg       sync.WaitGroup
	maxBytes int64 // size limit of the stream; embedded server only
}

// Open opens the journal. If there is none, Open creates it with
// Options.Genesis, or returns ErrNoLedger if Genesis is nil.
func Open(ctx context.Context, opts Options) (*Journal, error) {
	if err := opts.check(); err != nil {
		return nil, err
	}
	j := &Journal{Client: newClient(opts.Server, opts.Log), opts: opts, fatal: make(chan string, 1)}
	if err := j.open(ctx); err != nil {
		j.Close()
		return nil, fmt.Errorf("open journal %s: %w", j.location(), err)
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
	if err := j.connect(account...); err != nil {
		return fmt.Errorf("connecting: %w", err)
	}
	if err := j.openStream(ctx); err != nil {
		return err
	}
	if j.srv == nil {
		return nil
	}
	if err := j.adjustMaxBytes(ctx); err != nil {
		return err
	}
	j.wg.Go(j.watchDisk)
	return nil
}

// Close ends every Follow, waits for the acknowledgements of appends that were
// sent, and shuts down an embedded server. It returns after the server's files
// are closed.
func (j *Journal) Close() error {
	j.stop(ErrClosed)
	j.wg.Wait()
	err := j.Client.Close()
	if j.srv != nil {
		// A crash before this point loses nothing: the server syncs each batch
		// before it acknowledges it. A clean shutdown saves the next start a scan
		// of the store.
		j.srv.Shutdown()
		j.srv.WaitForShutdown()
	}
	return err
}

// URL returns the URL for clients, without user name or password. It returns ""
// if clients cannot connect.
func (j *Journal) URL() string {
	switch {
	case j.srv == nil:
		return publicURL(j.server.URL)
	case j.opts.Listen == "":
		return ""
	}
	return j.srv.ClientURL()
}

// location describes the journal's location in messages.
func (j *Journal) location() string {
	if j.opts.Dir != "" {
		return "in " + j.opts.Dir
	}
	return "at " + publicURL(j.server.URL)
}
