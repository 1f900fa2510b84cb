package replay

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"os"

	"bookledger/events/record"
)

// ErrUnverified is returned for a dump that does not verify: it is not the record
// of a ledger, or not that of which its seals and signed heads are. The text of
// the error that wraps it names the file and the record.
var ErrUnverified = errors.New("the dump does not verify")

// File is a dump or a history file.
type File struct {
	Path string
	// Watch is called when a replay begins. It returns what is told how many more
	// records were applied, and what is called when the replay ends.
	Watch func() (add func(n int), done func())
}

// Steps replays the file as Dump does, and then compares what was replayed with
// the seals and signed heads in it. The error is ErrUnverified where the file is a
// dump and does not verify. A history file, which has no genesis and so no seals,
// need only be readable.
func (f File) Steps(ctx context.Context, r *Replay) iter.Seq2[Step, error] {
	return func(yield func(Step, error) bool) {
		dump, err := os.Open(f.Path)
		if err != nil {
			yield(Step{}, err)
			return
		}
		defer dump.Close()
		add, done := f.Watch()
		defer done()
		for step, err := range r.Dump(ctx, dump, add) {
			if errors.Is(err, ErrInvalidDump) && (r.LedgerID() != "" || isDump(f.Path)) {
				err = f.AsUnverified(err)
			} else if err != nil {
				err = fmt.Errorf("%s: %w", f.Path, err)
			}
			if !yield(step, err) || err != nil {
				return
			}
		}
		if err := r.compareSeals(); err != nil {
			yield(Step{}, f.AsUnverified(err))
		}
	}
}

// AsUnverified makes an error of the file an ErrUnverified.
func (f File) AsUnverified(err error) error {
	return marked{fmt.Errorf("%s does not verify: %w", f.Path, err), ErrUnverified}
}

// compareSeals compares the seals in the record; without a genesis there must be
// none.
func (r *Replay) compareSeals() error {
	if r.LedgerID() != "" {
		return r.CompareSeals()
	}
	if claims, err := r.Claims(); len(claims) > 0 || err != nil {
		return errors.New("it holds seals, and record 1 is not the genesis of their ledger")
	}
	return nil
}

// isDump reports whether a file is a dump, of which each record has its
// sequence, or a history file, from the first line that can be read.
func isDump(path string) bool {
	f, err := os.Open(path)
	if err != nil {
		return false
	}
	defer f.Close()
	lines := record.NewReader(f)
	for {
		l, _, err := lines.Next()
		if _, ofLine := errors.AsType[*record.LineError](err); ofLine {
			continue
		}
		return err == nil && l.Seq > 0
	}
}
