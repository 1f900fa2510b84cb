package checkpoint

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"slices"
	"sync"

	"golang.org/x/mod/sumdb/note"

	"bookledger/events"
	"bookledger/events/record/treehead"
	"bookledger/projections/book"
	"bookledger/projections/fold"
)

var (
	// ErrUnsealable is returned for a Friday that this node cannot seal, even
	// by retrying: its books do not match the counts, or the recorded seal was
	// rejected.
	ErrUnsealable = errors.New("the Friday cannot be sealed")
	// ErrHistoryOpen is returned while history is open, because the past can
	// still change.
	ErrHistoryOpen = errors.New("history is still open; Fridays are sealed after it is closed")
)

// View is a ledger at one moment, as a Sealer reads it.
type View interface {
	SealReader
	LedgerID() string
	Calendar() *events.Calendar
	HistoryClosed() bool
	Checkpoint(f events.Date) (Checkpoint, error)
	// Agents returns the tree over all books of the week, like NewAgentTree.
	Agents(ctx context.Context, w book.Week, workers int) (*AgentTree, error)
	Close() error
}

// Sealer seals Fridays: it computes the roots of a Friday's books, records the
// seal, and signs it with the ledger's key. Set the fields before use. After
// that, several goroutines may use a Sealer at once.
type Sealer struct {
	// View returns a view of the newest applied state. The sealer closes it.
	View func() (View, error)
	// Record appends an event to the journal, on the subject of seals, and
	// returns once View shows it.
	Record func(ctx context.Context, event []byte) error
	// Signer returns the signer with the ledger's newest key, or nil if this
	// node does not have that key.
	Signer func(*treehead.Keys) (note.Signer, error)
	// Sealed, if not nil, is called with each seal that this node recorded
	// (made is true) or found to be correct.
	Sealed func(seal events.Sealed, made bool)

	mu         sync.Mutex            // one Friday at a time
	confirmed  map[events.Date]bool  // Fridays whose seal was recorded or compared here
	signed     map[events.Date]bool  // Fridays that need no more signature from this node
	unsealable map[events.Date]error // Fridays that cannot be sealed, and why
}

// Seal seals Friday f, after all earlier Fridays that are not sealed yet, so
// that seals are recorded in the order of their Fridays. It then adds the
// signatures that this node can make. If f is already sealed, Seal compares the
// recorded seal.
//
// Seal returns ErrSealMismatch if a seal, or a head signed with the ledger's
// key, differs, and ErrHistoryOpen while history is open. Any other error about
// one Friday does not stop the others from being sealed or signed, so that
// Friday's seal may follow theirs.
//
// Seal may be interrupted at any point: the next call adds what is missing.
func (s *Sealer) Seal(ctx context.Context, f events.Date) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.confirmed == nil {
		s.confirmed, s.signed, s.unsealable = map[events.Date]bool{}, map[events.Date]bool{}, map[events.Date]error{}
	}
	var passed []Checkpoint
	err := s.read(func(v View) (err error) {
		if _, err = v.Checkpoint(f); err == nil {
			passed, err = v.Checkpoints()
		}
		return err
	})
	if err != nil {
		return err
	}
	passed = slices.DeleteFunc(passed, func(c Checkpoint) bool { return c.Friday > f })
	seal := func(ctx context.Context, c Checkpoint) error {
		if s.confirmed[c.Friday] || c.Sealed && c.Friday != f {
			return nil
		}
		return s.seal(ctx, c)
	}
	var errs []error
	for _, step := range [...]func(context.Context, Checkpoint) error{seal, s.recordSignature} {
		for _, c := range passed {
			err := step(ctx, c)
			if errors.Is(err, ErrSealMismatch) || errors.Is(err, ErrHistoryOpen) || ctx.Err() != nil {
				return errors.Join(err, ctx.Err())
			}
			errs = append(errs, err)
		}
	}
	return errors.Join(errs...)
}

// read calls from with a view of the newest applied state.
func (s *Sealer) read(from func(View) error) error {
	v, err := s.View()
	if err != nil {
		return err
	}
	return errors.Join(from(v), v.Close())
}

