package exports

import (
	"context"
	"errors"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// panicGoexit ends the goroutine, as a failing check in a maker's test would.
func panicGoexit() { runtime.Goexit() }

func contains(text string, any ...string) bool {
	for _, part := range any {
		if strings.Contains(text, part) {
			return true
		}
	}
	return false
}

func TestAFileExpiresAndStaysWholeForWhoReadsIt(t *testing.T) {
	now := newClock()
	q, _ := start(t, Options{Now: now.Now, Keep: time.Minute})
	ticket := add(t, q, writing("agent-1", "a book"))
	<-ticket.Done()
	now.move(time.Minute - 1)
	wantPhase(t, ticket, Ready)
	first, _, err := ticket.Open()
	if err != nil {
		t.Fatal(err)
	}
	second, _, err := ticket.Open()
	if err != nil {
		t.Fatal(err)
	}
	now.move(1)
	wantPhase(t, ticket, Gone)
	if err := first.Close(); err != nil {
		t.Fatal(err)
	}
	_ = first.Close() // a second Close must not take the other reader's hold
	text, err := io.ReadAll(second)
	if err != nil || string(text) != "a book" || q.spool.bytes.Load() != 6 {
		t.Fatalf("after the end of its time a reader has %q (%v), and %d bytes are counted", text, err, q.spool.bytes.Load())
	}
	if err := second.Close(); err != nil {
		t.Fatal(err)
	}
	if q.spool.bytes.Load() != 0 {
		t.Errorf("%d bytes are counted of nothing", q.spool.bytes.Load())
	}
	if _, err := ticket.file.file.Stat(); !errors.Is(err, os.ErrClosed) {
		t.Errorf("nobody holds the file, and it is open still (%v)", err)
	}
}

func TestFilesExpireWhenNobodyAsks(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "spool")
	synctest.Test(t, func(t *testing.T) {
		q, stop := start(t, Options{Dir: dir, Workers: 1, Keep: time.Minute, MaxSpooled: 6})
		defer stop()
		first := add(t, q, writing("agent-1", "a book"))
		<-first.Done()
		second := add(t, q, writing("agent-2", "another"))
		failed := writing("agent-3", "")
		failed.Make = func(context.Context, io.Writer) (Made, error) { return Made{}, errors.New("no such book") }
		third := add(t, q, failed)
		synctest.Wait()
		wantPhase(t, second, Waiting)
		began := time.Now()
		<-second.Done() // the bubble's time runs on by itself until then
		if lasted := time.Since(began); lasted < time.Minute || lasted > time.Minute+2*sweepEvery {
			t.Errorf("the spool was free after %v", lasted)
		}
		wantPhase(t, first, Gone)
		wantPhase(t, second, Ready)
		wantPhase(t, third, Waiting)
		second.Release()
		<-third.Done()
		for range 2 * 60 { // of the bubble's seconds
			<-time.After(time.Second)
		}
		stop()
		if _, ok := q.tickets[third.id]; ok || len(q.finished) != 0 {
			t.Error("what failed is remembered for ever")
		}
	})
}

func TestAReaderHoldsTheSpoolUntilItCloses(t *testing.T) {
	q, _ := start(t, Options{MaxSpooled: 6})
	first := add(t, q, writing("agent-1", "a book"))
	<-first.Done()
	r, _, err := first.Open()
	if err != nil {
		t.Fatal(err)
	}
	first.Release()
	second := add(t, q, writing("agent-2", "b"))
	wantPhase(t, second, Waiting)
	if err := r.Close(); err != nil {
		t.Fatal(err)
	}
	<-second.Done()
	wantPhase(t, second, Ready)
}

func TestReleasingAWaitingAndAMakingJob(t *testing.T) {
	q, _ := start(t, Options{Workers: 1, MaxWaiting: 1})
	began, leave := make(chan struct{}), make(chan error)
	making := add(t, q, held("agent-1", began, leave))
	<-began
	waiting := add(t, q, writing("agent-2", "b"))
	_, err := q.Add(writing("agent-3", "c"))
	if refusal, ok := errors.AsType[*Refusal](err); !errors.Is(err, ErrFull) || !ok || refusal.RetryAfter < time.Second {
		t.Fatalf("a full queue says %v", err)
	}
	waiting.Release()
	<-waiting.Done()
	wantPhase(t, waiting, Gone)
	next := add(t, q, writing("agent-3", "c"))
	if s := next.State(); s.Phase != Waiting || s.Place != 0 {
		t.Fatalf("the next one is %+v", s)
	}
	making.Release() // its Make sees its context end, and makes room
	<-making.Done()
	<-next.Done()
	wantPhase(t, next, Ready)
	wantPhase(t, making, Gone)
	if n := q.spool.bytes.Load(); n != 1 {
		t.Errorf("%d bytes are spooled", n)
	}
}

