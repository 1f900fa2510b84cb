package proof

import (
	"bytes"
	"context"
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"strings"
	"sync"
	"time"

	"bookledger/events"
	"bookledger/events/record"
	"bookledger/events/record/treehead"
	"bookledger/projections/book"
	"bookledger/projections/checkpoint"
	"bookledger/projections/replay"
)

const (
	ledgerID    = "L-1"
	testAgent   = "A1"
	oneRowAgent = "A3" // an agent with one row
	emptyAgent  = "A9" // an agent without consumers
	upstream    = "calheers"
)

var (
	testAgents = []string{testAgent, "A2", oneRowAgent, emptyAgent}
	fridays    = []events.Date{20261106, 20261113, 20261120}
)

// history describes the synthetic events of a ledger. To forge a ledger, a test changes
// or omits an event; all later records are then sealed and signed accordingly.
type history struct {
	id    string
	key   byte // of genesis
	seed  uint64
	cases int
	weeks int
	wild  bool // late seals and key changes at random

	changeEvent func(n int, body []byte) []byte // returns the n-th upstream event (from 1) as changed; nil omits it
	published   map[events.Date][]byte          // signed heads to record instead of newly signed ones
}

// plainHistory has three sealed weeks. The key changes after the first.
var plainHistory = history{id: ledgerID, key: 1, seed: 1, cases: 12, weeks: 3}

// testLedger writes the journal of a synthetic ledger.
type testLedger struct {
	history
	*replay.Replay
	now      time.Time
	records  uint64
	events   int                  // number of upstream events
	keys     []ed25519.PrivateKey // the last is the current one
	text     bytes.Buffer         // dump of the journal
	calendar *events.Calendar
	seals    map[events.Date]events.Sealed // as the journal determines them
	books    map[string]*book.Book         // of the last Friday
}

// sampleLedger is a ledger with plainHistory and some later records. Tests must not
// append to it.
var sampleLedger = sync.OnceValue(func() *testLedger {
	n := newTestLedger(plainHistory)
	n.publishWeek(rand.New(rand.NewPCG(3, 3)), 12)
	return n
})

func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}

func privateKey(n byte) ed25519.PrivateKey {
	seed := sha256.Sum256([]byte{n})
	return ed25519.NewKeyFromSeed(seed[:])
}

// sealKey returns a public key as genesis contains it.
func sealKey(n byte) string {
	return base64.StdEncoding.EncodeToString(privateKey(n).Public().(ed25519.PublicKey))
}

// newTestLedger writes the journal of a history.
func newTestLedger(h history) *testLedger {
	n := &testLedger{
		history: h, Replay: replay.New(), calendar: events.DefaultCalendar(), now: time.Date(2026, 11, 2, 16, 0, 0, 0, time.UTC),
		keys: []ed25519.PrivateKey{privateKey(h.key)}, seals: map[events.Date]events.Sealed{}, books: map[string]*book.Book{},
	}
	n.appendOwn("genesis", &events.Genesis{
		LedgerID: h.id, Calendar: must(events.NewCalendarSpec(events.DefaultCutoff)), Rules: 1,
		SealKey: sealKey(h.key),
	})
	for i, name := range []string{"Silver", "Golden"} {
		body := fmt.Appendf(nil, `{"specversion":"1.0","id":"h%d","source":%q,"type":"agency.registered.v1","time":"2026-11-01T00:00:00Z","data":{"agency_id":"G2","name":%q}}`, i, upstream, name)
		n.append(record.Record{Subject: events.HistorySubject(upstream), Header: fmt.Sprintf("2026-11-01T0%d:00:00-08:00", i), Body: body})
	}
	n.publish("agency.agency_registered.v1", nil) // an unknown type, which is rejected
	n.publish("agency.registered.v1", map[string]any{"agency_id": "G1", "name": "Golden State Insurance"})
	for _, a := range testAgents {
		n.publish("agency.agent_certified.v1", map[string]any{"agent_id": a, "agency_id": "G1", "first_name": "Ann", "last_name": a, "license_number": "0A1"})
	}
	for i := range h.cases {
		n.publish("delegation.created.v1", map[string]any{"case_id": caseID(i), "agent_id": fmt.Sprint("A", 1+i%2), "via": "conversion"})
	}
	n.publish("delegation.created.v1", map[string]any{"case_id": caseID(900), "agent_id": oneRowAgent, "via": "conversion"})
	dice := rand.New(rand.NewPCG(h.seed, 2))
	for i, f := range fridays[:h.weeks] {
		n.publishWeek(dice, h.cases)
		n.passCutoff(f)
		if h.wild && dice.IntN(2) == 0 {
			n.publishWeek(dice, 2) // before the seal is written
		}
		n.seal(f)
		if h.wild && dice.IntN(2) == 0 || !h.wild && i == 0 {
			n.rotate(privateKey(byte(2 + i)))
		}
	}
	return n
}

func caseID(n int) string { return fmt.Sprint(5000032500 + n) }

// append appends a record one second after the one before, and derives the seals and
// books of cutoffs that it passes.
func (n *testLedger) append(r record.Record) {
	n.now = n.now.Add(time.Second)
	n.records++
	r.Seq, r.Stamped = n.records, n.now
	for step, err := range n.Steps(r) {
		if step := must(step, err); step.Record != nil {
			n.text.Write(step.Record.AppendLine(nil, step.Recorded))
			continue
		}
		c := step.Checkpoint
		agents := must(checkpoint.NewAgentTree(context.Background(), n.State(), n.calendar, c.Week, 2))
		n.seals[c.Friday] = must(c.SealOf(agents, must(n.TreeRoot(c.Boundary)), 1))
		for _, agent := range testAgents {
			n.books[agent] = must(book.ForAgent(context.Background(), n.State(), n.calendar, c.Week, agent))
		}
	}
}

