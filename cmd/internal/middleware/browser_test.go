package middleware

import (
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"sync"
	"testing"

	"github.com/chromedp/chromedp"
	"go.uber.org/zap"

	"bookledger/cmd/internal/fixture"
)

// browser starts Chromium and resolves portal.test and login.test to this machine.
func browser(t *testing.T) context.Context {
	t.Helper()
	return fixture.Chromium(t,
		chromedp.Flag("host-resolver-rules", "MAP portal.test 127.0.0.1, MAP login.test 127.0.0.1"),
		chromedp.Flag("ignore-certificate-errors", true), chromedp.Flag("disable-quic", true),
		chromedp.Flag("disable-component-update", true), chromedp.Flag("disable-features", "HttpsUpgrades"))
}

// server is a test server that records the headers of its requests.
type server struct {
	*httptest.Server
	mu   sync.Mutex
	seen map[string]http.Header // by method and path
}

func newServer(t *testing.T, https bool, h http.Handler) *server {
	t.Helper()
	s := &server{seen: map[string]http.Header{}}
	s.Server = httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		s.mu.Lock()
		s.seen[r.Method+" "+r.URL.Path] = r.Header.Clone()
		s.mu.Unlock()
		h.ServeHTTP(w, r)
	}))
	s.Config.ErrorLog = zap.NewStdLog(zap.NewNop())
	if https {
		s.StartTLS()
	} else {
		s.Start()
	}
	t.Cleanup(s.Close)
	return s
}

// originAt returns the server's origin under another host name.
func (s *server) originAt(t *testing.T, host string) string {
	t.Helper()
	u, err := url.Parse(s.URL)
	fixture.Must(t, err)
	return u.Scheme + "://" + host + ":" + u.Port()
}

func (s *server) headers(key string) http.Header {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.seen[key]
}

func page(w http.ResponseWriter, body string) {
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	_, _ = io.WriteString(w, "<!doctype html><html lang=en><title>page</title><body>"+body)
}

// portal is a server behind the middleware. Its page has two forms. One redirects to a page
// of its own, the other to the login server.
func portal(t *testing.T, o Options, policy string, login func() string) *server {
	t.Helper()
	return newServer(t, o.HTTPS, newStack(t, o).Handler(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if policy != "" {
			w.Header().Set("Referrer-Policy", policy)
		}
		switch r.Method + " " + r.URL.Path {
		case "POST /own":
			http.Redirect(w, r, "/done", http.StatusSeeOther)
		case "POST /away":
			http.Redirect(w, r, login(), http.StatusSeeOther)
		case "GET /done", "GET /back":
			page(w, "done")
		default:
			page(w, `<form method=post action=/own><button id=own>own</button></form><form method=post action=/away><button id=away>away</button></form>`)
		}
	})))
}

// press opens a page, clicks a button, and returns the status of the response.
func press(t *testing.T, ctx context.Context, address, button string) int64 {
	t.Helper()
	if err := chromedp.Do(ctx, chromedp.Navigate(address)); err != nil {
		t.Fatalf("opening %s: %v", address, err)
	}
	r, err := chromedp.RunResponse(ctx, chromedp.Click(chromedp.ID(button)))
	if err != nil || r == nil {
		t.Fatalf("clicking %s on %s: %v", button, address, err)
	}
	return r.Status
}

// TestFormsInChromium shows why Referrer-Policy has its value. With no-referrer, Chromium
// sends "Origin: null" with our own forms. Over plain HTTP from another machine it also
// sends no Sec-Fetch-Site, so the request would be refused.
func TestFormsInChromium(t *testing.T) {
	ctx := browser(t)
	for _, c := range []struct {
		name, host, policy string
		https              bool
		own                int64  // status of the response to our own form
		origin             string // Origin of that request; "own" for the portal's
		site               string // Sec-Fetch-Site of that request
	}{
		{"by HTTPS", "portal.test", "", true, 200, "own", "same-origin"},
		{"on loopback", "127.0.0.1", "", false, 200, "own", "same-origin"},
		{"by plain HTTP", "portal.test", "", false, 200, "own", ""},
		{"by HTTPS, no-referrer", "portal.test", "no-referrer", true, 200, "null", "same-origin"},
		{"by plain HTTP, no-referrer", "portal.test", "no-referrer", false, 403, "null", ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			var back string
			login := newServer(t, c.https, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				http.Redirect(w, r, back, http.StatusSeeOther)
			}))
			away := login.originAt(t, "login.test")
			p := portal(t, Options{HTTPS: c.https, FormActions: forms(away)}, c.policy, func() string { return away + "/authorize" })
			own := p.originAt(t, c.host)
			back = own + "/back"
			if got := press(t, ctx, own+"/", "own"); got != c.own {
				t.Errorf("our own form: got status %d, want %d", got, c.own)
			}
			want := c.origin
			if want == "own" {
				want = own
			}
			h := p.headers("POST /own")
			if h.Get("Origin") != want || h.Get("Sec-Fetch-Site") != c.site {
				t.Errorf("our own form: got Origin %q, Sec-Fetch-Site %q; want %q, %q", h.Get("Origin"), h.Get("Sec-Fetch-Site"), want, c.site)
			}
			if c.own != http.StatusOK {
				return
			}
			if got := press(t, ctx, own+"/", "away"); got != http.StatusOK || p.headers("GET /back") == nil {
				t.Errorf("redirect through the login: got status %d, want 200 at the portal", got)
			}
			if h := login.headers("GET /authorize"); h == nil || h.Get("Referer") != "" || h.Get("Origin") != "" {
				t.Errorf("the login got headers %v, want neither Referer nor Origin", h)
			}
		})
	}
}