// seal computes the seal of a Friday and records it if there is none. If
// another node recorded one first, ours becomes a duplicate, and seal compares
// the other one.
func (s *Sealer) seal(ctx context.Context, c Checkpoint) (err error) {
	if err := s.unsealable[c.Friday]; err != nil {
		return err
	}
	defer func() {
		if errors.Is(err, ErrUnsealable) {
			s.unsealable[c.Friday] = err
		}
	}()
	var want events.Sealed
	var event []byte
	err = s.read(func(v View) error {
		if !v.HistoryClosed() {
			return fmt.Errorf("sealing Friday %s: %w", c.Friday, ErrHistoryOpen)
		}
		books, err := v.Agents(ctx, c.Week, max(1, runtime.GOMAXPROCS(0)/2)) // leave the rest for requests
		if err != nil {
			return err
		}
		root, err := v.TreeRoot(c.Boundary)
		if err != nil {
			return err
		}
		if want, err = c.SealOf(books, root, fold.RulesNumber); err != nil {
			return fmt.Errorf("%w: %w", ErrUnsealable, err)
		}
		event, err = EncodeSeal(want, v.Calendar())
		return err
	})
	if err != nil {
		return err
	}
	have, err := s.recordedSeal(c.Friday) // another node may have recorded one meanwhile
	made := err == nil && have == nil
	if made {
		if err = s.Record(ctx, event); err == nil {
			have, err = s.recordedSeal(c.Friday)
		}
	}
	switch {
	case err != nil:
		return err
	case have == nil:
		return fmt.Errorf("sealing Friday %s: %w: the seal was recorded but not applied; look for the id seal/%s in the rejected events", c.Friday, ErrUnsealable, c.Friday)
	case have.Sealed != want:
		return fmt.Errorf("comparing the seal of Friday %s, record %d: %w: %s", c.Friday, have.Seq, ErrSealMismatch, FirstDifference(have.Sealed, want))
	}
	s.confirmed[c.Friday] = true
	if s.Sealed != nil {
		s.Sealed(want, made)
	}
	return nil
}

// recordedSeal returns the recorded seal of a Friday, or nil if there is none.
func (s *Sealer) recordedSeal(f events.Date) (have *Seal, err error) {
	err = s.read(func(v View) error {
		seal, _, sealed, err := v.Seal(f)
		if sealed {
			have = &seal
		}
		return err
	})
	return have, err
}

// recordSignature signs a head that covers the seal of a Friday and records it,
// if the Friday is sealed, this node has the ledger's key, and that key has not
// signed yet.
func (s *Sealer) recordSignature(ctx context.Context, c Checkpoint) error {
	if s.signed[c.Friday] {
		return nil
	}
	var event []byte
	err := s.read(func(v View) error {
		signed, err := s.missingSignature(v, c)
		if err == nil && signed != nil {
			event, err = EncodeSignature(c.Friday, signed, v.Calendar())
		}
		return err
	})
	if err != nil {
		return fmt.Errorf("signing the seal of Friday %s: %w", c.Friday, err)
	}
	if event != nil {
		if err := s.Record(ctx, event); err != nil {
			return err
		}
	}
	s.signed[c.Friday] = true
	return nil
}

// missingSignature returns the signed head that is missing, or nil if none is
// missing or this node does not have the key.
func (s *Sealer) missingSignature(v View, c Checkpoint) ([]byte, error) {
	seal, signatures, sealed, err := v.Seal(c.Friday)
	if err != nil || !sealed {
		return nil, err
	}
	signed, err := c.Compare(seal, signatures, v)
	if err != nil || signed {
		return nil, err
	}
	keys, err := v.Keys()
	if err != nil {
		return nil, err
	}
	signer, err := s.Signer(keys)
	if err != nil || signer == nil {
		return nil, err
	}
	h := treehead.Head{Origin: keys.Origin(), Size: seal.Seq}
	if keys.At(h.Size).KeyHash() != keys.Current().KeyHash() {
		h.Size = v.Position() // the key changed after the seal: the new key signs the newest head
	}
	if h.Root, err = v.TreeRoot(h.Size); err != nil {
		return nil, err
	}
	return h.Sign(signer)
}
