package proof_test

import (
	"bytes"
	"context"
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"bookledger/events"
	"bookledger/events/record"
	"bookledger/events/record/treehead"
	"bookledger/exporter/proof"
	"bookledger/projections/book"
	"bookledger/projections/checkpoint"
	"bookledger/projections/replay"
)

const (
	ledgerID = "L-1"
	agentID  = "A1"
	emptyID  = "A9" // an agent without consumers
	calheers = "calheers"
)

var fridays = []events.Date{20261106, 20261113, 20261120}

// ledger is a ledger in the making: its records, as a node would append them.
type ledger struct {
	tb       testing.TB
	records  []record.Record
	now      time.Time
	keys     []ed25519.PrivateKey // the last is the present one
	id       string
	calendar *events.Calendar
}

func private(n byte) ed25519.PrivateKey {
	seed := sha256.Sum256([]byte{n})
	return ed25519.NewKeyFromSeed(seed[:])
}

func newLedger(tb testing.TB, id string, key ed25519.PrivateKey) *ledger {
	tb.Helper()
	l := &ledger{tb: tb, id: id, keys: []ed25519.PrivateKey{key}, calendar: events.DefaultCalendar(), now: time.Date(2026, 11, 2, 16, 0, 0, 0, time.UTC)}
	spec, err := events.NewCalendarSpec(events.DefaultCutoff)
	if err != nil {
		tb.Fatal(err)
	}
	l.own("genesis", &events.Genesis{LedgerID: id, Calendar: spec, Rules: 1, SealKey: base64.StdEncoding.EncodeToString(key.Public().(ed25519.PublicKey))})
	return l
}

func (l *ledger) append(subject string, body []byte) uint64 {
	l.now = l.now.Add(time.Second)
	l.records = append(l.records, record.Record{Seq: uint64(len(l.records)) + 1, Stamped: l.now, Subject: subject, Body: body})
	return uint64(len(l.records))
}

func (l *ledger) own(id string, data events.Data) {
	l.tb.Helper()
	e := events.Event{ID: id, Source: events.SourceLedger, Type: events.TypeOf(data), Time: l.now, Data: data}
	body, err := e.Encode()
	if err != nil {
		l.tb.Fatal(err)
	}
	l.append(e.Subject(), body)
}

// say appends what an upstream system says.
func (l *ledger) say(eventType string, data map[string]any) {
	l.tb.Helper()
	text, err := json.Marshal(data)
	if err != nil {
		l.tb.Fatal(err)
	}
	family := eventType[:bytes.IndexByte([]byte(eventType), '.')]
	l.append("ledger."+family+"."+calheers, fmt.Appendf(nil,
		`{"specversion":"1.0","id":"e%d","source":%q,"type":%q,"time":"2026-11-01T00:00:00Z","data":%s}`, len(l.records), calheers, eventType, text))
}

// replay replays what there is.
func (l *ledger) replay(dump *bytes.Buffer, onFriday func(*replay.Replay, checkpoint.Checkpoint) error) *replay.Replay {
	l.tb.Helper()
	r := replay.New()
	if onFriday != nil {
		r.OnCheckpoint(func(f checkpoint.Checkpoint) error { return onFriday(r, f) })
	}
	if dump != nil {
		r.OnJudged(func(rec *record.Decoded, v replay.Verdict) error {
			dump.Write(rec.AppendLine(nil, v.Recorded))
			return nil
		})
	}
	for i := range l.records {
		if _, err := r.Apply(&l.records[i]); err != nil {
			l.tb.Fatal(err)
		}
	}
	return r
}

// dump writes the record as NDJSON.
func (l *ledger) dump() []byte {
	var out bytes.Buffer
	l.replay(&out, nil)
	return out.Bytes()
}

// pass moves time over a Friday's cutoff.
func (l *ledger) pass(f events.Date) {
	l.now = l.calendar.Cutoff(f).UTC()
	l.own("clock/"+f.String(), &events.Clock{Friday: f})
}

// sealOf computes the seal of a Friday.
func (l *ledger) sealOf(f events.Date) events.Sealed {
	l.tb.Helper()
	var seal events.Sealed
	l.replay(nil, func(r *replay.Replay, c checkpoint.Checkpoint) error {
		if c.Friday != f {
			return nil
		}
		agents, err := checkpoint.AgentsOf(context.Background(), r.State(), r.Calendar(), c.Week, 2)
		if err != nil {
			return err
		}
		root, err := r.TreeRoot(c.Boundary)
		if err != nil {
			return err
		}
		seal, err = c.SealOf(agents, root, 1)
		return err
	})
	return seal
}

// seal appends the seal of a Friday and its signature by the present key.
func (l *ledger) seal(f events.Date) {
	l.tb.Helper()
	body, err := checkpoint.EncodeSeal(l.sealOf(f), l.calendar)
	if err != nil {
		l.tb.Fatal(err)
	}
	l.append(events.SubjectSeal, body)
	l.sign(f, l.head(l.keys[len(l.keys)-1]))
}

