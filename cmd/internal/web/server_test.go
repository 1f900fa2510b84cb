package web_test

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"net"
	"net/http"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"
	"go.uber.org/zap/zaptest/observer"

	"bookledger/cmd/bookdemo/issuer"
	"bookledger/cmd/bookdemo/synthetic"
	"bookledger/cmd/internal/daemon"
	"bookledger/cmd/internal/fixture"
	"bookledger/cmd/internal/identity"
	"bookledger/cmd/internal/integrity"
	"bookledger/cmd/internal/node"
	"bookledger/cmd/internal/portal"
	"bookledger/cmd/internal/web"
	"bookledger/events"
	"bookledger/events/journal"
	"bookledger/projections/access"
)

// testServer is a daemon with synthetic data and the demo's issuer.
type testServer struct {
	*fixture.Node
	t      testing.TB
	url    string
	issuer *issuer.Issuer
	web    *web.Web
	config synthetic.Config
	log    *observer.ObservedLogs
	stop   func()
}

// smallConfig returns a configuration of synthetic data that loads fast.
func smallConfig() synthetic.Config {
	return synthetic.Config{Agents: 9, Consumers: 300, Weeks: 7, Seed: 1, Until: time.Now().Add(-time.Minute)}
}

// serverOptions configures a testServer.
type serverOptions struct {
	idle     time.Duration    // session idle limit; 0 for the default
	now      func() time.Time // nil for the wall clock
	noCutoff bool             // load only the extra events, so that no cutoff has passed
	// people can sign in, besides the synthetic people.
	people []issuer.Person
}

// start starts a server with synthetic data that runs until the test ends. Extra
// events are loaded as history before the synthetic events.
func start(t testing.TB, config synthetic.Config, extra ...events.Data) *testServer {
	t.Helper()
	return startWith(t, serverOptions{}, config, extra...)
}

func startWith(t testing.TB, o serverOptions, config synthetic.Config, extra ...events.Data) *testServer {
	t.Helper()
	core, logs := observer.New(zapcore.DebugLevel)
	s, log := &testServer{t: t, config: config, log: logs}, zap.New(core)
	s.Node = fixture.Open(t, node.Options{NATSListen: "127.0.0.1:0", Log: log})
	t.Cleanup(func() {
		if t.Failed() {
			t.Logf("log: %v", s.log.All())
		}
	})
	s.loadHistory(o, extra)
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	must(t, err)
	s.url = "http://" + listener.Addr().String()
	s.web, err = s.newWeb(o, log)
	must(t, err)
	monitor := integrity.New(integrity.Options{Compare: s.Compare, Now: time.Now, Log: log})
	d := daemon.New(daemon.Options{Node: s.Node.Node, Listen: listener, Portal: s.web, Monitor: monitor, Log: log, Now: time.Now})
	end := fixture.Run(t, func(ctx context.Context) {
		if err := d.Run(ctx); err != nil && !errors.Is(err, journal.ErrClosed) {
			t.Error(err)
		}
	})
	s.stop = sync.OnceFunc(func() {
		end()
		if err := s.web.Close(); err != nil {
			t.Error(err)
		}
	})
	t.Cleanup(s.stop)
	fixture.Eventually(s.t, "the server is ready", func() bool {
		r, err := http.Get(s.url + "/readyz")
		if err != nil {
			return false
		}
		_, _ = io.Copy(io.Discard, r.Body)
		return r.Body.Close() == nil && r.StatusCode == http.StatusOK
	})
	return s
}

// forTest returns the server for use in another test.
func (s *testServer) forTest(t testing.TB) *testServer {
	own := *s
	own.t, own.Node = t, s.Node.In(t)
	return &own
}

func (s *testServer) newWeb(o serverOptions, log *zap.Logger) (*web.Web, error) {
	if o.now == nil {
		o.now = time.Now
	}
	var people []issuer.Person
	for _, i := range s.config.Identities() {
		people = append(people, issuer.Person{
			Person: access.Person{ID: i.PersonID, AgentID: i.AgentID, Name: i.Name, Auditor: i.Role == "auditor", Operator: i.Role == "operator"},
			Role:   i.Role, AgencyID: i.AgencyID,
		})
	}
	people = append(people, issuer.Person{Person: access.Person{ID: "P-nobody", Name: "Nobody Known"}, Role: "nobody"})
	people = append(people, o.people...)
	var err error
	s.issuer, err = issuer.New(issuer.Options{Base: s.url + "/issuer", ClientID: "bookledger", Portal: s.url, People: people, Stylesheet: portal.Stylesheet(), Icon: portal.Icon(), Now: time.Now})
	if err != nil {
		return nil, err
	}
	return web.New(web.Options{
		Node: s.Node.Node, Issuer: s.issuer, Log: log, Now: o.now, Fridays: access.DefaultRecentFridays,
		Identity: identity.Options{Issuer: s.url + "/issuer", ClientID: "bookledger", PublicURL: s.url, Idle: o.idle},
	})
}

