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

// Rate is how many requests are let through in the long run, and at once.
type Rate struct {
	PerSecond float64
	Burst     int
}

// Options are what the middleware can be told.
type Options struct {
	HTTPS           bool           // browsers come by HTTPS, here or at a proxy, and are told to stay with it
	PerAddress      Rate           // of one IPv4 address or one IPv6 /64: an agency's many agents may share one
	PerPerson       Rate           // a person's browser asks for a page and its few files
	PerPersonWrites Rate           // of what a person has recorded
	TrustedProxies  []netip.Prefix // whose X-Forwarded-For is believed
	// FormActions are the origins, like https://login.example, to which a form's
	// answer may lead besides our own; what is no origin is left out. It is asked
	// at every request, since an issuer tells its own only in time. Nil: none.
	FormActions func() []string
	Log         *zap.Logger // must be set, as Now must
	Now         func() time.Time
}

// crossOriginProblem is the problem of a request that another site's page has sent.
var crossOriginProblem = problem.Problem{
	Type: "cross-origin", Status: http.StatusForbidden, Title: "Sent from another site",
	Detail: "The request came from a page of another site, or from a browser too old to tell. Open the portal itself and try again there.",
}

// Stack is what stands in front of the handlers.
type Stack struct {
	options   Options
	headers   [][2]string
	addresses *limiters
	persons   *limiters
	writers   *limiters
}

// originPattern is what a form-action may name; anything else could end the
// directive and begin another.
var originPattern = regexp.MustCompile(`^https?://[A-Za-z0-9.-]+(:[0-9]{1,5})?$`)

// New returns the middleware. The error names the option that is wrong.
func New(o Options) (*Stack, error) {
	for name, r := range map[string]Rate{"PerAddress": o.PerAddress, "PerPerson": o.PerPerson, "PerWriter": o.PerPersonWrites} {
		if !(r.PerSecond > 0) || math.IsInf(r.PerSecond, 1) || r.Burst < 1 {
			return nil, fmt.Errorf("setting up the middleware: %s needs a rate above 0 and a burst of at least 1", name)
		}
	}
	for _, p := range o.TrustedProxies {
		if !p.IsValid() || p.Bits() == 0 || p.Addr().Is4In6() {
			return nil, fmt.Errorf("setting up the middleware: the trusted proxies %v are no range of IPv4 or IPv6 addresses, or all there are", p)
		}
	}
	return &Stack{
		options: o, headers: securityHeaders(o),
		addresses: newLimiters(o.PerAddress), persons: newLimiters(o.PerPerson), writers: newLimiters(o.PerPersonWrites),
	}, nil
}

// AllowPerson counts a request of that person. Where it is one too many it
// says after how long, in whole seconds, the next one is let through.
func (g *Stack) AllowPerson(person string) (ok bool, retryAfter time.Duration) {
	return g.persons.allow(person, 1, g.options.Now())
}

// AllowWrite counts something that a person wants to have recorded, as
// AllowPerson does their requests. What costs more than the burst costs that.
func (g *Stack) AllowWrite(person string, cost int) (ok bool, retryAfter time.Duration) {
	return g.writers.allow(person, min(cost, g.options.PerPersonWrites.Burst), g.options.Now())
}

// Handler puts the middleware in front of next.
func (g *Stack) Handler(next http.Handler) http.Handler {
	protection := http.NewCrossOriginProtection()
	protection.SetDenyHandler(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { crossOriginProblem.Write(w) }))
	inner := g.limitAddress(protection.Handler(next))
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		began := g.options.Now()
		passing := &requestInfo{client: clientAddress(r, g.options.TrustedProxies)}
		r = r.WithContext(context.WithValue(r.Context(), requestInfoKey{}, passing))
		out := &responseWriter{ResponseWriter: w, headers: append([][2]string{{"Content-Security-Policy", g.contentSecurityPolicy()}}, g.headers...)}
		out.addHeaders()
		defer func() {
			g.logRequest(r, passing, out, g.options.Now().Sub(began))
		}()
		g.recoverPanic(inner, out, r)
	})
}

// limitAddress lets through what its address may still ask for.
func (g *Stack) limitAddress(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		ok, after := g.addresses.allow(counterKey(requestInfoOf(r.Context()).client), 1, g.options.Now())
		if !ok {
			told := problem.TooMany.WithDetail("Too many requests came from your network address. Wait a little and try again.")
			told.RetryAfter = after
			told.Write(w)
			return
		}
		next.ServeHTTP(w, r)
	})
}

// contentSecurityPolicy is what a page may load, and where its forms may lead.
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

// securityHeaders are what else every answer carries unless its handler says
// otherwise.
func securityHeaders(o Options) [][2]string {
	headers := [][2]string{
		{"X-Content-Type-Options", "nosniff"},
		// No other site ever learns where a person came from. no-referrer would
		// say no more to others, but makes browsers send "Origin: null" with
		// our own forms, which is refused where Sec-Fetch-Site is missing.
		{"Referrer-Policy", "same-origin"},
		{"Cross-Origin-Opener-Policy", "same-origin"},
		{"Cross-Origin-Resource-Policy", "same-origin"},
		{"Permissions-Policy", "accelerometer=(), camera=(), display-capture=(), geolocation=(), gyroscope=(), magnetometer=(), microphone=(), midi=(), payment=(), usb=()"},
		{"Cache-Control", "no-store"},
	}
	if o.HTTPS {
		// Only for the portal's own host: those below it are not ours to bind.
		headers = append(headers, [2]string{"Strict-Transport-Security", "max-age=63072000"})
	}
	return headers
}
