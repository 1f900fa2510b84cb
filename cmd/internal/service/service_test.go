package service_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"bookledger/cmd/internal/accesslog"
	"bookledger/cmd/internal/exportlimit"
	"bookledger/cmd/internal/node"
	"bookledger/cmd/internal/problem"
	"bookledger/cmd/internal/service"
	"bookledger/events"
	"bookledger/events/journal"
	"bookledger/exporter"
	"bookledger/projections/access"
	"bookledger/schemas"
)

// office is a desk over a ledger of its own: agency G1 with the agents A1 and
// A2 and all kinds of staff, agency G2 with A3. Cases are recorded by past,
// before the last eight Fridays.
type office struct {
	t       *testing.T
	service *service.Service
	ledger  *node.Node
	limiter *exportlimit.Limiter
	looks   string // file
	ids     int
	sound   atomic.Pointer[error]  // what the desk is told of the journal, nil where it is sound
	seen    atomic.Pointer[func()] // is called before access is decided, nil where nobody looks
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

func open(t *testing.T, past ...events.Data) *office {
	t.Helper()
	return openWith(t, true, past...)
}

// openWith is open that leaves history open, if it is not to be closed.
func openWith(t *testing.T, closed bool, past ...events.Data) *office {
	t.Helper()
	clearOfCutoff(t)
	dir := t.TempDir()
	o := &office{t: t, looks: filepath.Join(dir, "access.log")}
	ctx, cancel := context.WithCancel(context.Background())
	var err error
	if o.ledger, err = node.Open(ctx, node.Options{Dir: dir, Create: true}); err != nil {
		t.Fatal(err)
	}
	o.load(past, closed)
	set, err := schemas.ColumnSet("1")
	must(t, err)
	x, err := exporter.New(set)
	must(t, err)
	o.limiter, err = exportlimit.New(exportlimit.Limits{Dir: dir})
	must(t, err)
	looks, err := accesslog.Open(o.looks)
	must(t, err)
	o.service = service.New(service.Options{Node: o.ledger, Exporter: x, Limiter: o.limiter, Looks: looks, Sound: o.isSound})
	ended := make(chan struct{}, 2)
	run := func(f func()) {
		go func() { f(); ended <- struct{}{} }()
	}
	run(func() { _ = o.ledger.Follow(ctx) })
	run(func() { o.service.Run(ctx) })
	t.Cleanup(func() {
		cancel()
		for range 2 {
			<-ended
		}
		if err := errors.Join(looks.Close(), o.ledger.Close()); err != nil && !errors.Is(err, journal.ErrClosed) {
			t.Error(err)
		}
	})
	o.until("the desk is up to the journal", func() bool {
		l, err := o.service.List(auditor, service.Owner{Agent: "A1"}, service.Active, service.Query{Page: 1, PageSize: 1})
		return err == nil && l.Age == 0 && o.service.Current()
	})
	must(t, os.Truncate(o.looks, 0))
	return o
}

// clearOfCutoff waits where a week is about to end: a cutoff in the midst of a test
// brings another book.
func clearOfCutoff(t testing.TB) {
	t.Helper()
	c := events.DefaultCalendar()
	if left := time.Until(c.Cutoff(c.FridayOf(time.Now()))); left < time.Minute {
		t.Logf("the week ends in %v, which is waited for", left)
		time.Sleep(left + time.Second)
	}
}

func (o *office) isSound() error {
	if see := o.seen.Load(); see != nil {
		(*see)()
	}
	if err := o.sound.Load(); err != nil {
		return *err
	}
	return nil
}

// load records the people and cases nine weeks ago as history, and may close it.
func (o *office) load(past []events.Data, closed bool) {
	o.t.Helper()
	at := time.Now().Add(-9 * 7 * 24 * time.Hour)
	all := append([]events.Data{
		&events.AgencyRegistered{AgencyID: "G1", Name: "Delta Insurance"}, &events.AgencyRegistered{AgencyID: "G2", Name: "Sierra Insurance"},
		&events.AgentCertified{AgentID: "A1", AgencyID: "G1", FirstName: "Ana", LastName: "One"},
		&events.AgentCertified{AgentID: "A2", AgencyID: "G1", FirstName: "Bo", LastName: "Two"},
		&events.AgentCertified{AgentID: "A3", AgencyID: "G2", FirstName: "Cy", LastName: "Three"},
		&events.StaffAssigned{Staff: events.Staff{PersonID: "P-m", AgencyID: "G1", Role: "manager"}},
		&events.StaffAssigned{Staff: events.Staff{PersonID: "P-1", AgencyID: "G1", Role: "admin_l1"}},
		&events.StaffAssigned{Staff: events.Staff{PersonID: "P-2", AgencyID: "G1", Role: "admin_l2"}},
	}, past...)
	for i, data := range all {
		e := o.event(data)
		body, err := e.Encode()
		must(o.t, err)
		recorded := at.Add(time.Duration(i) * time.Millisecond).UTC().Format(time.RFC3339Nano)
		_, err = o.ledger.Journal.Append(context.Background(), []journal.Message{{Subject: events.HistorySubject(e.Source), Recorded: recorded, Body: body}})
		must(o.t, err)
	}
	if !closed {
		return
	}
	end := events.Event{ID: "closed", Source: events.SourceLedger, Type: events.TypeHistoryClosed, Time: time.Now(), Data: &events.HistoryClosed{}}
	body, err := end.Encode()
	must(o.t, err)
	_, err = o.ledger.Journal.Append(context.Background(), []journal.Message{{Subject: events.SubjectControl, Body: body}})
	must(o.t, err)
}

func (o *office) event(data events.Data) events.Event {
	o.ids++
	return events.Event{ID: fmt.Sprint("e", o.ids), Source: "test", Type: events.TypeOf(data), Time: time.Now(), Data: data}
}

// live publishes events as an upstream system does, and waits until the lists
// show them.
func (o *office) live(all ...events.Data) {
	o.t.Helper()
	for _, data := range all {
		e := o.event(data)
		body, err := e.Encode()
		must(o.t, err)
		ack, err := o.ledger.Journal.Append(o.t.Context(), []journal.Message{{Subject: e.Subject(), Body: body}})
		must(o.t, err)
		_, why, err := o.ledger.Projection.WaitFor(o.t.Context(), ack.Last)
		must(o.t, err)
		if why != nil {
			o.t.Fatalf("%s was rejected: %+v", e.Type, why)
		}
	}
}

// consumers are the events that make cases delegated to an agent.
func consumers(agent string, ids ...string) (all []events.Data) {
	for _, id := range ids {
		all = append(all,
			&events.DelegationCreated{Delegation: events.Delegation{CaseID: id, AgentID: agent}},
			&events.HouseholdRecorded{CaseID: id, PrimaryContact: events.Contact{FirstName: "José " + id, LastName: "Núñez", SSNLast4: "7880"}},
			&events.MemberRecorded{Member: events.Member{CaseID: id, MemberID: "m1", FirstName: "José", LastName: "Núñez"}},
			&events.ApplicationRecorded{CaseID: id, ApplicationYear: time.Now().Year(), CurrentStatus: "Enrolled"})
	}
	return all
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// until awaits a condition.
func (o *office) until(what string, holds func() bool) {
	o.t.Helper()
	for deadline := time.Now().Add(2 * time.Minute); !holds(); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(deadline) {
			o.t.Fatalf("waited in vain until %s", what)
		}
	}
}

// list returns the case ids of a list.
func (o *office) list(c service.Caller, owner service.Owner, k service.Kind) (ids []string) {
	o.t.Helper()
	l, err := o.service.List(c, owner, k, service.Query{Page: 1, PageSize: 2000})
	must(o.t, err)
	for _, e := range l.Consumers() {
		ids = append(ids, e.CaseID)
	}
	return ids
}

func (o *office) holdList(c service.Caller, owner service.Owner, k service.Kind, want ...string) {
	o.t.Helper()
	if got := o.list(c, owner, k); strings.Join(got, " ") != strings.Join(want, " ") {
		o.t.Errorf("the %s list of %v holds %q, want %q", k, owner, got, want)
	}
}

// wantProblem holds the status of an error.
func wantProblem(t *testing.T, what string, err error, status int) {
	t.Helper()
	if err == nil || problem.Of(err).Status != status {
		t.Errorf("%s: %v, want %d", what, err, status)
	}
}

// looked returns what the access log holds, and what of it is new.
func (o *office) looked() []string {
	text, err := os.ReadFile(o.looks)
	must(o.t, err)
	return strings.Split(strings.TrimSpace(string(text)), "\n")
}

// yes accepts the disclaimer.
var yes = service.Answer{Disclaimer: "1", Accepted: new(true)}

// take takes a book to its end.
func (o *office) take(c service.Caller, owner service.Owner, friday string) ([]byte, *service.Book) {
	o.t.Helper()
	book, err := o.service.Export(o.t.Context(), c, owner, friday, yes)
	must(o.t, err)
	b, err := io.ReadAll(book)
	must(o.t, errors.Join(err, book.Close()))
	return b, book
}

// trail returns the steps of the exports so far, the earliest first.
func (o *office) trail() (steps []string) {
	o.t.Helper()
	last, err := o.ledger.Journal.Last(o.t.Context())
	must(o.t, err)
	_, _, err = o.ledger.Projection.WaitFor(o.t.Context(), last)
	must(o.t, err)
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
