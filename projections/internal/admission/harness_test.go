package admission_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"bookledger/events"
	"bookledger/events/record"
	"bookledger/projections/book"
	"bookledger/projections/checkpoint"
	"bookledger/projections/fold"
	"bookledger/projections/internal/admission"
)

// memoryState is an admission.State in maps that logs what is written to it.
type memoryState struct {
	seen     map[string]bool
	cases    map[string]*fold.Case
	agents   map[string]fold.Agent
	agencies map[string]fold.Agency
	staff    map[string]fold.Staff
	week     events.Date
	puts     []string // what was written, each with its week
	rejected []admission.RejectedEvent
	fridays  []checkpoint.Checkpoint
	seals    map[events.Date]uint64
	signed   []uint64
	err      error // returned by reads if not nil
}

func newMemoryState() *memoryState {
	return &memoryState{seen: map[string]bool{}, cases: map[string]*fold.Case{}, agents: map[string]fold.Agent{},
		agencies: map[string]fold.Agency{}, staff: map[string]fold.Staff{}, seals: map[events.Date]uint64{}}
}

func (m *memoryState) note(what, id string) error {
	m.puts = append(m.puts, fmt.Sprintf("%s %s in %s", what, id, m.week))
	return nil
}

func (m *memoryState) MarkSeen(source, id string) (bool, error) {
	key := fmt.Sprintf("%q %q", source, id)
	seen := m.seen[key]
	m.seen[key] = true
	return seen, m.err
}

func (m *memoryState) Case(id string) (*fold.Case, error) {
	if c, ok := m.cases[id]; ok {
		return c, m.err
	}
	return &fold.Case{}, m.err
}

func (m *memoryState) PutCase(id string, _, after *fold.Case) error {
	m.cases[id] = after
	return m.note("case", id)
}

func (m *memoryState) Agent(id string) (fold.Agent, bool, error) {
	a, known := m.agents[id]
	return a, known, m.err
}

func (m *memoryState) PutAgent(id string, after fold.Agent) error {
	m.agents[id] = after
	return m.note("agent", id)
}

func (m *memoryState) Agency(id string) (fold.Agency, bool, error) {
	a, known := m.agencies[id]
	return a, known, m.err
}

func (m *memoryState) PutAgency(id string, after fold.Agency) error {
	m.agencies[id] = after
	return m.note("agency", id)
}

func (m *memoryState) Staff(agency, person string) (fold.Staff, error) {
	return m.staff[agency+"/"+person], m.err
}

func (m *memoryState) PutStaff(agency, person string, after fold.Staff) error {
	m.staff[agency+"/"+person] = after
	return m.note("staff", agency+"/"+person)
}

func (m *memoryState) HasSeal(f events.Date) (bool, error) { return m.seals[f] > 0, m.err }

func (m *memoryState) PutSeal(s checkpoint.Seal) error {
	m.seals[s.Friday] = s.Seq
	return nil
}

func (m *memoryState) AddSignature(s checkpoint.Signature) error {
	m.signed = append(m.signed, s.Seq)
	return nil
}

func (m *memoryState) AddRejection(r admission.RejectedEvent) error {
	m.rejected = append(m.rejected, r)
	return nil
}

func (m *memoryState) AddExportStep(e admission.ExportStep) error {
	return m.note("export", e.Step)
}

// harness processes the records of a test one by one.
type harness struct {
	t         *testing.T
	processor *admission.Processor
	state     *memoryState
	decoder   record.Decoder
	seq       uint64
	ids       int
}

func newHarness(t *testing.T) *harness {
	return &harness{t: t, processor: admission.New(), state: newMemoryState()}
}

// at parses a UTC time in 2026, such as "11-20T21:00:00".
func at(t testing.TB, s string) time.Time {
	t.Helper()
	v, err := time.Parse(time.RFC3339Nano, "2026-"+s+"Z")
	if err != nil {
		t.Fatal(err)
	}
	return v
}

// message returns an event as JSON.
func message(source, id, eventType, data string) string {
	return fmt.Sprintf(`{"specversion":"1.0","id":%q,"source":%q,"type":%q,"time":"2026-11-01T00:00:00Z","data":%s}`, id, source, eventType, data)
}

// process processes a record that must not cause an error. Its leaf hash is its sequence.
func (c *harness) process(subject, stamped, header, body string) admission.Result {
	c.t.Helper()
	v, err := c.tryProcess(subject, stamped, header, body)
	if err != nil {
		c.t.Fatalf("record %d: %v", c.seq, err)
	}
	if c.processor.Position != c.seq || c.processor.Leaf != [32]byte{byte(c.seq)} {
		c.t.Fatalf("after record %d the position is %d", c.seq, c.processor.Position)
	}
	return v
}

func (c *harness) tryProcess(subject, stamped, header, body string) (admission.Result, error) {
	c.t.Helper()
	c.seq++
	if header != "" && !strings.Contains(header, " ") {
		header = "2026-" + header + "Z"
	}
	r := record.Record{Seq: c.seq, Stamped: at(c.t, stamped), Subject: subject, Header: header, Body: []byte(body)}
	d := c.decoder.Decode(r)
	d.Leaf = [32]byte{byte(c.seq)}
	e, err := c.processor.Decide(&d, c.state)
	if err != nil {
		return e.Result, err
	}
	c.state.fridays, c.state.week = append(c.state.fridays, e.Passed...), e.Week
	return e.Result, c.processor.Apply(&e, c.state)
}

// live processes a live record from an upstream system, with a new event ID.
func (c *harness) live(stamped, eventType, data string) admission.Result {
	c.t.Helper()
	c.ids++
	family, _, _ := strings.Cut(eventType, ".")
	return c.process("ledger."+family+".calheers", stamped, "", message("calheers", fmt.Sprint("live", c.ids), eventType, data))
}

// load processes a record of the history load, stamped at the end of the year.
func (c *harness) load(header, eventType, data string) admission.Result {
	c.t.Helper()
	c.ids++
	return c.process("ledger.history.calheers", "12-31T00:00:00", header, message("calheers", fmt.Sprint("load", c.ids), eventType, data))
}

// ledgerRecord processes a record that bookledger writes itself.
func (c *harness) ledgerRecord(subject, stamped, eventType, data string) admission.Result {
	c.t.Helper()
	c.ids++
	return c.process(subject, stamped, "", message("bookledger", fmt.Sprint("own", c.ids), eventType, data))
}

func code(v admission.Result) events.Code {
	if v.Rejection == nil {
		return ""
	}
	return v.Rejection.Code
}

func friday(f events.Date) book.Week { return book.Week{Friday: f} }
