package sealer_test

import (
	"bytes"
	"context"
	"crypto/ed25519"
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/nats-io/nats-server/v2/server"

	"bookledger/cmd/internal/node"
	"bookledger/cmd/internal/sealer"
	"bookledger/events"
	"bookledger/events/journal"
	"bookledger/events/record"
	"bookledger/events/record/treehead"
	"bookledger/projections/checkpoint"
	"bookledger/projections/replay"
)

// testNode is a testNode of a ledger, which follows it as far as it is asked to.
type testNode struct {
	*testing.T
	ledger *node.Node
	sealer *sealer.Sealer
}

func open(t *testing.T, url string) *testNode {
	t.Helper()
	clearOfCutoff(t)
	l, err := node.Open(t.Context(), node.Options{Dir: t.TempDir(), Create: true, URL: url})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := l.Close(); err != nil {
			t.Error(err)
		}
	})
	n := &testNode{T: t, ledger: l}
	n.sealer = sealer.New(sealer.Options{Node: l, Reach: func(ctx context.Context, _ uint64) error { return l.CatchUp(ctx) }})
	n.catchUp()
	return n
}

// clearOfCutoff waits where a week is about to end: a cutoff in the midst of a test
// brings another Friday.
func clearOfCutoff(t testing.TB) {
	t.Helper()
	c := events.DefaultCalendar()
	if left := time.Until(c.Cutoff(c.FridayOf(time.Now()))); left < time.Minute {
		t.Logf("the week ends in %v, which is waited for", left)
		time.Sleep(left + time.Second)
	}
}

func (n *testNode) catchUp() {
	n.Helper()
	if err := n.ledger.CatchUp(n.Context()); err != nil {
		n.Fatal(err)
	}
}

func (n *testNode) append(m journal.Message) {
	n.Helper()
	if _, err := n.ledger.Journal.Append(n.Context(), []journal.Message{m}); err != nil {
		n.Fatal(err)
	}
	n.catchUp()
}

// load loads a case every eighth day as history, for some weeks before now: a
// cutoff has passed since each, also in the week that has an hour more.
func (n *testNode) load(weeks int) {
	n.Helper()
	now := time.Now()
	for i := range weeks {
		body, err := events.Event{
			ID: fmt.Sprint("h", i), Source: "calheers", Type: events.TypeDelegationCreated, Time: now,
			Data: &events.DelegationCreated{Delegation: events.Delegation{CaseID: fmt.Sprint("c", i), AgentID: fmt.Sprint("A", i%2)}},
		}.Encode()
		if err != nil {
			n.Fatal(err)
		}
		at := now.AddDate(0, 0, 8*(i-weeks))
		n.append(journal.Message{Subject: events.HistorySubject("calheers"), Recorded: at.UTC().Format(time.RFC3339Nano), Body: body})
	}
}

func (n *testNode) closeHistory() {
	n.Helper()
	body, err := events.Event{ID: "close", Source: events.SourceLedger, Type: events.TypeHistoryClosed, Time: time.Now(), Data: &events.HistoryClosed{}}.Encode()
	if err != nil {
		n.Fatal(err)
	}
	n.append(journal.Message{Subject: events.SubjectControl, Body: body})
}

func (n *testNode) fridays() []checkpoint.Checkpoint {
	n.Helper()
	v, err := n.ledger.Projection.View()
	if err != nil {
		n.Fatal(err)
	}
	all, err := v.Checkpoints()
	if err = errors.Join(err, v.Close()); err != nil {
		n.Fatal(err)
	}
	return all
}

func (n *testNode) latest() events.Date {
	n.Helper()
	all := n.fridays()
	return all[len(all)-1].Friday
}

func (n *testNode) last() uint64 {
	n.Helper()
	last, err := n.ledger.Journal.Last(n.Context())
	if err != nil {
		n.Fatal(err)
	}
	return last
}

func (n *testNode) seal(f events.Date) {
	n.Helper()
	if err := n.sealer.Seal(n.Context(), f); err != nil {
		n.Fatal(err)
	}
}

// dump returns the journal as NDJSON.
func (n *testNode) dump() []byte {
	n.Helper()
	var dump bytes.Buffer
	err := n.ledger.Journal.Read(n.Context(), 0, n.last(), func(records []record.Record) error {
		for i := range records {
			dump.Write(records[i].AppendLine(nil, time.Time{}))
		}
		return nil
	})
	if err != nil {
		n.Fatal(err)
	}
	return dump.Bytes()
}