// loadHistory loads the synthetic events and the extra events, and closes history.
func (s *testServer) loadHistory(o serverOptions, extra []events.Data) {
	s.t.Helper()
	if o.noCutoff {
		s.Load(time.Now(), extra...)
	} else {
		s.Load(s.config.Until.AddDate(0, 0, -7*(s.config.Weeks+2)), extra...)
		var messages []journal.Message
		for i := range s.config.Generate() {
			body, err := i.Event.Encode()
			must(s.t, err)
			messages = append(messages, journal.Message{Subject: events.HistorySubject(i.Event.Source), Recorded: i.Recorded.Format(time.RFC3339Nano), Body: body})
		}
		s.Append(messages...)
	}
	s.CloseHistory()
}

var must = fixture.Must

// identity returns the first person with a role. "agent 2" is the second agent.
func (s *testServer) identity(role string) synthetic.Identity {
	s.t.Helper()
	role, second := strings.CutSuffix(role, " 2")
	for _, i := range s.config.Identities() {
		if i.Role == role {
			if !second {
				return i
			}
			second = false
		}
	}
	s.t.Fatalf("the synthetic data has no %s", role)
	return synthetic.Identity{}
}

// token returns a bearer token for a role, or "" for "".
func (s *testServer) token(role string) string {
	s.t.Helper()
	if role == "" {
		return ""
	}
	token, err := s.issuer.Token(s.identity(role).PersonID, "bookledger", time.Hour)
	must(s.t, err)
	return token
}

// do sends a request with the token of a role. A nil body is none.
func (s *testServer) do(role, method, path string, body any) reply {
	s.t.Helper()
	return s.doWithToken(s.token(role), method, path, body)
}

// doWithToken is like do, with a given bearer token.
func (s *testServer) doWithToken(token, method, path string, body any) reply {
	s.t.Helper()
	var text []byte
	if body != nil {
		var err error
		text, err = json.Marshal(body)
		must(s.t, err)
	}
	return s.send(s.newRequest(token, method, path, string(text)))
}

func (s *testServer) newRequest(token, method, path, body string) *http.Request {
	s.t.Helper()
	r, err := http.NewRequest(method, s.url+path, strings.NewReader(body))
	must(s.t, err)
	if method == http.MethodPost {
		r.Header.Set("Content-Type", "application/json")
	}
	if token != "" {
		r.Header.Set("Authorization", "Bearer "+token)
	}
	return r
}

// reply is a response whose body has been read.
type reply struct {
	*http.Response
	body []byte
}

func (s *testServer) send(r *http.Request) reply {
	s.t.Helper()
	response, err := http.DefaultTransport.RoundTrip(r) // does not follow redirects
	must(s.t, err)
	b, err := io.ReadAll(response.Body)
	must(s.t, errors.Join(err, response.Body.Close()))
	s.checkContract(r, reply{response, b})
	return reply{response, b}
}

// problem returns the last part of the problem type, and the field.
func (r reply) problem() string {
	var p struct{ Type, Field string }
	if err := json.Unmarshal(r.body, &p); err != nil {
		return "not a problem: " + string(r.body[:min(len(r.body), 80)])
	}
	return strings.TrimSuffix(strings.TrimPrefix(p.Type, "urn:bookledger:problem:")+" "+p.Field, " ")
}

// into decodes a response that must have status 200.
func (r reply) into(t testing.TB, v any) {
	t.Helper()
	if r.StatusCode != http.StatusOK {
		t.Fatalf("%s %s: got status %d: %s", r.Request.Method, r.Request.URL.Path, r.StatusCode, r.body)
	}
	must(t, json.Unmarshal(r.body, v))
}

func (s *testServer) accessLogPath() string { return filepath.Join(s.Dir, "access.log") }
