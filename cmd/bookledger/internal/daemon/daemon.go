package daemon

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/http"
	"time"

	"go.uber.org/zap"
	"golang.org/x/sync/errgroup"

	"bookledger/cmd/bookledger/internal/ledger"
)

// shutdownTime is how long requests under way may take when the daemon ends.
const shutdownTime = 10 * time.Second

// Portal answers whatever is not the daemon's own to answer.
type Portal interface {
	http.Handler
	// Run does what the portal needs besides, until ctx ends.
	Run(ctx context.Context) error
}

// Options are what a daemon is made of.
type Options struct {
	Ledger *ledger.Ledger
	Listen net.Listener
	TLS    *tls.Config // nil: plain HTTP
	Portal Portal      // nil: the portal is off
	Log    *zap.Logger
}

// Daemon is a running ledger.
type Daemon struct {
	ledger *ledger.Ledger
	log    *zap.Logger
	listen net.Listener
	scheme string
	portal Portal
	server *http.Server
}

// New makes a daemon of an open ledger, which will answer on the listener.
func New(o Options) *Daemon {
	d := &Daemon{ledger: o.Ledger, log: o.Log, listen: o.Listen, scheme: "http", portal: o.Portal}
	if o.TLS != nil {
		d.listen, d.scheme = tls.NewListener(o.Listen, o.TLS), "https"
	}
	d.server = &http.Server{
		Handler:           d.handler(),
		ReadHeaderTimeout: 10 * time.Second,
		ReadTimeout:       30 * time.Second,
		WriteTimeout:      60 * time.Second,
		IdleTimeout:       2 * time.Minute,
		MaxHeaderBytes:    64 << 10,
		ErrorLog:          zap.NewStdLog(o.Log),
	}
	return d
}

// URL is where the daemon answers HTTP.
func (d *Daemon) URL() string { return d.scheme + "://" + d.listen.Addr().String() }

// Run runs the daemon until ctx ends, which is an orderly end and no error, or
// until something fails. The ledger stays open and is the caller's to close.
func (d *Daemon) Run(ctx context.Context) error {
	group, ctx := errgroup.WithContext(ctx)
	group.Go(func() error {
		if err := d.ledger.Follow(ctx); err != nil && !errors.Is(err, context.Canceled) {
			return fmt.Errorf("following the journal: %w", err)
		}
		return nil
	})
	group.Go(func() error {
		d.nudge(ctx)
		return nil
	})
	if d.portal != nil {
		group.Go(func() error { return d.portal.Run(ctx) })
	}
	group.Go(func() error {
		if err := d.server.Serve(d.listen); !errors.Is(err, http.ErrServerClosed) {
			return fmt.Errorf("answering HTTP on %s: %w", d.listen.Addr(), err)
		}
		return nil
	})
	group.Go(func() error {
		<-ctx.Done()
		ending, cancel := context.WithTimeout(context.WithoutCancel(ctx), shutdownTime)
		defer cancel()
		if err := d.server.Shutdown(ending); !errors.Is(err, context.DeadlineExceeded) {
			return err
		}
		return d.server.Close() // who is still being answered has had the time
	})
	return group.Wait()
}
