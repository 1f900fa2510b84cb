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

// site is the whole daemon over a made-up world, with the demo's issuer.
type site struct {
	*fixture.Node
	t      testing.TB
	url    string
	issuer *issuer.Issuer
	web    *web.Web
	world  synthetic.Config
	log    *observer.ObservedLogs
	stop   func()
}

// small is a world that is made in a moment.
func small() synthetic.Config {
	return synthetic.Config{Agents: 9, Consumers: 300, Weeks: 7, Seed: 1, Until: time.Now().Add(-time.Minute)}
}

// variant is how a site differs from others.
type variant struct {
	idle  time.Duration    // of sessions; 0 is the usual
	now   func() time.Time // nil is the wall clock's
	young bool             // no Friday has passed: nothing is known but what more tells
	// people can sign in besides the world's.
	people []issuer.Person
}

// start serves a world until the test ends. More is told to the ledger as
// history, before the world's own.
func start(t testing.TB, w synthetic.Config, more ...events.Data) *site {
	t.Helper()
	return startAs(t, variant{}, w, more...)
}

func startAs(t testing.TB, as variant, w synthetic.Config, more ...events.Data) *site {
	t.Helper()
	core, logs := observer.New(zapcore.DebugLevel)
	s, log := &site{t: t, world: w, log: logs}, zap.New(core)
	s.Node = fixture.Open(t, node.Options{NATSListen: "127.0.0.1:0", Log: log})
	t.Cleanup(func() {
		if t.Failed() {
			t.Logf("the log says %v", s.log.All())
		}
	})
	s.load(as, more)
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	must(t, err)
	s.url = "http://" + listener.Addr().String()
	w2, err := s.open(as, log)
	must(t, err)
	s.web = w2
	watch := integrity.New(integrity.Options{Compare: s.Compare, Now: time.Now, Log: log})
	d := daemon.New(daemon.Options{Node: s.Node.Node, Listen: listener, Portal: w2, Monitor: watch, Log: log, Now: time.Now})
	end := fixture.Run(t, func(ctx context.Context) {
		if err := d.Run(ctx); err != nil && !errors.Is(err, journal.ErrClosed) {
			t.Error(err)
		}
	})
	s.stop = sync.OnceFunc(func() {
		end()
		if err := w2.Close(); err != nil {
			t.Error(err)
		}
	})
	t.Cleanup(s.stop)
	fixture.Eventually(s.t, "it is ready", func() bool {
		r, err := http.Get(s.url + "/readyz")
		if err != nil {
			return false
		}
		_, _ = io.Copy(io.Discard, r.Body)
		return r.Body.Close() == nil && r.StatusCode == http.StatusOK
	})
	return s
}

// in is the site for another test, which fails if something is not as it must
// be.
func (s *site) in(t testing.TB) *site {
	own := *s
	own.t, own.Node = t, s.Node.In(t)
	return &own
}

func (s *site) open(as variant, log *zap.Logger) (*web.Web, error) {
	if as.now == nil {
		as.now = time.Now
	}
	var people []issuer.Person
	for _, i := range s.world.Identities() {
		people = append(people, issuer.Person{
			Person: access.Person{ID: i.PersonID, AgentID: i.AgentID, Name: i.Name, Auditor: i.Role == "auditor", Operator: i.Role == "operator"},
			Role:   i.Role, AgencyID: i.AgencyID,
		})
	}
	people = append(people, issuer.Person{Person: access.Person{ID: "P-nobody", Name: "Nobody Known"}, Role: "nobody"})
	people = append(people, as.people...)
	var err error
	s.issuer, err = issuer.New(issuer.Options{Base: s.url + "/issuer", ClientID: "bookledger", Portal: s.url, People: people, Stylesheet: portal.Stylesheet(), Icon: portal.Icon(), Now: time.Now})
	if err != nil {
		return nil, err
	}
	return web.New(web.Options{
		Node: s.Node.Node, Issuer: s.issuer, Log: log, Now: as.now, Fridays: access.DefaultRecentFridays,
		Identity: identity.Options{Issuer: s.url + "/issuer", ClientID: "bookledger", PublicURL: s.url, Idle: as.idle},
	})
}

// load loads the world and what the test adds to it, and closes history.
func (s *site) load(as variant, more []events.Data) {
	s.t.Helper()
	if as.young {
		s.Load(time.Now(), more...)
	} else {
		s.Load(s.world.Until.AddDate(0, 0, -7*(s.world.Weeks+2)), more...)
		var messages []journal.Message
		for i := range s.world.Generate() {
			body, err := i.Event.Encode()
			must(s.t, err)
			messages = append(messages, journal.Message{Subject: events.HistorySubject(i.Event.Source), Recorded: i.Recorded.Format(time.RFC3339Nano), Body: body})
		}
		s.Append(messages...)
	}
	s.CloseHistory()
}

var must = fixture.Must

// who returns the identity of a role; the second agent is "agent 2".
func (s *site) who(role string) synthetic.Identity {
	s.t.Helper()
	role, second := strings.CutSuffix(role, " 2")
	for _, i := range s.world.Identities() {
		if i.Role == role {
			if !second {
				return i
			}
			second = false
		}
	}
	s.t.Fatalf("the world has no %s", role)
	return synthetic.Identity{}
}

// token is a bearer token of a role; "" is nobody's.
func (s *site) token(role string) string {
	s.t.Helper()
	if role == "" {
		return ""
	}
	token, err := s.issuer.Token(s.who(role).PersonID, "bookledger", time.Hour)
	must(s.t, err)
	return token
}

// ask sends a request in a role with a body, if it is not nil.
func (s *site) ask(role, method, path string, body any) reply {
	s.t.Helper()
	return s.askWith(s.token(role), method, path, body)
}

// askWith is ask with a bearer token.
func (s *site) askWith(token, method, path string, body any) reply {
	s.t.Helper()
	var text []byte
	if body != nil {
		var err error
		text, err = json.Marshal(body)
		must(s.t, err)
	}
	return s.send(s.request(token, method, path, string(text)))
}

func (s *site) request(token, method, path, body string) *http.Request {
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

// reply is an answer, read whole.
type reply struct {
	*http.Response
	body []byte
}

func (s *site) send(r *http.Request) reply {
	s.t.Helper()
	answer, err := http.DefaultTransport.RoundTrip(r) // redirects are answers too
	must(s.t, err)
	b, err := io.ReadAll(answer.Body)
	must(s.t, errors.Join(err, answer.Body.Close()))
	s.judge(r, reply{answer, b})
	return reply{answer, b}
}

// problem is the last part of an answer's problem type.
func (r reply) problem() string {
	var p struct{ Type, Field string }
	if err := json.Unmarshal(r.body, &p); err != nil {
		return "no problem: " + string(r.body[:min(len(r.body), 80)])
	}
	return strings.TrimSuffix(strings.TrimPrefix(p.Type, "urn:bookledger:problem:")+" "+p.Field, " ")
}

// into decodes an answer that must be a 200.
func (r reply) into(t testing.TB, v any) {
	t.Helper()
	if r.StatusCode != http.StatusOK {
		t.Fatalf("%s %s is answered %d: %s", r.Request.Method, r.Request.URL.Path, r.StatusCode, r.body)
	}
	must(t, json.Unmarshal(r.body, v))
}

func (s *site) accessLog() string { return filepath.Join(s.Dir, "access.log") }
