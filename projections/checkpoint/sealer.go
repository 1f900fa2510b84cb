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
	// ErrUnsealable is returned for a Friday that this node cannot seal, however
	// often it tries: its books do not hold what was counted, or a seal that was
	// recorded does not stand.
	ErrUnsealable = errors.New("the Friday cannot be sealed")
	// ErrHistoryOpen is returned for a ledger whose past can still change.
	ErrHistoryOpen = errors.New("history is open, and Fridays are sealed once it is closed")
)

// View is a ledger at one moment, as a sealer reads it.
type View interface {
	SealReader
	LedgerID() string
	Calendar() *events.Calendar
	HistoryClosed() bool
	Checkpoint(f events.Date) (Checkpoint, error)
	// Agents makes the tree over all books as of the week, as AgentsOf does.
	Agents(ctx context.Context, w book.Week, workers int) (*AgentTree, error)
	Close() error
}

// Sealer seals Fridays: it computes the roots of a Friday's books, has the seal
// recorded, and signs it with the ledger's key. Its fields are set before it is
// used; then several goroutines may use it at once.
type Sealer struct {
	// View returns a view of what is applied now, which the sealer closes.
	View func() (View, error)
	// Record appends an event to the journal, on the subject of seals, and
	// returns when View shows it.
	Record func(ctx context.Context, event []byte) error
	// Signer returns what signs as the ledger with its newest key; nil where
	// somebody else has that.
	Signer func(*treehead.Keys) (note.Signer, error)
	// Sealed is called with each seal that was made here or found to be right.
	// nil: nobody is told.
	Sealed func(seal events.Sealed, made bool)

	mu     sync.Mutex            // one Friday at a time
	right  map[events.Date]bool  // Fridays whose seal was made or compared
	signed map[events.Date]bool  // Fridays for which there is nothing left to sign
	stuck  map[events.Date]error // Fridays that cannot be sealed
}

// Seal seals a Friday that has a checkpoint, after all those before it that are
// not sealed yet, so that seals stand in the order of their Fridays, and then
// signs what this node can sign. Where the Friday's seal stands already, it is
// compared. It returns ErrDiffers where a seal, or a head that the ledger's key
// has signed, is another; ErrHistoryOpen while that is so; and what else kept a
// Friday from being sealed or signed, which keeps none of the others from it, so
// that its own seal may come after theirs.
//
// It may be interrupted anywhere: what was recorded stands, and what is missing
// is made the next time.
func (s *Sealer) Seal(ctx context.Context, f events.Date) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.right == nil {
		s.right, s.signed, s.stuck = map[events.Date]bool{}, map[events.Date]bool{}, map[events.Date]error{}
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
		if s.right[c.Friday] || c.Sealed && c.Friday != f {
			return nil
		}
		return s.seal(ctx, c)
	}
	var errs []error
	for _, step := range [...]func(context.Context, Checkpoint) error{seal, s.sign} {
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

// read reads from a view of what is applied now.
func (s *Sealer) read(from func(View) error) error {
	v, err := s.View()
	if err != nil {
		return err
	}
	return errors.Join(from(v), v.Close())
}

// seal computes the seal of a Friday, and has it recorded where none stands.
// Where another node was quicker, ours is a duplicate, and theirs is compared.
func (s *Sealer) seal(ctx context.Context, c Checkpoint) (err error) {
	if err := s.stuck[c.Friday]; err != nil {
		return err
	}
	defer func() {
		if errors.Is(err, ErrUnsealable) {
			s.stuck[c.Friday] = err
		}
	}()
	var want events.Sealed
	var event []byte
	err = s.read(func(v View) error {
		if !v.HistoryClosed() {
			return fmt.Errorf("sealing Friday %s: %w", c.Friday, ErrHistoryOpen)
		}
		books, err := v.Agents(ctx, c.Week, max(1, runtime.GOMAXPROCS(0)/2)) // the rest is for who is served
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
	have, err := s.stands(c.Friday) // by now: computing takes its time
	made := err == nil && have == nil
	if made {
		if err = s.Record(ctx, event); err == nil {
			have, err = s.stands(c.Friday)
		}
	}
	switch {
	case err != nil:
		return err
	case have == nil:
		return fmt.Errorf("sealing Friday %s: %w: the seal was recorded, but none stands; see the rejected list for a record with the id seal/%s", c.Friday, ErrUnsealable, c.Friday)
	case have.Sealed != want:
		return fmt.Errorf("comparing the seal of Friday %s, record %d: %w: %s", c.Friday, have.Seq, ErrSealMismatch, FirstDifference(have.Sealed, want))
	}
	s.right[c.Friday] = true
	if s.Sealed != nil {
		s.Sealed(want, made)
	}
	return nil
}

// stands returns the seal of a Friday that stands in the record, nil where there
// is none.
func (s *Sealer) stands(f events.Date) (have *Seal, err error) {
	err = s.read(func(v View) error {
		seal, _, sealed, err := v.Seal(f)
		if sealed {
			have = &seal
		}
		return err
	})
	return have, err
}

// sign signs the head of the tree that ends with the seal of a Friday, where one
// stands, this node has the ledger's key and nobody has signed with it.
func (s *Sealer) sign(ctx context.Context, c Checkpoint) error {
	if s.signed[c.Friday] {
		return nil
	}
	var event []byte
	err := s.read(func(v View) error {
		signed, err := s.signature(v, c)
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

// signature returns the signed head that is missing, nil where none is or this
// node does not have the key.
func (s *Sealer) signature(v View, c Checkpoint) ([]byte, error) {
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
		h.Size = v.Position() // the key has changed since, and signs what it has seen
	}
	if h.Root, err = v.TreeRoot(h.Size); err != nil {
		return nil, err
	}
	return h.Sign(signer)
}
