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
	ledgerID = "L-1"
	agentID  = "A1"
	oneID    = "A3" // an agent with one row
	emptyID  = "A9" // an agent without consumers
	upstream = "calheers"
)

var (
	agentIDs = []string{agentID, "A2", oneID, emptyID}
	fridays  = []events.Date{20261106, 20261113, 20261120}
)

// history is what a made-up ledger has seen. Who forges one has an event
// changed, or left out, and all after it sealed and signed anew.
type history struct {
	id    string
	key   byte // of genesis
	seed  uint64
	cases int
	weeks int
	wild  bool // seals are late and keys change, or not

	edit      func(n int, body []byte) []byte // the n-th upstream event, from 1 on; nil leaves it out
	published map[events.Date][]byte          // heads in the place of those that would be signed
}

// plain is three sealed weeks, the first with another key than the others.
var plain = history{id: ledgerID, key: 1, seed: 1, cases: 12, weeks: 3}

// node is a node that writes a ledger.
type node struct {
	history
	*replay.Replay
	now      time.Time
	records  uint64
	said     int                  // upstream events
	keys     []ed25519.PrivateKey // the last is the present one
	text     bytes.Buffer         // the dump
	calendar *events.Calendar
	seals    map[events.Date]events.Sealed // as they follow from the record
	books    map[string]*book.Book         // of the last Friday
}

// sample is a ledger of the plain history, and some records after it. Nobody
// appends to it.
var sample = sync.OnceValue(func() *node {
	n := newNode(plain)
	n.week(rand.New(rand.NewPCG(3, 3)), 12)
	return n
})

func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}

func private(n byte) ed25519.PrivateKey {
	seed := sha256.Sum256([]byte{n})
	return ed25519.NewKeyFromSeed(seed[:])
}

// sealKey is a key as genesis names it.
func sealKey(n byte) string {
	return base64.StdEncoding.EncodeToString(private(n).Public().(ed25519.PublicKey))
}

// newNode writes a history.
func newNode(h history) *node {
	n := &node{
		history: h, Replay: replay.New(), calendar: events.DefaultCalendar(), now: time.Date(2026, 11, 2, 16, 0, 0, 0, time.UTC),
		keys: []ed25519.PrivateKey{private(h.key)}, seals: map[events.Date]events.Sealed{}, books: map[string]*book.Book{},
	}
	n.own("genesis", &events.Genesis{
		LedgerID: h.id, Calendar: must(events.NewCalendarSpec(events.DefaultCutoff)), Rules: 1,
		SealKey: sealKey(h.key),
	})
	for i, name := range []string{"Silver", "Golden"} {
		body := fmt.Appendf(nil, `{"specversion":"1.0","id":"h%d","source":%q,"type":"agency.registered.v1","time":"2026-11-01T00:00:00Z","data":{"agency_id":"G2","name":%q}}`, i, upstream, name)
		n.append(record.Record{Subject: events.HistorySubject(upstream), Header: fmt.Sprintf("2026-11-01T0%d:00:00-08:00", i), Body: body})
	}
	n.say("agency.agency_registered.v1", nil) // of a type that there is not
	n.say("agency.registered.v1", map[string]any{"agency_id": "G1", "name": "Golden State Insurance"})
	for _, a := range agentIDs {
		n.say("agency.agent_certified.v1", map[string]any{"agent_id": a, "agency_id": "G1", "first_name": "Ann", "last_name": a, "license_number": "0A1"})
	}
	for i := range h.cases {
		n.say("delegation.created.v1", map[string]any{"case_id": caseID(i), "agent_id": fmt.Sprint("A", 1+i%2), "via": "conversion"})
	}
	n.say("delegation.created.v1", map[string]any{"case_id": caseID(900), "agent_id": oneID, "via": "conversion"})
	dice := rand.New(rand.NewPCG(h.seed, 2))
	for i, f := range fridays[:h.weeks] {
		n.week(dice, h.cases)
		n.pass(f)
		if h.wild && dice.IntN(2) == 0 {
			n.week(dice, 2) // before the seal is written
		}
		n.seal(f)
		if h.wild && dice.IntN(2) == 0 || !h.wild && i == 0 {
			n.rotate(private(byte(2 + i)))
		}
	}
	return n
}

func caseID(n int) string { return fmt.Sprint(5000032500 + n) }

func (n *node) append(r record.Record) {
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
		for _, agent := range agentIDs {
			n.books[agent] = must(book.ForAgent(context.Background(), n.State(), n.calendar, c.Week, agent))
		}
	}
}

func (n *node) own(id string, data events.Data) {
	e := events.Event{ID: id, Source: events.SourceLedger, Type: events.TypeOf(data), Time: n.now, Data: data}
	n.append(record.Record{Subject: e.Subject(), Body: must(e.Encode())})
}

