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

// ledger is a journal in memory, and the keys of its seals, the newest last. It
// is Tuesday, 24 November 2026, and its history has begun some weeks before.
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

// begin begins a ledger with a case in each of some weeks of its history, which
// is open.
func begin(t *testing.T, weeks int) *ledger {
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

// closed begins a ledger as begin does, with its history closed.
func closed(t *testing.T, weeks int) *ledger {
	l := begin(t, weeks)
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

// replay replays the records, up to the boundary of a Friday if one is named.
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

// view is a replay as a checkpoint.View.
type view struct {
	*replay.Replay
	of *ledger
}

func (v view) Close() error { return nil }

func (v view) Agents(ctx context.Context, w book.Week, workers int) (*checkpoint.AgentTree, error) {
	return checkpoint.NewAgentTree(ctx, v.of.replay(w.Friday).State(), v.Calendar(), w, workers)
}

func (l *ledger) view() (checkpoint.View, error) { return view{l.replay(0), l}, nil }

// sealer is that of a node, which has the keys or has not.
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

// holdSeals holds that every Friday has a seal, in order, which a replay of the
// record up to the boundary makes too, and one signature by the key of its time.
func (l *ledger) holdSeals() {
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
			l.Fatalf("Friday %s: the seal is %+v, after record %d, with %d signatures", c.Friday, seal, before, len(signatures))
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
			l.Errorf("Friday %s: sealed was %+v, the record makes %+v (%v)", c.Friday, seal.Sealed, want, err)
		}
		h, err := keys.Open([]byte(signatures[0].Note))
		if err != nil || h.Size < seal.Seq {
			l.Fatalf("Friday %s: signed is %+v (%v)", c.Friday, h, err)
		}
		if root, err := v.TreeRoot(h.Size); err != nil || root != h.Root {
			l.Errorf("Friday %s: signed was another tree (%v)", c.Friday, err)
		}
	}
}
