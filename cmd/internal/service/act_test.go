package service_test

import (
	"slices"
	"testing"
	"time"

	"bookledger/cmd/internal/fixture"
	"bookledger/cmd/internal/problem"
	"bookledger/cmd/internal/service"
	"bookledger/events"
)

// TestAct checks that actions move cases between an agent's lists.
func TestAct(t *testing.T) {
	o := newEnv(t, consumers("A1", "c1", "c2")...)
	own := service.Owner{Agent: "A1"}
	act := func(c service.Caller, owner service.Owner, id string, a service.Action) error {
		_, err := o.service.Act(t.Context(), c, owner, id, a)
		return err
	}
	must(t, act(agent, own, "c1", service.MarkInactive))
	o.wantList(agent, own, service.Active, "c2")
	o.wantList(agent, own, service.Inactive, "c1")
	wantProblem(t, "mark-inactive of an inactive case", act(agent, own, "c1", service.MarkInactive), 409)
	o.wantList(agent, own, service.Inactive, "c1")
	must(t, act(manager, service.Owner{Agency: "G1"}, "c1", service.Reactivate))
	o.wantList(agent, own, service.Active, "c1", "c2")
	wantProblem(t, "reactivate of an active case", act(agent, own, "c1", service.Reactivate), 409)

	o.Publish(&events.DelegationRequested{Delegation: events.Delegation{CaseID: "c3", AgentID: "A1"}},
		&events.DelegationRequested{Delegation: events.Delegation{CaseID: "c4", AgentID: "A1"}},
		&events.DelegationRequested{Delegation: events.Delegation{CaseID: "c5", AgentID: "A1"}})
	o.wantList(agent, own, service.Pending, "c3", "c4", "c5")
	o.Publish(&events.DelegationWithdrawn{Delegation: events.Delegation{CaseID: "c5", AgentID: "A1"}})
	wantProblem(t, "accept of a withdrawn request", act(agent, own, "c5", service.Accept), 404)
	must(t, act(agent, own, "c3", service.Accept))
	must(t, act(agent, own, "c4", service.Decline))
	o.wantList(agent, own, service.Pending)
	o.wantList(agent, own, service.Active, "c3", "c1", "c2")
	wantProblem(t, "accept of an accepted request", act(agent, own, "c3", service.Accept), 409)

	wantProblem(t, "another agent", act(other, own, "c1", service.MarkInactive), 404)
	wantProblem(t, "a case of another agent, by the own list", act(other, service.Owner{Agent: "A3"}, "c1", service.MarkInactive), 404)
	wantProblem(t, "by level 1", act(adminL1, own, "c1", service.MarkInactive), 403)
	wantProblem(t, "by an auditor", act(auditor, own, "c1", service.MarkInactive), 403)
	wantProblem(t, "unknown action", act(agent, own, "c1", "delete"), 404)
	o.wantList(agent, own, service.Active, "c3", "c1", "c2")

	f, err := o.service.Case(t.Context(), agent, own, "c1")
	must(t, err)
	var steps []string
	for _, s := range f.History {
		steps = append(steps, s.Type+" by "+s.ActorID+" "+s.ActorRole)
	}
	want := []string{"delegation.reactivated.v1 by P-m manager", "delegation.marked_inactive.v1 by P-a1 agent", "delegation.created.v1 by  "}
	if !slices.Equal(steps, want) || f.Delegation.Status != "active" || f.Household.PrimaryContact.SSN != "XXX-XX-7880" {
		t.Errorf("got history %q, case %+v", steps, f)
	}
}

