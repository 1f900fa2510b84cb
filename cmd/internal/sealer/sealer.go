package sealer

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"slices"
	"sync"
	"time"

	"go.uber.org/zap"

	"bookledger/cmd/internal/node"
	"bookledger/events"
	"bookledger/events/journal"
	"bookledger/projections/checkpoint"
	"bookledger/projections/fold"
)

// ErrUnsealable is of a Friday that this node cannot seal, however often it is
// tried: its books do not hold what was counted, or a seal that was recorded
// does not stand.
var ErrUnsealable = errors.New("the Friday cannot be sealed")

// ErrHistoryOpen is of a ledger whose past can still change.
var ErrHistoryOpen = errors.New("history is open, and Fridays are sealed once it is closed")

// Options are what a sealer is made of.
type Options struct {
	Node *node.Node
	// Reach waits until the projection shows the record, or brings it there.
	Reach func(ctx context.Context, seq uint64) error
	// Sound tells whether the journal is what was applied; while it returns an
	// error Run seals and signs nothing. nil: it always is.
	Sound func() error
	Log   *zap.Logger // nil: no log
}

// Sealer seals Fridays. It can be used by several goroutines at once.
type Sealer struct {
	o Options

	working sync.Mutex            // one Friday at a time
	right   map[events.Date]bool  // Fridays whose seal was made or compared, or need not be
	signed  map[events.Date]bool  // Fridays for which there is nothing left to sign
	stuck   map[events.Date]error // Fridays that cannot be sealed
	done    events.Date           // up to which Run has nothing left to do

	mu     sync.Mutex
	newest events.Date
}

// New returns a sealer.
func New(o Options) *Sealer {
	if o.Log == nil {
		o.Log = zap.NewNop()
	}
	return &Sealer{o: o, right: map[events.Date]bool{}, signed: map[events.Date]bool{}, stuck: map[events.Date]error{}}
}

// Newest returns the newest Friday whose seal this sealer has made or found to
// be right; 0 before the first.
func (s *Sealer) Newest() events.Date {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.newest
}

// Seal seals a Friday that has a checkpoint, after all those before it that are
// not sealed yet, so that seals stand in the order of their Fridays, and then
// signs what this node can sign. Where the Friday's seal stands already, it is
// compared. It returns checkpoint.ErrDiffers where a seal, or a head that the
// ledger's key has signed, is another; ErrHistoryOpen while that is so; and what
// else kept a Friday from being sealed or signed, which keeps none of the others
// from it, so that its own seal may come after theirs.
func (s *Sealer) Seal(ctx context.Context, f events.Date) error {
	s.working.Lock()
	defer s.working.Unlock()
	fridays, err := s.upTo(f)
	if err != nil {
		return err
	}
	var errs []error
	for _, c := range fridays {
		err := s.one(ctx, c, f)
		if errors.Is(err, checkpoint.ErrDiffers) || errors.Is(err, ErrHistoryOpen) || ctx.Err() != nil {
			return err
		}
		errs = append(errs, err)
	}
	for _, c := range fridays {
		err := s.sign(ctx, c.Friday)
		if errors.Is(err, checkpoint.ErrDiffers) || ctx.Err() != nil {
			return err
		}
		errs = append(errs, err)
	}
	return errors.Join(errs...)
}

// upTo returns the Fridays up to f, which must be one.
func (s *Sealer) upTo(f events.Date) (_ []checkpoint.Checkpoint, err error) {
	v, err := s.o.Node.Projection.View()
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, v.Close()) }()
	if _, err := v.Checkpoint(f); err != nil {
		return nil, err
	}
	all, err := v.Checkpoints()
	return slices.DeleteFunc(all, func(c checkpoint.Checkpoint) bool { return c.Friday > f }), err
}

