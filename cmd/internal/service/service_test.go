package service_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"bookledger/cmd/internal/fixture"
	"bookledger/cmd/internal/node"
	"bookledger/cmd/internal/problem"
	"bookledger/cmd/internal/service"
	"bookledger/events"
	"bookledger/projections/access"
)

// env is a service on a node with the people of the fixture.
type env struct {
	*fixture.Node
	t          *testing.T
	service    *service.Service
	clock      *fixture.Clock
	violation  atomic.Pointer[error]  // the violation that the service sees, or nil
	onDecision atomic.Pointer[func()] // called before each access decision, or nil
}

var (
	agent    = caller("P-a1", "A1")
	other    = caller("P-a3", "A3")
	manager  = caller("P-m", "")
	adminL1  = caller("P-1", "")
	adminL2  = caller("P-2", "")
	auditor  = service.Caller{Person: access.Person{ID: "P-x", Auditor: true}, Via: "api"}
	operator = service.Caller{Person: access.Person{ID: "P-o", Operator: true}, Via: "api"}
)

func caller(id, agent string) service.Caller {
	return service.Caller{Person: access.Person{ID: id, AgentID: agent}, Via: "api", Address: "127.0.0.1"}
}

// newEnv returns an env for a parallel test. The events were recorded before the
// last eight Fridays.
func newEnv(t *testing.T, past ...events.Data) *env {
	t.Helper()
	return newEnvWith(t, true, past...)
}

// newEnvWith is newEnv with history closed or open.
func newEnvWith(t *testing.T, closed bool, past ...events.Data) *env {
	t.Helper()
	t.Parallel()
	o := &env{Node: fixture.Open(t, node.Options{}), t: t, clock: fixture.NewClock()}
	o.Load(time.Now().AddDate(0, 0, -9*7), append(fixture.People(), past...)...)
	if closed {
		o.CloseHistory()
	}
	o.service, _ = o.Serve(service.Options{Violation: o.checkViolation, Now: o.clock.Now})
	return o
}

// checkViolation is the service's option Violation.
func (o *env) checkViolation() error {
	if see := o.onDecision.Load(); see != nil {
		(*see)()
	}
	if err := o.violation.Load(); err != nil {
		return *err
	}
	return nil
}

// consumers returns the events of cases that are delegated to an agent.
func consumers(agent string, ids ...string) (all []events.Data) {
	for _, id := range ids {
		all = append(all, fixture.Consumer(agent, id, "José "+id, "Núñez")...)
	}
	return all
}

var must = fixture.Must

// listIDs returns the case IDs in a list.
func (o *env) listIDs(c service.Caller, owner service.Owner, k service.Kind) (ids []string) {
	o.t.Helper()
	l, err := o.service.List(c, owner, k, service.Query{Page: 1, PageSize: 2000})
	must(o.t, err)
	for _, e := range l.Consumers() {
		ids = append(ids, e.CaseID)
	}
	return ids
}

// wantList checks the case IDs in a list.
func (o *env) wantList(c service.Caller, owner service.Owner, k service.Kind, want ...string) {
	o.t.Helper()
	if got := o.listIDs(c, owner, k); strings.Join(got, " ") != strings.Join(want, " ") {
		o.t.Errorf("the %s list of %v: got %q, want %q", k, owner, got, want)
	}
}

// wantProblem checks the status of an error.
func wantProblem(t *testing.T, what string, err error, status int) {
	t.Helper()
	if err == nil || problem.From(err).Status != status {
		t.Errorf("%s: got %v, want status %d", what, err, status)
	}
}

// wantWritesRefused checks that actions, exports and transfers get status 503.
func (o *env) wantWritesRefused() {
	o.t.Helper()
	own := service.Owner{Agent: "A1"}
	_, actErr := o.service.Act(o.t.Context(), agent, own, "c1", service.MarkInactive)
	_, exportErr := o.service.Export(o.t.Context(), agent, own, "latest", yes)
	_, transferErr := o.service.Transfer(o.t.Context(), manager, "G1", service.TransferRequest{From: "A1", To: "A2", All: true})
	for what, err := range map[string]error{"action": actErr, "export": exportErr, "transfer": transferErr} {
		wantProblem(o.t, what, err, 503)
	}
}

// yes accepts the disclaimer.
var yes = service.DisclaimerAnswer{Disclaimer: "1", Accepted: new(true)}

// export exports a book and reads it completely.
func (o *env) export(c service.Caller, owner service.Owner, friday string) ([]byte, *service.ExportedBook) {
	o.t.Helper()
	book, err := o.service.Export(o.t.Context(), c, owner, friday, yes)
	must(o.t, err)
	b, err := io.ReadAll(book)
	must(o.t, errors.Join(err, book.Close()))
	return b, book
}

// trail returns the steps in the export trail, earliest first.
func (o *env) trail() (steps []string) {
	o.t.Helper()
	o.Settle()
	all, err := o.service.Exports(o.t.Context(), auditor, "", 0, 1000)
	must(o.t, err)
	for _, e := range all {
		steps = append([]string{fmt.Sprintf("%s by %s as %s of %s%s, accepted %s, %d rows", e.Step, e.PersonID, e.Role, e.AgentID, e.AgencyID, flag(e.Accepted), e.Rows)}, steps...)
	}
	return steps
}

func flag(f events.Flag) string {
	b, err := json.Marshal(f)
	if err != nil {
		return err.Error()
	}
	return string(bytes.Trim(b, `"`))
}
