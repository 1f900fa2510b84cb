package record

import (
	"time"

	"bookledger/events"
)

// Timeline derives recorded times from the journal, record by record. The zero
// Timeline is the state before the first record, with history open.
type Timeline struct {
	Last     time.Time // newest recorded time; zero if there is none
	Boundary uint64    // sequence of the record with time Last
	Closed   bool      // reports whether history is closed
}

// Recorded returns the recorded time of r if r is accepted. For a record on a
// history subject it may instead return a rejection by the rules of the history
// load (bad_recorded, history_closed, time_step_back).
func (t *Timeline) Recorded(r *Record) (time.Time, *events.Rejection) {
	if !events.IsHistory(r.Subject) {
		return t.liveTime(r), nil
	}
	header, err := events.ParseTime(r.Header)
	switch {
	case err != nil || !header.After(time.Time{}):
		// The zero time means that there is no recorded time yet.
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

// liveTime returns the stamp, or the previous recorded time if that is later.
func (t *Timeline) liveTime(r *Record) time.Time {
	if r.Stamped.Before(t.Last) {
		return t.Last
	}
	return r.Stamped
}

// Outcome is the result of processing a record.
type Outcome uint8

// The outcomes. Applied and Unchanged records are accepted. An Unchanged record
// states what was already true.
const (
	Applied Outcome = iota + 1
	Unchanged
	Duplicate
	Rejected
)

// String returns the outcome in lower case.
func (o Outcome) String() string {
	words := [...]string{Applied: "applied", Unchanged: "unchanged", Duplicate: "duplicate", Rejected: "rejected"}
	if o == 0 || int(o) >= len(words) {
		return "unknown"
	}
	return words[o]
}

// HasRecordedTime reports whether r, with this event type and outcome, has a
// recorded time and so advances the timeline. While history is open, only
// accepted history records and the record that closes history have one.
func (t *Timeline) HasRecordedTime(r *Record, eventType string, o Outcome) bool {
	return t.Closed || t.closes(r, eventType, o) ||
		events.IsHistory(r.Subject) && (o == Applied || o == Unchanged)
}

// closes reports whether r closes history: the first applied live record of an
// upstream system or the portal does, and so does ledger.history_closed.
func (t *Timeline) closes(r *Record, eventType string, o Outcome) bool {
	return o == Applied && (events.IsUpstream(r.Subject) || eventType == events.TypeHistoryClosed)
}

// Advance advances the timeline to r. HasRecordedTime must have reported true.
// The new time is that of ClaimedTime, but never earlier than Last.
func (t *Timeline) Advance(r *Record, eventType string, o Outcome) {
	at := r.ClaimedTime(o)
	if at.Before(t.Last) {
		at = t.Last
	}
	t.Last, t.Boundary = at, r.Seq
	t.Closed = t.Closed || t.closes(r, eventType, o)
}
