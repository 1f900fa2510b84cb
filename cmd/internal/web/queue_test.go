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

// joinQueue adds an export of a person to the queue.
func (s *testServer) joinQueue(person string) *exportlimit.Export {
	s.t.Helper()
	x, err := s.web.Limiter().Join(person, 1)
	must(s.t, err)
	return x
}

// occupyWorkers starts exports of two other people, so that all later exports wait.
func (s *testServer) occupyWorkers() (all [2]*exportlimit.Export) {
	s.t.Helper()
	for i := range all {
		all[i] = s.joinQueue(fmt.Sprint("P-before", i))
		must(s.t, all[i].Wait(s.t.Context()))
	}
	return all
}

// TestExportQueue checks over HTTP that a fourth export of one person is rejected
// while three wait, that a client that disconnects leaves the queue, and that waiting
// exports get an error when the daemon stops.
func TestExportQueue(t *testing.T) {
	t.Parallel()
	s := start(t, smallConfig())
	for _, x := range s.occupyWorkers() {
		defer x.Close()
	}
	who, token := s.identity("agent"), s.token("agent")
	book := loadRequest{"POST", "/v1/agents/" + who.AgentID + "/books/latest", token, `{"disclaimer":"1","accepted":true}`}
	responses := make(chan error, 3)
	download := func(ctx context.Context) { responses <- send(ctx, http.DefaultClient, s.url, book) }
	requested := func(n int) func() bool {
		return func() bool {
			var all struct{ Exports []exportStep }
			s.do("auditor", "GET", "/v1/exports", nil).into(t, &all)
			return len(all.Exports) == n
		}
	}
	ctx, disconnect := context.WithCancel(t.Context())
	for range 3 {
		go download(ctx)
	}
	fixture.Eventually(t, "three exports wait", requested(3))
	got := s.doWithToken(token, "POST", book.path, json.RawMessage(book.body))
	if got.StatusCode != 429 || got.problem() != "too-many" || got.Header.Get("Retry-After") != "5" {
		t.Errorf("the fourth export: got status %d, %s", got.StatusCode, got.body)
	}
	disconnect()
	for range 3 {
		if err := <-responses; !errors.Is(err, context.Canceled) {
			t.Errorf("after disconnecting: got the error %v, want %v", err, context.Canceled)
		}
	}
	fixture.Eventually(t, "they have left the queue", func() bool {
		for range 3 {
			x, err := s.web.Limiter().Join(who.PersonID, 1)
			if err != nil {
				return false
			}
			defer x.Close()
		}
		return true
	})
	go download(t.Context())
	fixture.Eventually(t, "another export waits", requested(4))
	s.stop()
	if err := <-responses; err == nil || !strings.Contains(err.Error(), "got status 503") {
		t.Errorf("waiting while the daemon stops: got the error %v, want status 503", err)
	}
}
