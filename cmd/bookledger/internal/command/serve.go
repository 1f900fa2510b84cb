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

// Serve is the configuration of the daemon. Each field is a flag, an
// environment variable BOOKLEDGER_… and a setting of the file that --config
// names, under the name that stands with it.
type Serve struct {
	// Data (data) is the folder in which the ledger lives; it is made where it
	// is missing. It holds personal data and the private key of the seals, and
	// is for the daemon's user alone.
	Data string

	// Listen (listen) is the address that answers HTTP.
	Listen string

	// NATSListen (nats-listen) is the address on which the embedded NATS server
	// accepts publishers. It must be a loopback address, since whoever can
	// connect may publish: other addresses need an external server with
	// accounts. Reading takes the key in the file reader.nk of the data folder.
	NATSListen string

	// NATS (nats, nats-creds, nats-nkey) is an external NATS server that holds
	// the journal, and the credentials file or NKEY for it; blank for the
	// embedded one.
	NATS journal.Server

	// Replicas (replicas) is how many copies a journal has that is begun on an
	// external cluster.
	Replicas int

	Portal

	// Cutoff (cutoff) is the weekday and Pacific time of the weekly cutoff. It
	// is written into the genesis of a new ledger and fixed from then on.
	Cutoff string
}

func (s *Serve) register(cmd *cobra.Command) {
	f := cmd.Flags()
	f.StringVar(&s.Data, "data", "", "folder of the ledger; made where it is missing (required)")
	f.StringVar(&s.Listen, "listen", "127.0.0.1:8080", "address that answers HTTP")
	f.StringVar(&s.NATSListen, "nats-listen", "127.0.0.1:4222", "loopback address on which the embedded NATS server accepts publishers")
	f.StringVar(&s.NATS.URL, "nats", "", "URL of an external NATS server, in place of the embedded one")
	signInFlags(f, &s.NATS, "NKEY seed file for the external NATS server")
	f.IntVar(&s.Replicas, "replicas", 1, "copies of a journal that is begun on an external cluster")
	cli.Require(f, "data")
	cli.MutuallyExclusive(f, "nats", "nats-listen")
	s.Portal.register(f)
	f.StringVar(&s.Cutoff, "cutoff", "", `weekday and Pacific time of the cutoff of a new ledger (default "`+events.DefaultCutoff+`")`)
}

// check tells what is wrong with the configuration as a whole.
func (s *Serve) check(cmd *cobra.Command) error {
	given := cmd.Flags().Changed
	switch {
	case s.NATS.URL != "" && given("nats-listen"):
		return cli.Usagef("give --nats-listen or --nats, not both")
	case s.NATS.URL == "" && (given("nats-creds") || given("nats-nkey") || given("replicas")):
		return cli.Usagef("--nats-creds, --nats-nkey and --replicas are for an external server, which --nats names")
	case s.NATS.URL != "":
		s.NATSListen = ""
	case !loopback.Address(s.NATSListen):
		return cli.Usagef("--nats-listen: %q is no loopback address with a port, like 127.0.0.1:4222; other addresses need an external server with accounts (--nats)", s.NATSListen)
	}
	if _, err := net.ResolveTCPAddr("tcp", s.Listen); err != nil {
		return cli.Usagef("--listen: %q is no address with a port, like 127.0.0.1:8080", s.Listen)
	}
	if err := s.Portal.check(given); err != nil {
		return err
	}
	return checkCutoff(s.Cutoff)
}

func newServe(env *cli.Environment) *cobra.Command {
	var s Serve
	cmd := &cobra.Command{
		Use:   "serve",
		Short: "Run the ledger",
		Long: `Run the ledger: take events from upstream systems over NATS, keep the lists and
books, close each week after its cutoff, and answer /healthz, /readyz and
/metrics. SIGTERM or an interrupt ends it in order.

With --oidc-issuer it serves the portal and the API too. Who people are
comes from that issuer; what they may see comes from the ledger, and from the
roles auditor and operator in their tokens.`,
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
	listener, err := net.Listen("tcp", s.Listen) // so that a taken port leaves nothing behind
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
		log.Info("the portal is off: no OpenID issuer is configured")
	}
	err = d.Run(ctx)
	log.Info("ending", zap.Uint64("position", l.Projection.Position()))
	return err
}
