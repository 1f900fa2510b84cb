package web_test

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"strings"
	"testing"
	"time"

	"bookledger/cmd/internal/exportlimit"
	"bookledger/cmd/internal/fixture"
)

// TestLine holds over the wire that a fourth book of one person is refused while
// three wait, that who disconnects leaves the line, and that who waits when the
// daemon ends is told so.
func TestLine(t *testing.T) {
	t.Parallel()
	s := start(t, small())
	join := func(name string) *exportlimit.Export {
		x, err := s.web.Limiter().Join(name, 1)
		must(t, err)
		return x
	}
	for _, name := range []string{"P-before0", "P-before1"} {
		x := join(name)
		defer x.Close()
		must(t, x.Wait(t.Context()))
	}
	who := s.who("agent")
	token, err := s.issuer.Token(who.PersonID, "bookledger", time.Hour)
	must(t, err)
	book := asked{"POST", "/v1/agents/" + who.AgentID + "/books/latest", token, `{"disclaimer":"1","accepted":true}`}
	answered := make(chan error, 3)
	ask := func(ctx context.Context) { answered <- send(ctx, http.DefaultClient, s.url, book) }
	requested := func(n int) func() bool {
		return func() bool {
			var all struct{ Exports []trail }
			s.ask("auditor", "GET", "/v1/exports", nil).into(t, &all)
			return len(all.Exports) == n
		}
	}
	ctx, disconnect := context.WithCancel(t.Context())
	for range 3 {
		go ask(ctx)
	}
	fixture.Eventually(t, "three wait", requested(3))
	got := s.askWith(token, "POST", book.path, json.RawMessage(book.body))
	if got.StatusCode != 429 || got.problem() != "too-many" || got.Header.Get("Retry-After") != "5" {
		t.Errorf("the fourth is answered %d, %s", got.StatusCode, got.body)
	}
	disconnect()
	for range 3 {
		if err := <-answered; !errors.Is(err, context.Canceled) {
			t.Errorf("who disconnects is answered (%v)", err)
		}
	}
	fixture.Eventually(t, "they have left", func() bool {
		for range 3 {
			x, err := s.web.Limiter().Join(who.PersonID, 1)
			if err != nil {
				return false
			}
			defer x.Close()
		}
		return true
	})
	go ask(t.Context())
	fixture.Eventually(t, "another waits", requested(4))
	s.stop()
	if err := <-answered; err == nil || !strings.HasSuffix(err.Error(), "is answered 503") {
		t.Errorf("who waits while the daemon ends is answered (%v)", err)
	}
}
