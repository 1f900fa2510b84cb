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

// weeks are the last two Fridays of the office, the newest first.
func (o *env) weeks() []string {
	o.t.Helper()
	all, err := o.service.PastFridays(auditor)
	must(o.t, err)
	if len(all) < 8 {
		o.t.Fatalf("there are the Fridays %v", all)
	}
	return []string{all[0].String(), all[1].String()}
}

// TestExplained holds what is told of a case that a record was refused for, as
// the ledger is now and as it was on a Friday.
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

// TestCompared holds the books of an agent whom nobody knew at first.
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
	wantProblem(t, "an agent whom nobody knew", err, 404)
	_, err = o.service.Compare(t.Context(), auditor, service.Owner{Agent: "A1"}, service.CompareQuery{From: weeks[0], To: weeks[1], Page: 1, PageSize: 10})
	wantProblem(t, "the later book first", err, 400)
}

// TestAuditBound holds that a case with more records than a request may look at
// is refused, explained and compared, and that one with as many is not.
func TestAuditRecordLimit(t *testing.T) {
	o := newEnv(t, consumers("A1", "c1")...)
	v := fixture.View(t, o.Node.Node)
	for most, want := range map[int]error{5: audit.ErrTooManyRecords, 6: nil, 0: nil} {
		ledger := audit.LiveLedger{View: v, Journal: o.Journal, MaxRecords: most}
		if _, err := ledger.CaseHistory(t.Context(), "c1"); !errors.Is(err, want) {
			t.Errorf("with %d the account is %v", most, err)
		}
		f, err := v.Checkpoint(0)
		must(t, err)
		c, err := ledger.Compare(t.Context(), audit.Owner{Agent: "A1"}, book.Week{}, f.Week)
		must(t, err)
		if _, _, err := c.Between(t.Context(), "c1"); !errors.Is(err, want) {
			t.Errorf("with %d what came between is %v", most, err)
		}
	}
}

// TestAuditGivenUp holds that who does not wait any more is let go.
func TestAuditStopsWhenCanceled(t *testing.T) {
	o := newEnv(t, consumers("A1", "c1")...)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := o.service.Explain(ctx, auditor, "c1", "", ""); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
	if _, err := o.service.Explain(t.Context(), auditor, "c1", "", ""); err != nil {
		t.Errorf("after that: %v", err)
	}
}
