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
	// shutdownTimeout is how long requests under way may take when the daemon ends.
	shutdownTimeout = 10 * time.Second
	// handlerTimeout is how long their handlers may take to see that after that.
	handlerTimeout = 30 * time.Second
)

// Portal answers whatever is not the daemon's own to answer.
type Portal interface {
	http.Handler
	// Wrap puts the portal's middleware in front of all that is answered.
	Wrap(http.Handler) http.Handler
	// Run does what the portal needs besides, until ctx ends.
	Run(ctx context.Context) error
	// Drain sends away requests that wait for a turn, when the daemon ends.
	Drain()
}

// Options are what a daemon is made of. All but TLS and Portal must be set.
type Options struct {
	Node    *node.Node // which the caller closes after the daemon has ended
	Listen  net.Listener
	TLS     *tls.Config // nil: plain HTTP
	Portal  Portal      // nil: the portal is off
	Monitor *integrity.Monitor
	Log     *zap.Logger
	Now     func() time.Time
}

// Daemon runs a node.
type Daemon struct {
	o      Options
	scheme string
	server *http.Server
	requests  sync.RWMutex // read by requests under way, written to let no more in

	sealer *checkpoint.Sealer
	sealedUpTo   events.Date  // up to which there is nothing left to seal
	newestSealed atomic.Int64 // Friday whose seal was made or found to be right
}

// New makes a daemon of an open node, which will answer on the listener.
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

// URL is where the daemon answers HTTP.
func (d *Daemon) URL() string { return d.scheme + "://" + d.o.Listen.Addr().String() }

// trackRequests lets requests in until the daemon ends.
func (d *Daemon) trackRequests(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !d.requests.TryRLock() { // shutdown waits for it, or has it
			problem.Unavailable.WithDetail("The system is being restarted. Try again in a minute.").Write(w)
			return
		}
		defer d.requests.RUnlock()
		next.ServeHTTP(w, r)
	})
}

// Run runs the daemon until ctx ends, which is an orderly end and no error, or
// until something fails. Requests under way are answered first, by a node that
// still works.
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
			d.o.Log.Warn("could not see whether a cutoff has passed; trying every second", zap.Error(err))
		})
		return nil
	})
	group.Go(func() error {
		d.o.Monitor.Run(working)
		return nil
	})
	group.Go(func() error {
		d.repeat(working, d.sealPastFridays, sealRetryDelay, func(err error) {
			d.o.Log.Error("Fridays could not be sealed or signed; trying again", zap.Error(err))
		})
		return nil
	})
	if d.o.Portal != nil {
		group.Go(func() error { return d.o.Portal.Run(working) })
	}
	group.Go(func() error {
		if err := d.server.Serve(d.o.Listen); !errors.Is(err, http.ErrServerClosed) {
			return fmt.Errorf("answering HTTP on %s: %w", d.o.Listen.Addr(), err)
		}
		return nil
	})
	group.Go(func() error {
		select {
		case <-ctx.Done():
		case <-working.Done(): // something has failed
		}
		defer end()
		return d.shutdown(context.WithoutCancel(ctx))
	})
	return group.Wait()
}

// shutdown ends answering, and waits until nothing is under way any more.
func (d *Daemon) shutdown(ctx context.Context) error {
	ending, cancel := context.WithTimeout(ctx, shutdownTimeout)
	defer cancel()
	err := d.server.Shutdown(ending)
	if errors.Is(err, context.DeadlineExceeded) {
		err = d.server.Close() // who is still being answered has had the time
	}
	idle := make(chan struct{})
	go func() {
		d.requests.Lock() // for good
		close(idle)
	}()
	select { // handlers hold views, and end soon after
	case <-idle:
	case <-time.After(handlerTimeout):
		d.o.Log.Error("requests are still under way while the daemon ends")
	}
	return err
}