func TestWhatWasReleasedWhileItWasMadeIsNotRecorded(t *testing.T) {
	q, stop := start(t, Options{Workers: 1})
	began, leave := make(chan struct{}), make(chan struct{})
	j := writing("agent-1", "a book")
	write := j.Make
	j.Make = func(ctx context.Context, w io.Writer) (Made, error) { // it does not look at ctx
		began <- struct{}{}
		<-leave
		return write(ctx, w)
	}
	j.Record = func(context.Context, Made) error { t.Error("it was recorded"); return nil }
	ticket := add(t, q, j)
	<-began
	ticket.Release()
	close(leave)
	stop()
	if n := q.spool.bytes.Load(); n != 0 || q.making != 0 || q.weight != 0 {
		t.Errorf("%d bytes are spooled, %d jobs of weight %d are being made", n, q.making, q.weight)
	}
}

func TestOneOwnerMayHaveSoManyAtOnce(t *testing.T) {
	now := newClock()
	q, _ := start(t, Options{MaxPerOwner: 2, Keep: time.Minute, Now: now.Now})
	first := add(t, q, writing("agent-1", "a"))
	<-first.Done()
	now.move(10 * time.Second)
	second := add(t, q, writing("agent-1", "b"))
	<-second.Done()
	_, err := q.Add(writing("agent-1", "c"))
	refusal, ok := errors.AsType[*Refusal](err)
	if !ok || !errors.Is(err, ErrTooMany) || refusal.RetryAfter != 50*time.Second {
		t.Fatalf("the third export is answered %v", err)
	}
	<-add(t, q, writing("agent-2", "d")).Done() // others are not concerned
	now.move(refusal.RetryAfter)
	<-add(t, q, writing("agent-1", "c")).Done()
	if _, err = q.Add(writing("agent-1", "e")); !errors.Is(err, ErrTooMany) {
		t.Fatalf("the third export is answered %v", err)
	}
	second.Release()
	<-add(t, q, writing("agent-1", "e")).Done()
}

func TestFailuresDoNotLockOutAndDoNotPileUp(t *testing.T) {
	q, _ := start(t, Options{MaxPerOwner: 2})
	for range 10 {
		j := writing("agent-1", "")
		j.Make = func(context.Context, io.Writer) (Made, error) { return Made{}, errors.New("no such book") }
		ticket := add(t, q, j)
		<-ticket.Done()
		wantPhase(t, ticket, Failed)
	}
	q.mu.Lock()
	defer q.mu.Unlock()
	if len(q.tickets) > 2 {
		t.Errorf("%d failed tickets of one owner are kept", len(q.tickets))
	}
}

func TestTheEnd(t *testing.T) {
	q, stop := start(t, Options{Workers: 1})
	done := add(t, q, writing("agent-0", "a book"))
	<-done.Done()
	began := make(chan struct{})
	making := add(t, q, held("agent-1", began, nil))
	<-began
	waiting := add(t, q, writing("agent-2", "b"))
	stop()
	for _, ticket := range []*Ticket{making, waiting} {
		<-ticket.Done()
		if s := ticket.State(); s.Phase != Failed || !errors.Is(s.Err, ErrEnded) {
			t.Errorf("after the end a ticket is %+v", s)
		}
	}
	if _, err := q.Add(writing("agent-3", "c")); !errors.Is(err, ErrEnded) {
		t.Errorf("after the end a job is answered %v", err)
	}
	if got := read(t, done); got != "a book" {
		t.Errorf("after the end a finished file holds %q", got)
	}
	if err := q.Run(context.Background()); err == nil {
		t.Error("the queue ran twice")
	}
	if q.turns.waiting != 0 || q.making != 0 {
		t.Errorf("%d wait and %d are being made", q.turns.waiting, q.making)
	}
}
