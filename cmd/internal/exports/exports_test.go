package exports

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"
)

// clock is a time that stands until it is moved.
type clock struct {
	mu  sync.Mutex
	now time.Time
}

func newClock() *clock { return &clock{now: time.Date(2026, 11, 21, 5, 1, 0, 0, time.UTC)} }

func (c *clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

func (c *clock) move(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = c.now.Add(d)
}

// start runs a queue in a folder of its own; stop ends it, and waits.
func start(t testing.TB, o Options) (q *Queue, stop func()) {
	t.Helper()
	if o.Dir == "" {
		o.Dir = filepath.Join(t.TempDir(), "spool")
	}
	q, err := New(o)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- q.Run(ctx) }()
	stop = sync.OnceFunc(func() {
		cancel()
		if err := <-ended; err != nil {
			t.Errorf("Run: %v", err)
		}
	})
	t.Cleanup(stop)
	return q, stop
}

func recordNothing(context.Context, Made) error { return nil }

// writing is a job whose file holds the text.
func writing(owner, text string) Job {
	return Job{Owner: owner, Weight: len(text), Record: recordNothing, Make: func(_ context.Context, w io.Writer) (Made, error) {
		_, err := io.WriteString(w, text)
		return Made{Name: owner + ".xlsx", Rows: len(text)}, err
	}}
}

// held is a job that says when it is being made, and then waits for leave or
// for its context.
func held(owner string, began chan<- struct{}, leave <-chan error) Job {
	return Job{Owner: owner, Record: recordNothing, Make: func(ctx context.Context, w io.Writer) (Made, error) {
		began <- struct{}{}
		select {
		case err := <-leave:
			return Made{}, err
		case <-ctx.Done():
			return Made{}, ctx.Err()
		}
	}}
}

func add(t testing.TB, q *Queue, j Job) *Ticket {
	t.Helper()
	ticket, err := q.Add(j)
	if err != nil {
		t.Fatal(err)
	}
	return ticket
}

func wantPhase(t testing.TB, ticket *Ticket, want Phase) {
	t.Helper()
	if s := ticket.State(); s.Phase != want {
		t.Fatalf("the ticket is %v (%v), want %v", s.Phase, s.Err, want)
	}
}

func TestAFileIsMadeRecordedAndThenToBeHad(t *testing.T) {
	q, _ := start(t, Options{})
	j := writing("agent-1", "a book")
	var ticket *Ticket
	set := make(chan struct{})
	recorded := make(chan Made, 1)
	j.Record = func(_ context.Context, m Made) error {
		<-set
		if _, _, err := ticket.Open(); !errors.Is(err, ErrNotReady) {
			t.Errorf("before Record has returned Open says %v", err)
		}
		recorded <- m
		return nil
	}
	ticket = add(t, q, j)
	close(set)
	<-ticket.Done()
	wantPhase(t, ticket, Ready)
	if found, ok := q.Ticket(ticket.ID()); !ok || found != ticket || found.Owner() != "agent-1" || len(ticket.ID()) < 26 {
		t.Fatalf("by its id %q another ticket is found, or none", ticket.ID())
	}
	sum := sha256.Sum256([]byte("a book"))
	first, made := <-recorded, ticket.State().Made
	if first != made || made.Bytes != 6 || made.Name != "agent-1.xlsx" || made.SHA256 != hex.EncodeToString(sum[:]) {
		t.Fatalf("recorded was %+v, ready is %+v", first, made)
	}
	for range 2 {
		if got := read(t, ticket); got != "a book" {
			t.Fatalf("the file holds %q", got)
		}
	}
	ticket.Release()
	ticket.Release()
	wantPhase(t, ticket, Gone)
	if _, ok := q.Ticket(ticket.ID()); ok {
		t.Error("a released ticket is still known")
	}
	if _, _, err := ticket.Open(); !errors.Is(err, ErrGone) {
		t.Errorf("opening what is gone says %v", err)
	}
}

