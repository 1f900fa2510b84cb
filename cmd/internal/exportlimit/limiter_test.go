package exportlimit

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// model is a limiter with a model of its expected state. Times are those of a
// synctest bubble, in which two random times are never equal.
type model struct {
	t testing.TB
	*Limiter
	mu      sync.Mutex
	exports map[string]int // the exports of each person
	making  map[string]int
	waiting int
	rows    int64
	bytes   int64
	freeAt  map[string]time.Time // when the person's previous export was made or left the queue
	started [][2]time.Time       // for each export, when it joined and when its book started
	seen    map[string]int       // how often each outcome occurred
}

func newModel(t testing.TB, l Limits) *model {
	t.Helper()
	l.Dir = t.TempDir()
	n, err := New(l)
	must(t, err)
	return &model{t: t, Limiter: n, exports: map[string]int{}, making: map[string]int{}, freeAt: map[string]time.Time{}, seen: map[string]int{}}
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// update changes the model and checks the limits.
func (n *model) update(f func()) {
	n.mu.Lock()
	defer n.mu.Unlock()
	f()
	making := 0
	for name, m := range n.making {
		if making += m; m > 1 {
			n.t.Errorf("%s: got %d books at once, want 1", name, m)
		}
	}
	if making > int(n.limits.Concurrent) || n.rows > n.limits.Rows && making > 1 || n.bytes > n.limits.Bytes {
		n.t.Errorf("limit exceeded: %d books with %d rows at once, files with %d bytes", making, n.rows, n.bytes)
	}
}

// plan is the random behavior of one export.
type plan struct {
	name                    string
	rows, size              int
	patience, make, deliver time.Duration
}

func (n *model) draw(r *rand.Rand) plan {
	span := func(most time.Duration) time.Duration { return 1 + time.Duration(r.Int64N(int64(most))) }
	p := plan{name: fmt.Sprint("P-", r.IntN(12)), rows: r.IntN(150), patience: 5 * time.Second, make: span(time.Second), deliver: span(time.Second)}
	switch r.IntN(10) {
	case 0:
		p.rows = 900 // more than the limit of rows
	case 1:
		p.patience = span(time.Second)
	case 2:
		p.deliver = span(20 * time.Second) // a slow client
	}
	p.size = r.IntN(2 * (reservedPerFile + p.rows*reservedPerRow))
	return p
}

// join joins the queue and checks the error.
func (n *model) join(p plan) *Export {
	n.mu.Lock()
	exports, waiting := n.exports[p.name], n.waiting
	n.mu.Unlock()
	x, err := n.Join(p.name, p.rows)
	var want error
	if exports == n.limits.PerPerson {
		want = ErrTooMany
	} else if waiting == n.limits.Waiting {
		want = ErrFull
	}
	if err != want {
		n.t.Fatalf("Join(%s) with %d exports and %d waiting: got %v, want %v", p.name, exports, waiting, err, want)
	}
	if err != nil {
		n.update(func() { n.seen[err.Error()]++ })
		return nil
	}
	n.update(func() { n.exports[p.name]++; n.waiting++ })
	return x
}

// run executes a plan until the export succeeds or fails.
func (n *model) run(x *Export, p plan) {
	came := time.Now()
	defer n.update(func() { n.exports[p.name]-- })
	defer x.Close()
	ctx, cancel := context.WithTimeout(n.t.Context(), p.patience)
	defer cancel()
	if err := x.Wait(ctx); err != nil {
		n.update(func() {
			n.waiting--
			n.seen[err.Error()]++
			if x.acquired[x.person.turn] > 0 {
				n.freeAt[p.name] = time.Now()
			}
		})
		return
	}
	n.update(func() {
		n.waiting--
		n.making[p.name]++
		n.rows += x.rows
		if left := n.freeAt[p.name]; left.After(came) {
			came = left
		}
		n.started = append(n.started, [2]time.Time{came, time.Now()})
	})
	err := n.make(ctx, x, p)
	n.update(func() {
		n.making[p.name]--
		n.rows -= x.rows
		n.freeAt[p.name] = time.Now()
		if err != nil {
			n.seen[err.Error()]++
		}
	})
	if err == nil {
		must(n.t, x.Finish())
		time.Sleep(p.deliver)
		text, err := io.ReadAll(x)
		if err != nil || len(text) != p.size {
			n.t.Errorf("got %[2]d bytes (%[3]v), want %[1]d", p.size, len(text), err)
		}
	}
	n.update(func() { n.bytes -= x.size })
}

// make writes the file in four parts.
func (n *model) make(ctx context.Context, x *Export, p plan) error {
	for i := range 4 {
		time.Sleep(p.make / 4)
		m, err := x.Write(make([]byte, p.size*(i+1)/4-p.size*i/4))
		n.update(func() { n.bytes += int64(m) })
		if err = errors.Join(err, ctx.Err()); err != nil {
			return err
		}
	}
	return nil
}

// TestQueueIsFairAndBounded runs exports that wait, give up, fail or are slow, at
// random. It checks that books start in order, that no limit is exceeded, and that
// all resources are free at the end.
func TestQueueIsFairAndBounded(t *testing.T) {
	seed, seen := rand.Uint64(), map[string]int{}
	for run := range 10 {
		synctest.Test(t, func(t *testing.T) {
			r := rand.New(rand.NewPCG(seed, uint64(run)))
			n := newModel(t, Limits{Waiting: 20, Rows: 300, Bytes: 2 << 20, PerPerson: 3, Concurrent: 1 + r.Int64N(4)})
			var all sync.WaitGroup
			for range 300 {
				time.Sleep(time.Duration(r.Int64N(int64(200 * time.Millisecond))))
				synctest.Wait()
				p := n.draw(r)
				if x := n.join(p); x != nil {
					all.Go(func() { n.run(x, p) })
				}
			}
			all.Wait()
			n.wantIdle()
			slices.SortFunc(n.started, func(a, b [2]time.Time) int { return a[0].Compare(b[0]) })
			if !slices.IsSortedFunc(n.started, func(a, b [2]time.Time) int { return a[1].Compare(b[1]) }) {
				t.Errorf("seed %d, run %d: an export was overtaken: %v", seed, run, n.started)
			}
			seen["started"] += len(n.started)
			for what, often := range n.seen {
				seen[what] += often
			}
			if t.Failed() {
				t.Fatalf("seed %d, run %d", seed, run)
			}
		})
	}
	if seen["started"] < 100 || len(seen) < 4 {
		t.Errorf("seed %d: too few cases were tried: %v", seed, seen)
	}
}

// wantIdle checks that all resources are free.
func (n *model) wantIdle() {
	n.t.Helper()
	files, err := os.ReadDir(n.limits.Dir)
	if err != nil || len(files) > 0 || n.Limiter.waiting != 0 || len(n.persons) != 0 ||
		!n.front.TryAcquire(1) || !n.slots.TryAcquire(n.limits.Concurrent) || !n.Limiter.rows.TryAcquire(n.limits.Rows) || !n.Limiter.bytes.TryAcquire(n.limits.Bytes) {
		n.t.Errorf("resources are not free: %d waiting, %d persons, files %v (%v)", n.Limiter.waiting, len(n.persons), files, err)
	}
}

// TestDrain checks that waiting exports end, and that a book in progress is
// finished.
func TestDrain(t *testing.T) {
	n := newModel(t, Limits{Concurrent: 1})
	first, err := n.Join("P-1", 1)
	must(t, err)
	must(t, first.Wait(t.Context()))
	second, err := n.Join("P-2", 1)
	must(t, err)
	ended := make(chan error, 1)
	go func() { ended <- second.Wait(t.Context()) }()
	n.Drain()
	if err := <-ended; err != ErrShutdown {
		t.Errorf("Wait: got %v, want ErrShutdown", err)
	}
	if _, err := n.Join("P-3", 1); err != ErrShutdown {
		t.Errorf("Join: got %v, want ErrShutdown", err)
	}
	_, err = io.WriteString(first, "a book")
	must(t, errors.Join(err, first.Finish()))
	if text, err := io.ReadAll(first); string(text) != "a book" || err != nil {
		t.Errorf("the book in progress: got %q (%v)", text, err)
	}
	must(t, errors.Join(first.Close(), second.Close(), first.Close()))
	n.wantIdle()
}

// TestFileHasNoName checks that a file has no name, that other users cannot read it,
// and that New removes the file of a crashed process.
func TestFileHasNoName(t *testing.T) {
	n := newModel(t, Limits{})
	x, err := n.Join("P-1", 1)
	must(t, errors.Join(err, x.Wait(t.Context())))
	info, err := x.file.Stat()
	must(t, err)
	if names, err := os.ReadDir(n.limits.Dir); info.Mode().Perm() != 0o600 || len(names) != 0 || err != nil {
		t.Errorf("the file has mode %v, the folder contains %v (%v)", info.Mode(), names, err)
	}
	must(t, x.Close())
	if _, err := x.file.Stat(); !errors.Is(err, os.ErrClosed) {
		t.Errorf("the file of a closed export: got %v, want os.ErrClosed", err)
	}
	left := filepath.Join(n.limits.Dir, ".export-123")
	must(t, os.WriteFile(left, nil, 0o600))
	if _, err = New(n.limits); err != nil {
		t.Fatal(err)
	}
	n.wantIdle()
}
