package sealer

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"sync"
	"time"

	"go.uber.org/zap"

	"bookledger/cmd/bookledger/internal/ledger"
	"bookledger/events"
	"bookledger/events/journal"
	"bookledger/events/record/head"
	"bookledger/projections"
	"bookledger/projections/checkpoint"
	"bookledger/projections/fold"
)

// ErrDiffers is of a seal that stands in the record and is not what this node
// makes of the same record: one of the two is wrong, and the ledger is not to
// be trusted until it is known which.
var ErrDiffers = errors.New("the seal that stands differs from what this node makes of the record")

// ErrHistoryOpen is of a ledger whose past can still change.
var ErrHistoryOpen = errors.New("history is open, and Fridays are sealed once it is closed")

// Options are what a sealer is made of.
type Options struct {
	Ledger *ledger.Ledger
	// Reach waits until the projection shows the record, or brings it there.
	Reach func(ctx context.Context, seq uint64) error
	Log   *zap.Logger // nil: no log
}

// Sealer seals Fridays. It can be used by several goroutines at once.
type Sealer struct {
	o Options

	working sync.Mutex           // one Friday at a time
	seen    map[events.Date]bool // Fridays for which nothing is left to do

	mu     sync.Mutex
	newest events.Date
}

// New returns a sealer.
func New(o Options) *Sealer {
	if o.Log == nil {
		o.Log = zap.NewNop()
	}
	return &Sealer{o: o, seen: map[events.Date]bool{}}
}

// Newest returns the newest Friday whose seal this sealer has made or found to
// be right; 0 before the first.
func (s *Sealer) Newest() events.Date {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.newest
}

// Seal seals a Friday that has a checkpoint, after all those before it that are
// not sealed yet, so that seals stand in the order of their Fridays, and signs
// them. Where the Friday's seal stands already, it is compared: ErrDiffers where
// it is another. It returns ErrHistoryOpen while that is so.
func (s *Sealer) Seal(ctx context.Context, f events.Date) error {
	s.working.Lock()
	defer s.working.Unlock()
	for {
		next, err := s.next(f)
		if err != nil {
			return err
		}
		if next == 0 {
			break
		}
		if err := s.one(ctx, next); err != nil {
			return err
		}
	}
	if s.seen[f] {
		return nil
	}
	return s.one(ctx, f)
}

// one seals one Friday.
func (s *Sealer) one(ctx context.Context, f events.Date) error {
	begun := time.Now()
	want, calendar, err := s.compute(ctx, f)
	if err != nil {
		return err
	}
	made, err := s.record(ctx, want, calendar)
	if err != nil {
		return err
	}
	if err := s.compare(want); err != nil {
		return err
	}
	if err := s.sign(ctx, f, calendar); err != nil {
		return err
	}
	s.seen[f] = true
	s.mu.Lock()
	s.newest = max(s.newest, f)
	s.mu.Unlock()
	s.o.Log.Info("the seal of a Friday stands", zap.Stringer("friday", f), zap.Bool("made_here", made),
		zap.Int("cases", want.Cases), zap.Int("rows", want.Rows), zap.Duration("took", time.Since(begun)))
	return nil
}

// compute makes the seal of a Friday from the view of it.
func (s *Sealer) compute(ctx context.Context, f events.Date) (_ events.Sealed, _ *events.Calendar, err error) {
	v, err := s.o.Ledger.Projection.View()
	if err != nil {
		return events.Sealed{}, nil, err
	}
	defer func() { err = errors.Join(err, v.Close()) }()
	if !v.HistoryClosed() {
		return events.Sealed{}, nil, fmt.Errorf("sealing Friday %s: %w", f, ErrHistoryOpen)
	}
	c, err := v.Friday(f)
	if err != nil {
		return events.Sealed{}, nil, err
	}
	books, err := checkpoint.AgentsOf(ctx, v.AsOf(f), v.Calendar(), c.Friday, max(1, runtime.GOMAXPROCS(0)/2)) // the rest is for who is served
	if err != nil {
		return events.Sealed{}, nil, err
	}
	root, err := v.TreeRoot(c.Boundary)
	if err != nil {
		return events.Sealed{}, nil, err
	}
	sealed, err := c.SealOf(books, root, fold.RulesNumber)
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
	ack, err := s.o.Ledger.Journal.Append(ctx, []journal.Message{{Subject: events.SubjectSeal, Body: body}})
	if err != nil {
		return fmt.Errorf("recording a seal: %w", err)
	}
	return s.o.Reach(ctx, ack.Last)
}

// stands returns what stands in the record of a Friday's seal.
func (s *Sealer) stands(f events.Date) (seal checkpoint.Seal, signatures []checkpoint.Signature, sealed bool, err error) {
	v, err := s.o.Ledger.Projection.View()
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
		return fmt.Errorf("sealing Friday %s: the seal was recorded, but none stands; see the rejected list", want.Friday)
	case have.Sealed != want:
		return fmt.Errorf("comparing the seal of Friday %s, record %d: %w (%s)", want.Friday, have.Seq, ErrDiffers, firstDifference(have.Sealed, want))
	}
	return nil
}

