package record_test

import (
	"testing"
	"time"

	"pgregory.net/rapid"

	"bookledger/events"
	"bookledger/events/record"
)

const (
	consumer = "ledger.consumer.calheers"
	history  = "ledger.history.calheers"
)

// step is one record of a journal with its expected recorded time. Times are on
// November 20, 2026, in UTC.
type step struct {
	subject, stamped, header string
	eventType                string // blank for any upstream type
	outcome                  record.Outcome
	code                     events.Code // rejection by the history load, with outcome Rejected
	recorded                 string      // blank if the record has no recorded time
	closed                   bool        // history is closed after the record
}

func timeOfDay(t testing.TB, clock string) time.Time {
	t.Helper()
	at, err := time.Parse(time.RFC3339, "2026-11-20T"+clock+"Z")
	if err != nil {
		t.Fatal(err)
	}
	return at
}

// run applies records to a timeline and checks each step.
func run(t *testing.T, steps []step) {
	t.Helper()
	var line record.Timeline
	for i, s := range steps {
		r := record.Record{Seq: uint64(i + 1), Subject: s.subject, Stamped: timeOfDay(t, s.stamped), Header: s.header}
		if len(s.header) == len("12:00:00") {
			r.Header = "2026-11-20T" + s.header + "Z"
		}
		eventType := s.eventType
		if eventType == "" {
			eventType = events.TypeCaseClosed
		}
		_, rejection := line.Recorded(&r)
		var code events.Code
		if rejection != nil {
			code = rejection.Code
		}
		if code != s.code {
			t.Fatalf("record %d: got %v, want %q", r.Seq, rejection, s.code)
		}
		before := line
		moves := line.HasRecordedTime(&r, eventType, s.outcome)
		if line != before {
			t.Fatalf("record %d: HasRecordedTime changed the timeline", r.Seq)
		}
		if moves != (s.recorded != "") {
			t.Fatalf("record %d: HasRecordedTime = %t, want recorded time %q", r.Seq, moves, s.recorded)
		}
		if moves {
			line.Advance(&r, eventType, s.outcome)
			if want := timeOfDay(t, s.recorded); !line.Last.Equal(want) || line.Boundary != r.Seq {
				t.Fatalf("record %d: got recorded time %s (boundary %d), want %s", r.Seq, line.Last, line.Boundary, want)
			}
		}
		if line.Closed != s.closed {
			t.Fatalf("after record %d: got Closed = %t, want %t", r.Seq, line.Closed, s.closed)
		}
	}
}

// TestOnlyHistoryMovesOpenTimeline checks that while history is open, only accepted
// history records have a recorded time. Genesis, the ledger's own records and
// rejected live records do not.
func TestOnlyHistoryMovesOpenTimeline(t *testing.T) {
	run(t, []step{
		{subject: events.SubjectGenesis, stamped: "20:00:00", eventType: events.TypeGenesis, outcome: record.Applied},
		{subject: history, stamped: "20:00:01", header: "10:00:00", outcome: record.Applied, recorded: "10:00:00"},
		{subject: consumer, stamped: "20:00:02", outcome: record.Rejected},
		{subject: consumer, stamped: "20:00:03", outcome: record.Duplicate},
		{subject: consumer, stamped: "20:00:04", outcome: record.Unchanged},
		{subject: history, stamped: "20:00:05", header: "10:00:00", outcome: record.Unchanged, recorded: "10:00:00"},
		{subject: history, stamped: "20:00:06", header: "11:00:00", outcome: record.Duplicate},
		{subject: history, stamped: "20:00:07", header: "11:00:00", outcome: record.Rejected},
		{subject: events.SubjectClock, stamped: "20:00:08", eventType: events.TypeClock, outcome: record.Applied},
		{subject: events.SubjectExport, stamped: "20:00:09", eventType: events.TypeExportMade, outcome: record.Applied},
		{subject: events.SubjectControl, stamped: "20:00:09", eventType: events.TypeRules, outcome: record.Applied},
		{subject: history, stamped: "20:00:10", header: "10:30:00", outcome: record.Applied, recorded: "10:30:00"},
	})
}

