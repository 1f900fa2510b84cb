package checkpoint_test

import (
	"context"
	"crypto/ed25519"
	"encoding/base64"
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"golang.org/x/mod/sumdb/note"

	"bookledger/events"
	"bookledger/events/record"
	"bookledger/events/record/treehead"
	"bookledger/projections/book"
	"bookledger/projections/checkpoint"
	"bookledger/projections/replay"
)

// ledger is a journal in memory with the keys of its seals, the newest last.
// Its clock starts on Tuesday, November 24, 2026; its history goes back some
// weeks.
type ledger struct {
	*testing.T
	mu      sync.Mutex
	records []record.Record
	now     time.Time
	keys    []ed25519.PrivateKey
}

func key(n byte) ed25519.PrivateKey {
	return ed25519.NewKeyFromSeed(slices.Repeat([]byte{n}, ed25519.SeedSize))
}

// newLedger returns a ledger with open history and one new case in each of the
// last weeks.
func newLedger(t *testing.T, weeks int) *ledger {
	l := &ledger{T: t, now: time.Date(2026, 11, 24, 12, 0, 0, 0, time.UTC), keys: []ed25519.PrivateKey{key(1)}}
	spec, err := events.NewCalendarSpec(events.DefaultCutoff)
	if err != nil {
		t.Fatal(err)
	}
	public := base64.StdEncoding.EncodeToString(l.keys[0].Public().(ed25519.PublicKey))
	l.add(events.SubjectGenesis, "", "genesis", &events.Genesis{LedgerID: "test", Calendar: spec, Rules: 1, SealKey: public})
	for i := range weeks {
		at := l.now.AddDate(0, 0, 7*(i-weeks)).Format(time.RFC3339Nano)
		l.add(events.HistorySubject("calheers"), at, fmt.Sprint("h", i),
			&events.DelegationCreated{Delegation: events.Delegation{CaseID: fmt.Sprint("c", i), AgentID: fmt.Sprint("A", i%2)}})
	}
	return l
}

// newClosedLedger is newLedger with history closed.
func newClosedLedger(t *testing.T, weeks int) *ledger {
	l := newLedger(t, weeks)
	l.add(events.SubjectControl, "", "closed", &events.HistoryClosed{})
	return l
}

func (l *ledger) add(subject, header, id string, data events.Data) {
	l.Helper()
	source := events.SourceLedger
	if events.IsHistory(subject) {
		source = "calheers"
	}
	body, err := events.Event{ID: id, Source: source, Type: events.TypeOf(data), Time: l.now, Data: data}.Encode()
	if err != nil {
		l.Fatal(err)
	}
	l.append(subject, header, body)
}

func (l *ledger) append(subject, header string, body []byte) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.now = l.now.Add(time.Second)
	l.records = append(l.records, record.Record{Seq: uint64(len(l.records) + 1), Stamped: l.now, Subject: subject, Header: header, Body: body})
}

func (l *ledger) last() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return len(l.records)
}

// replay replays the records, up to the cutoff of Friday upTo if it is not 0.
func (l *ledger) replay(upTo events.Date) *replay.Replay {
	l.mu.Lock()
	defer l.mu.Unlock()
	r := replay.New()
	for step, err := range r.Steps(l.records...) {
		if err != nil {
			l.Error(err)
		}
		if step.IsCutoff(upTo) {
			break
		}
	}
	return r
}

// view makes a replay a checkpoint.View.
type view struct {
	*replay.Replay
	ledger *ledger
}

func (v view) Close() error { return nil }

func (v view) Agents(ctx context.Context, w book.Week, workers int) (*checkpoint.AgentTree, error) {
	return checkpoint.NewAgentTree(ctx, v.ledger.replay(w.Friday).State(), v.Calendar(), w, workers)
}

func (l *ledger) view() (checkpoint.View, error) { return view{l.replay(0), l}, nil }

// sealer returns the sealer of a node with or without the ledger's keys.
func (l *ledger) sealer(hasKeys bool) *checkpoint.Sealer {
	return &checkpoint.Sealer{
		View: l.view,
		Record: func(_ context.Context, event []byte) error {
			l.append(events.SubjectSeal, "", event)
			return nil
		},
		Signer: func(keys *treehead.Keys) (note.Signer, error) {
			if !hasKeys {
				return nil, nil
			}
			return treehead.Signer(keys.Origin(), l.keys[len(l.keys)-1])
		},
	}
}

func (l *ledger) seal(f events.Date) {
	l.Helper()
	if err := l.sealer(true).Seal(l.Context(), f); err != nil {
		l.Fatal(err)
	}
}

func (l *ledger) fridays() (all []events.Date) {
	passed, _ := l.replay(0).Checkpoints()
	for _, c := range passed {
		all = append(all, c.Friday)
	}
	return all
}

func (l *ledger) latest() events.Date {
	all := l.fridays()
	return all[len(all)-1]
}

// checkSeals checks that every Friday has a seal, in order, that a replay up to
// the boundary yields the same seal, and that it has one signature by the key
// that was valid then.
func (l *ledger) checkSeals() {
	l.Helper()
	v, _ := l.view()
	keys, err := v.Keys()
	if err != nil {
		l.Fatal(err)
	}
	passed, _ := v.Checkpoints()
	before := uint64(0)
	for _, c := range passed {
		seal, signatures, sealed, _ := v.Seal(c.Friday)
		if !sealed || !c.Sealed || seal.Seq <= before || len(signatures) != 1 {
			l.Fatalf("Friday %s: got seal %+v after record %d with %d signatures, want one signature", c.Friday, seal, before, len(signatures))
		}
		before = seal.Seq
		books, err := v.Agents(l.Context(), c.Week, 2)
		if err != nil {
			l.Fatal(err)
		}
		root, err := l.replay(c.Friday).TreeRoot(c.Boundary)
		if err != nil {
			l.Fatal(err)
		}
		if want, err := c.SealOf(books, root, 1); err != nil || want != seal.Sealed {
			l.Errorf("Friday %s: got seal %+v, want %+v (%v)", c.Friday, seal.Sealed, want, err)
		}
		h, err := keys.Open([]byte(signatures[0].Note))
		if err != nil || h.Size < seal.Seq {
			l.Fatalf("Friday %s: got head %+v (%v), which does not cover the seal", c.Friday, h, err)
		}
		if root, err := v.TreeRoot(h.Size); err != nil || root != h.Root {
			l.Errorf("Friday %s: the signed head is of another tree (%v)", c.Friday, err)
		}
	}
}
