package admission

import (
	"encoding/hex"
	"fmt"
	"time"

	"bookledger/events"
	"bookledger/events/record/treehead"
	"bookledger/projections/book"
)

// Progress provides read-only access to a processor. Views and replays embed it.
type Progress struct{ processor *Processor }

// ProgressOf returns the progress of p.
func ProgressOf(p *Processor) Progress { return Progress{p} }

// Position returns the sequence of the newest record.
func (s Progress) Position() uint64 { return s.processor.Position }

// LedgerID returns the ledger's ID, or "" if the journal has no genesis.
func (s Progress) LedgerID() string { return s.processor.LedgerID }

// Calendar returns the ledger's calendar.
func (s Progress) Calendar() *events.Calendar { return s.processor.Calendar() }

// Keys returns the public keys of the seals.
func (s Progress) Keys() (*treehead.Keys, error) { return s.processor.Keys() }

// HistoryClosed reports whether history is closed.
func (s Progress) HistoryClosed() bool { return s.processor.Timeline.Closed }

// Recorded returns the newest recorded time, or the zero time if there is none.
func (s Progress) Recorded() time.Time { return s.processor.Timeline.Last }

// OpenFriday returns the Friday of the open week, which live lists show. It returns
// 0 before the first recorded time.
func (s Progress) OpenFriday() events.Date { return s.processor.Week }

// Summary returns the status without the state hash.
func (s Progress) Summary() Status { return s.processor.status("") }

// StatusOf returns the status with the hash of state, which must be the whole
// current state. It reads all of it.
func (s Progress) StatusOf(state book.FullState) (Status, error) {
	sum, err := book.StateHash(state)
	if err != nil {
		return Status{}, fmt.Errorf("hashing the state: %w", err)
	}
	return s.processor.status(hex.EncodeToString(sum[:])), nil
}