// TestDecertifiedAgentLosesAccess checks that a decertified agent loses access at
// once, and who sees the agent's consumers after that.
func TestDecertifiedAgentLosesAccess(t *testing.T) {
	o := newEnv(t, consumers("A1", "c1")...)
	own := service.Owner{Agent: "A1"}
	o.wantList(agent, own, service.Active, "c1")
	_, err := o.service.List(operator, own, service.Active, service.Query{Page: 1, PageSize: 10})
	wantProblem(t, "an operator, for a certified agent", err, 404)
	o.Publish(&events.AgentDecertified{AgentID: "A1"})
	for name, c := range map[string]service.Caller{"the agent": agent, "level 1": adminL1, "another": other} {
		_, err := o.service.List(c, own, service.Active, service.Query{Page: 1, PageSize: 10})
		wantProblem(t, name, err, 404)
		_, err = o.service.Case(t.Context(), c, own, "c1")
		wantProblem(t, name, err, 404)
	}
	for _, c := range []service.Caller{manager, adminL2, operator, auditor} {
		o.wantList(c, own, service.Active, "c1")
	}
	o.wantList(adminL1, service.Owner{Agency: "G1"}, service.Active)
	o.wantList(manager, service.Owner{Agency: "G1"}, service.Active, "c1")
	for _, owner := range []service.Owner{own, {Agency: "G1"}} {
		_, err = o.service.Act(t.Context(), manager, owner, "c1", service.MarkInactive)
		wantProblem(t, "acting for a decertified agent", err, 403)
		if f, err := o.service.Case(t.Context(), manager, owner, "c1"); err != nil || f.MayAct {
			t.Errorf("the case of %v: got %+v (%v), want it without actions", owner, f, err)
		}
	}
}

// TestTransfer checks that consumers can be transferred only within an agency.
func TestTransfer(t *testing.T) {
	o := newEnv(t, slices.Concat(consumers("A1", "c1", "c2", "c3"), consumers("A3", "d1"))...)
	transfer := func(c service.Caller, agency string, request service.TransferRequest) (*service.TransferResult, error) {
		return o.service.Transfer(t.Context(), c, agency, request)
	}
	for _, bad := range []struct {
		what    string
		by      service.Caller
		agency  string
		request service.TransferRequest
		status  int
	}{
		{"by level 1", adminL1, "G1", service.TransferRequest{From: "A1", To: "A2", All: true}, 403},
		{"by an agent", agent, "G1", service.TransferRequest{From: "A1", To: "A2", All: true}, 404},
		{"in another agency", manager, "G2", service.TransferRequest{From: "A3", To: "A1", All: true}, 404},
		{"to another agency", manager, "G1", service.TransferRequest{From: "A1", To: "A3", All: true}, 404},
		{"to an uncertified agent", manager, "G1", service.TransferRequest{From: "A1", To: "A4", All: true}, 409},
		{"no cases", manager, "G1", service.TransferRequest{From: "A1", To: "A2"}, 400},
		{"all and some cases", manager, "G1", service.TransferRequest{From: "A1", To: "A2", All: true, Cases: []string{"c1"}}, 400},
	} {
		_, err := transfer(bad.by, bad.agency, bad.request)
		wantProblem(t, bad.what, err, bad.status)
	}
	done, err := transfer(adminL2, "G1", service.TransferRequest{From: "A1", To: "A2", Cases: []string{"c2", "d1", "c9", "c2"}})
	must(t, err)
	var outcomes []string
	for _, out := range done.Outcomes {
		outcomes = append(outcomes, out.CaseID+" "+out.Outcome)
	}
	slices.Sort(outcomes)
	if want := []string{"c2 transferred", "c9 not_delegated", "d1 not_delegated"}; !slices.Equal(outcomes, want) {
		t.Errorf("got outcomes %q, want %q", outcomes, want)
	}
	o.wantList(manager, service.Owner{Agent: "A1"}, service.Active, "c1", "c3")
	o.wantList(manager, service.Owner{Agent: "A2"}, service.Active, "c2")
	o.wantList(other, service.Owner{Agent: "A3"}, service.Active, "d1")
	if done, err = transfer(manager, "G1", service.TransferRequest{From: "A1", To: "A2", All: true}); err != nil || len(done.Outcomes) != 2 {
		t.Errorf("all cases: got %+v (%v), want 2 outcomes", done, err)
	}
	o.wantList(manager, service.Owner{Agency: "G1"}, service.Active, "c1", "c2", "c3")
	if rejected, err := o.service.Rejections(auditor, 0, 100); err != nil || len(rejected) > 0 {
		t.Errorf("got rejected events %+v (%v), want none", rejected, err)
	}
}

