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

// TestSeal checks that sealing a Friday first seals the earlier ones, that each is
// sealed once, and that nothing is sealed while history is open.
func TestSeal(t *testing.T) {
	l := newLedger(t, 4)
	if err := l.sealer(true).Seal(t.Context(), l.latest()); !errors.Is(err, checkpoint.ErrHistoryOpen) {
		t.Fatalf("while history is open: got %v, want ErrHistoryOpen", err)
	}
	l.add(events.SubjectControl, "", "closed", &events.HistoryClosed{})
	if n := len(l.fridays()); n != 4 {
		t.Fatalf("got %d past Fridays, want 4", n)
	}
	s := l.sealer(true)
	var reported []string
	s.Sealed = func(seal events.Sealed, made bool) { reported = append(reported, fmt.Sprint(seal.Friday, made)) }
	for range 2 {
		if err := s.Seal(t.Context(), l.latest()); err != nil {
			t.Fatal(err)
		}
	}
	l.checkSeals()
	last := l.last()
	other := l.sealer(true) // after a restart, which compares the newest seal
	other.Sealed = s.Sealed
	if err := other.Seal(t.Context(), l.latest()); err != nil || l.last() != last {
		t.Errorf("a Friday was sealed again (%v)", err)
	}
	if want := "[2026-10-30 true 2026-11-06 true 2026-11-13 true 2026-11-20 true 2026-11-20 false]"; fmt.Sprint(reported) != want {
		t.Errorf("Sealed was called with %v, want %s", reported, want)
	}
	if err := s.Seal(t.Context(), 20200101); !errors.Is(err, checkpoint.ErrNoCheckpoint) {
		t.Errorf("a day without a book: got %v, want ErrNoCheckpoint", err)
	}
}

// TestConcurrentNodes checks that nodes of one journal that seal at once seal
// each Friday once, and that the one with the key signs.
func TestConcurrentNodes(t *testing.T) {
	l := newClosedLedger(t, 3)
	var sealing sync.WaitGroup
	for n := range 3 {
		sealing.Go(func() {
			if err := l.sealer(n == 0).Seal(t.Context(), l.latest()); err != nil {
				t.Error(err)
			}
		})
	}
	sealing.Wait()
	l.checkSeals()
}

// TestResumesAfterInterruption seals a ledger after another node sealed one
// Friday and stopped before anything was signed.
func TestResumesAfterInterruption(t *testing.T) {
	l := newClosedLedger(t, 3)
	ctx, cancel := context.WithCancel(t.Context())
	s := l.sealer(false)
	s.Sealed = func(events.Sealed, bool) { cancel() }
	if err := s.Seal(ctx, l.latest()); !errors.Is(err, context.Canceled) {
		t.Fatal(err)
	}
	if _, signatures, sealed, _ := l.replay(0).Seal(l.fridays()[0]); !sealed || len(signatures) > 0 {
		t.Fatalf("first Friday: got sealed %t with %d signatures, want true with 0", sealed, len(signatures))
	}
	if _, _, sealed, _ := l.replay(0).Seal(l.fridays()[1]); sealed {
		t.Fatal("the second Friday was sealed after the interruption")
	}
	l.seal(l.latest())
	l.checkSeals()
}

// TestKeyChange checks that seals are signed with the current key after one and
// several key changes, and that older signatures remain valid.
func TestKeyChange(t *testing.T) {
	l := newClosedLedger(t, 4)
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
				t.Errorf("got new key %s, want %s", vkey, want)
			}
			if now, _ := l.sealer(true).Signer(l.treeKeys()); now.KeyHash() != l.treeKeys().Current().KeyHash() {
				t.Fatal("the sealer does not sign with the current key")
			}
		}
	}
	l.seal(l.latest())
	l.checkSeals()
}

func (l *ledger) treeKeys() *treehead.Keys {
	l.Helper()
	keys, err := l.replay(0).Keys()
	if err != nil {
		l.Fatal(err)
	}
	return keys
}

// TestAddSignature checks that a witness's signature is recorded in addition to
// the ledger's own, and that a head of another ledger, tree or size is refused.
func TestAddSignature(t *testing.T) {
	l := newClosedLedger(t, 2)
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
		"another ledger": sign(func(h *treehead.Head) { h.Origin = "bookledger/other" }),
		"another root":   sign(func(h *treehead.Head) { h.Root[0]++ }),
		"a smaller size": sign(func(h *treehead.Head) { h.Size-- }),
		"a future size":  sign(func(h *treehead.Head) { h.Size += 100 }),
		"not a note":     bytes.TrimSpace(good),
		"no signature":   good[:bytes.Index(good, []byte("\n\n"))+2],
	} {
		if err := l.sealer(true).AddSignature(t.Context(), f, head); !errors.Is(err, checkpoint.ErrForeignHead) {
			t.Errorf("%s: got %v, want ErrForeignHead", what, err)
		}
	}
	if err := l.sealer(true).AddSignature(t.Context(), l.fridays()[0].AddDays(-7), good); !errors.Is(err, checkpoint.ErrForeignHead) {
		t.Errorf("for a Friday that is not sealed: got %v, want ErrForeignHead", err)
	}
	if err := l.sealer(true).AddSignature(t.Context(), f, good); err != nil {
		t.Fatal(err)
	}
	if _, signatures, _, _ := l.replay(0).Seal(f); len(signatures) != 2 {
		t.Errorf("got %d signatures, want 2", len(signatures))
	}
}