// firstDifference names what differs; roots and counts are of nobody.
func firstDifference(stands, made events.Sealed) string {
	for _, d := range [...]struct {
		name         string
		stands, made any
	}{
		{"boundary", stands.Boundary, made.Boundary},
		{"tree size", stands.TreeSize, made.TreeSize},
		{"tree root", stands.TreeRoot, made.TreeRoot},
		{"cases", stands.Cases, made.Cases},
		{"rows", stands.Rows, made.Rows},
		{"book root", stands.BookRoot, made.BookRoot},
	} {
		if d.stands != d.made {
			return fmt.Sprintf("%s %v, made here %v", d.name, d.stands, d.made)
		}
	}
	return fmt.Sprintf("rules %d, made here %d", stands.Rules, made.Rules)
}

// sign signs the head of the tree that ends with the seal, where this node has
// the ledger's key and nobody has signed with it.
func (s *Sealer) sign(ctx context.Context, f events.Date, calendar *events.Calendar) error {
	signed, err := s.signature(f)
	if err != nil || signed == nil {
		return err
	}
	body, err := checkpoint.EncodeSignature(f, signed, calendar)
	if err != nil {
		return err
	}
	return s.append(ctx, body)
}

// signature returns the signed head that is missing, nothing where none is or
// this node has no key.
func (s *Sealer) signature(f events.Date) (_ []byte, err error) {
	v, err := s.o.Ledger.Projection.View()
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, v.Close()) }()
	keys, err := v.Keys()
	if err != nil {
		return nil, err
	}
	seal, signatures, _, err := v.Seal(f)
	if err != nil || Signed(signatures, keys) {
		return nil, err
	}
	signer, err := s.o.Ledger.Signer(keys)
	if err != nil || signer == nil {
		return nil, err
	}
	h := head.Head{Origin: keys.Origin(), Size: seal.Seq}
	if keys.At(h.Size).KeyHash() != keys.Current().KeyHash() {
		h.Size = v.Position() // the key has changed since, and signs what it has seen
	}
	if h.Root, err = v.TreeRoot(h.Size); err != nil {
		return nil, err
	}
	return h.Sign(signer)
}

// Signed tells whether one of the signatures is the ledger's own.
func Signed(signatures []checkpoint.Signature, keys *head.Keys) bool {
	for _, s := range signatures {
		if _, _, err := keys.Open([]byte(s.Note)); err == nil {
			return true
		}
	}
	return false
}

const (
	// lookEvery is how often it is seen whether a cutoff has passed.
	lookEvery = time.Second
	// pause is how long after a failure sealing is tried again.
	pause = 10 * time.Second
)

// Run seals every Friday that has passed and is not sealed yet, and each that
// passes, until ctx ends. The newest is compared at the start, though it be
// sealed. A seal that differs is handed to raise, and ends it.
func (s *Sealer) Run(ctx context.Context, raise func(error)) {
	failing := false
	for every := time.Duration(0); wait(ctx, every); {
		err := s.look(ctx)
		switch {
		case errors.Is(err, ErrDiffers):
			raise(err)
			return
		case err == nil:
			every, failing = lookEvery, false
			continue
		case ctx.Err() == nil && !failing: // once, however long it lasts
			s.o.Log.Warn("a Friday could not be sealed; trying again", zap.Error(err))
		}
		every, failing = pause, true
	}
}

// look seals what is to be sealed now.
func (s *Sealer) look(ctx context.Context) error {
	latest, err := s.latest()
	if err != nil || latest == 0 || latest == s.Newest() {
		return err
	}
	return s.Seal(ctx, latest)
}

// latest returns the newest Friday that can be sealed, 0 where there is none.
func (s *Sealer) latest() (_ events.Date, err error) {
	if s.o.Ledger.Projection.Rebuilding() {
		return 0, nil
	}
	v, err := s.o.Ledger.Projection.View()
	if err != nil {
		return 0, err
	}
	defer func() { err = errors.Join(err, v.Close()) }()
	if !v.HistoryClosed() {
		return 0, nil
	}
	c, err := v.Latest()
	if errors.Is(err, checkpoint.ErrNone) {
		return 0, nil
	}
	return c.Friday.Friday, err
}

// next returns the first Friday before f that is to be sealed or signed, 0
// where there is none.
func (s *Sealer) next(f events.Date) (_ events.Date, err error) {
	v, err := s.o.Ledger.Projection.View()
	if err != nil {
		return 0, err
	}
	defer func() { err = errors.Join(err, v.Close()) }()
	fridays, err := v.Fridays()
	if err != nil {
		return 0, err
	}
	for _, c := range fridays {
		friday := c.Friday.Friday
		if friday >= f {
			break
		}
		if s.seen[friday] {
			continue
		}
		if !c.Sealed {
			return friday, nil
		}
		if done, err := s.done(v, friday); err != nil || !done {
			return friday, err
		}
		s.seen[friday] = true
	}
	return 0, nil
}

// done tells whether nothing is left to do for a Friday that is sealed: it is
// signed, or this node has no key.
func (s *Sealer) done(v *projections.View, f events.Date) (bool, error) {
	keys, err := v.Keys()
	if err != nil {
		return false, err
	}
	_, signatures, _, err := v.Seal(f)
	if err != nil || Signed(signatures, keys) {
		return true, err
	}
	signer, err := s.o.Ledger.Signer(keys)
	return signer == nil, err
}

func wait(ctx context.Context, d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return ctx.Err() == nil
	case <-ctx.Done():
		return false
	}
}
