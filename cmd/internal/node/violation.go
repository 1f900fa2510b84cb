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

// violationFile holds how the journal was found to differ from what was applied,
// from then on until the whole of it is found to be as it was.
const violationFile = "unsound"

// Violation returns how the journal was last found to differ from what was
// applied; "" where it was not, or was found to be as it was since.
func (n *Node) Violation() (string, error) {
	text, err := os.ReadFile(filepath.Join(n.Dir, violationFile))
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		return "", fmt.Errorf("reading what was found of the journal: %w", err)
	}
	return string(text), nil
}

// SaveViolation keeps what was found over restarts; "" is that the whole journal
// was found to be as it was applied.
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
		return fmt.Errorf("keeping what was found of the journal: %w", err)
	}
	return nil
}

// IsViolation reports whether an error says that journal and projection do not
// belong together, that the one or the other is damaged, or that a seal or a
// signed head is another than they make.
func IsViolation(err error) bool {
	return errors.Is(err, projections.ErrForked) || errors.Is(err, projections.ErrAhead) ||
		errors.Is(err, merkle.ErrDamaged) || errors.Is(err, checkpoint.ErrSealMismatch)
}

// Diagnose looks into an error of reading the journal: where that may come of a
// journal that is not what was applied, the whole is compared. A violation that
// is found is kept, and returned in the place of the error.
func (n *Node) Diagnose(ctx context.Context, err error) error {
	if !IsViolation(err) && !errors.Is(err, journal.ErrGap) && !errors.Is(err, journal.ErrNotFound) {
		return err
	}
	_, found := n.Compare(ctx, 0, nil)
	switch {
	case IsViolation(found):
	case found == nil || !IsViolation(err):
		return err // it was so for a moment, or is no matter of the journal's
	default:
		found = err // the whole cannot be compared
	}
	// A projection that is built anew from the journal agrees with it, whatever
	// it holds: that is for whoever knows which of the two is right.
	told := fmt.Errorf("%w; put the journal back as it was, or the newest copy of it; if what is there is to count from now on, move the folder %s away, and it is built anew", found, filepath.Join(n.Dir, projectionFolder))
	return errors.Join(told, n.SaveViolation(found.Error()))
}
