package checkpoint_test

import (
	"bytes"
	"context"
	"crypto/ed25519"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"sync"
	"testing"

	"bookledger/events"
	"bookledger/events/record"
	"bookledger/events/record/treehead"
	"bookledger/projections/checkpoint"
)

// TestSeal holds that sealing a Friday seals those before it, that it is done
// once, and only when the past cannot change any more.
func TestSeal(t *testing.T) {
	l := begin(t, 4)
	if err := l.sealer(true).Seal(t.Context(), l.latest()); !errors.Is(err, checkpoint.ErrHistoryOpen) {
		t.Fatalf("while history is open: %v", err)
	}
	l.add(events.SubjectControl, "", "closed", &events.HistoryClosed{})
	if n := len(l.fridays()); n != 4 {
		t.Fatalf("%d Fridays have passed", n)
	}
	s := l.sealer(true)
	var told []string
	s.Sealed = func(seal events.Sealed, made bool) { told = append(told, fmt.Sprint(seal.Friday, made)) }
	for range 2 {
		if err := s.Seal(t.Context(), l.latest()); err != nil {
			t.Fatal(err)
		}
	}
	l.holdSeals()
	last := l.last()
	other := l.sealer(true) // of another run: it compares the newest
	other.Sealed = s.Sealed
	if err := other.Seal(t.Context(), l.latest()); err != nil || l.last() != last {
		t.Errorf("a Friday was sealed again (%v)", err)
	}
	if want := "[2026-10-30 true 2026-11-06 true 2026-11-13 true 2026-11-20 true 2026-11-20 false]"; fmt.Sprint(told) != want {
		t.Errorf("told was %v, want %s", told, want)
	}
	if err := s.Seal(t.Context(), 20200101); !errors.Is(err, checkpoint.ErrNoCheckpoint) {
		t.Errorf("a day without a book: %v", err)
	}
}

// TestNodes lets nodes of one journal seal at once: each Friday is sealed once,
// and signed by the one that has the key.
func TestNodes(t *testing.T) {
	l := closed(t, 3)
	var sealing sync.WaitGroup
	for n := range 3 {
		sealing.Go(func() {
			if err := l.sealer(n == 0).Seal(t.Context(), l.latest()); err != nil {
				t.Error(err)
			}
		})
	}
	sealing.Wait()
	l.holdSeals()
}

// TestSealedLater seals a ledger whose Fridays were sealed up to one by a node
// that went away before it could sign.
func TestSealedLater(t *testing.T) {
	l := closed(t, 3)
	gone, end := context.WithCancel(t.Context())
	s := l.sealer(false)
	s.Sealed = func(events.Sealed, bool) { end() }
	if err := s.Seal(gone, l.latest()); !errors.Is(err, context.Canceled) {
		t.Fatal(err)
	}
	if _, signatures, sealed, _ := l.replay(0).Seal(l.fridays()[0]); !sealed || len(signatures) > 0 {
		t.Fatalf("sealed %t with %d signatures", sealed, len(signatures))
	}
	if _, _, sealed, _ := l.replay(0).Seal(l.fridays()[1]); sealed {
		t.Fatal("it went on")
	}
	l.seal(l.latest())
	l.holdSeals()
}

// TestHandOver holds that seals are signed with the key to which the one of
// genesis has handed over, also twice, and that older signatures still hold.
func TestHandOver(t *testing.T) {
	l := closed(t, 4)
	for _, f := range l.fridays()[:3] {
		l.seal(f)
		for range 2 {
			present, err := l.sealer(true).Signer(l.treeKeys())
			if err != nil {
				t.Fatal(err)
			}
			next := key(byte(len(l.keys) + 1))
			event, vkey, err := checkpoint.EncodeKeyChange(present, next.Public().(ed25519.PublicKey), l.now)
			if err != nil {
				t.Fatal(err)
			}
			l.append(events.SubjectSeal, "", event)
			l.keys = append(l.keys, next)
			if want, _ := treehead.KeyText(present.Name(), next.Public().(ed25519.PublicKey)); vkey != want {
				t.Errorf("it hands over to %s, want %s", vkey, want)
			}
			if now, _ := l.sealer(true).Signer(l.treeKeys()); now.KeyHash() != l.treeKeys().Current().KeyHash() {
				t.Fatal("the present key is another")
			}
		}
	}
	l.seal(l.latest())
	l.holdSeals()
}

func (l *ledger) treeKeys() *treehead.Keys {
	l.Helper()
	keys, err := l.replay(0).Keys()
	if err != nil {
		l.Fatal(err)
	}
	return keys
}

