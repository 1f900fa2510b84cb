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

// Portal configures the portal and the API. Both are on if Web.Identity.Issuer is
// set.
type Portal struct {
	// Web contains the options of package web; serve adds the node. Its flags are
	// oidc-issuer, oidc-client-id, oidc-audience, oidc-person-claim,
	// oidc-agent-claim, oidc-roles-claim, oidc-name-claim, public-url, session-idle
	// and session-limit (fields of Identity), agent-fridays (Fridays) and access-log
	// (AccessLog). SIGHUP reopens the access log after it was moved.
	Web web.Options

	// SecretFile (oidc-client-secret-file) contains the client secret of the portal
	// at the issuer. If it is blank, the portal is a public client.
	SecretFile string

	// TLSCert and TLSKey (tls-cert, tls-key) are PEM files, or blank if a proxy
	// handles TLS. SIGHUP reads them again.
	TLSCert, TLSKey string

	// TrustedProxies (trusted-proxies) are the addresses or ranges of proxies whose
	// X-Forwarded-For header is trusted, separated by commas.
	TrustedProxies string
}

func (p *Portal) register(f *pflag.FlagSet) {
	id := &p.Web.Identity
	f.StringVar(&id.Issuer, "oidc-issuer", "", "`URL` of the OpenID issuer; if blank, the portal and the API are off")
	f.StringVar(&id.ClientID, "oidc-client-id", "bookledger", "client `id` of the portal at the issuer")
	f.StringVar(&p.SecretFile, "oidc-client-secret-file", "", "`file` with the client secret; if blank, the portal is a public client")
	f.StringVar(&id.Audience, "oidc-audience", "", "required audience of bearer tokens (default: the client id)")
	f.StringVar(&id.PersonClaim, "oidc-person-claim", "sub", "`claim` with the person id, as in staff assignments")
	f.StringVar(&id.AgentClaim, "oidc-agent-claim", "agent_id", "`claim` with the agent id, if the person is an agent")
	f.StringVar(&id.RolesClaim, "oidc-roles-claim", "roles", "`claim` with the list of roles, of which auditor and operator are used")
	f.StringVar(&id.NameClaim, "oidc-name-claim", "name", "`claim` with the name to display")
	f.StringVar(&id.PublicURL, "public-url", "", "`URL` of the portal in browsers, for example https://books.example (required with --oidc-issuer)")
	f.StringVar(&p.TLSCert, "tls-cert", "", "PEM `file` with the certificate chain; if blank, a proxy must handle TLS")
	f.StringVar(&p.TLSKey, "tls-key", "", "PEM `file` with the key of the certificate")
	f.StringVar(&p.TrustedProxies, "trusted-proxies", "", "`addresses` or ranges of proxies whose X-Forwarded-For header is trusted, separated by commas")
	f.DurationVar(&id.Idle, "session-idle", 15*time.Minute, "a session ends after this time without a request")
	f.DurationVar(&id.Limit, "session-limit", 8*time.Hour, "a session ends after this time at the latest")
	f.IntVar(&p.Web.Fridays, "agent-fridays", access.DefaultRecentFridays, "number of past Fridays whose books an agent may download")
	f.StringVar(&p.Web.AccessLog, "access-log", "", "`file` that logs who viewed personal data (default: access.log in the data folder)")
}

// check validates the configuration and parses its values. changed reports whether a
// flag was set.
func (p *Portal) check(changed func(string) bool) (err error) {
	id := &p.Web.Identity
	if id.Issuer == "" {
		for _, name := range [...]string{"public-url", "tls-cert", "tls-key", "oidc-client-id", "oidc-client-secret-file", "oidc-audience"} {
			if changed(name) {
				return cli.Usagef("--%s needs --oidc-issuer: it configures the portal, and the portal is off", name)
			}
		}
		return nil
	}
	u, err := url.Parse(id.PublicURL)
	switch {
	case id.PublicURL == "":
		return cli.Usagef("--public-url is required with --oidc-issuer: browsers return there after sign-in")
	case err != nil || u.Host == "" || u.Scheme != "https" && !(u.Scheme == "http" && loopback.Host(u.Hostname())):
		return cli.Usagef("--public-url: %q is not an https URL; http is allowed only for loopback addresses", id.PublicURL)
	case (p.TLSCert == "") != (p.TLSKey == ""):
		return cli.Usagef("use --tls-cert and --tls-key together")
	case p.TLSCert != "" && u.Scheme != "https":
		return cli.Usagef("--public-url must begin with https, because --tls-cert is set")
	case id.Idle < time.Minute || id.Idle > id.Limit:
		return cli.Usagef("--session-idle must be at least a minute and at most --session-limit")
	case p.Web.Fridays < 1:
		return cli.Usagef("--agent-fridays must be at least 1")
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
				return nil, cli.Usagef("--trusted-proxies: %q is not an address or range: use for example 10.0.0.0/8", text)
			}
			prefix = netip.PrefixFrom(addr, addr.BitLen())
		}
		all = append(all, prefix)
	}
	return all, nil
}

// readFiles reads the configured files, so that a missing file is an error before a
// new ledger is created.
func (p *Portal) readFiles() (*certificate, error) {
	if p.SecretFile != "" {
		text, err := os.ReadFile(p.SecretFile)
		if err != nil {
			return nil, fmt.Errorf("reading the client secret of the portal: %w", err)
		}
		p.Web.Identity.ClientSecret = strings.TrimSpace(string(text))
	}
	c := &certificate{cert: p.TLSCert, key: p.TLSKey}
	return c, c.read()
}

// certificate is the TLS certificate of the daemon. It can be replaced while the daemon
// runs.
type certificate struct {
	cert, key string                          // PEM files
	current   atomic.Pointer[tls.Certificate] // nil if a proxy handles TLS
}

func (c *certificate) read() error {
	if c.cert == "" {
		return nil
	}
	cert, err := tls.LoadX509KeyPair(c.cert, c.key)
	if err != nil {
		return fmt.Errorf("reading the certificate (--tls-cert, --tls-key): %w", err)
	}
	c.current.Store(&cert)
	return nil
}

// config returns the TLS configuration, or nil if a proxy handles TLS.
func (c *certificate) config() *tls.Config {
	if c.cert == "" {
		return nil
	}
	return &tls.Config{
		GetCertificate: func(*tls.ClientHelloInfo) (*tls.Certificate, error) { return c.current.Load(), nil },
		MinVersion:     tls.VersionTLS12, NextProtos: []string{"h2", "http/1.1"},
	}
}

// reloadOnHangup reads the certificate again and reopens the access log at each SIGHUP,
// until stop is called.
func reloadOnHangup(w *web.Web, c *certificate, log *zap.Logger) (stop func()) {
	hangup := make(chan os.Signal, 1)
	signal.Notify(hangup, syscall.SIGHUP)
	var reloading sync.WaitGroup
	reloading.Go(func() {
		for range hangup {
			if err := errors.Join(c.read(), w.ReopenAccessLog()); err != nil {
				log.Error("reloading after SIGHUP failed", zap.Error(err))
			}
		}
	})
	return func() {
		signal.Stop(hangup)
		close(hangup)
		reloading.Wait()
	}
}
