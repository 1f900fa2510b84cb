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
const worldFile = "world.json"

type worldMark struct {
	Seed  uint64    `json:"seed"`
	Until time.Time `json:"until"`
}

// claim makes the folder the demo's own and returns until when its history
// goes. A ledger that no demo has made is never written to, and neither is one
// of another world.
func (d *demo) claim(until time.Time) (time.Time, error) {
	if d.o.data == "" {
		var err error
		if d.o.data, err = os.MkdirTemp("", "bookledger-demo-"); err != nil {
			return until, fmt.Errorf("making a folder for the demo: %w", err)
		}
	}
	path := filepath.Join(d.o.data, worldFile)
	text, err := os.ReadFile(path)
	if err == nil {
		var mark worldMark
		if err := json.Unmarshal(text, &mark); err != nil {
			return until, fmt.Errorf("reading %s: %w", path, err)
		}
		if mark.Seed != d.o.seed || d.o.until != "" && !mark.Until.Equal(until) {
			return until, fmt.Errorf("%w: %s holds another demo's world (seed %d, until %s); choose another folder", cli.ErrRefused, d.o.data, mark.Seed, mark.Until.Format(time.RFC3339))
		}
		// What an earlier run says of itself holds no longer.
		if err := os.Remove(filepath.Join(d.o.data, demoFile)); err != nil && !errors.Is(err, os.ErrNotExist) {
			return until, err
		}
		return mark.Until, nil
	}
	if !errors.Is(err, os.ErrNotExist) {
		return until, fmt.Errorf("reading %s: %w", path, err)
	}
	if _, err := os.Stat(filepath.Join(d.o.data, "journal")); err == nil {
		return until, fmt.Errorf("%w: %s holds a ledger that is no demo's; choose another folder", cli.ErrRefused, d.o.data)
	}
	if err := os.MkdirAll(d.o.data, 0o700); err != nil {
		return until, fmt.Errorf("making a folder for the demo: %w", err)
	}
	if text, err = json.Marshal(worldMark{d.o.seed, until}); err != nil {
		return until, err
	}
	if err := os.WriteFile(path, append(text, '\n'), 0o600); err != nil {
		return until, fmt.Errorf("writing %s: %w", path, err)
	}
	return until, nil
}
