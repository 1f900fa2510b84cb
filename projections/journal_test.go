package projections_test

import (
	"context"
	"errors"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"

	"bookledger/events/journal"
	"bookledger/events/record"
	"bookledger/projections"
)

// interruptedJournal is a journal whose Follow is interrupted after some records each time.
type interruptedJournal struct{ *journal.Journal }

func (f interruptedJournal) Follow(ctx context.Context, after uint64, yield func([]record.Record) error) error {
	left := 700
	return f.Journal.Follow(ctx, after, func(records []record.Record) error {
		if left -= len(records); left < 0 {
			return journal.ErrReconnected
		}
		return yield(records)
	})
}

// TestFollowsEmbeddedJournal follows an embedded journal while it is written, with
// interruptions, and again after both have been closed and reopened.
func TestFollowsEmbeddedJournal(t *testing.T) {
	ctx := t.Context()
	dir, fs := t.TempDir(), vfs.NewMem()
	records := smallLedger(t, "test", 4000)
	for part := range 2 {
		j, err := journal.Open(ctx, journal.Options{Dir: dir, Genesis: records[0].Body})
		if err != nil {
			t.Fatal(err)
		}
		p := openProjection(t, fs)
		stop := followWithRetries(p, interruptedJournal{j})
		msgs := make([]journal.Message, 0, 2000)
		for _, r := range records[max(1, part*2000):][:2000-1+part] {
			msgs = append(msgs, journal.Message{Subject: r.Subject, Body: r.Body})
		}
		var last uint64
		for len(msgs) > 0 {
			n := min(400, len(msgs))
			ack, err := j.Append(ctx, msgs[:n])
			if err != nil {
				t.Fatal(err)
			}
			msgs, last = msgs[n:], ack.Last
		}
		if _, _, err := p.WaitFor(ctx, last); err != nil {
			t.Fatal(err)
		}
		replaySummary(t, readAll(t, j)).check(t, p)
		if err := stop(); !errors.Is(err, context.Canceled) {
			t.Fatal(err)
		}
		checkNoGoroutines(t)
		closeOrFail(t, p)
		closeOrFail(t, j)
	}
}

// followWithRetries calls Follow again after each interruption, as the daemon does, until
// stop is called.
func followWithRetries(p *projections.Projection, src projections.Journal) (stop func() error) {
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() {
		var err error
		for err == nil || errors.Is(err, journal.ErrReconnected) {
			err = p.Follow(ctx, src)
		}
		ended <- err
	}()
	return func() error {
		cancel()
		return <-ended
	}
}

func readAll(tb testing.TB, j *journal.Journal) (all []record.Record) {
	tb.Helper()
	last, err := j.Last(context.Background())
	if err != nil {
		tb.Fatal(err)
	}
	if err := j.Read(context.Background(), 0, last, func(records []record.Record) error {
		all = append(all, records...)
		return nil
	}); err != nil {
		tb.Fatal(err)
	}
	return all
}