// TestSealMismatch checks that a recorded seal, or a head signed with the
// ledger's key, that contradicts the journal is an error, and that no signature
// is added to it.
func TestSealMismatch(t *testing.T) {
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
		encode func(l *ledger, f events.Date) ([]byte, error)
		signed int
	}{
		"a seal": {encode: func(_ *ledger, f events.Date) ([]byte, error) {
			return checkpoint.EncodeSeal(events.Sealed{Friday: f, Boundary: 3, TreeSize: 3, Cases: 2, Rows: 2, Rules: 1,
				BookRoot: fmt.Sprintf("%064d", 1), TreeRoot: fmt.Sprintf("%064d", 2)}, events.DefaultCalendar())
		}},
		"a head": {encode: forge, signed: 1},
	} {
		l := newClosedLedger(t, 2)
		f := l.latest()
		event, err := c.encode(l, f)
		if err != nil {
			t.Fatal(err)
		}
		l.append(events.SubjectSeal, "", event)
		if err := l.sealer(true).Seal(t.Context(), f); !errors.Is(err, checkpoint.ErrSealMismatch) {
			t.Errorf("%s: Seal returned %v, want ErrSealMismatch", what, err)
		}
		v, _ := l.view()
		if err := checkpoint.CompareSeals(v); !errors.Is(err, checkpoint.ErrSealMismatch) {
			t.Errorf("%s: CompareSeals returned %v, want ErrSealMismatch", what, err)
		}
		if _, signatures, _, _ := l.replay(0).Seal(f); len(signatures) != c.signed {
			t.Errorf("%s: got %d signatures, want %d", what, len(signatures), c.signed)
		}
	}
}

// TestUnsealableFriday checks that a Friday whose seal was rejected is tried
// once and does not keep the others from being sealed and signed.
func TestUnsealableFriday(t *testing.T) {
	l := newClosedLedger(t, 3)
	unsealable := l.fridays()[0]
	event, err := checkpoint.EncodeSeal(events.Sealed{Friday: unsealable}, events.DefaultCalendar())
	if err != nil {
		t.Fatal(err)
	}
	event = bytes.Replace(event, []byte(events.TypeSealed), []byte("ledger.sealed.v2"), 1) // of a future release
	l.append(events.SubjectSeal, "", event)
	s := l.sealer(true)
	if err := s.Seal(t.Context(), l.latest()); !errors.Is(err, checkpoint.ErrUnsealable) {
		t.Fatalf("got %v, want ErrUnsealable", err)
	}
	last := l.last()
	if err := s.Seal(t.Context(), l.latest()); !errors.Is(err, checkpoint.ErrUnsealable) || l.last() != last {
		t.Fatalf("second call: got %v, want ErrUnsealable and no new record", err)
	}
	for _, f := range l.fridays() {
		_, signatures, sealed, _ := l.replay(0).Seal(f)
		if other := f != unsealable; sealed != other || len(signatures) == 1 != other {
			t.Errorf("Friday %s: got sealed %t with %d signatures", f, sealed, len(signatures))
		}
	}
}

// TestCompareSealsDetectsChanges checks that a replay detects a change of a
// seal or of a record before it.
func TestCompareSealsDetectsChanges(t *testing.T) {
	l := newClosedLedger(t, 3)
	l.seal(l.latest())
	if err := l.replay(0).CompareSeals(); err != nil {
		t.Fatal(err)
	}
	original := l.records
	for from, to := range map[string]string{
		`"case_id":"c0"`: `"case_id":"c7"`, `"agent_id":"A1"`: `"agent_id":"A2"`, `"cases":3`: `"cases":4`,
		`"tree_root":"[0-9a-f]{8}`: `"tree_root":"00000000`,
	} {
		l.records = slices.Clone(original)
		changed := regexp.MustCompile(from)
		i := slices.IndexFunc(l.records, func(r record.Record) bool { return changed.Match(r.Body) })
		l.records[i].Body = changed.ReplaceAll(l.records[i].Body, []byte(to))
		if err := l.replay(0).CompareSeals(); !errors.Is(err, checkpoint.ErrSealMismatch) {
			t.Errorf("%s replaced with %s: got %v, want ErrSealMismatch", from, to, err)
		}
	}
}
