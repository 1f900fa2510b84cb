package service_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"bookledger/cmd/internal/fixture"
	"bookledger/cmd/internal/problem"
	"bookledger/cmd/internal/service"
	"bookledger/events"
	"bookledger/events/record"
	"bookledger/projections"
	"bookledger/projections/audit"
	"bookledger/projections/replay"
)

// TestExport checks exports and what the export trail contains for each answer.
func TestExport(t *testing.T) {
	o := newEnv(t, consumers("A1", "c1", "c2")...)
	own := service.Owner{Agent: "A1"}
	file, made := o.export(agent, own, "latest")
	sum := sha256.Sum256(file)
	if made.SHA256 != hex.EncodeToString(sum[:]) || made.Rows != 2 || made.Bytes != int64(len(file)) || !strings.HasPrefix(made.Name, "book-of-business_A1_") {
		t.Errorf("got %+v and %d bytes", made, len(file))
	}
	if again, _ := o.export(auditor, own, "latest"); !bytes.Equal(again, file) {
		t.Error("got different bytes for the same book")
	}
	no := service.DisclaimerAnswer{Disclaimer: "1", Accepted: new(false)}
	if book, err := o.service.Export(t.Context(), agent, own, "latest", no); book != nil || err != nil {
		t.Errorf("declining: got %v (%v), want no book", book, err)
	}
	for _, a := range []service.DisclaimerAnswer{{}, {Disclaimer: "1"}, {Accepted: new(true)}, {Disclaimer: "2", Accepted: new(true)}} {
		_, err := o.service.Export(t.Context(), agent, own, "latest", a)
		wantProblem(t, "without acceptance", err, 403)
	}
	_, err := o.service.Export(t.Context(), other, own, "latest", yes)
	wantProblem(t, "the book of another agent", err, 404)
	_, err = o.service.Export(t.Context(), other, service.Owner{Agent: "A77"}, "latest", yes)
	wantProblem(t, "the book of an unknown agent", err, 404)
	want := []string{
		"requested by P-a1 as agent of A1, accepted true, 0 rows", "made by P-a1 as agent of A1, accepted true, 2 rows",
		"requested by P-x as auditor of A1, accepted true, 0 rows", "made by P-x as auditor of A1, accepted true, 2 rows",
		"declined by P-a1 as agent of A1, accepted false, 0 rows",
		"denied by P-a1 as agent of A1, accepted false, 0 rows", "denied by P-a1 as agent of A1, accepted false, 0 rows",
		"denied by P-a1 as agent of A1, accepted false, 0 rows", "denied by P-a1 as agent of A1, accepted false, 0 rows",
		"denied by P-a3 as none of A1, accepted false, 0 rows",
	}
	fixture.Eventually(o.t, "the denied export is recorded", func() bool { return len(o.trail()) == len(want) })
	if got := o.trail(); !slices.Equal(got, want) {
		t.Errorf("got trail\n%s", strings.Join(got, "\n"))
	}
	if rejected, err := o.service.Rejections(auditor, 0, 100); err != nil || len(rejected) > 0 {
		t.Errorf("got rejected events %+v (%v), want none", rejected, err)
	}
	o.checkTrail(4)
}

// checkTrail replays the journal and checks that access allowed all n requests and
// books that the service has allowed.
func (o *env) checkTrail(n int) {
	o.t.Helper()
	o.trail() // waits until the trail is complete
	all, err := o.service.Exports(o.t.Context(), auditor, "", 0, 1000)
	must(o.t, err)
	last, err := o.Journal.Last(o.t.Context())
	must(o.t, err)
	r := replay.New()
	var whole []record.Record
	must(o.t, o.Journal.Read(o.t.Context(), 0, last, func(records []record.Record) error {
		whole = append(whole, records...)
		return nil
	}))
	checked, err := audit.CheckExports(r, r.Steps(whole...), all, 5)
	must(o.t, err)
	for _, e := range checked {
		if e.Refused() {
			o.t.Errorf("%s by %s as %s of %s%s: %s", e.Step, e.PersonID, e.Role, e.AgentID, e.AgencyID, e.Check)
		}
		if e.Check != "" {
			n--
		}
	}
	if n != 0 {
		o.t.Errorf("got %d fewer checked steps than expected", n)
	}
}

