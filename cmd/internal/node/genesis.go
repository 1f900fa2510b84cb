package node

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/google/uuid"

	"bookledger/events"
	"bookledger/events/journal"
	"bookledger/projections/fold"
)

// newGenesis returns the genesis event of a new ledger. After a crash between writing
// the key and appending genesis, the next start uses the same key.
func newGenesis(o Options) ([]byte, error) {
	cutoff := o.Cutoff
	if cutoff == "" {
		cutoff = events.DefaultCutoff
	}
	calendar, err := events.NewCalendarSpec(cutoff)
	if err != nil {
		return nil, err
	}
	key, err := loadOrCreateKey(filepath.Join(o.Dir, sealKeyFile))
	if err != nil {
		return nil, err
	}
	return events.Event{
		ID: "genesis", Source: events.SourceLedger, Type: events.TypeGenesis, Time: o.Now().UTC(),
		Data: &events.Genesis{
			LedgerID: uuid.NewString(), Calendar: calendar, Rules: fold.RulesNumber,
			SealKey: base64.StdEncoding.EncodeToString(key),
		},
	}.Encode()
}

// CloseHistory appends the event that closes history, with the time now.
func CloseHistory(ctx context.Context, j *journal.Client, now time.Time) (journal.Ack, error) {
	message, err := journal.MessageOf(events.Event{
		ID: "history-closed", Source: events.SourceLedger, Type: events.TypeHistoryClosed, Time: now.UTC(),
		Data: &events.HistoryClosed{},
	})
	if err != nil {
		return journal.Ack{}, err
	}
	ack, err := j.Append(ctx, []journal.Message{message})
	if err != nil {
		return ack, fmt.Errorf("closing history: %w", err)
	}
	return ack, nil
}

// writeDurably writes a file atomically, so that it survives a power failure. Genesis
// names the seal key forever, and an integrity violation must not be lost.
func writeDurably(path string, text []byte) error {
	f, err := os.OpenFile(path+".new", os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o600)
	if err != nil {
		return err
	}
	_, err = f.Write(text)
	if err = errors.Join(err, f.Sync(), f.Close()); err != nil {
		return err
	}
	if err := os.Rename(path+".new", path); err != nil {
		return err
	}
	folder, err := os.Open(filepath.Dir(path))
	if err != nil {
		return err
	}
	return errors.Join(folder.Sync(), folder.Close())
}
