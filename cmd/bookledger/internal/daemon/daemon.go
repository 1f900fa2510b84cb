package daemon

import (
	"context"
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

// Daemon is a running ledger.
type Daemon struct {
	ledger *ledger.Ledger
	log    *zap.Logger
	listen net.Listener
	server *http.Server
}

// New makes a daemon of an open ledger, which will answer on the listener.
func New(l *ledger.Ledger, listener net.Listener, log *zap.Logger) *Daemon {
	d := &Daemon{ledger: l, log: log, listen: listener}
	d.server = &http.Server{
		Handler:           d.handler(),
		ReadHeaderTimeout: 10 * time.Second,
		ReadTimeout:       30 * time.Second,
		WriteTimeout:      60 * time.Second,
		IdleTimeout:       2 * time.Minute,
		MaxHeaderBytes:    64 << 10,
		ErrorLog:          zap.NewStdLog(log),
	}
	return d
}

// URL is where the daemon answers HTTP.
func (d *Daemon) URL() string { return "http://" + d.listen.Addr().String() }

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
