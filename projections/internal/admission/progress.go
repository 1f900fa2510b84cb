package admission

import (
	"encoding/hex"
	"fmt"
	"time"

	"bookledger/events"
	"bookledger/events/record/treehead"
	"bookledger/projections/book"
)

// Progress is what views and replays say alike of where their ledger stands.
type Progress struct{ processor *Processor }

// ProgressOf is where a processor's ledger stands.
func ProgressOf(p *Processor) Progress { return Progress{p} }

// Position is the sequence of the newest record.
func (s Progress) Position() uint64 { return s.processor.Position }

// LedgerID is that of the ledger; "" where the record has no genesis.
func (s Progress) LedgerID() string { return s.processor.LedgerID }

// Calendar is the ledger's calendar.
func (s Progress) Calendar() *events.Calendar { return s.processor.Calendar() }

// Keys returns the keys of the seals.
func (s Progress) Keys() (*treehead.Keys, error) { return s.processor.Keys() }

// HistoryClosed reports whether the history load is over.
func (s Progress) HistoryClosed() bool { return s.processor.Timeline.Closed }

// Recorded is the newest recorded time; zero before all time.
func (s Progress) Recorded() time.Time { return s.processor.Timeline.Last }

// OpenFriday is the Friday whose week is open, for which live lists are shown;
// 0 before all time.
func (s Progress) OpenFriday() events.Date { return s.processor.Week }

// Summary is where the ledger stands, without the state hash.
func (s Progress) Summary() Status { return s.processor.status("") }

// StatusOf is where the ledger stands, with the hash of the whole state. It takes
// a pass over that.
func (s Progress) StatusOf(whole book.FullState) (Status, error) {
	sum, err := book.StateHash(whole)
	if err != nil {
		return Status{}, fmt.Errorf("hashing the state: %w", err)
	}
	return s.processor.status(hex.EncodeToString(sum[:])), nil
}