// one seals one Friday, unless it was sealed before and is not f itself.
func (s *Sealer) one(ctx context.Context, c checkpoint.Checkpoint, f events.Date) error {
	friday := c.Friday
	if s.right[friday] || c.Sealed && friday != f {
		return nil
	}
	if err := s.stuck[friday]; err != nil {
		return err
	}
	begun := time.Now()
	want, calendar, err := s.compute(ctx, friday)
	if err != nil {
		return s.noting(friday, err)
	}
	made, err := s.record(ctx, want, calendar)
	if err != nil {
		return err
	}
	if err := s.compare(want); err != nil {
		return s.noting(friday, err)
	}
	s.right[friday] = true
	s.mu.Lock()
	s.newest = max(s.newest, friday)
	s.mu.Unlock()
	s.o.Log.Info("the seal of a Friday stands", zap.Stringer("friday", friday), zap.Bool("made_here", made),
		zap.Int("cases", want.Cases), zap.Int("rows", want.Rows), zap.Duration("took", time.Since(begun)))
	return nil
}

// noting remembers why a Friday cannot be sealed.
func (s *Sealer) noting(f events.Date, err error) error {
	if errors.Is(err, ErrUnsealable) {
		s.stuck[f] = err
	}
	return err
}

// compute makes the seal of a Friday from the view of it.
func (s *Sealer) compute(ctx context.Context, f events.Date) (_ events.Sealed, _ *events.Calendar, err error) {
	v, err := s.o.Node.Projection.View()
	if err != nil {
		return events.Sealed{}, nil, err
	}
	defer func() { err = errors.Join(err, v.Close()) }()
	if !v.HistoryClosed() {
		return events.Sealed{}, nil, fmt.Errorf("sealing Friday %s: %w", f, ErrHistoryOpen)
	}
	c, err := v.Checkpoint(f)
	if err != nil {
		return events.Sealed{}, nil, err
	}
	books, err := checkpoint.AgentsOf(ctx, v.AsOf(f), v.Calendar(), c.Week, max(1, runtime.GOMAXPROCS(0)/2)) // the rest is for who is served
	if err != nil {
		return events.Sealed{}, nil, err
	}
	root, err := v.TreeRoot(c.Boundary)
	if err != nil {
		return events.Sealed{}, nil, err
	}
	sealed, err := c.SealOf(books, root, fold.RulesNumber)
	if err != nil {
		err = fmt.Errorf("%w: %w", ErrUnsealable, err)
	}
	return sealed, v.Calendar(), err
}

// record has the seal recorded where none stands. Where another node was
// quicker, ours is a duplicate, and theirs is compared.
func (s *Sealer) record(ctx context.Context, want events.Sealed, calendar *events.Calendar) (made bool, err error) {
	_, _, sealed, err := s.stands(want.Friday)
	if err != nil || sealed {
		return false, err
	}
	body, err := checkpoint.EncodeSeal(want, calendar)
	if err != nil {
		return false, err
	}
	return true, s.append(ctx, body)
}

func (s *Sealer) append(ctx context.Context, body []byte) error {
	ack, err := s.o.Node.Journal.Append(ctx, []journal.Message{{Subject: events.SubjectSeal, Body: body}})
	if err != nil {
		return fmt.Errorf("recording a seal: %w", err)
	}
	return s.o.Reach(ctx, ack.Last)
}

// stands returns what stands in the record of a Friday's seal.
func (s *Sealer) stands(f events.Date) (seal checkpoint.Seal, signatures []checkpoint.Signature, sealed bool, err error) {
	v, err := s.o.Node.Projection.View()
	if err != nil {
		return seal, nil, false, err
	}
	seal, signatures, sealed, err = v.Seal(f)
	return seal, signatures, sealed, errors.Join(err, v.Close())
}

func (s *Sealer) compare(want events.Sealed) error {
	have, _, sealed, err := s.stands(want.Friday)
	switch {
	case err != nil:
		return err
	case !sealed:
		return fmt.Errorf("sealing Friday %s: %w: the seal was recorded, but none stands; see the rejected list for a record with the id seal/%s", want.Friday, ErrUnsealable, want.Friday)
	case have.Sealed != want:
		return fmt.Errorf("comparing the seal of Friday %s, record %d: %w: %s", want.Friday, have.Seq, checkpoint.ErrDiffers, checkpoint.Differing(have.Sealed, want))
	}
	return nil
}

// ForStopped returns the sealer of a ledger that no daemon follows: it
// brings the projection up to the journal by itself.
func ForStopped(l *node.Node) *Sealer {
	return New(Options{Node: l, Reach: func(ctx context.Context, _ uint64) error { return l.CatchUp(ctx) }})
}