func read(t testing.TB, ticket *Ticket) string {
	t.Helper()
	r, _, err := ticket.Open()
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	text, err := io.ReadAll(r)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

func TestWhatCannotBeRecordedNeverLeaves(t *testing.T) {
	q, _ := start(t, Options{})
	lost := errors.New("the journal does not answer")
	j := writing("agent-1", "a book")
	j.Record = func(context.Context, Made) error { return lost }
	ticket := add(t, q, j)
	<-ticket.Done()
	if s := ticket.State(); s.Phase != Failed || !errors.Is(s.Err, lost) {
		t.Fatalf("the state is %+v", s)
	}
	if _, _, err := ticket.Open(); !errors.Is(err, lost) {
		t.Errorf("Open says %v", err)
	}
	if n := q.spool.bytes.Load(); n != 0 {
		t.Errorf("%d bytes of it are left", n)
	}
}

func TestAFalseAccountOfTheFileIsNotRecorded(t *testing.T) {
	q, _ := start(t, Options{})
	for _, m := range []Made{{Bytes: 5}, {SHA256: "00"}} {
		j := writing("agent-1", "a book")
		write := j.Make
		j.Make = func(ctx context.Context, w io.Writer) (Made, error) {
			_, err := write(ctx, w)
			return m, err
		}
		j.Record = func(context.Context, Made) error { t.Errorf("%+v was recorded", m); return nil }
		ticket := add(t, q, j)
		<-ticket.Done()
		wantPhase(t, ticket, Failed)
	}
}

func TestAPanicFailsItsTicketAloneAndSaysNothing(t *testing.T) {
	const secret = "Sánchez 7880"
	q, _ := start(t, Options{})
	inMake, inRecord, ending := writing("agent-1", "x"), writing("agent-2", "y"), writing("agent-3", "z")
	inMake.Make = func(context.Context, io.Writer) (Made, error) { panic(secret) }
	inRecord.Record = func(context.Context, Made) error { panic(errors.New(secret)) }
	ending.Make = func(context.Context, io.Writer) (Made, error) { panicGoexit(); return Made{}, nil }
	for _, j := range []Job{inMake, inRecord, ending} {
		ticket := add(t, q, j)
		<-ticket.Done()
		s := ticket.State()
		panicked, ok := errors.AsType[*Panicked](s.Err)
		if s.Phase != Failed || !ok || contains(s.Err.Error()+panicked.Stack, "Sánchez", "7880") {
			t.Fatalf("the state is %+v", s)
		}
		if j.Owner != "agent-3" && !contains(panicked.Stack, "exports_test.go") {
			t.Errorf("the stack does not say where:\n%s", panicked.Stack)
		}
	}
	well := add(t, q, writing("agent-1", "a book"))
	<-well.Done()
	if got := read(t, well); got != "a book" {
		t.Errorf("after panics a file holds %q", got)
	}
}

func TestNoFileHasANameAndLeftoversGo(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "spool")
	if err := os.Mkdir(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{spoolPrefix + "123", "kept"} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte("x"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	q, _ := start(t, Options{Dir: dir})
	wrote, leave := make(chan struct{}), make(chan error)
	j := writing("agent-1", "a book")
	write := j.Make
	j.Make = func(ctx context.Context, w io.Writer) (Made, error) {
		made, err := write(ctx, w)
		wrote <- struct{}{}
		return made, errors.Join(err, <-leave)
	}
	ticket := add(t, q, j)
	<-wrote
	wantNames(t, dir, "kept")
	leave <- nil
	<-ticket.Done()
	r, _, err := ticket.Open()
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	wantNames(t, dir, "kept")
	info, err := ticket.file.file.Stat()
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("the file's mode is %v (%v)", info.Mode(), err)
	}
}

func wantNames(t *testing.T, dir string, want ...string) {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, e := range entries {
		names = append(names, e.Name())
	}
	if fmt.Sprint(names) != fmt.Sprint(want) {
		t.Errorf("the folder holds %v, want %v", names, want)
	}
}

func TestAFolderThatOthersMayEnterIsRefused(t *testing.T) {
	dir := t.TempDir()
	if err := os.Chmod(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	if _, err := New(Options{Dir: dir}); err == nil {
		t.Error("a folder of mode 0755 was taken")
	}
	if _, err := New(Options{}); err == nil {
		t.Error("a queue without a folder was made")
	}
	if _, err := New(Options{Dir: filepath.Join(dir, "spool"), Workers: -1}); err == nil {
		t.Error("a negative bound was taken")
	}
	made := filepath.Join(dir, "a", "spool")
	if _, err := New(Options{Dir: made}); err != nil {
		t.Fatal(err)
	}
	if info, err := os.Stat(made); err != nil || info.Mode().Perm() != 0o700 {
		t.Errorf("the folder's mode is %v (%v)", info.Mode(), err)
	}
}

// A maker that does not look at what its writes say must not pass half a file
// for a whole one.
func TestAFailedWriteFailsTheJob(t *testing.T) {
	q, _ := start(t, Options{})
	f, err := q.spool.create()
	if err != nil {
		t.Fatal(err)
	}
	if err := f.file.Close(); err != nil {
		t.Fatal(err)
	}
	j := writing("agent-1", "a book")
	j.Make = func(_ context.Context, w io.Writer) (Made, error) {
		_, _ = io.WriteString(w, "a book")
		return Made{}, nil
	}
	j.Record = func(context.Context, Made) error { t.Error("it was recorded"); return nil }
	if _, err := perform(t.Context(), j, f); !errors.Is(err, os.ErrClosed) {
		t.Errorf("the job ends with %v", err)
	}
}
