package daemon

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/http"
	"sync"
	"sync/atomic"
	"time"

	"go.uber.org/zap"
	"golang.org/x/sync/errgroup"

	"bookledger/cmd/internal/integrity"
	"bookledger/cmd/internal/node"
	"bookledger/cmd/internal/problem"
	"bookledger/events"
	"bookledger/projections/checkpoint"
)

const (
	// shutdownTimeout is how long current requests may take when the daemon ends.
	shutdownTimeout = 10 * time.Second
	// handlerTimeout is how long their handlers may take to return after that.
	handlerTimeout = 30 * time.Second
)

// Portal handles all requests except those for health, readiness and metrics.
type Portal interface {
	http.Handler
	// Wrap adds the portal's middleware to a handler.
	Wrap(http.Handler) http.Handler
	// Run runs the portal's background work until ctx is canceled.
	Run(ctx context.Context) error
	// Drain ends the requests in the queue. It is called when the daemon ends.
	Drain()
}

// Options configure a daemon. All fields except TLS and Portal are required.
type Options struct {
	Node    *node.Node // the caller closes it after Run
	Listen  net.Listener
	TLS     *tls.Config // nil for plain HTTP
	Portal  Portal      // nil if the portal is off
	Monitor *integrity.Monitor
	Log     *zap.Logger
	Now     func() time.Time
}

// Daemon runs a node.
type Daemon struct {
	o        Options
	scheme   string
	server   *http.Server
	requests sync.RWMutex // read-locked by each request; shutdown locks it

	sealer       *checkpoint.Sealer
	sealedUpTo   events.Date  // no Friday up to this one is left to seal
	newestSealed atomic.Int64 // Friday of the newest seal that was written or found to be correct
}

// New returns a daemon for an open node. Run starts it.
func New(o Options) *Daemon {
	d := &Daemon{o: o, scheme: "http", sealer: o.Node.Sealer()}
	d.sealer.Sealed = d.onSealed
	if o.TLS != nil {
		d.o.Listen, d.scheme = tls.NewListener(o.Listen, o.TLS), "https"
	}
	d.server = &http.Server{
		Handler:           d.trackRequests(d.handler()),
		ReadHeaderTimeout: 10 * time.Second,
		ReadTimeout:       30 * time.Second,
		WriteTimeout:      60 * time.Second,
		IdleTimeout:       2 * time.Minute,
		MaxHeaderBytes:    64 << 10,
		ErrorLog:          zap.NewStdLog(o.Log),
	}
	if d.o.Portal != nil {
		d.server.RegisterOnShutdown(d.o.Portal.Drain)
	}
	return d
}

// URL returns the base URL of the daemon, for example http://127.0.0.1:8080.
func (d *Daemon) URL() string { return d.scheme + "://" + d.o.Listen.Addr().String() }

// trackRequests passes requests on until the daemon ends, and lets shutdown wait for
// them.
func (d *Daemon) trackRequests(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !d.requests.TryRLock() { // shutdown holds the lock or waits for it
			problem.Unavailable.WithDetail("The system is being restarted. Try again in a minute.").Write(w)
			return
		}
		defer d.requests.RUnlock()
		next.ServeHTTP(w, r)
	})
}

// Run runs the daemon until ctx is canceled or something fails. It returns nil after
// ctx was canceled. The node keeps working until current requests are finished.
func (d *Daemon) Run(ctx context.Context) error {
	working, end := context.WithCancel(context.WithoutCancel(ctx))
	defer end()
	group, working := errgroup.WithContext(working)
	group.Go(func() error {
		if err := d.o.Node.Follow(working); err != nil && !errors.Is(err, context.Canceled) {
			if node.IsViolation(err) {
				d.o.Monitor.Raise(err)
			}
			return fmt.Errorf("following the journal: %w", err)
		}
		return nil
	})
	group.Go(func() error {
		d.repeat(working, d.appendClockEvent, checkInterval, func(err error) {
			d.o.Log.Warn("checking for a passed cutoff failed; retrying every second", zap.Error(err))
		})
		return nil
	})
	group.Go(func() error {
		d.o.Monitor.Run(working)
		return nil
	})
	group.Go(func() error {
		d.repeat(working, d.sealPastFridays, sealRetryDelay, func(err error) {
			d.o.Log.Error("sealing or signing Fridays failed; retrying", zap.Error(err))
		})
		return nil
	})
	if d.o.Portal != nil {
		group.Go(func() error { return d.o.Portal.Run(working) })
	}
	group.Go(func() error {
		if err := d.server.Serve(d.o.Listen); !errors.Is(err, http.ErrServerClosed) {
			return fmt.Errorf("serving HTTP on %s: %w", d.o.Listen.Addr(), err)
		}
		return nil
	})
	group.Go(func() error {
		select {
		case <-ctx.Done():
		case <-working.Done(): // something failed
		}
		defer end()
		return d.shutdown(context.WithoutCancel(ctx))
	})
	return group.Wait()
}

// shutdown stops serving and waits until all handlers have returned.
func (d *Daemon) shutdown(ctx context.Context) error {
	ending, cancel := context.WithTimeout(ctx, shutdownTimeout)
	defer cancel()
	err := d.server.Shutdown(ending)
	if errors.Is(err, context.DeadlineExceeded) {
		err = d.server.Close() // the remaining requests have had their time
	}
	idle := make(chan struct{})
	go func() {
		d.requests.Lock() // never unlocked
		close(idle)
	}()
	select { // handlers hold views of the node
	case <-idle:
	case <-time.After(handlerTimeout):
		d.o.Log.Error("the daemon ends while handlers are still running")
	}
	return err
}
