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
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/spf13/pflag"
	"go.uber.org/zap"

	"bookledger/cmd/internal/cli"
	"bookledger/cmd/internal/loopback"
	"bookledger/cmd/internal/web"
	"bookledger/projections/access"
)

// Portal is the configuration of the daemon's portal and API, which are on where
// an issuer is named.
type Portal struct {
	// Web holds what the portal is made of; the daemon adds the node. In its
	// Identity are Issuer (oidc-issuer), ClientID (oidc-client-id), Audience
	// (oidc-audience), PersonClaim, AgentClaim, RolesClaim and NameClaim
	// (oidc-…-claim), PublicURL (public-url), Idle (session-idle) and Limit
	// (session-limit); beside it Fridays (agent-fridays) and AccessLog
	// (access-log). SIGHUP begins the access log anew after it was moved away.
	Web web.Options

	// SecretFile (oidc-client-secret-file) holds the portal's secret at the
	// issuer; without one the portal is a public client.
	SecretFile string

	// TLSCert and TLSKey (tls-cert, tls-key) are PEM files; blank where a proxy
	// speaks TLS. SIGHUP reads them again.
	TLSCert, TLSKey string

	// TrustedProxies (trusted-proxies) are the addresses or ranges of proxies
	// whose X-Forwarded-For is believed, separated by commas.
	TrustedProxies string
}

func (p *Portal) register(f *pflag.FlagSet) {
	id := &p.Web.Identity
	f.StringVar(&id.Issuer, "oidc-issuer", "", "URL of the OpenID issuer; without one the portal is off")
	f.StringVar(&id.ClientID, "oidc-client-id", "bookledger", "the portal at the issuer")
	f.StringVar(&p.SecretFile, "oidc-client-secret-file", "", "file with the portal's secret at the issuer; without one it is a public client")
	f.StringVar(&id.Audience, "oidc-audience", "", "what bearer tokens must be for (default the client id)")
	f.StringVar(&id.PersonClaim, "oidc-person-claim", "sub", "claim that names the person, as staff assignments do")
	f.StringVar(&id.AgentClaim, "oidc-agent-claim", "agent_id", "claim that names the agent whom the person is")
	f.StringVar(&id.RolesClaim, "oidc-roles-claim", "roles", "claim that lists roles; auditor and operator count")
	f.StringVar(&id.NameClaim, "oidc-name-claim", "name", "claim with the name that is shown")
	f.StringVar(&id.PublicURL, "public-url", "", "where browsers reach the portal, like https://books.example (required with --oidc-issuer)")
	f.StringVar(&p.TLSCert, "tls-cert", "", "PEM file of the certificate chain; without one a proxy speaks TLS")
	f.StringVar(&p.TLSKey, "tls-key", "", "PEM file of the certificate's key")
	f.StringVar(&p.TrustedProxies, "trusted-proxies", "", "addresses or ranges of proxies whose X-Forwarded-For is believed, separated by commas")
	f.DurationVar(&id.Idle, "session-idle", 15*time.Minute, "how long somebody stays signed in without a request")
	f.DurationVar(&id.Limit, "session-limit", 8*time.Hour, "how long somebody stays signed in at all")
	f.IntVar(&p.Web.Fridays, "agent-fridays", access.DefaultRecentFridays, "of how many of the last Fridays an agent may take the books")
	f.StringVar(&p.Web.AccessLog, "access-log", "", "file to which every look at personal data is written (default access.log in the data folder)")
}

// check completes the configuration, and returns what is wrong with it; given
// reports whether a flag was set.
func (p *Portal) check(given func(string) bool) (err error) {
	id := &p.Web.Identity
	if id.Issuer == "" {
		for _, name := range [...]string{"public-url", "tls-cert", "tls-key", "oidc-client-id", "oidc-client-secret-file", "oidc-audience"} {
			if given(name) {
				return cli.Usagef("--%s is for the portal, which --oidc-issuer turns on", name)
			}
		}
		return nil
	}
	u, err := url.Parse(id.PublicURL)
	switch {
	case id.PublicURL == "":
		return cli.Usagef("--public-url is required with --oidc-issuer: browsers are sent back there after they have signed in")
	case err != nil || u.Host == "" || u.Scheme != "https" && !(u.Scheme == "http" && loopback.Host(u.Hostname())):
		return cli.Usagef("--public-url: %q is no https URL; plain http is for loopback addresses alone", id.PublicURL)
	case (p.TLSCert == "") != (p.TLSKey == ""):
		return cli.Usagef("give --tls-cert and --tls-key together")
	case p.TLSCert != "" && u.Scheme != "https":
		return cli.Usagef("--public-url: it begins with https where --tls-cert is given")
	case id.Idle < time.Minute || id.Idle > id.Limit:
		return cli.Usagef("--session-idle is at least a minute, and not more than --session-limit")
	case p.Web.Fridays < 1:
		return cli.Usagef("--agent-fridays is at least 1")
	}
	id.PublicURL = strings.TrimSuffix(id.PublicURL, "/")
	p.Web.TrustedProxies, err = parseProxies(p.TrustedProxies)
	return err
}

func parseProxies(list string) ([]netip.Prefix, error) {
	var all []netip.Prefix
	for text := range strings.SplitSeq(list, ",") {
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

// readFiles reads the files that are named, before a ledger is begun.
func (p *Portal) readFiles() (*certificate, error) {
	if p.SecretFile != "" {
		text, err := os.ReadFile(p.SecretFile)
		if err != nil {
			return nil, fmt.Errorf("reading the portal's secret at the issuer: %w", err)
		}
		p.Web.Identity.ClientSecret = strings.TrimSpace(string(text))
	}
	c := &certificate{cert: p.TLSCert, key: p.TLSKey}
	return c, c.read()
}

// certificate is the daemon's own, which may be replaced while it serves.
type certificate struct {
	cert, key string                          // PEM files
	current   atomic.Pointer[tls.Certificate] // nil: a proxy speaks TLS
}

func (c *certificate) read() error {
	if c.cert == "" {
		return nil
	}
	cert, err := tls.LoadX509KeyPair(c.cert, c.key)
	if err != nil {
		return fmt.Errorf("reading the certificate of --tls-cert and --tls-key: %w", err)
	}
	c.current.Store(&cert)
	return nil
}

// config returns how the daemon speaks TLS; nil where a proxy does.
func (c *certificate) config() *tls.Config {
	if c.cert == "" {
		return nil
	}
	return &tls.Config{
		GetCertificate: func(*tls.ClientHelloInfo) (*tls.Certificate, error) { return c.current.Load(), nil },
		MinVersion:     tls.VersionTLS12, NextProtos: []string{"h2", "http/1.1"},
	}
}

// reloadOnHangup reads the certificate again and begins the access log anew at each
// SIGHUP, until stop is called.
func reloadOnHangup(w *web.Web, c *certificate, log *zap.Logger) (stop func()) {
	hangup := make(chan os.Signal, 1)
	signal.Notify(hangup, syscall.SIGHUP)
	var renewing sync.WaitGroup
	renewing.Go(func() {
		for range hangup {
			if err := errors.Join(c.read(), w.ReopenAccessLog()); err != nil {
				log.Error("after a hangup", zap.Error(err))
			}
		}
	})
	return func() {
		signal.Stop(hangup)
		close(hangup)
		renewing.Wait()
	}
}