// replay replays a dump of the journal.
func (n *testNode) replay() *replay.Replay {
	n.Helper()
	r := replay.New()
	if err := r.Dump(n.Context(), bytes.NewReader(n.dump()), nil); err != nil {
		n.Fatal(err)
	}
	return r
}

// holdSeals holds that every Friday has a seal, in order, which a replay of the
// record up to the boundary makes too, and a signature by the key of its time.
func (n *testNode) holdSeals() *replay.Replay {
	n.Helper()
	all := n.replay()
	keys, err := all.Keys()
	if err != nil {
		n.Fatal(err)
	}
	before := uint64(0)
	for _, f := range all.Checkpoints() {
		day := f.Friday
		seal, signatures, sealed := all.Seal(day)
		if !sealed || !f.Sealed || seal.Seq <= before {
			n.Fatalf("Friday %s: the seal is %+v, after record %d", day, seal, before)
		}
		before = seal.Seq
		books, err := checkpoint.AgentsOf(n.Context(), n.upTo(day).State(), all.Calendar(), f.Week, 2)
		if err != nil {
			n.Fatal(err)
		}
		root, err := all.TreeRoot(f.Boundary)
		if err != nil {
			n.Fatal(err)
		}
		if want, err := f.SealOf(books, root, 1); err != nil || want != seal.Sealed {
			n.Errorf("Friday %s: sealed was %+v, the record makes %+v (%v)", day, seal.Sealed, want, err)
		}
		n.holdSignature(all, keys, seal, signatures)
	}
	return all
}

func (n *testNode) holdSignature(all *replay.Replay, keys *treehead.Keys, seal checkpoint.Seal, signatures []checkpoint.Signature) {
	n.Helper()
	if len(signatures) != 1 {
		n.Fatalf("Friday %s has %d signatures", seal.Friday, len(signatures))
	}
	h, _, err := keys.Open([]byte(signatures[0].Note))
	if err != nil || h.Size < seal.Seq {
		n.Fatalf("Friday %s: %+v (%v)", seal.Friday, h, err)
	}
	if root, err := all.TreeRoot(h.Size); err != nil || root != h.Root {
		n.Errorf("Friday %s: signed was another tree (%v)", seal.Friday, err)
	}
}

// upTo replays the record up to a Friday's boundary.
func (n *testNode) upTo(f events.Date) *replay.Replay {
	n.Helper()
	r := replay.New()
	r.StopAfter(f)
	if err := r.Dump(n.Context(), bytes.NewReader(n.dump()), nil); err != nil {
		n.Fatal(err)
	}
	return r
}

// TestChangedDump holds that a replay tells a dump in which something before a
// seal was changed, or a seal itself.
func TestChangedDump(t *testing.T) {
	n := open(t, "")
	n.load(3)
	n.closeHistory()
	n.seal(n.latest())
	dump := n.dump()
	if err := n.replay().CompareSeals(); err != nil {
		t.Fatal(err)
	}
	for what, change := range map[string][2]string{
		"another case":    {`"case_id":"c0"`, `"case_id":"c7"`},
		"another agent":   {`"agent_id":"A1"`, `"agent_id":"A2"`},
		"a seal's root":   {`"tree_root":"`},
		"a seal's counts": {`"cases":3`, `"cases":4`},
	} {
		changed := bytes.Replace(dump, []byte(change[0]), []byte(change[1]), 1)
		if what == "a seal's root" { // as long as before
			at := bytes.Index(dump, []byte(change[0])) + len(change[0])
			changed = bytes.Clone(dump)
			changed[at] = "0123456789abcdef"[(bytes.IndexByte([]byte("0123456789abcdef"), dump[at])+1)%16]
		}
		if bytes.Equal(changed, dump) {
			t.Fatalf("%s: nothing was changed", what)
		}
		r := replay.New()
		if err := r.Dump(t.Context(), bytes.NewReader(changed), nil); err != nil {
			t.Fatal(err)
		}
		if err := r.CompareSeals(); !errors.Is(err, checkpoint.ErrDiffers) {
			t.Errorf("%s: %v", what, err)
		}
	}
}

