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

// markerFile marks the data folder of a demo. It contains the seed and the end of
// history.
const markerFile = "world.json"

type marker struct {
	Seed  uint64    `json:"seed"`
	Until time.Time `json:"until"`
}

// claimFolder creates or reuses the data folder. In the folder of an earlier run,
// history ends at the same time as then. It refuses a ledger that no demo has
// created, and one with other data.
func (d *demo) claimFolder() error {
	if d.data == "" {
		var err error
		if d.data, err = os.MkdirTemp("", "bookledger-demo-"); err != nil {
			return fmt.Errorf("creating the data folder of the demo: %w", err)
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
			return fmt.Errorf("%w: %s contains the data of another demo (seed %d, until %s): use another folder for --data", cli.ErrRefused, d.data, mark.Seed, mark.Until.Format(time.RFC3339))
		}
		d.config.Until = mark.Until
		// The addresses and tokens of the earlier run are no longer valid.
		if err := os.Remove(filepath.Join(d.data, demoFile)); !errors.Is(err, os.ErrNotExist) {
			return err
		}
		return nil
	}
	if !errors.Is(err, os.ErrNotExist) {
		return fmt.Errorf("reading %s: %w", path, err)
	}
	if _, err := os.Stat(filepath.Join(d.data, "journal")); err == nil {
		return fmt.Errorf("%w: %s contains a ledger that no demo has created: use another folder for --data", cli.ErrRefused, d.data)
	}
	if err := os.MkdirAll(d.data, 0o700); err != nil {
		return fmt.Errorf("creating the data folder of the demo: %w", err)
	}
	if text, err = json.Marshal(marker{d.config.Seed, d.config.Until}); err != nil {
		return err
	}
	if err := os.WriteFile(path, append(text, '\n'), 0o600); err != nil {
		return fmt.Errorf("writing %s: %w", path, err)
	}
	return nil
}
