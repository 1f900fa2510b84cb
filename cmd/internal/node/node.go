package node

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"sync"
	"time"

	"github.com/gofrs/flock"
	"go.uber.org/zap"

	"bookledger/events"
	"bookledger/events/journal"
	"bookledger/projections"
)

// Options describe the ledger to open. Dir and Now are required.
type Options struct {
	Dir         string           // the data folder
	Create      bool             // create a new ledger if there is none
	Server      journal.Server   // the external NATS server with the journal; blank for the embedded one
	NATSListen  string           // address on which the embedded server accepts clients; "" for none
	Replicas    int              // copies of a new journal on an external cluster
	JournalOnly bool             // open only the journal, so a broken projection does not matter
	Cutoff      string           // for example "Friday 21:00:00"; "" for the ledger's own, or for the default of a new ledger
	Now         func() time.Time // the time of the ledger's own events
	Log         *zap.Logger      // nil for no log
}

// Node is an open data folder: its lock, journal, projection and keys.
type Node struct {
	Dir        string
	Journal    *journal.Journal
	Projection *projections.Projection

	lock        *flock.Flock
	now         func() time.Time
	log         *zap.Logger
	violationMu sync.Mutex // protects violationFile
}

// projectionFolder is the folder of the projection in the data folder.
const projectionFolder = "projection"

var (
	// ErrInUse is returned when another process has the folder open.
	ErrInUse = errors.New("the folder is in use")
	// ErrJournalMissing is returned when a folder has a projection and no journal.
	ErrJournalMissing = errors.New("the journal is missing")
	// ErrOtherCutoff is returned when Options.Cutoff differs from the cutoff in
	// genesis.
	ErrOtherCutoff = errors.New("the ledger's cutoff is fixed")
)

// Open opens the ledger in a folder. It returns ErrInUse while another process has
// the folder open, and journal.ErrNoLedger if there is no ledger and Create is not
// set. It returns ErrJournalMissing instead of creating a ledger in the place of an
// earlier one. Before clients can connect, Open compares the first record and the one
// at the position with what was applied; the error is that of Diagnose.
func Open(ctx context.Context, o Options) (_ *Node, err error) {
	if o.Log == nil {
		o.Log = zap.NewNop()
	}
	if o.Create {
		if err := os.MkdirAll(o.Dir, 0o700); err != nil {
			return nil, fmt.Errorf("creating the data folder: %w", err)
		}
	} else if err := checkFolder(o.Dir); err != nil {
		return nil, err
	}
	n := &Node{Dir: o.Dir, now: o.Now, log: o.Log, lock: flock.New(filepath.Join(o.Dir, "lock"))}
	locked, err := n.lock.TryLock()
	if err != nil {
		return nil, fmt.Errorf("locking the data folder %s: %w", o.Dir, err)
	}
	if !locked {
		return nil, fmt.Errorf("%w: another bookledger has %s open; stop it first, or use a copy", ErrInUse, o.Dir)
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, n.Close())
		}
	}()
	if err := n.openJournal(ctx, o); err != nil {
		return nil, err
	}
	if err := n.checkCutoff(ctx, o.Cutoff); err != nil {
		return nil, err
	}
	if o.JournalOnly {
		return n, nil
	}
	if n.Projection, err = projections.Open(projections.Options{Dir: filepath.Join(o.Dir, projectionFolder), Log: o.Log}); err != nil {
		return nil, err
	}
	if o.NATSListen == "" {
		return n, nil
	}
	// An event that is acknowledged must not be lost because the journal was the
	// wrong one.
	if err := n.Diagnose(ctx, n.Projection.Verify(ctx, n.Journal)); err != nil {
		return nil, err
	}
	return n, n.Journal.Accept()
}

// checkFolder returns journal.ErrNoLedger if a folder contains no ledger. It writes
// nothing.
func checkFolder(dir string) error {
	if _, err := os.Stat(dir); err != nil {
		return fmt.Errorf("opening the data folder: %w", err)
	}
	for _, part := range [...]string{"lock", "journal"} {
		if _, err := os.Stat(filepath.Join(dir, part)); err == nil {
			return nil
		} else if !errors.Is(err, fs.ErrNotExist) {
			return fmt.Errorf("opening the data folder: %w", err)
		}
	}
	return fmt.Errorf("opening the data folder: %w in %s", journal.ErrNoLedger, dir)
}

