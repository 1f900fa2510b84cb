package web_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"iter"
	"net"
	"net/http"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
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
	t      testing.TB
	url    string
	ledger *node.Node
	issuer *issuer.Issuer
	web    *web.Web
	world  synthetic.Config
	dir    string
	log    *observer.ObservedLogs
	ids    *atomic.Int64
	stop   func()
}

// small is a world that is made in a moment.
func small() synthetic.Config {
	return synthetic.Config{Agents: 9, Consumers: 300, Weeks: 7, Seed: 1, Until: time.Now().Add(-time.Minute)}
}

// variant is how a site differs from others.
type variant struct {
	idle  time.Duration    // of sessions; 0 is the usual
	now   func() time.Time // by which they are idle; nil is the wall clock's
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
	clearOfCutoff(t)
	core, logs := observer.New(zapcore.DebugLevel)
	s, log := &site{t: t, world: w, dir: t.TempDir(), log: logs, ids: new(atomic.Int64)}, zap.New(core)
	ctx, cancel := context.WithCancel(context.Background())
	var err error
	if s.ledger, err = node.Open(ctx, node.Options{Dir: s.dir, Create: true, NATSListen: "127.0.0.1:0", Log: log}); err != nil {
		t.Fatal(err)
	}
	s.load(as, more)
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	must(t, err)
	s.url = "http://" + listener.Addr().String()
	w2, err := s.open(as, log)
	must(t, err)
	s.web = w2
	watch := integrity.New(integrity.Options{Compare: s.ledger.Compare, Log: log})
	d := daemon.New(daemon.Options{Node: s.ledger, Listen: listener, Portal: w2, Monitor: watch, Log: log})
	ended := make(chan error, 1)
	go func() { ended <- d.Run(ctx) }()
	s.stop = sync.OnceFunc(func() {
		cancel()
		if err := errors.Join(<-ended, w2.Close(), s.ledger.Close()); err != nil && !errors.Is(err, journal.ErrClosed) {
			t.Error(err)
		}
	})
	t.Cleanup(s.stop)
	s.until("it is ready", func() bool {
		r, err := http.Get(s.url + "/readyz")
		if err != nil {
			return false
		}
		_, _ = io.Copy(io.Discard, r.Body)
		return r.Body.Close() == nil && r.StatusCode == http.StatusOK
	})
	return s
}

// clearOfCutoff waits where a week is about to end: a cutoff in the midst of a test
// brings another book.
func clearOfCutoff(t testing.TB) {
	t.Helper()
	c := events.DefaultCalendar()
	if left := time.Until(c.Cutoff(c.FridayOf(time.Now()))); left < 3*time.Minute {
		t.Logf("the week ends in %v, which is waited for", left)
		time.Sleep(left + time.Second)
	}
}

// in is the site for another test, which fails if something is not as it must
// be.
func (s *site) in(t testing.TB) *site {
	own := *s
	own.t = t
	return &own
}

func (s *site) open(as variant, log *zap.Logger) (*web.Web, error) {
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
	s.issuer, err = issuer.New(issuer.Options{Base: s.url + "/issuer", ClientID: "bookledger", Portal: s.url, People: people, Stylesheet: portal.Stylesheet(), Icon: portal.Icon()})
	if err != nil {
		return nil, err
	}
	return web.New(web.Options{
		Node: s.ledger, Issuer: s.issuer, Log: log,
		Identity: identity.Options{Issuer: s.url + "/issuer", ClientID: "bookledger", PublicURL: s.url, Idle: as.idle, Now: as.now},
	})
}

// load loads the world and what the test adds to it, and closes history.
func (s *site) load(as variant, more []events.Data) {
	s.t.Helper()
	ctx := context.Background()
	var messages iter.Seq2[journal.Message, error] = func(yield func(journal.Message, error) bool) {
		stop := errors.New("stop")
		err := s.world.Generate(func(i synthetic.Item) error {
			body, err := i.Body()
			if err != nil {
				return err
			}
			if !yield(journal.Message{Subject: events.HistorySubject(i.Event.Source), Recorded: i.Recorded.UTC().Format(time.RFC3339Nano), Body: body}, nil) {
				return stop
			}
			return nil
		})
		if err != nil && err != stop {
			yield(journal.Message{}, err)
		}
	}
	done := func(journal.Ack) error { return nil }
	if as.young {
		must(s.t, s.ledger.Journal.AppendAll(ctx, s.told(time.Now(), more), done))
	} else {
		before := s.world.Until.AddDate(0, 0, -7*(s.world.Weeks+2))
		must(s.t, s.ledger.Journal.AppendAll(ctx, s.told(before, more), done))
		must(s.t, s.ledger.Journal.AppendAll(ctx, messages, done))
	}
	_, err := node.CloseHistory(ctx, s.ledger.Journal.Client, time.Now())
	must(s.t, err)
}

// told are messages of history, all recorded at one moment.
func (s *site) told(at time.Time, all []events.Data) iter.Seq2[journal.Message, error] {
	recorded := at.UTC().Format(time.RFC3339Nano)
	return func(yield func(journal.Message, error) bool) {
		for _, data := range all {
			e := s.event(data)
			body, err := e.Encode()
			if !yield(journal.Message{Subject: events.HistorySubject(e.Source), Recorded: recorded, Body: body}, err) {
				return
			}
		}
	}
}

func (s *site) event(data events.Data) events.Event {
	return events.Event{ID: fmt.Sprint("t", s.ids.Add(1)), Source: "test", Type: events.TypeOf(data), Time: time.Now(), Data: data}
}

// live publishes events as an upstream system does, and waits until the lists
// show them.
func (s *site) live(all ...events.Data) {
	s.t.Helper()
	for _, data := range all {
		e := s.event(data)
		body, err := e.Encode()
		must(s.t, err)
		ack, err := s.ledger.Journal.Append(context.Background(), []journal.Message{{Subject: e.Subject(), Body: body}})
		must(s.t, err)
		if _, why, err := s.ledger.Projection.WaitFor(context.Background(), ack.Last); err != nil || why != nil {
			s.t.Fatalf("%s: %+v (%v)", e.Type, why, err)
		}
	}
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// until awaits a condition.
func (s *site) until(what string, holds func() bool) {
	s.t.Helper()
	fixture.Eventually(s.t, what, holds)
}

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

// ask sends a request in a role ("" is nobody) with a body, if it is not nil.
func (s *site) ask(role, method, path string, body any) reply {
	s.t.Helper()
	token := ""
	if role != "" {
		var err error
		token, err = s.issuer.Token(s.who(role).PersonID, "bookledger", time.Hour)
		must(s.t, err)
	}
	return s.askWith(token, method, path, body)
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
	r, err := http.NewRequest(method, s.url+path, bytes.NewReader(text))
	must(s.t, err)
	if body != nil {
		r.Header.Set("Content-Type", "application/json")
	}
	if token != "" {
		r.Header.Set("Authorization", "Bearer "+token)
	}
	return s.send(r)
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

func (s *site) accessLog() string { return filepath.Join(s.dir, "access.log") }
