package command

import (
	"crypto/tls"
	"errors"
	"fmt"
	"net/netip"
	"net/url"
	"os"
	"os/signal"
	"strings"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/spf13/pflag"
	"go.uber.org/zap"

	"bookledger/cmd/internal/cli"
	"bookledger/cmd/internal/identity"
	"bookledger/cmd/internal/integrity"
	"bookledger/cmd/internal/loopback"
	"bookledger/cmd/internal/node"
	"bookledger/cmd/internal/web"
)

// Portal is the configuration of the daemon's portal and interface, which are
// on where an issuer is named.
type Portal struct {
	// Issuer (oidc-issuer) is the URL of the OpenID issuer; blank is no portal.
	Issuer string

	// ClientID (oidc-client-id) is the portal at the issuer, and ClientSecret
	// (oidc-client-secret-file) the file that holds its secret; without one the
	// portal is a public client. Its redirect URI is
	// <public-url>/sign-in/callback.
	ClientID     string
	ClientSecret string

	// Audience (oidc-audience) is what bearer tokens must be for; blank is the
	// client id.
	Audience string

	// PersonClaim, AgentClaim, RolesClaim and NameClaim (oidc-…-claim) say where
	// a token names the person, the agent, the roles auditor and operator, and
	// the name to show. A dotted path reaches into objects.
	PersonClaim, AgentClaim, RolesClaim, NameClaim string

	// PublicURL (public-url) is where browsers reach the portal. It must be
	// https, except on a loopback address.
	PublicURL string

	// TLSCert and TLSKey (tls-cert, tls-key) are PEM files; blank where a proxy
	// speaks TLS. SIGHUP reads them again.
	TLSCert, TLSKey string

	// TrustedProxies (trusted-proxies) are the addresses or ranges of proxies
	// whose X-Forwarded-For is believed, separated by commas.
	TrustedProxies string

	// Idle and Limit (session-idle, session-limit) are how long somebody stays
	// signed in without a request, and at all.
	Idle, Limit time.Duration

	// Fridays (agent-fridays) is of how many of the last Fridays an agent may
	// take the books.
	Fridays int

	// AccessLog (access-log) is the file to which every look at personal data is
	// written; blank is access.log in the data folder. SIGHUP begins it anew
	// after it was moved away.
	AccessLog string
}

func (p *Portal) register(f *pflag.FlagSet) {
	f.StringVar(&p.Issuer, "oidc-issuer", "", "URL of the OpenID issuer; without one the portal is off")
	f.StringVar(&p.ClientID, "oidc-client-id", "bookledger", "the portal at the issuer")
	f.StringVar(&p.ClientSecret, "oidc-client-secret-file", "", "file with the portal's secret at the issuer; without one it is a public client")
	f.StringVar(&p.Audience, "oidc-audience", "", "what bearer tokens must be for (default the client id)")
	f.StringVar(&p.PersonClaim, "oidc-person-claim", "sub", "claim that names the person, as staff assignments do")
	f.StringVar(&p.AgentClaim, "oidc-agent-claim", "agent_id", "claim that names the agent whom the person is")
	f.StringVar(&p.RolesClaim, "oidc-roles-claim", "roles", "claim that lists roles; auditor and operator count")
	f.StringVar(&p.NameClaim, "oidc-name-claim", "name", "claim with the name that is shown")
	f.StringVar(&p.PublicURL, "public-url", "", "where browsers reach the portal, like https://books.example (required with --oidc-issuer)")
	f.StringVar(&p.TLSCert, "tls-cert", "", "PEM file of the certificate chain; without one a proxy speaks TLS")
	f.StringVar(&p.TLSKey, "tls-key", "", "PEM file of the certificate's key")
	f.StringVar(&p.TrustedProxies, "trusted-proxies", "", "addresses or ranges of proxies whose X-Forwarded-For is believed, separated by commas")
	f.DurationVar(&p.Idle, "session-idle", 15*time.Minute, "how long somebody stays signed in without a request")
	f.DurationVar(&p.Limit, "session-limit", 8*time.Hour, "how long somebody stays signed in at all")
	f.IntVar(&p.Fridays, "agent-fridays", 5, "of how many of the last Fridays an agent may take the books")
	f.StringVar(&p.AccessLog, "access-log", "", "file to which every look at personal data is written (default access.log in the data folder)")
}