func (n *Node) openJournal(ctx context.Context, o Options) (err error) {
	opts := journal.Options{
		Server: o.Server, Listen: o.NATSListen, Replicas: o.Replicas, Log: o.Log,
	}
	if o.NATSListen != "" {
		if opts.ReaderKey, err = loadOrCreateReaderKey(filepath.Join(o.Dir, ReaderFile)); err != nil {
			return err
		}
	}
	if o.Server.URL == "" {
		opts.Dir = filepath.Join(o.Dir, "journal")
	}
	if n.Journal, err = journal.Open(ctx, opts); !errors.Is(err, journal.ErrNoLedger) || !o.Create {
		return err
	}
	if projections.Exists(filepath.Join(o.Dir, projectionFolder)) {
		return fmt.Errorf("opening the ledger in %s: %w, but the folder contains a projection of it; restore the journal, or use a new folder for a new ledger", o.Dir, ErrJournalMissing)
	}
	if opts.Genesis, err = newGenesis(o); err != nil {
		return err
	}
	n.Journal, err = journal.Open(ctx, opts)
	return err
}

// checkCutoff returns ErrOtherCutoff if a cutoff differs from the one in genesis.
func (n *Node) checkCutoff(ctx context.Context, cutoff string) error {
	if cutoff == "" {
		return nil
	}
	want, err := events.NewCalendarSpec(cutoff)
	if err != nil {
		return err
	}
	first, err := n.Journal.At(ctx, 1)
	if err != nil {
		return fmt.Errorf("reading the ledger's genesis: %w", err)
	}
	var checker events.Checker
	checked := checker.Check(first.Subject, first.Body)
	genesis, ok := checked.Event.Data.(*events.Genesis)
	if !ok {
		return errors.New("reading the ledger's genesis: the first record is no genesis event")
	}
	if have := genesis.Calendar; have.Weekday != want.Weekday || have.Time != want.Time {
		return fmt.Errorf("%w: it is %q, so it cannot be %q; omit the cutoff, or create a new ledger", ErrOtherCutoff, have.Weekday+" "+have.Time, cutoff)
	}
	return nil
}

// The pause before Follow tries again doubles from minPause up to maxPause.
const (
	minPause = 100 * time.Millisecond
	maxPause = 10 * time.Second
)

// Follow keeps the projection up to date with the journal until ctx is canceled or
// something fails that needs an operator. If the connection to the journal is
// interrupted, Follow retries until the journal is back, and checks the position again
// as at startup. If the journal differs from what was applied, the error is that of
// Diagnose.
func (n *Node) Follow(ctx context.Context) error {
	for pause := minPause; ; pause = min(2*pause, maxPause) {
		before := n.Projection.Position()
		err := n.Projection.Follow(ctx, n.Journal)
		if !errors.Is(err, journal.ErrReconnected) || ctx.Err() != nil {
			return n.Diagnose(ctx, err)
		}
		if n.Projection.Position() > before {
			pause = minPause
		}
		n.log.Warn("the connection to the journal was interrupted; retrying", zap.Error(err))
		select {
		case <-time.After(pause):
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// CatchUp applies all records up to the current end of the journal. If the journal
// differs from what was applied, the error is that of Diagnose.
func (n *Node) CatchUp(ctx context.Context) error {
	return n.Diagnose(ctx, n.Projection.CatchUp(ctx, n.Journal))
}

// Compare compares the journal with what was applied, and then its seals and signed
// tree heads. Unlike the projection's Compare, it distinguishes a missing record from
// a lost connection.
func (n *Node) Compare(ctx context.Context, after uint64, pace func(context.Context, int) error) (compared uint64, err error) {
	compared, err = n.Projection.Compare(ctx, n.Journal, after, pace)
	if errors.Is(err, journal.ErrGap) { // a lost connection can cause this, too
		if _, atErr := n.Journal.At(ctx, compared+1); errors.Is(atErr, journal.ErrNotFound) {
			err = &projections.Difference{Seq: compared + 1, Kind: projections.Missing}
		}
	}
	if err == nil {
		err = n.CompareSeals()
	}
	return compared, err
}

// Close closes the projection and the journal, and unlocks the folder.
func (n *Node) Close() error {
	var errs []error
	if n.Projection != nil {
		errs = append(errs, n.Projection.Close())
	}
	if n.Journal != nil {
		errs = append(errs, n.Journal.Close())
	}
	return errors.Join(append(errs, n.lock.Unlock())...)
}
