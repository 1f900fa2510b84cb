package middleware

import (
	"context"
	"fmt"
	"math"
	"net/http"
	"net/netip"
	"regexp"
	"time"

	"go.uber.org/zap"

	"bookledger/cmd/internal/problem"
)

// Rate limits requests: PerSecond in the long run, and Burst at once.
type Rate struct {
	PerSecond float64
	Burst     int
}

// Options configure the middleware. Log and Now are required, and so are the rates.
type Options struct {
	HTTPS           bool           // browsers use HTTPS, here or at a proxy; sends Strict-Transport-Security
	PerAddress      Rate           // for an IPv4 address or an IPv6 /64; all agents of an agency may share one
	PerPerson       Rate           // for the requests of a person, including a page's few files
	PerPersonWrites Rate           // for events that a person has recorded
	TrustedProxies  []netip.Prefix // their X-Forwarded-For is trusted
	// FormActions returns the origins, such as https://login.example, to which the
	// response to a form may redirect besides our own. It is called for every
	// request, because the issuer's origin may become known late. Anything that is
	// not an origin is ignored. Nil means no origins.
	FormActions func() []string
	Log         *zap.Logger
	Now         func() time.Time
}

// crossOriginProblem is the response to a request that a page of another site sent.
var crossOriginProblem = problem.Problem{
	Type: "cross-origin", Status: http.StatusForbidden, Title: "Sent from another site",
	Detail: "The request came from a page of another site, or your browser is too old to tell. Open the portal and try again there.",
}

// Stack is the configured middleware.
type Stack struct {
	options   Options
	headers   [][2]string
	addresses *limiters
	persons   *limiters
	writers   *limiters
}

// originPattern matches what form-action may contain. Other texts could end the directive
// and begin another.
var originPattern = regexp.MustCompile(`^https?://[A-Za-z0-9.-]+(:[0-9]{1,5})?$`)

// New returns the middleware. An error names the invalid option.
func New(o Options) (*Stack, error) {
	for name, r := range map[string]Rate{"PerAddress": o.PerAddress, "PerPerson": o.PerPerson, "PerPersonWrites": o.PerPersonWrites} {
		if !(r.PerSecond > 0) || math.IsInf(r.PerSecond, 1) || r.Burst < 1 {
			return nil, fmt.Errorf("setting up the middleware: %s needs a rate above 0 and a burst of at least 1", name)
		}
	}
	for _, p := range o.TrustedProxies {
		if !p.IsValid() || p.Bits() == 0 || p.Addr().Is4In6() {
			return nil, fmt.Errorf("setting up the middleware: trusted proxy %v is not a range of IPv4 or IPv6 addresses, or contains all addresses", p)
		}
	}
	return &Stack{
		options: o, headers: securityHeaders(o),
		addresses: newLimiters(o.PerAddress), persons: newLimiters(o.PerPerson), writers: newLimiters(o.PerPersonWrites),
	}, nil
}

// AllowPerson counts a request of a person. If there are too many, it returns false and
// the time to wait, in whole seconds.
func (g *Stack) AllowPerson(person string) (ok bool, retryAfter time.Duration) {
	return g.persons.allow(person, 1, g.options.Now())
}

// AllowWrite counts events that a person wants to have recorded, like AllowPerson. A cost
// above the burst counts as the burst.
func (g *Stack) AllowWrite(person string, cost int) (ok bool, retryAfter time.Duration) {
	return g.writers.allow(person, min(cost, g.options.PerPersonWrites.Burst), g.options.Now())
}

// Handler returns next wrapped by the middleware.
func (g *Stack) Handler(next http.Handler) http.Handler {
	protection := http.NewCrossOriginProtection()
	protection.SetDenyHandler(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { crossOriginProblem.Write(w) }))
	inner := g.limitAddress(protection.Handler(next))
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		started := g.options.Now()
		info := &requestInfo{client: clientAddress(r, g.options.TrustedProxies)}
		r = r.WithContext(context.WithValue(r.Context(), requestInfoKey{}, info))
		out := &responseWriter{ResponseWriter: w, headers: append([][2]string{{"Content-Security-Policy", g.contentSecurityPolicy()}}, g.headers...)}
		out.addHeaders()
		defer func() {
			g.logRequest(r, info, out, g.options.Now().Sub(started))
		}()
		g.recoverPanic(inner, out, r)
	})
}

// limitAddress refuses requests above the rate of their address.
func (g *Stack) limitAddress(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		ok, after := g.addresses.allow(counterKey(requestInfoOf(r.Context()).client), 1, g.options.Now())
		if !ok {
			tooMany := problem.TooMany.WithDetail("Too many requests came from your network address. Wait a little and try again.")
			tooMany.RetryAfter = after
			tooMany.Write(w)
			return
		}
		next.ServeHTTP(w, r)
	})
}

// contentSecurityPolicy returns the policy of what a page may load and where its forms may
// lead.
func (g *Stack) contentSecurityPolicy() string {
	forms := "form-action 'self'"
	if g.options.FormActions != nil {
		for _, origin := range g.options.FormActions() {
			if originPattern.MatchString(origin) {
				forms += " " + origin
			}
		}
	}
	return "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self'; connect-src 'self'; " +
		forms + "; base-uri 'none'; frame-ancestors 'none'"
}

// securityHeaders returns the other headers of every response. A handler may set another
// value.
func securityHeaders(o Options) [][2]string {
	headers := [][2]string{
		{"X-Content-Type-Options", "nosniff"},
		// Other sites never learn from which page a person came. The value
		// no-referrer would hide no more from them, but with it browsers send
		// "Origin: null" with our own forms, and such a request is refused if
		// Sec-Fetch-Site is missing.
		{"Referrer-Policy", "same-origin"},
		{"Cross-Origin-Opener-Policy", "same-origin"},
		{"Cross-Origin-Resource-Policy", "same-origin"},
		{"Permissions-Policy", "accelerometer=(), camera=(), display-capture=(), geolocation=(), gyroscope=(), magnetometer=(), microphone=(), midi=(), payment=(), usb=()"},
		{"Cache-Control", "no-store"},
	}
	if o.HTTPS {
		// Without includeSubDomains: hosts below the portal's may not be ours.
		headers = append(headers, [2]string{"Strict-Transport-Security", "max-age=63072000"})
	}
	return headers
}
