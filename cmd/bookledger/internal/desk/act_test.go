package desk_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"bookledger/cmd/bookledger/internal/desk"
	"bookledger/cmd/bookledger/internal/problem"
	"bookledger/events"
)

// TestActions follows a consumer through an agent's lists.
func TestActions(t *testing.T) {
	o := open(t, consumers("A1", "c1", "c2")...)
	own := desk.Owner{Agent: "A1"}
	act := func(c desk.Caller, owner desk.Owner, id string, a desk.Action) error {
		_, err := o.desk.Act(t.Context(), c, owner, id, a)
		return err
	}
	must(t, act(agent, own, "c1", desk.MarkInactive))
	o.holdList(agent, own, desk.Active, "c2")
	o.holdList(agent, own, desk.Inactive, "c1")
	wantProblem(t, "marking an inactive one", act(agent, own, "c1", desk.MarkInactive), 409)
	o.holdList(agent, own, desk.Inactive, "c1")
	must(t, act(manager, desk.Owner{Agency: "G1"}, "c1", desk.Reactivate))
	o.holdList(agent, own, desk.Active, "c1", "c2")
	wantProblem(t, "reactivating an active one", act(agent, own, "c1", desk.Reactivate), 409)

	o.live(&events.DelegationRequested{Delegation: events.Delegation{CaseID: "c3", AgentID: "A1"}},
		&events.DelegationRequested{Delegation: events.Delegation{CaseID: "c4", AgentID: "A1"}},
		&events.DelegationRequested{Delegation: events.Delegation{CaseID: "c5", AgentID: "A1"}})
	o.holdList(agent, own, desk.Pending, "c3", "c4", "c5")
	o.live(&events.DelegationWithdrawn{Delegation: events.Delegation{CaseID: "c5", AgentID: "A1"}})
	wantProblem(t, "accepting what was withdrawn", act(agent, own, "c5", desk.Accept), 404)
	must(t, act(agent, own, "c3", desk.Accept))
	must(t, act(agent, own, "c4", desk.Decline))
	o.holdList(agent, own, desk.Pending)
	o.holdList(agent, own, desk.Active, "c3", "c1", "c2")
	wantProblem(t, "accepting what was accepted", act(agent, own, "c3", desk.Accept), 409)

	wantProblem(t, "another agent's", act(other, own, "c1", desk.MarkInactive), 404)
	wantProblem(t, "another agent's case in one's own list", act(other, desk.Owner{Agent: "A3"}, "c1", desk.MarkInactive), 404)
	wantProblem(t, "by level 1", act(adminL1, own, "c1", desk.MarkInactive), 403)
	wantProblem(t, "by an auditor", act(auditor, own, "c1", desk.MarkInactive), 403)
	wantProblem(t, "no action", act(agent, own, "c1", "delete"), 404)
	o.holdList(agent, own, desk.Active, "c3", "c1", "c2")

	f, err := o.desk.Case(t.Context(), agent, own, "c1")
	must(t, err)
	var steps []string
	for _, s := range f.History {
		steps = append(steps, s.Type+" by "+s.ActorID+" "+s.ActorRole)
	}
	want := []string{"delegation.reactivated.v1 by P-m manager", "delegation.marked_inactive.v1 by P-a1 agent", "delegation.created.v1 by  "}
	if !slices.Equal(steps, want) || f.Delegation.Status != "active" || f.Household.PrimaryContact.SSN != "XXX-XX-7880" {
		t.Errorf("the history is %q, the case %+v", steps, f)
	}
}

// TestDecertified holds that a decertified agent is out at once, and who then
// takes care.
func TestDecertified(t *testing.T) {
	o := open(t, consumers("A1", "c1")...)
	own := desk.Owner{Agent: "A1"}
	o.holdList(agent, own, desk.Active, "c1")
	_, err := o.desk.List(operator, own, desk.Active, desk.Query{Page: 1, PageSize: 10})
	wantProblem(t, "an operator and a certified agent", err, 404)
	o.live(&events.AgentDecertified{AgentID: "A1"})
	for name, c := range map[string]desk.Caller{"the agent": agent, "level 1": adminL1, "another": other} {
		_, err := o.desk.List(c, own, desk.Active, desk.Query{Page: 1, PageSize: 10})
		wantProblem(t, name, err, 404)
		_, err = o.desk.Case(t.Context(), c, own, "c1")
		wantProblem(t, name, err, 404)
	}
	for _, c := range []desk.Caller{manager, adminL2, operator, auditor} {
		o.holdList(c, own, desk.Active, "c1")
	}
	o.holdList(adminL1, desk.Owner{Agency: "G1"}, desk.Active)
	o.holdList(manager, desk.Owner{Agency: "G1"}, desk.Active, "c1")
}

