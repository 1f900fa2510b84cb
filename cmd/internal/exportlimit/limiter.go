package exportlimit

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"sync"

	"golang.org/x/sync/semaphore"
)

var (
	// ErrFull is returned when too many exports wait, or no room is left for a file.
	ErrFull = errors.New("too many exports at once")
	// ErrTooMany is returned when the person already has as many exports as one may have.
	ErrTooMany = errors.New("too many exports of one person")
	// ErrShutdown is returned to whoever waits or joins after [Limiter.Drain].
	ErrShutdown = errors.New("exports have ended")
)

// Limits bound the exports. Zero means the default that the comment names.
type Limits struct {
	PerPerson  int    // exports of one person, from Join to Close: 3
	Waiting    int    // exports that are not being made yet: 5,000
	Concurrent int64  // books made at once: 2
	Rows       int64  // rows in memory at once: 120,000; a larger book is made alone
	Bytes      int64  // bytes of files, from the making to Close: 1 GiB
	Dir        string // where the files are made, for example the data folder
}

// Bytes that are reserved for a file before its size is known. A workbook takes
// about 40 KB and 150 bytes a row; a larger one must find room while it is written.
const (
	reservedPerFile = 64 << 10
	reservedPerRow  = 256
)

// Limiter is the line of those who wait for a book. It can be used by several
// goroutines at once.
type Limiter struct {
	limits                    Limits
	front, slots, rows, bytes *semaphore.Weighted // each serves in order of arrival

	drained context.Context
	drain   context.CancelFunc

	mu      sync.Mutex
	waiting int
	persons map[string]*person // those who have an export
}

// person is what one person has under way.
type person struct {
	exports int
	turn    *semaphore.Weighted // held while one of their books is in the line or being made
}

// New returns a limiter, and removes the empty files of a process that died
// before it could take their names.
func New(l Limits) (*Limiter, error) {
	l.PerPerson, l.Waiting = cmp.Or(l.PerPerson, 3), cmp.Or(l.Waiting, 5000)
	l.Concurrent, l.Rows, l.Bytes = cmp.Or(l.Concurrent, 2), cmp.Or(l.Rows, 120_000), cmp.Or(l.Bytes, 1<<30)
	left, err := filepath.Glob(filepath.Join(l.Dir, ".export-*"))
	for _, name := range left {
		err = errors.Join(err, os.Remove(name))
	}
	if err != nil {
		return nil, fmt.Errorf("removing what an earlier export left: %w", err)
	}
	n := &Limiter{
		limits: l, persons: map[string]*person{},
		front: semaphore.NewWeighted(1), slots: semaphore.NewWeighted(l.Concurrent),
		rows: semaphore.NewWeighted(l.Rows), bytes: semaphore.NewWeighted(l.Bytes),
	}
	n.drained, n.drain = context.WithCancel(context.Background())
	return n, nil
}

// Drain sends away everybody who waits. Books that are being made go on.
func (l *Limiter) Drain() { l.drain() }

// Export is one export, from its place in line to its delivery. It is used by
// one goroutine and must be closed.
type Export struct {
	limiter  *Limiter
	name     string
	person   *person
	rows     int64
	waiting  bool
	acquired map[*semaphore.Weighted]int64
	file     *os.File
	size     int64
}

// Join lets a person wait for a book of so many rows. The error is ErrFull,
// ErrTooMany or ErrEnded.
func (l *Limiter) Join(name string, rows int) (*Export, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	p := l.persons[name]
	switch {
	case l.drained.Err() != nil:
		return nil, ErrShutdown
	case p != nil && p.exports == l.limits.PerPerson:
		return nil, ErrTooMany
	case l.waiting == l.limits.Waiting:
		return nil, ErrFull
	case p == nil:
		p = &person{turn: semaphore.NewWeighted(1)}
		l.persons[name] = p
	}
	p.exports++
	l.waiting++
	return &Export{limiter: l, name: name, person: p, rows: max(1, int64(rows)), waiting: true, acquired: map[*semaphore.Weighted]int64{}}, nil
}

// Wait returns when the book may be made, and opens its file for writing. The
// error is that of ctx, ErrEnded, or that of the file.
func (x *Export) Wait(ctx context.Context) error {
	defer x.stopWaiting()
	l := x.limiter
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	defer context.AfterFunc(l.drained, func() { cancel(ErrShutdown) })()
	// The head of the line waits for a maker, for rows and for bytes, and
	// everybody else waits behind it.
	for _, need := range [...]struct {
		of *semaphore.Weighted
		n  int64
	}{{x.person.turn, 1}, {l.front, 1}, {l.bytes, min(reservedPerFile+x.rows*reservedPerRow, l.limits.Bytes)}, {l.slots, 1}, {l.rows, min(x.rows, l.limits.Rows)}} {
		if need.of.Acquire(ctx, need.n) != nil {
			return context.Cause(ctx)
		}
		x.acquired[need.of] = need.n
	}
	x.release(l.front)
	return x.create()
}

// create makes a file that has no name, and which only this user can read.
func (x *Export) create() (err error) {
	if x.file, err = os.CreateTemp(x.limiter.limits.Dir, ".export-*"); err != nil {
		return fmt.Errorf("making the file of an export: %w", err)
	}
	// A crash here leaves an empty file, which New removes.
	if err := os.Remove(x.file.Name()); err != nil {
		return fmt.Errorf("taking the name of an export's file: %w", err)
	}
	return nil
}

// Write adds to the file. The error is ErrFull where the file outgrows what was
// reserved for it and the other files take all the room.
func (x *Export) Write(p []byte) (int, error) {
	l := x.limiter
	if more := x.size + int64(len(p)) - x.acquired[l.bytes]; more > 0 {
		if !l.bytes.TryAcquire(more) {
			return 0, ErrFull
		}
		x.acquired[l.bytes] += more
	}
	n, err := x.file.Write(p)
	x.size += int64(n)
	return n, err
}

// Finish lets the next book be made. From now on the file can be read, from its
// beginning.
func (x *Export) Finish() error {
	l := x.limiter
	x.release(l.slots, l.rows, x.person.turn)
	l.bytes.Release(x.acquired[l.bytes] - x.size)
	x.acquired[l.bytes] = x.size
	_, err := x.file.Seek(0, io.SeekStart)
	return err
}

// Read reads the file.
func (x *Export) Read(p []byte) (int, error) { return x.file.Read(p) }

// Close ends the export, however far it has come. Closing again does nothing.
func (x *Export) Close() error {
	if x.person == nil {
		return nil
	}
	x.stopWaiting()
	l := x.limiter
	x.release(l.front, l.slots, l.rows, l.bytes, x.person.turn)
	l.mu.Lock()
	defer l.mu.Unlock()
	if x.person.exports--; x.person.exports == 0 {
		delete(l.persons, x.name)
	}
	x.person = nil
	if x.file == nil {
		return nil
	}
	return x.file.Close()
}

func (x *Export) release(all ...*semaphore.Weighted) {
	for _, s := range all {
		s.Release(x.acquired[s])
		delete(x.acquired, s)
	}
}

func (x *Export) stopWaiting() {
	if x.waiting {
		x.waiting = false
		x.limiter.mu.Lock()
		x.limiter.waiting--
		x.limiter.mu.Unlock()
	}
}