// appendOwn appends one of the ledger's own events.
func (n *testLedger) appendOwn(id string, data events.Data) {
	e := events.Event{ID: id, Source: events.SourceLedger, Type: events.TypeOf(data), Time: n.now, Data: data}
	n.append(record.Record{Subject: e.Subject(), Body: must(e.Encode())})
}

// publish appends an event from an upstream system.
func (n *testLedger) publish(eventType string, data map[string]any) {
	n.events++
	family, _, _ := strings.Cut(eventType, ".")
	body := fmt.Appendf(nil, `{"specversion":"1.0","id":"e%d","source":%q,"type":%q,"time":"2026-11-01T00:00:00Z","data":%s}`,
		n.events, upstream, eventType, must(json.Marshal(data)))
	if n.changeEvent != nil {
		if body = n.changeEvent(n.events, body); body == nil {
			return
		}
	}
	n.append(record.Record{Subject: "ledger." + family + "." + upstream, Body: body})
}

// passCutoff moves the time to a Friday's cutoff and appends a clock event.
func (n *testLedger) passCutoff(f events.Date) {
	n.now = n.calendar.Cutoff(f).UTC()
	n.appendOwn("clock/"+f.String(), &events.Clock{Friday: f})
}

// seal appends the seal of a Friday and its signature by the current key.
func (n *testLedger) seal(f events.Date) {
	n.append(record.Record{Subject: events.SubjectSeal, Body: must(checkpoint.EncodeSeal(n.seals[f], n.calendar))})
	signed, forced := n.published[f]
	if !forced {
		h := treehead.Head{Origin: n.origin(), Size: n.records, Root: must(n.TreeRoot(n.records))}
		signed = signHead(h, n.origin(), n.keys[len(n.keys)-1])
	}
	n.append(record.Record{Subject: events.SubjectSeal, Body: must(checkpoint.EncodeSignature(f, signed, n.calendar))})
}

// rotate appends a change to another key.
func (n *testLedger) rotate(next ed25519.PrivateKey) {
	current := must(treehead.Signer(n.origin(), n.keys[len(n.keys)-1]))
	body, _, err := checkpoint.EncodeKeyChange(current, next.Public().(ed25519.PublicKey), n.now)
	n.append(record.Record{Subject: events.SubjectSeal, Body: must(body, err)})
	n.keys = append(n.keys, next)
}

func (n *testLedger) origin() string { return treehead.Origin(n.id) }

// keyText returns a public key in the format of key.txt.
func (n *testLedger) keyText(key ed25519.PrivateKey) string {
	return must(treehead.KeyText(n.origin(), key.Public().(ed25519.PublicKey)))
}

// signHead signs a head under a name with a key, which need not be the ledger's.
func signHead(h treehead.Head, name string, key ed25519.PrivateKey) []byte {
	return must(h.Sign(must(treehead.Signer(name, key))))
}

// publishWeek appends random events about cases.
func (n *testLedger) publishWeek(dice *rand.Rand, cases int) {
	amount := func() string { return fmt.Sprintf("%d.%02d", dice.IntN(900), dice.IntN(100)) }
	names := []string{"José", "=1+1", "Ana María", "O'Neil", "李", "_x0041_", "van der Berg", " Blank"}
	for range cases * 4 {
		i := dice.IntN(cases)
		c, member, year := caseID(i), fmt.Sprint("M", dice.IntN(3)), 2026+dice.IntN(2)
		switch dice.IntN(9) {
		case 0, 1:
			n.publish("consumer.household_recorded.v1", map[string]any{"case_id": c, "primary_contact": map[string]any{
				"first_name": names[dice.IntN(len(names))], "last_name": names[dice.IntN(len(names))], "phone": "(415) 555-0100", "date_of_birth": "1980-02-29",
			}, "address": map[string]any{"city": "Oakland", "zip": "00601"}})
		case 2, 3:
			n.publish("consumer.member_recorded.v1", map[string]any{"case_id": c, "member_id": member, "first_name": names[dice.IntN(len(names))],
				"date_of_birth": []string{"1899-05-01", "2001-01-31", "1900-03-01"}[dice.IntN(3)], "ssn_last4": "7880", "applying": true})
		case 4:
			n.publish("consumer.eligibility_determined.v1", map[string]any{"case_id": c, "member_id": member, "application_year": year,
				"program": "covered_california", "status": "eligible", "aptc_monthly": amount(), "verification_due_on": "2026-12-31"})
		case 5, 6:
			n.publish("consumer.enrollment_recorded.v1", map[string]any{"case_id": c, "enrollment_id": fmt.Sprint("E", i), "application_year": year,
				"coverage_kind": "health", "member_ids": []string{member}, "carrier": "Kaiser", "status": "enrolled", "gross_premium": amount(), "net_premium": amount(), "coverage_start": "2026-01-01"})
		case 7:
			n.publish("consumer.member_removed.v1", map[string]any{"case_id": c, "member_id": member}) // rejected if the member is not listed
		case 8:
			n.publish("delegation.created.v1", map[string]any{"case_id": c, "agent_id": fmt.Sprint("A", 1+dice.IntN(2)), "via": "conversion"})
		}
	}
}
