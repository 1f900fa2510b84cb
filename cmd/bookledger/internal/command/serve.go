package command

import (
	"context"
	"errors"
	"fmt"
	"net"

	"github.com/spf13/cobra"
	"go.uber.org/zap"

	"bookledger/cmd/internal/cli"
	"bookledger/cmd/internal/daemon"
	"bookledger/cmd/internal/integrity"
	"bookledger/cmd/internal/loopback"
	"bookledger/cmd/internal/node"
	"bookledger/cmd/internal/web"
	"bookledger/events"
	"bookledger/events/journal"
)

// Serve is the configuration of the daemon. Each field is set by a flag, by the
// environment variable BOOKLEDGER_… or in the --config file. The name in parentheses is
// the name of the flag and of the setting in the file.
type Serve struct {
	// Data (data) is the data folder of the ledger. It is created if necessary. It
	// contains personal data and the private seal key, so only the daemon's user
	// may read it.
	Data string

	// Listen (listen) is the address of the HTTP server.
	Listen string

	// NATSListen (nats-listen) is the address on which the embedded NATS server
	// accepts publishers. It must be a loopback address, because anyone who can
	// connect may publish. Other addresses need an external server with accounts.
	// Reading needs the key in the file reader.nk of the data folder.
	NATSListen string

	// NATS (nats, nats-creds, nats-nkey) is the external NATS server with the
	// journal, and the credentials file or NKEY for it. It is blank for the embedded
	// server.
	NATS journal.Server

	// Replicas (replicas) is the number of copies of a new journal on an external
	// cluster.
	Replicas int

	Portal

	// Cutoff (cutoff) is the weekday and Pacific time of the weekly cutoff. Genesis
	// of a new ledger fixes it; for an existing ledger, another value is an error.
	Cutoff string
}

func (s *Serve) register(cmd *cobra.Command) {
	f := cmd.Flags()
	f.StringVar(&s.Data, "data", "", "data `folder` of the ledger; created if necessary (required)")
	f.StringVar(&s.Listen, "listen", "127.0.0.1:8080", "`address` of the HTTP server")
	f.StringVar(&s.NATSListen, "nats-listen", "127.0.0.1:4222", "loopback `address` on which the embedded NATS server accepts publishers")
	f.StringVar(&s.NATS.URL, "nats", "", "`URL` of an external NATS server, instead of the embedded one")
	signInFlags(f, &s.NATS, "NKEY seed `file` for the external NATS server")
	f.IntVar(&s.Replicas, "replicas", 1, "copies of a new journal on an external cluster")
	cli.Require(f, "data")
	cli.MutuallyExclusive(f, "nats", "nats-listen")
	s.Portal.register(f)
	f.StringVar(&s.Cutoff, "cutoff", "", "cutoff of a new ledger: `weekday and time` in Pacific time (default \""+events.DefaultCutoff+"\")")
}

// check validates the configuration as a whole.
func (s *Serve) check(cmd *cobra.Command) error {
	changed := cmd.Flags().Changed
	switch {
	case s.NATS.URL != "" && changed("nats-listen"):
		return cli.Usagef("use --nats-listen or --nats, not both")
	case s.NATS.URL == "" && (changed("nats-creds") || changed("nats-nkey") || changed("replicas")):
		return cli.Usagef("--nats-creds, --nats-nkey and --replicas need --nats: they are for an external server")
	case s.NATS.URL != "":
		s.NATSListen = ""
	case !loopback.Address(s.NATSListen):
		return cli.Usagef("--nats-listen: %q is not a loopback address with a port: use for example 127.0.0.1:4222; other addresses need an external server with accounts (--nats)", s.NATSListen)
	}
	if _, err := net.ResolveTCPAddr("tcp", s.Listen); err != nil {
		return cli.Usagef("--listen: %q is not an address with a port: use for example 127.0.0.1:8080", s.Listen)
	}
	if err := s.Portal.check(changed); err != nil {
		return err
	}
	return checkCutoff(s.Cutoff)
}

func newServe(env *cli.Environment) *cobra.Command {
	var s Serve
	cmd := &cobra.Command{
		Use:   "serve",
		Short: "Run the ledger daemon",
		Long: `Run the ledger: receive events from upstream systems over NATS, update lists and
books, close and seal each week after its cutoff, and serve /healthz, /readyz and
/metrics. SIGTERM or an interrupt stops it cleanly.

With --oidc-issuer, the daemon also serves the portal and the API. The issuer
identifies people. The ledger decides what they may see, except for the roles
auditor and operator, which come from their sign-in tokens.`,
		Example: `  bookledger serve --data /var/lib/bookledger
  bookledger serve --data ./ledger --listen 0.0.0.0:443 --tls-cert cert.pem --tls-key key.pem \
      --public-url https://books.example --oidc-issuer https://login.example --oidc-client-secret-file secret
  bookledger serve --data ./node1 --nats nats://nats.example:4222 --nats-creds ./ledger.creds
  BOOKLEDGER_DATA=./ledger bookledger serve --config serve.yaml`,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := s.check(cmd); err != nil {
				return err
			}
			return runServe(cmd.Context(), env, s)
		},
	}
	s.register(cmd)
	cli.SuggestFlag(cmd, "data")
	return cmd
}

func runServe(ctx context.Context, env *cli.Environment, s Serve) (err error) {
	log, err := env.Logger()
	if err != nil {
		return err
	}
	cert, err := s.Portal.readFiles()
	if err != nil {
		return err
	}
	listener, err := net.Listen("tcp", s.Listen) // first, so that a port in use leaves no new ledger behind
	if err != nil {
		return fmt.Errorf("listening for HTTP: %w", err)
	}
	l, err := node.Open(ctx, node.Options{
		Dir: s.Data, Create: true, Server: s.NATS, NATSListen: s.NATSListen,
		Replicas: s.Replicas, Cutoff: s.Cutoff, Now: env.Now, Log: log,
	})
	if node.IsViolation(err) {
		integrity.New(integrity.Options{Now: env.Now, Log: log}).Raise(err)
	}
	if err != nil {
		return errors.Join(err, listener.Close())
	}
	defer func() { err = errors.Join(err, l.Close()) }()
	watch, err := integrity.ForNode(l, env.Now, log)
	if err != nil {
		return errors.Join(err, listener.Close())
	}
	o := daemon.Options{Node: l, Listen: listener, Monitor: watch, Log: log, Now: env.Now}
	if s.Web.Identity.Issuer != "" {
		s.Web.Node, s.Web.Violation, s.Web.Log, s.Web.Now = l, watch.Violation, log, env.Now
		var w *web.Web
		if w, err = web.New(s.Web); err != nil {
			return err
		}
		defer func() { err = errors.Join(err, w.Close()) }()
		defer reloadOnHangup(w, cert, log)()
		o.Portal, o.TLS = w, cert.config()
	}
	d := daemon.New(o)
	log.Info("serving", zap.String("http", d.URL()), zap.String("nats", l.Journal.URL()),
		zap.Uint64("position", l.Projection.Position()))
	if o.Portal == nil {
		log.Info("the portal and the API are off: no OpenID issuer is configured")
	}
	err = d.Run(ctx)
	log.Info("stopped", zap.Uint64("position", l.Projection.Position()))
	return err
}