// TestSeal holds that sealing a Friday seals those before it, that it is done
// once, and only when the past cannot change any more.
func TestSeal(t *testing.T) {
	n := open(t, "")
	n.load(4)
	if err := n.sealer.Seal(t.Context(), n.latest()); !errors.Is(err, sealer.ErrHistoryOpen) {
		t.Fatalf("while history is open: %v", err)
	}
	n.closeHistory()
	n.seal(n.latest())
	if got := n.holdSeals(); len(got.Checkpoints()) < 4 {
		t.Fatalf("%d Fridays", len(got.Checkpoints()))
	}
	last := n.last()
	n.seal(n.latest())
	n.sealer = sealer.New(sealer.Options{Node: n.ledger, Reach: func(context.Context, uint64) error { return errors.New("nothing is to be reached") }})
	n.seal(n.latest()) // by another run
	if n.last() != last {
		t.Error("a Friday was sealed again")
	}
	if err := n.sealer.Seal(t.Context(), 20200101); !errors.Is(err, checkpoint.ErrNone) {
		t.Errorf("a day without a book: %v", err)
	}
}

// TestChangeKey holds that seals are signed with the key to which the one of
// genesis has handed over, also twice, and that older signatures still hold.
func TestChangeKey(t *testing.T) {
	n := open(t, "")
	n.load(4)
	n.closeHistory()
	fridays := n.fridays()
	for _, f := range fridays[:3] {
		n.seal(f.Friday)
		for range 2 {
			keys, err := n.replay().Keys()
			if err != nil {
				t.Fatal(err)
			}
			vkey, _, err := n.ledger.ChangeKey(t.Context(), keys)
			if err != nil {
				t.Fatal(err)
			}
			n.catchUp()
			after, err := n.replay().Keys()
			if err != nil || after.Current().KeyHash() == keys.Current().KeyHash() || vkey == "" {
				t.Fatalf("the key is still %x (%v)", after.Current().KeyHash(), err)
			}
		}
	}
	n.seal(n.latest())
	n.holdSeals()
}

// TestWitness holds that a witness's signature is recorded beside the ledger's
// own, and that a head of another ledger, tree or size is not.
func TestWitness(t *testing.T) {
	n := open(t, "")
	n.load(2)
	n.closeHistory()
	f := n.latest()
	n.seal(f)
	heads, err := n.sealer.Heads(f)
	if err != nil || len(heads) != 1 {
		t.Fatal(heads, err)
	}
	_, private, err := ed25519.GenerateKey(nil)
	if err != nil {
		t.Fatal(err)
	}
	witness, err := treehead.Signer("witness.example", private)
	if err != nil {
		t.Fatal(err)
	}
	sign := func(change func(*treehead.Head)) []byte {
		h, err := treehead.Unverified([]byte(heads[0]))
		if err != nil {
			t.Fatal(err)
		}
		change(&h)
		signed, err := h.Sign(witness)
		if err != nil {
			t.Fatal(err)
		}
		return signed
	}
	for what, change := range map[string]func(*treehead.Head){
		"another ledger":         func(h *treehead.Head) { h.Origin = "bookledger/other" },
		"another root":           func(h *treehead.Head) { h.Root[0]++ },
		"a size before it":       func(h *treehead.Head) { h.Size -= 1 },
		"a size that is to come": func(h *treehead.Head) { h.Size += 100 },
	} {
		if err := n.sealer.Witness(t.Context(), f, sign(change)); !errors.Is(err, sealer.ErrOtherHead) {
			t.Errorf("%s: %v", what, err)
		}
	}
	if err := n.sealer.Witness(t.Context(), f, sign(func(*treehead.Head) {})); err != nil {
		t.Fatal(err)
	}
	if _, signatures, _ := n.replay().Seal(f); len(signatures) != 2 {
		t.Errorf("%d signatures", len(signatures))
	}
}

// TestDiffers holds that a seal which another has recorded and which is not
// what the record makes is told, and not signed.
func TestDiffers(t *testing.T) {
	n := open(t, "")
	n.load(2)
	n.closeHistory()
	fridays := n.fridays()
	f := fridays[len(fridays)-1]
	wrong := events.Sealed{Friday: f.Friday, Boundary: int(f.Boundary), TreeSize: int(f.Boundary), Cases: int(f.Cases), Rows: int(f.Rows), Rules: 1,
		BookRoot: fmt.Sprintf("%064d", 1), TreeRoot: fmt.Sprintf("%064d", 2)}
	body, err := checkpoint.EncodeSeal(wrong, events.DefaultCalendar())
	if err != nil {
		t.Fatal(err)
	}
	n.append(journal.Message{Subject: events.SubjectSeal, Body: body})
	following, end := context.WithCancel(t.Context())
	defer end()
	followed := make(chan error, 1)
	go func() { followed <- n.ledger.Follow(following) }()
	var raised error
	n.sealer.Run(t.Context(), func(err error) { raised = err })
	end()
	if err := <-followed; !errors.Is(err, context.Canceled) {
		t.Fatal(err)
	}
	if !errors.Is(raised, checkpoint.ErrDiffers) {
		t.Fatalf("raised was %v", raised)
	}
	if _, signatures, _ := n.replay().Seal(wrong.Friday); len(signatures) != 0 {
		t.Error("it was signed")
	}
}

