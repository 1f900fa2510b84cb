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

// TestExport takes books, and looks at what the trail says of each answer.
func TestExport(t *testing.T) {
	o := newEnv(t, consumers("A1", "c1", "c2")...)
	own := service.Owner{Agent: "A1"}
	file, made := o.export(agent, own, "latest")
	sum := sha256.Sum256(file)
	if made.SHA256 != hex.EncodeToString(sum[:]) || made.Rows != 2 || made.Bytes != int64(len(file)) || !strings.HasPrefix(made.Name, "book-of-business_A1_") {
		t.Errorf("made %+v of %d bytes", made, len(file))
	}
	if again, _ := o.export(auditor, own, "latest"); !bytes.Equal(again, file) {
		t.Error("the same book has other bytes")
	}
	no := service.DisclaimerAnswer{Disclaimer: "1", Accepted: new(false)}
	if book, err := o.service.Export(t.Context(), agent, own, "latest", no); book != nil || err != nil {
		t.Errorf("a no is answered with %v (%v)", book, err)
	}
	for _, a := range []service.DisclaimerAnswer{{}, {Disclaimer: "1"}, {Accepted: new(true)}, {Disclaimer: "2", Accepted: new(true)}} {
		_, err := o.service.Export(t.Context(), agent, own, "latest", a)
		wantProblem(t, "without acceptance", err, 403)
	}
	_, err := o.service.Export(t.Context(), other, own, "latest", yes)
	wantProblem(t, "another's book", err, 404)
	_, err = o.service.Export(t.Context(), other, service.Owner{Agent: "A77"}, "latest", yes)
	wantProblem(t, "nobody's book", err, 404)
	want := []string{
		"requested by P-a1 as agent of A1, accepted true, 0 rows", "made by P-a1 as agent of A1, accepted true, 2 rows",
		"requested by P-x as auditor of A1, accepted true, 0 rows", "made by P-x as auditor of A1, accepted true, 2 rows",
		"declined by P-a1 as agent of A1, accepted false, 0 rows",
		"denied by P-a1 as agent of A1, accepted false, 0 rows", "denied by P-a1 as agent of A1, accepted false, 0 rows",
		"denied by P-a1 as agent of A1, accepted false, 0 rows", "denied by P-a1 as agent of A1, accepted false, 0 rows",
		"denied by P-a3 as none of A1, accepted false, 0 rows",
	}
	fixture.Eventually(o.t, "the refusal is recorded", func() bool { return len(o.trail()) == len(want) })
	if got := o.trail(); !slices.Equal(got, want) {
		t.Errorf("the trail is\n%s", strings.Join(got, "\n"))
	}
	if rejected, err := o.service.Rejections(auditor, 0, 100); err != nil || len(rejected) > 0 {
		t.Errorf("the trail left rejections: %+v (%v)", rejected, err)
	}
	o.checkTrail(4)
}

// checkTrail holds that an auditor finds nothing in the record that speaks
// against any of the n requests and books that the service has allowed.
func (o *env) checkTrail(n int) {
	o.t.Helper()
	o.trail() // which waits for all that was recorded
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
		o.t.Errorf("%d exports more than were checked were allowed", n)
	}
}

// TestBooks holds which Fridays' books who can have.
func TestBooks(t *testing.T) {
	o := newEnv(t, slices.Concat(consumers("A1", "c1"), consumers("A3", "d1"))...)
	own := service.Owner{Agent: "A1"}
	list, err := o.service.Books(t.Context(), agent, own, 0, 60)
	must(t, err)
	if len(list.Books) != 5 || list.Books[0].Rows != 1 || list.Books[0].Friday <= list.Books[1].Friday || list.NextFriday <= list.Books[0].Friday {
		t.Errorf("the agent's list is %+v", list)
	}
	all, err := o.service.Books(t.Context(), manager, own, 0, 60)
	must(t, err)
	if len(all.Books) < 8 {
		t.Errorf("the manager's list has %d books", len(all.Books))
	}
	old := all.Books[6].Friday.String()
	_, err = o.service.Export(t.Context(), agent, own, old, yes)
	wantProblem(t, "a Friday long past", err, 404)
	o.export(manager, own, old)
	o.export(adminL1, service.Owner{Agency: "G1"}, old)
	for _, day := range []string{"2026-13-45", "tomorrow", "", list.NextFriday.String(), list.Books[0].Friday.AddDays(-1).String(), "2001-01-05"} {
		_, err = o.service.Export(t.Context(), manager, own, day, yes)
		wantProblem(t, "the book of "+day, err, 404)
	}
	// An agent who comes from another agency brings no past into it.
	o.Publish(&events.AgentMoved{AgentID: "A3", AgencyID: "G1"})
	if moved, err := o.service.Books(t.Context(), manager, service.Owner{Agent: "A3"}, 0, 60); err != nil || len(moved.Books) != 0 {
		t.Errorf("of an agent who came lately: %+v (%v)", moved, err)
	}
	_, err = o.service.Export(t.Context(), manager, service.Owner{Agent: "A3"}, "latest", yes)
	wantProblem(t, "of an agent who came lately", err, 404)
	o.export(other, service.Owner{Agent: "A3"}, "latest")
	o.checkTrail(6)
}

// atChecks calls f before each decision of an export that begins now: 1 when it
// is asked for, 2 when the book is made, 3 when that is recorded.
func (o *env) onAccessDecision(f func(check int)) {
	check := 0
	see := func() { check++; f(check) }
	o.onDecision.Store(&see)
}