// TestBadRecorded checks that a header that is missing, invalid or later than the
// stamp is bad_recorded, and that this check comes before history_closed and
// time_step_back. A header equal to the stamp is valid.
func TestBadRecorded(t *testing.T) {
	run(t, []step{
		{subject: history, stamped: "20:00:00", outcome: record.Rejected, code: events.BadRecorded},
		{subject: history, stamped: "20:00:00", header: "yesterday", outcome: record.Rejected, code: events.BadRecorded},
		{subject: history, stamped: "20:00:00", header: "2026-11-20 10:00:00Z", outcome: record.Rejected, code: events.BadRecorded},
		{subject: history, stamped: "20:00:00", header: "2026-11-20T20:00:00.000000001Z", outcome: record.Rejected, code: events.BadRecorded},
		{subject: history, stamped: "20:00:00", header: "20:00:00", outcome: record.Applied, recorded: "20:00:00"},
		{subject: history, stamped: "19:00:00", header: "19:30:00", outcome: record.Rejected, code: events.BadRecorded},
		{subject: history, stamped: "20:00:00", header: "2026-11-20T12:30:00.5-07:30", outcome: record.Rejected, code: events.BadRecorded},
		{subject: history, stamped: "20:00:00", header: "2026-11-20T12:00:00-08:00", outcome: record.Applied, recorded: "20:00:00"},
	})
	run(t, []step{
		{subject: consumer, stamped: "20:00:00", outcome: record.Applied, recorded: "20:00:00", closed: true},
		{subject: history, stamped: "20:00:01", outcome: record.Rejected, code: events.BadRecorded, recorded: "20:00:01", closed: true},
	})
}

// TestTimeStepBack checks that a history header earlier than the newest recorded
// time is time_step_back. An equal time is valid.
func TestTimeStepBack(t *testing.T) {
	run(t, []step{
		{subject: history, stamped: "20:00:00", header: "10:00:00", outcome: record.Applied, recorded: "10:00:00"},
		{subject: history, stamped: "20:00:00", header: "09:59:59", outcome: record.Rejected, code: events.TimeStepBack},
		{subject: history, stamped: "20:00:00", header: "2026-11-20T09:59:59.999999999Z", outcome: record.Rejected, code: events.TimeStepBack},
		{subject: history, stamped: "20:00:00", header: "10:00:00", outcome: record.Applied, recorded: "10:00:00"},
		{subject: history, stamped: "20:00:00", header: "12:00:00", outcome: record.Duplicate},
		{subject: history, stamped: "20:00:00", header: "11:00:00", outcome: record.Applied, recorded: "11:00:00"},
	})
}

// TestClosingHistory checks that the first applied live upstream record closes
// history, and so does ledger.history_closed. The closing record is the first that
// is recorded at its stamp. From then on every record has a recorded time, whatever
// its outcome, and records on history subjects are rejected as history_closed.
func TestClosingHistory(t *testing.T) {
	after := []step{
		{subject: history, stamped: "20:00:01", header: "19:00:00", outcome: record.Rejected, code: events.HistoryClosedCode, recorded: "20:00:01", closed: true},
		{subject: consumer, stamped: "20:00:02", outcome: record.Rejected, recorded: "20:00:02", closed: true},
		{subject: consumer, stamped: "20:00:03", outcome: record.Duplicate, recorded: "20:00:03", closed: true},
		{subject: consumer, stamped: "20:00:04", outcome: record.Unchanged, recorded: "20:00:04", closed: true},
		{subject: events.SubjectClock, stamped: "20:00:05", eventType: events.TypeClock, outcome: record.Applied, recorded: "20:00:05", closed: true},
		{subject: history, stamped: "20:00:06", header: "01:00:00", outcome: record.Rejected, code: events.HistoryClosedCode, recorded: "20:00:06", closed: true},
	}
	for _, closing := range []step{
		{subject: consumer},
		{subject: "ledger.delegation.calheers"},
		{subject: "ledger.agency.calheers"},
		{subject: events.SubjectControl, eventType: events.TypeHistoryClosed},
	} {
		closing.stamped, closing.outcome, closing.recorded, closing.closed = "20:00:00", record.Applied, "20:00:00", true
		open := step{subject: history, stamped: "20:00:00", header: "10:00:00", outcome: record.Applied, recorded: "10:00:00"}
		run(t, append([]step{open, closing}, after...))
		run(t, append([]step{closing}, after...))
	}
}

