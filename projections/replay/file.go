package replay

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"os"

	"bookledger/events/record"
)

// ErrUnverified is returned for a dump that does not verify: it is not a
// ledger's journal, or it contradicts its seals or signed heads. The wrapping
// error's text names the file and the record.
var ErrUnverified = errors.New("the dump does not verify")

// File is a dump or a history file.
type File struct {
	Path string
	// Watch is called when a replay begins. It returns add, which is called
	// with the number of records applied since the last call, and done, which
	// is called when the replay ends.
	Watch func() (add func(n int), done func())
}

// Steps replays the file like Replay.Dump and then compares the result with the
// seals and signed heads in the file. The error is ErrUnverified if the file is
// a dump and does not verify. A history file has no genesis, and so no seals:
// it only has to be readable.
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

// AsUnverified wraps an error about the file so that it matches ErrUnverified.
func (f File) AsUnverified(err error) error {
	return wrappedError{fmt.Errorf("%s does not verify: %w", f.Path, err), ErrUnverified}
}

// compareSeals compares the seals in the journal. A journal without genesis
// must contain none.
func (r *Replay) compareSeals() error {
	if r.LedgerID() != "" {
		return r.CompareSeals()
	}
	if claims, err := r.Claims(); len(claims) > 0 || err != nil {
		return errors.New("the file has seals, but record 1 is not the genesis of a ledger")
	}
	return nil
}

// isDump reports whether a file is a dump rather than a history file: the first
// readable line of a dump has a sequence.
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
