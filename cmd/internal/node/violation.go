package node

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"bookledger/events/journal"
	"bookledger/events/record/merkle"
	"bookledger/projections"
	"bookledger/projections/checkpoint"
)

// violationFile contains the integrity violation that was found last. It is removed
// when a comparison of the whole journal finds no difference.
const violationFile = "integrity-violation"

// Violation returns the saved integrity violation, or "".
func (n *Node) Violation() (string, error) {
	text, err := os.ReadFile(filepath.Join(n.Dir, violationFile))
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		return "", fmt.Errorf("reading the saved integrity violation: %w", err)
	}
	return string(text), nil
}

// SaveViolation saves an integrity violation so that it survives restarts. It removes
// the saved one if found is "".
func (n *Node) SaveViolation(found string) error {
	n.violationMu.Lock()
	defer n.violationMu.Unlock()
	path := filepath.Join(n.Dir, violationFile)
	if found == "" {
		if err := os.Remove(path); !errors.Is(err, os.ErrNotExist) {
			return err
		}
		return nil
	}
	if err := writeDurably(path, []byte(found)); err != nil {
		return fmt.Errorf("saving the integrity violation: %w", err)
	}
	return nil
}

// IsViolation reports whether an error is an integrity violation: the journal differs
// from what was applied, one of the two is damaged, or a seal or a signed tree head
// does not match them.
func IsViolation(err error) bool {
	return errors.Is(err, projections.ErrForked) || errors.Is(err, projections.ErrAhead) ||
		errors.Is(err, merkle.ErrDamaged) || errors.Is(err, checkpoint.ErrSealMismatch)
}

// Diagnose finds out whether an integrity violation caused an error. If that is
// possible, it compares the whole journal with what was applied. It saves a violation
// and returns it in place of the error; any other error it returns as it is.
func (n *Node) Diagnose(ctx context.Context, err error) error {
	if !IsViolation(err) && !errors.Is(err, journal.ErrGap) && !errors.Is(err, journal.ErrNotFound) {
		return err
	}
	_, found := n.Compare(ctx, 0, nil)
	switch {
	case IsViolation(found):
	case found == nil || !IsViolation(err):
		return err // a temporary error, or not an error of the journal
	default:
		found = err // the comparison failed
	}
	// A rebuilt projection matches any journal, so only a person who knows which of
	// the two is right may decide to rebuild it.
	err = fmt.Errorf("%w; restore the journal from its newest intact copy; or, to accept the journal as it is, move the folder %s away: the projection is then rebuilt from the journal", found, filepath.Join(n.Dir, projectionFolder))
	return errors.Join(err, n.SaveViolation(found.Error()))
}