// TestWitness holds that a witness's signature is recorded beside the ledger's
// own, and that a head of another ledger, tree or size is not.
func TestWitness(t *testing.T) {
	l := closed(t, 2)
	f := l.latest()
	l.seal(f)
	_, signatures, _, _ := l.replay(0).Seal(f)
	witness, err := treehead.Signer("witness.example", key(9))
	if err != nil {
		t.Fatal(err)
	}
	sign := func(change func(*treehead.Head)) []byte {
		h, err := treehead.OpenUnverified([]byte(signatures[0].Note))
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
	good := sign(func(*treehead.Head) {})
	for what, head := range map[string][]byte{
		"another ledger":         sign(func(h *treehead.Head) { h.Origin = "bookledger/other" }),
		"another root":           sign(func(h *treehead.Head) { h.Root[0]++ }),
		"a size before it":       sign(func(h *treehead.Head) { h.Size-- }),
		"a size that is to come": sign(func(h *treehead.Head) { h.Size += 100 }),
		"no note":                bytes.TrimSpace(good),
		"no signature":           good[:bytes.Index(good, []byte("\n\n"))+2],
	} {
		if err := l.sealer(true).AddSignature(t.Context(), f, head); !errors.Is(err, checkpoint.ErrForeignHead) {
			t.Errorf("%s: %v", what, err)
		}
	}
	if err := l.sealer(true).AddSignature(t.Context(), l.fridays()[0].AddDays(-7), good); !errors.Is(err, checkpoint.ErrForeignHead) {
		t.Errorf("of a Friday that is not sealed: %v", err)
	}
	if err := l.sealer(true).AddSignature(t.Context(), f, good); err != nil {
		t.Fatal(err)
	}
	if _, signatures, _, _ := l.replay(0).Seal(f); len(signatures) != 2 {
		t.Errorf("%d signatures", len(signatures))
	}
}

// TestDiffers holds that a seal which another has recorded, or a head of another
// tree that is signed with the ledger's own key, is told, and that nothing is
// signed beside it.
func TestDiffers(t *testing.T) {
	forge := func(l *ledger, f events.Date) ([]byte, error) {
		signer, err := l.sealer(true).Signer(l.treeKeys())
		if err != nil {
			return nil, err
		}
		forged, err := treehead.Head{Origin: signer.Name(), Size: 2, Root: [32]byte{1}}.Sign(signer)
		if err != nil {
			return nil, err
		}
		return checkpoint.EncodeSignature(f, forged, events.DefaultCalendar())
	}
	for what, c := range map[string]struct {
		make   func(l *ledger, f events.Date) ([]byte, error)
		signed int
	}{
		"a seal": {make: func(_ *ledger, f events.Date) ([]byte, error) {
			return checkpoint.EncodeSeal(events.Sealed{Friday: f, Boundary: 3, TreeSize: 3, Cases: 2, Rows: 2, Rules: 1,
				BookRoot: fmt.Sprintf("%064d", 1), TreeRoot: fmt.Sprintf("%064d", 2)}, events.DefaultCalendar())
		}},
		"a head": {make: forge, signed: 1},
	} {
		l := closed(t, 2)
		f := l.latest()
		event, err := c.make(l, f)
		if err != nil {
			t.Fatal(err)
		}
		l.append(events.SubjectSeal, "", event)
		if err := l.sealer(true).Seal(t.Context(), f); !errors.Is(err, checkpoint.ErrSealMismatch) {
			t.Errorf("%s: sealed with %v", what, err)
		}
		v, _ := l.view()
		if err := checkpoint.CompareSeals(v); !errors.Is(err, checkpoint.ErrSealMismatch) {
			t.Errorf("%s: compared with %v", what, err)
		}
		if _, signatures, _, _ := l.replay(0).Seal(f); len(signatures) != c.signed {
			t.Errorf("%s was signed", what)
		}
	}
}

// TestStuck holds that a Friday whose seal cannot stand is tried once, and keeps
// no other from being sealed and signed.
func TestStuck(t *testing.T) {
	l := closed(t, 3)
	stuck := l.fridays()[0]
	event, err := checkpoint.EncodeSeal(events.Sealed{Friday: stuck}, events.DefaultCalendar())
	if err != nil {
		t.Fatal(err)
	}
	event = bytes.Replace(event, []byte(events.TypeSealed), []byte("ledger.sealed.v2"), 1) // of a release to come
	l.append(events.SubjectSeal, "", event)
	s := l.sealer(true)
	if err := s.Seal(t.Context(), l.latest()); !errors.Is(err, checkpoint.ErrUnsealable) {
		t.Fatalf("sealed with %v", err)
	}
	last := l.last()
	if err := s.Seal(t.Context(), l.latest()); !errors.Is(err, checkpoint.ErrUnsealable) || l.last() != last {
		t.Fatalf("sealed again with %v", err)
	}
	for _, f := range l.fridays() {
		_, signatures, sealed, _ := l.replay(0).Seal(f)
		if other := f != stuck; sealed != other || len(signatures) == 1 != other {
			t.Errorf("Friday %s: sealed %t with %d signatures", f, sealed, len(signatures))
		}
	}
}

// TestChangedRecord holds that a replay tells a record in which something before
// a seal was changed, or a seal itself.
func TestChangedRecord(t *testing.T) {
	l := closed(t, 3)
	l.seal(l.latest())
	if err := l.replay(0).CompareSeals(); err != nil {
		t.Fatal(err)
	}
	asItWas := l.records
	for from, to := range map[string]string{
		`"case_id":"c0"`: `"case_id":"c7"`, `"agent_id":"A1"`: `"agent_id":"A2"`, `"cases":3`: `"cases":4`,
		`"tree_root":"[0-9a-f]{8}`: `"tree_root":"00000000`,
	} {
		l.records = slices.Clone(asItWas)
		changed := regexp.MustCompile(from)
		i := slices.IndexFunc(l.records, func(r record.Record) bool { return changed.Match(r.Body) })
		l.records[i].Body = changed.ReplaceAll(l.records[i].Body, []byte(to))
		if err := l.replay(0).CompareSeals(); !errors.Is(err, checkpoint.ErrSealMismatch) {
			t.Errorf("%s instead of %s: %v", to, from, err)
		}
	}
}