// TestMeanwhile holds what is on record, and that no file is in the folder, at
// each decision of an export, which is also what a crash leaves behind; and that
// no book leaves once its agent is out.
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
					t.Errorf("at check %d the trail is %q, want %q", at, got, want)
				}
				if left, err := filepath.Glob(filepath.Join(o.Dir, "*export*")); err != nil || len(left) > 0 {
					t.Errorf("at check %d the folder holds %q (%v)", at, left, err)
				}
				o.Publish(&events.AgentDecertified{AgentID: "A1"})
			})
			_, err := o.service.Export(t.Context(), agent, own, "latest", yes)
			wantProblem(t, fmt.Sprint("decertified at check ", at), err, 404)
			if got := o.trail(); at > 1 && !slices.Equal(got, want) {
				t.Errorf("after check %d the trail is %q, want %q", at, got, want)
			}
			o.wantNoExports(agent)
		})
	}
}

// isIdle holds that a person has no export under way.
func (o *env) wantNoExports(c service.Caller) {
	o.t.Helper()
	for range 3 {
		x, err := o.service.Limiter.Join(c.ID, 1)
		must(o.t, err)
		defer x.Close()
	}
}

// gone is the context of a person who goes away when it is looked at for the
// n-th time.
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

// TestDisconnect has the person go away at each moment of an export.
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
			wantProblem(t, fmt.Sprint("gone at look ", n), err, 503)
		}
		o.wantNoExports(agent)
		if !left {
			if n < 5 {
				t.Errorf("the context was looked at only %d times", n)
			}
			break
		}
	}
}

// TestLoad holds that books that are not taken stop nobody, that a fourth export
// of one person is refused, and that refusals leave no trace.
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
	wantProblem(t, "a fourth", err, 429)
	o.export(other, service.Owner{Agent: "A3"}, "latest")
	for _, name := range []string{"P-busy1", "P-busy2"} {
		x, err := o.service.Limiter.Join(name, 1)
		must(t, errors.Join(err, x.Wait(t.Context())))
		defer x.Close()
	}
	ctx, cancel := context.WithTimeout(t.Context(), time.Millisecond)
	defer cancel()
	_, err = o.service.Export(ctx, other, service.Owner{Agent: "A3"}, "latest", yes)
	if wantProblem(t, "in vain", err, 503); problem.From(err).RetryAfter != time.Minute {
		t.Errorf("who waits in vain may try again after %v", problem.From(err).RetryAfter)
	}
	o.wantNoExports(other)
	before = append(before, o.trail()[len(before):][:3]...)
	o.service.Limiter.Drain()
	_, err = o.service.Export(t.Context(), other, service.Owner{Agent: "A3"}, "latest", yes)
	wantProblem(t, "while the system ends", err, 503)
	if got := o.trail(); !slices.Equal(got, before) {
		t.Errorf("the trail is %q, want %q", got, before)
	}
}

// TestRolesOfOne holds that one role alone must be enough for a book: an agent
// who manages the agency to which they moved has no more of their former past
// than any agent.
func TestOneRoleMustPermitBook(t *testing.T) {
	o := newEnv(t, slices.Concat(consumers("A3", "d1"))...)
	o.Publish(&events.AgentMoved{AgentID: "A3", AgencyID: "G1"}, &events.StaffAssigned{Staff: events.Staff{PersonID: "P-a3", AgencyID: "G1", Role: "manager"}})
	list, err := o.service.Books(t.Context(), other, service.Owner{Agent: "A3"}, 0, 60)
	must(t, err)
	if len(list.Books) != 5 {
		t.Errorf("the list has %d books", len(list.Books))
	}
	o.Publish(&events.AgentDecertified{AgentID: "A3"})
	if list, err = o.service.Books(t.Context(), other, service.Owner{Agent: "A3"}, 0, 60); err != nil || len(list.Books) != 0 {
		t.Errorf("decertified: %+v (%v)", list, err)
	}
}

// TestLevelOne holds that an agency's book leaves to level 1 only while it has
// consumers of certified agents alone, also when that changes while it waits.
func TestLevelOneAgencyBook(t *testing.T) {
	o := newEnv(t, slices.Concat(consumers("A1", "c1"), consumers("A2", "c2"))...)
	g1 := service.Owner{Agency: "G1"}
	o.onAccessDecision(func(check int) {
		if check == 3 {
			o.Publish(&events.AgentDecertified{AgentID: "A2"})
		}
	})
	_, err := o.service.Export(t.Context(), adminL1, g1, "latest", yes)
	wantProblem(t, "the delivery", err, 404)
	_, err = o.service.Export(t.Context(), adminL1, g1, "latest", yes)
	wantProblem(t, "a new one", err, 404)
	if list, err := o.service.Books(t.Context(), adminL1, g1, 0, 60); err != nil || len(list.Books) != 0 {
		t.Errorf("the list is %+v (%v)", list, err)
	}
	o.export(adminL2, g1, "latest")
	o.checkTrail(4)
}

// TestViolation holds that nothing can be done or taken while the journal is not
// what was applied, also by who was let in before, and that lists are shown.
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
	wantProblem(t, "a book that was made before", err, 503)
	if steps := o.trail(); len(steps) != 2 {
		t.Errorf("the trail is %q", steps)
	}
}
