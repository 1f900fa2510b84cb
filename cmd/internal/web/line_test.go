package web_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"testing"

	"bookledger/cmd/internal/exportlimit"
	"bookledger/cmd/internal/fixture"
)

// join places a person in the line, whom the test may let wait.
func (s *site) join(person string) *exportlimit.Export {
	s.t.Helper()
	x, err := s.web.Limiter().Join(person, 1)
	must(s.t, err)
	return x
}

// others has the books of two others made, so that all that come wait.
func (s *site) others() (all [2]*exportlimit.Export) {
	s.t.Helper()
	for i := range all {
		all[i] = s.join(fmt.Sprint("P-before", i))
		must(s.t, all[i].Wait(s.t.Context()))
	}
	return all
}

// TestLine holds over the wire that a fourth book of one person is refused while
// three wait, that who disconnects leaves the line, and that who waits when the
// daemon ends is told so.
func TestLine(t *testing.T) {
	t.Parallel()
	s := start(t, small())
	for _, x := range s.others() {
		defer x.Close()
	}
	who, token := s.who("agent"), s.token("agent")
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
