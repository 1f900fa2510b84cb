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

// Stream is the name of the JetStream stream that holds the ledger.
const Stream = "LEDGER"

// Options says which journal to open. Exactly one of Dir and Server.URL is set.
type Options struct {
	// Dir is the folder in which the embedded server keeps its store. It is
	// made when a new ledger is. Two processes must never open the same folder
	// at once; that lock is the caller's.
	Dir string

	// Server is an external server with JetStream enabled, nats-server 2.15 or
	// later. Its user must be of the account that has the stream and be allowed
	// consumers: where the API of JetStream is a service that another account
	// imports, the server ends an answer at an empty message, and what follows
	// it does not come.
	Server Server

	// Listen is the host:port on which the embedded server accepts clients, once
	// Accept is called; an empty string accepts none, port 0 or -1 takes any free
	// port. The host must be a loopback address, since clients need not sign in:
	// anyone who can connect may publish on the upstream and history subjects.
	// Other addresses need an external server with accounts.
	Listen string

	// ReaderKey is the public NKEY of those who may also read at Listen; empty is
	// nobody.
	ReaderKey string

	// Replicas is how many copies a stream made on an external cluster has;
	// 0 means 1. It has no effect on a stream that exists.
	Replicas int

	// Genesis is the body of the first record, used only if the ledger is new
	// (or its making was cut short). Nil never changes the server: the ledger
	// must exist, or Open returns ErrNoLedger.
	Genesis []byte

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
	case (o.Dir == "") == (o.Server.URL == ""):
		return errors.New("open journal: set either Dir (embedded) or Server.URL (external)")
	case o.Dir == "" && o.Listen+o.ReaderKey != "":
		return errors.New("open journal: Listen and Reader are for an embedded server, and Server names an external one")
	case o.Dir != "" && o.Server != Server{}:
		return errors.New("open journal: Creds and NKey are for an external server, and there is no URL")
	case o.Replicas < 0 || o.ReserveBytes < 0:
		return errors.New("open journal: Replicas and ReserveBytes cannot be negative")
	}
	if o.ReserveBytes == 0 {
		o.ReserveBytes = 2 << 30
	}
	if o.Log == nil {
		o.Log = zap.NewNop()
	}
	return nil
}

// A Journal is an open ledger: a Client that may do everything, with the server
// that it runs, if any.
type Journal struct {
	*Client
	opts Options
	srv  *server.Server // nil for an external server

	fatal chan string // why the embedded server could not start or listen

	wg       sync.WaitGroup
	maxBytes int64 // the bound that watchDisk has set; embedded only
}

// Open opens the journal and, where Options.Genesis is given and there is none
// yet, makes it. It returns ErrNoLedger where there is none to open.
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

// Close ends every Follow, lets appends that were sent get their answer, and
// shuts an embedded server down, waiting until its files are closed.
func (j *Journal) Close() error {
	j.stop(ErrClosed)
	j.wg.Wait()
	err := j.Client.Close()
	if j.srv != nil {
		// A crash before this point loses nothing: the server syncs each batch
		// before it acknowledges. An orderly end spares the next start a scan.
		j.srv.Shutdown()
		j.srv.WaitForShutdown()
	}
	return err
}

// URL returns where clients connect, without a user's name or secret, and ""
// where none can.
func (j *Journal) URL() string {
	switch {
	case j.srv == nil:
		return publicURL(j.server.URL)
	case j.opts.Listen == "":
		return ""
	}
	return j.srv.ClientURL()
}

// location names the journal in messages.
func (j *Journal) location() string {
	if j.opts.Dir != "" {
		return "in " + j.opts.Dir
	}
	return "at " + publicURL(j.server.URL)
}