// TestWithoutJournalListsShowTheirAge checks that without the journal, writes are
// refused, and lists are shown with their age for five minutes.
func TestWithoutJournalListsShowTheirAge(t *testing.T) {
	o := newEnv(t, consumers("A1", "c1")...)
	own := service.Owner{Agent: "A1"}
	list := func() (*service.ListPage, error) {
		return o.service.List(agent, own, service.Active, service.Query{Page: 1, PageSize: 10})
	}
	o.clock.Move(time.Minute)
	fixture.Eventually(t, "the journal answers", func() bool {
		l, err := list()
		return err == nil && l.AgeSeconds == 0
	})
	must(t, o.Journal.Close())
	for _, age := range []time.Duration{6 * time.Second, 4 * time.Minute} {
		o.clock.Move(age)
		if l, err := list(); err != nil || l.Age() < age || len(l.Consumers()) != 1 {
			t.Errorf("after %v: got %+v (%v), want one consumer and the age", age, l, err)
		}
	}
	o.wantWritesRefused()
	o.clock.Move(2 * time.Minute)
	_, err := list()
	wantProblem(t, "a list after six minutes", err, 503)
	if problem.From(err).RetryAfter == 0 {
		t.Error("got no time to retry")
	}
}

// TestNoWritesWhileHistoryIsOpen checks that writes are refused during the history
// load, because the first live event would close history.
func TestNoWritesWhileHistoryIsOpen(t *testing.T) {
	o := newEnvWith(t, false, consumers("A1", "c1")...)
	own := service.Owner{Agent: "A1"}
	before := o.Settle()
	fixture.Eventually(t, "the list shows the whole journal", func() bool {
		l, err := o.service.List(agent, own, service.Active, service.Query{Page: 1, PageSize: 10})
		return err == nil && l.AgeSeconds == 0 && len(l.Consumers()) == 1
	})
	o.wantWritesRefused()
	if after := o.Settle(); after != before {
		t.Errorf("got %d records in the journal, want %d", after, before)
	}
}

// TestWriteLimit checks that a person's writes to the journal are limited.
func TestWriteLimit(t *testing.T) {
	o := newEnv(t, consumers("A1", "c1")...)
	o.service.MayWrite = func(person string, _ int) (bool, time.Duration) { return person != "P-a1", 3 * time.Second }
	_, err := o.service.Act(t.Context(), agent, service.Owner{Agent: "A1"}, "c1", service.MarkInactive)
	wantProblem(t, "action over the limit", err, 429)
	_, err = o.service.Export(t.Context(), agent, service.Owner{Agent: "A1"}, "latest", service.DisclaimerAnswer{})
	wantProblem(t, "export over the limit", err, 429)
	if problem.From(err).RetryAfter != 3*time.Second {
		t.Error("got no time to retry")
	}
	_, err = o.service.Act(t.Context(), manager, service.Owner{Agent: "A1"}, "c1", service.MarkInactive)
	must(t, err)
}

// TestRequestReadsOneSnapshot checks that all reads of a request use one snapshot,
// that an action uses the current state, and that reads fail after the request is
// done.
func TestRequestReadsOneSnapshot(t *testing.T) {
	o := newEnv(t, consumers("A1", "c1")...)
	own := service.Owner{Agent: "A1"}
	then, done := o.service.At(agent)
	o.wantList(then, own, service.Active, "c1")
	o.Publish(consumers("A1", "c2")...)
	o.wantList(then, own, service.Active, "c1")
	_, err := o.service.Act(t.Context(), then, own, "c2", service.MarkInactive)
	must(t, err)
	o.wantList(then, own, service.Inactive)
	done()
	o.wantList(agent, own, service.Inactive, "c2")
	unread, done := o.service.At(agent)
	done()
	for _, c := range []service.Caller{then, unread} {
		if _, err := o.service.List(c, own, service.Active, service.Query{Page: 1, PageSize: 1}); err == nil {
			t.Error("got a list after the request was done")
		}
	}
}