// TestRecordedTimeIsStamp checks that the recorded time of a live record is its
// stamp, but never earlier than the previous recorded time. The header is ignored
// on live subjects.
func TestRecordedTimeIsStamp(t *testing.T) {
	run(t, []step{
		{subject: history, stamped: "20:00:00", header: "20:00:00", outcome: record.Applied, recorded: "20:00:00"},
		{subject: consumer, stamped: "19:00:00", outcome: record.Applied, recorded: "20:00:00", closed: true},
		{subject: consumer, stamped: "19:30:00", header: "01:00:00", outcome: record.Applied, recorded: "20:00:00", closed: true},
		{subject: consumer, stamped: "21:00:00", header: "nonsense", outcome: record.Applied, recorded: "21:00:00", closed: true},
		{subject: history, stamped: "20:30:00", header: "20:00:00", outcome: record.Rejected, code: events.HistoryClosedCode, recorded: "21:00:00", closed: true},
		{subject: events.SubjectSeal, stamped: "20:59:59", eventType: events.TypeSealed, outcome: record.Applied, recorded: "21:00:00", closed: true},
	})
}

// TestRecordedTimeNeverDecreases checks random journals: recorded time never
// decreases, it is later than the stamp only if the clock was set back, and closed
// history stays closed.
func TestRecordedTimeNeverDecreases(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var line record.Timeline
		base := time.Date(2026, 11, 20, 20, 0, 0, 0, time.UTC)
		for seq := range uint64(rapid.IntRange(1, 60).Draw(t, "records")) {
			r := record.Record{
				Seq: seq + 1, Stamped: base.Add(time.Duration(rapid.IntRange(-50, 50).Draw(t, "stamped"))),
				Subject: rapid.SampledFrom([]string{history, history, history, consumer, events.SubjectClock, events.SubjectControl}).Draw(t, "subject"),
				Header:  base.Add(time.Duration(rapid.IntRange(-60, 60).Draw(t, "header"))).Format(time.RFC3339Nano),
			}
			eventType := map[string]string{events.SubjectClock: events.TypeClock, events.SubjectControl: events.TypeHistoryClosed}[r.Subject]
			outcome := record.Outcome(rapid.IntRange(int(record.Applied), int(record.Rejected)).Draw(t, "outcome"))
			expected, rejection := line.Recorded(&r)
			if rejection != nil && outcome < record.Duplicate {
				outcome = record.Rejected
			}
			before := line
			if !line.HasRecordedTime(&r, eventType, outcome) {
				if line.Closed {
					t.Fatalf("history is closed, but record %d has no recorded time", r.Seq)
				}
				continue
			}
			line.Advance(&r, eventType, outcome)
			if line.Last.Before(before.Last) || line.Boundary <= before.Boundary || before.Closed && !line.Closed {
				t.Fatalf("record %d changes the timeline from %+v to %+v", r.Seq, before, line)
			}
			if outcome <= record.Unchanged && !line.Last.Equal(expected) {
				t.Fatalf("record %d: got recorded time %s, want %s", r.Seq, line.Last, expected)
			}
			if line.Last.After(r.Stamped) && !line.Last.Equal(before.Last) {
				t.Fatalf("record %d has a recorded time later than its stamp", r.Seq)
			}
		}
	})
}

// TestOutcomeString checks the text of each outcome.
func TestOutcomeString(t *testing.T) {
	for o, want := range map[record.Outcome]string{
		record.Applied: "applied", record.Unchanged: "unchanged", record.Duplicate: "duplicate", record.Rejected: "rejected", 0: "unknown",
	} {
		if o.String() != want {
			t.Errorf("outcome %d: got %q, want %q", uint8(o), o, want)
		}
	}
}
