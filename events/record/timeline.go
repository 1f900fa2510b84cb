package record

import (
	"time"

	"bookledger/events"
)

// Timeline derives recorded times from the journal, record by record. The
// zero Timeline stands before all time, with history open.
type Timeline struct {
	Last     time.Time // the newest recorded time; zero before all time
	Boundary uint64    // the sequence of the record that has it
	Closed   bool      // history is closed
}

// Recorded returns the recorded time that r has if it is accepted, and for a
// record on a history subject the rejection that the rules of the history
// load give (bad_recorded, history_closed, time_step_back).
func (t *Timeline) Recorded(r *Record) (time.Time, *events.Rejection) {
	if !events.IsHistory(r.Subject) {
		return t.atOwnStamp(r), nil
	}
	header, err := events.ParseTime(r.Header)
	switch {
	case err != nil || !header.After(time.Time{}):
		// The zero time stands for before all time.
		return time.Time{}, &events.Rejection{Code: events.BadRecorded, Reason: "the header Ledger-Recorded is missing or no time as in RFC 3339 after the year 1 began"}
	case header.After(r.Stamped):
		return time.Time{}, &events.Rejection{Code: events.BadRecorded, Reason: "the header Ledger-Recorded is later than the record's own stamp"}
	case t.Closed:
		return time.Time{}, &events.Rejection{Code: events.HistoryClosedCode, Reason: "history is closed: nothing more can be loaded"}
	case header.Before(t.Last):
		return time.Time{}, &events.Rejection{Code: events.TimeStepBack, Reason: "the header Ledger-Recorded is earlier than that of the record before: load history in the order of time"}
	}
	return header, nil
}

// atOwnStamp is the stamp, but never earlier than what went before.
func (t *Timeline) atOwnStamp(r *Record) time.Time {
	if r.Stamped.Before(t.Last) {
		return t.Last
	}
	return r.Stamped
}

// Outcome is what became of a record.
type Outcome uint8

// The outcomes. Applied and Unchanged are the accepted ones: an Unchanged
// record said what was so already.
const (
	Applied Outcome = iota + 1
	Unchanged
	Duplicate
	Rejected
)

// String returns the outcome in a word.
func (o Outcome) String() string {
	words := [...]string{Applied: "applied", Unchanged: "unchanged", Duplicate: "duplicate", Rejected: "rejected"}
	if o == 0 || int(o) >= len(words) {
		return "unknown"
	}
	return words[o]
}

// HasRecordedTime reports whether r, of an event of this type and with this outcome, has
// a recorded time and so moves the timeline on. While history is open only
// accepted history records have one, and the record that closes it.
func (t *Timeline) HasRecordedTime(r *Record, eventType string, o Outcome) bool {
	return t.Closed || t.closes(r, eventType, o) ||
		events.IsHistory(r.Subject) && (o == Applied || o == Unchanged)
}

// closes reports whether r ends the history load: the first applied record of a
// live upstream system, or the ledger's own word.
func (t *Timeline) closes(r *Record, eventType string, o Outcome) bool {
	return o == Applied && (events.IsUpstream(r.Subject) || eventType == events.TypeHistoryClosed)
}

// Advance moves the timeline on to r, for which Moves has reported a recorded
// time; accepted history records are recorded at their header's, all others
// at their own stamp.
func (t *Timeline) Advance(r *Record, eventType string, o Outcome) {
	at := r.ClaimedTime(o)
	if at.Before(t.Last) {
		at = t.Last
	}
	t.Last, t.Boundary = at, r.Seq
	t.Closed = t.Closed || t.closes(r, eventType, o)
}