// head signs the record as it is now.
func (l *ledger) head(key ed25519.PrivateKey) []byte {
	l.tb.Helper()
	size := uint64(len(l.records))
	root, err := l.replay(nil, nil).TreeRoot(size)
	if err != nil {
		l.tb.Fatal(err)
	}
	return l.signHead(treehead.Head{Origin: treehead.Origin(l.id), Size: size, Root: root}, key)
}

func (l *ledger) signHead(h treehead.Head, key ed25519.PrivateKey) []byte {
	l.tb.Helper()
	signer, err := treehead.Signer(treehead.Origin(l.id), key)
	if err != nil {
		l.tb.Fatal(err)
	}
	signed, err := h.Sign(signer)
	if err != nil {
		l.tb.Fatal(err)
	}
	return signed
}

func (l *ledger) sign(f events.Date, signed []byte) {
	l.tb.Helper()
	body, err := checkpoint.EncodeSignature(f, signed, l.calendar)
	if err != nil {
		l.tb.Fatal(err)
	}
	l.append(events.SubjectSeal, body)
}

// rotate hands over to another key.
func (l *ledger) rotate(next ed25519.PrivateKey) {
	l.tb.Helper()
	signer, err := treehead.Signer(treehead.Origin(l.id), l.keys[len(l.keys)-1])
	if err != nil {
		l.tb.Fatal(err)
	}
	body, _, err := checkpoint.HandOver(signer, next.Public().(ed25519.PublicKey), l.now)
	if err != nil {
		l.tb.Fatal(err)
	}
	l.append(events.SubjectSeal, body)
	l.keys = append(l.keys, next)
}

func (l *ledger) vkey(key ed25519.PrivateKey) string {
	l.tb.Helper()
	text, err := treehead.KeyText(treehead.Origin(l.id), key.Public().(ed25519.PublicKey))
	if err != nil {
		l.tb.Fatal(err)
	}
	return text
}

func id(n int) string { return fmt.Sprint(5000032500 + n) }

// week appends a week of what happens to cases.
func (l *ledger) week(dice *rand.Rand, cases int) {
	amount := func() string { return fmt.Sprintf("%d.%02d", dice.IntN(900), dice.IntN(100)) }
	names := []string{"José", "=1+1", "Ana María", "O'Neil", "李", "_x0041_", "van der Berg", " Blank"}
	for range cases * 4 {
		n := dice.IntN(cases)
		c, member, year := id(n), fmt.Sprint("M", dice.IntN(3)), 2026+dice.IntN(2)
		switch dice.IntN(9) {
		case 0, 1:
			l.say("consumer.household_recorded.v1", map[string]any{"case_id": c, "primary_contact": map[string]any{
				"first_name": names[dice.IntN(len(names))], "last_name": names[dice.IntN(len(names))], "phone": "(415) 555-0100", "date_of_birth": "1980-02-29",
			}, "address": map[string]any{"city": "Oakland", "zip": "00601"}})
		case 2, 3:
			l.say("consumer.member_recorded.v1", map[string]any{"case_id": c, "member_id": member, "first_name": names[dice.IntN(len(names))],
				"date_of_birth": []string{"1899-05-01", "2001-01-31", "1900-03-01"}[dice.IntN(3)], "ssn_last4": "7880", "applying": true})
		case 4:
			l.say("consumer.eligibility_determined.v1", map[string]any{"case_id": c, "member_id": member, "application_year": year,
				"program": "covered_california", "status": "eligible", "aptc_monthly": amount(), "verification_due_on": "2026-12-31"})
		case 5, 6:
			l.say("consumer.enrollment_recorded.v1", map[string]any{"case_id": c, "enrollment_id": fmt.Sprint("E", n), "application_year": year,
				"coverage_kind": "health", "member_ids": []string{member}, "carrier": "Kaiser", "status": "enrolled", "gross_premium": amount(), "net_premium": amount(), "coverage_start": "2026-01-01"})
		case 7:
			l.say("consumer.member_removed.v1", map[string]any{"case_id": c, "member_id": member}) // refused, now and then
		case 8:
			l.say("delegation.created.v1", map[string]any{"case_id": c, "agent_id": fmt.Sprint("A", 1+dice.IntN(2)), "via": "conversion"})
		}
	}
}

// sample is a ledger of three sealed weeks, the middle one with another key,
// and some records after them.
func sample(tb testing.TB) *ledger { return sampleOf(tb, ledgerID, private(1), 12) }

