package ledger

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
)

// findingFile holds how the journal was found to differ from what was applied,
// from then on until the whole of it is found to be as it was.
const findingFile = "unsound"

// Finding returns how the journal was last found to differ from what was
// applied, "" where it was not, or was found to be sound since.
func (l *Ledger) Finding() (string, error) {
	text, err := os.ReadFile(filepath.Join(l.Dir, findingFile))
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		return "", fmt.Errorf("reading what was found of the journal: %w", err)
	}
	return string(text), nil
}

// KeepFinding keeps a finding over restarts; "" is that the whole journal was
// found to be sound.
func (l *Ledger) KeepFinding(found string) error {
	path := filepath.Join(l.Dir, findingFile)
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