// TestTransfer moves consumers within an agency, and nowhere else.
func TestTransfer(t *testing.T) {
	o := open(t, slices.Concat(consumers("A1", "c1", "c2", "c3"), consumers("A3", "d1"))...)
	transfer := func(c desk.Caller, agency string, wish desk.Transfer) (*desk.Transferred, error) {
		return o.desk.Transfer(t.Context(), c, agency, wish)
	}
	_, err := transfer(adminL1, "G1", desk.Transfer{From: "A1", To: "A2", All: true})
	wantProblem(t, "by level 1", err, 403)
	_, err = transfer(agent, "G1", desk.Transfer{From: "A1", To: "A2", All: true})
	wantProblem(t, "by an agent", err, 404)
	_, err = transfer(manager, "G2", desk.Transfer{From: "A3", To: "A1", All: true})
	wantProblem(t, "in another agency", err, 404)
	_, err = transfer(manager, "G1", desk.Transfer{From: "A1", To: "A3", All: true})
	wantProblem(t, "to another agency", err, 404)
	_, err = transfer(manager, "G1", desk.Transfer{From: "A1", To: "A2"})
	wantProblem(t, "of nothing", err, 400)
	_, err = transfer(manager, "G1", desk.Transfer{From: "A1", To: "A2", All: true, Cases: []string{"c1"}})
	wantProblem(t, "of all and some", err, 400)

	done, err := transfer(adminL2, "G1", desk.Transfer{From: "A1", To: "A2", Cases: []string{"c2", "d1", "c9", "c2"}})
	must(t, err)
	var outcomes []string
	for _, out := range done.Outcomes {
		outcomes = append(outcomes, out.CaseID+" "+out.Outcome)
	}
	slices.Sort(outcomes)
	if want := []string{"c2 transferred", "c9 not_delegated", "d1 not_delegated"}; !slices.Equal(outcomes, want) {
		t.Errorf("the outcomes are %q, want %q", outcomes, want)
	}
	o.holdList(manager, desk.Owner{Agent: "A1"}, desk.Active, "c1", "c3")
	o.holdList(manager, desk.Owner{Agent: "A2"}, desk.Active, "c2")
	o.holdList(other, desk.Owner{Agent: "A3"}, desk.Active, "d1")
	if done, err = transfer(manager, "G1", desk.Transfer{From: "A1", To: "A2", All: true}); err != nil || len(done.Outcomes) != 2 {
		t.Errorf("the whole book: %+v (%v)", done, err)
	}
	o.holdList(manager, desk.Owner{Agency: "G1"}, desk.Active, "c1", "c2", "c3")
	o.live(&events.AgentDecertified{AgentID: "A1"})
	_, err = transfer(manager, "G1", desk.Transfer{From: "A2", To: "A1", All: true})
	wantProblem(t, "to a decertified agent", err, 409)
	if rejected, err := o.desk.Rejections(auditor, 0, 100); err != nil || len(rejected) > 0 {
		t.Errorf("the transfers left rejections: %+v (%v)", rejected, err)
	}
}

// TestLooks holds that every look stands in the access log with who and what,
// and without anything of a consumer but the case id.
func TestLooks(t *testing.T) {
	o := open(t, consumers("A1", "c1")...)
	q := desk.Query{Page: 1, PageSize: 10}
	q.Q = "Núñez"
	_, err := o.desk.List(agent, desk.Owner{Agent: "A1"}, desk.Active, q)
	must(t, err)
	_, err = o.desk.Case(t.Context(), manager, desk.Owner{Agency: "G1"}, "c1")
	must(t, err)
	_, err = o.desk.List(other, desk.Owner{Agent: "A1"}, desk.Active, q)
	wantProblem(t, "another's list", err, 404)
	lines := o.looked()
	if len(lines) != 2 || !strings.Contains(lines[0], `"what":"list.active"`) || !strings.Contains(lines[0], `"person":"P-a1","role":"agent"`) ||
		!strings.Contains(lines[1], `"case":"c1"`) || !strings.Contains(lines[1], `"role":"manager"`) {
		t.Errorf("the access log holds %q", lines)
	}
	if strings.Contains(strings.Join(lines, ""), "ez") {
		t.Errorf("the access log holds a name: %q", lines)
	}
}