func sampleOf(tb testing.TB, id0 string, key ed25519.PrivateKey, cases int) *ledger {
	tb.Helper()
	l := newLedger(tb, id0, key)
	dice := rand.New(rand.NewPCG(1, 2))
	for i, name := range []string{"Silver", "Golden"} {
		body := fmt.Appendf(nil, `{"specversion":"1.0","id":"h%d","source":%q,"type":"agency.registered.v1","time":"2026-11-01T00:00:00Z","data":{"agency_id":"G2","name":%q}}`, i, calheers, name)
		l.append(events.HistorySubject(calheers), body)
		l.records[len(l.records)-1].Header = fmt.Sprintf("2026-11-01T0%d:00:00-08:00", i)
	}
	l.say("agency.agency_registered.v1", nil) // of a type that there is not
	l.say("agency.registered.v1", map[string]any{"agency_id": "G1", "name": "Golden State Insurance"})
	for _, a := range []string{agentID, "A2", "A3", emptyID} {
		l.say("agency.agent_certified.v1", map[string]any{"agent_id": a, "agency_id": "G1", "first_name": "Ann", "last_name": a, "license_number": "0A1"})
	}
	for n := range cases {
		l.say("delegation.created.v1", map[string]any{"case_id": id(n), "agent_id": fmt.Sprint("A", 1+n%2), "via": "conversion"})
	}
	l.say("delegation.created.v1", map[string]any{"case_id": id(900), "agent_id": "A3", "via": "conversion"}) // the one row of A3
	for i, f := range fridays {
		l.week(dice, cases)
		l.pass(f)
		l.seal(f)
		if i == 0 {
			l.rotate(private(2))
		}
	}
	l.week(dice, cases)
	return l
}

// file writes a text into a new file.
func file(tb testing.TB, text []byte) string {
	tb.Helper()
	path := filepath.Join(tb.TempDir(), "file")
	if err := os.WriteFile(path, text, 0o600); err != nil {
		tb.Fatal(err)
	}
	return path
}

// bundle makes a bundle and returns its folder.
func bundle(tb testing.TB, dump []byte, q proof.Request) string {
	tb.Helper()
	folder, err := tryBundle(tb, dump, q)
	if err != nil {
		tb.Fatal(err)
	}
	return folder
}

func tryBundle(tb testing.TB, dump []byte, q proof.Request) (string, error) {
	tb.Helper()
	q.Journal, q.Out = file(tb, dump), filepath.Join(tb.TempDir(), "bundle")
	if q.Kind == "" {
		q.Kind = proof.Whole
	}
	if q.Agent == "" {
		q.Agent = agentID
	}
	if q.Friday == 0 {
		q.Friday = fridays[2]
	}
	return q.Out, proof.Make(context.Background(), q)
}

// remake makes the manifest of a bundle fit its files again, as whoever
// tampers with it would.
func remake(tb testing.TB, folder string) {
	tb.Helper()
	path := filepath.Join(folder, "bundle.json")
	var m struct {
		Version  int    `json:"version"`
		Kind     string `json:"kind"`
		LedgerID string `json:"ledger_id"`
		Agent    string `json:"agent"`
		Friday   string `json:"friday"`
		Exporter string `json:"exporter,omitempty"`
		Files    []struct {
			Name   string `json:"name"`
			Bytes  int    `json:"bytes"`
			SHA256 string `json:"sha256"`
		} `json:"files"`
	}
	if err := json.Unmarshal(read(tb, path), &m); err != nil {
		tb.Fatal(err)
	}
	for i := range m.Files {
		text := read(tb, filepath.Join(folder, m.Files[i].Name))
		sum := sha256.Sum256(text)
		m.Files[i].Bytes, m.Files[i].SHA256 = len(text), hex.EncodeToString(sum[:])
	}
	text, err := json.MarshalIndent(m, "", "  ")
	if err != nil {
		tb.Fatal(err)
	}
	write(tb, path, append(text, '\n'))
}

func read(tb testing.TB, path string) []byte {
	tb.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		tb.Fatal(err)
	}
	return text
}

func write(tb testing.TB, path string, text []byte) {
	tb.Helper()
	if err := os.WriteFile(path, text, 0o600); err != nil {
		tb.Fatal(err)
	}
}

// copied copies a bundle.
func copied(tb testing.TB, folder string) string {
	tb.Helper()
	to := tb.TempDir()
	if err := os.CopyFS(to, os.DirFS(folder)); err != nil {
		tb.Fatal(err)
	}
	return to
}

func names(tb testing.TB, folder string) (all []string) {
	tb.Helper()
	entries, err := os.ReadDir(folder)
	if err != nil {
		tb.Fatal(err)
	}
	for _, e := range entries {
		all = append(all, e.Name())
	}
	slices.Sort(all)
	return all
}

func verify(folder string) error {
	_, err := proof.Verify(context.Background(), folder, proof.Options{})
	return err
}

// detail is what tests ask of the book of agentID as of the last Friday.
type detail struct {
	caseID, member string // a row of it
	year           int
	several        string // a case with several rows
}

func (l *ledger) detail() (d detail) {
	l.tb.Helper()
	l.replay(nil, func(r *replay.Replay, c checkpoint.Checkpoint) error {
		if c.Friday != fridays[2] {
			return nil
		}
		b, err := book.ForAgent(context.Background(), r.State(), r.Calendar(), c.Week, agentID)
		if err != nil {
			return err
		}
		rows := map[string]int{}
		for i := range b.Rows {
			k := b.Rows[i].Key()
			if rows[k.CaseID]++; rows[k.CaseID] > 1 {
				d.several = k.CaseID
			}
			if b.Rows[i].Health != nil && k.Year > 0 {
				d.caseID, d.member, d.year = k.CaseID, k.MemberID, k.Year
			}
		}
		return nil
	})
	if d.caseID == "" || d.several == "" {
		l.tb.Fatal("the sample has no such rows")
	}
	return d
}
