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

// step is one record of a journal, and what the rules of recorded time say of
// it. Times are of 20 November 2026, in UTC.
type step struct {
	subject, stamped, header string
	eventType                string // blank: any upstream one
	outcome                  record.Outcome
	code                     events.Code // of the history load; the outcome is Rejected then
	recorded                 string      // blank where the record has none
	closed                   bool        // history is closed after it
}

func onTheDay(t testing.TB, clock string) time.Time {
	t.Helper()
	at, err := time.Parse(time.RFC3339, "2026-11-20T"+clock+"Z")
	if err != nil {
		t.Fatal(err)
	}
	return at
}

// run takes a timeline through records as judging does.
func run(t *testing.T, steps []step) {
	t.Helper()
	var line record.Timeline
	for i, s := range steps {
		r := record.Record{Seq: uint64(i + 1), Subject: s.subject, Stamped: onTheDay(t, s.stamped), Header: s.header}
		if len(s.header) == len("12:00:00") {
			r.Header = "2026-11-20T" + s.header + "Z"
		}
		eventType := s.eventType
		if eventType == "" {
			eventType = events.TypeCaseClosed
		}
		_, why := line.Recorded(&r)
		var code events.Code
		if why != nil {
			code = why.Code
		}
		if code != s.code {
			t.Fatalf("record %d: got %v, want %q", r.Seq, why, s.code)
		}
		before := line
		moves := line.HasRecordedTime(&r, eventType, s.outcome)
		if line != before {
			t.Fatalf("record %d: asking has changed the timeline", r.Seq)
		}
		if moves != (s.recorded != "") {
			t.Fatalf("record %d has a recorded time: %t, want %q", r.Seq, moves, s.recorded)
		}
		if moves {
			line.Advance(&r, eventType, s.outcome)
			if want := onTheDay(t, s.recorded); !line.Last.Equal(want) || line.Boundary != r.Seq {
				t.Fatalf("record %d is recorded at %s (boundary %d), want %s", r.Seq, line.Last, line.Boundary, want)
			}
		}
		if line.Closed != s.closed {
			t.Fatalf("after record %d history is closed: %t", r.Seq, line.Closed)
		}
	}
}

// TestBeforeClosing holds that until history is closed only accepted history
// records move recorded time: genesis and whatever else stands between them
// has none, rejected live records neither.
func TestBeforeClosing(t *testing.T) {
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

// TestBadRecorded holds that a header that is missing, unreadable or later
// than the record's own stamp is bad_recorded, before history_closed and
// time_step_back, and that one at the very stamp is good.
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

// TestTimeStepBack holds that the history load goes forward in time, or
// stands: a header earlier than the newest recorded time is time_step_back.
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

// TestClosing holds that history is closed by the first applied live upstream
// record, or by the ledger's word; that the closing record is the first at
// its own stamp; that every record moves time on from then, whatever becomes
// of it; and that what comes on history subjects is history_closed.
func TestClosing(t *testing.T) {
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

// TestOwnStamp holds that the recorded time is the stamp, but never earlier
// than that of the record before it; the header counts for nothing on live
// subjects.
func TestOwnStamp(t *testing.T) {
	run(t, []step{
		{subject: history, stamped: "20:00:00", header: "20:00:00", outcome: record.Applied, recorded: "20:00:00"},
		{subject: consumer, stamped: "19:00:00", outcome: record.Applied, recorded: "20:00:00", closed: true},
		{subject: consumer, stamped: "19:30:00", header: "01:00:00", outcome: record.Applied, recorded: "20:00:00", closed: true},
		{subject: consumer, stamped: "21:00:00", header: "nonsense", outcome: record.Applied, recorded: "21:00:00", closed: true},
		{subject: history, stamped: "20:30:00", header: "20:00:00", outcome: record.Rejected, code: events.HistoryClosedCode, recorded: "21:00:00", closed: true},
		{subject: events.SubjectSeal, stamped: "20:59:59", eventType: events.TypeSealed, outcome: record.Applied, recorded: "21:00:00", closed: true},
	})
}

// TestTimeOnlyGoesForward holds, on any journal, that recorded time never goes
// back, that it is a record's stamp or before it unless the clock was set
// back, and that closed history stays closed.
func TestTimeOnlyGoesForward(t *testing.T) {
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
			would, why := line.Recorded(&r)
			if why != nil && outcome < record.Duplicate {
				outcome = record.Rejected
			}
			before := line
			if !line.HasRecordedTime(&r, eventType, outcome) {
				if line.Closed {
					t.Fatalf("history is closed, and record %d does not move time", r.Seq)
				}
				continue
			}
			line.Advance(&r, eventType, outcome)
			if line.Last.Before(before.Last) || line.Boundary <= before.Boundary || before.Closed && !line.Closed {
				t.Fatalf("record %d takes the timeline from %+v to %+v", r.Seq, before, line)
			}
			if outcome <= record.Unchanged && !line.Last.Equal(would) {
				t.Fatalf("record %d is recorded at %s, it was to be at %s", r.Seq, line.Last, would)
			}
			if line.Last.After(r.Stamped) && !line.Last.Equal(before.Last) {
				t.Fatalf("record %d is recorded later than it was stamped", r.Seq)
			}
		}
	})
}

// TestOutcome holds the words for what became of a record.
func TestOutcome(t *testing.T) {
	for o, want := range map[record.Outcome]string{
		record.Applied: "applied", record.Unchanged: "unchanged", record.Duplicate: "duplicate", record.Rejected: "rejected", 0: "unknown",
	} {
		if o.String() != want {
			t.Errorf("%d is %q, want %q", o, o, want)
		}
	}
}