// check tells what is wrong with the configuration, where given tells which
// flags were set.
func (p *Portal) check(given func(string) bool) error {
	if p.Issuer == "" {
		for _, name := range [...]string{"public-url", "tls-cert", "tls-key", "oidc-client-id", "oidc-client-secret-file", "oidc-audience"} {
			if given(name) {
				return cli.Usagef("--%s is for the portal, which --oidc-issuer turns on", name)
			}
		}
		return nil
	}
	u, err := url.Parse(p.PublicURL)
	switch {
	case p.PublicURL == "":
		return cli.Usagef("--public-url is required with --oidc-issuer: browsers are sent back there after they have signed in")
	case err != nil || u.Host == "" || u.Scheme != "https" && !(u.Scheme == "http" && loopback.Host(u.Hostname())):
		return cli.Usagef("--public-url: %q is no https URL; plain http is for loopback addresses alone", p.PublicURL)
	case (p.TLSCert == "") != (p.TLSKey == ""):
		return cli.Usagef("give --tls-cert and --tls-key together")
	case p.TLSCert != "" && u.Scheme != "https":
		return cli.Usagef("--public-url: it begins with https where --tls-cert is given")
	case p.Idle < time.Minute || p.Idle > p.Limit:
		return cli.Usagef("--session-idle is at least a minute, and not more than --session-limit")
	case p.Fridays < 1:
		return cli.Usagef("--agent-fridays is at least 1")
	}
	_, err = p.proxies()
	return err
}

func (p *Portal) proxies() ([]netip.Prefix, error) {
	var all []netip.Prefix
	for text := range strings.SplitSeq(p.TrustedProxies, ",") {
		if text = strings.TrimSpace(text); text == "" {
			continue
		}
		prefix, err := netip.ParsePrefix(text)
		if err != nil {
			addr, addrErr := netip.ParseAddr(text)
			if addrErr != nil {
				return nil, cli.Usagef("--trusted-proxies: %q is no address or range like 10.0.0.0/8", text)
			}
			prefix = netip.PrefixFrom(addr, addr.BitLen())
		}
		all = append(all, prefix)
	}
	return all, nil
}

// files are what the portal reads from files, before anything else is begun.
type files struct {
	cert, key string
	current   atomic.Pointer[tls.Certificate] // nil: a proxy speaks TLS
	secret    string                          // at the issuer
}

func (p *Portal) read() (*files, error) {
	f := &files{cert: p.TLSCert, key: p.TLSKey}
	if p.ClientSecret != "" {
		text, err := os.ReadFile(p.ClientSecret)
		if err != nil {
			return nil, fmt.Errorf("reading the portal's secret at the issuer: %w", err)
		}
		f.secret = strings.TrimSpace(string(text))
	}
	return f, f.renew()
}

// renew reads the certificate, which may have been replaced.
func (f *files) renew() error {
	if f.cert == "" {
		return nil
	}
	cert, err := tls.LoadX509KeyPair(f.cert, f.key)
	if err != nil {
		return fmt.Errorf("reading the certificate of --tls-cert and --tls-key: %w", err)
	}
	f.current.Store(&cert)
	return nil
}

// tls is how the daemon speaks TLS; nil where a proxy does.
func (f *files) tls() *tls.Config {
	if f.current.Load() == nil {
		return nil
	}
	return &tls.Config{
		GetCertificate: func(*tls.ClientHelloInfo) (*tls.Certificate, error) { return f.current.Load(), nil },
		MinVersion:     tls.VersionTLS12, NextProtos: []string{"h2", "http/1.1"},
	}
}

// open makes the portal of an open ledger.
func (p *Portal) open(l *node.Node, f *files, watch *integrity.Monitor, log *zap.Logger) (*web.Web, error) {
	proxies, err := p.proxies()
	if err != nil {
		return nil, err
	}
	return web.New(web.Options{
		Node: l, Fridays: p.Fridays, AccessLog: p.AccessLog, TrustedProxies: proxies, Sound: watch.Violation, Log: log,
		Identity: identity.Options{
			Issuer: p.Issuer, ClientID: p.ClientID, ClientSecret: f.secret, Audience: p.Audience, PublicURL: strings.TrimSuffix(p.PublicURL, "/"),
			PersonClaim: p.PersonClaim, AgentClaim: p.AgentClaim, RolesClaim: p.RolesClaim, NameClaim: p.NameClaim,
			Idle: p.Idle, Limit: p.Limit,
		},
	})
}

// onHangup reads the certificate again and begins the access log anew at each
// SIGHUP, until stop is called.
func onHangup(w *web.Web, f *files, log *zap.Logger) (stop func()) {
	hangup := make(chan os.Signal, 1)
	signal.Notify(hangup, syscall.SIGHUP)
	done, ended := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(ended)
		for {
			select {
			case <-done:
				return
			case <-hangup:
				if err := errors.Join(f.renew(), w.Rotate()); err != nil {
					log.Error("after a hangup", zap.Error(err))
				}
			}
		}
	}()
	return func() {
		signal.Stop(hangup)
		close(done)
		<-ended
	}
}