// TestForgedHead holds that a head of another tree, signed with the ledger's own
// key, is told, and does not pass for the signature of a seal.
func TestForgedHead(t *testing.T) {
	n := open(t, "")
	n.load(2)
	n.closeHistory()
	f := n.latest()
	keys, err := n.replay().Keys()
	if err != nil {
		t.Fatal(err)
	}
	signer, err := n.ledger.Signer(keys)
	if err != nil {
		t.Fatal(err)
	}
	forged, err := treehead.Head{Origin: keys.Origin(), Size: 2, Root: [32]byte{1}}.Sign(signer)
	if err != nil {
		t.Fatal(err)
	}
	body, err := checkpoint.EncodeSignature(f, forged, events.DefaultCalendar())
	if err != nil {
		t.Fatal(err)
	}
	n.append(journal.Message{Subject: events.SubjectSeal, Body: body})
	if err := n.sealer.Seal(t.Context(), f); !errors.Is(err, checkpoint.ErrDiffers) {
		t.Errorf("sealed with %v", err)
	}
	if err := n.sealer.Compare(); !errors.Is(err, checkpoint.ErrDiffers) {
		t.Errorf("compared with %v", err)
	}
}

// TestStuck holds that a Friday whose seal cannot stand is tried once, and keeps
// no other from being sealed and signed.
func TestStuck(t *testing.T) {
	n := open(t, "")
	n.load(3)
	n.closeHistory()
	fridays := n.fridays()
	stuck := fridays[0].Friday
	body, err := checkpoint.EncodeSeal(events.Sealed{Friday: stuck}, events.DefaultCalendar())
	if err != nil {
		t.Fatal(err)
	}
	body = bytes.Replace(body, []byte(events.TypeSealed), []byte("ledger.sealed.v2"), 1) // of a release to come
	n.append(journal.Message{Subject: events.SubjectSeal, Body: body})
	if err := n.sealer.Seal(t.Context(), n.latest()); !errors.Is(err, sealer.ErrUnsealable) {
		t.Fatalf("sealed with %v", err)
	}
	last := n.last()
	if err := n.sealer.Seal(t.Context(), n.latest()); !errors.Is(err, sealer.ErrUnsealable) {
		t.Fatalf("sealed again with %v", err)
	}
	if n.last() != last {
		t.Error("it was recorded again")
	}
	for _, f := range n.fridays() {
		_, signatures, sealed := n.replay().Seal(f.Friday)
		if other := f.Friday != stuck; sealed != other || len(signatures) == 1 != other {
			t.Errorf("Friday %s: sealed %t with %d signatures", f.Friday, sealed, len(signatures))
		}
	}
}

// TestNodes lets three nodes of one journal seal at once: each Friday is sealed
// once, and signed by the one that has the key.
func TestNodes(t *testing.T) {
	s, err := server.NewServer(&server.Options{
		Host: "127.0.0.1", Port: -1, JetStream: true, StoreDir: t.TempDir(), SyncAlways: true, MaxPayload: events.MaxMessage, NoSigs: true, NoLog: true,
	})
	if err != nil {
		t.Fatal(err)
	}
	s.Start()
	if !s.ReadyForConnections(2 * time.Minute) {
		t.Fatal("the server is not ready")
	}
	t.Cleanup(func() { s.Shutdown(); s.WaitForShutdown() })
	first := open(t, s.ClientURL())
	first.load(3)
	first.closeHistory()
	nodes := []*testNode{first, open(t, s.ClientURL()), open(t, s.ClientURL())}
	var sealing sync.WaitGroup
	for _, n := range nodes {
		sealing.Go(func() {
			if err := n.sealer.Seal(t.Context(), first.latest()); err != nil {
				t.Error(err)
			}
		})
	}
	sealing.Wait()
	for _, n := range nodes {
		n.catchUp()
		n.holdSeals()
	}
}