// TestBooks checks which books each role can list and export.
func TestBooks(t *testing.T) {
	o := newEnv(t, slices.Concat(consumers("A1", "c1"), consumers("A3", "d1"))...)
	own := service.Owner{Agent: "A1"}
	list, err := o.service.Books(t.Context(), agent, own, 0, 60)
	must(t, err)
	if len(list.Books) != 5 || list.Books[0].Rows != 1 || list.Books[0].Friday <= list.Books[1].Friday || list.NextFriday <= list.Books[0].Friday {
		t.Errorf("the agent's list: got %+v", list)
	}
	all, err := o.service.Books(t.Context(), manager, own, 0, 60)
	must(t, err)
	if len(all.Books) < 8 {
		t.Errorf("the manager's list: got %d books, want at least 8", len(all.Books))
	}
	old := all.Books[6].Friday.String()
	_, err = o.service.Export(t.Context(), agent, own, old, yes)
	wantProblem(t, "a Friday that is not recent", err, 404)
	o.export(manager, own, old)
	o.export(adminL1, service.Owner{Agency: "G1"}, old)
	for _, day := range []string{"2026-13-45", "tomorrow", "", list.NextFriday.String(), list.Books[0].Friday.AddDays(-1).String(), "2001-01-05"} {
		_, err = o.service.Export(t.Context(), manager, own, day, yes)
		wantProblem(t, "the book of "+day, err, 404)
	}
	// The new agency of an agent may not download the agent's earlier books.
	o.Publish(&events.AgentMoved{AgentID: "A3", AgencyID: "G1"})
	if moved, err := o.service.Books(t.Context(), manager, service.Owner{Agent: "A3"}, 0, 60); err != nil || len(moved.Books) != 0 {
		t.Errorf("an agent who moved after the cutoffs: got %+v (%v), want no books", moved, err)
	}
	_, err = o.service.Export(t.Context(), manager, service.Owner{Agent: "A3"}, "latest", yes)
	wantProblem(t, "an agent who moved after the cutoffs", err, 404)
	o.export(other, service.Owner{Agent: "A3"}, "latest")
	o.checkTrail(6)
}

// onAccessDecision calls f before each access decision of the next export: 1 at the
// request, 2 after the book is made, 3 after that is recorded.
func (o *env) onAccessDecision(f func(check int)) {
	check := 0
	see := func() { check++; f(check) }
	o.onDecision.Store(&see)
}

// TestExportRechecksAccess checks the export trail and that the folder has no file at
// each access decision, which is what a crash there leaves behind. It also checks
// that a decertified agent gets no book.
func TestExportRechecksAccess(t *testing.T) {
	own, requested, made := service.Owner{Agent: "A1"}, "requested by P-a1 as agent of A1, accepted true, 0 rows", "made by P-a1 as agent of A1, accepted true, 1 rows"
	for at, want := range [][]string{1: nil, 2: {requested}, 3: {requested, made}} {
		if at == 0 {
			continue
		}
		t.Run(fmt.Sprint("at check ", at), func(t *testing.T) {
			o := newEnv(t, consumers("A1", "c1")...)
			o.onAccessDecision(func(check int) {
				if check != at {
					return
				}
				if got := o.trail(); !slices.Equal(got, want) {
					t.Errorf("at check %d: got trail %q, want %q", at, got, want)
				}
				if left, err := filepath.Glob(filepath.Join(o.Dir, "*export*")); err != nil || len(left) > 0 {
					t.Errorf("at check %d: got files %q (%v), want none", at, left, err)
				}
				o.Publish(&events.AgentDecertified{AgentID: "A1"})
			})
			_, err := o.service.Export(t.Context(), agent, own, "latest", yes)
			wantProblem(t, fmt.Sprint("decertified at check ", at), err, 404)
			if got := o.trail(); at > 1 && !slices.Equal(got, want) {
				t.Errorf("after check %d: got trail %q, want %q", at, got, want)
			}
			o.wantNoExports(agent)
		})
	}
}

// wantNoExports checks that a person has no export in progress.
func (o *env) wantNoExports(c service.Caller) {
	o.t.Helper()
	for range 3 {
		x, err := o.service.Limiter.Join(c.ID, 1)
		must(o.t, err)
		defer x.Close()
	}
}

// disconnecting is a context that is canceled at the n-th call of Err.
type disconnecting struct {
	context.Context
	leave context.CancelFunc
	n     int
}

func (g *disconnecting) Err() error {
	if g.n--; g.n == 0 {
		g.leave()
	}
	return g.Context.Err()
}

// TestExportClientDisconnects disconnects the client at every stage of an export.
func TestExportClientDisconnects(t *testing.T) {
	o := newEnv(t, consumers("A1", "c1")...)
	own := service.Owner{Agent: "A1"}
	for n := 1; ; n++ {
		ctx, leave := context.WithCancel(t.Context())
		book, err := o.service.Export(&disconnecting{ctx, leave, n}, agent, own, "latest", yes)
		left := ctx.Err() != nil
		leave()
		if err == nil {
			must(t, book.Close())
		} else {
			wantProblem(t, fmt.Sprint("disconnected at check ", n), err, 503)
		}
		o.wantNoExports(agent)
		if !left {
			if n < 5 {
				t.Errorf("got %d checks of the context, want at least 5", n)
			}
			break
		}
	}
}