// TestJournalGone holds that without the journal nothing is done, while lists
// stay readable and say how old they are.
func TestJournalGone(t *testing.T) {
	o := open(t, consumers("A1", "c1")...)
	own := desk.Owner{Agent: "A1"}
	must(t, o.ledger.Journal.Close())
	o.until("the list says how old it is", func() bool {
		l, err := o.desk.List(agent, own, desk.Active, desk.Query{Page: 1, PageSize: 10})
		return err == nil && l.Age > 0 && len(l.Consumers()) == 1
	})
	_, err := o.desk.Act(t.Context(), agent, own, "c1", desk.MarkInactive)
	wantProblem(t, "an action", err, 503)
	if problem.Of(err).RetryAfter == 0 {
		t.Error("it does not say when to try again")
	}
	yes := true
	_, err = o.desk.Export(t.Context(), agent, own, "latest", desk.Answer{Disclaimer: "1", Accepted: &yes})
	wantProblem(t, "an export", err, 503)
	_, err = o.desk.Transfer(t.Context(), manager, "G1", desk.Transfer{From: "A1", To: "A2", All: true})
	wantProblem(t, "a transfer", err, 503)
	o.desk.SeenAt(time.Now().Add(-4 * time.Minute))
	if l, err := o.desk.List(agent, own, desk.Active, desk.Query{Page: 1, PageSize: 10}); err != nil || l.Age < 4*time.Minute {
		t.Errorf("after four minutes: %+v (%v)", l, err)
	}
	o.desk.SeenAt(time.Now().Add(-6 * time.Minute))
	_, err = o.desk.List(agent, own, desk.Active, desk.Query{Page: 1, PageSize: 10})
	wantProblem(t, "a list after six minutes", err, 503)
	if problem.Of(err).RetryAfter == 0 {
		t.Error("it does not say when to try again")
	}
}

// TestHistoryOpen holds that nothing is done or taken while history is loaded:
// the first live delegation would close it.
func TestHistoryOpen(t *testing.T) {
	o := openWith(t, false, consumers("A1", "c1")...)
	own := desk.Owner{Agent: "A1"}
	o.holdList(agent, own, desk.Active, "c1")
	_, err := o.desk.Act(t.Context(), agent, own, "c1", desk.MarkInactive)
	wantProblem(t, "an action", err, 503)
	_, err = o.desk.Export(t.Context(), agent, own, "latest", desk.Answer{Disclaimer: "1", Accepted: new(true)})
	wantProblem(t, "an export", err, 503)
	_, err = o.desk.Transfer(t.Context(), manager, "G1", desk.Transfer{From: "A1", To: "A2", All: true})
	wantProblem(t, "a transfer", err, 503)
	before, err := o.ledger.Journal.Last(t.Context())
	must(t, err)
	if want := uint64(1 + o.ids); before != want {
		t.Errorf("the journal has %d records, want %d", before, want)
	}
}

// TestWritesAreCounted holds that what stays for good is not taken without end.
func TestWritesAreCounted(t *testing.T) {
	o := open(t, consumers("A1", "c1")...)
	o.desk.MayWrite = func(person string, _ int) (bool, time.Duration) { return person != "P-a1", 3 * time.Second }
	_, err := o.desk.Act(t.Context(), agent, desk.Owner{Agent: "A1"}, "c1", desk.MarkInactive)
	wantProblem(t, "an action too many", err, 429)
	_, err = o.desk.Export(t.Context(), agent, desk.Owner{Agent: "A1"}, "latest", desk.Answer{})
	wantProblem(t, "an export too many", err, 429)
	if problem.Of(err).RetryAfter != 3*time.Second {
		t.Error("it does not say when to try again")
	}
	_, err = o.desk.Act(t.Context(), manager, desk.Owner{Agent: "A1"}, "c1", desk.MarkInactive)
	must(t, err)
}

// TestOneMoment holds that all that is read at one moment is of that moment,
// and that an action is upon the newest state all the same.
func TestOneMoment(t *testing.T) {
	o := open(t, consumers("A1", "c1")...)
	own := desk.Owner{Agent: "A1"}
	then, done := o.desk.At(agent)
	o.holdList(then, own, desk.Active, "c1")
	o.live(consumers("A1", "c2")...)
	o.holdList(then, own, desk.Active, "c1")
	_, err := o.desk.Act(t.Context(), then, own, "c2", desk.MarkInactive)
	must(t, err)
	o.holdList(then, own, desk.Inactive)
	done()
	o.holdList(agent, own, desk.Inactive, "c2")
	_, unread := o.desk.At(agent)
	unread()
}
