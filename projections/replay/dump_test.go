package replay_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"testing/iotest"

	"bookledger/events/record"
	"bookledger/projections/replay"
)

// dumped replays a dump.
func dumped(t *testing.T, text string) *replay.Replay {
	t.Helper()
	r := replay.New()
	if err := replay.RunAll(r.Dump(context.Background(), strings.NewReader(text), nil)); err != nil {
		t.Fatal(err)
	}
	return r
}

// TestDump holds that the record as NDJSON gives the same ledger as the record
// itself, and that records are counted as they are applied.
func TestDump(t *testing.T) {
	var text []byte
	for _, rec := range weeks() {
		text = rec.AppendLine(text, rec.Stamped)
	}
	want := replay.New()
	apply(t, want, weeks(), 0)
	n, r := 0, replay.New()
	if err := replay.RunAll(r.Dump(context.Background(), strings.NewReader(string(text)), func(more int) { n += more })); err != nil {
		t.Fatal(err)
	}
	if status(t, r) != status(t, want) || n != len(weeks()) || len(fridays(r)) != len(fridays(want)) {
		t.Errorf("got %+v of %d records, want %+v", status(t, r), n, status(t, want))
	}
	left := replay.New()
	for step, err := range left.Dump(context.Background(), strings.NewReader(string(text)+"nonsense\n"), nil) {
		if err != nil {
			t.Fatal(err)
		}
		if step.IsCutoff(20261120) {
			break
		}
	}
	if left.Position() != 3 {
		t.Errorf("a replay that was left after record 3 is at %d", left.Position())
	}
}

// TestDumpOfAHistoryFile holds that a line without stamped is taken at its
// recorded time, and that a file without genesis is read with the default
// calendar: live subjects and history subjects alike.
func TestDumpOfAHistoryFile(t *testing.T) {
	for _, onHistory := range []bool{false, true} {
		var text strings.Builder
		for _, rec := range weeks() {
			subject := rec.Subject
			if onHistory {
				subject = "ledger.history.calheers"
			}
			text.WriteString(`{"recorded":"` + rec.Stamped.Format("2006-01-02T15:04:05.999999999Z07:00") + `","subject":"` + subject + `","event":` + string(rec.Body) + "}\n")
		}
		r := dumped(t, text.String())
		f := fridays(r)
		if len(f) != 3 || f[0].Friday != 20261120 || f[0].Boundary != 3 || status(t, r).Position != 7 {
			t.Errorf("on history subjects %t: %+v at %d", onHistory, f, status(t, r).Position)
		}
		if got := heldBy(t, r, "a1"); got != "23" {
			t.Errorf("on history subjects %t: a1 holds %s", onHistory, got)
		}
	}
}

// TestDumpRefuses holds that a line which is none, or has no time, is named,
// after what stands before it was applied.
func TestDumpRefuses(t *testing.T) {
	first := weeks()[0]
	before := string(first.AppendLine(nil, first.Stamped))
	for _, line := range []string{"nonsense", `{"subject":"ledger.consumer.calheers","event":{}}`} {
		r := replay.New()
		err := replay.RunAll(r.Dump(context.Background(), strings.NewReader(before+line+"\n"), nil))
		var bad *record.LineError
		if !errors.Is(err, replay.ErrInvalidDump) || !errors.As(err, &bad) || bad.Number != 2 || status(t, r).Position != 1 {
			t.Errorf("%s: %v, at %d", line, err, status(t, r).Position)
		}
	}
	second := weeks()[1]
	next := string(second.AppendLine(nil, second.Stamped))
	for text, says := range map[string]string{
		next:                                "got record 2, want record 1",
		before + next[:len(next)/2]:         "the dump ends in the middle of record 2's line",
		before + next[:len(next)/2] + "\n":  "reading record 2",
		before + strings.Repeat("x", 5<<20): "line 2",
	} {
		if err := replay.RunAll(replay.New().Dump(context.Background(), strings.NewReader(text), nil)); !errors.Is(err, replay.ErrInvalidDump) || !strings.Contains(err.Error(), says) {
			t.Errorf("%.300q: %v, and must say %q", text, err, says)
		}
	}
	if r := dumped(t, strings.TrimSuffix(before+next, "\n")); status(t, r).Position != 2 {
		t.Error("the last line needs no newline")
	}
}

// TestDumpFails holds that what is no fault of the dump is not taken for one.
func TestDumpFails(t *testing.T) {
	mine := errors.New("mine")
	if err := replay.RunAll(replay.New().Dump(context.Background(), iotest.ErrReader(mine), nil)); !errors.Is(err, mine) || errors.Is(err, replay.ErrInvalidDump) {
		t.Errorf("the disk has failed: %v", err)
	}
}
