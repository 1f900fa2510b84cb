package service_test

import (
	"context"
	"errors"
	"strings"
	"testing"

	"bookledger/cmd/internal/fixture"
	"bookledger/cmd/internal/service"
	"bookledger/events"
	"bookledger/projections/audit"
	"bookledger/projections/book"
)

// weeks returns the last two Fridays, newest first.
func (o *env) weeks() []string {
	o.t.Helper()
	all, err := o.service.PastFridays(auditor)
	must(o.t, err)
	if len(all) < 8 {
		o.t.Fatalf("got the Fridays %v, want at least 8", all)
	}
	return []string{all[0].String(), all[1].String()}
}

// TestExplain checks the explanation of a case with a rejected event, now and as of a
// Friday.
func TestExplain(t *testing.T) {
	o := newEnv(t, consumers("A1", "c1")...)
	o.Publish(&events.DelegationTransferred{CaseID: "c1", FromAgentID: "A1", ToAgentID: "A3"})
	x, err := o.service.Explain(t.Context(), auditor, "c1", "", "")
	must(t, err)
	if len(x.Events) != 7 || x.InBook != nil || !x.Events[6].LiveOnly || x.Events[0].FirstBook == 0 || x.AsOf.IsZero() {
		t.Errorf("got %+v", x)
	}
	x, err = o.service.Explain(t.Context(), auditor, "c1", "A3", "latest")
	must(t, err)
	if len(x.Events) != 0 || x.InBook == nil || x.InBook.Absence != "held_by_another" || x.AgentID != "A3" {
		t.Errorf("got %+v", x)
	}
	x, err = o.service.Explain(t.Context(), auditor, "c1", "A3", "")
	must(t, err)
	if len(x.Events) != 1 || *x.Events[0].Before != "" || *x.Events[0].After != "active" {
		t.Errorf("got %+v", x)
	}
	for _, bad := range [][3]string{{"c2", "", ""}, {"no case", "", ""}, {"c1", "", "2019-01-04"}, {"c1", "", "soon"}} {
		_, err := o.service.Explain(t.Context(), auditor, bad[0], bad[1], bad[2])
		wantProblem(t, strings.Join(bad[:], "/"), err, 404)
	}
}

// TestCompare checks comparisons, also for an agent who was unknown at the cutoffs.
func TestCompare(t *testing.T) {
	o := newEnv(t, consumers("A1", "c1")...)
	weeks := o.weeks()
	same, err := o.service.Compare(t.Context(), auditor, service.Owner{Agent: "A1"}, service.CompareQuery{From: weeks[1], To: weeks[0], Page: 1, PageSize: 10})
	must(t, err)
	if same.Total() != 0 || same.Changes == nil || same.To.Friday.String() != weeks[0] || same.AgentID != "A1" {
		t.Errorf("got %+v", same)
	}
	o.Publish(&events.AgentCertified{AgentID: "A9", AgencyID: "G1"})
	_, err = o.service.Compare(t.Context(), auditor, service.Owner{Agent: "A9"}, service.CompareQuery{From: weeks[1], To: weeks[0], Page: 1, PageSize: 10})
	wantProblem(t, "an agent who was unknown at the cutoffs", err, 404)
	_, err = o.service.Compare(t.Context(), auditor, service.Owner{Agent: "A1"}, service.CompareQuery{From: weeks[0], To: weeks[1], Page: 1, PageSize: 10})
	wantProblem(t, "the later book first", err, 400)
}

// TestAuditRecordLimit checks that explaining and comparing fail for a case with more
// records than the limit, and only then.
func TestAuditRecordLimit(t *testing.T) {
	o := newEnv(t, consumers("A1", "c1")...)
	v := fixture.View(t, o.Node.Node)
	for most, want := range map[int]error{5: audit.ErrTooManyRecords, 6: nil, 0: nil} {
		ledger := audit.LiveLedger{View: v, Journal: o.Journal, MaxRecords: most}
		if _, err := ledger.CaseHistory(t.Context(), "c1"); !errors.Is(err, want) {
			t.Errorf("CaseHistory with limit %d: got %v, want %v", most, err, want)
		}
		f, err := v.Checkpoint(0)
		must(t, err)
		c, err := ledger.Compare(t.Context(), audit.Owner{Agent: "A1"}, book.Week{}, f.Week)
		must(t, err)
		if _, _, err := c.Between(t.Context(), "c1"); !errors.Is(err, want) {
			t.Errorf("Between with limit %d: got %v, want %v", most, err, want)
		}
	}
}

// TestAuditStopsWhenCanceled checks that a canceled audit stops and does not block the
// next one.
func TestAuditStopsWhenCanceled(t *testing.T) {
	o := newEnv(t, consumers("A1", "c1")...)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := o.service.Explain(ctx, auditor, "c1", "", ""); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
	if _, err := o.service.Explain(t.Context(), auditor, "c1", "", ""); err != nil {
		t.Errorf("the next audit: got %v", err)
	}
}
