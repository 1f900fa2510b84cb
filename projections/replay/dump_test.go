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

// replayDump replays a dump.
func replayDump(t *testing.T, text string) *replay.Replay {
	t.Helper()
	r := replay.New()
	if err := replay.RunAll(r.Dump(context.Background(), strings.NewReader(text), nil)); err != nil {
		t.Fatal(err)
	}
	return r
}

// TestDump checks that a dump yields the same ledger as the records themselves,
// and that progress counts the records as they are applied.
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
	stopped := replay.New()
	for step, err := range stopped.Dump(context.Background(), strings.NewReader(string(text)+"nonsense\n"), nil) {
		if err != nil {
			t.Fatal(err)
		}
		if step.IsCutoff(20261120) {
			break
		}
	}
	if got := stopped.Position(); got != 3 {
		t.Errorf("stopped at a cutoff: got position %d, want 3", got)
	}
}

// TestDumpReadsHistoryFile checks that a line without "stamped" takes its
// recorded time, and that a file without genesis is read with the default
// calendar, on live and on history subjects.
func TestDumpReadsHistoryFile(t *testing.T) {
	for _, onHistory := range []bool{false, true} {
		var text strings.Builder
		for _, rec := range weeks() {
			subject := rec.Subject
			if onHistory {
				subject = "ledger.history.calheers"
			}
			text.WriteString(`{"recorded":"` + rec.Stamped.Format("2006-01-02T15:04:05.999999999Z07:00") + `","subject":"` + subject + `","event":` + string(rec.Body) + "}\n")
		}
		r := replayDump(t, text.String())
		f := fridays(r)
		if len(f) != 3 || f[0].Friday != 20261120 || f[0].Boundary != 3 || status(t, r).Position != 7 {
			t.Errorf("history subjects %t: got checkpoints %+v and position %d", onHistory, f, status(t, r).Position)
		}
		if got := casesOf(t, r, "a1"); got != "23" {
			t.Errorf("history subjects %t: a1 holds cases %s, want 23", onHistory, got)
		}
	}
}

// TestDumpRejectsUnreadableLines checks that the error names a line that cannot
// be parsed or has no time, and that the records before it are applied.
func TestDumpRejectsUnreadableLines(t *testing.T) {
	first := weeks()[0]
	before := string(first.AppendLine(nil, first.Stamped))
	for _, line := range []string{"nonsense", `{"subject":"ledger.consumer.calheers","event":{}}`} {
		r := replay.New()
		err := replay.RunAll(r.Dump(context.Background(), strings.NewReader(before+line+"\n"), nil))
		var bad *record.LineError
		if !errors.Is(err, replay.ErrInvalidDump) || !errors.As(err, &bad) || bad.Number != 2 || status(t, r).Position != 1 {
			t.Errorf("%s: got error %v at position %d, want ErrInvalidDump for line 2 at position 1", line, err, status(t, r).Position)
		}
	}
	second := weeks()[1]
	next := string(second.AppendLine(nil, second.Stamped))
	for text, want := range map[string]string{
		next:                                "got record 2 after record 0",
		before + next[:len(next)/2]:         "the dump ends in the middle of record 2's line",
		before + next[:len(next)/2] + "\n":  "reading record 2",
		before + strings.Repeat("x", 5<<20): "line 2",
	} {
		if err := replay.RunAll(replay.New().Dump(context.Background(), strings.NewReader(text), nil)); !errors.Is(err, replay.ErrInvalidDump) || !strings.Contains(err.Error(), want) {
			t.Errorf("%.300q: got error %v, want ErrInvalidDump with %q", text, err, want)
		}
	}
	if r := replayDump(t, strings.TrimSuffix(before+next, "\n")); status(t, r).Position != 2 {
		t.Error("a last line without a newline was not read")
	}
}

// TestDumpReportsReadErrors checks that an error of the reader is not reported
// as an invalid dump.
func TestDumpReportsReadErrors(t *testing.T) {
	readErr := errors.New("disk failure")
	if err := replay.RunAll(replay.New().Dump(context.Background(), iotest.ErrReader(readErr), nil)); !errors.Is(err, readErr) || errors.Is(err, replay.ErrInvalidDump) {
		t.Errorf("got %v, want the reader's error and not ErrInvalidDump", err)
	}
}