// TestExportLimits checks that undelivered books do not block others, that a fourth
// export of a person is refused, and that refusals because of a limit are not
// recorded.
func TestExportLimits(t *testing.T) {
	o := newEnv(t, slices.Concat(consumers("A1", "c1"), consumers("A3", "d1"))...)
	own := service.Owner{Agent: "A1"}
	for range 3 {
		book, err := o.service.Export(t.Context(), agent, own, "latest", yes)
		must(t, err)
		defer book.Close()
	}
	before := o.trail()
	_, err := o.service.Export(t.Context(), agent, own, "latest", yes)
	wantProblem(t, "fourth export", err, 429)
	o.export(other, service.Owner{Agent: "A3"}, "latest")
	for _, name := range []string{"P-busy1", "P-busy2"} {
		x, err := o.service.Limiter.Join(name, 1)
		must(t, errors.Join(err, x.Wait(t.Context())))
		defer x.Close()
	}
	ctx, cancel := context.WithTimeout(t.Context(), time.Millisecond)
	defer cancel()
	_, err = o.service.Export(ctx, other, service.Owner{Agent: "A3"}, "latest", yes)
	if wantProblem(t, "wait without a book", err, 503); problem.From(err).RetryAfter != time.Minute {
		t.Errorf("wait without a book: got retry after %v, want a minute", problem.From(err).RetryAfter)
	}
	o.wantNoExports(other)
	before = append(before, o.trail()[len(before):][:3]...)
	o.service.Limiter.Drain()
	_, err = o.service.Export(t.Context(), other, service.Owner{Agent: "A3"}, "latest", yes)
	wantProblem(t, "during shutdown", err, 503)
	if got := o.trail(); !slices.Equal(got, before) {
		t.Errorf("got trail %q, want %q", got, before)
	}
}

// TestOneRoleMustPermitBook checks that roles are not combined. An agent who manages
// their new agency can download only the recent books that any agent can.
func TestOneRoleMustPermitBook(t *testing.T) {
	o := newEnv(t, slices.Concat(consumers("A3", "d1"))...)
	o.Publish(&events.AgentMoved{AgentID: "A3", AgencyID: "G1"}, &events.StaffAssigned{Staff: events.Staff{PersonID: "P-a3", AgencyID: "G1", Role: "manager"}})
	list, err := o.service.Books(t.Context(), other, service.Owner{Agent: "A3"}, 0, 60)
	must(t, err)
	if len(list.Books) != 5 {
		t.Errorf("got %d books, want 5", len(list.Books))
	}
	o.Publish(&events.AgentDecertified{AgentID: "A3"})
	if list, err = o.service.Books(t.Context(), other, service.Owner{Agent: "A3"}, 0, 60); err != nil || len(list.Books) != 0 {
		t.Errorf("after decertification: got %+v (%v), want no books", list, err)
	}
}

// TestLevelOneAgencyBook checks that level-1 staff cannot download an agency's book
// with consumers of an agent who is no longer certified, even if that changes during
// the export.
func TestLevelOneAgencyBook(t *testing.T) {
	o := newEnv(t, slices.Concat(consumers("A1", "c1"), consumers("A2", "c2"))...)
	g1 := service.Owner{Agency: "G1"}
	o.onAccessDecision(func(check int) {
		if check == 3 {
			o.Publish(&events.AgentDecertified{AgentID: "A2"})
		}
	})
	_, err := o.service.Export(t.Context(), adminL1, g1, "latest", yes)
	wantProblem(t, "decertified during the export", err, 404)
	_, err = o.service.Export(t.Context(), adminL1, g1, "latest", yes)
	wantProblem(t, "decertified before the export", err, 404)
	if list, err := o.service.Books(t.Context(), adminL1, g1, 0, 60); err != nil || len(list.Books) != 0 {
		t.Errorf("got %+v (%v), want no books", list, err)
	}
	o.export(adminL2, g1, "latest")
	o.checkTrail(4)
}

// TestNoWritesDuringViolation checks that writes are refused during an integrity
// violation, also for an export in progress, and that lists are still shown.
func TestNoWritesDuringViolation(t *testing.T) {
	o := newEnv(t, consumers("A1", "c1", "c2")...)
	own := service.Owner{Agent: "A1"}
	violation := error(&projections.Difference{Seq: 17, Kind: projections.Changed})
	o.violation.Store(&violation)
	o.wantWritesRefused()
	o.wantList(agent, own, service.Active, "c1", "c2")
	o.violation.Store(nil)
	o.onAccessDecision(func(check int) {
		if check == 3 {
			o.violation.Store(&violation)
		}
	})
	_, err := o.service.Export(t.Context(), agent, own, "latest", yes)
	wantProblem(t, "violation during the export", err, 503)
	if steps := o.trail(); len(steps) != 2 {
		t.Errorf("got trail %q, want 2 steps", steps)
	}
}
