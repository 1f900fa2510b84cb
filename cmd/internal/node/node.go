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

// Options say which ledger to open.
type Options struct {
	Dir        string           // the data folder
	Create     bool             // begin a new ledger where there is none
	Server     journal.Server   // an external NATS server that holds the journal; blank for the embedded one
	NATSListen string           // where the embedded server accepts clients; "" for none
	Replicas   int              // of a journal that is begun on an external cluster
	NoState    bool             // open the journal alone, whatever became of the projection
	Cutoff     string           // like "Friday 21:00:00"; "" is the ledger's own, or that for a new one
	Now        func() time.Time // for the times of the ledger's own events; it must be set
	Log        *zap.Logger      // nil: no log
}

// Node is an open data folder: its lock, journal, projection and keys.
type Node struct {
	Dir        string
	Journal    *journal.Journal
	Projection *projections.Projection

	lock    *flock.Flock
	now     func() time.Time
	log     *zap.Logger
	violationMu sync.Mutex // over its file
}

// projectionFolder holds what was applied.
const projectionFolder = "projection"

var (
	// ErrInUse is returned for a folder that another process has open.
	ErrInUse = errors.New("the folder is in use")
	// ErrJournalMissing is returned for a folder that knows of a ledger whose journal is not
	// there.
	ErrJournalMissing = errors.New("the journal is gone")
	// ErrOtherCutoff is returned for a cutoff that differs from the one in genesis.
	ErrOtherCutoff = errors.New("the ledger's cutoff is fixed")
)

// Open opens the ledger in a folder. It returns ErrInUse while another process
// has it open, journal.ErrNoLedger where there is none and none is to be made,
// and ErrLost where there was one: a new one in its place would let it be
// forgotten. Before clients can connect the journal is compared with what was
// applied, by its first record and the newest; the error is that of Diagnose.
func Open(ctx context.Context, o Options) (_ *Node, err error) {
	if o.Log == nil {
		o.Log = zap.NewNop()
	}
	if o.Create {
		if err := os.MkdirAll(o.Dir, 0o700); err != nil {
			return nil, fmt.Errorf("making the data folder: %w", err)
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
	if o.NoState {
		return n, nil
	}
	if n.Projection, err = projections.Open(projections.Options{Dir: filepath.Join(o.Dir, projectionFolder), Log: o.Log}); err != nil {
		return nil, err
	}
	if o.NATSListen == "" {
		return n, nil
	}
	// What a publisher is told to be recorded must not be lost with a journal
	// that is the wrong one.
	if err := n.Diagnose(ctx, n.Projection.Verify(ctx, n.Journal)); err != nil {
		return nil, err
	}
	return n, n.Journal.Accept()
}

// checkFolder tells whether a folder holds a ledger, and leaves nothing in one
// that does not.
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
		if opts.Reader, err = loadOrCreateReaderKey(filepath.Join(o.Dir, ReaderFile)); err != nil {
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
		return fmt.Errorf("opening the ledger in %s: %w; it was applied, so bring it back before anything else; a new ledger begins in a new folder", o.Dir, ErrJournalMissing)
	}
	if opts.Genesis, err = newGenesis(o); err != nil {
		return err
	}
	n.Journal, err = journal.Open(ctx, opts)
	return err
}

// checkCutoff compares a cutoff that was asked for with the one that genesis
// has fixed.
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
		return errors.New("reading the ledger's genesis: the first record is none")
	}
	if have := genesis.Calendar; have.Weekday != want.Weekday || have.Time != want.Time {
		return fmt.Errorf("%w: genesis says %q, asked for was %q; leave the option away, or begin a new ledger", ErrOtherCutoff, have.Weekday+" "+have.Time, cutoff)
	}
	return nil
}

// The pause before following begins again grows from the one to the other.
const (
	minPause = 100 * time.Millisecond
	maxPause  = 10 * time.Second
)

// Follow keeps the projection up with the journal until ctx ends or something
// fails that needs an operator. When the connection to the journal was
// interrupted it begins again, which checks the position as at the start, and
// does so until the journal is back. Where that is not what was applied, the
// error is that of Diagnose.
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
		n.log.Warn("the journal was interrupted; following it again", zap.Error(err))
		select {
		case <-time.After(pause):
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// CatchUp brings the projection to where the journal ends now. Where the journal
// is not what was applied, the error is that of Diagnose.
func (n *Node) CatchUp(ctx context.Context) error {
	return n.Diagnose(ctx, n.Projection.CatchUp(ctx, n.Journal))
}

// Compare compares the journal with what was applied, as the projection's
// Compare does, which cannot tell a journal that has a gap from one that is out
// of reach; and then the seals and signed heads that stand in it.
func (n *Node) Compare(ctx context.Context, after uint64, pace func(context.Context, int) error) (compared uint64, err error) {
	compared, err = n.Projection.Compare(ctx, n.Journal, after, pace)
	if errors.Is(err, journal.ErrGap) { // which a connection that was lost can leave too
		if _, gone := n.Journal.At(ctx, compared+1); errors.Is(gone, journal.ErrNotFound) {
			err = &projections.Difference{Seq: compared + 1, Kind: projections.Missing}
		}
	}
	if err == nil {
		err = n.CompareSeals()
	}
	return compared, err
}

// Close closes everything, in the order in which it depends on each other, and
// frees the folder.
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