// say appends what an upstream system says.
func (n *node) say(eventType string, data map[string]any) {
	n.said++
	family, _, _ := strings.Cut(eventType, ".")
	body := fmt.Appendf(nil, `{"specversion":"1.0","id":"e%d","source":%q,"type":%q,"time":"2026-11-01T00:00:00Z","data":%s}`,
		n.said, upstream, eventType, must(json.Marshal(data)))
	if n.edit != nil {
		if body = n.edit(n.said, body); body == nil {
			return
		}
	}
	n.append(record.Record{Subject: "ledger." + family + "." + upstream, Body: body})
}

// pass moves time over a Friday's cutoff.
func (n *node) pass(f events.Date) {
	n.now = n.calendar.Cutoff(f).UTC()
	n.own("clock/"+f.String(), &events.Clock{Friday: f})
}

// seal appends the seal of a Friday and its signature by the present key.
func (n *node) seal(f events.Date) {
	n.append(record.Record{Subject: events.SubjectSeal, Body: must(checkpoint.EncodeSeal(n.seals[f], n.calendar))})
	signed, is := n.published[f]
	if !is {
		h := treehead.Head{Origin: n.origin(), Size: n.records, Root: must(n.TreeRoot(n.records))}
		signed = signHead(h, n.origin(), n.keys[len(n.keys)-1])
	}
	n.append(record.Record{Subject: events.SubjectSeal, Body: must(checkpoint.EncodeSignature(f, signed, n.calendar))})
}

// rotate hands over to another key.
func (n *node) rotate(next ed25519.PrivateKey) {
	present := must(treehead.Signer(n.origin(), n.keys[len(n.keys)-1]))
	body, _, err := checkpoint.EncodeKeyChange(present, next.Public().(ed25519.PublicKey), n.now)
	n.append(record.Record{Subject: events.SubjectSeal, Body: must(body, err)})
	n.keys = append(n.keys, next)
}

func (n *node) origin() string { return treehead.Origin(n.id) }

func (n *node) vkey(key ed25519.PrivateKey) string {
	return must(treehead.KeyText(n.origin(), key.Public().(ed25519.PublicKey)))
}

// signHead has a head signed by a key, which may be somebody else's.
func signHead(h treehead.Head, name string, key ed25519.PrivateKey) []byte {
	return must(h.Sign(must(treehead.Signer(name, key))))
}

// week appends a week of what happens to cases.
func (n *node) week(dice *rand.Rand, cases int) {
	amount := func() string { return fmt.Sprintf("%d.%02d", dice.IntN(900), dice.IntN(100)) }
	names := []string{"José", "=1+1", "Ana María", "O'Neil", "李", "_x0041_", "van der Berg", " Blank"}
	for range cases * 4 {
		i := dice.IntN(cases)
		c, member, year := caseID(i), fmt.Sprint("M", dice.IntN(3)), 2026+dice.IntN(2)
		switch dice.IntN(9) {
		case 0, 1:
			n.say("consumer.household_recorded.v1", map[string]any{"case_id": c, "primary_contact": map[string]any{
				"first_name": names[dice.IntN(len(names))], "last_name": names[dice.IntN(len(names))], "phone": "(415) 555-0100", "date_of_birth": "1980-02-29",
			}, "address": map[string]any{"city": "Oakland", "zip": "00601"}})
		case 2, 3:
			n.say("consumer.member_recorded.v1", map[string]any{"case_id": c, "member_id": member, "first_name": names[dice.IntN(len(names))],
				"date_of_birth": []string{"1899-05-01", "2001-01-31", "1900-03-01"}[dice.IntN(3)], "ssn_last4": "7880", "applying": true})
		case 4:
			n.say("consumer.eligibility_determined.v1", map[string]any{"case_id": c, "member_id": member, "application_year": year,
				"program": "covered_california", "status": "eligible", "aptc_monthly": amount(), "verification_due_on": "2026-12-31"})
		case 5, 6:
			n.say("consumer.enrollment_recorded.v1", map[string]any{"case_id": c, "enrollment_id": fmt.Sprint("E", i), "application_year": year,
				"coverage_kind": "health", "member_ids": []string{member}, "carrier": "Kaiser", "status": "enrolled", "gross_premium": amount(), "net_premium": amount(), "coverage_start": "2026-01-01"})
		case 7:
			n.say("consumer.member_removed.v1", map[string]any{"case_id": c, "member_id": member}) // refused, now and then
		case 8:
			n.say("delegation.created.v1", map[string]any{"case_id": c, "agent_id": fmt.Sprint("A", 1+dice.IntN(2)), "via": "conversion"})
		}
	}
}
