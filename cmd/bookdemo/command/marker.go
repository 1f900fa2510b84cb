package command

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"bookledger/cmd/internal/cli"
)

// worldFile marks a folder as a demo's, and says which world it holds.
const markerFile = "world.json"

type marker struct {
	Seed  uint64    `json:"seed"`
	Until time.Time `json:"until"`
}

// claim makes the folder the demo's own. In that of an earlier run, history ends
// when it did then. A ledger that no demo has made is never written to, and neither
// is one of another world.
func (d *demo) claimFolder() error {
	if d.data == "" {
		var err error
		if d.data, err = os.MkdirTemp("", "bookledger-demo-"); err != nil {
			return fmt.Errorf("making a folder for the demo: %w", err)
		}
	}
	path := filepath.Join(d.data, markerFile)
	text, err := os.ReadFile(path)
	if err == nil {
		var mark marker
		if err := json.Unmarshal(text, &mark); err != nil {
			return fmt.Errorf("reading %s: %w", path, err)
		}
		if mark.Seed != d.config.Seed || d.until != "" && !mark.Until.Equal(d.config.Until) {
			return fmt.Errorf("%w: %s holds another demo's world (seed %d, until %s); choose another folder", cli.ErrRefused, d.data, mark.Seed, mark.Until.Format(time.RFC3339))
		}
		d.config.Until = mark.Until
		// What an earlier run says of itself holds no longer.
		if err := os.Remove(filepath.Join(d.data, demoFile)); !errors.Is(err, os.ErrNotExist) {
			return err
		}
		return nil
	}
	if !errors.Is(err, os.ErrNotExist) {
		return fmt.Errorf("reading %s: %w", path, err)
	}
	if _, err := os.Stat(filepath.Join(d.data, "journal")); err == nil {
		return fmt.Errorf("%w: %s holds a ledger that is no demo's; choose another folder", cli.ErrRefused, d.data)
	}
	if err := os.MkdirAll(d.data, 0o700); err != nil {
		return fmt.Errorf("making a folder for the demo: %w", err)
	}
	if text, err = json.Marshal(marker{d.config.Seed, d.config.Until}); err != nil {
		return err
	}
	if err := os.WriteFile(path, append(text, '\n'), 0o600); err != nil {
		return fmt.Errorf("writing %s: %w", path, err)
	}
	return nil
}
